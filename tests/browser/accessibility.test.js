// Everyone can use it: axe-core in every mode and look, keyboard, narrow screens, print; and it is small.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { NARROW, intercept, json, open, shows, text, withPage } from "./browser.js";

const it = withPage();
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const ROW =
  "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";
const MODES = {
  "pair, empty": ["#/pair", "#answer-pair .empty"],
  "pair, answered": ["#/pair?user=1&product=2", "#answer-pair .waterfall"],
  "pair, unknown": ["#/pair?user=1&product=none", "#answer-pair .notice"],
  "basket, answered": ["#/basket?user=1", ".basket li"],
  "features, empty": ["#/features", "#answer-features .empty"],
  "features, answered": [`#/features?row=${ROW}`, "#answer-features .waterfall"],
};
const LOOKS = { light: ["light", undefined], dark: ["dark", undefined], narrow: ["light", NARROW] };

async function violations(page) {
  await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`);
}

for (const [look, [scheme, viewport]] of Object.entries(LOOKS)) {
  it(`has no axe violations: ${look}`, async (page, { origin }) => {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const [mode, [fragment, ready]] of Object.entries(MODES)) {
      await page.goto("about:blank");
      await open(page, origin, fragment);
      await page.waitForSelector(ready);
      assert.deepEqual(await violations(page), [], mode);
      const [wanted, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wanted <= room, `${mode}: ${wanted} px wide on a screen of ${room} px`);
    }
  }, { viewport });
}

it("has no axe violations: suggestions, table, key dialog", async (page, { origin }) => {
  await open(page, origin);
  await page.type("#pair-user", "1");
  await page.waitForSelector("#pair-user-list:not([hidden])");
  await page.keyboard.press("ArrowDown");
  assert.deepEqual(await violations(page), [], "suggestions");

  await open(page, origin, "#/features");
  await page.$eval("#features-rows", (area, rows) => (area.value = rows), `${ROW}\n1,2\n${ROW}`);
  await page.click("#form-features .primary");
  await page.waitForSelector(".scores");
  assert.deepEqual(await violations(page), [], "table");

  await intercept(page, "/explain/pair", () => json({ title: "?", detail: "" }, 401));
  await open(page, origin, "#/pair?user=1&product=2");
  await page.waitForSelector("#key[open]");
  assert.deepEqual(await violations(page), [], "key dialog");
}, { expectedErrors: [/401/] });

it("goes by keyboard alone from the first key to an answer, its details and the next basket", async (page, { origin }) => {
  await open(page, origin);
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the form");
  for (const stop of ["Customer & product", "Next basket", "Features", "pair-user"]) {
    await page.keyboard.press("Tab");
    assert.equal(await focused(), stop);
  }
  await page.keyboard.type("1");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "pair-product");
  await page.keyboard.type("2");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#answer-pair .waterfall");

  const until = async (name) => {
    for (let presses = 0; presses < 12; presses += 1) {
      await page.keyboard.press("Tab");
      const now = await page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim());
      if (now === name) return;
    }
    assert.fail(`the Tab key does not reach ${name}`);
  };
  await until("Threshold");
  await page.keyboard.press("Home");
  await shows(page, "#answer-pair .verdict", /is likely/);
  await until("Show all 18 features");
  await page.keyboard.press("Space");
  assert.equal(await page.$$eval("#answer-pair .step.rest", (steps) => steps.every((step) => step.checkVisibility())), true);
  await until("The customer’s next basket");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#answer-basket .basket li");
});

it("keeps the score in sight beside the sliders of a narrow screen", async (page, { origin }) => {
  await open(page, origin, `#/features?row=${ROW}`);
  await shows(page, "#features-live", /0\.35 % · unlikely/);
  await page.$eval("#feature-prod_reorder_ratio", (input) => input.scrollIntoView({ block: "center" }));
  const inSight = await page.$eval("#features-live", (live) => {
    const { top, bottom } = live.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
  assert.ok(inSight);
}, { viewport: NARROW });

it("prints the answer with all its reasons and without the controls", async (page, { origin }) => {
  await open(page, origin, "#/pair?user=1&product=2");
  await page.waitForSelector("#answer-pair .waterfall");
  await page.emulateMediaType("print");
  const visible = (selector) => page.$$eval(selector, (elements) => elements.filter((element) => element.checkVisibility()).length);
  assert.equal(await visible("#answer-pair .step"), 20);
  assert.equal(await visible("#answer-pair .verdict"), 1);
  assert.equal(await visible("nav, button, .links"), 1, "the empty nav only");
  assert.equal(await visible("nav a, button"), 0);
});

it("is smaller than 100 KB over the wire, with everything that it loads", async (page, { origin }) => {
  const session = await page.createCDPSession();
  await session.send("Network.enable");
  const sizes = new Map();
  const paths = new Map();
  session.on("Network.responseReceived", ({ requestId, response }) => paths.set(requestId, new URL(response.url).pathname));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => sizes.set(requestId, encodedDataLength));
  await open(page, origin, "#/pair?user=1&product=2");
  await text(page, "#answer-pair .verdict");
  await page.waitForNetworkIdle();
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  assert.ok(paths.size > 20, `only ${paths.size} files were seen`);
  assert.ok(total < 100_000, `${total} bytes`);
  console.log(`# ${paths.size} answers, ${total} bytes over the wire`);
});
