// Pictures of the real page for the README: `npm run screenshots` writes docs/images/.

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";

import { NARROW, launch, look, open, still } from "./browser.js";
import { CARD, startService, withProxy } from "./service.js";

const IMAGES = resolve(import.meta.dirname, "../../docs/images");
const WIDE = { width: 1280, height: 900, deviceScaleFactor: 1.25 };

/** Name, fragment, what must be there, look and screen of each picture. */
const PICTURES = [
  ["page", "#/pair?user=1&product=2", ".curve .score-line", {}, WIDE],
  ["basket", "#/basket?user=1&above=33", ".basket-cut", {}, WIDE],
  ["what-if-dark", "#/pair?user=1&product=1000&open=up_order_rate_since_first_order&above=50", ".curve .score-line", { scheme: "dark" }, WIDE],
  ["phone", "#/pair?user=1&product=2", ".cause", {}, { ...NARROW, width: 390, height: 844 }],
];

const bare = await startService();
const service = await withProxy(bare.origin, (model) => ({ ...model, card: model.card ?? CARD }));
const browser = await launch();
try {
  await mkdir(IMAGES, { recursive: true });
  for (const [name, fragment, ready, looks, viewport] of PICTURES) {
    const page = await browser.newPage();
    await look(page, looks);
    await page.setViewport(viewport);
    await open(page, service.origin, fragment);
    await page.waitForSelector(ready);
    await still(page);
    await page.screenshot({ path: join(IMAGES, `${name}.png`), optimizeForSpeed: false });
    await page.close();
  }
} finally {
  await browser.close();
  await service.stop();
  await bare.stop();
}
