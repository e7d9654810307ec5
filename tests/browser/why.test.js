// Why: the waterfall of contributions.

import assert from "node:assert/strict";

import { ask, intercept, json, open, shows, withPage } from "./browser.js";

const it = withPage();

it("shows the exact contributions, largest first, from the base to the margin", async (page, { origin }) => {
  await open(page, origin, "#/pair?user=1&product=1000");
  await page.waitForSelector("#answer-pair .waterfall");
  const { explanations: [{ base, margin, contributions, values, score }] } = await ask(origin, "/explain/pair", "1,1000");
  const steps = await page.$$eval("#answer-pair .step:not(.others)", (steps) => steps.map((step) => Number(step.querySelector(".step-change").title)));
  assert.equal(steps[0], base);
  assert.equal(steps.at(-1), margin);
  assert.deepEqual(steps.slice(1, -1), contributions.toSorted((left, right) => Math.abs(right) - Math.abs(left)));
  assert.ok(Math.abs(base + contributions.reduce((sum, one) => sum + one, 0) - margin) < 1e-5, "the steps add up");

  const ends = await page.$$eval("#answer-pair .step.end .step-value", (ends) => ends.map((end) => end.textContent));
  const percent = (probability) => `${(probability * 100).toFixed(1)} %`;
  assert.deepEqual(ends, [percent(1 / (1 + Math.exp(-base))), percent(score)]);

  const largest = contributions.reduce((best, one, at) => (Math.abs(one) > Math.abs(contributions[best]) ? at : best), 0);
  const shownValue = await page.$eval("#answer-pair .step:nth-child(2) .step-value", (value) => value.textContent);
  assert.equal(Number(shownValue), Number(values[largest].toPrecision(4)));
});

it("draws each step from where the one before ended", async (page, { origin }) => {
  await open(page, origin, "#/pair?user=1&product=2");
  await page.waitForSelector("#answer-pair .waterfall");
  await page.click("#answer-pair .why button");
  const bars = await page.$$eval("#answer-pair .step:not(.others) .step-bar i", (bars) => bars.map((bar) => {
    const { left, right } = bar.getBoundingClientRect();
    return { left, right, down: bar.parentElement.classList.contains("down"), point: bar.parentElement.classList.contains("point") };
  }));
  let reached = (bars[0].left + bars[0].right) / 2;
  for (const { left, right, down, point } of bars.slice(1)) {
    const [from, to] = point ? [(left + right) / 2, (left + right) / 2] : down ? [right, left] : [left, right];
    assert.ok(Math.abs(from - reached) < 3, `a step begins at ${from}, the one before ended at ${reached}`);
    reached = to;
  }
});

it("shows the first features, and all of them on request", async (page, { origin }) => {
  await open(page, origin, "#/pair?user=1&product=2");
  await page.waitForSelector("#answer-pair .waterfall");
  const visible = () => page.$$eval("#answer-pair .step:not(.end)", (steps) => steps.filter((step) => step.checkVisibility()).map((step) => step.querySelector(".step-name").textContent));
  assert.equal((await visible()).length, 7);
  assert.match((await visible()).at(-1), /^12 other features$/);
  await page.click("#answer-pair .why button");
  assert.equal((await visible()).length, 18);
  assert.equal(await page.$eval("#answer-pair .why button", (button) => button.getAttribute("aria-expanded")), "true");
});

it("says so when the scorer cannot explain, and scores all the same", async (page, { origin }) => {
  const model = await ask(origin, "/model");
  model.capabilities.explain = false;
  model.backends.scorer = "sagemaker";
  await intercept(page, "/model", () => json(model));
  await open(page, origin, "#/pair?user=1&product=2");
  await shows(page, "#answer-pair .no-reasons", /the scorer in use \(sagemaker\) gives scores alone/);
  const { predictions: [{ score }] } = await ask(origin, "/predict/pair", "1,2");
  await shows(page, "#answer-pair .score .exact", new RegExp(`^${score}$`));
  assert.equal(await page.$("#answer-pair .waterfall"), null);
});
