// What the page knows, in one object; whatever is shown is derived from it and painted anew when it changes.

import { percent, percentOf } from "./numbers.js";

/**
 * @typedef {object} Model as `/model` describes it
 * @property {string[]} feature_names @property {string | null} objective @property {number | null} trees
 * @property {number} outputs @property {number} threshold @property {string} version
 * @property {{features: string, scorer: string}} backends
 * @property {{explain: boolean, list_users: boolean}} capabilities
 * @property {import("./model/card.js").Card} [card]
 * @property {{version?: string, rows?: number, source?: string, loaded_at?: string}} [table]
 */

/**
 * @typedef {object} Explained one row of an answer, exactly as the service gave it
 * @property {number | number[]} score
 * @property {number} [margin] @property {number} [base] @property {number[]} [contributions]
 * @property {(number | null)[]} [values]
 * @property {string} [product_name]
 */

/**
 * @typedef {{kind: "pair", user: string, product: string} | {kind: "row", row: string}} Subject what an answer is about
 */

export const state = {
  /** @type {Model} */ // @ts-ignore set before anything is shown
  model: null,
  /** The reader's own threshold, or null for the service's. @type {number | null} */
  above: null,
  /** @type {Subject | null} */
  subject: null,
  /** The answer to the subject as it is. @type {Explained | null} */
  answer: null,
  /** The answer to the row as the reader changed it. @type {Explained | null} */
  changed: null,
  /** Why the changed row has no answer: the words beside its field. @type {string} */
  mistake: "",
  /** The feature whose curve is open. @type {string} */
  open: "",
  /** Whether all causes are listed. */
  all: false,
  /** How far the rows of the open table are from training. @type {(import("./model/drift.js").Drift & {of: string}) | null} */
  drift: null,
};

const painters = new Set();

/** Changes the state and paints what follows it. */
export function change(patch) {
  Object.assign(state, patch);
  for (const painter of [...painters]) painter();
}

/**
 * Calls `paint` now and on each change, as long as `element` is or comes into the page.
 * @param {Element} element
 * @param {() => void} paint
 */
export function follow(element, paint) {
  let placed = false;
  const painter = () => {
    if (placed && !element.isConnected) {
      painters.delete(painter);
      return;
    }
    placed ||= element.isConnected;
    paint();
  };
  painters.add(painter);
  paint();
}

/** The score above which a purchase counts as likely. */
export const threshold = () => state.above ?? state.model.threshold;

/** Whether a score counts as likely. */
export const isLikely = (score) => score > threshold();

/** Whether the reader's threshold is another than the service's. */
export const isOwnThreshold = () => state.above !== null && state.above !== state.model.threshold;

/** Whether scores of the model are probabilities. */
export const isProbability = () =>
  state.model.outputs === 1 && ["binary:logistic", "reg:logistic"].includes(state.model.objective ?? "");

/** A score as its reader knows it. */
export const shownScore = (score) => (isProbability() ? percent(score) : String(score));

/** A threshold as its reader knows it. */
export const shownThreshold = (value = threshold()) => (isProbability() ? percentOf(value) : String(value));
