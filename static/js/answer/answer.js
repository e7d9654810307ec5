// One answer: the number, the sentence, the axis, the causes as arrows, and beside them what would change it.

import { address, here } from "../address.js";
import { noteVisit } from "../ask/history.js";
import { shelf } from "../ask/suggestions.js";
import { copy, el, icon, say } from "../dom.js";
import { shownScore, change, follow, isLikely, isProbability, shownThreshold, state } from "../state.js";
import { scoreSubject, scoreValues } from "../service.js";
import { run } from "../screen.js";
import { causes, isAmongFirst } from "./causes.js";
import { codeSection } from "./code.js";
import { compareSection } from "./compare.js";
import { curvePanel } from "./curve.js";
import { hero, sticky } from "./hero.js";
import { notes } from "./notes.js";
import { scale } from "./scale.js";
import { thresholdHandle } from "../threshold.js";
import { eyebrow, titleOf } from "./subject.js";
import { setOf } from "./what_if.js";

/**
 * Asks for a subject and shows its answer.
 * @param {import("../state.js").Subject} subject @param {URLSearchParams} params
 */
export function showAnswer(subject, params) {
  return run(async (signal) => {
    const answer = await scoreSubject(subject, signal);
    change({ subject, answer: null, changed: null, mistake: "", open: "", all: false });
    const values = answer.values && params.has("set") ? setOf(answer.values, params.get("set") ?? "") : null;
    const changed = values ? await scoreValues(values, signal) : null;
    const open = params.get("open") ?? "";
    Object.assign(state, { answer, changed, open: state.model.feature_names.includes(open) ? open : "" });
    state.all = state.open !== "" && !isAmongFirst(state.open);
    const title = titleOf(subject, answer);
    if (typeof answer.score === "number") noteVisit({ subject, title, score: answer.score });
    return {
      content: Array.isArray(answer.score) ? severalOutputs(subject, answer) : screen(subject, answer, params),
      title: `${typeof answer.score === "number" ? `${shownScore(answer.score)} ` : ""}${title}`,
      spoken: spoken(subject, answer),
    };
  }, (error) => (error.problem?.code === "unknown_pair" && subject.kind === "pair" ? [productsInstead(subject.user)] : []));
}

const verdict = (score) => (isLikely(score) ? "likely" : "unlikely");

function spoken(subject, answer) {
  if (Array.isArray(answer.score)) return "Scored.";
  return `${titleOf(subject, answer)}: ${shownScore(answer.score)}, ${verdict(answer.score)}.`;
}

function screen(subject, answer, params) {
  const explained = Array.isArray(answer.contributions) && typeof answer.base === "number";
  const asideCurve = el("div", { class: "whatif", "aria-live": "off" });
  const main = el("div", { class: "answer" },
    head(subject, answer),
    hero(),
    notes(),
    isProbability() ? scale() : thresholdHandle(() => ""),
    explained ? causes() : noReasons());
  const split = el("div", { class: explained ? "split" : "" }, main,
    explained && el("aside", { "aria-label": "What if" }, asideCurve));
  const content = el("div", {},
    split,
    el("div", { class: "beside" }, compareSection(params.get("with") ?? ""), codeSection()));
  if (explained) curvePanel(content, asideCurve);
  announceFlips(content);
  sticky(content, subject, titleOf(subject, answer));
  return content;
}

function head(subject, answer) {
  return el("div", { class: "head" },
    el("div", {}, el("p", { class: "eyebrow" }, eyebrow(subject)), el("h1", { tabindex: -1 }, titleOf(subject, answer))),
    el("p", { class: "tools" },
      el("button", { type: "button", class: "quiet", onclick: () => copy(new URL(linkNow(), location.href).href, "Link") }, icon("link"), "Copy link"),
      el("button", { type: "button", class: "quiet", onclick: () => copy(String((state.changed ?? state.answer)?.score), "All digits") }, icon("copy"), "Copy all digits"),
      el("button", { type: "button", class: "quiet wide-only", onclick: () => print() }, icon("print"), "Print")));
}

/** The address of what is on the screen at this moment. */
function linkNow() {
  const { route, params } = here();
  return address(route, Object.fromEntries(params));
}

/** A verdict that flips is said, by whatever it flipped: the threshold or a changed value. */
function announceFlips(content) {
  let before = "";
  follow(content, () => {
    const score = (state.changed ?? state.answer)?.score;
    if (typeof score !== "number") return;
    const now = verdict(score);
    if (before !== "" && before !== now) say(`Now ${now}: ${shownScore(score)}, likely above ${shownThreshold()}.`);
    before = now;
  });
}

function noReasons() {
  const { capabilities: { explain }, backends: { scorer } } = state.model;
  return el("p", { class: "lede no-reasons" }, explain
    ? "This model has several margins per row; their contributions are in the service’s answer, not on this page."
    : `There is no “why” here: the scorer in use (${scorer}) gives scores alone. A model that is scored in process explains itself.`);
}

function severalOutputs(subject, answer) {
  return el("div", { class: "answer" },
    head(subject, answer),
    el("p", { class: "lede" }, "This model gives several numbers per row; there is no single likely or unlikely."),
    el("ol", { class: "outputs", start: 0 }, answer.score.map((score) => el("li", {}, el("code", {}, score)))));
}

/** After a pair that is not stored: what is stored for the customer. */
function productsInstead(user) {
  const list = el("div", { class: "instead" });
  shelf(user, AbortSignal.timeout(10_000)).then((products) => {
    list.append(
      el("h2", {}, `What is stored for customer ${user}`),
      el("ul", { role: "list" }, products.slice(0, 3).map(({ product_id: product, product_name, score }) =>
        el("li", {}, el("a", { class: "mini", href: address("pair", { user, product }) }, el("span", {}, product_name ?? `Product ${product}`), el("b", {}, shownScore(score)))))),
      el("a", { class: "quiet", href: address("basket", { user }) }, `All ${products.length} products of customer ${user}`));
  }, () => list.append(el("p", { class: "eyebrow" }, `Nothing is stored for customer ${user} at all.`)));
  return list;
}
