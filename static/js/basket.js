// Next basket: the products that a customer is likeliest to buy again, in order.

import { address, go } from "./address.js";
import { shown, thresholdChoice } from "./answer.js";
import { checkFilled, tellMistake } from "./form.js";
import { byId, el, withStyle } from "./markup.js";
import { count, isProbability } from "./numbers.js";
import { Panel } from "./panel.js";
import { recommend } from "./service.js";
import { suggestUsers } from "./shelf.js";
import { suggest } from "./suggestions.js";
import { followThreshold, isLikely, threshold } from "./threshold.js";

const EXAMPLE = { user: "1", limit: "10" };
const USUAL_LIMIT = "10";

/** The view, for a service with this model. */
export function basketView(model) {
  const form = byId("form-basket");
  const { user, limit } = form.elements;
  const panel = new Panel(byId("answer-basket"), "Name a customer to see what is likeliest in the next basket.");

  suggest(user, (text, signal) => suggestUsers(model, text, signal), () => form.requestSubmit());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!checkFilled([user])) return;
    if (!limit.checkValidity() || limit.value === "") {
      tellMistake(limit, `Expected a whole number from ${limit.min} to ${limit.max}.`);
      limit.focus();
      return;
    }
    go("basket", { user: user.value.trim(), limit: limit.value });
  });
  byId("basket-example").addEventListener("click", () => go("basket", EXAMPLE));

  return (params) => {
    const [ofUser, top] = [params.get("user") ?? "", params.get("limit") ?? USUAL_LIMIT];
    [user.value, limit.value] = [ofUser, top];
    if (ofUser === "") return panel.clear();
    return panel.run(async (signal) => ranking(model, await recommend(ofUser, encodeURIComponent(top), signal)));
  };
}

function ranking(model, { user_id, stored, recommendations }) {
  const summary = el("p", { class: "verdict neutral" });
  const list = el("ol", { class: "basket", role: "list" }, ...recommendations.map((product, at) => item(model, user_id, product, at + 1)));
  const element = el("div", { class: "result" },
    el("p", { class: "about" }, `Customer ${user_id} · ${recommendations.length} of ${count(stored, "product")} bought before`),
    summary,
    thresholdChoice(model, "over-bars"),
    list);
  followThreshold(element, () => {
    const likely = recommendations.filter(({ score }) => isLikely(score)).length;
    summary.textContent = `${likely} of these ${recommendations.length} ${likely === 1 ? "is" : "are"} likely to be bought again`;
    recommendations.forEach(({ score }, at) => {
      list.children[at].classList.toggle("likely", isLikely(score));
      list.children[at].classList.toggle("unlikely", !isLikely(score));
    });
    withStyle(list, { "--threshold": threshold() });
  });
  return [element, summary.textContent];
}

function item(model, user, { product_id, product_name, score }, rank) {
  return withStyle(
    el("li", {},
      el("span", { class: "rank", "aria-hidden": "true" }, rank),
      el("a", { class: "basket-name", href: address("pair", { user, product: product_id }) }, product_name ?? `Product ${product_id}`),
      product_name && el("span", { class: "basket-id" }, product_id),
      el("span", { class: "basket-score", title: String(score), "data-score": score }, shown(model, score)),
      isProbability(model) && el("span", { class: "basket-bar", "aria-hidden": "true" }, el("i"), el("b"))),
    { "--score": score });
}
