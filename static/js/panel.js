// The place of an answer and its states: empty, loading, slow, the answer, or an error with what to do about it.

import { el } from "./markup.js";
import { ServiceError } from "./service.js";

/** An answer sooner than this needs no sign of waiting. */
const SOON_MS = 250;
/** After this long the reader is told that it takes longer than usual. */
const SLOW_MS = 2500;

/** One answer place. Only the newest question counts: an older one is cancelled. */
export class Panel {
  /**
   * @param {HTMLElement} section
   * @param {string} empty what the reader can do here
   */
  constructor(section, empty) {
    this.section = section;
    this.progress = el("p", { class: "progress", "aria-hidden": "true" });
    this.spoken = el("p", { class: "visually-hidden", role: "status" });
    this.body = el("div", { class: "panel-body" });
    this.empty = empty;
    this.running = null;
    section.replaceChildren(this.progress, this.spoken, this.body);
    this.clear();
  }

  /** Back to the empty state. */
  clear() {
    this.show(el("p", { class: "empty" }, this.empty), "");
  }

  /** Shows what is there already; `spoken` is what a screen reader says. */
  show(content, spoken) {
    this.#stop();
    this.body.replaceChildren(content);
    this.spoken.textContent = spoken;
  }

  /**
   * Shows what `work` brings, with the states until then. The earlier answer stays, dimmed, so that nothing jumps.
   * @param {(signal: AbortSignal) => Promise<[Node, string]>} work the answer, and what a screen reader says
   */
  async run(work) {
    this.#stop();
    const running = new AbortController();
    this.running = running;
    this.section.setAttribute("aria-busy", "true");
    const tell = (text) => {
      this.progress.textContent = text;
      this.spoken.textContent = text;
    };
    const timers = [setTimeout(tell, SOON_MS, "Asking the service…"), setTimeout(tell, SLOW_MS, "Still waiting: this takes longer than usual…")];
    try {
      const [content, spoken] = await work(running.signal);
      if (this.running === running) this.show(content, spoken);
    } catch (error) {
      if (this.running === running) this.show(failure(error, () => this.run(work)), "");
    } finally {
      timers.forEach(clearTimeout);
    }
  }

  #stop() {
    this.running?.abort();
    this.running = null;
    this.section.removeAttribute("aria-busy");
    this.progress.textContent = "";
  }
}

/** An error as the reader sees it: what, what to do, and the id to quote to whoever operates the service. */
export function failure(error, again) {
  if (!(error instanceof ServiceError)) {
    console.error(error);
    error = new ServiceError("problem", { title: "The page failed", advice: "Reload it; if that does not help, report what you did.", retry: false });
  }
  const request = error.problem?.request_id;
  return el("div", { class: "notice error", role: "alert" },
    el("h3", {}, error.title),
    error.advice && el("p", {}, error.advice),
    request && el("p", { class: "help" }, "Request id ", el("code", {}, request)),
    error.retry && again && el("button", { type: "button", onclick: again }, error.kind === "unauthorised" ? "Enter a key" : "Try again"));
}
