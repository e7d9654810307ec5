// States of an answer: loading, slow, offline, refused, overloaded, broken; and nothing jumps.

import assert from "node:assert/strict";

import { ask, askFor, intercept, json, noteTexts, noted, open, score, shows, text, withPage } from "./browser.js";

const it = withPage();

const PAIR = "#/pair?user=1&product=2";
const NETWORK = /ERR_|Failed to load resource/;
const problem = (status, more) => ({ type: "about:blank", title: "?", status, detail: "", code: "?", request_id: "r-1", ...more });

it("shows that it waits, then that it waits long, and keeps the answer before", async (page, { origin }) => {
  await open(page, origin, PAIR);
  const first = await text(page, ".hero .number");
  let release;
  const held = new Promise((done) => (release = done));
  intercept(page, "/explain/pair", async () => {
    await held;
  });
  await noteTexts(page, "#waiting");
  await page.evaluate(() => (location.hash = "#/pair?user=1&product=1000"));
  await noted(page, /Asking the service/);
  assert.equal(await page.$eval("#screen", (screen) => screen.getAttribute("aria-busy")), "true");
  assert.equal(await text(page, ".hero .number"), first);
  await shows(page, "#waiting", /Still waiting/);
  await shows(page, "#spoken", /Still waiting/);
  release();
  await shows(page, ".eyebrow", /product 1000/);
  assert.equal(await page.$eval("#screen", (screen) => screen.getAttribute("aria-busy")), null);
  await shows(page, "#spoken", /Apple Baby Cereal: 60\.9\s%, likely\.$/);
});

it("does not let an older, slower answer replace a newer one", async (page, { origin }) => {
  await open(page, origin);
  let release;
  const held = new Promise((done) => (release = done));
  intercept(page, "/explain/pair", async (request) => {
    if (request.body.includes('"2"')) await held;
  });
  await noteTexts(page, "#waiting");
  await page.evaluate(() => (location.hash = "#/pair?user=1&product=2"));
  await noted(page, /Asking/);
  await page.evaluate(() => (location.hash = "#/pair?user=1&product=1000"));
  await shows(page, ".eyebrow", /product 1000/);
  release();
  await new Promise((done) => setTimeout(done, 300));
  await shows(page, ".eyebrow", /product 1000/);
}, { expectedErrors: [NETWORK] });

it("says that the device is offline, keeps the input, and goes on when it is back", async (page, { origin }) => {
  await open(page, origin, PAIR);
  const first = await score(page);
  await page.setOfflineMode(true);
  await page.waitForSelector("#offline:not([hidden])");
  assert.equal(await score(page), first);
  await askFor(page, "1, 1000");
  await shows(page, ".trouble h1", /^You are offline$/);
  assert.equal(await page.$eval("#ask", (input) => input.value), "customer 1, product 1000");
  await page.setOfflineMode(false);
  await page.waitForSelector("#offline", { hidden: true });
  await page.click(".trouble button");
  await shows(page, ".hero .pill", /likely/);
}, { expectedErrors: [NETWORK] });

it("says that the service is gone, and where it was looked for", async (page, { origin }) => {
  await open(page, origin);
  intercept(page, "/explain/pair", () => "abort");
  await page.evaluate((hash) => (location.hash = hash), PAIR);
  await shows(page, ".trouble", new RegExp(`The service cannot be reached.*${new URL(origin).host}.*Check that imba is running`));
}, { expectedErrors: [NETWORK] });

it("says at the start that the service is gone, and starts when it is back", async (page, { origin }) => {
  let gone = true;
  intercept(page, "/model", () => (gone ? "abort" : undefined));
  await page.goto(`${origin}/index_imba.html${PAIR}`);
  await shows(page, ".trouble h1", /The service cannot be reached/);
  gone = false;
  await page.click(".trouble button");
  await shows(page, ".hero .pill", /likely/);
  assert.equal(await page.$(".trouble"), null);
}, { expectedErrors: [NETWORK] });

it("asks for the API key, again if it is refused, and keeps it for the session only", async (page, { origin }) => {
  const keys = [];
  intercept(page, "/explain/pair", (request) => {
    const key = request.headers["x-api-key"];
    keys.push(key);
    return key === "right" ? undefined : json(problem(401, { title: "An API key is needed" }), 401);
  });
  await open(page, origin, PAIR);
  await page.waitForSelector("#key[open]");
  assert.equal(await page.$eval("#key-refused", (line) => line.hidden), true);
  await page.type("#key-value", "wrong");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#key-refused:not([hidden])");
  await page.type("#key-value", "right");
  await page.keyboard.press("Enter");
  await shows(page, ".hero .pill", /likely/);
  assert.deepEqual(keys, [undefined, "wrong", "right"]);
  const kept = await page.evaluate(() => ({ session: Object.entries(sessionStorage).filter(([, value]) => value.includes("right")), local: Object.values(localStorage), address: location.href, cookie: document.cookie }));
  assert.deepEqual(kept, { session: [["imba.api-key", "right"]], local: [], address: `${origin}/index_imba.html${PAIR}`, cookie: "" });
  await page.reload();
  await shows(page, ".hero .pill", /likely/);
  assert.equal(keys.at(-1), "right");
}, { expectedErrors: [NETWORK] });

it("asks once for a key that everything needs, and shows the plan and what is left of it", async (page, { origin }) => {
  let left = 9_998;
  const guard = ({ headers }) => headers["x-api-key"] === "right"
    ? { headers: { "ratelimit-policy": '"gold.rate";q=20;w=2, "gold.quota";q=10000;w=86400', ratelimit: `"gold.rate";r=19;t=1, "gold.quota";r=${(left -= 1)};t=7200` } }
    : json(problem(401, { title: "The caller is not known" }), 401);
  for (const path of ["/model", "/users", "/recommend/", "/explain/pair", "/explain"]) intercept(page, path, guard);
  await open(page, origin);
  await page.type("#key-value", "right");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".examples a");
  await page.click(".examples a");
  await score(page);
  await shows(page, "#plan", /^gold · 9,9\d\d left$/);
  await page.waitForSelector(".curve .score-line");
  await page.click("#model summary");
  await shows(page, "#plan-part", /^Your plan: gold19 of 20\srequests left at once; all again in 1\ssecond\.9,9\d\d of 10,000\srequests left in this period; all again in 2\shours\./);
  assert.equal(await page.$eval("#plan", (place) => place.classList.contains("badge")), false);
  left = 501;
  await askFor(page, "1, 1000");
  await shows(page, "#plan", /^gold · (500|49\d) left$/);
  await page.waitForSelector("#plan.badge");

  // The key is the reader's to forget.
  await page.evaluate(() => [...document.querySelectorAll("#plan-part button")].find((button) => button.textContent === "Forget the key").click());
  assert.equal(await page.$eval("#plan", (place) => place.hidden), true);
  assert.equal(await page.evaluate(() => sessionStorage.getItem("imba.api-key")), null);
  await askFor(page, "1, 2");
  await page.waitForSelector("#key[open]");
}, { expectedErrors: [NETWORK] });

it("says that a key does not allow what was asked, and takes another", async (page, { origin }) => {
  intercept(page, "/recommend/", ({ headers }) => headers["x-api-key"] === "wide" ? undefined
    : json(problem(403, { title: "The caller may not do this", detail: "the key lacks the scope recommend", code: "forbidden" }), 403));
  await open(page, origin, "#/basket?user=1");
  await shows(page, ".trouble", /This key does not allow thatThe key lacks the scope recommend\. Whoever operates this service can give you a key that does\./);
  assert.equal(await page.$("#key[open]"), null, "the key is not asked for unasked");
  await page.click(".trouble button");
  await page.waitForSelector("#key[open]");
  assert.equal(await page.$eval("#key-refused", (line) => line.hidden), true);
  await page.type("#key-value", "wide");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".basket li");
}, { expectedErrors: [NETWORK] });

it("says that the plan is used up, for how long, and stops a table there", async (page, { origin }) => {
  let given = json(problem(429, { title: "The caller asks too fast", detail: "the rate of plan \"free\" is used up", code: "rate_limited" }), 429, { "retry-after": "2" });
  intercept(page, "/explain/pair", () => given);
  await open(page, origin, PAIR);
  await shows(page, ".trouble", /Too many questions at onceThe rate of plan "free" is used up\. Try again in 2\sseconds\./);
  given = json(problem(429, { title: "The caller's quota is used up", detail: "the quota of plan \"free\" is used up", code: "quota_exceeded" }), 429,
    { "retry-after": "10800", "ratelimit-policy": '"quota";q=100;w=86400', ratelimit: '"quota";r=0;t=10800' });
  await page.click(".trouble button");
  await shows(page, ".trouble", /Your plan’s quota is used upThe quota of plan "free" is used up\. Try again in 3\shours\./);
  await shows(page, "#plan", /^0 left$/);
  intercept(page, "/predict", () => given);
  await open(page, origin, "#/batch");
  await page.$eval("#rows", (area, row) => (area.value = `${row}\n${row}`), Array.from({ length: 18 }, () => "1").join(","));
  await page.$eval(".paste", (form) => form.requestSubmit());
  await shows(page, ".progress", /Stopped: Your plan’s quota is used up\. .*in 3\shours\.Go on$/);
  given = undefined;
  await page.click(".progress button");
  await page.waitForSelector(".rows-line [data-score]");
}, { expectedErrors: [NETWORK] });

it("does not ask for a key while the reader types", async (page, { origin }) => {
  intercept(page, "/users", () => json(problem(401), 401));
  await open(page, origin, PAIR);
  await score(page);
  const refused = page.waitForResponse((response) => response.status() === 401);
  await page.type("#ask", "1");
  await refused;
  await new Promise((done) => setTimeout(done, 200));
  assert.equal(await page.$("#key[open]"), null);
}, { expectedErrors: [NETWORK] });

it("says what to do when no key is given", async (page, { origin }) => {
  intercept(page, "/explain/pair", () => json(problem(401), 401));
  await open(page, origin, PAIR);
  await page.waitForSelector("#key[open]");
  await page.keyboard.press("Escape");
  await shows(page, ".trouble", /asks for an API key/);
  await page.click(".trouble button");
  await page.waitForSelector("#key[open]");
}, { expectedErrors: [NETWORK] });

it("tells an overloaded service's advice and tries again on request", async (page, { origin }) => {
  let overloaded = true;
  intercept(page, "/explain/pair", () => overloaded
    ? json(problem(503, { title: "A part of the service is unavailable", detail: "the feature store is unavailable" }), 503, { "retry-after": "1" })
    : undefined);
  await open(page, origin, PAIR);
  await shows(page, ".trouble", /A part of the service is unavailableThe feature store is unavailable\. Try again in 1\ssecond\.Try again.*request r-1/s);
  overloaded = false;
  await page.click(".trouble button");
  await shows(page, ".hero .pill", /likely/);
}, { expectedErrors: [NETWORK] });

it("knows an answer of something between from one of the service", async (page, { origin }) => {
  let body = { status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" };
  intercept(page, "/explain/pair", () => body);
  await open(page, origin, PAIR);
  await shows(page, ".trouble", /Unexpected answer 502.*such as a proxy/);
  body = { status: 200, contentType: "application/json", body: '{"explanations": [' };
  await page.click(".trouble button");
  await shows(page, ".trouble", /The answer cannot be read/);
}, { expectedErrors: [NETWORK] });

it("follows a model that is replaced while the page is open", async (page, { origin }) => {
  const model = await ask(origin, "/model");
  const other = { ...model, version: "f".repeat(64), objective: "reg:squarederror" };
  const explanation = { score: 3.5, likely: true, margin: 3.5, base: 3.5, contributions: model.feature_names.map(() => 0), values: model.feature_names.map(() => 1) };
  const headers = { "x-model-version": other.version };
  await open(page, origin, PAIR);
  await shows(page, ".hero .number", /%/);
  const answers = { "/model": other, "/explain/pair": { explanations: [explanation] } };
  for (const [path, document] of Object.entries(answers)) intercept(page, path, () => json(document, 200, headers));
  await askFor(page, "1, 1000");
  await shows(page, "#model summary", /^Model ffffffff/);
  await shows(page, ".hero .number", /^3\.5$/);
});

it("lets nothing jump from the first paint to the answer", async (page, { origin }) => {
  await page.evaluateOnNewDocument(() => {
    window.shifts = [];
    new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map(({ value }) => value)))
      .observe({ type: "layout-shift", buffered: true });
  });
  for (const [fragment, answer] of [[PAIR, ".curve .score-line"], ["#/basket?user=1", ".basket li"], ["#/features?row=1,2,3", ".cells"], ["", ".examples a"], ["#/batch", "#rows"]]) {
    await page.goto("about:blank");
    await open(page, origin, fragment);
    await page.waitForSelector(answer);
    const shifted = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(window.shifts.reduce((sum, one) => sum + one, 0)), 50))));
    assert.ok(shifted < 0.01, `${fragment}: layout shift ${shifted}`);
  }
});
