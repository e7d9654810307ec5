// An operation to try: its parameters and body, begun with the examples, and what the service says.

import { copy, el, icon, say } from "../js/dom.js";
import { askForKey, storedKey } from "../js/key.js";

/** The most of an answer that is shown. */
const SHOWN = 20_000;
const PATIENCE_MS = 60_000;

export function attempt({ path, method, operationId: id, parameters, requestBody, responses }) {
  const inputs = parameters.map((parameter) => {
    const input = el("input", { id: `${id}-${parameter.name}`, value: parameter.example ?? "", spellcheck: "false", autocomplete: "off", required: parameter.required });
    return { ...parameter, input, line: el("p", { class: "field" }, el("label", { for: input.id }, parameter.name), input) };
  });
  const examples = Object.entries(requestBody?.content ?? {}).flatMap(([type, content]) =>
    Object.values(content.examples ?? {}).map(({ summary, value }) => ({ type, summary, body: typeof value === "string" ? value : written(value) })));
  const chosen = el("select", { id: `${id}-example` }, examples.map(({ type, summary }, at) => el("option", { value: at }, `${type}: ${summary}`)));
  const body = el("textarea", { id: `${id}-body`, rows: 5, spellcheck: "false", "aria-label": "Body" });
  const accepted = Object.keys(responses["200"]?.content ?? {});
  const accept = el("select", { id: `${id}-accept` }, accepted.map((type) => el("option", { selected: type === "application/json" }, type)));
  const command = el("pre", { class: "command", tabindex: 0, role: "region", "aria-label": `${method.toUpperCase()} ${path} as a command` });
  const answer = el("div", { class: "said", "aria-live": "polite" });
  const send = el("button", { type: "submit", class: "solid" }, "Send");

  const request = () => {
    const query = new URLSearchParams(inputs.filter(({ in: place, input, required }) => place === "query" && (input.value !== "" || required)).map(({ name, input }) => [name, input.value]));
    const filled = inputs.filter(({ in: place }) => place === "path").reduce((address, { name, input }) => address.replace(`{${name}}`, encodeURIComponent(input.value)), path);
    const url = new URL(`${filled.slice(1)}${query.size > 0 ? `?${query}` : ""}`, document.baseURI);
    const given = inputs.filter(({ in: place, input }) => place === "header" && input.value !== "").map(({ name, input }) => [name, input.value]);
    const headers = { ...Object.fromEntries(given), ...(accept.value ? { accept: accept.value } : {}), ...(requestBody ? { "content-type": examples[Number(chosen.value)].type } : {}) };
    return { url, headers, body: requestBody ? body.value : undefined };
  };
  const paint = () => {
    const { url, headers, body: text } = request();
    command.textContent = ["curl", ...Object.entries(headers).map(([name, value]) => `-H '${name}: ${value}'`), text === undefined ? "" : `--data-binary ${quoted(text)}`, quoted(url.href)].filter(Boolean).join(" ");
  };
  const begin = () => {
    body.value = examples[Number(chosen.value)]?.body ?? "";
    body.rows = Math.min(12, Math.max(3, body.value.split("\n").length));
    paint();
  };
  const form = el("form", { class: "attempt", "aria-label": `Try ${method.toUpperCase()} ${path}`, novalidate: true },
    el("h4", {}, "Try it"),
    inputs.map(({ line }) => line),
    examples.length > 0 && el("p", { class: "field" }, el("label", { for: chosen.id }, "Begin with"), chosen),
    requestBody && body,
    accepted.length > 1 && el("p", { class: "field" }, el("label", { for: accept.id }, "Accept"), accept),
    el("p", { class: "actions" }, send, el("button", { type: "button", class: "quiet", onclick: () => copy(command.textContent ?? "", "Command") }, icon("copy"), "Copy as curl")),
    command, answer);
  form.addEventListener("input", (event) => (event.target === chosen ? begin() : paint()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    answer.replaceChildren(...(await ask(method, path, request())));
    send.disabled = false;
  });
  begin();
  return form;
}

/** JSON with a line per member, and lists of plain values in one. */
const written = (value) => JSON.stringify(value, null, 2).replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, inner) => `[${inner.replace(/\n\s+/g, " ")}]`);

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Sends, once more with a key where the service asks for one, and shows what it says. */
async function ask(method, path, { url, headers, body }) {
  for (;;) {
    const key = storedKey();
    const started = performance.now();
    try {
      const response = await fetch(url, { method, body, headers: { ...headers, ...(key === null ? {} : { "x-api-key": key }) }, signal: AbortSignal.timeout(PATIENCE_MS) });
      const text = await response.text();
      if (response.status === 401 && (await askForKey(key === null ? "" : "The key was refused. Check it and try again."))) continue;
      return told(`Answer of ${method.toUpperCase()} ${path}`, response, text, performance.now() - started);
    } catch (error) {
      say("No answer");
      return [el("p", { class: "field-mistake" }, `No answer: ${error.message}. Is the service running?`)];
    }
  }
}

function told(name, response, text, took) {
  const type = response.headers.get("content-type") ?? "";
  const headers = ["content-type", "x-request-id", "x-model-version", "server-timing", "retry-after", "ratelimit"].filter((name) => response.headers.has(name));
  const shown = pretty(type, text);
  return [
    el("p", { class: "status" }, el("b", { class: response.ok ? "pill yes" : "pill wrong" }, `${response.status} ${response.statusText}`.trim()), el("small", {}, `${Math.round(took)} ms in this browser`)),
    el("pre", { class: "answer", tabindex: 0, role: "region", "aria-label": name }, shown.length > SHOWN ? `${shown.slice(0, SHOWN)}\n… ${shown.length - SHOWN} more characters` : shown || "(nothing)"),
    el("dl", { class: "fields headers" }, headers.map((name) => [el("dt", {}, el("code", {}, name)), el("dd", {}, response.headers.get(name))]).flat()),
  ];
}

function pretty(type, text) {
  if (!/[/+]json/.test(type)) return text;
  try {
    return written(JSON.parse(text));
  } catch {
    return text;
  }
}
