// Suggestions for users and products.

import assert from "node:assert/strict";

import { ask, intercept, json, open, shows, withPage } from "./browser.js";

const it = withPage();

const options = (page, list) => page.$$eval(`${list} [role=option]`, (options) => options.map((option) => option.dataset.value));

it("goes from a customer to an answer by keyboard alone", async (page, { origin }) => {
  await open(page, origin);
  await page.focus("#pair-user");
  await page.keyboard.type("1");
  await page.waitForSelector("#pair-user-list:not([hidden])");
  const { users } = await ask(origin, "/users?prefix=1&limit=8");
  assert.deepEqual(await options(page, "#pair-user-list"), users);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.$eval("#pair-user", (input) => document.getElementById(input.getAttribute("aria-activedescendant")).dataset.value), users[1]);
  await page.keyboard.press("Enter");
  assert.equal(await page.$eval("#pair-user", (input) => input.value), users[1]);
  assert.equal(await page.evaluate(() => document.activeElement.id), "pair-product");

  const { recommendations } = await ask(origin, `/recommend/${users[1]}?limit=1000`);
  const wanted = recommendations[3];
  await page.keyboard.type(wanted.product_name.slice(0, 12));
  await page.waitForSelector("#pair-product-list:not([hidden])");
  const found = await options(page, "#pair-product-list");
  assert.ok(found.includes(wanted.product_id));
  for (let at = 0; at <= found.indexOf(wanted.product_id); at += 1) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await shows(page, "#answer-pair .score .exact", new RegExp(`^${wanted.score}$`));
});

it("closes with Escape and takes a click", async (page, { origin }) => {
  await open(page, origin);
  await page.type("#pair-user", "10");
  await page.waitForSelector("#pair-user-list:not([hidden])");
  await page.keyboard.press("Escape");
  assert.equal(await page.$eval("#pair-user-list", (list) => list.hidden), true);
  assert.equal(await page.$eval("#pair-user", (input) => input.value), "10");
  await page.keyboard.press("ArrowDown");
  await page.waitForSelector("#pair-user-list:not([hidden])");
  await page.click("#pair-user-list [data-value='100']");
  assert.equal(await page.$eval("#pair-user", (input) => input.value), "100");
});

it("suggests nothing where the store cannot list, and works all the same", async (page, { origin }) => {
  const model = await ask(origin, "/model");
  model.capabilities.list_users = false;
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await intercept(page, "/model", () => json(model));
  await open(page, origin);
  await page.type("#pair-user", "1");
  await page.type("#pair-product", "2");
  await page.keyboard.press("Enter");
  await shows(page, "#answer-pair .about", /Customer 1/);
  assert.ok(!asked.includes("/users"));
});
