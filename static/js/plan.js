// What a key's plan leaves: from the headers RateLimit-Policy and RateLimit of every answer (draft-ietf-httpapi-ratelimit-headers-10).
// A service without plans sends none, and nothing is shown.

import { askForKey, forgetKey, storedKey } from "./key.js";
import { byId, el } from "./dom.js";
import { count, until, whole } from "./numbers.js";

/**
 * @typedef {object} Limit
 * @property {string} plan @property {string} name what is limited, as the service calls it: its policies are called "plan.name"
 * @property {number} most requests in a window @property {number} left @property {number} reset in seconds from now
 */

/** An item of a list of strings with parameters, as RFC 9651 writes it. */
const ITEM = /"((?:[^"\\]|\\.)*)"((?:\s*;\s*[a-z*][\w.*-]*(?:=(?:"(?:[^"\\]|\\.)*"|[^;,\s]+))?)*)/g;
const PARAMETER = /;\s*([a-z*][\w.*-]*)=(?:"((?:[^"\\]|\\.)*)"|([^;,\s]+))/g;

/** What is nearly used up: less than this share is left. */
const LITTLE = 0.1;

/** @returns {Map<string, Object<string, string>>} the parameters of each item by its name */
const items = (field) => new Map([...(field ?? "").matchAll(ITEM)].map(([, name, parameters]) =>
  [name, Object.fromEntries([...parameters.matchAll(PARAMETER)].map(([, key, text, token]) => [key, text ?? token]))]));

/**
 * The limits of an answer.
 * @param {string | null} policy @param {string | null} left
 * @returns {Limit[]}
 */
export function readLimits(policy, left) {
  const policies = items(policy);
  return [...items(left)].flatMap(([key, { r, t }]) => {
    const dot = key.lastIndexOf(".");
    const limit = { plan: key.slice(0, Math.max(dot, 0)), name: key.slice(dot + 1), most: Number(policies.get(key)?.q), left: Number(r), reset: Number(t ?? 0) };
    return Number.isFinite(limit.left) ? [limit] : [];
  });
}

/** @type {Limit[]} */
let limits = [];

/** Takes what an answer says of the plan, and shows it. @param {Response} response */
export function noticeLimits(response) {
  const found = readLimits(response.headers.get("ratelimit-policy"), response.headers.get("ratelimit"));
  if (found.length === 0) return;
  limits = found;
  paint();
}

const NAMES = { rate: "at once", quota: "in this period" };
const isFew = ({ left, most }) => Number.isFinite(most) && left <= most * LITTLE;
const amount = ({ left, most }) => (Number.isFinite(most) ? `${whole(left)} of ${count(most, "request")}` : count(left, "request"));

/** A limit as a sentence. @param {Limit} limit */
export const limitWords = (limit) =>
  `${amount(limit)} left${NAMES[limit.name] ? ` ${NAMES[limit.name]}` : ` (${limit.name})`}${limit.reset > 0 && limit.left < limit.most ? `; all again ${until(limit.reset)}` : ""}.`;

/** Shows plan and key in the bar and in the model's card. */
export function paint() {
  const place = byId("plan");
  // The quota is what runs out for good; the rate comes back while one reads.
  const shown = limits.find(({ name }) => name === "quota") ?? limits[0];
  place.hidden = !shown;
  if (shown) {
    place.replaceChildren(shown.plan && el("b", {}, shown.plan), shown.plan ? " · " : "", `${whole(shown.left)} left`);
    place.classList.toggle("badge", limits.some(isFew));
    place.title = limits.map(limitWords).join(" ");
  }
  byId("plan-part")?.replaceWith(planPart());
}

/** The plan and the key in the model's card; empty where there is neither. */
function planPart() {
  const part = el("section", { id: "plan-part", hidden: limits.length === 0 && storedKey() === null });
  if (part.hidden) return part;
  const plan = limits.find((limit) => limit.plan)?.plan;
  part.append(el("h2", {}, plan ? `Your plan: ${plan}` : "Your key"),
    ...limits.map((limit) => el("p", {}, el("span", { class: isFew(limit) ? "badge" : "" }, limitWords(limit)))));
  if (storedKey() !== null) {
    part.append(el("p", {}, "The key is kept in this browser tab until it is closed."), el("p", { class: "trouble-actions" },
      el("button", { type: "button", class: "quiet", onclick: () => askForKey("") }, "Use another key"),
      el("button", { type: "button", class: "quiet", onclick: forget }, "Forget the key")));
  }
  return part;
}

function forget() {
  forgetKey();
  limits = [];
  paint();
  byId("model").querySelector("summary")?.focus();
}
