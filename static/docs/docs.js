// The contract for people: every operation of openapi.json, to read and to try.

import { el } from "../js/dom.js";
import { attempt } from "./attempt.js";
import { fields, typeOf, words } from "./schema.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const PLACES = { path: "in the path", query: "in the query", header: "header" };

async function start() {
  const main = el("div");
  document.querySelector("main")?.append(main);
  try {
    const response = await fetch(new URL("openapi.json", document.baseURI));
    if (!response.ok) throw new Error(`openapi.json: status ${response.status}`);
    show(await response.json(), main);
  } catch (error) {
    main.append(el("section", { class: "trouble", role: "alert" }, el("h1", {}, "The contract cannot be read"), el("p", { class: "lede" }, `${error.message}. Is the service running?`)));
  }
}

function show(contract, main) {
  const operations = Object.entries(contract.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, ...item[method], parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])] })));
  const groups = (contract.tags ?? []).map((tag) => ({ ...tag, operations: operations.filter(({ tags }) => tags?.[0] === tag.name) })).filter((group) => group.operations.length > 0);
  document.querySelector("#routes")?.append(...groups.flatMap(({ name, operations: some }) => [
    el("h2", {}, name),
    el("ul", { role: "list" }, some.map(({ path, method, operationId }) => el("li", {}, el("a", { href: `#${operationId}` }, badge(method), el("code", {}, path))))),
  ]));
  main.append(
    el("h1", {}, "The API"),
    el("p", { class: "eyebrow" }, `${contract.info.title} ${contract.info.version}`),
    ...paragraphs(contract.info.description, "lede"),
    ...groups.map(({ name, description, operations: some }) => el("section", { "aria-label": name },
      el("h2", { class: "group-title" }, name), ...paragraphs(description, "lede"), some.map((operation) => operationSection(operation, contract)))));
  // The address may name a route that was not there when the browser looked for it.
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

const badge = (method) => el("span", { class: `method ${method}` }, method.toUpperCase());

function operationSection(operation, contract) {
  const { path, method, operationId, summary, description, parameters, requestBody, responses } = operation;
  return el("section", { class: "operation", id: operationId, "aria-labelledby": `${operationId}-title ${operationId}-route` },
    el("div", { class: "told" },
      el("h3", { id: `${operationId}-title` }, summary),
      el("p", { class: "route", id: `${operationId}-route` }, badge(method), el("code", {}, path)),
      ...paragraphs(description, ""),
      parameters.length > 0 && el("div", {}, el("h4", {}, "Parameters"), el("dl", { class: "fields" }, parameters.map((parameter) => [
        el("dt", {}, el("code", {}, parameter.name), el("small", {}, ` ${PLACES[parameter.in]}${parameter.required ? "" : ", may be left out"}`)),
        el("dd", {}, el("span", { class: "type" }, typeOf(parameter.schema, contract)), ...inline(parameter.description)),
      ]).flat())),
      requestBody && el("div", {}, el("h4", {}, "Takes"), contents(requestBody.content, contract)),
      el("div", {}, el("h4", {}, "Gives"), Object.entries(responses).filter(([status]) => status < "400").map(([, response]) => given(response, contract)).flat()),
      failures(Object.entries(responses).filter(([status]) => status >= "400"), contract)),
    attempt(operation));
}

const contents = (content, contract) => el("div", {}, Object.entries(content).map(([type, { schema }]) =>
  el("details", { class: "fold shape" }, el("summary", {}, el("code", {}, type), el("span", { class: "type" }, typeOf(schema, contract))), ...paragraphs(words(schema, contract), ""), fields(schema, contract))));

function given({ content, headers }, contract) {
  return [content && contents(content, contract), headers && el("dl", { class: "fields" }, Object.entries(headers).map(([name, { description }]) =>
    [el("dt", {}, el("code", {}, name), el("small", {}, " header")), el("dd", {}, ...inline(description))]).flat())].filter(Boolean);
}

/** How an operation fails: the statuses and the words of each, and the shape that they share. */
function failures(all, contract) {
  if (all.length === 0) return null;
  const shapes = new Map(all.flatMap(([, { content }]) => Object.entries(content ?? {})));
  return el("details", { class: "fold shape" }, el("summary", {}, el("span", {}, "Fails with ", el("b", {}, all.map(([status]) => status).join(", ")))),
    el("dl", { class: "fields statuses" }, all.map(([status, { description }]) => [el("dt", {}, status), el("dd", {}, ...paragraphs(description, ""))]).flat()),
    contents(Object.fromEntries(shapes), contract));
}

/** Paragraphs of Markdown, of which contracts here use no more than code. */
export const paragraphs = (text, kind) => (text ?? "").split(/\n{2,}/).filter(Boolean).map((one) => el("p", { class: kind || null }, ...inline(one)));
const inline = (text) => (text ?? "").split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part)).filter((part) => part !== "");

start();
