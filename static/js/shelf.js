// What is stored: users by the beginning of their ids, and the products of a user with their names.

import { recommend, users } from "./service.js";

const SUGGESTED = 8;
/** The most that the service gives in one answer. */
const ALL = 1000;

const shelves = new Map();

/** Users to suggest for the beginning of an id; none if the store cannot list them. */
export async function suggestUsers(model, text, signal) {
  if (!model.capabilities.list_users) return [];
  const found = await users(text, SUGGESTED, signal);
  return found.users.map((value) => ({ value }));
}

/** Products to suggest among those of a user, by the beginning of an id or a part of a name. */
export async function suggestProducts(user, text, signal) {
  if (user === "") return [];
  if (!shelves.has(user)) shelves.set(user, (await recommend(user, ALL, signal, true)).recommendations);
  const wanted = text.toLowerCase();
  return shelves.get(user)
    .filter(({ product_id, product_name = "" }) => product_id.startsWith(text) || product_name.toLowerCase().includes(wanted))
    .slice(0, SUGGESTED)
    .map(({ product_id, product_name }) => ({ value: product_id, label: product_name }));
}
