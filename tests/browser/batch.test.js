// Many rows: what people paste and drop, what became of each row, figures, order, files; and fifty thousand of them.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after } from "node:test";

import { NARROW, ask, drag, intercept, open, openFile, paste, score, shows, text, withPage } from "./browser.js";

const it = withPage();

const RECORDED =
  "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";
const DEMO = (await readFile(resolve(import.meta.dirname, "../../demo/features.csv"), "utf8")).trimEnd().split("\n");
const NAMES = DEMO[0].split(",").slice(2);
const folder = await mkdtemp(join(tmpdir(), "imba-batch-"));
after(() => rm(folder, { recursive: true, force: true }));

const scores = (page) => page.$$eval(".rows-line [data-score]", (cells) => cells.map((cell) => Number(cell.dataset.score)));
const settled = (page) => page.waitForFunction(() => document.querySelector(".rows-line") && document.querySelector(".progress")?.hidden);
const written = async (name, content) => {
  await writeFile(join(folder, name), content);
  return join(folder, name);
};

/** Opens the page with a file. */
async function withFile(page, origin, name, content, fragment = "#/batch") {
  await open(page, origin, fragment);
  await openFile(page, await written(name, content));
}

/** Takes a download, and gives its text. */
async function downloaded(page, press) {
  const session = await page.createCDPSession();
  await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder, eventsEnabled: true, browserContextId: page.browserContext().id });
  let name;
  session.on("Browser.downloadWillBegin", ({ suggestedFilename }) => (name = suggestedFilename));
  const done = new Promise((done) => session.on("Browser.downloadProgress", ({ state }) => state === "completed" && done()));
  await press();
  await done;
  return readFile(join(folder, name), "utf8");
}

it("reads pasted blocks of a spreadsheet, tabs and semicolons with decimal commas, and says so", async (page, { origin }) => {
  const rows = DEMO.slice(1, 4).map((line) => line.split(",").slice(2));
  const { predictions } = await ask(origin, "/predict", rows.map((cells) => cells.join(",")).join("\n"));
  for (const [delimiter, name] of [["\t", "tabs"], [";", "semicolons"]]) {
    await open(page, origin);
    await paste(page, "#ask-start", `${rows.map((cells) => cells.join(delimiter).replaceAll(".", ",")).join("\r\n")}\r\n`);
    assert.equal(await page.$eval("#ask-start", (input) => input.value), `3 rows · ${name} · decimal comma`);
    await page.keyboard.press("Enter");
    await settled(page);
    await shows(page, ".eyebrow", new RegExp(`^3 rows · ${name} · decimal comma$`));
    assert.deepEqual(await scores(page), predictions.map(({ score }) => score));
  }
});

it("reads all rows of a file with a stray CR, and shows nothing of the last file for an empty one", async (page, { origin }) => {
  const rows = DEMO.slice(1, 5);
  await withFile(page, origin, "stray.csv", `${DEMO[0]}\n${rows[0]}\r${rows[1]}\n${rows[2]}\r\n${rows[3]}\n`);
  await settled(page);
  await shows(page, ".eyebrow", /^4 rows · commas · header of names · user_id, product_id carried along$/);
  const { predictions } = await ask(origin, "/predict/pair", rows.map((line) => line.split(",").slice(0, 2).join(",")).join("\n"));
  assert.deepEqual(await scores(page), predictions.map(({ score }) => score));
  await openFile(page, await written("empty.csv", ""));
  await shows(page, "h1", /^There is nothing in it$/);
  assert.equal(await page.$(".rows-line"), null);
  await openFile(page, await written("book.xlsx", Buffer.from([0x50, 0x4b, 3, 4, 0, 0])));
  await shows(page, ".trouble", /This is a workbook.*Save it as CSV/);
  await openFile(page, await written("utf16.csv", Buffer.from(`\u{feff}${RECORDED}\n${RECORDED}\n`, "utf16le")));
  await settled(page);
  assert.equal((await scores(page)).length, 2);
});

it("names the mistake of a row in its place, and scores the others", async (page, { origin }) => {
  await withFile(page, origin, "wrong.csv", [NAMES.join(","), RECORDED, "1,2", RECORDED.replace("3418", "many"), "", RECORDED.replace("57", "")].join("\n"));
  await settled(page);
  const { predictions } = await ask(origin, "/predict", [RECORDED, RECORDED.replace("57", "")].join("\n"));
  assert.deepEqual(await scores(page), predictions.map(({ score }) => score));
  const mistakes = await page.$$eval(".column-reason .row-mistake", (all) => all.map((one) => one.textContent));
  assert.deepEqual(mistakes, ["2 values, expected 18", "Days, added up over items (user_period): “many” is not a number; leave it empty if it is missing", "the line is blank; expected 18 values"]);
  await page.click("label:has([value=mistakes])");
  await shows(page, ".rows-count", /^3\srows$/);
  await page.type(".find input", "many");
  await shows(page, ".rows-count", /^1\srow$/);
});

it("scores a list of pairs, names an unknown one, and shows the products' names", async (page, { origin }) => {
  await withFile(page, origin, "pairs.csv", "note,product_id,user_id\nfirst,2,1\nsecond,1000,1\nthird,9999,1\n");
  await settled(page);
  const { predictions } = await ask(origin, "/predict/pair", "1,2\n1,1000");
  assert.deepEqual(await scores(page), predictions.map(({ score }) => score));
  await shows(page, ".rows-line:nth-child(3) .column-reason", /no features are stored for user 1, product 9999/);
  await shows(page, ".rows-line .column-product", /Northfield & Daughters Sea Salt Pretzels/);
  assert.deepEqual(await page.$$eval(".rows-head [role=columnheader]", (heads) => heads.map((head) => head.textContent)), ["Row", "Customer", "Product", "note", "Score", "Main reason"]);
});

it("compares with a label: precision, recall, lift and cost follow the threshold", async (page, { origin }) => {
  const lines = DEMO.slice(1, 1001);
  const bought = lines.map((_, at) => (at * 7919) % 5 === 0);
  await withFile(page, origin, "holdout.csv", [`${DEMO[0]},bought`, ...lines.map((line, at) => `${line},${bought[at] ? 1 : 0}`)].join("\n"));
  await settled(page);
  const { predictions } = await ask(origin, "/predict", lines.map((line) => line.split(",").slice(2).join(",")).join("\n"));
  const expected = (threshold) => {
    const likely = predictions.map(({ score }) => score > threshold);
    const count = (one) => likely.filter((is, at) => one(is, bought[at])).length;
    return { likely: count((is) => is), hits: count((is, did) => is && did), missed: count((is, did) => !is && did), wasted: count((is, did) => is && !did) };
  };
  for (const threshold of [0.2, 0.3]) {
    await page.$eval(".histogram input", (slider, threshold) => {
      slider.value = threshold;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    }, threshold);
    const { likely, hits, missed, wasted } = expected(threshold);
    const all = bought.filter(Boolean).length;
    await shows(page, ".figures", new RegExp(`to contact${likely}`));
    await shows(page, ".figures", new RegExp(`precision ${((100 * hits) / likely).toFixed(1)}\\s%; lift ${(hits / likely / (all / 1000)).toFixed(1)}`));
    await shows(page, ".figures", new RegExp(`recall ${((100 * hits) / all).toFixed(1)}\\s%: ${hits} of ${all}, ${missed} are missed`));
    await shows(page, ".costs", new RegExp(`together ${wasted + 4 * missed} at ${threshold * 100}\\s%`));
  }
  const [, least, at] = /Least: (\d+) at ([\d.]+)/.exec(await text(page, ".costs button"));
  const { missed, wasted } = expected(Number(at) / 100);
  assert.equal(Number(least), wasted + 4 * missed);
  await page.click(".costs button");
  await shows(page, ".threshold-label", new RegExp(`${at}\\s%$`));
});

it("sorts, filters, downloads with the inputs and without formulas, and reads that again", async (page, { origin }) => {
  const lines = DEMO.slice(1, 301);
  const notes = ["=HYPERLINK(\"http://x\")", "+1+1", "-1+1", "@x", "plain"];
  await withFile(page, origin, "rows.csv", [`note,${DEMO[0]}`, ...lines.map((line, at) => `"${(notes[at] ?? "n").replaceAll('"', '""')}",${line}`)].join("\r\n"));
  await settled(page);
  const { predictions } = await ask(origin, "/predict", lines.map((line) => line.split(",").slice(2).join(",")).join("\n"));
  assert.deepEqual(await scores(page), predictions.slice(0, (await scores(page)).length).map(({ score }) => score));
  await page.click(".rows-head [data-key=score] button");
  await page.waitForSelector("[data-key=score][aria-sort=descending]");
  const descending = predictions.map(({ score }) => score).sort((left, right) => right - left);
  assert.deepEqual(await scores(page), descending.slice(0, (await scores(page)).length));
  await page.click("label:has([value=likely])");
  const likely = predictions.filter((prediction) => prediction.likely).length;
  await shows(page, ".rows-count", new RegExp(`^${likely}\\srows$`));
  await page.click("label:has([value=all])");
  await page.click(".rows-head [data-key=number] button");

  const saved = await downloaded(page, () => page.click(".tools .quiet"));
  const [head, ...rows] = saved.trimEnd().split("\r\n");
  assert.equal(head, `note,${DEMO[0]},score,likely,threshold,problem`);
  assert.equal(rows.length, 300);
  assert.ok(rows[4].startsWith(`plain,${lines[4]},${predictions[4].score},${predictions[4].likely},0.2,`), rows[4]);
  for (const row of rows) assert.doesNotMatch(row, /^"?[=+@-]/);

  await openFile(page, await written("again.csv", saved));
  await shows(page, "h1", /^again\.csv$/);
  await settled(page);
  await shows(page, ".eyebrow", /^300 rows · commas · header of names · user_id, product_id, note carried along$/);
  assert.equal(await page.$eval(".rows-line .column-carried", (cell) => cell.textContent), notes[0]);
  assert.deepEqual((await scores(page)).slice(0, 10), predictions.slice(0, 10).map(({ score }) => score));
});

it("comes back from the reason of a row to the table as it was, without sending it again", async (page, { origin }) => {
  await withFile(page, origin, "rows.csv", DEMO.slice(0, 201).join("\n"));
  await settled(page);
  await page.click(".rows-head [data-key=score] button");
  await page.waitForSelector("[data-key=score][aria-sort=descending]");
  await page.waitForSelector(".rows-line:first-child a[href]");
  const [best] = await scores(page);
  await page.focus(".rows-line:first-child a");
  await page.keyboard.press("Enter");
  assert.equal(await score(page), best);
  await page.waitForSelector(".curve .score-line");
  const sent = [];
  page.on("request", (request) => /predict/.test(request.url()) && sent.push(request.url()));
  await page.goBack();
  await settled(page);
  assert.equal((await scores(page))[0], best);
  await page.waitForSelector("[data-key=score][aria-sort=descending]");
  assert.deepEqual(sent, []);
});

it("takes a file that is dropped anywhere, and leaves a dragged text alone", async (page, { origin }) => {
  await open(page, origin, "#/pair?user=1&product=2");
  await score(page);
  assert.equal(await drag(page, "dragover", "footer", "", "some text"), false, "a text goes where the browser puts it");
  assert.equal(await drag(page, "drop", "#ask", "", "some text"), false);
  assert.equal(await drag(page, "dragover", "footer", "rows.csv", "x"), true, "the browser is kept from opening the file");
  await page.waitForSelector(".dropping .drop-hint");
  await drag(page, "drop", "footer", "rows.csv", `${RECORDED}\n${RECORDED}\n${RECORDED}\n`);
  await settled(page);
  assert.equal((await scores(page)).length, 3);
  assert.equal(await page.$(".dropping"), null);
});

it("shows what drives the scores, and how far the rows are from training", async (page, { origin }) => {
  const lines = DEMO.slice(1, 41);
  await withFile(page, origin, "rows.csv", [DEMO[0], ...lines].join("\n"));
  await settled(page);
  await page.focus(".overview summary");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".swarm tbody tr");
  const { explanations, feature_names: names } = await ask(origin, "/explain", lines.map((line) => line.split(",").slice(2).join(",")).join("\n"));
  const importance = names.map((_, at) => explanations.reduce((sum, { contributions }) => sum + Math.abs(contributions[at]), 0) / explanations.length).sort((left, right) => right - left);
  const shown = await page.$$eval(".importance b", (all) => all.map((one) => one.textContent));
  assert.deepEqual(shown, importance.map((size) => size.toFixed(2)));
  await shows(page, ".drift", /^Scores against those of training: (alike|somewhat apart|far apart), \d+\.\d\d$/);
});

it("says in the model's card how far the rows are from training, from 500 rows on", async (page, { origin }) => {
  // From all over the table: those of few customers would drift by themselves.
  const columns = Array.from({ length: 600 }, (_, at) => DEMO[1 + 18 * at].split(",").slice(2).map(Number));
  // Twice as long since the last order as in truth, which is what has drifted.
  const since = NAMES.indexOf("up_orders_since_last_order");
  const lines = columns.map((values) => values.with(since, 2 * values[since] + 20).join(","));
  await withFile(page, origin, "later.csv", [NAMES.join(","), ...lines].join("\n"));
  await settled(page);
  await shows(page, "#model summary", /drift: much in \d+\sfeatures?/);
  await page.click("#model summary");
  // Independently: the share of each bin by counting the values between its edges.
  const { card } = await ask(origin, "/model");
  const expected = card.features.map(({ name, histogram: { edges, counts } }) => {
    const values = lines.map((line) => Number(line.split(",")[NAMES.indexOf(name)]));
    const all = counts.reduce((sum, one) => sum + one);
    const index = counts.map((count, bin) => {
      const inside = values.filter((value) => (bin === 0 || value >= edges[bin]) && (bin === counts.length - 1 || value < edges[bin + 1])).length;
      const [was, is] = [Math.max(1e-4, count / all), Math.max(1e-4, inside / values.length)];
      return (is - was) * Math.log(is / was);
    }).reduce((sum, one) => sum + one);
    return { name, index };
  }).sort((one, other) => other.index - one.index);
  assert.equal(expected[0].name, "up_orders_since_last_order");
  const shown = await page.$$eval(".drifts dd", (all) => all.map((one) => Number(one.dataset.index)));
  assert.equal(shown.length, 4);
  shown.forEach((index, at) => assert.ok(Math.abs(index - expected[at].index) < 1e-9, `${index} for ${expected[at].index}`));
  assert.match(await text(page, ".drifts"), /^Orders since last bought\d\.\d\d much drift/);
  await shows(page, "#model .card", /The 600\srows of later\.csv against training/);

  // Too few to tell: nothing is said.
  await openFile(page, await written("few.csv", [NAMES.join(","), ...lines.slice(0, 499)].join("\n")));
  await shows(page, "h1", /^few\.csv$/);
  await settled(page);
  await page.waitForSelector(".rows-line .triangle");
  assert.doesNotMatch(await text(page, "#model"), /[Dd]rift/);
});

it("stops on request, goes on, and goes on after a busy service", async (page, { origin }) => {
  let release;
  const held = new Promise((done) => (release = done));
  let asked = 0;
  intercept(page, "/predict", async () => {
    asked += 1;
    if (asked === 2) await held;
    if (asked === 4) return { status: 503, contentType: "application/problem+json", headers: { "retry-after": "1" }, body: JSON.stringify({ title: "Busy", detail: "", code: "overloaded" }) };
    return undefined;
  });
  await withFile(page, origin, "rows.csv", DEMO.join("\n"));
  await shows(page, ".progress", /^2,500 of 11,286\srowsCancel$/);
  await page.click(".progress button");
  await shows(page, ".progress", /Cancelled\.Go on$/);
  release();
  await page.click(".progress button");
  await settled(page);
  assert.ok(asked >= 6, "the busy service was asked again");
  await shows(page, ".rows-count", /^11,286\srows$/);
}, { expectedErrors: [/503|ERR_/] });

it("keeps up with fifty thousand rows: in pieces, in a worker, only those in sight, the threshold without a rebuild", async (page, { origin }) => {
  const rows = Array.from({ length: 50_000 }, (_, at) => DEMO[1 + (at % (DEMO.length - 1))]);
  const bodies = [];
  page.on("request", (request) => /\/predict$/.test(request.url()) && bodies.push(request.postData()?.length ?? 0));
  await withFile(page, origin, "many.csv", `${DEMO[0]}\n${rows.join("\n")}\n`);
  await page.waitForFunction(() => document.querySelector(".progress")?.hidden && document.querySelector(".rows-line"), { timeout: 600_000 });
  await shows(page, ".rows-count", /^50,000\srows$/);
  assert.equal(bodies.length, 20);
  assert.ok(Math.max(...bodies) <= 1024 * 1024, "every piece is far below the service's limit");
  assert.ok((await page.$$(".rows-line")).length < 60, "only rows in sight are in the page");
  assert.equal(await page.$eval(".rows", (table) => table.getAttribute("aria-rowcount")), "50001");
  await page.$eval(".rows-window", (window) => (window.scrollTop = window.scrollHeight));
  await page.waitForSelector('.rows-line[data-row="49999"] [data-score]');
  const { predictions: [{ score: last }] } = await ask(origin, "/predict", rows.at(-1).split(",").slice(2).join(","));
  assert.equal(await page.$eval('.rows-line[data-row="49999"] [data-score]', (cell) => Number(cell.dataset.score)), last);

  // The threshold moves over the rows that are there: none is made anew.
  await page.waitForFunction(() => [...document.querySelectorAll(".rows-line")].every((line) => line.querySelector(".triangle")));
  await page.$$eval(".rows-line", (lines) => lines.forEach((line) => (line.dataset.kept = "yes")));
  await page.$eval(".histogram input", (slider) => {
    slider.value = 0.4;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await shows(page, ".threshold-label", /40\s%$/);
  assert.equal(await page.$$eval(".rows-line", (lines) => lines.every((line) => line.dataset.kept === "yes")), true);
  const verdicts = await page.$$eval(".rows-line [data-score]", (cells) => cells.map((cell) => [Number(cell.dataset.score) > 0.4, cell.querySelector(".meter").classList.contains("yes")]));
  assert.ok(verdicts.every(([is, shown]) => is === shown));
});

it("shows a table on a phone", async (page, { origin }) => {
  await withFile(page, origin, "rows.csv", DEMO.slice(0, 101).join("\n"));
  await settled(page);
  const cut = await page.$$eval(".rows-line:first-child > *", (cells) => cells.filter((cell) => cell.checkVisibility() && cell.getBoundingClientRect().right > innerWidth).length);
  assert.equal(cut, 0);
}, { viewport: NARROW });
