// The command field: one place to ask from, by the ARIA combobox pattern. Arrow keys choose, Enter takes what is chosen or else
// what is typed, Escape closes. A pasted block of lines is held until Enter, and the list says how it was understood.

import { el, icon } from "../dom.js";
import { state } from "../state.js";
import { suggest } from "./suggestions.js";
import { readTable, understood } from "./table.js";

const PAUSE_MS = 120;
/** Characters of a pasted block that are looked at before it is scored, so that the paste does not hold up the page. */
const LOOKED_AT = 200_000;

/**
 * A field. `run` is called with what the reader asks for, `openFile` when a file is wanted.
 * @param {{id: string, placeholder: string, label?: string, run: (text: string) => void, openFile?: () => void, follow?: (href: string) => void}} options
 */
export function commandField({ id, placeholder, label = "Ask for a customer and product, a customer, or rows of values", run, openFile, follow }) {
  const list = el("div", { class: "ask-list", role: "listbox", id: `${id}-list`, "aria-label": "Suggestions", hidden: true });
  const input = el("input", {
    id, type: "text", placeholder, "aria-label": label, role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false",
    "aria-controls": list.id, autocomplete: "off", autocapitalize: "off", spellcheck: "false", enterkeyhint: "go",
  });
  const form = el("form", { class: "ask", role: "search", "aria-label": openFile ? "Ask" : label, novalidate: true },
    el("div", { class: "ask-box" }, icon("find"), input,
      openFile && el("kbd", { "aria-hidden": "true" }, "/"),
      openFile && el("button", { type: "button", class: "ask-file", title: "Open a file", "aria-label": "Open a file of rows", onclick: openFile }, icon("file"))),
    list);

  /** A block of lines that was pasted and not yet scored. @type {string | null} */
  let held = null;
  /** Whether the reader has written here since the last question. */
  let written = false;
  /** @type {AbortController | null} */
  let asking = null;
  let active = -1;
  /** @type {any[]} */
  let options = [];

  const close = () => {
    asking?.abort();
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    activate(-1);
  };
  const activate = (at) => {
    active = at;
    options.forEach(({ element }, place) => element.setAttribute("aria-selected", String(place === at)));
    if (at < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", options[at].element.id);
      options[at].element.scrollIntoView({ block: "nearest" });
    }
  };
  const fill = (groups) => {
    options = [];
    list.replaceChildren(...groups.map(({ title, options: some }) =>
      el("div", { role: "group", "aria-label": title }, el("p", { class: "group", "aria-hidden": "true" }, title), some.map((option) => {
        const element = el("div", { role: "option", id: `${id}-option-${options.length}`, "aria-selected": "false", "data-at": options.length },
          el("span", {}, option.label), el("small", {}, option.hint));
        options.push({ ...option, element });
        return element;
      }))));
    active = -1;
    list.dataset.for = input.value;
    input.removeAttribute("aria-activedescendant");
    list.hidden = options.length === 0;
    input.setAttribute("aria-expanded", String(options.length > 0));
  };
  const open = async (pause = 0) => {
    asking?.abort();
    const { signal } = (asking = new AbortController());
    if (held !== null) return fill([{ title: "Pasted", options: [{ label: `Score ${describe(held)}`, hint: "Enter", text: held }] }]);
    try {
      await new Promise((done) => setTimeout(done, pause));
      if (signal.aborted) return;
      const groups = await suggest(input.value, signal);
      if (!signal.aborted && document.activeElement === input) fill(groups);
    } catch {
      // Suggestions are an extra: what is wrong is said when the reader asks for the answer.
      if (!signal.aborted) close();
    }
  };
  const take = (option) => {
    close();
    if (option.href && follow) return follow(option.href);
    submit(option.text);
  };
  const submit = (text) => {
    close();
    held = null;
    written = false;
    run(text);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (active >= 0) take(options[active]);
    else submit(held ?? input.value);
  });
  input.addEventListener("input", () => {
    held = null;
    written = true;
    open(PAUSE_MS);
  });
  input.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!/[\r\n]/.test(text.trim())) return;
    event.preventDefault();
    held = text;
    written = true;
    input.value = describe(text);
    open();
  });
  // What is there is replaced by typing, as in the address bar of a browser; a second click sets the caret.
  let entering = false;
  input.addEventListener("focus", () => input.select());
  input.addEventListener("pointerdown", () => (entering = document.activeElement !== input));
  input.addEventListener("click", () => {
    if (entering) input.select();
    if (list.hidden) open();
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (list.hidden) open();
      else activate(active < 0 ? (step > 0 ? 0 : options.length - 1) : (active + step + options.length) % options.length);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    }
  });
  // The press must not take the focus from the input, or the list would be gone before the click.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take(options[Number(option.dataset.at)]);
  });
  return {
    form,
    input,
    /** Shows a text, as that of the answer that is on the page; not over what the reader is writing. */
    show: (text) => {
      if (written && document.activeElement === input) return;
      held = null;
      written = false;
      input.value = text;
      close();
    },
  };
}

/** How a pasted block was understood, or what is wrong with it. */
function describe(text) {
  try {
    const whole = text.length <= LOOKED_AT;
    const words = understood(readTable(whole ? text : text.slice(0, text.lastIndexOf("\n", LOOKED_AT)), state.model.feature_names));
    return whole ? words : words.replace(/^[\d,]+ (row|pair)s?/, (_, what) => `a large block of ${what}s`);
  } catch (error) {
    return `this block: ${error.title ?? error}`;
  }
}
