// The start: one field, and three answers to begin with, one of them likely.

import { address, subjectAddress } from "./address.js";
import { commandField } from "./ask/field.js";
import { visits } from "./ask/history.js";
import { because } from "./answer/reason.js";
import { el } from "./dom.js";
import { meter } from "./meter.js";
import { explainPairs, recommend, users } from "./service.js";
import { follow, isLikely, isProbability, shownScore, state } from "./state.js";
import { show } from "./screen.js";

/** Customers looked at for the examples. */
const LOOKED_AT = 3;

/** @param {{run: (text: string) => void, openFile: () => void, follow: (href: string) => void}} ask */
export function showHome(ask) {
  const field = commandField({ id: "ask-start", placeholder: "customer 1, product 2", ...ask });
  const examples = el("section", { class: "examples", "aria-labelledby": "examples-title" });
  const earlier = visits().slice(0, 5);
  show({
    content: el("div", { class: "home" },
      el("h1", { tabindex: -1 }, "Will this customer buy this product again?"),
      el("p", { class: "lede" }, "Ask for a customer and a product, for a whole basket, or for a table. Every answer comes with its reasons."),
      field.form,
      el("p", { class: "ways" }, `A row of ${state.model.feature_names.length} values works as well, and so does a block of a spreadsheet: paste it. A file may be dropped anywhere on the page, or `,
        el("button", { type: "button", class: "inline", onclick: ask.openFile }, "chosen from a folder"), "."),
      examples,
      earlier.length > 0 && el("section", { class: "earlier-answers", "aria-labelledby": "earlier-title" }, el("h2", { id: "earlier-title" }, "Earlier in this session"),
        el("ul", { role: "list" }, earlier.map(({ subject, title, score }) =>
          el("li", {}, el("a", { class: "mini", href: subjectAddress(subject) },
            el("span", {}, subject.kind === "pair" ? `${title} · customer ${subject.user}` : title), el("b", {}, shownScore(score)))))))),
    title: "",
    spoken: "",
  });
  fill(examples).catch(() => examples.replaceChildren());
}

/** Examples of the first customers of this store. Where it cannot list its users there are none. */
async function fill(section) {
  if (!state.model.capabilities.list_users || state.model.outputs !== 1) return;
  const quiet = AbortSignal.timeout(10_000);
  const { users: some } = await users("", LOOKED_AT, quiet);
  const shelves = await Promise.all(some.map(async (user) => (await recommend(user, 1000, quiet, true)).recommendations.map((product) => ({ user, ...product }))));
  const all = shelves.flat().sort((left, right) => right.score - left.score);
  if (all.length < 3) return;
  const cut = state.model.threshold;
  const likely = all[0];
  const edge = all.filter((one) => one !== likely).reduce((best, one) => (Math.abs(one.score - cut) < Math.abs(best.score - cut) ? one : best));
  const chosen = [["The likeliest", likely], ["On the edge", edge], ["The unlikeliest", all[all.length - 1]]];
  const pairs = chosen.map(([, { user, product_id }]) => [user, product_id]);
  const { explanations } = state.model.capabilities.explain ? await explainPairs(pairs, quiet, true) : { explanations: [] };
  const list = el("ul", { role: "list" });
  section.replaceChildren(el("h2", { id: "examples-title" }, "Three to start with"), list);
  follow(list, () => list.replaceChildren(...chosen.map(([title, { user, product_id: product, product_name, score }], at) =>
    el("li", {}, el("a", { href: address("pair", { user, product }) },
      el("span", { class: "example-title" }, title),
      el("span", { class: "example-about" }, el("b", {}, product_name ?? `Product ${product}`), `Customer ${user}${because(explanations[at])}`),
      isProbability() ? meter(score) : el("span"),
      el("span", { class: "example-score" }, shownScore(score), el("span", { class: "unseen" }, isLikely(score) ? ", likely" : ", unlikely")))))));
}
