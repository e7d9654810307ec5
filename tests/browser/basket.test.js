// Next basket.

import assert from "node:assert/strict";

import { ask, open, shows, text, withPage } from "./browser.js";

const it = withPage();

const listed = (page) => page.$$eval(".basket > li:not(.basket-cut)", (items) => items.map((item) => ({
  name: item.querySelector(".basket-product b").textContent,
  score: Number(item.querySelector(".basket-score").dataset.score),
  likely: item.classList.contains("likely"),
})));

it("lists what a customer will buy again as the service ranks it, with rhythm and one reason each", async (page, { origin }) => {
  await open(page, origin, "#/basket?user=7&limit=5");
  const { recommendations, stored } = await ask(origin, "/recommend/7?limit=5");
  assert.deepEqual(await listed(page), recommendations.map(({ product_name: name, score, likely }) => ({ name, score, likely })));
  await shows(page, ".eyebrow", new RegExp(`^Customer 7 · 5 of ${stored}\\sproducts bought before$`));
  await shows(page, ".basket-foot", new RegExp(`expected purchases\\. Days are estimates.*Show the other ${stored - 5}`));
  const { feature_names: names } = await ask(origin, "/model");
  const { explanations } = await ask(origin, "/explain/pair", recommendations.map(({ product_id }) => `7,${product_id}`).join("\n"));
  const rhythms = await page.$$eval(".basket-product small", (all) => all.map((one) => one.textContent.replaceAll("\u00a0", " ")));
  explanations.forEach(({ values }, at) => {
    const of = (name) => values[names.indexOf(name)];
    const every = Math.round(((of("user_orders") - of("up_first_order") + 1) / of("up_orders")) * of("user_mean_days_since_prior"));
    const ago = Math.round(of("up_orders_since_last_order") * of("user_mean_days_since_prior"));
    if (of("up_orders") > 1 && ago > 0) assert.equal(rhythms[at], `Usually every ${every} days, last about ${ago} days before the latest order`);
    if (of("up_orders") > 1 && ago === 0) assert.equal(rhythms[at], `Usually every ${every} days, last in the latest order`);
  });
  assert.equal((await page.$$(".basket-reason .triangle")).length, 5);
  await page.click(".basket-foot .quiet");
  await page.waitForFunction((stored) => document.querySelectorAll(".basket > li:not(.basket-cut)").length === stored, {}, stored);
});

it("counts what is likely anew when the threshold moves, draws the line there, and has it in the link", async (page, { origin }) => {
  await open(page, origin, "#/basket?user=7&limit=10");
  const { recommendations } = await ask(origin, "/recommend/7?limit=10");
  const above = Math.round(recommendations[4].score * 200) / 200;
  const expected = recommendations.filter(({ score }) => score > above).length;
  assert.ok(expected > 0 && expected < 10, "the demo has both");
  await page.waitForSelector(".axis.small input");
  await page.$eval(".axis.small input", (slider, above) => {
    slider.value = above;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }, above);
  await shows(page, ".lede", new RegExp(`^${expected} of these 10 (is|are) likely, with a score above ${Number((above * 100).toFixed(1))}\\s%\\.$`));
  assert.equal((await listed(page)).filter(({ likely }) => likely).length, expected);
  assert.equal(await page.$$eval(".basket > li", (items) => items.findIndex((item) => item.classList.contains("basket-cut"))), expected);
  await page.waitForFunction((text) => location.hash.includes(text), {}, `above=${Number((above * 100).toFixed(1))}`);
  await page.reload();
  await shows(page, ".lede", new RegExp(`^${expected} of these 10 `));
  await page.click(".own-threshold button");
  await shows(page, ".threshold-label", /20\s%$/);
});

it("leads from a product to its reason and back, and the focus goes along", async (page, { origin }) => {
  await open(page, origin, "#/basket?user=7");
  await page.waitForSelector(".basket a");
  const name = await text(page, ".basket-product b");
  await page.focus(".basket a");
  await page.keyboard.press("Enter");
  await shows(page, ".answer h1", new RegExp(name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  await page.goBack();
  await page.waitForSelector(".basket li");
});

it("says that a customer is unknown, and that a number of products is none", async (page, { origin }) => {
  await open(page, origin, "#/basket?user=nobody");
  await shows(page, ".trouble h1", /No features are stored for this user/);
  assert.equal(await page.$(".trouble button"), null, "another try would not help");
  await page.click(".fold summary");
  await shows(page, ".fold pre", /unknown_user.*request /s);
  await open(page, origin, "#/basket?user=7&limit=0");
  await shows(page, ".trouble", /expected a whole number from 1 to 1000/i);
}, { expectedErrors: [/404|400|422/] });

it("asks whose basket where none is named", async (page, { origin }) => {
  await open(page, origin);
  await page.click('[data-tab="basket"]');
  await shows(page, "h1", /Whose next basket/);
  await page.click(".customers a");
  await page.waitForSelector(".basket li");
});
