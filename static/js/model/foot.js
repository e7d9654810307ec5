// The model in one line at the foot of every answer; it unfolds to what the card says of it. What the card lacks is absent.

import { byId, el, icon, svg } from "../dom.js";
import { about } from "../guide.js";
import { count, day, percent, percentOf, whole } from "../numbers.js";
import { storedKey } from "../key.js";
import { isProbability, shownThreshold, state } from "../state.js";
import { ENOUGH, reading } from "./drift.js";

/** Features named as the farthest from training. */
const FARTHEST = 4;
const WIDTH = 220;
const HEIGHT = 150;

/** Shows the model in the bar's chip and at the foot. */
export function describeModel() {
  const { model } = state;
  const version = model.version.slice(0, 8);
  byId("chip").replaceChildren(el("i", { class: "ready", "aria-hidden": "true" }), el("span", { class: "unseen" }, "Ready. Model "), el("code", {}, version),
    typeof model.trees === "number" && el("span", { class: "chip-more" }, `${whole(model.trees)} trees`));
  const facts = [
    typeof model.trees === "number" && `${whole(model.trees)} trees`,
    model.card?.trained_at && `trained ${day(model.card.trained_at)}`,
    model.card?.data?.rows && `on ${whole(model.card.data.rows)} rows`,
    auc(model.card) && `AUC ${metric(auc(model.card))}`,
    model.table?.loaded_at && `table of ${day(model.table.loaded_at)}`,
    state.drift && `drift: ${drifted(state.drift)}`,
  ].filter(Boolean);
  byId("model").replaceChildren(
    el("summary", {}, el("span", {}, "Model ", el("code", { title: model.version }, version), facts.map((fact) => ` · ${fact}`)), icon("chevron", "chevron")),
    el("div", { class: "card" }, [trainedPart(model), metricsPart(model), calibrationPart(model), thresholdPart(model), driftPart(state.drift), servicePart(model), el("section", { id: "plan-part", hidden: true })].filter(Boolean)));
  if (storedKey() !== null || !byId("plan").hidden) import("../plan.js").then(({ paint }) => paint(), () => {});
}

const auc = (card) => card?.metrics?.auc;
/** @param {import("./card.js").Metric} metric */
const metric = ({ value, low, high }) => `${value.toFixed(3)}${low === undefined || high === undefined ? "" : ` (${low.toFixed(3)}–${high.toFixed(3)})`}`;

const part = (title, ...children) => el("section", {}, el("h2", {}, title), ...children);
const line = (...words) => el("p", {}, ...words);

/** @param {import("../state.js").Model} model */
function trainedPart({ card }) {
  if (!card || (!card.trained_at && !card.data)) return null;
  const { source, rows, customers, positive_share: share } = card.data ?? {};
  const amounts = [rows && `${whole(rows)} rows`, customers && `${whole(customers)} customers`].filter(Boolean).join(" of ");
  return part("Trained",
    card.trained_at && line(el("b", {}, day(card.trained_at)), source && ` on ${source}`),
    amounts && line(amounts, share !== undefined && `; ${percent(share)} of them bought`),
    card.software && line(Object.entries(card.software).map(([name, version]) => `${name.replaceAll("_", " ")} ${version}`).join(", ")));
}

const METRICS = {
  auc: ["AUC", "how often a bought pair scores above one that was not"],
  baseline_auc: ["Baseline’s AUC", "the same for the simple rule it has to beat"],
  average_precision: ["Average precision", "precision over all thresholds"],
  log_loss: ["Log loss", "lower is better"],
  basket_f1: ["F1 of baskets", "predicted baskets against real ones"],
};

/** @param {import("../state.js").Model} model */
function metricsPart({ card }) {
  const metrics = card?.metrics ?? {};
  const known = Object.entries(METRICS).filter(([name]) => metrics[name]);
  if (known.length === 0) return null;
  return part("How good", el("dl", {}, known.map(([name, [label, help]]) => [el("dt", {}, label, el("small", {}, help)), el("dd", {}, metric(metrics[name]))]).flat()),
    line(el("small", {}, "On customers it was not trained on; in brackets the 95 % interval.")));
}

/** @param {import("../state.js").Model} model */
function calibrationPart({ card }) {
  const bins = card?.calibration;
  if (!bins?.length) return null;
  const top = Math.max(...bins.flatMap(({ predicted, observed }) => [predicted, observed])) * 1.08;
  const x = (value) => 30 + (value / top) * (WIDTH - 40);
  const y = (value) => HEIGHT - 22 - (value / top) * (HEIGHT - 32);
  const worst = bins.reduce((far, bin) => (Math.abs(bin.predicted - bin.observed) > Math.abs(far.predicted - far.observed) ? bin : far));
  return part("Calibration",
    svg("svg", { class: "calibration", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `What was predicted against what happened, in ${bins.length} groups of scores.` },
      svg("line", { class: "perfect", x1: x(0), y1: y(0), x2: x(top), y2: y(top) }),
      svg("line", { class: "floor", x1: x(0), y1: y(0), x2: x(top), y2: y(0) }),
      svg("line", { class: "floor", x1: x(0), y1: y(0), x2: x(0), y2: y(top) }),
      svg("path", { d: bins.map(({ predicted, observed }, at) => `${at ? "L" : "M"}${x(predicted)},${y(observed)}`).join("") }),
      bins.map(({ predicted, observed }) => svg("circle", { cx: x(predicted), cy: y(observed), r: 3 })),
      svg("text", { x: x(top), y: HEIGHT - 6, "text-anchor": "end" }, "predicted"),
      svg("text", { x: x(0) + 6, y: y(top) + 10 }, "observed")),
    line(`Where it says ${percent(worst.predicted)} it was ${percent(worst.observed)}: its farthest miss, in ${whole(worst.rows)} rows.`));
}

/** @param {import("../state.js").Model} model */
function thresholdPart({ card, threshold }) {
  const { reason, false_positive_cost: wrong, false_negative_cost: missed, value } = card?.threshold ?? {};
  return part("Threshold",
    line(el("b", {}, `Likely above ${shownThreshold(threshold)}`), value !== undefined && value !== threshold && isProbability() && `; the model’s own is ${percentOf(value)}`),
    reason && line(reason),
    wrong !== undefined && missed !== undefined && line(`A missed buyer costs ${missed}, a needless contact ${wrong}.`));
}

/** Where the rows stand as a whole: "much in 2 features", "none to speak of". @param {import("./drift.js").Drift} drift */
function drifted({ features }) {
  const of = (word) => features.filter(({ index }) => reading(index) === word).length;
  const [much, some] = [of("much"), of("some")];
  if (much + some === 0) return "none to speak of";
  return `${much > 0 ? "much" : "some"} in ${count(much || some, "feature")}`;
}

/** The rows that are loaded against those of training. @param {(import("./drift.js").Drift & {of: string}) | null} drift */
function driftPart(drift) {
  if (!drift) return null;
  const words = { stable: "stable", some: "some drift", much: "much drift" };
  return part("Drift",
    line(`The ${count(drift.rows, "row")} of ${drift.of} against training, the farthest first.`),
    el("dl", { class: "drifts" }, drift.features.slice(0, FARTHEST).map(({ name, index }) =>
      [el("dt", {}, about(name).label), el("dd", { "data-index": index }, index.toFixed(2), " ", el("span", { class: reading(index) === "stable" ? "" : "badge" }, words[reading(index)]))]).flat()),
    line(el("small", {}, `Population stability index: below 0.1 stable, to 0.25 some drift, above much. From ${ENOUGH} rows on; fewer, or those of few customers, look like drift by chance.`)));
}

/** @param {import("../state.js").Model} model */
function servicePart({ version, objective, backends, feature_names: names, table, outputs }) {
  return part("Service",
    line("Version ", el("code", {}, version)),
    line(`${objective ?? "objective unknown"}; ${names.length} features${outputs > 1 ? `; ${outputs} outputs` : ""}; scorer ${backends.scorer}, features ${backends.features}`),
    table && line([table.rows !== undefined && `${whole(table.rows)} rows in the table`, table.loaded_at && `loaded ${day(table.loaded_at)}`, table.source && `from ${table.source}`].filter(Boolean).join(", ")),
    line(el("a", { class: "inline", href: "docs" }, "The API, to read and to try")),
    line("Base: the mean of the model’s log-odds over its training rows. As a score it is not the mean of the scores."));
}
