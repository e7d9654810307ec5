// Pictures of the real page for the README: `npm run screenshots` writes docs/images/.

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";

import { NARROW, launch, open } from "./browser.js";
import { startService } from "./service.js";

const IMAGES = resolve(import.meta.dirname, "../../docs/images");
const WIDE = { width: 1180, height: 880, deviceScaleFactor: 1.5 };
const ROW =
  "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";

/** Name, fragment, what must be there, look and screen of each picture. */
const PICTURES = [
  ["page", "#/pair?user=1&product=1000", "#answer-pair .waterfall", "light", WIDE],
  ["basket", "#/basket?user=124", ".basket li", "light", WIDE],
  ["features-dark", `#/features?row=${ROW}`, "#answer-features .waterfall", "dark", WIDE],
  ["phone", "#/pair?user=1&product=2", "#answer-pair .waterfall", "light", { ...NARROW, height: 1120 }],
];

const service = await startService();
const browser = await launch();
try {
  await mkdir(IMAGES, { recursive: true });
  for (const [name, fragment, ready, scheme, viewport] of PICTURES) {
    const page = await browser.newPage();
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.setViewport(viewport);
    await open(page, service.origin, fragment);
    await page.waitForSelector(ready);
    await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
    await page.screenshot({ path: join(IMAGES, `${name}.png`), optimizeForSpeed: false });
    await page.close();
  }
} finally {
  await browser.close();
  await service.stop();
}
