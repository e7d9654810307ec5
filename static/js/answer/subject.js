// What an answer is about: its name, and the line above it.

import { address } from "../address.js";
import { el } from "../dom.js";
import { state } from "../state.js";

/** The name of a product, or of a row that has none. */
export function titleOf(subject, answer) {
  if (subject.kind === "row") return `A row of ${state.model.feature_names.length} values`;
  return answer.product_name ?? `Product ${subject.product}`;
}

/** Whose product, or whose values; the customer leads to the next basket. */
export function eyebrow(subject) {
  if (subject.kind === "row") return "Values as given";
  return ["Customer ", el("a", { href: address("basket", { user: subject.user }), title: "The customer’s next basket" }, subject.user), ` · product ${subject.product}`];
}
