// What to know before trusting a score: values outside of anything the model was trained on, and values that contradict each
// other. Both are scored all the same, because the service scores them; but not without a word.

import { el } from "../dom.js";
import { about, contradictions, impossible, shown } from "../guide.js";
import { unusual } from "../model/card.js";
import { follow, state } from "../state.js";

const SHOWN = 4;

/** The notes on a row, the gravest first. */
function notesOn(values) {
  const names = state.model.feature_names;
  const found = names.flatMap((name, at) => {
    const value = values[at];
    const never = impossible(name, value);
    if (never) return [{ name, grave: 0, text: `${shown(name, value)} is impossible: ${never}.` }];
    const rare = unusual(state.model.card, name, value);
    return rare?.never ? [{ name, grave: 2, text: rare.long }] : [];
  });
  const told = new Set(found.map(({ name }) => name));
  const contradicted = contradictions(values).filter(({ feature }) => !told.has(feature)).map(({ feature, value, expected, text }) =>
    ({ name: feature, grave: 1, text: `${shown(feature, value)} contradicts the rest of the row: ${text} is ${shown(feature, expected)}.` }));
  return [...found, ...contradicted].sort((left, right) => left.grave - right.grave);
}

export function notes() {
  const list = el("ul", { class: "notes", role: "list" });
  follow(list, () => {
    const values = (state.changed ?? state.answer)?.values;
    const found = values ? notesOn(values) : [];
    list.hidden = found.length === 0;
    list.replaceChildren(
      ...found.slice(0, SHOWN).map(({ name, text }) => el("li", {}, el("b", {}, about(name).label), " ", text)),
      ...(found.length > SHOWN ? [el("li", {}, `${found.length - SHOWN} more values like these.`)] : []));
  });
  return list;
}
