// All scores of the table in one picture, with the threshold on it.

import { el, styled, svg } from "../dom.js";
import { NB, count, whole } from "../numbers.js";
import { follow, threshold } from "../state.js";
import { thresholdHandle } from "../threshold.js";
import { BINS, figures } from "./tally.js";

const HEIGHT = 190;

/** @param {() => import("./tally.js").Tally} tally */
export function histogram(tally, scored) {
  const { all, bought } = tally().bins;
  const tallest = Math.max(...all, 1);
  // Heights are square roots, so that a few hundred rows are still seen beside many thousands.
  const height = (number) => Math.sqrt(number / tallest) * (HEIGHT - 6);
  const bins = all.map((number, at) => svg("g", {},
    svg("rect", { class: "all", x: at * 20 + 1.5, width: 17, y: HEIGHT - height(number), height: height(number) }),
    svg("rect", { class: "bought", x: at * 20 + 1.5, width: 17, y: HEIGHT - height(bought[at]), height: height(bought[at]) })));
  const peak = all.indexOf(Math.max(...all));
  const element = el("figure", { class: "histogram" },
    el("div", { class: "histogram-plot" },
      svg("svg", { viewBox: `0 0 1000 ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `Histogram of ${count(tally().sorted.length, "score")}; most of them, ${whole(all[peak])}, from ${peak * 2} to ${peak * 2 + 2} per cent.` }, bins),
      thresholdHandle(() => {
        const { likely, hits, contacted } = figures(tally(), threshold());
        return `${whole(likely)} rows likely${contacted ? `, ${whole((100 * (hits ?? 0)) / contacted)} of 100 of them bought` : ""}`;
      })),
    el("div", { class: "ticks", "aria-hidden": "true" }, Array.from({ length: 11 }, (_, at) => styled(el("span", { class: at % 2 ? "odd" : "" }, `${at * 10}${NB}%`), { "--at": at / 10 }))),
    el("figcaption", {},
      scored.table.labels && el("span", { class: "key" }, el("i", { class: "key-bought" }), scored.table.names.label),
      el("span", { class: "key" }, el("i", { class: "key-all" }), "all rows"),
      el("span", {}, "per 2 points of score, square-root heights; drag the line, and figures, table and download follow")));
  follow(element, () => bins.forEach((bin, at) => bin.classList.toggle("off", (at + 1) / BINS <= threshold() + 1e-9)));
  return element;
}
