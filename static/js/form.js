// What forms have in common: an empty required field is named beside it and gets the focus.

import { byId } from "./markup.js";

/** Whether all `inputs` are filled; says what is missing where it is missing. */
export function checkFilled(inputs) {
  const empty = inputs.filter((input) => input.value.trim() === "");
  for (const input of inputs) {
    tellMistake(input, empty.includes(input) ? "Please fill in this field." : "");
  }
  empty[0]?.focus();
  return empty.length === 0;
}

/** Says beside `input` what is wrong with it; nothing with an empty text. It is unsaid as soon as the reader edits it. */
export function tellMistake(input, what) {
  byId(`${input.id}-error`).textContent = what;
  if (what === "") {
    input.removeAttribute("aria-invalid");
    return;
  }
  input.setAttribute("aria-invalid", "true");
  input.addEventListener("input", () => tellMistake(input, ""), { once: true });
}
