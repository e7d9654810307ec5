// Why a score is what it is: from where every answer starts, feature by feature, to the margin of this one.

import { about } from "./feature_guide.js";
import { el, withStyle } from "./markup.js";
import { isProbability, percent, plain, probabilityOf, short, signed } from "./numbers.js";

/** Features shown before the reader asks for all. */
const FIRST = 6;

/**
 * The waterfall of one explanation.
 * @param {object} model as `/model` describes it
 * @param {{base: number, margin: number, score: number, contributions: number[], values: (number | null)[]}} explanation
 */
export function waterfall(model, explanation) {
  if (Array.isArray(explanation.margin)) {
    return el("p", { class: "help" }, "This model has several margins per row; their contributions are in the answer of the service, not on this page.");
  }
  const { base, margin, contributions, values } = explanation;
  const ranked = contributions
    .map((change, at) => ({ name: model.feature_names[at], value: values[at], change }))
    .sort((left, right) => Math.abs(right.change) - Math.abs(left.change));
  const scale = scaleOf(base, ranked);

  let reached = base;
  const step = (change) => {
    const from = reached;
    reached += change;
    return bar(scale, from, reached, change);
  };
  const features = ranked.map(({ name, value, change }, place) =>
    el("li", { class: place < FIRST ? "step" : "step rest" },
      el("span", { class: "step-name", title: name }, about(name).label),
      el("span", { class: "step-value" }, short(value)),
      step(change),
      changeText(change)));

  const others = ranked.slice(FIRST);
  const sum = others.reduce((sum, { change }) => sum + change, 0);
  const summary = others.length > 0 && el("li", { class: "step others" },
    el("span", { class: "step-name" }, `${others.length} other features`),
    el("span", { class: "step-value" }),
    bar(scale, margin - sum, margin, sum),
    changeText(sum));

  const list = el("ol", { class: "waterfall", role: "list" },
    end(model, scale, "Starting point", "the model’s average", base, probabilityOf(base)),
    ...features,
    summary,
    end(model, scale, "This answer", "", margin, explanation.score));
  return el("section", { class: "why", "aria-label": "Why" },
    el("h3", {}, "Why"),
    el("p", { class: "help" }, isProbability(model)
      ? "What each feature adds to the model's margin (log-odds), largest first. The steps add up to the answer."
      : "What each feature adds to the model's margin, largest first. The steps add up to the answer."),
    list,
    others.length > 0 && unfold(list, ranked.length));
}

/** The two ends: where every answer starts, and this one. */
function end(model, scale, name, note, margin, probability) {
  return el("li", { class: "step end" },
    el("span", { class: "step-name" }, name, note && el("small", {}, ` ${note}`)),
    el("span", { class: "step-value" }, isProbability(model) ? percent(probability) : ""),
    withStyle(el("span", { class: "step-bar point", "aria-hidden": "true" }, el("i")), { "--from": scale(margin) }),
    el("span", { class: "step-change", title: String(margin) }, plain(margin)));
}

function bar(scale, from, to, change) {
  const [low, high] = [scale(Math.min(from, to)), scale(Math.max(from, to))];
  return withStyle(el("span", { class: `step-bar ${change < 0 ? "down" : "up"}`, "aria-hidden": "true" }, el("i")),
    { "--from": low, "--size": high - low, "--reached": scale(to) });
}

function changeText(change) {
  return el("span", { class: `step-change ${change < 0 ? "down" : "up"}`, title: String(change) }, signed(change));
}

function unfold(list, total) {
  const button = el("button", { type: "button", class: "quiet small", "aria-expanded": "false", onclick: () => {
    const all = list.classList.toggle("all");
    button.setAttribute("aria-expanded", String(all));
    button.textContent = all ? "Show the largest only" : `Show all ${total} features`;
  } }, `Show all ${total} features`);
  return button;
}

/** Margins to places between 0 and 1, such that every step of the way fits. */
function scaleOf(base, ranked) {
  const reached = [base];
  for (const { change } of ranked) reached.push(reached.at(-1) + change);
  const [low, high] = [Math.min(...reached), Math.max(...reached)];
  const room = (high - low) * 0.03 || 1;
  return (margin) => (margin - low + room) / (high - low + 2 * room);
}
