// Hostile names and ids are text, and the policy holds.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after } from "node:test";

import { open, shows, text, withPage } from "./browser.js";

const NAME = `<img src=x onerror="document.title='owned'"> "Tom & Jerry's" <b>cheese</b>`;
const USER = "<script>document.title='owned'</script>";
const PRODUCT = `"><svg onload=alert(1)>`;

const folder = await mkdtemp(join(tmpdir(), "imba-hostile-"));
const quoted = (cell) => `"${cell.replaceAll('"', '""')}"`;
const [header, line] = (await readFile(resolve(import.meta.dirname, "../../demo/features.csv"), "utf8")).split("\n", 2);
await writeFile(join(folder, "features.csv"), `${header}\n${quoted(USER)},${quoted(PRODUCT)},${line.split(",").slice(2).join(",")}\n`);
await writeFile(join(folder, "products.csv"), `product_id,product_name\n${quoted(PRODUCT)},${quoted(NAME)}\n`);
after(() => rm(folder, { recursive: true, force: true }));

const it = withPage({
  IMBA__FEATURES__EMBEDDED__SEED: join(folder, "features.csv"),
  IMBA__PRODUCTS__NAMES: join(folder, "products.csv"),
});

it("shows a hostile product name and ids as they are, everywhere", async (page, { origin }) => {
  await open(page, origin, `#/basket?${new URLSearchParams({ user: USER })}`);
  assert.equal(await text(page, ".basket-name"), NAME);
  assert.equal(await text(page, ".basket-id"), PRODUCT);
  await page.click(".basket-name");
  assert.equal(await text(page, "#answer-pair .about b"), NAME);
  assert.equal(await text(page, "#answer-pair .about"), `Customer ${USER} · ${NAME} (product ${PRODUCT})`);

  await page.click("#pair-product");
  await page.waitForSelector("#pair-product-list:not([hidden])");
  assert.equal(await text(page, "#pair-product-list [role=option]"), PRODUCT + NAME);
  assert.equal(await page.$("main img, main svg, main script"), null);
  assert.notEqual(await page.title(), "owned");
});

it("shows hostile cells of a pasted table as they are", async (page, { origin }) => {
  const names = header.split(",").slice(2);
  await open(page, origin, "#/features");
  await page.$eval("#features-rows", (area, rows) => (area.value = rows),
    `note,${names.join(",")}\n${quoted(NAME)},${names.map(() => "1").join(",")}\n${quoted(USER)},${names.map(() => "x").join(",")}\n`);
  await page.click("#form-features .primary");
  assert.equal(await text(page, ".scores td:nth-child(2)"), NAME);
  assert.equal(await text(page, ".scores tr:nth-child(2) td:nth-child(2)"), USER);
  assert.equal(await page.$("main img, main script"), null);
});

it("is served under a policy that lets nothing else in, and these tests would see a violation", async (page, { origin }, complaints) => {
  const response = await page.goto(`${origin}/`);
  assert.match(response.headers()["content-security-policy"], /^default-src 'self';/);
  await shows(page, "#model", /trees/);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'owned'";
    document.body.append(script);
  });
  await shows(page, "body", /./);
  await new Promise((done) => setTimeout(done, 200));
  assert.ok(complaints.some((complaint) => complaint.startsWith("policy: script-src")), complaints.join("\n"));
  assert.notEqual(await page.title(), "owned");
}, { expectedErrors: [/script-src/, /Content Security Policy/] });
