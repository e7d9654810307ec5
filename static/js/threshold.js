// The threshold: one handle, the same on every scale of scores; the reader's choice is in the address and nowhere else.

import { note } from "./address.js";
import { el, styled } from "./dom.js";
import { change, follow, isOwnThreshold, isProbability, shownThreshold, state, threshold } from "./state.js";

const STEP = 0.005;
const KEYS = { ArrowRight: STEP, ArrowUp: STEP, ArrowLeft: -STEP, ArrowDown: -STEP, PageUp: 0.05, PageDown: -0.05, Home: -1, End: 1 };

/** Chooses a threshold, or with null goes back to the service's. */
export function choose(value) {
  change({ above: value === null || value === state.model.threshold ? null : value });
  note();
}

const rounded = (value) => Number(Math.min(1, Math.max(0, Math.round(value / STEP) * STEP)).toFixed(4));

/**
 * The handle over a scale from 0 to 1 of the same width; for scores that are no probabilities, a field for a number.
 * @param {() => string} words what follows from the threshold, for those who do not see the scale
 */
export function thresholdHandle(words) {
  if (!isProbability()) return thresholdField();
  const slider = el("input", {
    type: "range", min: 0, max: 1, step: "any", "aria-label": "Threshold: likely above",
    oninput: () => choose(rounded(slider.valueAsNumber)),
    onkeydown: (event) => {
      if (!(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      choose(rounded(threshold() + KEYS[event.key]));
    },
  });
  const label = el("span", { class: "threshold-label", "aria-hidden": "true" });
  const handle = el("div", { class: "threshold" }, el("i", { class: "threshold-line", "aria-hidden": "true" }), label, slider);
  follow(handle, () => {
    const at = threshold();
    slider.value = String(at);
    slider.setAttribute("aria-valuetext", `${shownThreshold()}. ${words()}`);
    label.textContent = `likely above ${shownThreshold()}`;
    styled(handle, { "--at": at });
    handle.classList.toggle("at-start", at < 0.12);
    handle.classList.toggle("at-end", at > 0.88);
  });
  return handle;
}

function thresholdField() {
  const input = el("input", {
    type: "number", step: "any", id: "threshold-number",
    onchange: () => Number.isFinite(input.valueAsNumber) && choose(input.valueAsNumber),
  });
  const field = el("p", { class: "threshold-field" }, el("label", { for: "threshold-number" }, "Likely above "), input);
  follow(field, () => {
    if (input.valueAsNumber !== threshold()) input.value = String(threshold());
  });
  return field;
}

/** A badge as soon as the threshold is not the service's, with the way back. */
export function ownThreshold() {
  const line = el("p", { class: "own-threshold" });
  const reset = el("button", { type: "button", class: "quiet", onclick: () => choose(null) });
  const badge = el("span", { class: "badge" });
  line.append(badge, reset);
  follow(line, () => {
    line.hidden = !isOwnThreshold();
    badge.textContent = `your threshold; the service’s is ${shownThreshold(state.model.threshold)}`;
    reset.textContent = `Back to ${shownThreshold(state.model.threshold)}`;
  });
  return line;
}
