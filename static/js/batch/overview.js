// What drives the loaded rows: how much each feature moves their scores, and which way for high and low values; and how far the
// rows are from those the model was trained on. From a sample of the rows, explained by the service.

import { el, icon, styled, svg } from "../dom.js";
import { about } from "../guide.js";
import { trained } from "../model/card.js";
import { reading, stabilityIndex } from "../model/drift.js";
import { count } from "../numbers.js";
import { explainPairs, explainRows } from "../service.js";
import { state } from "../state.js";

/** Rows of the sample, and of one request. */
const SAMPLE = 400;
const PIECE = 100;
const WIDTH = 560;
const HEIGHT = 30;
/** Shades from the lowest to the highest values. */
const SHADES = 5;

/** @param {import("./scored.js").ScoredTable} scored */
export function overview(scored) {
  const body = el("div");
  const details = el("details", { class: "overview" }, el("summary", {}, el("span", {}, "What drives these scores"), icon("chevron", "chevron")), body);
  let drawnFor = -1;
  const draw = async () => {
    if (!details.open || drawnFor === scored.done || scored.done === 0) return;
    drawnFor = scored.done;
    body.replaceChildren(el("p", { class: "lede", role: "status" }, "Asking the service for reasons…"));
    try {
      body.replaceChildren(...pictures(await sample(scored), scored));
    } catch (error) {
      drawnFor = -1;
      body.replaceChildren(el("p", { class: "field-mistake", role: "alert" }, `${error.title ?? error.message}. ${error.advice ?? ""}`));
    }
  };
  details.addEventListener("toggle", draw);
  return {
    element: details,
    renew: () => {
      details.hidden = !state.model.capabilities.explain || scored.several !== null;
      draw();
    },
  };
}

/** Explanations of rows from all over the table. */
async function sample(scored) {
  const good = [];
  for (let row = 0; row < scored.scores.length; row += 1) if (!Number.isNaN(scored.scores[row])) good.push(row);
  const step = Math.max(1, good.length / SAMPLE);
  const at = Array.from({ length: Math.min(SAMPLE, good.length) }, (_, place) => good[Math.floor(place * step)]);
  const cells = await scored.reader.ask("rows", { at });
  const found = [];
  for (let from = 0; from < cells.length; from += PIECE) {
    const piece = cells.slice(from, from + PIECE);
    const { explanations } = await (scored.table.kind === "pairs" ? explainPairs : explainRows)(piece);
    found.push(...explanations.filter(({ contributions }) => contributions));
  }
  return found;
}

function pictures(explained, scored) {
  const names = state.model.feature_names;
  const features = names.map((name, at) => {
    const changes = explained.map(({ contributions }) => contributions[at]);
    const values = explained.map(({ values }) => values[at] ?? NaN);
    const histogram = trained(state.model.card, name)?.histogram;
    return { name, changes, values, size: changes.reduce((sum, one) => sum + Math.abs(one), 0) / (changes.length || 1), drift: histogram ? stabilityIndex(histogram, values) : NaN };
  }).sort((left, right) => right.size - left.size);
  const largest = features[0]?.size || 1;
  const reach = Math.max(...features.flatMap(({ changes }) => changes.map(Math.abs)), 0.01);
  const hasDrift = features.some(({ drift }) => !Number.isNaN(drift));
  const ofScores = state.model.card?.scores ? stabilityIndex(state.model.card.scores, scored.scores) : NaN;
  return [
    el("p", { class: "lede" }, `From ${count(explained.length, "row")} of the table. The bar is how much a feature moves a score on average, in log-odds. Each dot is a row: to the left the feature lowered its score, to the right it raised it; dark dots have high values of the feature, pale ones low.`),
    !Number.isNaN(ofScores) && el("p", { class: "drift" }, "Scores against those of training: ", driftWords(ofScores)),
    el("div", { class: "swarm-frame", tabindex: 0, role: "region", "aria-label": "Features by importance" }, el("table", { class: "swarm" },
      el("caption", { class: "unseen" }, "Features by mean size of their contribution"),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Feature"), el("th", { scope: "col" }, "Moves a score by"), el("th", { scope: "col" }, el("span", { class: "swarm-head" }, el("span", {}, "lowers"), el("span", {}, "raises"))), hasDrift && el("th", { scope: "col" }, "Against training"))),
      el("tbody", {}, features.map(({ name, size, changes, values, drift }) => el("tr", {},
        el("th", { scope: "row" }, about(name).label),
        el("td", {}, el("span", { class: "importance" }, styled(el("i", { "aria-hidden": "true" }), { "--size": size / largest }), el("b", {}, size.toFixed(2)))),
        el("td", {}, swarm(name, changes, values, reach)),
        hasDrift && el("td", {}, Number.isNaN(drift) ? "" : driftWords(drift))))))),
  ].filter(Boolean);
}

function driftWords(index) {
  const words = { stable: "alike", some: "somewhat apart", much: "far apart" }[reading(index)];
  return el("span", { class: words === "alike" ? "alike" : "badge", title: "Population stability index" }, `${words}, ${index.toFixed(2)}`);
}

/** The rows as dots by their change, piled where they are many. */
function swarm(name, changes, values, reach) {
  const order = values.map((value, at) => ({ value, at })).filter(({ value }) => !Number.isNaN(value)).sort((left, right) => left.value - right.value);
  const shade = new Array(values.length).fill(0);
  order.forEach(({ at }, rank) => {
    shade[at] = Math.min(SHADES - 1, Math.floor((rank / order.length) * SHADES));
  });
  const piles = new Map();
  const dots = Array.from({ length: SHADES }, () => "");
  changes.forEach((change, at) => {
    const x = WIDTH / 2 + (change / reach) * (WIDTH / 2 - 6);
    const pile = Math.round(x / 4);
    const height = piles.get(pile) ?? 0;
    piles.set(pile, height + 1);
    const offset = Math.min(12, Math.ceil(height / 2) * 1.1) * (height % 2 ? 1 : -1);
    dots[shade[at]] += `M${(x - 2).toFixed(1)},${(HEIGHT / 2 + offset).toFixed(1)}a2,2 0 1,0 4,0a2,2 0 1,0 -4,0`;
  });
  const raising = order.slice(Math.floor(order.length / 2)).reduce((sum, { at }) => sum + changes[at], 0) - order.slice(0, Math.floor(order.length / 2)).reduce((sum, { at }) => sum + changes[at], 0);
  return svg("svg", { class: "swarm-dots", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${about(name).label}: higher values ${raising >= 0 ? "raise" : "lower"} the score on the whole.` },
    svg("line", { x1: WIDTH / 2, x2: WIDTH / 2, y1: 0, y2: HEIGHT }), dots.map((d, at) => d && svg("path", { class: `shade-${at}`, d })));
}
