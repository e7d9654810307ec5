// Where the reader is: the view and its parameters live in the fragment, e.g. `#/pair?user=1&product=2`, so that every
// answer has an address to share, the back button works, and ids stay out of access logs.

export const VIEWS = ["pair", "basket", "features"];

/** The view and parameters of the present address. */
export function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { view: VIEWS.includes(path) ? path : VIEWS[0], params: new URLSearchParams(query) };
}

/** The fragment of a view with parameters; empty ones are left out. */
export function address(view, params = {}) {
  const kept = Object.entries(params).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(kept).toString();
  return `#/${view}${query && `?${query}`}`;
}

/** Goes there, as a new entry of the history. Going where one is already asks again. */
export function go(view, params) {
  const target = address(view, params);
  if (location.hash === target) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = target;
}

/** Notes a changed parameter in the address without a new entry of the history and without asking again. */
export function note(view, params) {
  history.replaceState(history.state, "", address(view, params));
}

/** Calls `arrived` with every address from now on, and with the present one. */
export function follow(arrived) {
  addEventListener("hashchange", () => arrived(here()));
  arrived(here());
}
