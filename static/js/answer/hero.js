// The number, whether it is likely, and one plain sentence of why.

import { note } from "../address.js";
import { el } from "../dom.js";
import { clause, inSentence, shown } from "../guide.js";
import { listed, perCent } from "../numbers.js";
import { change, follow, isLikely, isProbability, shownScore, shownThreshold, state } from "../state.js";
import { difference } from "./what_if.js";

/** The pill of a score. */
export function pillWords(score) {
  return isLikely(score) ? ["likely", `above ${shownThreshold()}`] : ["unlikely", `needs more than ${shownThreshold()}`];
}

function paintPill(pill, score) {
  const [word, rest] = score === null ? ["no score", "see the mistake"] : pillWords(score);
  pill.className = `pill ${score === null ? "wrong" : word === "likely" ? "yes" : "no"}`;
  pill.replaceChildren(el("b", {}, word), ` ${rest}`);
}

/** The answer that is shown: the changed row's, or the true one; its score is null while a changed value is wrong. */
function present() {
  const answer = state.changed ?? state.answer;
  return { answer, score: state.mistake ? null : /** @type {number} */ (answer?.score) };
}

export function hero() {
  const number = el("strong", { class: "number" });
  const pill = el("span", { class: "pill" });
  const back = el("button", { type: "button", class: "quiet back", onclick: () => {
    change({ changed: null, mistake: "" });
    note({ set: "" });
  } });
  const reason = el("p", { class: "reason" });
  const element = el("div", { class: "hero" }, el("p", { class: "hero-line" }, number, pill, back), reason);
  follow(element, () => {
    if (!state.answer) return;
    const { answer, score } = present();
    number.replaceChildren(...(score === null ? ["–"] : isProbability() ? [perCent(score), el("small", {}, "%")] : [String(score)]));
    number.classList.toggle("long", !isProbability());
    number.dataset.score = number.title = score === null ? "" : String(score);
    paintPill(pill, score);
    back.hidden = state.changed === null && !state.mistake;
    back.textContent = `Back to the true row, ${shownScore(state.answer.score)}`;
    reason.replaceChildren(...(state.mistake ? [`No score: ${state.mistake}.`] : state.changed ? whatIf() : sentence(answer)));
  });
  return element;
}

/** The one or two causes that pushed the way the answer went, in a sentence. */
function sentence(answer) {
  const { base, margin, contributions, values } = answer;
  if (!contributions || typeof margin !== "number" || Array.isArray(contributions[0])) return [];
  const up = margin >= base;
  const ranked = contributions.map((change, at) => ({ change, name: state.model.feature_names[at] }))
    .filter(({ change }) => (up ? change > 0 : change < 0))
    .sort((left, right) => Math.abs(right.change) - Math.abs(left.change));
  if (ranked.length === 0) return ["Nothing in this row moves it from where every answer starts."];
  const said = ranked.slice(0, 2).filter(({ change }) => Math.abs(change) > Math.abs(ranked[0].change) / 5);
  const parts = said.map(({ name }) => el("em", { class: up ? "up" : "down" }, clause(name, values, up ? "up" : "down")));
  return ["Mainly because ", parts[0], parts.length > 1 && ", and ", parts[1], "."].filter((part) => part !== undefined && part !== false);
}

function whatIf() {
  const { feature_names: names } = state.model;
  const was = state.answer?.values ?? [];
  const now = state.changed?.values ?? [];
  const moved = difference(was, now);
  const first = names.indexOf(state.open);
  const at = moved.includes(first) ? first : moved[0];
  if (at === undefined) return [];
  const raised = Number(state.changed?.score) >= Number(state.answer?.score);
  const others = moved.filter((place) => place !== at).map((place) => `“${inSentence(names[place])}”`);
  return ["What if ", el("em", { class: raised ? "up" : "down" }, `${inSentence(names[at])} were ${shown(names[at], now[at])}`), ` instead of ${shown(names[at], was[at])}? `,
    others.length === 0 ? "All else stays." : `${upper(listed(others.length > 3 ? [...others.slice(0, 2), `${others.length - 2} others`] : others))} ${others.length === 1 ? "is" : "are"} changed too.`];
}

const upper = (text) => text.replace(/^“(.)/, (_, first) => `“${first.toUpperCase()}`);

/** Number and pill once more under the bar, while the answer itself is out of sight. */
export function sticky(content, subject, title) {
  const pill = el("span", { class: "pill" });
  const number = el("b");
  const bar = el("div", { class: "stick", "aria-hidden": "true" }, el("div", { class: "wide" }, number, pill, el("span", { class: "stick-about" }, title)));
  content.prepend(bar);
  follow(bar, () => {
    if (!state.answer) return;
    const { score } = present();
    number.textContent = score === null ? "–" : shownScore(score);
    paintPill(pill, score);
  });
  new IntersectionObserver(([entry]) => bar.classList.toggle("on", !entry.isIntersecting && entry.boundingClientRect.top < 0), { rootMargin: "-56px 0px 0px" })
    .observe(content.querySelector(".hero-line"));
}
