// Ten states as pictures, compared with those in snapshots/. A picture may differ a little, as fonts are drawn a little differently
// on every machine. `npm run snapshots` takes them anew; look at them before they are committed.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { test } from "node:test";

import { NARROW, ask, drag, look, open, still, withPage } from "./browser.js";

const it = withPage();

const SNAPSHOTS = join(import.meta.dirname, "snapshots");
const TAKE = process.env.SNAPSHOTS === "take";
/** Half size: what a reader would notice is seen, and the files are small. */
const WIDE = { width: 1280, height: 900, deviceScaleFactor: 0.5 };
const PHONE = { ...NARROW, width: 390, height: 844, deviceScaleFactor: 0.6 };
/** Share of the pixels that may differ, and how much each may before it counts. */
const TOLERANCE = 0.02;
const UNLIKE = 0.2;

const PAIR = "#/pair?user=1&product=2";
const STATES = {
  start: { ready: ".examples a" },
  answer: { fragment: PAIR, ready: ".curve .score-line" },
  "answer-dark": { fragment: "#/pair?user=1&product=1000&above=35", ready: ".curve .score-line", look: { scheme: "dark" } },
  "answer-forced-colours": { fragment: "#/pair?user=1&product=1000", ready: ".curve .score-line", look: { forced: true } },
  "answer-phone": { fragment: `${PAIR}&open=up_orders_since_last_order`, ready: ".curve .score-line", viewport: PHONE },
  "what-if": { fragment: "#/pair?user=1&product=1000&open=up_order_rate_since_first_order&set=up_orders:2;up_order_rate:0.2;up_order_rate_since_first_order:0.5", ready: ".curve .score-line" },
  basket: { fragment: "#/basket?user=1&above=33", ready: ".basket-cut" },
  batch: { fragment: "#/batch", table: true, ready: ".rows-line .triangle" },
  "batch-phone": { fragment: "#/batch", table: true, ready: ".rows-line", viewport: PHONE },
  "wrong-row": { fragment: "#/features?row=1,2,3,4,5", ready: ".cells" },
};

for (const [name, { fragment = "", ready, table, look: looks = {}, viewport = WIDE }] of Object.entries(STATES)) {
  it(`looks as before: ${name}`, async (page, { origin }) => {
    await look(page, { ...looks, still: true });
    await open(page, origin, fragment);
    if (table) await drag(page, "drop", "footer", "holdout.csv", await holdout(origin));
    await page.waitForSelector(ready);
    await page.waitForNetworkIdle({ idleTime: 250 });
    await still(page);
    const taken = PNG.sync.read(Buffer.from(await page.screenshot({ type: "png" })));
    const file = join(SNAPSHOTS, `${name}.png`);
    if (TAKE) {
      await mkdir(SNAPSHOTS, { recursive: true });
      await writeFile(file, PNG.sync.write(taken, { colorType: 2, deflateLevel: 9 }));
      return;
    }
    const kept = PNG.sync.read(await readFile(file));
    assert.deepEqual([taken.width, taken.height], [kept.width, kept.height]);
    const difference = new PNG({ width: kept.width, height: kept.height });
    const unlike = pixelmatch(kept.data, taken.data, difference.data, kept.width, kept.height, { threshold: UNLIKE });
    const share = unlike / (kept.width * kept.height);
    if (share <= TOLERANCE) return;
    const folder = await mkdtemp(join(tmpdir(), `imba-${name}-`));
    await writeFile(join(folder, "now.png"), PNG.sync.write(taken));
    await writeFile(join(folder, "difference.png"), PNG.sync.write(difference));
    assert.fail(`${(share * 100).toFixed(1)} % of the pixels differ: see ${folder}; take it anew by npm run snapshots if it is better now`);
  }, { viewport });
}

test("there is a picture of every state and none of another", async () => {
  assert.deepEqual((await readdir(SNAPSHOTS)).sort(), Object.keys(STATES).map((name) => `${name}.png`).sort());
});

/** A table with a label, the same every time. */
async function holdout(origin) {
  const { feature_names: names } = await ask(origin, "/model");
  const lines = (await readFile(join(import.meta.dirname, "../../demo/features.csv"), "utf8")).trimEnd().split("\n").slice(1, 601);
  return [`user_id,product_id,${names.join(",")},bought`, ...lines.map((line, at) => `${line},${(at * 7919) % 6 === 0 ? 1 : 0}`)].join("\n");
}
