// The same answer by API: what to paste into a terminal or a notebook.

import { copy, el, icon } from "../dom.js";
import { follow, state } from "../state.js";

const LANGUAGES = ["curl", "Python", "JavaScript"];

export function codeSection() {
  let chosen = LANGUAGES[0];
  const code = el("pre", { id: "code", role: "tabpanel", tabindex: 0 });
  const tabs = LANGUAGES.map((language) => el("button", { type: "button", role: "tab", id: `code-${language}`, "aria-controls": "code", onclick: () => choose(language) }, language));
  const list = el("div", { role: "tablist", "aria-label": "Language", onkeydown: (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (LANGUAGES.indexOf(chosen) + step + LANGUAGES.length) % LANGUAGES.length;
    choose(LANGUAGES[next]);
    tabs[next].focus();
  } }, tabs);
  const paint = () => {
    if (!state.subject) return;
    code.textContent = codeFor(chosen);
    code.setAttribute("aria-labelledby", `code-${chosen}`);
    tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(LANGUAGES[at] === chosen));
      tab.tabIndex = LANGUAGES[at] === chosen ? 0 : -1;
    });
  };
  const choose = (language) => {
    chosen = language;
    paint();
  };
  const section = el("section", { class: "code", "aria-labelledby": "code-title" },
    el("h2", { id: "code-title" }, "The same by API"),
    el("div", { class: "code-tabs" }, list, el("button", { type: "button", class: "quiet", onclick: () => copy(code.textContent, `${chosen} code`) }, icon("copy"), "Copy")),
    code);
  follow(section, paint);
  return section;
}

/** The request of what is shown: the pair, or the row with its changes. */
function codeFor(language) {
  const { subject, changed, model: { capabilities } } = state;
  if (!subject) return "";
  const isPair = subject.kind === "pair" && changed === null;
  const given = subject.kind === "row" ? subject.row.split(",").map((cell) => (cell === "" ? null : Number(cell))) : [];
  const instance = isPair ? [subject.user, subject.product] : (changed?.values ?? state.answer?.values ?? given);
  const route = `${capabilities.explain ? "explain" : "predict"}${isPair ? "/pair" : ""}`;
  const url = new URL(route, document.baseURI).href.split("#")[0];
  const body = JSON.stringify({ instances: [instance] });
  const entries = capabilities.explain ? "explanations" : "predictions";
  if (language === "curl") return `curl -H 'content-type: application/json' -H 'accept: application/json' \\\n  -d '${body.replaceAll("'", "'\\''")}' \\\n  ${url}`;
  if (language === "Python") return `import requests\n\nanswer = requests.post(\n    "${url}",\n    headers={"accept": "application/json"},\n    json=${python({ instances: [instance] })},\n)\nanswer.raise_for_status()\nprint(answer.json()["${entries}"][0]["score"])`;
  return `const answer = await fetch("${url}", {\n  method: "POST",\n  headers: { "content-type": "application/json", accept: "application/json" },\n  body: JSON.stringify(${body}),\n});\nconsole.log((await answer.json()).${entries}[0].score);`;
}

/** A value as Python writes it. */
function python(value) {
  if (value === null) return "None";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}: ${python(inner)}`).join(", ")}}`;
  return JSON.stringify(value);
}
