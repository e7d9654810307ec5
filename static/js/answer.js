// One score as an answer: the sentence, the number, and where it stands between 0 and 1 against the threshold.

import { el, withStyle } from "./markup.js";
import { isProbability, percent } from "./numbers.js";
import { choose, followThreshold, isLikely, serviceThreshold, threshold } from "./threshold.js";

/**
 * @param {object} model as `/model` describes it
 * @param {number | number[]} score exactly as the service gave it; several for a model of several outputs
 * @param {Node | string} about what was scored
 */
export function answer(model, score, about) {
  if (Array.isArray(score)) return severalOutputs(score, about);
  const verdict = el("p", { class: "verdict" });
  const scale = isProbability(model) ? probabilityScale(score) : null;
  const element = el("div", { class: "result" },
    el("p", { class: "about" }, about),
    verdict,
    el("p", { class: "score" },
      el("strong", {}, isProbability(model) ? percent(score) : String(score)),
      el("span", {}, "score ", el("output", { class: "exact" }, String(score)))),
    scale,
    thresholdChoice(model));
  followThreshold(element, () => {
    const likely = isLikely(score);
    element.classList.toggle("likely", likely);
    element.classList.toggle("unlikely", !likely);
    verdict.textContent = likely
      ? "This customer is likely to buy this product again"
      : "This customer is unlikely to buy this product again";
    if (scale) withStyle(scale, { "--threshold": threshold() });
  });
  return element;
}

function probabilityScale(score) {
  return withStyle(
    el("div", { class: "scale", "aria-hidden": "true" },
      el("div", { class: "scale-track" }, el("div", { class: "scale-fill" }), el("div", { class: "scale-threshold" }))),
    { "--score": score });
}

/** The threshold with its slider, under the scale it belongs to. */
export function thresholdChoice(model) {
  const value = el("output", { class: "exact" });
  const slider = isProbability(model)
    ? el("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Threshold", oninput: () => choose(slider.valueAsNumber) })
    : el("input", { type: "number", step: "any", "aria-label": "Threshold", onchange: () => Number.isFinite(slider.valueAsNumber) && choose(slider.valueAsNumber) });
  const reset = el("button", { type: "button", class: "quiet small", onclick: () => choose(null) }, "Reset");
  const element = el("div", { class: "threshold" },
    slider,
    el("p", { class: "help" }, "Likely above ", value, " ", reset));
  followThreshold(element, () => {
    slider.value = String(threshold());
    value.textContent = String(threshold());
    reset.textContent = `Reset to ${serviceThreshold()}`;
    reset.classList.toggle("invisible", threshold() === serviceThreshold());
  });
  return element;
}

function severalOutputs(scores, about) {
  return el("div", { class: "result" },
    el("p", { class: "about" }, about),
    el("p", { class: "help" }, "This model gives several numbers per row; there is no single likely or unlikely."),
    el("ol", { class: "outputs", start: 0 }, ...scores.map((score) => el("li", {}, el("output", { class: "exact" }, String(score))))));
}
