// The score above which a purchase counts as likely: the service's, until the reader chooses another, which is remembered.

const STORED = "imba.threshold";

const followers = new Set();
let service = null;
let chosen = null;

/** Takes over the service's threshold, and the reader's earlier choice if there is one. */
export function begin(ofService) {
  service = ofService;
  const stored = recall();
  chosen = stored === null || !Number.isFinite(Number(stored)) ? null : Number(stored);
  tell();
}

/** The threshold in force. */
export const threshold = () => chosen ?? service;

/** The service's own. */
export const serviceThreshold = () => service;

/** Whether a score counts as likely. */
export const isLikely = (score) => score > threshold();

/** Chooses a threshold, or with null goes back to the service's. */
export function choose(value) {
  chosen = value === service ? null : value;
  remember(chosen);
  tell();
}

/**
 * Calls `changed` now and on each change, as long as `element` is or comes into the page.
 * @param {Element} element
 * @param {() => void} changed
 */
export function followThreshold(element, changed) {
  let shown = false;
  const follower = () => {
    if (shown && !element.isConnected) {
      followers.delete(follower);
      return;
    }
    shown ||= element.isConnected;
    changed();
  };
  followers.add(follower);
  changed();
}

function tell() {
  for (const follower of [...followers]) follower();
}

function recall() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function remember(value) {
  try {
    if (value === null) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, String(value));
  } catch {
    // Storage is switched off: the choice lives as long as the page.
  }
}
