// Customer & product.

import assert from "node:assert/strict";

import { ask, fill, open, press, shows, text, withPage } from "./browser.js";

const it = withPage();

it("scores a pair, with the number that the service gives", async (page, { origin }) => {
  await open(page, origin);
  await fill(page, "#pair-user", "1");
  await fill(page, "#pair-product", "2");
  await press(page, "#form-pair .primary");
  await shows(page, "#answer-pair .verdict", /^This customer is (un)?likely to buy this product again$/);

  const { predictions: [{ score, likely }], threshold } = await ask(origin, "/predict/pair", "1,2");
  assert.equal(await text(page, "#answer-pair .score .exact"), String(score));
  assert.equal(await text(page, "#answer-pair .threshold .exact"), String(threshold));
  assert.equal(likely, score > threshold);
  const verdict = await text(page, "#answer-pair .verdict");
  assert.equal(verdict.includes("unlikely"), !likely);
});

it("says likely where the service says likely", async (page, { origin }) => {
  const pairs = [110, 123, 2, 73].map((product) => `1,${product}`).join("\n");
  const { predictions } = await ask(origin, "/predict/pair", pairs);
  const likely = predictions.find((prediction) => prediction.likely);
  assert.ok(likely, "the demo has a likely pair");
  await open(page, origin, `#/pair?user=1&product=${likely.product_id}`);
  assert.equal(await text(page, "#answer-pair .verdict"), "This customer is likely to buy this product again");
});

it("has an address that can be shared, and the back button works", async (page, { origin }) => {
  await open(page, origin, "#/pair?user=1&product=2");
  await shows(page, "#answer-pair .about", /Customer 1 · .+ \(product 2\)/);
  await fill(page, "#pair-product", "73");
  await page.keyboard.press("Enter");
  await shows(page, "#answer-pair .about", /\(product 73\)/);
  assert.equal(await page.evaluate(() => location.hash), "#/pair?user=1&product=73");
  await page.goBack();
  await shows(page, "#answer-pair .about", /\(product 2\)/);
  assert.equal(await page.$eval("#pair-product", (input) => input.value), "2");
});

it("says what is missing where it is missing", async (page, { origin }) => {
  await open(page, origin);
  await page.type("#pair-user", "1");
  await press(page, "#form-pair .primary");
  assert.equal(await text(page, "#pair-product-error"), "Please fill in this field.");
  assert.equal(await page.evaluate(() => document.activeElement.id), "pair-product");
  await page.keyboard.type("2");
  assert.equal(await page.$eval("#pair-product-error", (element) => element.textContent), "");
});

it("says that a pair is unknown, and shows hostile ids as text", async (page, { origin }) => {
  const hostile = "<img src=x onerror=alert(1)>";
  await open(page, origin, `#/pair?user=${encodeURIComponent(hostile)}&product=2`);
  await shows(page, "#answer-pair .notice", /No features are stored for user <img src=x onerror=alert\(1\)>, product 2/);
  assert.equal(await page.$eval("#pair-user", (input) => input.value), hostile);
  assert.equal(await page.$("#answer-pair img"), null);
});
