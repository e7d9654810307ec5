// The API key: asked for when the service wants one, kept for this browser session only, never in an address or a log.

import { byId } from "./dom.js";

const STORED = "imba.api-key";

/** The key given in this session, or null. */
export function storedKey() {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return given;
  }
}

/** @type {string | null} */
let given = null;
/** @type {Promise<boolean> | null} */
let asking = null;

/**
 * Asks for a key. Calls that come while the question stands wait for the same reply.
 * @param {string} refused why the present key does not do, if there is one
 * @returns {Promise<boolean>} whether there is a new key to try
 */
export function askForKey(refused) {
  asking ??= ask(refused).finally(() => {
    asking = null;
  });
  return asking;
}

function ask(refused) {
  const dialog = byId("key");
  const input = byId("key-value");
  byId("key-refused").textContent = refused;
  byId("key-refused").hidden = refused === "";
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const key = input.value.trim();
      input.value = "";
      if (dialog.returnValue === "send" && key !== "") {
        keep(key);
        resolve(true);
      } else {
        resolve(false);
      }
    }, { once: true });
  });
}

function keep(key) {
  given = key;
  try {
    sessionStorage.setItem(STORED, key);
  } catch {
    // Storage is switched off: the key lives as long as the page.
  }
}

/** Forgets the key. */
export function forgetKey() {
  given = null;
  try {
    sessionStorage.removeItem(STORED);
  } catch {
    // There was no storage to begin with.
  }
}
