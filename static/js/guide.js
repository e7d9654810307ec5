// What the features mean: features.json gives labels, units, clauses, possible values, and what moves together. It goes with
// the demo's model; a model with other features works without it, and its features are shown by their bare names.
//
// Its formulas are lists read from left to right, ["up_orders", "/", "user_orders"]: numbers, features, `terms` of the guide,
// lists; `was.NAME` is the value before the change; ["round", x] is the nearest whole number.

import { NB, count, share, short, whole } from "./numbers.js";

/**
 * @typedef {object} Feature
 * @property {string} name
 * @property {string} label
 * @property {"count" | "number" | "share" | ""} as how a value is written
 * @property {string} one @property {string} unit @property {string} prefix
 * @property {string} help
 * @property {number} least @property {number} most values beyond these are impossible
 */

/** @typedef {(number | null)[]} Row in the model's order; null is missing */

/** @type {any} */
let guide = { features: {} };
/** @type {string[]} */
let names = [];

/** Reads the guide for a model's features; a missing or broken one costs the words, nothing else. */
export async function readGuide() {
  try {
    const response = await fetch(new URL("features.json", document.baseURI));
    if (response.ok) guide = { features: {}, ...(await response.json()) };
  } catch {
    // Offline, or not JSON: names will do.
  }
}

/** Says which features the model has, in order. */
export function guideFor(featureNames) {
  names = featureNames;
}

/**
 * What is known of a feature.
 * @returns {Feature}
 */
export const about = (name) =>
  ({ name, label: name, as: "", one: "", unit: "", prefix: "", help: "", least: -Infinity, most: Infinity, ...guide.features[name] });

/** Whether a feature has words of its own. */
const isKnown = (name) => Object.hasOwn(guide.features, name);

/** A feature's name for the middle of a sentence; bare names keep their case. */
export const inSentence = (name) => (isKnown(name) ? lower(about(name).label) : name);
const lower = (text) => text.charAt(0).toLowerCase() + text.slice(1);

/** A value with its unit: "6 orders", "20 %", "place 5", "missing". */
export function shown(name, value) {
  if (value === null || value === undefined) return "missing";
  const { as, one, unit, prefix } = about(name);
  const number = amount(as, value);
  if (prefix) return `${prefix}${NB}${number}`;
  return unit ? `${number}${NB}${Math.abs(value) === 1 ? one : unit}` : number;
}

/** The number of a value, as people write it. */
const amount = (as, value) => (as === "share" ? share(value) : short(value));

const place = (name) => names.indexOf(name);

/** The value of a formula for a row; NaN where something is missing. */
function evaluate(formula, row, before = row) {
  if (typeof formula === "number") return formula;
  if (typeof formula === "string") {
    if (formula.startsWith("was.")) return evaluate(formula.slice(4), before);
    if (guide.terms && Object.hasOwn(guide.terms, formula)) return evaluate(guide.terms[formula], row, before);
    return row[place(formula)] ?? NaN;
  }
  const [first, ...rest] = formula;
  if (first === "round") return Math.round(evaluate(rest[0], row, before));
  let value = evaluate(first, row, before);
  for (let at = 0; at < rest.length; at += 2) {
    const next = evaluate(rest[at + 1], row, before);
    const results = { "+": value + next, "-": value - next, "*": value * next, "/": value / next, min: Math.min(value, next) };
    value = results[rest[at]];
  }
  return value;
}

const isWhere = ({ where }, row, before) => !where || evaluate(where[0], row, before) === evaluate(where[1], row, before);

/**
 * The row with one value changed, and with what is bound to it by definition: values that no customer can have apart.
 * @param {Row} row @param {string} name @param {number | null} value
 * @returns {Row}
 */
export function moved(row, name, value) {
  const next = row.with(place(name), value);
  if (value === null) return next;
  for (const move of guide.features[name]?.moves ?? []) {
    const at = place(move.feature);
    if (at < 0 || !isWhere(move, next, row)) continue;
    const result = evaluate(move.is, next, row);
    if (Number.isFinite(result)) next[at] = result;
  }
  return next;
}

/** The features that move along with one in a row. */
export const companions = (name, row) =>
  [...new Set((guide.features[name]?.moves ?? []).filter((move) => isWhere(move, row, row)).map(({ feature }) => feature))].filter((feature) => feature !== name && place(feature) >= 0);

/**
 * The least and most that a feature can be while the rest of the row stands.
 * @returns {[number, number]}
 */
export function possible(name, row) {
  const { from = -Infinity, to = Infinity, least = -Infinity, most = Infinity } = guide.features[name] ?? {};
  const or = (value, other) => (Number.isNaN(value) ? other : value);
  /** @type {[number, number]} */
  const bounds = [Math.max(least, or(evaluate(from, row), least)), Math.min(most, or(evaluate(to, row), most))];
  const present = row[place(name)];
  return present === null ? bounds : [Math.min(bounds[0], present), Math.max(bounds[1], present)];
}

/** The formulas that a row breaks: each with the feature, its value, what it should be, and the formula in words. */
export function contradictions(row) {
  return (guide.identities ?? []).flatMap(({ feature, is, text }) => {
    const value = place(feature) < 0 ? null : row[place(feature)];
    const expected = evaluate(is, row);
    const same = value === null || !Number.isFinite(expected) || Math.abs(value - expected) <= 1e-4 * Math.max(1, Math.abs(expected));
    return same ? [] : [{ feature, value, expected, text }];
  });
}

/** What is impossible about a value, if anything. */
export function impossible(name, value) {
  const { least, most } = about(name);
  if (value === null || (value >= least && value <= most)) return "";
  return value < least ? `it is never below ${shown(name, least)}` : `it is never above ${shown(name, most)}`;
}

/** A value as a clause of a sentence, for the way it pushes: "they have not bought it in their last 6 orders". */
export function clause(name, row, effect) {
  const value = row[place(name)];
  if (!isKnown(name)) return `${name} = ${value === null ? "missing" : short(value)}`;
  if (value === null) return `“${inSentence(name)}” is not known`;
  const fitting = guide.features[name].clauses?.find((one) =>
    (one.value === undefined || one.value === value) && (!one.effect || one.effect === effect) && isWhere(one, row, row));
  return fitting ? filledIn(fitting.text, row, name) : `${inSentence(name)}: ${shown(name, value)}`;
}

/** How often and when the customer buys the product, from the features; empty where they do not tell. */
export function rhythm(row) {
  const fitting = guide.rhythm?.find((one) =>
    (one.value === undefined || row[place(one.feature)] === one.value) && isWhere(one, row, row));
  const text = fitting ? filledIn(fitting.text, row, "") : "";
  return text.includes("NaN") ? "" : text;
}

function filledIn(text, row, name) {
  return text.replace(/\{([^}]+)\}/g, (_, key) => {
    const [term, one, many] = key.split("|");
    const value = row[place(name)];
    if (term === "value") return shown(name, value);
    if (term === "plain") return amount(about(name).as, value);
    if (term === "hundredths") return whole(value * 100);
    const number = evaluate(term, row);
    return one ? count(number, one, many) : whole(number);
  });
}
