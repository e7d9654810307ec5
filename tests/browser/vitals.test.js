// How soon it is there, how steady it is, how soon it answers the reader's hand; and how much it weighs. The figures are printed;
// what must hold does not depend on the machine: bytes, requests, layout shift, and that paint waits for no script.

import assert from "node:assert/strict";

import { open, openFile, score, text, withPage } from "./browser.js";
import { writeFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const it = withPage();
const PAIR = "#/pair?user=1&product=2";

/** Slow 3G: 400 kbit/s each way, 400 ms to and fro. */
const SLOW = { offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000 };

const observe = () => {
  window.vitals = { lcp: 0, cls: 0, inp: 0, long: 0 };
  const watch = (type, seen, more = {}) => new PerformanceObserver((list) => list.getEntries().forEach(seen)).observe({ type, buffered: true, ...more });
  watch("largest-contentful-paint", ({ startTime }) => (window.vitals.lcp = startTime));
  watch("layout-shift", ({ value, hadRecentInput }) => hadRecentInput || (window.vitals.cls += value));
  watch("event", ({ duration, interactionId }) => interactionId && (window.vitals.inp = Math.max(window.vitals.inp, duration)), { durationThreshold: 16 });
  watch("longtask", ({ duration }) => (window.vitals.long = Math.max(window.vitals.long, duration)));
};
const vitals = (page) => page.evaluate(() => ({ ...window.vitals, fcp: performance.getEntriesByName("first-contentful-paint")[0]?.startTime }));
const tell = (what, { lcp, cls, inp, fcp, long }) => console.log(`# ${what}: FCP ${Math.round(fcp)} ms, LCP ${Math.round(lcp)} ms, CLS ${cls.toFixed(4)}, INP ${Math.round(inp)} ms, longest task ${Math.round(long)} ms`);

it("answers without a jump, and keeps up with the reader's hand", async (page, { origin }) => {
  await page.evaluateOnNewDocument(observe);
  await open(page, origin, PAIR);
  await page.waitForSelector(".curve .score-line");
  await page.focus(".axis .threshold input");
  for (let press = 0; press < 10; press += 1) await page.keyboard.press("ArrowRight");
  await page.focus(".curve-slider input");
  for (let press = 0; press < 5; press += 1) await page.keyboard.press("ArrowLeft");
  await page.click(".why-foot button");
  const seen = await vitals(page);
  tell("an answer", seen);
  assert.ok(seen.cls < 0.01, `layout shift ${seen.cls}`);
});

it("keeps up with fifty thousand rows", async (page, { origin }) => {
  await page.evaluateOnNewDocument(observe);
  const demo = (await readFile(resolve(import.meta.dirname, "../../demo/features.csv"), "utf8")).trimEnd().split("\n");
  const folder = await mkdtemp(join(tmpdir(), "imba-vitals-"));
  try {
    await writeFile(join(folder, "many.csv"), `${demo[0]}\n${Array.from({ length: 50_000 }, (_, at) => demo[1 + (at % (demo.length - 1))]).join("\n")}\n`);
    await open(page, origin, "#/batch");
    await openFile(page, join(folder, "many.csv"));
    await page.waitForFunction(() => document.querySelector(".progress")?.hidden && document.querySelector(".rows-line"), { timeout: 600_000 });
    tell("scoring 50,000 rows", await vitals(page));
    await page.evaluate(() => Object.assign(window.vitals, { inp: 0, long: 0 }));
    await page.focus(".histogram input");
    for (let press = 0; press < 20; press += 1) await page.keyboard.press("ArrowRight");
    await page.click("label:has([value=likely])");
    await page.focus(".histogram input");
    for (let press = 0; press < 20; press += 1) await page.keyboard.press("ArrowLeft");
    await page.click("[data-key=score] button");
    await page.type(".find input", "19");
    await page.waitForFunction(() => document.querySelector(".rows-line"));
    tell("50,000 rows under the hand", await vitals(page));
    assert.ok((await page.$$(".rows-line")).length < 60);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it("paints on slow 3G before any script or font is there, from two rounds and few bytes", async (page, { origin }) => {
  const session = await page.createCDPSession();
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", SLOW);
  await page.evaluateOnNewDocument(observe);
  await page.goto(`${origin}/index_imba.html${PAIR}`, { waitUntil: "domcontentloaded" });
  await score(page);
  const seen = await vitals(page);
  tell("slow 3G, an answer", seen);
  const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name, renderBlockingStatus, encodedBodySize }) => ({ name: new URL(name).pathname, renderBlockingStatus, encodedBodySize })));
  const blocking = loaded.filter(({ renderBlockingStatus }) => renderBlockingStatus === "blocking");
  assert.deepEqual(blocking.map(({ name }) => name).sort(), ["/css/answer.css", "/css/lists.css", "/css/page.css"]);
  assert.ok(loaded.some(({ name }) => name === "/js/main.js"));
  assert.equal(await page.$("script:not([type=module])"), null, "paint waits for no script");
  // Two rounds of 400 ms and what the paint needs at 50 bytes per millisecond.
  const bytes = blocking.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0) + (await page.evaluate(() => performance.getEntriesByType("navigation")[0].encodedBodySize));
  console.log(`# first paint needs ${bytes} bytes: ${Math.round(800 + bytes / 50)} ms on slow 3G`);
  assert.ok(800 + bytes / 50 < 2000);
});

it("weighs less than 150 KB over the wire, with everything that it can load", async (page, { origin }) => {
  const session = await page.createCDPSession();
  await session.send("Network.enable");
  const sizes = new Map();
  const paths = new Map();
  session.on("Network.responseReceived", ({ requestId, response }) => paths.set(requestId, new URL(response.url).pathname));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => sizes.set(requestId, encodedDataLength));
  await open(page, origin, PAIR);
  await text(page, ".hero .number");
  await page.waitForNetworkIdle();
  const isFile = (id) => /^\/(index_imba\.html|features\.json|favicon\.svg|css\/|js\/|font\/)/.test(paths.get(id) ?? "");
  const total = () => [...sizes].filter(([id]) => isFile(id)).reduce((sum, [, size]) => sum + size, 0);
  console.log(`# an answer: ${[...paths.keys()].filter(isFile).length} files, ${total()} bytes over the wire`);
  // What is loaded for an answer is announced in the page's head, so that it comes in one round.
  const announced = await page.$$eval("link[rel=modulepreload]", (links) => links.map((link) => new URL(link.href).pathname));
  const loaded = [...paths.values()].filter((path) => path.startsWith("/js/") && path !== "/js/main.js");
  assert.deepEqual(announced.toSorted(), loaded.toSorted());
  await page.click('[data-tab="basket"]');
  await page.waitForSelector(".customers a");
  await page.click('[data-tab="batch"]');
  await page.waitForSelector("#rows");
  await page.$eval("#rows", (area) => (area.value = "1,2\n1,73\n"));
  await page.$eval(".paste", (form) => form.requestSubmit());
  await page.waitForSelector(".rows-line");
  await page.waitForNetworkIdle();
  console.log(`# all of it: ${[...paths.keys()].filter(isFile).length} files, ${total()} bytes over the wire`);
  assert.ok(paths.size > 30, `only ${paths.size} files were seen`);
  assert.ok(total() < 150_000, `${total()} bytes`);
});
