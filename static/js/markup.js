// Elements from code. Texts become text nodes and nothing else, so no name or id can turn into markup.

/**
 * A new element.
 * @param {string} tag
 * @param {Object<string, unknown>} attributes an `on…` function listens, `true` sets a bare attribute, null, false and
 *     undefined set none, everything else is an attribute's text
 * @param {...(Node | string | number | null | undefined | false | Node[])} children
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false).map((child) =>
    child instanceof Node ? child : String(child)));
  return element;
}

/** The element of the page with this id, which the page is sure to have. */
export function byId(id) {
  return document.getElementById(id);
}

/** Sets custom properties of a style through the object model, which the content security policy allows. */
export function withStyle(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}
