// The place of an answer and its states: waiting, slow, the answer, or an error with what to do about it.

import { el, byId, icon, say } from "./dom.js";
import { askForKey } from "./key.js";
import { ServiceError } from "./service.js";
import { TableError } from "./ask/table.js";

/** An answer sooner than this needs no sign of waiting. */
const SOON_MS = 250;
/** After this long the reader is told that it takes longer than usual. */
const SLOW_MS = 2500;

const ASK = "imba: will this customer buy this product again?";

/** @type {AbortController | null} */
let running = null;

/** @typedef {{content: Node, title: string, spoken: string, shown?: () => void}} Shown */

/**
 * Shows what `work` brings, with the states until then. The earlier answer stays, dimmed, so that nothing jumps, and an
 * older question is cancelled.
 * @param {(signal: AbortSignal) => Promise<Shown>} work
 * @param {(error: any) => Node[]} [helped] what else can be offered after an error
 */
export async function run(work, helped = nothing) {
  const screen = byId("screen");
  stop();
  const mine = (running = new AbortController());
  const tell = (words) => {
    screen.setAttribute("aria-busy", "true");
    byId("waiting").textContent = words;
    say(words);
  };
  const timers = [setTimeout(tell, SOON_MS, "Asking the service…"), setTimeout(tell, SLOW_MS, "Still waiting: this takes longer than usual…")];
  try {
    const shown = await work(mine.signal);
    if (running === mine) place(shown);
  } catch (error) {
    if (running === mine) place(failure(error, () => run(work, helped), helped));
  } finally {
    timers.forEach(clearTimeout);
    if (running === mine) stop();
  }
}

/** Shows what is there already. */
export function show(shown) {
  stop();
  place(shown);
}

function stop() {
  running?.abort();
  running = null;
  byId("screen").removeAttribute("aria-busy");
  byId("waiting").textContent = "";
}

/** @type {(error: any) => Node[]} */
const nothing = () => [];

let first = true;

/**
 * Puts a screen in place. Whoever came here by a key or a link goes on at its heading.
 * @param {Shown} shown
 */
function place({ content, title, spoken, shown }) {
  byId("screen").replaceChildren(content);
  document.title = title ? `${title} – imba` : ASK;
  if (!first) {
    scrollTo(0, 0);
    byId("screen").querySelector("h1")?.focus({ preventScroll: true });
  }
  first = false;
  if (spoken) say(spoken);
  shown?.();
}

/**
 * An error as the reader sees it: what, what to do, what the reader's row looked like, and what to tell whoever operates
 * the service.
 * @param {any} problem @param {(() => void) | undefined} again @param {(error: any) => Node[]} helped
 * @returns {Shown}
 */
export function failure(problem, again, helped = nothing) {
  const known = problem instanceof ServiceError || problem instanceof TableError;
  if (!known) console.error(problem);
  const error = known ? problem : new ServiceError("problem", { title: "The page failed", advice: "Reload it; if that does not help, report what you did.", retry: false });
  const retry = error instanceof ServiceError && error.retry && again;
  const isKey = error instanceof ServiceError && error.kind === "forbidden";
  const onclick = isKey ? async () => (await askForKey("")) && again?.() : again;
  const details = error instanceof ServiceError && error.problem ? error.problem : null;
  const content = el("section", { class: "trouble", role: "alert" },
    el("p", { class: "trouble-tag" }, icon("wrong"), "No answer"),
    el("h1", { tabindex: -1 }, error.title),
    error.advice && el("p", { class: "lede" }, error.advice),
    helped(error),
    retry && el("p", { class: "trouble-actions" }, el("button", { type: "button", class: "solid", onclick }, isKey ? "Use another key" : error.kind === "unauthorised" ? "Enter a key" : "Try again")),
    details && el("details", { class: "fold" }, el("summary", {}, "For whoever runs the service ", icon("chevron", "chevron")),
      el("pre", {}, [details.code, details.detail, details.request_id && `request ${details.request_id}`].filter(Boolean).join("\n"))));
  return { content, title: error.title, spoken: "" };
}
