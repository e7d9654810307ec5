// The start: learn what scores here, then show what the address names.

import { aboveOf, address, follow as followAddress, go, here } from "./address.js";
import { showAnswer } from "./answer/answer.js";
import { readCommand, rowOf, words } from "./ask/command.js";
import { commandField } from "./ask/field.js";
import { TableError, readTable } from "./ask/table.js";
import { byId, el, styled } from "./dom.js";
import { about, guideFor, readGuide } from "./guide.js";
import { showHome } from "./home.js";
import { describeModel } from "./model/foot.js";
import { failure, show } from "./screen.js";
import { model as fetchModel, onOtherModel } from "./service.js";
import { change, follow, state, threshold } from "./state.js";

/** While replicas change their models one after the other, answers alternate; the page does not run after each. */
const SETTLED_MS = 10_000;

/** What is not needed for a first answer is loaded when it is asked for. */
const basket = () => import("./basket.js");
const batch = () => import("./batch/batch.js");

const ask = { run: take, openFile: () => byId("file").click(), follow: (href) => (location.hash === href ? dispatchEvent(new HashChangeEvent("hashchange")) : (location.hash = href)) };

/** @type {ReturnType<typeof commandField>} */
let field;

async function start() {
  try {
    const [model] = await Promise.all([fetchModel(), readGuide()]);
    state.model = model;
  } catch (error) {
    document.body.classList.add("down");
    show(failure(error, start));
    return;
  }
  document.body.classList.remove("down");
  guideFor(state.model.feature_names);
  describeModel();
  if (!field) listen();
  let learned = -Infinity;
  onOtherModel(async () => {
    if (performance.now() - learned < SETTLED_MS) return;
    learned = performance.now();
    Object.assign(state.model, { card: undefined, table: undefined }, await fetchModel());
    guideFor(state.model.feature_names);
    describeModel();
    arrive(here());
  });
  followAddress(arrive);
}

function listen() {
  field = commandField({ id: "ask", placeholder: "customer 1, product 2", ...ask });
  byId("ask-place").replaceChildren(field.form);
  addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    (document.querySelector("#ask-start") ?? field.input).focus();
  });
  byId("file").addEventListener("change", () => {
    const [file] = byId("file").files;
    if (file) takeFile(file);
    byId("file").value = "";
  });
  acceptFiles();
  // Places within the page, which must not take the place of the route in the address.
  document.querySelector(".skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
  });
  byId("chip").addEventListener("click", () => {
    byId("model").open = true;
    byId("model").scrollIntoView({ block: "start" });
    byId("model").querySelector("summary").focus({ preventScroll: true });
  });
  // The threshold goes along with every link of the page, and lies on every small bar.
  let above = state.above;
  follow(document.body, () => {
    styled(document.documentElement, { "--threshold": Math.min(1, Math.max(0, threshold())) });
    if (above === state.above) return;
    above = state.above;
    for (const link of document.querySelectorAll('a[href^="#/"]')) {
      const [path, query = ""] = (link.getAttribute("href") ?? "").slice(2).split("?", 2);
      link.setAttribute("href", address(/** @type {any} */ (path || "home"), Object.fromEntries(new URLSearchParams(query))));
    }
  });
}

/** Shows what an address names. */
function arrive({ route, params }) {
  change({ above: aboveOf(params), subject: null, answer: null, changed: null, mistake: "", open: "" });
  document.body.dataset.route = route;
  for (const tab of document.querySelectorAll("[data-tab]")) {
    const current = (/** @type {HTMLElement} */ (tab).dataset.tab ?? "").split(" ").includes(route);
    if (current) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  if (route === "pair") {
    const subject = { kind: /** @type {const} */ ("pair"), user: params.get("user") ?? "", product: params.get("product") ?? "" };
    field.show(words(subject));
    return showAnswer(subject, params);
  }
  if (route === "features") {
    const text = params.get("row") ?? "";
    field.show(text);
    try {
      return showAnswer({ kind: "row", row: rowOf(readTable(text, state.model.feature_names), state.model.feature_names) }, params);
    } catch (error) {
      return refuse(error);
    }
  }
  if (route === "basket") {
    field.show(words({ kind: "basket", user: params.get("user") }));
    return basket().then(({ showBasket }) => showBasket(params), (error) => show(failure(error, () => location.reload())));
  }
  field.show("");
  if (route === "batch") return batch().then(({ showBatch }) => showBatch(field, ask), (error) => show(failure(error, () => location.reload())));
  return showHome(ask);
}

/** Does what the reader typed or pasted. */
function take(text) {
  try {
    const command = readCommand(text, state.model.feature_names);
    if (command.kind === "pair") return go("pair", { user: command.user, product: command.product });
    if (command.kind === "row") return go("features", { row: command.row });
    if (command.kind === "basket") return go("basket", { user: command.user });
    if (command.kind === "table") return takeTable(text);
    return go("home");
  } catch (error) {
    return refuse(error);
  }
}

/** One row below a header is a row as any other; more are a table. */
function takeTable(text) {
  const table = text.length < 100_000 ? readTable(text, state.model.feature_names) : null;
  if (table?.lines.length === 1 && table.kind === "rows") return go("features", { row: rowOf(table, state.model.feature_names) });
  return batch().then(({ takeText }) => {
    takeText(text, "Pasted table");
    go("batch");
  });
}

function takeFile(file) {
  return batch().then(({ takeFile: taken }) => {
    taken(file);
    go("batch");
  });
}

/** Says what is wrong with what was typed; the text stays in the field, to be mended. */
function refuse(error) {
  show(failure(error, undefined, ({ row }) => (error instanceof TableError && row && row.length > 2 ? [cells(row)] : [])));
}

/** The cells of a row by the names they would have, which shows where a row has shifted. */
function cells(row) {
  const names = state.model.feature_names;
  const left = names.slice(row.length);
  return el("section", { class: "cells", "aria-label": "The row as it was read" }, el("h2", {}, "The row as it was read"), el("ol", {},
    row.map((cell, at) => el("li", { class: at < names.length ? "" : "missing" }, el("b", {}, cell || "empty"), at < names.length ? about(names[at]).label : "one too many")),
    left.length > 0 && el("li", { class: "missing" }, el("b", {}, `${left.length} not there`), left.length === 1 ? about(left[0]).label : `from “${about(left[0]).label}” on`)));
}

/** A file may be dropped anywhere; a dragged text goes where the browser would put it. */
function acceptFiles() {
  const isFile = (event) => event.dataTransfer?.types.includes("Files");
  const over = (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  };
  addEventListener("dragenter", over);
  addEventListener("dragover", over);
  addEventListener("dragleave", (event) => event.relatedTarget === null && document.body.classList.remove("dropping"));
  addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!isFile(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer?.files ?? [];
    if (file) takeFile(file);
  });
}

/** Says when the network is gone; what is shown stays. */
function watchNetwork() {
  const tell = () => (byId("offline").hidden = navigator.onLine);
  addEventListener("online", tell);
  addEventListener("offline", tell);
  tell();
}

watchNetwork();
start();
