// The command field: everything can be asked for in one place, by keyboard alone.

import assert from "node:assert/strict";

import { ask, askFor, intercept, json, open, paste, score, settle, shows, withPage } from "./browser.js";

const it = withPage();

const RECORDED =
  "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";
const options = (page, id = "ask-start") => page.$$eval(`#${id}-list [role=option]`, (all) => all.map((option) => option.textContent));

it("takes the recorded payload, Enter, and says a sentence", async (page, { origin }) => {
  await open(page, origin);
  assert.equal(await paste(page, "#ask-start", `${RECORDED}\n`), false, "one line is pasted as text");
  await page.keyboard.press("Enter");
  const { predictions: [{ score: expected, likely }] } = await ask(origin, "/predict", RECORDED);
  assert.equal(await score(page), expected);
  await shows(page, ".hero .pill", likely ? /^likely above 20/ : /^unlikely needs more than 20/);
  await shows(page, ".reason", /^Mainly because it is in only 1 of the 47 orders since they first bought it, and they have not bought it in their last 46\sorders\.$/);
  assert.equal(await page.$eval("#ask", (input) => input.value), RECORDED);
});

it("takes the recorded payload in a box of several lines, too", async (page, { origin }) => {
  await open(page, origin, "#/batch");
  await paste(page, "#rows", RECORDED);
  await page.keyboard.press("Enter");
  const { predictions: [{ score: expected }] } = await ask(origin, "/predict", RECORDED);
  assert.equal(await score(page), expected);
});

it("takes a pair, a customer, and comes back", async (page, { origin }) => {
  await open(page, origin);
  await askFor(page, "customer 1, product 2");
  const { predictions: [{ score: expected }] } = await ask(origin, "/predict/pair", "1,2");
  assert.equal(await score(page), expected);
  assert.equal(await page.evaluate(() => location.hash), "#/pair?user=1&product=2");
  await askFor(page, "1, 1000");
  await shows(page, ".eyebrow", /product 1000/);
  await askFor(page, "7");
  await shows(page, "h1", /What they will buy again/);
  assert.equal(await page.evaluate(() => location.hash), "#/basket?user=7");
  await page.goBack();
  await shows(page, ".eyebrow", /product 1000/);
  assert.equal(await page.$eval("#ask", (input) => input.value), "customer 1, product 1000");
  assert.match(await page.title(), /^60\.9\s% Harbor Valley Apple Baby Cereal – imba$/);
});

it("never guesses a score of a pasted row: the width, the header and the column are named", async (page, { origin }) => {
  const { feature_names: names } = await ask(origin, "/model");
  const asked = [];
  page.on("request", (request) => request.method() === "POST" && asked.push(request.url()));
  const cells = RECORDED.split(",");
  for (const [given, said] of [
    [`${names.join(",")}\n${cells.slice(0, 17).join(",")}`, /^This row has 17 values, its header has 18 names/],
    [`${names.join(",")}\n${RECORDED},1`, /^This row has 19 values, its header has 18 names/],
    [`${names.join(",")},up_orders\n${RECORDED},1`, /^The header names up_orders twice/],
    [cells.slice(0, 17).join(","), /^This row has 17 values, the model takes 18/],
    [`${RECORDED},1`, /^This row has 19 values, the model takes 18/],
    [RECORDED.replace("3418", "many"), /^Days, added up over items: “many” is not a number/],
  ]) {
    await open(page, origin, "");
    await page.waitForSelector(".examples a");
    asked.length = 0;
    await paste(page, "#ask-start", given);
    await page.keyboard.press("Enter");
    await shows(page, "h1", said);
    assert.deepEqual(asked, [], "nothing was scored");
  }
});

it("reorders a row by its header, and says how it understood a pasted block before it is sent", async (page, { origin }) => {
  const { feature_names: names } = await ask(origin, "/model");
  await open(page, origin);
  const block = `${names.toReversed().join(";")}\r\n${RECORDED.split(",").toReversed().join(";").replaceAll(".", ",")}\r\n`;
  assert.equal(await paste(page, "#ask-start", block), true);
  assert.equal(await page.$eval("#ask-start", (input) => input.value), "1 row · semicolons · decimal comma · header of names");
  assert.deepEqual(await options(page), ["Score 1 row · semicolons · decimal comma · header of namesEnter"]);
  await page.keyboard.press("Enter");
  const { predictions: [{ score: expected }] } = await ask(origin, "/predict", RECORDED);
  assert.equal(await score(page), expected);
});

it("suggests customers and products, and takes what is typed unless a suggestion is chosen", async (page, { origin }) => {
  await open(page, origin);
  await page.type("#ask-start", "7");
  await page.waitForSelector("#ask-start-list[data-for='7']:not([hidden])");
  const { users } = await ask(origin, "/users?prefix=7&limit=6");
  assert.deepEqual(await options(page), users.map((user) => `Customer ${user}next basket`));
  await page.keyboard.press("Enter");
  await shows(page, ".eyebrow", /^Customer 7 ·/);

  const { recommendations } = await ask(origin, "/recommend/7?limit=1000");
  const wanted = recommendations[3];
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "ask");
  await settle(page);
  const typed = `7, ${wanted.product_name.slice(0, 14)}`;
  await page.keyboard.type(typed);
  await page.waitForSelector(`#ask-list[data-for=${JSON.stringify(typed)}] [role=group][aria-label="Products of customer 7"]`);
  const found = await options(page, "ask");
  const place = found.findIndex((option) => option.startsWith(wanted.product_name));
  for (let at = 0; at <= place; at += 1) await page.keyboard.press("ArrowDown");
  assert.equal(await page.$eval("#ask", (input) => document.getElementById(input.getAttribute("aria-activedescendant")).getAttribute("aria-selected")), "true");
  await page.keyboard.press("Enter");
  assert.equal(await score(page), wanted.score);
});

it("closes its list with Escape and when the reader goes elsewhere; it covers no other field", async (page, { origin }) => {
  await open(page, origin, "#/pair?user=1&product=2");
  await page.waitForSelector(".compare #compare");
  await page.focus("#ask");
  await settle(page);
  await page.keyboard.type("7");
  await page.waitForSelector("#ask-list:not([hidden])");
  await page.keyboard.press("Escape");
  assert.equal(await page.$eval("#ask-list", (list) => list.hidden), true);
  assert.equal(await page.$eval("#ask", (input) => input.value), "7");
  await page.keyboard.press("ArrowDown");
  await page.waitForSelector("#ask-list:not([hidden])");
  await page.focus("#compare");
  assert.equal(await page.$eval("#ask-list", (list) => list.hidden), true);
  assert.equal(await page.evaluate(() => location.hash), "#/pair?user=1&product=2");
});

it("suggests nothing where the store cannot list, and works all the same", async (page, { origin }) => {
  const model = await ask(origin, "/model");
  model.capabilities.list_users = false;
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  intercept(page, "/model", () => json(model));
  await open(page, origin);
  await askFor(page, "1,2");
  await shows(page, ".eyebrow", /^Customer 1/);
  assert.ok(!asked.includes("/users"));
});

it("lists the answers of the session, and the start has three examples of which one is likely", async (page, { origin }) => {
  await open(page, origin, "#/pair?user=1&product=2");
  await score(page);
  await page.click(".mark");
  await page.waitForSelector(".examples a");
  const scores = await page.$$eval(".examples .example-score", (all) => all.map((one) => one.textContent));
  assert.equal(scores.length, 3);
  assert.equal(scores.filter((one) => one.endsWith(", likely")).length, 1);
  await shows(page, ".earlier-answers", /Northfield & Daughters Sea Salt Pretzels · customer 1\s*5\.4\s%/);
  await page.focus("#ask-start");
  await page.keyboard.press("ArrowDown");
  await page.waitForSelector("#ask-start-list:not([hidden])");
  assert.deepEqual(await options(page), ["Northfield & Daughters Sea Salt Pretzels5.4\u00a0%"]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await shows(page, "h1", /Sea Salt Pretzels/);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  await shows(page, "#spoken", /Sea Salt Pretzels: 5\.4\s%, unlikely\./);
});
