// Where the reader is lives in the fragment, so that every answer has an address to share with everything in it: what was
// asked, the reader's threshold, changed values, the open curve, the other answer. Ids stay out of access logs.

import { isProbability, state } from "./state.js";

/** @typedef {"home" | "pair" | "features" | "basket" | "batch"} Route */

/** @type {Route[]} */
const ROUTES = ["home", "pair", "features", "basket", "batch"];

/**
 * The route and parameters of the present address.
 * @returns {{route: Route, params: URLSearchParams}}
 */
export function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const params = new URLSearchParams(query);
  const route = ROUTES.find((known) => known === path) ?? "home";
  // An address of a question without its question is the start.
  const asked = { pair: params.has("user") && params.has("product"), features: params.has("row") };
  return { route: route in asked && !asked[route] ? "home" : route, params };
}

/**
 * The fragment of a route with parameters; empty ones are left out. The reader's threshold goes along everywhere.
 * @param {Route} route
 * @param {Object<string, string | null | undefined>} [params]
 */
export function address(route, params = {}) {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...params, above: aboveText() })) {
    if (value !== "" && value !== null && value !== undefined) kept.set(name, value);
  }
  const query = kept.toString();
  return route === "home" && !query ? "#/" : `#/${route}${query && `?${query}`}`;
}

/** The reader's threshold as the address has it: in per cent where scores are. */
function aboveText() {
  if (state.above === null || !state.model) return "";
  return String(isProbability() ? Number((state.above * 100).toFixed(6)) : state.above);
}

/** The threshold of an address, or null. */
export function aboveOf(params) {
  const text = params.get("above");
  const value = text === null || text.trim() === "" ? NaN : Number(text.replace("%", ""));
  if (!Number.isFinite(value)) return null;
  if (!isProbability()) return value;
  return value >= 0 && value <= 100 ? Number((value / 100).toFixed(8)) : null;
}

/** Goes there, as a new entry of the history. Going where one is already asks again. */
export function go(route, params = {}) {
  const target = address(route, params);
  if (location.hash === target) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = target;
}

/** The address is noted once the reader rests: browsers slow down pages that do so all the time. */
const NOTED_MS = 250;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let noting;

/** Notes what changed in the present address, without a new entry of the history and without asking again. */
export function note(patch = {}) {
  const { route, params } = here();
  Object.assign(pending, patch);
  clearTimeout(noting);
  noting = setTimeout(() => {
    history.replaceState(history.state, "", address(route, { ...Object.fromEntries(params), ...pending }));
    pending = {};
  }, NOTED_MS);
}
/** @type {Object<string, string>} */
let pending = {};

/** Calls `arrived` with every address from now on, and with the present one. */
export function follow(arrived) {
  addEventListener("hashchange", () => {
    // An anchor within the page is no route.
    if (location.hash && !location.hash.startsWith("#/")) return;
    clearTimeout(noting);
    pending = {};
    arrived(here());
  });
  arrived(here());
}

/**
 * The address of the answer to a subject.
 * @param {import("./state.js").Subject} subject
 */
export const subjectAddress = (subject) =>
  subject.kind === "pair" ? address("pair", { user: subject.user, product: subject.product }) : address("features", { row: subject.row });
