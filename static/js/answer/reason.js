// One reason for a score, where there is room for one.

import { clause } from "../guide.js";
import { state } from "../state.js";

/** That cause as the end of a sentence. */
export function because(explanation) {
  if (!explanation?.contributions || explanation.error) return "";
  const cause = strongest(explanation);
  return cause ? `: ${clause(cause.name, explanation.values, cause.up ? "up" : "down")}` : "";
}

/**
 * The cause that pushed most the way the answer went, if any did.
 * @returns {{name: string, at: number, up: boolean} | null}
 */
export function strongest({ base, margin, contributions }) {
  const up = margin >= base;
  const at = contributions.reduce((best, one, at) => ((up ? one > contributions[best] : one < contributions[best]) ? at : best), 0);
  return contributions[at] === 0 ? null : { name: state.model.feature_names[at], at, up: contributions[at] > 0 };
}
