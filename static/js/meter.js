// A score as a small bar, with the threshold on it.

import { el, styled } from "./dom.js";
import { isLikely } from "./state.js";

/** @param {number} score a probability */
export function meter(score) {
  return styled(el("span", { class: `meter ${isLikely(score) ? "yes" : "no"}`, "aria-hidden": "true" }, el("i"), el("u")), { "--value": score });
}
