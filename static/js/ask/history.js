// The answers of this session, the newest first: to come back to, and to compare with. They are gone with the tab.

const STORED = "imba.history";
const KEPT = 12;

/** @typedef {{subject: import("../state.js").Subject, title: string, score: number}} Visit */

/**
 * The answers so far.
 * @returns {Visit[]}
 */
export function visits() {
  try {
    return JSON.parse(sessionStorage.getItem(STORED) ?? "[]");
  } catch {
    return [];
  }
}

/** Notes an answer; the same subject is noted once. */
export function noteVisit(visit) {
  const same = JSON.stringify(visit.subject);
  const kept = [visit, ...visits().filter(({ subject }) => JSON.stringify(subject) !== same)].slice(0, KEPT);
  try {
    sessionStorage.setItem(STORED, JSON.stringify(kept));
  } catch {
    // Storage is switched off or full: the history is a convenience.
  }
}
