// What the features mean: labels, units, help and usual ranges from features.json, which goes with the demo's model. A
// model with other features works without it: they are shown by their names.

let guide = { groups: [], features: {} };

/** Reads the guide; a missing or broken one costs the labels, nothing else. */
export async function readGuide() {
  try {
    const response = await fetch(new URL("features.json", document.baseURI));
    if (response.ok) guide = await response.json();
  } catch {
    // Offline, or not JSON: names will do.
  }
}

/** Label, unit, help and usual range of a feature, as far as they are known. */
export function about(name) {
  return { label: name, unit: "", help: "", ...guide.features[name] };
}

/** The features of a model in groups for reading, each with its place in the model's order. */
export function grouped(names) {
  const groups = guide.groups.map(({ name, prefix }) => ({
    name,
    features: names.map((feature, at) => ({ feature, at })).filter(({ feature }) => feature.startsWith(prefix)),
  }));
  const seen = new Set(groups.flatMap(({ features }) => features.map(({ at }) => at)));
  const rest = names.map((feature, at) => ({ feature, at })).filter(({ at }) => !seen.has(at));
  return [...groups, { name: seen.size === 0 ? "Features" : "Other features", features: rest }].filter(({ features }) => features.length > 0);
}
