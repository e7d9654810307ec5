// Headless Chromium over the service: one browser per test file, one fresh profile and one page per test.

import assert from "node:assert/strict";
import { access, constants, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import puppeteer from "puppeteer-core";

import { BARE, CARD, startService, withProxy } from "./service.js";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 360, height: 740, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

/** How long a test waits for the page to show something. */
export const PATIENCE_MS = 90_000;

/**
 * Starts service and browser for a test file. The service's model has the example card.
 * @param {{settings?: Object<string, string>}} options settings of the service
 * @returns {(name: string, body: (page: import("puppeteer-core").Page, service: {origin: string}, complaints: string[]) => Promise<void>, options?: object) => void}
 *     registers a test with a page of its own, which fails on any error in the console and any violated policy
 */
export function withPage({ settings = {} } = {}) {
  const state = {};
  before(async () => {
    state.bare = await startService(settings);
    state.service = await withProxy(state.bare.origin, (model) => ({ ...model, card: CARD }));
    state.browser = await launch();
  });
  after(async () => {
    await state.browser?.close();
    await state.service?.stop();
    await state.bare?.stop();
  });
  return (name, body, { viewport = WIDE, expectedErrors = [] } = {}) =>
    test(name, async () => {
      const context = await state.browser.createBrowserContext();
      try {
        const page = await context.newPage();
        proxies.set(page, state.service);
        page.setDefaultTimeout(PATIENCE_MS);
        const complaints = await listen(page);
        await page.setViewport(viewport);
        await body(page, state.service, complaints);
        await settle(page);
        const unexpected = complaints.filter((complaint) => !expectedErrors.some((expected) => expected.test(complaint)));
        assert.deepEqual(unexpected, [], "errors in the console or violated policies");
      } finally {
        await context.close();
        state.service.answers.clear();
      }
    });
}

/** A headless browser that talks to nobody but the page's service. */
export async function launch() {
  await access(CHROMIUM, constants.X_OK).catch(() => {
    throw new Error(`${CHROMIUM} is not there: install Debian's package "chromium", or name another in CHROMIUM`);
  });
  const profile = await mkdtemp(join(tmpdir(), "imba-chromium-"));
  const browser = await puppeteer.launch({
    executablePath: CHROMIUM,
    userDataDir: profile,
    timeout: PATIENCE_MS,
    protocolTimeout: 4 * PATIENCE_MS,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const close = browser.close.bind(browser);
  browser.close = async () => {
    await close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return browser;
}

/** Gathers what must not happen: errors in the console, exceptions, violations of the content security policy. */
async function listen(page) {
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) complaints.push(`console: ${message.text()} ${message.location().url ?? ""}`);
  });
  page.on("pageerror", (error) => complaints.push(`exception: ${error.stack ?? error}`));
  await page.exposeFunction("imbaTestViolation", (text) => complaints.push(`policy: ${text}`));
  await page.evaluateOnNewDocument(() => {
    document.addEventListener("securitypolicyviolation", (violation) =>
      window.imbaTestViolation(`${violation.violatedDirective} by ${violation.blockedURI} in ${violation.sourceFile}:${violation.lineNumber}`));
  });
  return complaints;
}

/** Lets messages under way arrive. */
export async function settle(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
}

/** Opens the page at a fragment such as `#/pair?user=1&product=2` and waits until something is shown. */
export async function open(page, origin, fragment = "") {
  // From elsewhere, because an address that differs in its fragment alone loads nothing.
  await page.goto("about:blank");
  await page.goto(`${origin}/index_imba.html${fragment}`);
  await page.waitForSelector("#screen h1, #key[open]");
}

/** Asks by the command field as a reader would: the text, then Enter. */
export async function askFor(page, words) {
  const field = (await page.$("#ask-start")) ?? (await page.$("#ask"));
  await field.focus();
  await settle(page);
  await page.keyboard.down("Control");
  await page.keyboard.press("a");
  await page.keyboard.up("Control");
  await page.keyboard.type(words);
  await page.keyboard.press("Enter");
}

/** Pastes a text into an input, as the clipboard would. */
export async function paste(page, selector, words) {
  await page.focus(selector);
  return page.$eval(selector, (input, words) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", words);
    const taken = !input.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    // An untrusted event inserts nothing by itself.
    if (!taken) {
      input.setRangeText(words.replace(/[\r\n]/g, ""), 0, input.value.length, "end");
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    return taken;
  }, words);
}

/** The score that the answer on the page is of, with all its digits. */
export async function score(page) {
  await page.waitForSelector(".hero .number[data-score]:not([data-score=''])");
  return page.$eval(".hero .number", (number) => Number(number.dataset.score));
}

/** Drops a file on an element, or drags it over. Gives whether the page took the event for itself. */
export function drag(page, type, selector, name, content) {
  return page.$eval(selector, (place, type, name, content) => {
    const dataTransfer = new DataTransfer();
    if (name) dataTransfer.items.add(new File([content], name));
    else dataTransfer.setData("text/plain", content);
    return !place.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }, type, name, content);
}

/** Opens a file as the reader would by the button. */
export async function openFile(page, path) {
  const input = await page.$("#file");
  await input.uploadFile(path);
}

/** The text of the first element that matches, once there is one with a text. */
export async function text(page, selector) {
  await page.waitForFunction((selector) => document.querySelector(selector)?.textContent.trim(), {}, selector);
  return page.$eval(selector, (element) => element.textContent.trim());
}

/** Waits until the element's text matches, and fails with what it was. */
export async function shows(page, selector, pattern) {
  try {
    await page.waitForFunction(
      (selector, source, flags) => new RegExp(source, flags).test(document.querySelector(selector)?.textContent ?? ""),
      {}, selector, pattern.source, pattern.flags);
  } catch {
    const found = await page.evaluate((selector) => document.querySelector(selector)?.textContent, selector);
    assert.fail(`${selector} shows ${JSON.stringify(found)}, expected ${pattern}`);
  }
}

/** The proxy that each page has before it. @type {WeakMap<object, {answers: Map<string, (request: any) => any>}>} */
const proxies = new WeakMap();

/**
 * Answers requests for `path`, or below it if it ends with a slash, by `answer`, which is given headers, method and body. It lets them
 * through where that gives nothing, or only headers to add, and breaks the connection where it gives "abort".
 */
export function intercept(page, path, answer) {
  proxies.get(page)?.answers.set(path, answer);
}

/** An answer in JSON, for `intercept`. */
export const json = (document, status = 200, headers = {}) =>
  ({ status, headers, contentType: status < 400 ? "application/json" : "application/problem+json", body: JSON.stringify(document) });

/** An answer of the service itself, to compare the page with. */
export async function ask(origin, path, body, type = "text/csv") {
  const response = await fetch(origin + path, body === undefined
    ? { headers: { ...BARE, accept: "application/json" } }
    : { method: "POST", body, headers: { ...BARE, accept: "application/json", "content-type": type } });
  return response.json();
}

/** How a screen looks to its reader: dark, in forced colours, without motion. */
export async function look(page, { scheme = "light", forced = false, still = false } = {}) {
  const features = [{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: still ? "reduce" : "no-preference" }];
  if (forced) features.push({ name: "forced-colors", value: "active" });
  const session = await page.createCDPSession();
  await session.send("Emulation.setEmulatedMedia", { features });
}

/** Waits until what moves has come to rest. A movement may be cut short, or set off another. */
export async function still(page) {
  await page.evaluate(async () => {
    await document.fonts.ready;
    for (let moving = document.getAnimations(); moving.length > 0; moving = document.getAnimations()) {
      await Promise.allSettled(moving.map(({ finished }) => finished));
    }
  });
}

/** Waits until something holds that the page itself does not show. */
export async function eventually(holds, what) {
  for (const end = Date.now() + PATIENCE_MS; !holds(); ) {
    if (Date.now() > end) assert.fail(typeof what === "function" ? what() : what);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Notes every text that an element has from now on, however briefly: `window.noted`. */
export const noteTexts = (page, selector) => page.$eval(selector, (element) => {
  window.noted = [];
  new MutationObserver(() => window.noted.push(element.textContent)).observe(element, { childList: true, characterData: true, subtree: true });
});

/** Waits until a text that is noted matches. */
export const noted = (page, pattern) => page.waitForFunction((source) => window.noted.some((text) => new RegExp(source).test(text)), {}, pattern.source);
