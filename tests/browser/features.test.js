// Features: one row, many rows, a file, sliders.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { ask, fill, open, shows, text, withPage } from "./browser.js";

const it = withPage();

const RECORDED =
  "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";
const DEMO = resolve(import.meta.dirname, "../../demo/features.csv");

const score = (page) => text(page, "#answer-features .score .exact");
const tableScores = (page) => page.$$eval("#answer-features [data-score]", (cells) => cells.map((cell) => Number(cell.dataset.score)));

async function paste(page, rows) {
  await page.$eval("#features-rows", (area, rows) => {
    area.value = rows;
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }, rows);
  await page.click("#form-features .primary");
}

it("scores the recorded payload, with the number that the service gives", async (page, { origin }) => {
  await open(page, origin);
  await page.click('[data-view="features"]');
  await fill(page, "#features-rows", RECORDED);
  await page.click("#form-features .primary");
  const { predictions: [{ score: expected, likely }] } = await ask(origin, "/predict", RECORDED);
  assert.equal(await score(page), String(expected));
  assert.equal(await text(page, "#answer-features .verdict"), `This customer is ${likely ? "likely" : "unlikely"} to buy this product again`);
});

it("has a field with a meaning for each feature of the model", async (page, { origin }) => {
  await open(page, origin, `#/features?row=${RECORDED}`);
  const { feature_names } = await ask(origin, "/model");
  await score(page);
  const cells = RECORDED.split(",");
  for (const [at, name] of feature_names.entries()) {
    const field = await page.$eval(`#feature-${name}`, (input) => ({
      value: input.value,
      label: input.labels[0].textContent,
      help: document.getElementById(input.getAttribute("aria-describedby")).textContent,
    }));
    assert.equal(field.value, cells[at]);
    assert.notEqual(field.label, name, "a label for people");
    assert.match(field.help, /\.$/, `${name} has help`);
  }
});

it("says which column of a row is wrong, and keeps the row", async (page, { origin }) => {
  await open(page, origin, "#/features");
  const wrong = RECORDED.replace("3418", "many");
  await paste(page, wrong);
  await shows(page, "#answer-features .notice", /column 3 \(user_period\): "many" is not a number/i);
  assert.equal(await page.$eval("#features-rows", (area) => area.value), wrong);
  await paste(page, "1,2,3");
  await shows(page, "#answer-features .notice", /3 columns, expected 18/);
});

it("re-scores as a slider moves, and goes back", async (page, { origin }) => {
  await open(page, origin, `#/features?row=${RECORDED}`);
  const first = await score(page);
  await page.focus("#feature-up_orders_since_last_order");
  const slider = "#feature-fields input[aria-label^='Orders since the last with it']";
  await page.$eval(slider, (slider) => {
    for (const value of [40, 20, 5, 0]) {
      slider.value = value;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
  const row = RECORDED.split(",").with(16, "0").join(",");
  const { predictions: [{ score: expected }] } = await ask(origin, "/predict", row);
  await shows(page, "#answer-features .score .exact", new RegExp(`^${expected}$`));
  assert.notEqual(String(expected), first);
  await shows(page, "#answer-features .before", /before the change/);
  await shows(page, "#features-live", /·/);
  await page.waitForFunction((row) => new URLSearchParams(location.hash.split("?")[1]).get("row") === row, {}, row);
  await page.click("#features-back");
  await shows(page, "#answer-features .score .exact", new RegExp(`^${first}$`));
});

it("takes an empty field for a missing value, and says what is no number", async (page, { origin }) => {
  await open(page, origin, `#/features?row=${RECORDED}`);
  await score(page);
  await page.$eval("#feature-up_order_rate", (input) => input.select());
  await page.keyboard.press("Backspace");
  const row = RECORDED.split(",").with(15, "").join(",");
  const { predictions: [{ score: expected }] } = await ask(origin, "/predict", row);
  await shows(page, "#answer-features .score .exact", new RegExp(`^${expected}$`));
  await page.type("#feature-up_order_rate", "often");
  await shows(page, "#answer-features .notice", /"often" is not a number/);
});

it("scores many pasted rows, with the mistake of a bad one in its place", async (page, { origin }) => {
  const rows = [RECORDED, "1,2", RECORDED.replace("57", "")].join("\n");
  await open(page, origin, "#/features");
  await paste(page, rows);
  await page.waitForSelector("#answer-features table.scores");
  const { predictions } = await ask(origin, "/predict", rows);
  assert.deepEqual(await tableScores(page), [predictions[0].score, predictions[2].score]);
  assert.equal(await text(page, "#answer-features .row-error"), predictions[1].error.detail);
  await shows(page, "#answer-features .verdict", /0 likely, 2 unlikely, 1 with a mistake/);
});

it("scores a dropped file, keeps its ids, sorts and downloads", async (page, { origin }) => {
  const lines = (await readFile(DEMO, "utf8")).trimEnd().split("\n").slice(0, 301);
  const pairs = lines.slice(1).map((line) => line.split(",").slice(0, 2).join(","));
  const { predictions } = await ask(origin, "/predict/pair", pairs.join("\n"));
  const folder = await mkdtemp(join(tmpdir(), "imba-download-"));
  try {
    await writeFile(join(folder, "rows.csv"), `${lines.join("\r\n")}\r\n`);
    await open(page, origin, "#/features");
    const input = await page.$("#form-features input[type=file]");
    await input.uploadFile(join(folder, "rows.csv"));
    await page.waitForSelector("#answer-features table.scores");

    // Both tables were made from the same rows, so the pair and the row must score the same.
    assert.deepEqual(await tableScores(page), predictions.slice(0, 200).map(({ score }) => score));
    assert.equal(await text(page, "#answer-features .scores td:nth-child(2)"), predictions[0].user_id);

    await page.click("#answer-features th[data-by=score] button");
    const descending = predictions.map(({ score }) => score).sort((left, right) => right - left);
    assert.deepEqual(await tableScores(page), descending.slice(0, 200));
    await page.click("#answer-features th[data-by=score] button");
    assert.deepEqual(await tableScores(page), descending.toReversed().slice(0, 200));
    assert.equal(await page.$eval("#answer-features th[data-by=score]", (cell) => cell.getAttribute("aria-sort")), "ascending");

    const session = await page.createCDPSession();
    await session.send("Browser.setDownloadBehavior", {
      behavior: "allow", downloadPath: folder, eventsEnabled: true, browserContextId: page.browserContext().id,
    });
    const downloaded = new Promise((done) => session.on("Browser.downloadProgress", ({ state }) => state === "completed" && done()));
    await (await page.waitForSelector("#answer-features ::-p-text(Download as CSV)")).click();
    await downloaded;
    const saved = (await readFile(join(folder, "scores.csv"), "utf8")).trimEnd().split("\r\n");
    assert.equal(saved[0], "row,user_id,product_id,score,likely,error");
    assert.deepEqual(saved.slice(1), predictions.map(({ user_id, product_id, score, likely }, at) =>
      `${at + 1},${user_id},${product_id},${score},${likely},`));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it("takes a file that is dropped anywhere on the view", async (page, { origin }) => {
  await open(page, origin, "#/features");
  const drop = (type) => page.$eval(".what-if", (place, type, row) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([`${row}\n${row}\n${row}\n`], "rows.csv"));
    return !place.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }, type, RECORDED);
  assert.equal(await drop("dragover"), true, "the browser is kept from opening the file");
  await page.waitForSelector(".dropping");
  await drop("drop");
  await page.waitForSelector("#answer-features table.scores");
  assert.equal((await tableScores(page)).length, 3);
  assert.equal(await page.$(".dropping"), null);
});

it("comes back from the reason of a row to the table", async (page, { origin }) => {
  await open(page, origin, "#/features");
  await paste(page, `${RECORDED}\n${RECORDED.replace("57", "3")}`);
  await page.waitForSelector("#answer-features table.scores");
  const [, second] = await tableScores(page);
  await page.click("#answer-features tbody tr:nth-child(2) a");
  await shows(page, "#answer-features .score .exact", new RegExp(`^${second}$`));
  await page.goBack();
  await page.waitForSelector("#answer-features table.scores");
  assert.equal((await page.$eval("#features-rows", (area) => area.value)).split("\n").length, 2);
});

it("scores a list of pairs", async (page, { origin }) => {
  await open(page, origin, "#/features");
  await paste(page, "product_id,user_id\n2,1\n1000,1\n9999,1\n");
  await page.waitForSelector("#answer-features table.scores");
  const { predictions } = await ask(origin, "/predict/pair", "1,2\n1,1000");
  assert.deepEqual(await tableScores(page), predictions.map(({ score }) => score));
  await shows(page, "#answer-features .row-error", /no features are stored for user 1, product 9999/);
});

it("reorders a single row by its header", async (page, { origin }) => {
  const { feature_names } = await ask(origin, "/model");
  await open(page, origin, "#/features");
  await paste(page, `${feature_names.toReversed().join(",")}\n${RECORDED.split(",").toReversed().join(",")}\n`);
  const { predictions: [{ score: expected }] } = await ask(origin, "/predict", RECORDED);
  assert.equal(await score(page), String(expected));
  assert.equal(await page.$eval("#features-rows", (area) => area.value), RECORDED);
});
