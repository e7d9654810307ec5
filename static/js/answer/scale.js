// The axis from 0 to 100 %: where every answer starts, where this one is, and the threshold to drag.

import { el, styled } from "../dom.js";
import { NB, percent, probabilityOf } from "../numbers.js";
import { follow, isLikely, shownScore, state } from "../state.js";
import { ownThreshold, thresholdHandle } from "../threshold.js";

const TICKS = [0, 0.25, 0.5, 0.75, 1];

export function scale() {
  const now = () => /** @type {number} */ ((state.changed ?? state.answer)?.score ?? 0);
  const was = el("i", { class: "dot was" });
  const dot = el("i", { class: "dot now" });
  const base = typeof state.answer?.base === "number" ? probabilityOf(state.answer.base) : null;
  const handle = thresholdHandle(() => `${isLikely(now()) ? "likely" : "unlikely"} at ${shownScore(now())}`);
  const fill = el("i", { class: "axis-fill" });
  const axis = el("div", { class: "axis" },
    el("div", { class: "axis-marks", "aria-hidden": "true" }, el("i", { class: "axis-track" }), fill, base !== null && styled(el("i", { class: "dot base" }), { left: `${base * 100}%` }), was, dot),
    handle);
  const element = el("div", { class: "scale" }, axis,
    el("div", { class: "ticks", "aria-hidden": "true" },
      TICKS.map((at) => styled(el("span", { class: base !== null && Math.abs(at - base) < 0.07 ? "hidden" : "" }, `${at * 100}${NB}%`), { "--at": at })),
      base !== null && styled(el("span", { class: "base-label" }, `base ${percent(base)}`), { "--at": Math.max(base, 0.055) })),
    ownThreshold());
  follow(element, () => {
    if (!state.answer) return;
    const known = state.mistake === "";
    styled(fill, { width: `${known ? now() * 100 : 0}%` });
    styled(dot, { left: `${now() * 100}%` });
    dot.hidden = !known;
    was.hidden = state.changed === null && known;
    styled(was, { left: `${Number(state.answer.score) * 100}%` });
  });
  return element;
}
