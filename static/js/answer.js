// One score as an answer: the sentence, the number, where it stands against the threshold, and why.

import { el, withStyle } from "./markup.js";
import { isProbability, percent } from "./numbers.js";
import { choose, followThreshold, isLikely, serviceThreshold, threshold } from "./threshold.js";
import { waterfall } from "./waterfall.js";

/**
 * An answer and the sentence that tells it to those who do not see it.
 * @param {object} model as `/model` describes it
 * @param {{score: number | number[], contributions?: number[]}} outcome exactly as the service gave it
 * @param {{about: (Node | string)[], before?: number | null, links?: Node[]}} context what was scored, the score before
 *     a change, where to go from here
 * @returns {[Node, string]}
 */
export function answer(model, outcome, { about, before = null, links = [] }) {
  const { score } = outcome;
  const heading = el("p", { class: "about" }, ...about);
  const why = outcome.contributions ? waterfall(model, outcome) : noReasons(model);
  if (Array.isArray(score)) return [severalOutputs(score, heading), "Scored."];
  const verdict = el("p", { class: "verdict" });
  const scale = isProbability(model) ? probabilityScale(score, before) : null;
  const element = el("div", { class: "result" },
    heading,
    verdict,
    el("p", { class: "score" },
      el("strong", {}, shown(model, score)),
      el("span", {}, "score ", el("span", { class: "exact" }, String(score))),
      before !== null && el("span", { class: "before" }, `before the change ${shown(model, before)}`)),
    scale,
    thresholdChoice(model),
    why,
    links.length > 0 && el("p", { class: "links" }, ...links));
  followThreshold(element, () => {
    const likely = isLikely(score);
    element.classList.toggle("likely", likely);
    element.classList.toggle("unlikely", !likely);
    verdict.textContent = sentence(score);
    if (scale) withStyle(scale, { "--threshold": threshold() });
  });
  return [element, `${sentence(score)}: ${shown(model, score)}.`];
}

/** The score as its reader knows it: a percentage where it is a probability. */
export function shown(model, score) {
  return isProbability(model) ? percent(score) : String(score);
}

function sentence(score) {
  return `This customer is ${isLikely(score) ? "likely" : "unlikely"} to buy this product again`;
}

function probabilityScale(score, before) {
  return withStyle(
    el("div", { class: "scale", "aria-hidden": "true" },
      el("div", { class: "scale-track" },
        el("div", { class: "scale-fill" }),
        before !== null && withStyle(el("div", { class: "scale-before" }), { "--before": before }),
        el("div", { class: "scale-threshold" }))),
    { "--score": score });
}

/** The threshold with its slider, under the scale it belongs to or `place`d over bars or a table. */
export function thresholdChoice(model, place = "") {
  const value = el("span", { class: "exact" });
  const slider = isProbability(model)
    ? el("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Threshold", oninput: () => choose(slider.valueAsNumber) })
    : el("input", { type: "number", step: "any", "aria-label": "Threshold", onchange: () => Number.isFinite(slider.valueAsNumber) && choose(slider.valueAsNumber) });
  const reset = el("button", { type: "button", class: "quiet small", onclick: () => {
    choose(null);
    slider.focus();
  } });
  const element = el("div", { class: `threshold ${place}` },
    slider,
    el("p", { class: "help" }, "Likely above ", value, " ", reset));
  followThreshold(element, () => {
    if (Number(slider.value) !== threshold()) slider.value = String(threshold());
    value.textContent = String(threshold());
    reset.textContent = `Reset to ${serviceThreshold()}`;
    reset.classList.toggle("invisible", threshold() === serviceThreshold());
  });
  return element;
}

function noReasons(model) {
  return el("p", { class: "notice no-reasons" },
    `There is no “why” here: the scorer in use (${model.backends.scorer}) gives scores alone. `,
    "A model that is scored in process explains itself.");
}

function severalOutputs(scores, heading) {
  return el("div", { class: "result" },
    heading,
    el("p", { class: "help" }, "This model gives several numbers per row; there is no single likely or unlikely."),
    el("ol", { class: "outputs", start: 0 }, ...scores.map((score) => el("li", {}, el("span", { class: "exact" }, String(score))))));
}
