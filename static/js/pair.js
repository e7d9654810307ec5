// Customer & product: two ids, looked up, scored and explained.

import { address, go } from "./address.js";
import { answer } from "./answer.js";
import { checkFilled } from "./form.js";
import { byId, el } from "./markup.js";
import { Panel } from "./panel.js";
import { scorePair } from "./service.js";
import { suggestProducts, suggestUsers } from "./shelf.js";
import { suggest } from "./suggestions.js";

const EXAMPLE = { user: "1", product: "2" };

/** The view, for a service with this model. */
export function pairView(model) {
  const form = byId("form-pair");
  const { user, product } = form.elements;
  const panel = new Panel(byId("answer-pair"), "Name a customer and a product to see how likely the next purchase is, and why.");

  suggest(user, (text, signal) => suggestUsers(model, text, signal), () => product.focus());
  suggest(product, (text, signal) => suggestProducts(user.value.trim(), text, signal), () => form.requestSubmit());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (checkFilled([user, product])) go("pair", { user: user.value.trim(), product: product.value.trim() });
  });
  byId("pair-example").addEventListener("click", () => go("pair", EXAMPLE));

  return (params) => {
    const pair = { user: params.get("user") ?? "", product: params.get("product") ?? "" };
    [user.value, product.value] = [pair.user, pair.product];
    if (pair.user === "" || pair.product === "") return panel.clear();
    return panel.run(async (signal) => {
      const outcome = await scorePair(model, pair.user, pair.product, signal);
      const name = outcome.product_name;
      return answer(model, outcome, {
        about: [`Customer ${pair.user} · `, name ? el("b", {}, name) : "product", ` ${name ? `(product ${pair.product})` : pair.product}`],
        links: links(pair.user, outcome.values),
      });
    });
  };
}

function links(user, values) {
  const row = values?.map((value) => value ?? "").join(",");
  return [
    row && el("a", { href: address("features", { row }) }, "What if the features were others?"),
    el("a", { href: address("basket", { user }) }, "The customer’s next basket"),
  ].filter(Boolean);
}
