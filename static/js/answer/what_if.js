// Rows that the reader changed: which values differ, as the address has them, and the points of a curve.

import { moved, possible } from "../guide.js";
import { trained, usualRange } from "../model/card.js";
import { state } from "../state.js";

/** The places at which two rows differ. */
export const difference = (was, now) => now.flatMap((value, at) => (value === was[at] ? [] : [at]));

/** The changed values of a row, for the address: "up_orders:3;up_order_rate:0.3". */
export const setText = (was, now) =>
  difference(was, now).map((at) => `${encodeURIComponent(state.model.feature_names[at])}:${now[at] ?? ""}`).join(";");

/** A row with the changed values of an address; what is not understood is left as it is. */
export function setOf(row, text) {
  const next = [...row];
  for (const part of text.split(";")) {
    const colon = part.lastIndexOf(":");
    const at = state.model.feature_names.indexOf(decodeURIComponent(part.slice(0, colon)));
    const value = part.slice(colon + 1);
    if (at < 0 || (value !== "" && !Number.isFinite(Number(value)))) continue;
    next[at] = value === "" ? null : Number(value);
  }
  return difference(row, next).length > 0 ? next : null;
}

/** Points of a curve, beside the present value. */
const POINTS = 24;

/**
 * The values of one feature worth asking for, in order, with the rows that they make: each with what is bound to it moved
 * along, and as they would be if the feature moved alone.
 * @param {string} name @param {import("../guide.js").Row} row
 */
export function points(name, row) {
  const at = state.model.feature_names.indexOf(name);
  const present = row[at];
  const bounds = possible(name, row);
  const [low, high] = usualRange(state.model.card, name, present, bounds);
  const isWhole = trained(state.model.card, name)?.whole ?? (Number.isInteger(low) && Number.isInteger(high) && high - low > 1);
  const step = isWhole ? Math.max(1, Math.ceil((high - low) / POINTS)) : (high - low) / POINTS;
  const wanted = new Set(present === null ? [] : [present]);
  for (let value = isWhole ? Math.ceil(low) : low; value <= high + step * 1e-9 && step > 0; value += step) wanted.add(Number(value.toPrecision(7)));
  const seen = new Map();
  for (const value of wanted) {
    // The present row is taken as it is, so that its score is the answer's to the last digit.
    const along = value === present ? [...row] : moved(row, name, value);
    const reached = /** @type {number} */ (along[at]);
    const key = Math.fround(reached);
    if (!seen.has(key) || value === present) seen.set(key, { value: reached, row: along, alone: row.with(at, reached) });
  }
  return [...seen.values()].filter(({ value }) => value >= low - 1e-9 && value <= high + 1e-9).sort((left, right) => left.value - right.value);
}
