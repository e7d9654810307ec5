// The features of one row as a form: each with its meaning, a number to type and a slider to move.

import { about, grouped } from "./feature_guide.js";
import { el } from "./markup.js";

/**
 * Builds the fields for a model's features into `container`.
 * @param {HTMLElement} container
 * @param {string[]} names
 * @param {() => void} changed called whenever the reader changes a value
 * @returns {{read: () => string[], write: (cells: string[]) => void}} the row's cells in the model's order
 */
export function featureFields(container, names, changed) {
  const fields = new Array(names.length);
  container.replaceChildren(...grouped(names).map(({ name, features }) =>
    el("fieldset", {}, el("legend", {}, name), ...features.map(({ feature, at }) => {
      fields[at] = field(feature, changed);
      return fields[at].element;
    }))));
  return {
    read: () => fields.map(({ read }) => read()),
    write: (cells) => fields.forEach(({ write }, at) => write(cells[at] ?? "")),
  };
}

function field(name, changed) {
  const { label, unit, help, min = 0, max = 1, step = "any" } = about(name);
  const id = `feature-${name}`;
  // A text input, not a number: it keeps what the reader types, and the service says what is wrong with it.
  const input = el("input", { id, type: "text", inputmode: "decimal", spellcheck: "false", placeholder: "missing", "aria-describedby": `${id}-help`, oninput: () => {
    follow();
    changed();
  } });
  const slider = el("input", { type: "range", min, max, step, "aria-label": `${label}, slider`, tabindex: 0, oninput: () => {
    input.value = slider.value;
    slider.classList.remove("missing");
    changed();
  } });
  const follow = () => {
    const value = Number(input.value);
    const known = input.value.trim() !== "" && Number.isFinite(value);
    slider.classList.toggle("missing", !known);
    if (!known) {
      slider.value = slider.min;
      return;
    }
    // A value outside of the usual range widens the slider rather than being changed by it.
    slider.min = String(Math.min(min, value));
    slider.max = String(Math.max(max, value));
    slider.step = "any";
    slider.value = String(value);
    slider.step = String(step);
  };
  const element = el("div", { class: "feature" },
    el("label", { for: id, title: name }, label, unit && el("span", { class: "unit" }, ` ${unit}`)),
    slider,
    input,
    el("p", { class: "help", id: `${id}-help` }, help || name));
  return {
    element,
    read: () => input.value.trim(),
    write: (cell) => {
      input.value = cell.trim();
      follow();
    },
  };
}
