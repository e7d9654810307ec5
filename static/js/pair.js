// Customer & product: two ids, looked up and scored.

import { go } from "./address.js";
import { answer } from "./answer.js";
import { checkFilled } from "./form.js";
import { byId } from "./markup.js";
import { Panel } from "./panel.js";
import { ServiceError, predictPair, sentence } from "./service.js";

const EXAMPLE = { user: "1", product: "2" };

/** The view, for a service with this model. */
export function pairView(model) {
  const form = byId("form-pair");
  const { user, product } = form.elements;
  const panel = new Panel(byId("answer-pair"), "Name a customer and a product to see how likely the next purchase is.");

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
      const { predictions: [prediction] } = await predictPair(pair.user, pair.product, signal);
      if (prediction.error) throw new ServiceError("problem", { title: "This pair has no score", advice: sentence(prediction.error.detail), retry: false });
      return answer(model, prediction.score, `Customer ${pair.user}, product ${pair.product}`);
    });
  };
}
