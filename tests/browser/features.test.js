// Features.

import assert from "node:assert/strict";

import { ask, fill, open, shows, text, withPage } from "./browser.js";

const it = withPage();

const RECORDED =
  "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";

it("scores the recorded payload, with the number that the service gives", async (page, { origin }) => {
  await open(page, origin);
  await page.click('[data-view="features"]');
  await fill(page, "#features-rows", RECORDED);
  await page.click("#form-features .primary");
  const { predictions: [{ score, likely }] } = await ask(origin, "/predict", RECORDED);
  assert.equal(await text(page, "#answer-features .score .exact"), String(score));
  const verdict = await text(page, "#answer-features .verdict");
  assert.equal(verdict, `This customer is ${likely ? "likely" : "unlikely"} to buy this product again`);
});

it("says which column of a row is wrong", async (page, { origin }) => {
  await open(page, origin, "#/features");
  await fill(page, "#features-rows", RECORDED.replace("3418", "many"));
  await page.click("#form-features .primary");
  await shows(page, "#answer-features .notice", /column 3 \(user_period\): "many" is not a number/i);
});
