// One answer: the number, the sentence, the axis, the causes, what would change it, another beside it. Numbers equal the API's.

import assert from "node:assert/strict";

import { NARROW, ask, intercept, json, open, score, shows, still, text, withPage } from "./browser.js";

const it = withPage();

const PAIR = "#/pair?user=1&product=2";
const RECORDED =
  "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";
const SINCE = "up_orders_since_last_order";
const explain = async (origin, pair) => (await ask(origin, "/explain/pair", pair)).explanations[0];
const sigmoid = (margin) => 1 / (1 + Math.exp(-margin));
const number = (text) => Number(text.replace("−", "-").replace("+", "").replace(/[^\d.-]/g, ""));
const slide = (page, selector, value) => page.$eval(selector, (slider, value) => {
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}, value);
const parameter = (page, name) => page.evaluate((name) => new URLSearchParams(location.hash.split("?")[1]).get(name), name);
const noted = (page, name, value) => page.waitForFunction((name, value) => new URLSearchParams(location.hash.split("?")[1]).get(name) === value, {}, name, value);

it("shows the service's number, whether it is likely, one sentence with units, and a title of its own", async (page, { origin }) => {
  for (const [product, likely] of [["2", false], ["1000", true]]) {
    await open(page, origin, `#/pair?user=1&product=${product}`);
    const expected = await explain(origin, `1,${product}`);
    assert.equal(await score(page), expected.score);
    assert.equal(expected.likely, likely);
    await shows(page, ".hero .number", new RegExp(`^${(expected.score * 100).toFixed(1)}%$`));
    await shows(page, ".hero .pill", likely ? /^likely above 20\s%$/ : /^unlikely needs more than 20\s%$/);
    await shows(page, "#spoken", new RegExp(`${expected.product_name}: .*, ${likely ? "likely" : "unlikely"}\\.`));
    assert.equal(await page.title(), `${(expected.score * 100).toFixed(1)}\u00a0% ${expected.product_name} – imba`);
  }
  await open(page, origin, PAIR);
  await shows(page, ".reason", /^Mainly because they have not bought it in their last 6\sorders, and it is in only 2 of the 10 orders since they first bought it\.$/);
});

it("shows exact contributions, in points that add up and in log-odds, the largest first", async (page, { origin }) => {
  await open(page, origin, PAIR);
  const { base, margin, contributions, score: whole } = await explain(origin, "1,2");
  await page.waitForSelector(".cause");
  const rows = await page.$$eval(".cause:not(.sum):not(.end)", (all) => all.map((row) => ({ name: row.dataset.feature, points: row.querySelector(".effect b").firstChild.textContent, exact: Number(row.querySelector(".effect small").title) })));
  assert.deepEqual(rows.map(({ exact }) => exact), contributions.toSorted((left, right) => Math.abs(right) - Math.abs(left)));
  const ends = await page.$$eval(".cause.end .effect", (all) => all.map((one) => one.textContent));
  assert.deepEqual(ends, [`${(sigmoid(base) * 100).toFixed(1)}\u00a0%${base.toFixed(2).replace("-", "−")}`, `${(whole * 100).toFixed(1)}\u00a0%${margin.toFixed(2).replace("-", "−")}`]);
  let reached = base;
  for (const { points, exact } of rows) {
    const step = 100 * (sigmoid(reached + exact) - sigmoid(reached));
    assert.ok(Math.abs(number(points) - step) <= 0.051, `${points} for ${step}`);
    reached += exact;
  }
  assert.ok(Math.abs(reached - margin) < 1e-5);

  // Each arrow begins where the one before ends.
  await page.click(".why-foot button");
  await still(page);
  const arrows = await page.$$eval(".cause:not(.sum):not(.end) .arrow", (all) => all.map((arrow) => {
    const { left, right } = arrow.getBoundingClientRect();
    return { left, right, up: arrow.classList.contains("up"), none: arrow.classList.contains("none") };
  }));
  assert.equal(arrows.length, 18);
  let place = await page.$eval(".cause .dot.base", (dot) => dot.getBoundingClientRect().x + dot.getBoundingClientRect().width / 2);
  for (const { left, right, up, none } of arrows) {
    const [from, to] = up || none ? [left, right] : [right, left];
    assert.ok(Math.abs(from - place) < 4, `an arrow begins at ${from}, the one before ended at ${place}`);
    place = none ? place : to;
  }
  await page.click(".why-foot button");
  assert.equal(await page.$$eval(".cause", (all) => all.filter((row) => row.checkVisibility()).length), 9);
  await page.click("#model summary");
  await shows(page, "#model .card", /Base: the mean of the model’s log-odds over its training rows\. As a score it is not the mean of the scores\./);
});

it("has the reader's threshold in the link, in the score's unit, and says when the verdict flips", async (page, { origin }) => {
  await open(page, origin, PAIR);
  await score(page);
  const slider = ".axis .threshold input";
  await page.focus(slider);
  await page.keyboard.press("ArrowLeft");
  await shows(page, ".threshold-label", /^likely above 19\.5\s%$/);
  await noted(page, "above", "19.5");
  await slide(page, slider, 0.05);
  await shows(page, ".hero .pill", /^likely above 5\s%$/);
  await shows(page, "#spoken", /^Now likely: 5\.4\s%, likely above 5\s%\.$/);
  await shows(page, ".own-threshold", /your threshold; the service’s is 20\s%/);
  assert.match(await page.$eval(slider, (input) => input.getAttribute("aria-valuetext")), /^5\s%\. likely at 5\.4\s%$/);
  await noted(page, "above", "5");
  const shared = await page.evaluate(() => location.hash);

  // Somebody else opens the link, in a profile that knows nothing.
  const other = await (await page.browser().createBrowserContext()).newPage();
  await open(other, origin, shared);
  await shows(other, ".hero .pill", /^likely above 5\s%$/);
  assert.equal(await other.evaluate(() => localStorage.length), 0);
  await open(other, origin, PAIR);
  await other.reload();
  await shows(other, ".hero .pill", /^unlikely needs more than 20\s%$/);
  await other.browserContext().close();

  // It goes along to other answers and back to the service's on request.
  await page.click(".eyebrow a");
  await page.waitForSelector(".basket li");
  assert.equal(await parameter(page, "above"), "5");
  await page.goBack();
  await score(page);
  await page.click(".own-threshold button");
  await shows(page, ".hero .pill", /^unlikely needs more than 20\s%$/);
  await page.waitForFunction(() => !location.hash.includes("above"));
});

it("draws the curve from the service's answers, with what is bound together moved together", async (page, { origin }) => {
  await open(page, origin, `${PAIR}&open=${SINCE}`);
  await page.waitForSelector(".curve .score-line");
  const { feature_names: names } = await ask(origin, "/model");
  const { values } = await explain(origin, "1,2");
  const at = (name) => names.indexOf(name);
  await shows(page, ".curve-words", /^This alone cannot make it likely: the most is 9\.5\s%, at 1\sorder\.$/);
  assert.ok((await page.$$(".curve .seen")).length > 1, "what training saw");
  assert.equal(await page.$eval(".curve svg", (drawing) => drawing.querySelector("title")), null);

  const moved = values.with(at(SINCE), 3).with(at("up_last_order"), 7);
  const { explanations: [expected] } = await ask(origin, "/explain", JSON.stringify({ instances: [moved] }), "application/json");
  await page.focus(".curve-slider input");
  for (let step = 0; step < 3; step += 1) await page.keyboard.press("ArrowLeft");
  await page.waitForFunction((score) => document.querySelector(".number").dataset.score === score, {}, String(expected.score));
  assert.match(await page.$eval(".curve-slider input", (input) => input.getAttribute("aria-valuetext")), /^3\sorders: 9\.0\s%, unlikely$/);
  await shows(page, ".reason", /^What if orders since last bought were 3\sorders instead of 6\sorders\? “Last bought in” is changed too\.$/);
  const changes = await page.$$eval(".cause:not(.sum):not(.end) .effect small", (all) => all.map(({ title }) => Number(title)));
  assert.deepEqual(new Set(changes), new Set(expected.contributions));
  assert.equal(await page.$eval(".axis .dot.was", (dot) => dot.hidden), false);

  // The link has it, and the way back is one press away.
  await noted(page, "set", "up_last_order:7;up_orders_since_last_order:3");
  await page.reload();
  assert.equal(await score(page), expected.score);
  await page.click(".back");
  await page.waitForFunction(() => !location.hash.includes("set="));
  assert.equal(await score(page), (await explain(origin, "1,2")).score);
});

it("says where an answer would flip", async (page, { origin }) => {
  await open(page, origin, "#/pair?user=1&product=1000&open=up_order_rate_since_first_order&above=50");
  await shows(page, ".curve-words", /^With 50\s% instead of 75\s% the answer would turn unlikely: 43\.1\s%\.$/);
});

it("names a wrong what-if value by its label, and leaves no old score standing, on a phone too", async (page, { origin }) => {
  await open(page, origin, `${PAIR}&open=${SINCE}`);
  await page.waitForSelector(".cause.open .curve .score-line");
  await page.$eval("#exact-value", (input) => input.select());
  await page.keyboard.type("many");
  await shows(page, "#exact-mistake", /^Orders since last bought: “many” is not a number; leave it empty if it is missing\.$/);
  await shows(page, ".hero .number", /^–$/);
  await shows(page, ".hero .pill", /^no score/);
  await shows(page, ".stick b", /^–$/);
  assert.equal(await page.$eval("#exact-value", (input) => input.getAttribute("aria-invalid")), "true");

  await page.$eval("#exact-value", (input) => input.select());
  await page.keyboard.type("2");
  const { values } = await explain(origin, "1,2");
  const { explanations: [expected] } = await ask(origin, "/explain", JSON.stringify({ instances: [values.with(16, 2).with(9, 8)] }), "application/json");
  await page.waitForFunction((score) => document.querySelector(".number").dataset.score === score, {}, String(expected.score));
  assert.equal(await page.$eval("#exact-mistake", (line) => line.textContent), "");

  // Number and verdict stay in sight beside the curve.
  await page.$eval(".curve-slider input", (slider) => slider.scrollIntoView({ block: "center" }));
  await page.waitForSelector(".stick.on");
  await shows(page, ".stick .pill", /likely/);

  await page.$eval("#exact-value", (input) => input.select());
  await page.keyboard.press("Backspace");
  const { explanations: [missing] } = await ask(origin, "/explain", JSON.stringify({ instances: [values.with(16, null)] }), "application/json");
  await page.waitForFunction((score) => document.querySelector(".number").dataset.score === score, {}, String(missing.score));
}, { viewport: NARROW });

it("does not score what is far outside of anything seen without a word", async (page, { origin }) => {
  const odd = RECORDED.split(",").with(15, "17").with(16, "-5").join(",");
  await open(page, origin, `#/features?row=${odd}`);
  await shows(page, ".notes", /Share of all orders with it 1700\s% is impossible: it is never above 100\s%\./);
  await shows(page, ".notes", /Orders since last bought −5\sorders is impossible: it is never below 0\sorders\./);
  await open(page, origin, `#/features?row=${RECORDED.split(",").with(10, "99999").join(",")}`);
  await shows(page, ".notes", /Orders of this product 99,999\sorders is above anything in the training data, which ends at /);
  await open(page, origin, `#/features?row=${RECORDED.split(",").with(16, "3").join(",")}`);
  await shows(page, ".notes", /Orders since last bought 3\sorders contradicts the rest of the row: orders − last bought in is 46\sorders\./);
  await open(page, origin, PAIR);
  await score(page);
  assert.equal(await page.$eval(".notes", (list) => list.hidden), true);
});

it("puts another answer beside it, and keeps it in the link", async (page, { origin }) => {
  await open(page, origin, PAIR);
  await score(page);
  await page.type("#compare", "product 1000");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".versus");
  const [left, right] = [await explain(origin, "1,2"), await explain(origin, "1,1000")];
  const scores = await page.$$eval(".versus-score td b", (all) => all.map((one) => one.textContent));
  assert.deepEqual([scores[0], scores[2]], [left, right].map(({ score }) => `${(score * 100).toFixed(1)}\u00a0%`));
  const apart = left.contributions.map((one, at) => one - right.contributions[at]).toSorted((one, two) => Math.abs(two) - Math.abs(one));
  const shown = await page.$$eval(".versus-bar span", (all) => all.map((one) => one.textContent));
  assert.deepEqual(shown.slice(0, 6).map(number), apart.slice(0, 6).map((one) => Number(one.toFixed(2))));
  await noted(page, "with", "customer 1, product 1000");
  await page.reload();
  await shows(page, ".versus thead", /Harbor Valley Apple Baby Cereal/);
  await page.$eval("#compare", (input) => (input.value = ""));
  await page.type("#compare", "7");
  await page.keyboard.press("Enter");
  await shows(page, ".compare .field-mistake", /Expected a customer and a product/);
});

it("gives the same answer by curl, Python and JavaScript, of what is shown", async (page, { origin }) => {
  await open(page, origin, `${PAIR}&set=up_orders:1`);
  const shown = await score(page);
  await shows(page, "#code", /^curl .*\/explain$/s);
  const body = /-d '(.*)'/.exec(await text(page, "#code"))[1];
  const { explanations: [{ score: again }] } = await ask(origin, "/explain", body, "application/json");
  assert.equal(again, shown);
  await page.focus("#code-curl");
  await page.keyboard.press("ArrowRight");
  await shows(page, "#code", /^import requests.*raise_for_status/s);
  await page.keyboard.press("ArrowRight");
  await shows(page, "#code", /^const answer = await fetch/);
  const run = await page.evaluate(`(async () => { let said; const console = { log: (x) => (said = x) }; ${await text(page, "#code")}; return said; })()`);
  assert.equal(run, shown);
});

it("copies the link with everything in it, and all digits", async (page, { origin }) => {
  await page.browserContext().overridePermissions(origin, ["clipboard-read", "clipboard-write", "clipboard-sanitized-write"]);
  await open(page, origin, `${PAIR}&above=4`);
  const shown = await score(page);
  await page.click(".tools button:nth-child(2)");
  await shows(page, "#toast", /All digits copied/);
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), String(shown));
  await page.click(".tools button:nth-child(1)");
  await shows(page, "#toast", /Link copied/);
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(link.origin, origin);
  assert.equal(new URLSearchParams(link.hash.split("?")[1]).get("above"), "4");
});

it("says so when the scorer cannot explain, and scores all the same", async (page, { origin }) => {
  const model = await ask(origin, "/model");
  model.capabilities.explain = false;
  model.backends.scorer = "sagemaker";
  intercept(page, "/model", () => json(model));
  await open(page, origin, PAIR);
  await shows(page, ".no-reasons", /the scorer in use \(sagemaker\) gives scores alone/);
  const { predictions: [{ score: expected }] } = await ask(origin, "/predict/pair", "1,2");
  assert.equal(await score(page), expected);
  assert.equal(await page.$(".causes"), null);
});

it("shows a score that is no probability as the number it is", async (page, { origin }) => {
  const model = await ask(origin, "/model");
  intercept(page, "/model", () => json({ ...model, objective: "reg:squarederror" }));
  await open(page, origin, PAIR);
  const { predictions: [{ score: expected }] } = await ask(origin, "/predict/pair", "1,2");
  assert.equal(await text(page, ".hero .number"), String(expected));
  assert.equal(await page.$(".axis"), null);
  await page.waitForSelector(".curve .score-line");
});

it("leaves out what a card would tell where there is none, and shows bare names of an unknown model", async (page, { origin }) => {
  const { card, ...model } = await ask(origin, "/model");
  assert.ok(card.features.length === 18);
  intercept(page, "/model", () => json(model));
  await open(page, origin, `${PAIR}&open=${SINCE}`);
  await page.waitForSelector(".curve .score-line");
  assert.equal(await page.$(".curve .seen, .cause .badge"), null);
  await page.click("#model summary");
  const parts = await page.$$eval("#model h2", (all) => all.map((part) => part.textContent));
  assert.deepEqual(parts, ["Threshold", "Service"]);
});

it("shows the features of a model without a guide by their names", async (page, { origin }) => {
  intercept(page, "/features.json", () => ({ status: 404, body: "" }));
  await open(page, origin, PAIR);
  await shows(page, ".reason", /^Mainly because up_orders_since_last_order = 6, and up_order_rate_since_first_order = 0\.2\.$/);
  await page.waitForSelector(".curve .score-line");
}, { expectedErrors: [/404/] });

it("tells what the card says of the model", async (page, { origin }) => {
  const { card, version } = await ask(origin, "/model");
  await open(page, origin, PAIR);
  const said = "300 trees · trained 25 Nov 2026 · on 11,286 rows · AUC 0\\.831 \\(0\\.822–0\\.838\\)";
  await shows(page, "#model summary", new RegExp(`^Model ${version.slice(0, 8)} · ${said}`));
  await page.click("#chip");
  assert.equal(await page.evaluate(() => location.hash), PAIR, "the answer stays");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "SUMMARY");
  await shows(page, "#model .card", new RegExp(card.threshold.reason.replace(/[.+()]/g, "\\$&")));
  assert.equal((await page.$$(".calibration circle")).length, card.calibration.length);
});

it("tells how old the table is, where the service says so", async (page, { origin }) => {
  const model = await ask(origin, "/model");
  intercept(page, "/model", () => json({ ...model, table: { version: "7", rows: 11286, source: "features.csv", loaded_at: "2026-11-24T06:00:00Z" } }));
  await open(page, origin, PAIR);
  await shows(page, "#model summary", /table of 24 Nov 2026/);
  await page.click("#chip");
  await shows(page, "#model .card", /11,286 rows in the table, loaded 24 Nov 2026, from features\.csv/);
});

it("shows several numbers per row as they are, of one row and of a table", async (page, { origin }) => {
  const model = await ask(origin, "/model");
  const row = [0.2, 0.3, 0.5];
  intercept(page, "/model", () => json({ ...model, outputs: 3, objective: "multi:softprob" }));
  intercept(page, "/explain/pair", () => json({ explanations: [{ user_id: "1", product_id: "2", score: row, margin: row, base: row, contributions: [[0], [0], [0]], values: [] }] }));
  intercept(page, "/predict", () => json({ predictions: [{ score: row }, { score: row }], model: model.version }));
  await open(page, origin, PAIR);
  await shows(page, ".outputs", /^0\.20\.30\.5$/);
  await open(page, origin, "#/batch");
  await page.$eval("#rows", (area, row) => (area.value = `${row}\n${row}`), RECORDED);
  await page.$eval(".paste", (form) => form.requestSubmit());
  await shows(page, ".rows-line .column-score", /^0\.2, 0\.3, 0\.5$/);
});
