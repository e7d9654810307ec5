// Many rows at once: their scores as a table to sort and to download.

import { address } from "./address.js";
import { shown, thresholdChoice } from "./answer.js";
import { el } from "./markup.js";
import { count } from "./numbers.js";
import { followThreshold, isLikely } from "./threshold.js";
import { csvOf, inOrder } from "./table_text.js";

/** Rows put into the page at a time: more would make it slow. */
const SHOWN = 200;
/** Columns of labels in the page; the download holds all. */
const LABELS = 2;

/**
 * The table of scored rows.
 * @param {object} model as `/model` describes it
 * @param {import("./table_text.js").Table} table
 * @param {object[]} predictions of its rows, in order, as the service gave them
 * @returns {[Node, string]}
 */
export function scoreTable(model, table, predictions) {
  const labelNames = table.labelNames.slice(0, LABELS);
  const entries = table.rows.map((row, at) => ({ number: at + 1, row, ...predictions[at] }));
  let order = { by: "number", descending: false };
  let limit = SHOWN;

  const body = el("tbody");
  const more = el("button", { type: "button", onclick: () => {
    limit += SHOWN;
    fill();
  } });
  const head = [
    heading("number", "Row"),
    ...labelNames.map((name, at) => heading(`label-${at}`, name)),
    heading("score", "Score"),
    el("th", { scope: "col" }, "Answer"),
  ];
  function heading(by, name) {
    const sort = () => {
      order = { by, descending: order.by === by ? !order.descending : by === "score" };
      fill();
    };
    return el("th", { scope: "col", "data-by": by, "aria-sort": "none" }, el("button", { type: "button", class: "sort", onclick: sort }, name));
  }
  function fill() {
    for (const cell of head) {
      if (cell.dataset.by) cell.setAttribute("aria-sort", cell.dataset.by !== order.by ? "none" : order.descending ? "descending" : "ascending");
    }
    const sorted = entries.toSorted(comparison(order));
    body.replaceChildren(...sorted.slice(0, limit).map(line));
    more.hidden = sorted.length <= limit;
    more.textContent = `Show more (${count(sorted.length - limit, "row")} left)`;
  }
  function line(entry) {
    return el("tr", { class: entry.error ? "failed" : isLikely(entry.score) ? "likely" : "unlikely" },
      el("td", {}, entry.number),
      ...labelNames.map((_, at) => el("td", {}, entry.row.labels[at] ?? "")),
      entry.error
        ? el("td", { colspan: 2, class: "row-error" }, entry.error.detail)
        : [el("td", { title: String(entry.score), "data-score": entry.score }, Array.isArray(entry.score) ? entry.score.join(", ") : shown(model, entry.score)),
          el("td", {}, Array.isArray(entry.score) ? "" : isLikely(entry.score) ? "likely" : "unlikely", " ", el("a", { href: link(entry), "aria-label": `Row ${entry.number}: why?` }, "why?"))]);
  }
  function link({ row, user_id, product_id }) {
    return table.kind === "pairs"
      ? address("pair", { user: user_id, product: product_id })
      : address("features", { row: inOrder(table, row, model.feature_names).join(",") });
  }
  const download = () => save("scores.csv", csvOf([
    ["row", ...table.labelNames, "score", "likely", "error"],
    ...entries.map(({ number, row, score, error }) =>
      [number, ...table.labelNames.map((_, at) => row.labels[at] ?? ""), ...(error ? ["", "", error.detail] : [score, isLikely(score), ""])]),
  ]));

  const summary = el("p", { class: "verdict neutral" });
  const element = el("div", { class: "result" },
    el("p", { class: "about" }, `${count(entries.length, table.kind === "pairs" ? "pair" : "row")} scored together`),
    summary,
    thresholdChoice(model, "over-table"),
    el("div", { class: "table-frame", tabindex: 0, role: "region", "aria-label": "Scores" },
      el("table", { class: "scores" }, el("caption", { class: "visually-hidden" }, "Scores of the rows"), el("thead", {}, el("tr", {}, ...head)), body)),
    el("p", { class: "links" }, more, el("button", { type: "button", class: "quiet", onclick: download }, "Download as CSV")));
  followThreshold(element, () => {
    const failed = entries.filter(({ error }) => error).length;
    const likely = entries.filter(({ error, score }) => !error && isLikely(score)).length;
    summary.textContent = `${likely.toLocaleString("en")} likely, ${(entries.length - failed - likely).toLocaleString("en")} unlikely`
      + (failed > 0 ? `, ${failed.toLocaleString("en")} with a mistake` : "");
    fill();
  });
  return [element, summary.textContent];
}

/** Mistakes come last; rows that are equal keep their order. */
function comparison({ by, descending }) {
  const sign = descending ? -1 : 1;
  const key = by.startsWith("label-") ? ({ row }) => row.labels[Number(by.slice(6))] ?? "" : (entry) => entry[by];
  return (left, right) => {
    if (by === "score" && (left.error || right.error)) return Boolean(left.error) - Boolean(right.error);
    const [one, other] = [key(left), key(right)];
    return sign * (typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : one - other);
  };
}

/** Lets the reader keep a text as a file. */
function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
