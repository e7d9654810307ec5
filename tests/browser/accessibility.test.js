// Everyone can use it: axe-core in every look, the keyboard alone, fingers, narrow screens, forced colours, print.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { NARROW, ask, drag, intercept, json, look, open, score, shows, still, withPage } from "./browser.js";

const it = withPage();
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const ROW =
  "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";
const TABLE = `note,up_orders\n`;
const STATES = {
  start: ["", ".examples a"],
  "answer, compared, changed, own threshold": ["#/pair?user=1&product=2&with=customer+1%2C+product+1000&above=30&open=up_orders_since_last_order&set=up_orders_since_last_order%3A3", ".versus"],
  "answer with notes": [`#/features?row=${ROW.replace(",57,", ",999,")}`, ".curve .score-line, .notes li"],
  "unknown pair": ["#/pair?user=1&product=none", ".instead a"],
  "wrong row": ["#/features?row=1,2,3", ".cells"],
  basket: ["#/basket?user=1&above=33", ".basket-cut"],
  "batch, empty": ["#/batch", "#rows"],
};
/** Every state in light and dark, whose colours differ; those with the most on them in the other looks. */
const RICH = ["start", "answer, compared, changed, own threshold", "basket"];
const LOOKS = { light: {}, dark: { scheme: "dark" }, "forced colours": { forced: true, states: RICH }, phone: { viewport: NARROW, states: RICH } };

async function violations(page) {
  await still(page);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`);
}

async function table(page, origin) {
  await open(page, origin, "#/batch");
  const { feature_names: names } = await ask(origin, "/model");
  await drag(page, "drop", "footer", "rows.csv", `note,${names.join(",")},bought\n${Array.from({ length: 30 }, (_, at) => `${TABLE.slice(0, 4)} ${at},${ROW.replace(",46,", `,${at},`)},${at % 2}`).join("\n")}\nwrong,1,2\n`);
  await page.waitForSelector(".rows-line .triangle");
  await page.$eval(".overview", (details) => (details.open = true));
  await page.waitForSelector(".swarm tbody tr");
}

for (const [name, options] of Object.entries(LOOKS)) {
  it(`has no axe violations and nothing wider than the screen: ${name}`, async (page, { origin }) => {
    await look(page, options);
    const check = async (state) => {
      assert.deepEqual(await violations(page), [], state);
      const [wanted, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(wanted <= room, `${state}: ${wanted} px wide on a screen of ${room} px`);
    };
    for (const [state, [fragment, ready]] of Object.entries(STATES)) {
      if (options.states && !options.states.includes(state)) continue;
      await open(page, origin, fragment);
      await page.waitForSelector(ready);
      await check(state);
    }
    await page.click("#model summary");
    await table(page, origin);
    await page.click("#model summary");
    await check("table");
  }, { viewport: options.viewport });
}

it("has no axe violations: suggestions, key dialog", async (page, { origin }) => {
  await open(page, origin, "#/pair?user=1&product=2");
  await score(page);
  await page.type("#ask", "1");
  await page.waitForSelector("#ask-list:not([hidden])");
  await page.keyboard.press("ArrowDown");
  assert.deepEqual(await violations(page), [], "suggestions");
  intercept(page, "/explain/pair", () => json({ title: "?", detail: "" }, 401));
  await open(page, origin, "#/pair?user=1&product=2");
  await page.waitForSelector("#key[open]");
  assert.deepEqual(await violations(page), [], "key dialog");
}, { expectedErrors: [/401/] });

it("goes by keyboard alone from the first key to an answer, its curve, a comparison, and the basket", async (page, { origin }) => {
  await open(page, origin);
  await page.waitForSelector(".examples a");
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim());
  const until = async (name, key = "Tab") => {
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press(key);
      if (name.test(await focused())) return;
    }
    assert.fail(`the Tab key does not reach ${name}`);
  };
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the answer");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id + location.hash), "main");
  await until(/^Ask for a customer/);
  await page.keyboard.type("1,2");
  await page.keyboard.press("Enter");
  await score(page);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  await until(/^Threshold: likely above$/);
  await page.keyboard.press("Home");
  await shows(page, ".hero .pill", /^likely/);
  await page.keyboard.press("End");
  await shows(page, ".hero .pill", /^unlikely needs more than 100/);
  await until(/^Share of orders since first bought/);
  await page.keyboard.press("Enter");
  await shows(page, ".curve h2", /^Share of orders since first bought$/);
  await page.waitForSelector(".curve .score-line");
  await until(/^Show all 18 causes$/);
  await page.keyboard.press("Space");
  assert.equal(await page.$$eval(".cause.rest", (all) => all.every((row) => row.checkVisibility())), true);
  await until(/^What if: share of orders since first bought$/);
  const before = await score(page);
  await page.keyboard.press("End");
  await page.waitForFunction((before) => Number(document.querySelector(".number").dataset.score) !== before, {}, before);
  await until(/^Compare with$/);
  await page.keyboard.type("product 1000");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".versus");
  await until(/^curl$/);
  await page.keyboard.press("ArrowRight");
  await shows(page, "#code", /^import requests/);
  await page.keyboard.press("/");
  await page.waitForFunction(() => document.activeElement.id === "ask");
  await page.keyboard.type("customer 1");
  assert.equal(await page.$eval("#ask", (field) => field.value), "customer 1");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".basket li");
  await until(/^1?Harbor Valley Apple Baby Cereal/);
  await page.keyboard.press("Enter");
  await shows(page, "h1", /^Harbor Valley Apple Baby Cereal$/);
});

it("goes through a table by keyboard alone", async (page, { origin }) => {
  await table(page, origin);
  await page.focus(".rows-window");
  await page.keyboard.press("PageDown");
  await page.waitForFunction(() => document.querySelector(".rows-window").scrollTop > 0);
  await page.focus("[data-key=score] button");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[data-key=score][aria-sort=descending]");
  await page.focus(".segments input");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector(".segments [value=unlikely]").checked);
  await page.waitForSelector(".rows-line:first-child a[href]");
  await page.focus(".rows-line:first-child a");
  await page.keyboard.press("Enter");
  await score(page);
});

it("has targets of 44 px for fingers", async (page, { origin }) => {
  for (const [fragment, ready] of [["", ".examples a"], ["#/pair?user=1&product=2&open=up_orders_since_last_order&above=30", ".curve .score-line"], ["#/basket?user=1", ".basket li"], ["#/batch", "#rows"]]) {
    await open(page, origin, fragment);
    await page.waitForSelector(ready);
    await still(page);
    const small = await page.$$eval("a[href], button, summary, input:not([type=file]), textarea", (all) => all.filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.matches(".skip, .inline"))
      .map((one) => ({ name: `${one.className} ${one.textContent}`, height: one.closest(".ask-box, .find")?.getBoundingClientRect().height ?? one.getBoundingClientRect().height }))
      .filter(({ height }) => height < 43.5));
    assert.deepEqual(small, [], fragment);
  }
}, { viewport: NARROW });

it("fits screens from 320 to 2560 px", async (page, { origin }) => {
  for (const [fragment, ready] of [["", ".examples a"], ["#/pair?user=1&product=2&with=customer+1%2C+product+1000&open=up_order_rate&above=30", ".versus"], ["#/basket?user=1", ".basket li"]]) {
    await open(page, origin, fragment);
    await page.waitForSelector(ready);
    for (const width of [320, 375, 720, 860, 1024, 1120, 1440, 2560]) {
      await page.setViewport({ width, height: 900 });
      await still(page);
      const [wanted, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(wanted <= room, `${fragment}: ${wanted} px wide on a screen of ${width} px`);
      const cut = await page.$$eval("main h1, main .pill, main .reason, main .effect, main td, main .basket-score", (all) => all.filter((one) => one.checkVisibility() && !one.closest(".stick") && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline").map((one) => one.className + one.textContent));
      assert.deepEqual(cut, [], `${fragment} at ${width} px`);
    }
  }
});

it("tells bars, tracks and tabs apart in forced colours", async (page, { origin }) => {
  await look(page, { forced: true });
  await open(page, origin, "#/pair?user=1&product=1000");
  await page.waitForSelector(".curve .score-line");
  const colour = (selector, property = "backgroundColor", pseudo = null) => page.$eval(selector, (element, property, pseudo) => getComputedStyle(element, pseudo)[property], property, pseudo);
  const ground = await colour("body");
  for (const selector of [".arrow.up", ".axis-fill", ".dot.now", ".threshold-line", ".pill.yes"]) assert.notEqual(await colour(selector), ground, selector);
  assert.notEqual(await colour(".axis-track", "borderTopColor"), ground);
  assert.notEqual(await colour(".curve .seen", "fill"), ground);
  assert.notEqual(await colour(".tabs [aria-current]", "backgroundColor", "::after"), ground);
  assert.equal(await colour(".tabs [aria-current]", "textDecorationLine"), "underline");
  assert.equal(await colour(".tabs a:not([aria-current])", "textDecorationLine"), "none");
  await open(page, origin, "#/basket?user=1&above=33");
  await page.waitForSelector(".basket-cut");
  const [likely, unlikely] = [await colour(".likely .meter i"), await colour(".unlikely .meter i")];
  assert.equal(new Set([likely, unlikely, ground]).size, 3);
});

it("gives long ids a line of their own on a phone", async (page, { origin }) => {
  const [user, product] = ["0d6f7c1e-8f5e-4f0b-9a43-5a6f6a1f7f10", "7c9e6679-7425-40de-944b-e07fc1f90ae7"];
  const { explanations: [explained] } = await ask(origin, "/explain/pair", "1,2");
  const { threshold, feature_names } = await ask(origin, "/model");
  intercept(page, "/recommend/", () => json({ user_id: user, stored: 1, recommendations: [{ product_id: product, score: 0.3, likely: true }], threshold }));
  intercept(page, "/explain/pair", () => json({ explanations: [{ ...explained, user_id: user, product_id: product, product_name: undefined }], feature_names, threshold }));
  await open(page, origin, `#/basket?user=${user}`);
  await page.waitForSelector(".basket li");
  const { width, lines } = await page.$eval(".basket-product b", (name) => ({ width: name.getBoundingClientRect().width, lines: name.getClientRects().length }));
  assert.ok(width > 150 && lines <= 3, `${width} px, ${lines} lines`);
  await page.click(".basket a");
  await score(page);
  const heading = await page.$eval("h1", (title) => title.getBoundingClientRect().width);
  assert.ok(heading > 250);
}, { viewport: NARROW });

it("prints the answer with all its reasons and without the controls", async (page, { origin }) => {
  await open(page, origin, "#/pair?user=1&product=2");
  await page.waitForSelector(".cause");
  await page.emulateMediaType("print");
  const visible = (selector) => page.$$eval(selector, (elements) => elements.filter((element) => element.checkVisibility()).length);
  assert.equal(await visible(".cause"), 20);
  assert.equal(await visible(".hero .pill"), 1);
  assert.equal(await visible("nav, .ask, .tools, .curve, .beside, .quiet"), 0);
});

it("moves nothing for those who want no motion", async (page, { origin }) => {
  await look(page, { still: true });
  await open(page, origin, "#/pair?user=1&product=2");
  await page.waitForSelector(".cause .arrow");
  assert.equal(await page.$eval(".axis-fill", (fill) => getComputedStyle(fill).transitionDuration), "0s");
});
