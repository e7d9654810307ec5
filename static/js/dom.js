// Elements from code. Texts become text nodes and nothing else, so no name or id can turn into markup.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * A new element.
 * @param {string} tag
 * @param {Object<string, any>} [attributes] an `on…` function listens, `true` sets a bare attribute, null, false and
 *     undefined set none, everything else is an attribute's text
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** A new element of a drawing. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false).map((child) =>
    child instanceof Node ? child : String(child)));
  return element;
}

/**
 * The element of the page with this id, which the page is sure to have.
 * @returns {any}
 */
export function byId(id) {
  return document.getElementById(id);
}

/** Sets properties of a style through the object model, which the content security policy allows. */
export function styled(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, String(value));
  return element;
}

const PICTURES = {
  find: ["M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 0 0 0-9M10.5 10.5 14 14"],
  copy: ["M6 5.5h6a1.5 1.5 0 0 1 1.5 1.5v5a1.500 1.500 0 0 1-1.500 1.500H6.500A1.500 1.500 0 0 1 5 12V7a1.500 1.500 0 0 1 1-1.500z", "M10.500 5.500v-1.500A1.500 1.500 0 0 0 9 2.500H4A1.500 1.500 0 0 0 2.500 4v5A1.500 1.500 0 0 0 4 10.500h1"],
  link: ["M6.500 9.500 9.500 6.500M7.500 4.500l1-1a2.830 2.830 0 0 1 4 4l-1 1M8.500 11.500l-1 1a2.830 2.830 0 0 1-4-4l1-1"],
  save: ["M8 2.500v8M4.500 7.500 8 11l3.500-3.500M3 13.500h10"],
  print: ["M4.500 6V2.500h7V6M4.500 11.500H3V7a1 1 0 0 1 1-1h8a1 1 0 0 1 1 1v4.500h-1.500M4.500 9.500h7v4h-7z"],
  chevron: ["m4 6 4 4 4-4"],
  wrong: ["M8 1.800a6.200 6.200 0 1 0 0 12.400A6.200 6.200 0 0 0 8 1.800M8 4.800v3.700M8 11v.1"],
  file: ["M4 2.500h5l3 3v8H4zM9 2.500v3h3"],
  close: ["m4 4 8 8M12 4l-8 8"],
};

/** A small picture beside a word; it says nothing on its own. */
export function icon(name, kind = "") {
  return svg("svg", { class: `icon ${kind}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, ...PICTURES[name].map((d) => svg("path", { d })));
}

/** Says something to those who do not see the page; the same words twice are said twice. */
export function say(words) {
  const place = byId("spoken");
  place.textContent = "";
  // What was about to be said is out of date.
  clearTimeout(say.next);
  say.next = setTimeout(() => {
    place.textContent = words;
  }, 30);
}
/** @type {ReturnType<typeof setTimeout> | undefined} */
say.next = undefined;

/** Says briefly, to everyone, that something is done. */
export function toast(words) {
  const place = byId("toast");
  place.textContent = words;
  place.classList.add("on");
  say(words);
  clearTimeout(toast.over);
  toast.over = setTimeout(() => place.classList.remove("on"), 2200);
}
/** @type {ReturnType<typeof setTimeout> | undefined} */
toast.over = undefined;

/** Copies a text, and says which. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied`);
  } catch {
    toast("The browser does not allow copying here; select the text instead");
  }
}

/** Lets the reader keep a text as a file. */
export function save(name, content, type = "text/csv") {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
