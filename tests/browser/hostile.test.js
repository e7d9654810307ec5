// Hostile names and ids are text, and the policy holds.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after } from "node:test";

import { eventually, open, openFile, score, shows, text, withPage } from "./browser.js";

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
  settings: { IMBA__FEATURES__EMBEDDED__SEED: join(folder, "features.csv"), IMBA__PRODUCTS__NAMES: join(folder, "products.csv") },
});

it("shows a hostile product name and ids as they are, everywhere", async (page, { origin }) => {
  await open(page, origin, `#/basket?${new URLSearchParams({ user: USER })}`);
  assert.equal(await text(page, ".basket-product b"), NAME);
  await page.click(".basket a");
  await score(page);
  assert.equal(await text(page, "h1"), NAME);
  assert.equal(await text(page, ".eyebrow"), `Customer ${USER} · product ${PRODUCT}`);
  assert.equal(await page.$eval("#ask", (input) => input.value), `customer ${USER}, product """>${PRODUCT.slice(2)}"`);

  // What the field shows asks for the same again.
  const asked = page.waitForRequest((request) => request.url().endsWith("/explain/pair"));
  await page.focus("#ask");
  await page.keyboard.press("Enter");
  assert.deepEqual(JSON.parse((await asked).postData()), { instances: [[USER, PRODUCT]] });
  await score(page);
  await page.click(".mark");
  await shows(page, ".earlier-answers", /<img src=x/);
  await page.focus("#ask-start");
  await page.keyboard.press("ArrowDown");
  await page.waitForSelector("#ask-start-list:not([hidden])");
  assert.match(await text(page, "#ask-start-list [role=option]"), /^<img src=x/);
  assert.equal(await page.$("main img, main script, [onload], [onerror]"), null);
  assert.notEqual(await page.title(), "owned");
});

it("shows hostile cells of a pasted table as they are", async (page, { origin }) => {
  const names = header.split(",").slice(2);
  const file = join(folder, "<b>rows<b>.csv".replaceAll("<", "‹"));
  await writeFile(file, `<i>note</i>,${names.join(",")}\n${quoted(NAME)},${names.map(() => "1").join(",")}\n${quoted(USER)},${names.map(() => "<b>x").join(",")}\n`);
  await open(page, origin, "#/batch");
  await openFile(page, file);
  await page.waitForSelector(".rows-line:nth-child(2)");
  assert.deepEqual(await page.$$eval(".rows-line .column-carried", (cells) => cells.map((cell) => cell.textContent)), [NAME, USER]);
  assert.match(await text(page, ".column-reason .row-mistake"), /“<b>x” is not a number/);
  assert.equal(await text(page, ".rows-head .column-carried"), "<i>note</i>");
  assert.equal(await page.$("main img, main script"), null);
});

it("is served under a policy that lets nothing else in, and these tests would see a violation", async (page, { origin }, complaints) => {
  const response = await page.goto(`${origin}/`);
  assert.match(response.headers()["content-security-policy"], /^default-src 'self';/);
  await shows(page, "#model", /trees/);
  assert.equal(await page.$("[style*=url], style, script:not([src])"), null);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'owned'";
    document.body.append(script);
  });
  await shows(page, "body", /./);
  await eventually(() => complaints.some((complaint) => complaint.startsWith("policy: script-src")), () => complaints.join("\n"));
  assert.notEqual(await page.title(), "owned");
}, { expectedErrors: [/script-src/, /Content Security Policy/] });
