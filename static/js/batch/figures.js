// Three figures that follow the threshold: how many to contact, how many of them buy, how many buyers that reaches; with a label
// they are what happened, without one what the scores expect. And what it costs.

import { el } from "../dom.js";
import { NB, count, whole } from "../numbers.js";
import { follow, shownThreshold, state, threshold } from "../state.js";
import { choose } from "../threshold.js";
import { cheapest, figures } from "./tally.js";

const ofHundred = (part, all) => (all > 0 ? whole((100 * part) / all) : "–");
const per = (part, all) => (all > 0 ? `${((100 * part) / all).toFixed(1)}${NB}%` : "–");

/** @param {() => import("./tally.js").Tally} tally */
export function figuresSection(tally, scored) {
  const list = el("dl", { class: "figures" });
  const element = el("section", { "aria-label": "Figures" }, list, scored.table.labels ? costs(tally) : null);
  follow(element, () => {
    const found = figures(tally(), threshold());
    list.replaceChildren(...(found.all === undefined ? expectedFigures(found) : trueFigures(found)));
  });
  return element;
}

const figure = (number, unit, name, ...words) =>
  el("div", {}, el("dt", {}, name), el("dd", { class: "figure-number" }, number, unit && el("small", {}, ` ${unit}`)), el("dd", {}, ...words));

function trueFigures({ likely, rows, all, buyers, hits, contacted, missed }) {
  const base = all > 0 ? buyers / all : 0;
  const precision = contacted > 0 ? hits / contacted : 0;
  return [
    figure(whole(likely), "", "to contact", `${per(likely, rows)} of ${count(rows, "row")} score above ${shownThreshold()}`),
    figure(ofHundred(hits, contacted), "of 100", "of them bought", `precision ${per(hits, contacted)}; lift ${base > 0 && contacted > 0 ? (precision / base).toFixed(1) : "–"} over the ${ofHundred(buyers, all)} of 100 among all rows`),
    figure(ofHundred(hits, buyers), "%", "of all buyers reached", `recall ${per(hits, buyers)}: ${whole(hits)} of ${whole(buyers)}, ${whole(missed)} are missed`),
  ];
}

function expectedFigures({ likely, rows, expected, expectedAll }) {
  return [
    figure(whole(likely), "", "to contact", `${per(likely, rows)} of ${count(rows, "row")} score above ${shownThreshold()}`),
    figure(ofHundred(expected, likely), "of 100", "of them expected to buy", `${likely > 0 && expectedAll > 0 ? (expected / likely / (expectedAll / rows)).toFixed(1) : "–"} times the ${ofHundred(expectedAll, rows)} of 100 expected among all rows`),
    figure(ofHundred(expected, expectedAll), "%", "of expected buyers reached", `${whole(expected)} of ${whole(expectedAll)}, as far as the scores tell`),
  ];
}

/** What contacting and missing cost, and the threshold that costs least in these rows. */
function costs(tally) {
  const of = state.model.card?.threshold;
  const field = (name, value) => el("input", { type: "number", min: 0, step: "any", value, "aria-label": name, oninput: () => paint() });
  const needless = field("Cost of a needless contact", of?.false_positive_cost ?? 1);
  const missed = field("Cost of a missed buyer", of?.false_negative_cost ?? 1);
  const words = el("span");
  const least = el("button", { type: "button", class: "quiet" });
  const line = el("p", { class: "costs" }, el("span", {}, "A needless contact costs"), needless, el("span", {}, "and a missed buyer"), missed, words, least);
  let best = { threshold: 0, cost: 0 };
  let bestFor = "";
  const paint = () => {
    const [one, other] = [needless.valueAsNumber, missed.valueAsNumber];
    const known = one >= 0 && other >= 0;
    const asked = `${one} ${other} ${tally().sorted.length}`;
    if (known && asked !== bestFor) {
      bestFor = asked;
      best = cheapest(tally(), one, other) ?? best;
    }
    const { needless: wasted = 0, missed: lost = 0 } = figures(tally(), threshold());
    words.textContent = known ? `together ${whole(wasted * one + lost * other)} at ${shownThreshold()}` : "expected two numbers, 0 or more";
    least.hidden = !known;
    least.textContent = `Least: ${whole(best.cost)} at ${shownThreshold(best.threshold)}`;
  };
  least.addEventListener("click", () => choose(best.threshold));
  follow(line, paint);
  return line;
}
