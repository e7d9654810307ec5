// What would change the answer: the score for each value of one feature while the rest of the row stands (its ICE curve), over
// what training saw of it. Values that are bound together by definition move together; the dotted line moves the feature alone.
// Every point is an answer of the service.

import { note } from "../address.js";
import { el, styled, svg } from "../dom.js";
import { about, companions, inSentence, moved, shown } from "../guide.js";
import { trained, unusual } from "../model/card.js";
import { listed, percentOf, short, share, whole } from "../numbers.js";
import { change, follow, isLikely, isProbability, shownScore, shownThreshold, state, threshold } from "../state.js";
import { explainRows, predict, scoreValues } from "../service.js";
import { readValue } from "../ask/table.js";
import { difference, points, setText } from "./what_if.js";

const HEIGHT = 232;
const ROOM = { left: 46, right: 18, top: 14, bottom: 46 };
/** A difference of scores that the eye can see. */
const SEEN = 0.002;
const BESIDE = matchMedia("(min-width: 1120px)");

/** @typedef {{value: number, row: import("../guide.js").Row, answer: import("../state.js").Explained, alone: number}} Point */

/**
 * Keeps the curve of the open feature in its place: beside the causes where there is room, else below its cause.
 * @param {HTMLElement} content @param {HTMLElement} beside
 */
export function curvePanel(content, beside) {
  let shownFor = "";
  /** @type {HTMLElement | null} */
  let panel = null;
  const settle = () => {
    if (BESIDE.matches && state.open === "" && state.answer) return open(largest(), false);
    if (state.open !== shownFor) {
      panel?.remove();
      shownFor = state.open;
      panel = state.open ? curve(state.open) : null;
    }
    if (!panel) return;
    const home = BESIDE.matches ? beside : content.querySelector(`.cause[data-feature="${CSS.escape(state.open)}"]`);
    if (panel.parentElement !== home) home?.append(panel);
  };
  const open = (name, noted) => {
    change({ open: name });
    if (noted) note({ open: name });
  };
  follow(content, settle);
  // A change of the width may change the place; the observer goes with the content.
  new ResizeObserver(settle).observe(content);
}

/** The largest cause: the curve that is open before the reader chooses one. */
function largest() {
  const { contributions = [] } = state.answer ?? {};
  const at = contributions.reduce((best, one, at) => (Math.abs(one) > Math.abs(contributions[best]) ? at : best), 0);
  return state.model.feature_names[at];
}

function curve(name) {
  const { label, help } = about(name);
  const place = state.model.feature_names.indexOf(name);
  // The curve is of the row as it is when the curve is opened, with what the reader changed before.
  const row = [...((state.changed ?? state.answer)?.values ?? [])];
  const words = el("p", { class: "curve-words" });
  const drawing = el("div", { class: "curve-drawing" });
  const slider = el("input", { type: "range", step: "any", "aria-label": `What if: ${inSentence(name)}`, disabled: true });
  const exact = el("input", { type: "text", inputmode: "decimal", id: "exact-value", spellcheck: "false", autocomplete: "off", placeholder: "missing", "aria-describedby": "exact-mistake" });
  const mistake = el("p", { class: "field-mistake", id: "exact-mistake" });
  const keys = el("p", { class: "keys" });
  const panel = el("section", { class: "curve", "aria-label": `What if ${label} were different` },
    el("p", { class: "eyebrow curve-eyebrow" }, "What if this were different"),
    el("h2", {}, label),
    words,
    help && el("p", { class: "curve-help" }, help),
    drawing,
    el("div", { class: "curve-slider" }, slider),
    el("p", { class: "curve-exact" }, el("label", { for: exact.id }, "Exactly"), exact, el("span", { class: "unit" }, about(name).as === "share" ? "from 0 to 1" : about(name).unit), mistake),
    keys);

  /** @type {Point[]} */
  let all = [];
  let current = -1;
  const asking = new AbortController();

  const value = () => (state.changed?.values ?? row)[place];
  const nearest = (wanted) => all.reduce((best, point, at) => (Math.abs(point.value - wanted) < Math.abs(all[best].value - wanted) ? at : best), 0);

  const take = (answer, changedRow) => {
    const true_ = state.answer?.values ?? [];
    const same = difference(true_, changedRow).length === 0;
    mistake.textContent = "";
    exact.removeAttribute("aria-invalid");
    change({ changed: same ? null : answer, mistake: "" });
    note({ set: same ? "" : setText(true_, changedRow), open: name });
  };
  const choosePoint = (at) => {
    const point = all[Math.min(all.length - 1, Math.max(0, at))];
    newest += 1;
    exact.value = typed(point.value);
    take(point.answer, point.row);
  };

  let newest = 0;
  const chooseTyped = async () => {
    const mine = (newest += 1);
    const read = readValue(exact.value, true);
    if (read.mistake !== undefined) return refuse(read.mistake);
    const wanted = read.text === "nan" ? null : Number(read.text);
    const changedRow = row[place] === wanted ? row : wanted === null ? row.with(place, null) : moved(row, name, wanted).with(place, wanted);
    try {
      const answer = await scoreValues(changedRow);
      if (newest === mine) take(answer, changedRow);
    } catch (error) {
      if (newest === mine) refuse(error.message);
    }
  };
  const refuse = (what) => {
    mistake.textContent = `${label}: ${what}.`;
    exact.setAttribute("aria-invalid", "true");
    change({ changed: null, mistake: `${label}: ${what}` });
  };

  slider.addEventListener("input", () => {
    const at = nearest(slider.valueAsNumber);
    if (at !== current) choosePoint(at);
  });
  slider.addEventListener("keydown", (event) => {
    const to = { ArrowRight: current + 1, ArrowUp: current + 1, ArrowLeft: current - 1, ArrowDown: current - 1, Home: 0, End: all.length - 1, PageUp: current + 4, PageDown: current - 4 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choosePoint(to);
  });
  exact.addEventListener("input", chooseTyped);
  drawing.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || all.length === 0) return;
    event.preventDefault();
    const { low, high, x0, x1 } = geometry(all, drawing.clientWidth);
    const go = ({ clientX }) => {
      const share = (clientX - drawing.getBoundingClientRect().left - x0) / (x1 - x0);
      const at = nearest(low + share * (high - low));
      if (at !== current) choosePoint(at);
    };
    const stop = () => {
      removeEventListener("pointermove", go);
      removeEventListener("pointerup", stop);
      removeEventListener("pointercancel", stop);
    };
    addEventListener("pointermove", go);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
    go(event);
  });

  const paint = () => {
    if (all.length === 0 || !state.answer) return;
    const now = value();
    current = now === null ? -1 : nearest(now);
    if (document.activeElement !== exact && !state.mistake) {
      exact.value = typed(now);
      mistake.textContent = "";
      exact.removeAttribute("aria-invalid");
    }
    slider.disabled = all.length < 2;
    slider.min = String(all[0].value);
    slider.max = String(all[all.length - 1].value);
    slider.value = String(now ?? all[0].value);
    const score = /** @type {number} */ ((state.changed ?? state.answer).score);
    slider.setAttribute("aria-valuetext", `${shown(name, now)}: ${shownScore(score)}, ${isLikely(score) ? "likely" : "unlikely"}`);
    words.replaceChildren(...verdict(name, all, row[place]));
    draw(drawing, name, all, row[place], now, score);
    const { x0, x1 } = geometry(all, drawing.clientWidth);
    styled(slider, { "margin-left": `${x0 - 12}px`, width: `${x1 - x0 + 24}px` });
    keys.replaceChildren(...legend(name, all, row));
  };

  words.textContent = "Asking the service for the curve…";
  ask(name, row, asking.signal).then((found) => {
    all = found;
    paint();
    follow(panel, paint);
    new ResizeObserver(paint).observe(drawing);
  }, (error) => {
    words.textContent = `There is no curve: ${error.message}.`;
  });
  return panel;
}

const typed = (value) => (value === null ? "" : String(value));

/**
 * The points of a curve, each with the service's answer.
 * @returns {Promise<Point[]>}
 */
async function ask(name, row, signal) {
  const wanted = points(name, row);
  const bound = companions(name, row).length > 0;
  const [{ explanations }, alone] = await Promise.all([
    explainRows(wanted.map(({ row }) => row), signal),
    bound ? predict(wanted.map(({ alone }) => alone.map((value) => value ?? "nan").join(",")).join("\n"), signal) : null,
  ]);
  return wanted.map(({ value, row }, at) => ({ value, row, answer: explanations[at], alone: (alone?.predictions ?? explanations)[at].score }));
}

/** Where the answer would turn, or that it cannot. */
function verdict(name, all, present) {
  const { mistake, answer } = state;
  if (mistake || !answer) return [];
  const at = all.findIndex(({ value }) => value === present);
  const from = at < 0 ? /** @type {number} */ (answer.score) : /** @type {number} */ (all[at].answer.score);
  const wanted = !isLikely(from);
  const turned = all.filter(({ answer: { score } }) => isLikely(score) === wanted);
  if (all.length < 2) return ["This cannot change while the rest of the row stands."];
  if (turned.length > 0) {
    const near = turned.reduce((best, point) => (Math.abs(point.value - (present ?? 0)) < Math.abs(best.value - (present ?? 0)) ? point : best));
    return ["With ", el("b", {}, shown(name, near.value)), ` instead of ${shown(name, present)} the answer would turn ${wanted ? "likely" : "unlikely"}: ${shownScore(near.answer.score)}.`];
  }
  const far = all.reduce((best, point) => ((wanted ? point.answer.score > best.answer.score : point.answer.score < best.answer.score) ? point : best));
  return [`This alone cannot make it ${wanted ? "likely" : "unlikely"}: the ${wanted ? "most" : "least"} is `, el("b", {}, shownScore(far.answer.score)), `, at ${shown(name, far.value)}.`];
}

function geometry(all, width) {
  const [low, high] = [all[0].value, all[all.length - 1].value];
  return { low, high: high > low ? high : low + 1, x0: ROOM.left + 10, x1: Math.max(width, 240) - ROOM.right - 10 };
}

function draw(host, name, all, present, now, score) {
  const width = Math.max(host.clientWidth, 240);
  const { low, high, x0, x1 } = geometry(all, width);
  const x = (value) => x0 + ((value - low) / (high - low)) * (x1 - x0);
  const floor = HEIGHT - ROOM.bottom;
  const scores = all.flatMap(({ answer, alone }) => [answer.score, alone]);
  const cut = threshold();
  const probability = isProbability();
  const bottom = probability ? 0 : Math.min(...scores, cut);
  const top = probability ? Math.min(1, Math.max(cut * 1.25, ...scores) * 1.08) : Math.max(...scores, cut) * 1.05;
  const y = (value) => floor - ((value - bottom) / (top - bottom || 1)) * (floor - ROOM.top);
  const line = (of) => all.map((point, at) => `${at ? "L" : "M"}${x(point.value).toFixed(1)},${y(of(point)).toFixed(1)}`).join("");
  const apart = all.some(({ answer, alone }) => Math.abs(answer.score - alone) > SEEN);
  const tickOf = (value) => (probability ? percentOf(Number(value.toPrecision(3))) : short(value));
  const heights = ticks(bottom, top, 4).filter((at) => at > bottom && at <= top && Math.abs(y(at) - y(cut)) > 14);
  const text = (attributes, words) => svg("text", attributes, words);
  const markAt = now === null ? null : x(Math.min(high, Math.max(low, now)));
  host.replaceChildren(svg("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`, role: "img",
    "aria-label": `Score for each value of ${inSentence(name)}: ${shownScore(all[0].answer.score)} at ${shown(name, all[0].value)}, ${shownScore(all[all.length - 1].answer.score)} at ${shown(name, all[all.length - 1].value)}.`,
  },
  bars(name, low, high, x, floor),
  heights.map((at) => [svg("line", { class: "guide-line", x1: ROOM.left, x2: width - ROOM.right, y1: y(at), y2: y(at) }), text({ x: ROOM.left - 6, y: y(at) + 4, "text-anchor": "end" }, tickOf(at))]).flat(),
  svg("line", { class: "cut", x1: ROOM.left, x2: width - ROOM.right, y1: y(cut), y2: y(cut) }), text({ class: "strong", x: ROOM.left - 6, y: y(cut) + 4, "text-anchor": "end" }, shownThreshold()),
  svg("line", { class: "floor", x1: ROOM.left, x2: width - ROOM.right, y1: floor, y2: floor }),
  valueTicks(name, low, high, x).map(({ at, words }) => text({ x: at, y: floor + 36, "text-anchor": "middle" }, words)),
  apart && svg("path", { class: "alone", d: line(({ alone }) => alone) }),
  svg("path", { class: "score-line", d: line(({ answer }) => answer.score) }),
  present !== null && all.length > 1 && svg("circle", { class: "was", cx: x(present), cy: y(/** @type {any} */ (all.find(({ value }) => value === present) ?? all[0]).answer.score), r: 5 }),
  markAt !== null && !state.mistake && [
    svg("line", { class: "drop", x1: markAt, x2: markAt, y1: y(score), y2: floor }),
    svg("circle", { class: "now", cx: markAt, cy: y(score), r: 7 }),
    text({ class: "strong", x: markAt + (markAt > width - 96 ? -13 : 13), y: Math.max(12, y(score) - (Math.abs(y(score) - 14 - y(cut)) < 11 ? 26 : 12)), "text-anchor": markAt > width - 96 ? "end" : "start" }, shownScore(score)),
  ]));
}

/** What training saw, as heights of density, so that bins of other widths compare. */
function bars(name, low, high, x, floor) {
  const histogram = trained(state.model.card, name)?.histogram;
  if (!histogram) return [];
  const { edges, counts } = histogram;
  const shownBins = counts.map((number, at) => ({ from: edges[at], to: edges[at + 1], density: number / (edges[at + 1] - edges[at] || 1) }))
    .filter(({ from, to }) => to > low - (to - from) * 0.6 && from < high + (to - from) * 0.6);
  const tallest = Math.max(...shownBins.map(({ density }) => density), 0);
  const [left, right] = [x(low) - 10, x(high) + 10];
  return shownBins.map(({ from, to, density }) => {
    const [start, end] = [Math.max(x(from), left) + 1, Math.min(x(to), right) - 1];
    const height = tallest > 0 ? (density / tallest) * (floor - ROOM.top) * 0.94 : 0;
    return svg("rect", { class: "seen", x: start.toFixed(1), width: Math.max(end - start, 0).toFixed(1), y: (floor - height).toFixed(1), height: height.toFixed(1) });
  });
}

/** Round numbers between two, about `wanted` of them. */
function ticks(low, high, wanted) {
  const raw = (high - low) / wanted;
  if (!(raw > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw * 0.999) ?? raw;
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) found.push(Number(at.toPrecision(12)));
  return found;
}

function valueTicks(name, low, high, x) {
  const isShare = about(name).as === "share";
  const isWhole = trained(state.model.card, name)?.whole;
  return ticks(low, high, x(high) - x(low) < 260 ? 4 : 7).filter((value) => !isWhole || Number.isInteger(value))
    .map((value) => ({ at: x(value), words: isShare ? share(value) : short(value) }));
}

function legend(name, all, row) {
  const along = companions(name, row).map((other) => `“${inSentence(other)}”`);
  const apart = all.some(({ answer, alone }) => Math.abs(answer.score - alone) > SEEN);
  const data = state.model.card?.data;
  const key = (kind, ...words) => el("span", { class: "key" }, el("i", { class: `key-${kind}` }), ...words);
  const rare = unusual(state.model.card, name, (state.changed ?? state.answer)?.values?.[state.model.feature_names.indexOf(name)] ?? null);
  return [
    rare && el("span", { class: "badge" }, rare.long),
    key("line", along.length > 0 ? `score, with ${listed(along)} moved along` : "score, all else equal"),
    apart && key("alone", "moved alone, which no customer can be"),
    trained(state.model.card, name)?.histogram && key("seen", data?.rows ? `${whole(data.rows)} training rows` : "training rows"),
    key("cut", "threshold"),
  ].filter(Boolean);
}
