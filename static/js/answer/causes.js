// Why: from where every answer starts, cause by cause, to this answer. The arrows lie on the part of the axis where they play,
// enlarged and spaced in log-odds, so that equal pushes have equal lengths and the arrows add up exactly.

import { note } from "../address.js";
import { el, icon, styled, svg } from "../dom.js";
import { about, shown } from "../guide.js";
import { unusual } from "../model/card.js";
import { NB, count, marginOf, percent, plain, points, probabilityOf, signed } from "../numbers.js";
import { change, follow, isProbability, shownScore, shownThreshold, state, threshold } from "../state.js";

/** Causes listed before the reader asks for all. */
const FIRST = 6;
/** A change of the margin below this has no direction worth an arrow. */
const NOTHING = 0.005;

/** Scores that may be marked on the enlarged axis. */
const MARKS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999];
/** Pixels between two marks. */
const MARK_ROOM = 52;

/** The places of the true row's causes, the largest first; a changed row keeps that order, so that nothing jumps. */
const largestFirst = () => (state.answer?.contributions ?? []).map((change, at) => ({ at, size: Math.abs(change) }))
  .sort((left, right) => right.size - left.size).map(({ at }) => at);

/** Whether a feature is listed before the reader asks for all. */
export const isAmongFirst = (name) => largestFirst().slice(0, FIRST).includes(state.model.feature_names.indexOf(name));

export function causes() {
  const answer = /** @type {import("../state.js").Explained} */ (state.answer);
  const order = largestFirst();
  const marks = el("div", { class: "marks", "aria-hidden": "true" });
  const lines = el("div", { class: "grid-lines", "aria-hidden": "true" });
  const lens = svg("svg", { class: "lens", "aria-hidden": "true", preserveAspectRatio: "none" });
  const rows = order.map((at, place) => row(at, place >= FIRST));
  const sum = order.length > FIRST ? still("sum", count(order.length - FIRST, "smaller cause"), "") : null;
  const base = still("end", "Base", baseWords());
  const end = still("end", "This answer", "");
  const list = el("ol", { class: "causes", role: "list" }, base.element, rows.map(({ element }) => element), sum?.element, end.element);
  const unfold = el("button", { type: "button", class: "quiet", onclick: () => change({ all: !state.all }) });
  const section = el("section", { class: "why", "aria-labelledby": "why-title" },
    isProbability() && lens,
    el("div", { class: "cause-grid why-head" },
      el("h2", { id: "why-title" }, "Why"), marks,
      el("p", { class: "why-units" }, isProbability() && el("b", {}, "points"), el("span", {}, isProbability() ? "log-odds" : "margin"))),
    el("div", { class: "why-body" }, lines, list),
    sum && el("p", { class: "why-foot" }, unfold));

  const paint = () => {
    if (!state.answer) return;
    const { base: start, margin, contributions, values, score } = /** @type {any} */ (state.changed ?? state.answer);
    if (!contributions) return;
    section.classList.toggle("all", state.all);
    section.classList.toggle("stale", state.mistake !== "");
    unfold.textContent = state.all ? `Show the ${FIRST} largest only` : `Show all ${order.length} causes`;
    unfold.setAttribute("aria-expanded", String(state.all));
    const [low, high] = domain(start, contributions, order, answer);
    const x = (value) => (value - low) / (high - low);

    let reached = start;
    const step = (target, change) => {
      const from = reached;
      reached += change;
      arrow(target, x(from), x(reached), change, from, reached);
    };
    point(base, "base", x(start), isProbability() ? percent(probabilityOf(start)) : "", plain(start), true);
    order.forEach((at, place) => {
      if (place === FIRST && sum) {
        const rest = order.slice(FIRST).reduce((total, other) => total + contributions[other], 0);
        arrow(sum, x(reached), x(reached + rest), rest, reached, reached + rest);
      }
      step(rows[place].parts, contributions[at]);
      rows[place].tell(values[at]);
    });
    point(end, "now", x(margin), shownScore(score), plain(margin), false);
    if (isProbability()) paintMarks(section, { marks, lines, lens }, [low, high], x);
  };
  follow(section, paint);
  new ResizeObserver(paint).observe(section);
  return section;
}

const baseWords = () => (isProbability() ? "training’s mean log-odds, as a score" : "training’s mean margin");

/** The margins that must fit: the whole way, both of the true row and of the changed one, and the threshold. */
function domain(start, contributions, order, answer) {
  const all = [start, answer.base, answer.margin];
  for (const [from, changes] of [[start, contributions], [answer.base, answer.contributions]]) {
    let reached = from;
    for (const at of order) all.push((reached += changes[at]));
  }
  if (isProbability()) all.push(marginOf(Math.min(0.97, Math.max(0.001, threshold()))));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = (high - low) * 0.06 || 1;
  return [low - room, high + room];
}

/** The parts of a row that move. */
function lane() {
  const mark = el("i", { class: "arrow" });
  const stem = el("i", { class: "stem" });
  const strong = el("b");
  const exact = el("small");
  return {
    mark, stem, strong, exact,
    lane: el("span", { class: "lane", "aria-hidden": "true" }, stem, mark),
    effect: el("span", { class: "effect" }, strong, exact),
  };
}

function still(kind, label, words) {
  const parts = lane();
  const element = el("li", { class: `cause ${kind}` },
    el("div", { class: "cause-grid" }, el("span", { class: "cause-name" }, label, words && el("small", {}, words)), parts.lane, parts.effect, el("span", { class: "cause-chevron" })));
  return { ...parts, element };
}

function row(at, isRest) {
  const name = state.model.feature_names[at];
  const parts = lane();
  const value = el("span", { class: "cause-value" });
  const button = el("button", {
    type: "button", class: "cause-grid", title: about(name).label === name ? null : name,
    onclick: () => {
      change({ open: state.open === name ? "" : name, mistake: "" });
      note({ open: state.open });
    },
  }, el("span", { class: "cause-name" }, about(name).label, value), parts.lane, parts.effect, el("span", { class: "cause-chevron" }, icon("chevron", "chevron")));
  const element = el("li", { class: `cause ${isRest ? "rest" : ""}`, "data-feature": name }, button);
  follow(element, () => {
    const isOpen = state.open === name;
    button.setAttribute("aria-expanded", String(isOpen));
    element.classList.toggle("open", isOpen);
  });
  return {
    element,
    parts,
    tell: (now) => {
      const rare = unusual(state.model.card, name, now);
      value.replaceChildren(rare ? el("span", { class: "badge" }, shown(name, now)) : shown(name, now), ...(rare ? [el("span", { class: "rare" }, ` ${rare.short}`)] : []));
    },
  };
}

function arrow({ mark, stem, strong, exact }, from, to, change, marginFrom, marginTo) {
  const way = Math.abs(change) < NOTHING ? "none" : change > 0 ? "up" : "down";
  mark.className = `arrow ${way}`;
  styled(mark, { "--from": Math.min(from, to), "--size": Math.abs(to - from) });
  styled(stem, { "--at": to });
  strong.className = way;
  if (isProbability()) {
    strong.replaceChildren(points(probabilityOf(marginTo) - probabilityOf(marginFrom)), el("span", { class: "unseen" }, " points, "));
    exact.replaceChildren(signed(change), el("span", { class: "unseen" }, " log-odds"));
  } else {
    strong.replaceChildren(signed(change));
  }
  exact.title = String(change);
}

function point({ mark, stem, strong, exact }, kind, at, first, second, hasStem) {
  mark.className = `dot ${kind}`;
  styled(mark, { left: `${at * 100}%` });
  stem.hidden = !hasStem;
  styled(stem, { "--at": at });
  strong.textContent = first || second;
  exact.textContent = first ? second : "";
}

/** Marks, grid lines and the lens follow the width of the lanes. */
function paintMarks(section, { marks, lines, lens }, [low, high], x) {
  const box = marks.getBoundingClientRect();
  const host = section.getBoundingClientRect();
  if (box.width === 0) return;
  const at = marginOf(Math.min(0.9999, Math.max(0.0001, threshold())));
  const inside = at > low && at < high;
  const kept = [];
  for (const mark of MARKS) {
    const place = x(marginOf(mark)) * box.width;
    if (place < 12 || place > box.width - 12 || (kept.length > 0 && place - kept[kept.length - 1].place < MARK_ROOM)) continue;
    kept.push({ mark, place });
  }
  const tell = (probability) => `${Number((probability * 100).toPrecision(3))}${NB}%`;
  marks.replaceChildren(
    ...kept.filter(({ place }) => !inside || Math.abs(place - x(at) * box.width) > 44).map(({ mark }) => styled(el("span", {}, tell(mark)), { "--at": x(marginOf(mark)) })),
    ...(inside ? [styled(el("span", { class: "mark-threshold" }, shownThreshold()), { "--at": Math.min(0.95, Math.max(0.05, x(at))) })] : []));
  styled(lines, { left: `${box.left - host.left}px`, width: `${box.width}px` });
  lines.replaceChildren(
    ...kept.map(({ mark }) => styled(el("i"), { "--at": x(marginOf(mark)) })),
    ...(inside ? [styled(el("i", { class: "mark-threshold" }), { "--at": x(at) })] : []));

  const [width, height] = [host.width, 40];
  const [left, right] = [box.left - host.left, box.right - host.left];
  const [from, to] = [probabilityOf(low) * width, probabilityOf(high) * width];
  lens.setAttribute("viewBox", `0 0 ${width} ${height}`);
  lens.replaceChildren(
    svg("polygon", { points: `${from},0 ${to},0 ${right},${height} ${left},${height}` }),
    svg("path", { d: `M${from},0L${left},${height}M${to},0L${right},${height}` }),
    inside ? svg("path", { class: "mark-threshold", d: `M${threshold() * width},0L${left + x(at) * box.width},${height}` }) : "");
}
