// Features: rows of the model's inputs, scored as they stand.

import { go } from "./address.js";
import { answer } from "./answer.js";
import { checkFilled } from "./form.js";
import { byId } from "./markup.js";
import { Panel } from "./panel.js";
import { ServiceError, predict, sentence } from "./service.js";

const EXAMPLE =
  "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";

/** The view, for a service with this model. */
export function featuresView(model) {
  const form = byId("form-features");
  const { rows } = form.elements;
  const panel = new Panel(byId("answer-features"), "Give a row of features to see its score.");
  rows.placeholder = EXAMPLE;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (checkFilled([rows])) go("features", { row: rows.value.trim() });
  });
  byId("features-example").addEventListener("click", () => go("features", { row: EXAMPLE }));

  return (params) => {
    const row = params.get("row") ?? "";
    rows.value = row;
    if (row === "") return panel.clear();
    return panel.run(async (signal) => {
      const { predictions: [prediction] } = await predict(row, signal);
      if (prediction.error) throw new ServiceError("problem", { title: "This row has no score", advice: sentence(prediction.error.detail), retry: false });
      return answer(model, prediction.score, `A row of ${model.feature_names.length} features`);
    });
  };
}
