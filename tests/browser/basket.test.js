// Next basket.

import assert from "node:assert/strict";

import { ask, fill, open, shows, text, withPage } from "./browser.js";

const it = withPage();

const listed = (page) => page.$$eval("#answer-basket .basket li", (items) => items.map((item) => ({
  name: item.querySelector(".basket-name").textContent,
  id: item.querySelector(".basket-id").textContent,
  score: Number(item.querySelector(".basket-score").dataset.score),
  likely: item.classList.contains("likely"),
})));

it("ranks a customer's products, as the service does", async (page, { origin }) => {
  await open(page, origin);
  await page.click('[data-view="basket"]');
  await fill(page, "#basket-user", "7");
  await fill(page, "#basket-limit", "5");
  await page.click("#form-basket .primary");
  await page.waitForSelector("#answer-basket .basket li");
  const { recommendations, stored } = await ask(origin, "/recommend/7?limit=5");
  assert.deepEqual(await listed(page), recommendations.map(({ product_id, product_name, score, likely }) =>
    ({ name: product_name, id: product_id, score, likely })));
  await shows(page, "#answer-basket .about", new RegExp(`Customer 7 · 5 of ${stored} products`));
  assert.equal(await page.evaluate(() => location.hash), "#/basket?user=7&limit=5");
});

it("counts what is likely anew when the threshold moves, and remembers the threshold", async (page, { origin }) => {
  await open(page, origin, "#/basket?user=7&limit=10");
  const { recommendations } = await ask(origin, "/recommend/7?limit=10");
  const chosen = 0.5;
  const expected = recommendations.filter(({ score }) => score > chosen).length;
  await page.waitForSelector("#answer-basket input[type=range]");
  await page.$eval("#answer-basket input[type=range]", (slider, chosen) => {
    slider.value = chosen;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }, chosen);
  await shows(page, "#answer-basket .verdict", new RegExp(`^${expected} of these 10 `));
  assert.equal((await listed(page)).filter(({ likely }) => likely).length, expected);

  await page.reload();
  await shows(page, "#answer-basket .verdict", new RegExp(`^${expected} of these 10 `));
  await page.click("#answer-basket .threshold button");
  await shows(page, "#answer-basket .threshold .exact", /^0\.2$/);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
});

it("leads from a product to its reason and back", async (page, { origin }) => {
  await open(page, origin, "#/basket?user=7");
  await page.waitForSelector("#answer-basket .basket a");
  const name = await text(page, "#answer-basket .basket a");
  await page.click("#answer-basket .basket a");
  assert.equal(await page.evaluate(() => document.activeElement.id), "title-pair", "the focus is not lost");
  await shows(page, "#answer-pair .about b", new RegExp(name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  await page.goBack();
  await page.waitForSelector("#view-basket:not([hidden]) .basket li");
});

it("says that a customer is unknown", async (page, { origin }) => {
  await open(page, origin, "#/basket?user=nobody");
  await shows(page, "#answer-basket .notice h3", /No features are stored for this user/);
  await shows(page, "#answer-basket .notice", /Request id/);
  assert.equal(await page.$("#answer-basket .notice button"), null, "another try would not help");
}, { expectedErrors: [/404/] });

it("says that a number of products is none", async (page, { origin }) => {
  await open(page, origin, "#/basket");
  await page.type("#basket-user", "7");
  await fill(page, "#basket-limit", "0");
  await page.click("#form-basket .primary");
  assert.equal(await text(page, "#basket-limit-error"), "Expected a whole number from 1 to 1000.");
});
