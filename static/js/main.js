// The start: learn what scores here, then show the view that the address names.

import { VIEWS, follow, here } from "./address.js";
import { basketView } from "./basket.js";
import { readGuide } from "./feature_guide.js";
import { featuresView } from "./features.js";
import { byId, el } from "./markup.js";
import { pairView } from "./pair.js";
import { failure } from "./panel.js";
import { model as fetchModel, onOtherModel } from "./service.js";
import { begin } from "./threshold.js";

/** While replicas change their models one after the other, answers alternate; the page does not run after each. */
const SETTLED_MS = 10_000;

const TITLES = { pair: "Customer & product", basket: "Next basket", features: "Features" };

async function start() {
  let model;
  reveal(here().view);
  try {
    [model] = await Promise.all([fetchModel(), readGuide()]);
  } catch (error) {
    byId("banner").replaceChildren(failure(error, start));
    return;
  }
  byId("banner").replaceChildren();
  byId("views").inert = false;
  begin(model.threshold);
  describe(model);
  const show = { pair: pairView(model), basket: basketView(model), features: featuresView(model) };
  const arrive = ({ view, params }) => {
    reveal(view);
    show[view](params);
  };
  // The views keep the model they were made with, so it is changed in place; what is shown is then asked anew.
  let learned = -Infinity;
  onOtherModel(async () => {
    if (performance.now() - learned < SETTLED_MS) return;
    learned = performance.now();
    Object.assign(model, await fetchModel());
    describe(model);
    arrive(here());
  });
  follow(arrive);
}

/** Shows one view and marks its tab. Whoever came by a link that is now out of sight goes on at the view's title. */
function reveal(shown) {
  const came = document.activeElement;
  for (const view of VIEWS) byId(`view-${view}`).hidden = view !== shown;
  for (const tab of document.querySelectorAll("[data-view]")) {
    if (tab.dataset.view === shown) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  if (came !== document.body && !came.checkVisibility()) byId(`title-${shown}`).focus();
  document.title = `${TITLES[shown]} – imba`;
}

function describe(model) {
  const { scorer, features } = model.backends;
  byId("model").replaceChildren(
    "Model ", el("code", { title: model.version }, model.version.slice(0, 12)),
    ` · ${model.objective} · ${model.trees} trees · ${model.feature_names.length} features · scorer: ${scorer} · features: ${features}`);
}

/** Says when the network is gone; what is shown stays. */
function watchNetwork() {
  const tell = () => byId("offline").hidden = navigator.onLine;
  addEventListener("online", tell);
  addEventListener("offline", tell);
  tell();
}

watchNetwork();
start();
