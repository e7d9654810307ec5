// A JSON schema in words and as a list of members.

import { el } from "../js/dom.js";

const NAMES = { string: "text", number: "number", integer: "whole number", boolean: "yes or no", object: "object", null: "null" };

/** Follows a reference. */
function resolved(schema, contract) {
  if (!schema?.$ref) return schema ?? {};
  const found = schema.$ref.split("/").slice(1).reduce((place, part) => place?.[part], contract) ?? {};
  return { ...found, name: schema.$ref.split("/").at(-1), description: schema.description ?? found.description };
}

/** A schema's type in a few words: "list of Prediction", "whole number from 1 to 1000, else 10". */
export function typeOf(schema, contract) {
  const { type, enum: values, items, oneOf, allOf, minimum, maximum, default: usual, properties, additionalProperties } = resolved(schema, contract);
  if (values) return values.join(", ");
  if (allOf || properties) return "object";
  if (oneOf) return [...new Set(oneOf.map((one) => typeOf(one, contract)))].join(" or ");
  const types = [type].flat().filter(Boolean);
  const of = (one) => {
    if (one === "array") return items ? `list of ${plural(typeOf(items, contract))}` : "list";
    if (one === "object" && additionalProperties) return `object of ${plural(typeOf(additionalProperties, contract))}`;
    return NAMES[one] ?? one;
  };
  const range = minimum !== undefined && maximum !== undefined ? ` from ${minimum} to ${maximum}` : "";
  return `${types.map(of).join(" or ") || "anything"}${range}${usual === undefined ? "" : `, else ${usual}`}`;
}

const plural = (words) => words.replace(/^(text|object|list|number|whole number)\b/, (word) => ({ text: "texts", object: "objects", list: "lists", number: "numbers", "whole number": "whole numbers" })[word] ?? word);

/** What a schema says of itself. */
export const words = (schema, contract) => resolved(schema, contract).description ?? "";

/** The members of an object, or of the objects in a list, each with its own; null where there are none. */
export function fields(schema, contract) {
  const { properties, required } = members(schema, contract);
  if (Object.keys(properties).length === 0) return null;
  return el("dl", { class: "fields" }, Object.entries(properties).map(([name, one]) => [
    el("dt", {}, el("code", {}, name), !required.has(name) && el("small", {}, " may be absent")),
    el("dd", {}, el("span", { class: "type" }, typeOf(one, contract)), text(words(one, contract)), fields(one, contract)),
  ]).flat());
}

const text = (description) => description && el("span", {}, ...description.split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part)));

/** All members that a schema may have: its own, those it is put together from, those of its alternatives, which may be absent. */
function members(schema, contract) {
  const { properties = {}, required = [], items, allOf = [], oneOf = [] } = resolved(schema, contract);
  if (items) return members(items, contract);
  const all = { properties: { ...properties }, required: new Set(required) };
  for (const part of allOf) {
    const found = members(part, contract);
    Object.assign(all.properties, found.properties);
    found.required.forEach((name) => all.required.add(name));
  }
  for (const part of oneOf) Object.assign(all.properties, members(part, contract).properties);
  return all;
}
