// Next basket: the products that a customer is likeliest to buy again, with how they buy them and one reason each.

import { address, go } from "./address.js";
import { csvOf } from "./ask/table.js";
import { copy, el, icon, save } from "./dom.js";
import { strongest } from "./answer/reason.js";
import { clause, rhythm } from "./guide.js";
import { meter } from "./meter.js";
import { count } from "./numbers.js";
import { explainPairs, recommend, users } from "./service.js";
import { run } from "./screen.js";
import { follow, isLikely, isProbability, shownScore, shownThreshold, state } from "./state.js";
import { ownThreshold, thresholdHandle } from "./threshold.js";

const USUAL = 10;
const MOST = 1000;
const SUGGESTED = 8;

/** @param {URLSearchParams} params */
export function showBasket(params) {
  const user = params.get("user") ?? "";
  const limit = params.get("limit") ?? String(USUAL);
  if (user === "") return run(async (signal) => ({ content: await whose(signal), title: "Basket", spoken: "" }));
  return run(async (signal) => {
    const { stored, recommendations } = await recommend(user, limit, signal);
    const explained = state.model.capabilities.explain
      ? (await explainPairs(recommendations.map(({ product_id }) => [user, product_id]), signal)).explanations
      : [];
    const rows = recommendations.map((product, at) => ({ ...product, name: product.product_name ?? `Product ${product.product_id}`, explained: explained[at] }));
    return { content: screen(user, stored, rows), title: `Basket of customer ${user}`, spoken: summary(rows) };
  });
}

/** Some customers to choose from, where the store can list them. */
async function whose(signal) {
  const some = state.model.capabilities.list_users ? (await users("", SUGGESTED, signal)).users : [];
  return el("div", { class: "home" },
    el("h1", { tabindex: -1 }, "Whose next basket?"),
    el("p", { class: "lede" }, "Type a customer into the field above", some.length > 0 ? ", or begin with one of these." : "."),
    el("ul", { class: "customers", role: "list" }, some.map((one) => el("li", {}, el("a", { class: "mini", href: address("basket", { user: one }) }, el("span", {}, `Customer ${one}`))))));
}

const summary = (rows) => {
  const likely = rows.filter(({ score }) => isLikely(score)).length;
  return `${likely} of these ${rows.length} ${likely === 1 ? "is" : "are"} likely, with a score above ${shownThreshold()}.`;
};

function screen(user, stored, rows) {
  const told = el("p", { class: "lede" });
  const list = el("ol", { class: "basket", role: "list" });
  const rest = stored - rows.length;
  const expected = rows.reduce((sum, { score }) => sum + score, 0);
  const content = el("div", {},
    el("div", { class: "head" },
      el("div", {}, el("p", { class: "eyebrow" }, `Customer ${user} · ${rows.length} of ${count(stored, "product")} bought before`), el("h1", { tabindex: -1 }, "What they will buy again"), told),
      el("p", { class: "tools" },
        el("button", { type: "button", class: "quiet", onclick: () => copy(rows.map(({ name, score }) => `${name}\t${shownScore(score)}`).join("\n"), "List") }, icon("copy"), "Copy list"),
        el("button", { type: "button", class: "quiet", onclick: () => save(`basket-${user.replace(/[^\w.-]/g, "_")}.csv`, csvOf([["user_id", "product_id", "product_name", "score", "likely"], ...rows.map((row) => [user, row.product_id, row.product_name ?? "", row.score, isLikely(row.score)])])) }, icon("save"), "CSV"),
        el("button", { type: "button", class: "quiet", onclick: () => print() }, icon("print"), "Print"))),
    el("div", { class: "basket-head" }, el("span"), el("span", { class: "basket-column" }, "Product, and how they buy it"), el("span", { class: "basket-column" }, "Main reason"),
      el("div", { class: "axis small" }, thresholdHandle(() => summary(rows))), el("span", { class: "basket-column end" }, "Score")),
    ownThreshold(),
    list,
    el("p", { class: "basket-foot" },
      isProbability() && `Together they stand for ${expected.toFixed(1)} expected purchases. `,
      rows.some(({ explained }) => explained?.values && rhythm(explained.values)) && "Days are estimates: orders times the mean days between them. ",
      rest > 0 && el("button", { type: "button", class: "quiet", onclick: () => go("basket", { user, limit: String(Math.min(stored, MOST)) }) }, `Show ${rest > MOST ? "more" : `the other ${rest}`}`)));
  follow(content, () => {
    told.textContent = summary(rows);
    const cut = rows.findIndex(({ score }) => !isLikely(score));
    list.replaceChildren(...rows.flatMap((row, at) => [
      ...(at === cut ? [el("li", { class: "basket-cut" }, `Unlikely from here on: ${shownThreshold()} or less`)] : []),
      item(user, row, at + 1),
    ]));
  });
  return content;
}

function item(user, { product_id: product, name, score, explained }, rank) {
  const values = explained?.values;
  const cause = explained?.contributions && !Array.isArray(explained.contributions[0]) ? strongest(explained) : null;
  const likely = isLikely(score);
  return el("li", { class: likely ? "likely" : "unlikely" }, el("a", { class: "basket-row", href: address("pair", { user, product }) },
    el("span", { class: "rank", "aria-hidden": "true" }, rank),
    el("span", { class: "basket-product" }, el("b", {}, name), values && rhythm(values) && el("small", {}, rhythm(values))),
    el("span", { class: "basket-reason" }, cause && [el("i", { class: `triangle ${cause.up ? "up" : "down"}`, "aria-hidden": "true" }), el("span", {}, el("span", { class: "unseen" }, cause.up ? "Raises: " : "Lowers: "), clause(cause.name, values, cause.up ? "up" : "down"))]),
    isProbability() ? meter(score) : el("span"),
    el("span", { class: "basket-score", "data-score": score }, shownScore(score), el("span", { class: "unseen" }, likely ? ", likely" : ", unlikely"))));
}
