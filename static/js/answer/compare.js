// Two answers side by side, and what sets them apart.

import { note, subjectAddress } from "../address.js";
import { readCommand, words } from "../ask/command.js";
import { commandField } from "../ask/field.js";
import { visits } from "../ask/history.js";
import { el, say, styled } from "../dom.js";
import { about, shown } from "../guide.js";
import { signed } from "../numbers.js";
import { follow, isLikely, isProbability, shownScore, state } from "../state.js";
import { scoreSubject } from "../service.js";
import { meter } from "../meter.js";
import { pillWords } from "./hero.js";
import { titleOf } from "./subject.js";

/** Causes in the table before the reader asks for all. */
const FIRST = 6;

/** @param {string} asked what to compare with, as typed, from the address */
export function compareSection(asked) {
  const place = el("div", { class: "compared" });
  const mistake = el("p", { class: "field-mistake", role: "alert" });
  const field = commandField({ id: "compare", placeholder: "product 1000, or customer 2, product 5", label: "Compare with", run: (text) => compareWith(text) });
  const earlier = el("p", { class: "earlier" });
  const section = el("section", { class: "compare", "aria-labelledby": "compare-title" },
    el("h2", { id: "compare-title" }, "Compare"), field.form, earlier, mistake, place);

  const suggestEarlier = () => {
    const mine = JSON.stringify(state.subject);
    const others = visits().filter(({ subject }) => JSON.stringify(subject) !== mine).slice(0, 3);
    earlier.replaceChildren(...(others.length > 0 ? ["Earlier: ", ...others.map(({ subject, title, score }) =>
      el("button", { type: "button", class: "quiet", onclick: () => compareWith(words(subject)) }, `${title} ${shownScore(score)}`))] : []));
  };

  async function compareWith(text) {
    mistake.textContent = "";
    try {
      const other = subjectOf(text);
      if (other === null) {
        place.replaceChildren();
        note({ with: "" });
        return;
      }
      field.show(words(other));
      const answer = await scoreSubject(other, AbortSignal.timeout(30_000));
      note({ with: words(other) });
      place.replaceChildren(sideBySide(other, answer));
      say(`Compared with ${titleOf(other, answer)}: ${shownScore(answer.score)}.`);
    } catch (error) {
      place.replaceChildren();
      mistake.textContent = [error.title ?? error.message, error.advice].filter(Boolean).join(". ");
    }
  }
  follow(section, suggestEarlier);
  if (asked) compareWith(asked);
  return section;
}

/**
 * What a text asks to compare with; a product alone is of the same customer.
 * @returns {import("../state.js").Subject | null}
 */
function subjectOf(text) {
  const { subject } = state;
  const product = /^(?:product|item)[\s:]+(.+)$/i.exec(text.trim());
  if (product && subject?.kind === "pair") return { kind: "pair", user: subject.user, product: product[1] };
  const command = readCommand(text, state.model.feature_names);
  if (command.kind === "nothing") return null;
  if (command.kind === "pair" || command.kind === "row") return command;
  throw Object.assign(new Error("Expected a customer and a product, or a row of values"), { title: "Expected a customer and a product, or a row of values" });
}

function sideBySide(other, answer) {
  const mine = el("td");
  const theirs = el("td");
  const body = el("tbody");
  const more = el("button", { type: "button", class: "quiet", "aria-expanded": "false", onclick: () => {
    const all = table.classList.toggle("all");
    more.setAttribute("aria-expanded", String(all));
    more.textContent = all ? "Show the largest only" : `Show all ${state.model.feature_names.length}`;
  } }, `Show all ${state.model.feature_names.length}`);
  const link = el("a", { href: subjectAddress(other) }, titleOf(other, answer));
  const table = el("table", { class: "versus" },
    el("caption", { class: "unseen" }, "This answer beside the other, by cause"),
    el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "unseen-cell" }, el("span", { class: "unseen" }, "Cause")), el("th", { scope: "col" }, "This answer"), el("th", { scope: "col" }, link), el("th", { scope: "col", class: "versus-bar-head" }, "apart, log-odds"))),
    el("tbody", {}, el("tr", { class: "versus-score" }, el("th", { scope: "row" }, "Score"), mine, theirs, el("td"))),
    body);
  const element = el("div", {}, table, el("p", {}, more));
  follow(element, () => {
    const present = state.changed ?? state.answer;
    if (!present) return;
    for (const [cell, score] of [[mine, present.score], [theirs, answer.score]]) {
      cell.replaceChildren(el("b", {}, shownScore(score)), isProbability() ? meter(score) : "", el("span", { class: `pill ${isLikely(score) ? "yes" : "no"}` }, el("b", {}, pillWords(score)[0])));
    }
    const [left, right] = [present.contributions, answer.contributions];
    if (!left || !right || !present.values || !answer.values) return;
    const apart = left.map((one, at) => ({ at, by: one - right[at] })).sort((one, two) => Math.abs(two.by) - Math.abs(one.by));
    const largest = Math.abs(apart[0].by) || 1;
    body.replaceChildren(...apart.map(({ at, by }, place) => {
      const name = state.model.feature_names[at];
      return el("tr", { class: place < FIRST ? "" : "rest" },
        el("th", { scope: "row" }, about(name).label),
        el("td", {}, shown(name, present.values?.[at])), el("td", {}, shown(name, answer.values?.[at])),
        el("td", { class: "versus-bar" }, styled(el("i", { class: by > 0 ? "up" : "down", "aria-hidden": "true" }), { "--size": Math.abs(by) / largest }), el("span", {}, signed(by))));
    }));
  });
  return element;
}
