// Many rows: read in a worker, scored in pieces, and shown as figures, a histogram with the threshold on it, and a table. The
// table stays while the reader looks at one of its rows and comes back.

import { el, icon, save, say } from "../dom.js";
import { count, whole } from "../numbers.js";
import { describeModel } from "../model/foot.js";
import { run, show } from "../screen.js";
import { change, follow, isProbability, state, threshold } from "../state.js";
import { ownThreshold } from "../threshold.js";
import { figuresSection } from "./figures.js";
import { histogram } from "./histogram.js";
import { overview } from "./overview.js";
import { rowsTable } from "./rows.js";
import { ScoredTable } from "./scored.js";

/** The table on the page. @type {ScoredTable | null} */
let open = null;
/** A new table that is not read yet. @type {{source: File | string, name: string} | null} */
let waiting = null;
/** The screen of the open table, with its order, filter and place. @type {Node | null} */
let screenOfOpen = null;

/** Takes a pasted table. */
export function takeText(text, name) {
  waiting = { source: text, name };
}

/** Takes a file. @param {File} file */
export function takeFile(file) {
  waiting = { source: file, name: file.name };
}

/** Shows the newest table, or how to give one. */
export async function showBatch(field, ask) {
  if (waiting) {
    const { source, name } = waiting;
    waiting = null;
    open?.close();
    open = null;
    screenOfOpen = null;
    tellDrift(null);
    const mine = new ScoredTable(source, name);
    await run(async (signal) => {
      signal.addEventListener("abort", () => open !== mine && mine.close());
      await mine.read(state.model.feature_names);
      open = mine;
      field.show(name);
      screenOfOpen = screen(mine, ask);
      return shownOf(mine, `${name}: ${mine.table.understood}.`);
    }, () => [el("p", { class: "trouble-actions" }, el("button", { type: "button", class: "solid", onclick: ask.openFile }, "Open another file"))]);
    if (!isOpen(mine)) return;
    await mine.score();
    await mine.measureDrift();
    if (isOpen(mine)) tellDrift(mine);
    return;
  }
  if (open && screenOfOpen) {
    field.show(open.name);
    show(shownOf(open, ""));
    change({});
    return open.changed();
  }
  return show(prompt(ask));
}

/** Says in the model's card how far the rows of a table are from training. @param {ScoredTable | null} table */
function tellDrift(table) {
  state.drift = table?.drift ? { ...table.drift, of: table.name } : null;
  describeModel();
}

const isOpen = (table) => open === table;

const shownOf = (table, spoken) => ({ content: screenOfOpen ?? el("div"), title: table.name, spoken });

/** How to give a table: the box to paste into, a file, an example. */
function prompt(ask) {
  const names = state.model.feature_names;
  const mistake = el("p", { class: "field-mistake", id: "rows-mistake", role: "alert" });
  const area = el("textarea", { id: "rows", rows: 8, spellcheck: "false", "aria-describedby": "rows-help rows-mistake" });
  const form = el("form", { class: "paste", novalidate: true },
    el("label", { for: "rows" }, "Rows, as text"),
    area,
    mistake,
    el("p", { class: "eyebrow", id: "rows-help" }, `One row per line: ${names.length} values in the model’s order, or any order below a header of names; or user_id, product_id. Commas, semicolons or tabs. Other columns are carried along, and a column called label or bought is compared with the scores.`),
    el("p", { class: "trouble-actions" }, el("button", { type: "submit", class: "solid" }, "Score"),
      el("button", { type: "button", class: "quiet", onclick: ask.openFile }, icon("file"), "Open a file"),
      el("button", { type: "button", class: "quiet", onclick: () => {
        area.value = `${names.join(",")}\n`;
        area.focus();
      } }, "Start with the names")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    mistake.textContent = area.value.trim() === "" ? "Please give some rows." : "";
    if (mistake.textContent) return area.focus();
    ask.run(area.value.includes("\n") ? area.value : `${area.value}\n`);
  });
  area.addEventListener("keydown", (event) => {
    // One pasted row and Enter is all it takes; in a table Enter is a new line.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || (!event.ctrlKey && !event.metaKey && area.value.trimEnd().includes("\n"))) return;
    event.preventDefault();
    form.requestSubmit();
  });
  return {
    content: el("div", { class: "home" },
      el("h1", { tabindex: -1 }, "Score a table"),
      el("p", { class: "lede" }, "Drop a file anywhere on the page, open one, or paste rows. They are sent to this service in pieces; this page forgets them when it is closed."),
      form),
    title: "Batch",
    spoken: "",
  };
}

/** @param {ScoredTable} scored */
function screen(scored, ask) {
  const { table } = scored;
  const progress = el("div", { class: "progress" });
  const told = el("p", { class: "lede" });
  const holder = el("div");
  const rows = rowsTable(scored);
  const views = overview(scored);
  const body = el("div", { class: "batch-body" });
  let built = false;

  const download = async () => save(scored.name.replace(/(\.\w+)?$/, "-scored.csv"), await scored.download(rows.listed(), threshold()));
  const content = el("div", {},
    el("div", { class: "head" },
      el("div", {}, el("p", { class: "eyebrow" }, table.understood), el("h1", { tabindex: -1 }, scored.name), told),
      el("p", { class: "tools" },
        el("button", { type: "button", class: "quiet", onclick: download }, icon("save"), "Download with scores"),
        el("button", { type: "button", class: "quiet", onclick: ask.openFile }, icon("file"), "Another file"))),
    progress, body);

  const paintProgress = () => {
    const scoredRows = scored.done.toLocaleString("en");
    progress.hidden = scored.complete;
    if (scored.complete) return progress.replaceChildren();
    const bar = el("progress", { max: table.rows, value: scored.done, "aria-label": "Rows scored" });
    const words = el("span", {}, `${scoredRows} of ${count(table.rows, "row")}`);
    const again = () => {
      scored.score();
      paintProgress();
    };
    if (scored.running) return progress.replaceChildren(bar, words, el("button", { type: "button", class: "quiet", onclick: () => scored.cancel() }, icon("close"), "Cancel"));
    return progress.replaceChildren(bar, words, el("span", { class: "field-mistake" }, scored.problem ? `Stopped: ${scored.problem.title ?? scored.problem.message}. ${scored.problem.advice ?? ""}` : "Cancelled."),
      el("button", { type: "button", class: "quiet", onclick: again }, "Go on"));
  };
  scored.changed = () => {
    paintProgress();
    const settled = !scored.running;
    const tally = () => scored.tally;
    if (settled && tally().sorted.length > 0 && !built && !scored.several) {
      built = true;
      const figures = figuresSection(tally, scored);
      holder.replaceChildren(figures, isProbability() ? histogram(tally, scored) : "", ownThreshold());
    }
    if (settled) {
      told.textContent = scored.mistakes.size > 0 ? `${count(scored.mistakes.size, "row")} with a mistake, named in the table.` : "";
      say(scored.complete ? `${whole(scored.tally.sorted.length)} rows scored${scored.mistakes.size > 0 ? `, ${whole(scored.mistakes.size)} with a mistake` : ""}.` : `Stopped after ${scored.done} rows.`);
      rows.renew();
      views.renew();
      if (built) change({});
    }
    if (body.childElementCount === 0 && settled) body.append(holder, rows.element, views.element);
  };
  follow(content, () => {
    rows.repaint();
  });
  paintProgress();
  return content;
}

