// The rows of a table, of which only those in sight are in the page: to sort, filter and search, with the main reason of each.

import { address } from "../address.js";
import { el, icon, styled } from "../dom.js";
import { strongest } from "../answer/reason.js";
import { about, shown } from "../guide.js";
import { meter } from "../meter.js";
import { count } from "../numbers.js";
import { explainPairs, explainRows } from "../service.js";
import { isLikely, isProbability, shownScore, state, threshold } from "../state.js";

const ROW_PX = 44;
/** Rows kept above and below those in sight. */
const SPARE = 6;
/** Reasons are asked for once the reader rests. */
const REST_MS = 140;
/** Reasons kept. */
const REASONS = 2_000;
const NARROW = matchMedia("(max-width: 859px)");
const NARROW_WIDTHS = { number: "44px", user: "minmax(62px, 1fr)", product: "minmax(52px, 1fr)", score: "64px", label: "48px" };

/** @param {import("./scored.js").ScoredTable} scored */
export function rowsTable(scored) {
  const { table } = scored;
  const several = () => scored.several !== null;
  const columns = [
    { key: "number", name: "Row", width: "72px" },
    table.users && { key: "user", name: table.names.user === "user_id" ? "Customer" : table.names.user, values: table.users, width: "minmax(72px, 0.8fr)" },
    table.products && { key: "product", name: table.names.product === "product_id" ? "Product" : table.names.product, values: table.products, width: "minmax(72px, 1fr)" },
    ...table.carried.map((values, at) => ({ key: `carried-${at}`, name: table.names.carried[at] || `Column ${at + 1}`, values, width: "minmax(72px, 1fr)" })),
    { key: "score", name: "Score", width: "minmax(120px, 1.2fr)" },
    { key: "reason", name: "Main reason", width: "minmax(0, 1.8fr)" },
    table.labels && { key: "label", name: table.names.label, width: "72px" },
  ].filter(Boolean);

  let by = "number";
  let descending = false;
  let filter = "all";
  let wanted = "";
  /** Rows in the order of the column, before the filter. @type {Uint32Array} */
  let ordered = Uint32Array.from({ length: table.rows }, (_, at) => at);
  /** @type {Uint32Array} */
  let listed = ordered;
  /** Orders of columns of text, which the worker finds. @type {Map<string, Uint32Array>} */
  const orders = new Map();
  /** What the service said of single rows. @type {Map<number, any>} */
  const reasons = new Map();

  const fit = () => styled(grid, { "--columns": columns.filter(({ key }) => !NARROW.matches || !/^(reason|carried)/.test(key)).map(({ key, width }) => (NARROW.matches ? NARROW_WIDTHS[key] : width)).join(" ") });
  const heads = columns.map(({ key, name }) => el("span", { role: "columnheader", "aria-sort": "none", "data-key": key, class: `column-${key.split("-")[0]}` },
    key === "reason" ? name : el("button", { type: "button", onclick: () => sort(key) }, name)));
  const space = el("div", { class: "rows-space", role: "presentation" });
  const window_ = el("div", { class: "rows-window", role: "rowgroup", tabindex: 0, "aria-label": "Rows" }, space);
  const grid = el("div", { class: "rows", role: "table", "aria-label": "Scored rows", "aria-colcount": columns.length },
    el("div", { role: "rowgroup" }, el("div", { role: "row", class: "rows-head" }, heads)), window_);
  const counted = el("span", { class: "rows-count", role: "status" });
  const filters = [["all", "All"], ["likely", "Likely"], ["unlikely", "Unlikely"], ["mistakes", "Mistakes"]].map(([value, name]) =>
    el("label", {}, el("input", { type: "radio", name: "filter", value, checked: value === "all", onchange: () => {
      filter = value;
      relist();
    } }), name));
  const search = el("input", { type: "search", placeholder: "Customer, product or mistake", "aria-label": "Find rows", oninput: () => {
    wanted = search.value.trim().toLowerCase();
    relist();
  } });
  const element = el("section", { class: "rows-section", "aria-label": "Rows" },
    el("div", { class: "rows-tools" }, el("fieldset", { class: "segments" }, el("legend", { class: "unseen" }, "Show"), filters), el("label", { class: "find" }, icon("find"), search), counted),
    grid);

  async function sort(key) {
    descending = by === key ? !descending : key === "score" || key === "label";
    by = key;
    await order();
    relist();
  }

  /** The rows in the order of the chosen column; rows that are equal keep theirs. */
  async function order() {
    const column = columns.find(({ key }) => key === by);
    const key = by;
    if (column?.values && !orders.has(key)) orders.set(key, await scored.reader.ask("order", { values: column.values }));
    if (key !== by) return;
    const all = Uint32Array.from({ length: table.rows }, (_, at) => at);
    if (column?.values) ordered = Uint32Array.from(orders.get(key) ?? all);
    else if (key === "score") ordered = byScore(all);
    else if (key === "label") ordered = all.sort((one, two) => table.labels[one] - table.labels[two] || one - two);
    else ordered = all;
    if (descending && key !== "score") ordered.reverse();
    heads.forEach((head) => head.setAttribute("aria-sort", head.dataset.key !== key ? "none" : descending ? "descending" : "ascending"));
  }

  /** Rows without a score come last, either way. */
  function byScore(all) {
    const { order: scoredRows } = scored.tally;
    const places = Uint32Array.from(all);
    places.set(descending ? Uint32Array.from(scoredRows).reverse() : scoredRows);
    places.set(all.filter((row) => Number.isNaN(scored.scores[row])), scoredRows.length);
    return places;
  }

  /** The words of each row to search in, made when the reader first searches. @type {string[] | null} */
  let words = null;
  const isFound = (row) => {
    words ??= Array.from({ length: table.rows }, (_, at) => [table.users, table.products, ...table.carried].map((values) => values?.[at] ?? "").join("\n").toLowerCase());
    return words[row].includes(wanted) || (scored.mistakes.get(row) ?? "").toLowerCase().includes(wanted) || String(row + 1) === wanted;
  };
  const isListed = (row) => {
    const isMistake = scored.mistakes.has(row);
    if (filter === "mistakes" ? !isMistake : filter !== "all" && (isMistake || several() || Number.isNaN(scored.scores[row]) || isLikely(scored.scores[row]) !== (filter === "likely"))) return false;
    return wanted === "" || isFound(row);
  };

  function relist() {
    listed = filter === "all" && wanted === "" ? ordered : ordered.filter(isListed);
    space.style.height = `${listed.length * ROW_PX}px`;
    grid.setAttribute("aria-rowcount", String(listed.length + 1));
    counted.textContent = count(listed.length, "row");
    paint();
  }

  function paint() {
    const from = Math.max(0, Math.floor(window_.scrollTop / ROW_PX) - SPARE);
    const to = Math.min(listed.length, Math.ceil((window_.scrollTop + (window_.clientHeight || 500)) / ROW_PX) + SPARE);
    space.replaceChildren(...Array.from(listed.subarray(from, to), (row, at) => line(row, from + at)));
    if (listed.length === 0) space.replaceChildren(el("p", { class: "rows-none" }, filter === "mistakes" ? "No row has a mistake." : "No row is like that."));
    clearTimeout(resting);
    resting = setTimeout(askReasons, REST_MS, from, to);
  }
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let resting;

  function line(row, place) {
    const mistake = scored.mistakes.get(row);
    const score = scored.scores[row];
    const cells = columns.map(({ key, values }) => {
      const kind = key.split("-")[0];
      if (key === "number") return el("span", { role: "cell", class: "column-number" }, (row + 1).toLocaleString("en"));
      if (values) return el("span", { role: "cell", class: `column-${kind}`, title: nameOf(row, key) || values[row] }, nameOf(row, key) || values[row]);
      if (key === "label") return el("span", { role: "cell", class: "column-label" }, ["–", "no", "yes"][table.labels[row] + 1]);
      if (key === "reason") return el("span", { role: "cell", class: "column-reason" }, mistake !== undefined ? el("span", { class: "row-mistake", title: mistake }, mistake) : reasonOf(row));
      if (mistake !== undefined) return el("span", { role: "cell", class: "column-score" }, el("span", { class: "row-mistake" }, "no score"));
      if (Number.isNaN(score)) return el("span", { role: "cell", class: "column-score" }, "not scored");
      const words = scored.several ? scored.several[row].map((one) => String(Number(one.toPrecision(4)))).join(", ") : shownScore(score);
      return el("span", { role: "cell", class: "column-score", "data-score": score },
        isProbability() ? meter(score) : el("span"),
        el("a", { href: linkOf(row) || null, "aria-label": `${words}${several() ? "" : isLikely(score) ? ", likely" : ", unlikely"}: why row ${row + 1}?` }, words));
    });
    const element = styled(el("div", { role: "row", class: "rows-line", "aria-rowindex": place + 2, "data-row": row }, cells), { top: `${place * ROW_PX}px` });
    return element;
  }

  const nameOf = (row, key) => (key === "product" && table.kind === "pairs" ? reasons.get(row)?.product_name : undefined);

  function linkOf(row) {
    if (table.kind === "pairs") return address("pair", { user: table.users[row].trim(), product: table.products[row].trim() });
    const cells = links.get(row);
    return cells ? address("features", { row: cells }) : "";
  }
  /** The values of rows in sight, for their links. @type {Map<number, string>} */
  const links = new Map();

  function reasonOf(row) {
    const explained = reasons.get(row);
    const cause = explained?.contributions && !Array.isArray(explained.contributions[0]) ? strongest(explained) : null;
    if (!cause) return "";
    return [el("i", { class: `triangle ${cause.up ? "up" : "down"}`, "aria-hidden": "true" }), el("span", { class: "unseen" }, cause.up ? "Raises: " : "Lowers: "), el("span", {}, `${about(cause.name).label}: ${shown(cause.name, explained.values[cause.at])}`)];
  }

  /** The links and reasons of the rows in sight; what the service cannot explain has links alone. */
  async function askReasons(from, to) {
    const missing = Array.from(listed.subarray(from, to)).filter((row) => !links.has(row) && !scored.mistakes.has(row) && !Number.isNaN(scored.scores[row]));
    if (missing.length === 0) return;
    try {
      const cells = await scored.reader.ask("rows", { at: missing });
      missing.forEach((row, at) => links.set(row, cells[at].map((cell) => cell ?? "").join(",")));
      if (state.model.capabilities.explain) {
        const { explanations } = await (table.kind === "pairs" ? explainPairs : explainRows)(cells, AbortSignal.timeout(20_000), true);
        if (reasons.size > REASONS) reasons.clear();
        missing.forEach((row, at) => reasons.set(row, explanations[at]));
      }
    } catch {
      // Reasons are an extra here; the row's own answer says what is wrong.
    }
    repaintInPlace(missing.map(String));
  }

  /** Fills what has come for some rows, where they are in sight, without moving the focus. */
  function repaintInPlace(rows) {
    const focused = document.activeElement?.closest?.(".rows-line")?.getAttribute("data-row");
    const lines = [...space.querySelectorAll(".rows-line")].filter((line) => rows.includes(line.getAttribute("data-row")));
    for (const old of lines) old.replaceWith(line(Number(old.getAttribute("data-row")), Number(old.getAttribute("aria-rowindex")) - 2));
    if (rows.includes(focused)) space.querySelector(`[data-row="${focused}"] a`)?.focus();
  }

  /** What the threshold changes in the rows in sight. */
  function repaintVerdicts() {
    for (const element of space.querySelectorAll(".rows-line")) {
      const score = scored.scores[Number(element.getAttribute("data-row"))];
      const bar = element.querySelector(".meter");
      bar?.classList.toggle("yes", isLikely(score));
      bar?.classList.toggle("no", !isLikely(score));
      const link = element.querySelector("a");
      link?.setAttribute("aria-label", (link.getAttribute("aria-label") ?? "").replace(/, (un)?likely:/, `, ${isLikely(score) ? "likely" : "unlikely"}:`));
    }
  }

  window_.addEventListener("scroll", paint, { passive: true });
  new ResizeObserver(() => {
    fit();
    paint();
  }).observe(window_);
  fit();
  relist();

  let at = -1;
  return {
    element,
    /** The rows that are listed, in order. */
    listed: () => listed,
    /** After new scores. */
    renew: async () => {
      await order();
      relist();
    },
    /** After the threshold moved: the rows in sight, and the list only where it depends on it. */
    repaint: () => {
      if (!element.isConnected || at === threshold()) return;
      at = threshold();
      if (filter === "likely" || filter === "unlikely") relist();
      else repaintVerdicts();
    },
  };
}
