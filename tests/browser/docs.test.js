// The contract for people: everything in it, to try by keyboard, for everyone, under the page's policy.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { NARROW, ask, intercept, json, look, shows, still, text, withPage } from "./browser.js";

const it = withPage();
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function openDocs(page, origin, fragment = "") {
  await page.goto(`${origin}/docs${fragment}`);
  await page.waitForSelector(".operation");
}

it("shows every operation of the contract, with its failures", async (page, { origin }) => {
  const contract = await ask(origin, "/openapi.json");
  const response = await page.goto(`${origin}/docs`);
  assert.match(response.headers()["content-security-policy"], /^default-src 'self';/);
  await page.waitForSelector(".operation");
  const expected = Object.entries(contract.paths).flatMap(([path, item]) => Object.entries(item).map(([method, { operationId, responses }]) =>
    ({ id: operationId, route: `${method.toUpperCase()}${path}`, statuses: Object.keys(responses).filter((status) => status >= "400") })));
  const shown = await page.$$eval(".operation", (all) => all.map((one) => ({ id: one.id, route: one.querySelector(".route").textContent, statuses: [...one.querySelectorAll(".statuses dt")].map((status) => status.textContent) })));
  const byId = (one, other) => one.id.localeCompare(other.id);
  assert.deepEqual(shown.sort(byId), expected.sort(byId));
  assert.equal(await page.$$eval("#routes a", (all) => all.length), expected.length);
});

it("tries an operation by keyboard alone, with the example and with another body", async (page, { origin }) => {
  await openDocs(page, origin, "#predictPair");
  await page.focus("#predictPair-example");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Send");
  await page.keyboard.press("Enter");
  await shows(page, "#predictPair .status b", /^200 OK$/);
  const { predictions } = await ask(origin, "/predict/pair", "1,2");
  assert.deepEqual(JSON.parse(await text(page, "#predictPair .answer")).predictions, predictions);
  await shows(page, "#predictPair .command", /^curl -H 'accept: application\/json' -H 'content-type: application\/json' --data-binary '\{.*\}' 'http:.*\/predict\/pair'$/s);
  await page.$eval("#predictPair-body", (area) => area.select());
  await page.keyboard.press("Tab");
  await page.focus("#predictPair-body");
  await page.keyboard.type("nothing");
  await page.click("#predictPair .solid");
  await shows(page, "#predictPair .status b", /^400 Bad Request$/);
  await shows(page, "#predictPair .answer", /"code": "malformed"/);
}, { expectedErrors: [/400/] });

it("fills addresses, and asks for a key where the service does", async (page, { origin }) => {
  intercept(page, "/recommend/", ({ headers }) => (headers["x-api-key"] === "right" ? undefined : json({ title: "The caller is not known" }, 401)));
  await openDocs(page, origin);
  await page.$eval("#recommend-user_id", (input) => (input.value = ""));
  await page.type("#recommend-user_id", "7");
  await shows(page, "#recommend .command", /'http:.*\/recommend\/7\?limit=5'$/);
  await page.click("#recommend .solid");
  await page.waitForSelector("#key[open]");
  await page.type("#key-value", "right");
  await page.keyboard.press("Enter");
  await shows(page, "#recommend .status b", /^200 OK$/);
  assert.deepEqual(JSON.parse(await text(page, "#recommend .answer")), await ask(origin, "/recommend/7?limit=5"));
}, { expectedErrors: [/401/] });

for (const [name, { viewport, ...looks }] of Object.entries({ light: {}, dark: { scheme: "dark" }, "forced colours": { forced: true }, phone: { viewport: NARROW } })) {
  it(`has no axe violations and nothing wider than the screen: ${name}`, async (page, { origin }) => {
    await look(page, looks);
    await openDocs(page, origin);
    await page.click("#explainPair .solid");
    await page.waitForSelector("#explainPair .status");
    await page.$$eval("details", (all) => all.forEach((one) => (one.open = true)));
    await still(page);
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`), []);
    const [wanted, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(wanted <= room, `${wanted} px wide on a screen of ${room} px`);
  }, { viewport });
}
