// What the command field suggests for a text: earlier answers, customers by the beginning of their ids, products of a customer
// by id or name. A store that cannot list its customers just has none to suggest.

import { address, subjectAddress } from "../address.js";
import { recommend, users } from "../service.js";
import { shownScore, state } from "../state.js";
import { words } from "./command.js";
import { visits } from "./history.js";

/** @typedef {{text: string, label: string, hint: string, href?: string}} Option @typedef {{title: string, options: Option[]}} Group */

const SHOWN = 6;
/** The most that the service gives in one answer. */
const ALL = 1000;

/** The last customers' products. @type {Map<string, any[]>} */
const shelves = new Map();
const SHELVES = 20;

/** The products of a customer, the likeliest first. */
export async function shelf(user, signal) {
  if (!shelves.has(user)) {
    const { recommendations } = await recommend(user, ALL, signal, true);
    if (shelves.size >= SHELVES) shelves.delete(shelves.keys().next().value ?? "");
    shelves.set(user, recommendations);
  }
  return shelves.get(user) ?? [];
}

/**
 * @param {string} text @param {AbortSignal} signal
 * @returns {Promise<Group[]>}
 */
export async function suggest(text, signal) {
  const typed = text.trim();
  if (typed === "") return [recent()].filter(({ options }) => options.length > 0);
  const pair = /^(?:(?:customer|user)[\s:]+)?("(?:[^"]|"")*"|[^,;\t]+?)[,;\t]\s*(?:(?:product|item)[\s:]+)?([^,;\t]*)$/i.exec(typed);
  if (pair) {
    const user = pair[1].trim().replace(/^"(.*)"$/, (_, inner) => inner.replaceAll('""', '"'));
    return [products(user, await shelf(user, signal), pair[2])];
  }
  if (/[,;\t]/.test(typed)) return [];
  const prefix = typed.replace(/^(customer|user)[\s:]+/i, "");
  const [customers, ofLast] = await Promise.all([customersFor(prefix, signal), namedLike(typed, signal)]);
  return [customers, ofLast].filter(({ options }) => options.length > 0);
}

function recent() {
  return {
    title: "Earlier answers",
    options: visits().slice(0, SHOWN).map(({ subject, title, score }) =>
      ({ text: words(subject), label: title, hint: shownScore(score), href: subjectAddress(subject) })),
  };
}

async function customersFor(prefix, signal) {
  const found = state.model.capabilities.list_users ? (await users(prefix, SHOWN, signal)).users : [];
  return {
    title: "Customers",
    options: found.map((user) => ({ text: words({ kind: "basket", user }), label: `Customer ${user}`, hint: "next basket", href: address("basket", { user }) })),
  };
}

/** Products of the customer the reader is at, by a part of their names. */
async function namedLike(typed, signal) {
  const { subject } = state;
  if (subject?.kind !== "pair" || typed.length < 2) return { title: "", options: [] };
  return products(subject.user, await shelf(subject.user, signal), typed);
}

function products(user, all, typed) {
  const wanted = typed.toLowerCase();
  const options = all
    .filter(({ product_id, product_name = "" }) => product_id.startsWith(typed) || product_name.toLowerCase().includes(wanted))
    .slice(0, SHOWN)
    .map(({ product_id: product, product_name, score }) => ({
      text: words({ kind: "pair", user, product }), label: product_name ?? `Product ${product}`, hint: `${product_name ? `${product} · ` : ""}${shownScore(score)}`,
      href: address("pair", { user, product }),
    }));
  return { title: `Products of customer ${user}`, options };
}
