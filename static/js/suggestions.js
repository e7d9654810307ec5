// Suggestions under an input, by the ARIA combobox pattern: arrow keys choose, Enter takes, Escape closes. Typing
// anything else stays possible: a store that cannot list its users just has no suggestions.

import { el } from "./markup.js";

const PAUSE_MS = 120;

/**
 * Suggests values for `input`, which is followed by nothing that its list could not cover.
 * @param {HTMLInputElement} input
 * @param {(text: string, signal: AbortSignal) => Promise<{value: string, label?: string}[]>} find
 * @param {() => void} taken called after the reader took a suggestion
 */
export function suggest(input, find, taken) {
  const list = el("ul", { class: "suggestions", role: "listbox", id: `${input.id}-list`, "aria-label": "Suggestions", hidden: true });
  input.after(list);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
  })) input.setAttribute(name, value);

  let asking = null;
  let active = -1;

  const close = () => {
    asking?.abort();
    list.hidden = true;
    activate(-1);
    input.setAttribute("aria-expanded", "false");
  };
  const activate = (at) => {
    active = at;
    [...list.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    if (at < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", list.children[at].id);
      list.children[at].scrollIntoView({ block: "nearest" });
    }
  };
  const take = (option) => {
    input.value = option.dataset.value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    close();
    taken();
  };
  const open = async (pause) => {
    asking?.abort();
    const { signal } = (asking = new AbortController());
    try {
      await new Promise((done) => setTimeout(done, pause));
      if (signal.aborted) return;
      const found = await find(input.value.trim(), signal);
      if (signal.aborted || document.activeElement !== input) return;
      list.replaceChildren(...found.map(({ value, label }, at) =>
        el("li", { role: "option", id: `${list.id}-${at}`, "data-value": value, "aria-selected": "false" },
          el("span", { class: "suggestion-value" }, value), label && el("span", {}, label))));
      active = -1;
      input.removeAttribute("aria-activedescendant");
      list.hidden = found.length === 0;
      input.setAttribute("aria-expanded", String(found.length > 0));
    } catch {
      // Suggestions are an extra: what is wrong is said when the reader asks for the answer.
      close();
    }
  };

  input.addEventListener("input", (event) => event.isTrusted && open(PAUSE_MS));
  input.addEventListener("click", () => list.hidden && open(0));
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const { length } = list.children;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (list.hidden) open(0);
      else if (active < 0) activate(step > 0 ? 0 : length - 1);
      else activate((active + step + length) % length);
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      take(list.children[active]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    }
  });
  // The press must not take the focus from the input, or the list would be gone before the click.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take(option);
  });
}
