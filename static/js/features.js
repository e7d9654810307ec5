// Features: rows of the model's inputs, typed, pasted, dropped as a file, or moved by sliders.

import { go, note } from "./address.js";
import { answer, shown } from "./answer.js";
import { featureFields } from "./feature_fields.js";
import { checkFilled } from "./form.js";
import { byId } from "./markup.js";
import { count } from "./numbers.js";
import { Panel } from "./panel.js";
import { scoreTable } from "./score_table.js";
import { predict, predictPairs, scoreRow } from "./service.js";
import { bodyOf, inOrder, readTable } from "./table_text.js";
import { followThreshold, isLikely } from "./threshold.js";

const EXAMPLE =
  "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";

/** A row is noted in the address once the reader rests: browsers slow down pages that do so all the time. */
const NOTED_MS = 400;

/** Characters of a table that the page shows for editing. */
const LONGEST = 100_000;

/** The view, for a service with this model. */
export function featuresView(model) {
  const names = model.feature_names;
  const form = byId("form-features");
  const { rows, file } = form.elements;
  const panel = new Panel(byId("answer-features"), "Give a row of features to see its score and why, or many rows to see a table.");
  const fields = featureFields(byId("feature-fields"), names, tryOut);
  const live = liveScore(model);
  /** The row and its score before the reader began to change it. */
  let before = null;
  /** The last table and its text, to come back to from the reason of one of its rows. */
  let many = null;
  let [waiting, trying, noting] = [false, false, 0];

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (checkFilled([rows])) take(rows.value);
  });
  byId("features-example").addEventListener("click", () => go("features", { row: EXAMPLE }));
  byId("features-choose").addEventListener("click", () => file.click());
  file.addEventListener("change", () => takeFile(file.files[0]));
  acceptDrops(byId("view-features"), takeFile);
  byId("features-back").addEventListener("click", backToBefore);

  /** One row gets an address and a reason; several get a table. */
  function take(text) {
    const table = readTable(text, names);
    if (table.rows.length === 1 && table.kind === "rows") {
      go("features", { row: inOrder(table, table.rows[0], names).join(",") });
    } else {
      many = { table, text };
      go("features");
    }
  }

  function scoreMany(table) {
    return panel.run(async (signal) => {
      const ask = table.kind === "pairs" ? predictPairs : predict;
      const { predictions } = await ask(bodyOf(table), signal);
      return scoreTable(model, table, predictions);
    });
  }

  async function takeFile(chosen) {
    if (!chosen) return;
    take(await chosen.text());
    file.value = "";
  }

  function scoreOne(row) {
    return panel.run(async (signal) => {
      const outcome = await scoreRow(model, row, signal);
      if (before === null) before = { row, score: outcome.score };
      live.show(outcome.score);
      const changed = before.row !== row && typeof outcome.score === "number";
      byId("features-back").hidden = !changed;
      return answer(model, outcome, { about: [`A row of ${names.length} features`], before: changed ? before.score : null });
    });
  }

  /** A changed field: the same view with another row, in place. While one row is being scored only the newest waits. */
  async function tryOut() {
    rows.value = fields.read().join(",");
    clearTimeout(noting);
    noting = setTimeout(() => note("features", { row: rows.value }), NOTED_MS);
    waiting = true;
    if (trying) return;
    trying = true;
    while (waiting) {
      waiting = false;
      await scoreOne(fields.read().join(","));
    }
    trying = false;
  }

  function backToBefore() {
    fields.write(before.row.split(","));
    tryOut();
  }

  return (params) => {
    const row = params.get("row") ?? "";
    clearTimeout(noting);
    const text = row || (many?.text ?? "");
    const fits = text.length <= LONGEST;
    rows.value = fits ? text : "";
    rows.placeholder = fits ? EXAMPLE : `${count(many.table.rows.length, "row")}, too long to be edited here; their scores are in the table.`;
    before = null;
    byId("features-back").hidden = true;
    fields.write(row.split(","));
    if (row !== "") return scoreOne(row);
    live.hide();
    return many ? scoreMany(many.table) : panel.clear();
  };
}

/** The score once more, beside the sliders, where the answer itself is out of sight. */
function liveScore(model) {
  const place = byId("features-live");
  let score = null;
  const tell = () => {
    place.hidden = typeof score !== "number";
    if (place.hidden) return;
    place.textContent = `${shown(model, score)} · ${isLikely(score) ? "likely" : "unlikely"}`;
    place.className = `live ${isLikely(score) ? "likely" : "unlikely"}`;
  };
  followThreshold(place, tell);
  return {
    show: (value) => {
      score = value;
      tell();
    },
    hide: () => {
      score = null;
      tell();
    },
  };
}

function acceptDrops(area, take) {
  const over = (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    area.classList.add("dropping");
  };
  area.addEventListener("dragenter", over);
  area.addEventListener("dragover", over);
  area.addEventListener("dragleave", (event) => area.contains(event.relatedTarget) || area.classList.remove("dropping"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("dropping");
    take(event.dataTransfer.files[0]);
  });
}
