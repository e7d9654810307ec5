// The main ways in Firefox, Debian's firefox-esr, driven by WebDriver BiDi.

import assert from "node:assert/strict";
import { access, constants, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import puppeteer from "puppeteer-core";

import { PATIENCE_MS, ask, drag, open, score, shows, still } from "./browser.js";
import { CARD, startService, withProxy } from "./service.js";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const DEMO = (await readFile(resolve(import.meta.dirname, "../../demo/features.csv"), "utf8")).trimEnd().split("\n");

let [bare, service, browser, page] = [];
before(async () => {
  await access(FIREFOX, constants.X_OK).catch(() => {
    throw new Error(`${FIREFOX} is not there: install Debian's package "firefox-esr", or name another in FIREFOX`);
  });
  bare = await startService();
  service = await withProxy(bare.origin, (model) => ({ ...model, card: CARD }));
  browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, headless: true, protocol: "webDriverBiDi", timeout: 2 * PATIENCE_MS, protocolTimeout: 4 * PATIENCE_MS });
  page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.setViewport({ width: 1280, height: 900 });
  page.on("pageerror", (error) => complaints.push(error.stack ?? String(error)));
});
after(async () => {
  await browser?.close();
  await service?.stop();
  await bare?.stop();
});
const complaints = [];

test("asks, reads the answer, moves the threshold and a value", async () => {
  await open(page, service.origin);
  await page.type("#ask-start", "customer 1, product 2");
  await page.keyboard.press("Enter");
  const { explanations: [expected] } = await ask(service.origin, "/explain/pair", "1,2");
  assert.equal(await score(page), expected.score);
  await shows(page, ".reason", /^Mainly because they have not bought it in their last 6\sorders/);
  await page.focus(".axis .threshold input");
  await page.keyboard.press("ArrowLeft");
  await shows(page, ".threshold-label", /^likely above 19\.5\s%$/);
  await page.waitForSelector(".curve .score-line");
  await page.focus(".curve-slider input");
  await page.keyboard.press("ArrowLeft");
  await shows(page, ".reason", /^What if orders since last bought were 5\sorders/);
  await page.waitForFunction(() => location.hash.includes("above=19.5") && location.hash.includes("set="));
  await still(page);
  const placed = await page.$eval(".axis", (axis) => {
    const { left, width } = axis.getBoundingClientRect();
    const line = axis.querySelector(".threshold-line").getBoundingClientRect();
    return (line.left + line.width / 2 - left) / width;
  });
  assert.ok(Math.abs(placed - 0.195) < 0.002, `the threshold is drawn at ${placed}`);
});

test("compares, and goes to the basket and back", async () => {
  await open(page, service.origin, "#/pair?user=1&product=2&with=customer+1%2C+product+1000");
  await shows(page, ".versus thead", /Harbor Valley Apple Baby Cereal/);
  await page.click(".eyebrow a");
  await page.waitForSelector(".basket li");
  const { recommendations } = await ask(service.origin, "/recommend/1?limit=10");
  assert.deepEqual(await page.$$eval(".basket-score", (all) => all.map((one) => Number(one.dataset.score))), recommendations.map(({ score }) => score));
  await page.goBack();
  assert.ok(await score(page));
});

test("scores a dropped table in its worker, sorts it, and explains a row", async () => {
  await open(page, service.origin, "#/batch");
  await drag(page, "drop", "footer", "rows.csv", DEMO.slice(0, 301).join("\r"));
  await page.waitForFunction(() => document.querySelector(".rows-line [data-score]") && document.querySelector(".progress").hidden);
  await shows(page, ".rows-count", /^300\srows$/);
  await page.click("[data-key=score] button");
  await page.waitForSelector("[data-key=score][aria-sort=descending]");
  const { predictions } = await ask(service.origin, "/predict", DEMO.slice(1, 301).map((line) => line.split(",").slice(2).join(",")).join("\n"));
  const best = Math.max(...predictions.map(({ score }) => score));
  assert.equal(await page.$eval(".rows-line [data-score]", (cell) => Number(cell.dataset.score)), best);
  await page.waitForSelector(".rows-line:first-child a[href]");
  await page.click(".rows-line:first-child a");
  assert.equal(await score(page), best);
});

test("had no error", () => assert.deepEqual(complaints, []));
