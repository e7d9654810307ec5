// The model's card: what its training data looked like. The service gives it in `/model`; every part of it may be absent.

import { about, shown } from "../guide.js";
import { percent } from "../numbers.js";

/**
 * @typedef {{value: number, low?: number, high?: number}} Metric
 * @typedef {{edges: number[], counts: number[]}} Histogram
 * @typedef {object} FeatureCard
 * @property {string} name
 * @property {Object<string, number>} [quantiles] @property {number} [missing_share]
 * @property {boolean} [whole] @property {number} [direction] @property {Histogram} [histogram]
 * @typedef {object} Card
 * @property {string} [trained_at]
 * @property {{source?: string, fingerprint?: string, rows?: number, customers?: number, positive_share?: number}} [data]
 * @property {Object<string, string>} [software]
 * @property {{value: number, reason?: string, false_positive_cost?: number, false_negative_cost?: number}} [threshold]
 * @property {Object<string, Metric>} [metrics]
 * @property {{predicted: number, observed: number, rows: number}[]} [calibration]
 * @property {Histogram} [scores]
 * @property {FeatureCard[]} [features]
 */

/**
 * What the card says of a feature, if anything.
 * @param {Card | undefined} card
 * @returns {FeatureCard | undefined}
 */
export const trained = (card, name) => card?.features?.find((feature) => feature.name === name);

/** The quantiles of a feature as [share, value] pairs in order. */
const quantiles = (feature) =>
  Object.entries(feature?.quantiles ?? {}).map(([share, value]) => [Number(share), value]).sort(([left], [right]) => left - right);

/** A quantile of a feature, if the card has it. */
const quantile = (feature, share) => feature?.quantiles?.[String(share)];

/**
 * A note on a value that training saw rarely or never: short for a badge, and a sentence. Null for a usual value.
 * @param {Card | undefined} card
 * @returns {{short: string, long: string, never: boolean} | null}
 */
export function unusual(card, name, value) {
  const feature = trained(card, name);
  if (!feature || value === null) return null;
  const known = quantiles(feature);
  const [least, most] = [quantile(feature, 0), quantile(feature, 1)];
  const of = shown(name, value);
  if (least !== undefined && value < least) return { never: true, short: "below all of training", long: `${of} is below anything in the training data, which starts at ${shown(name, least)}.` };
  if (most !== undefined && value > most) return { never: true, short: "above all of training", long: `${of} is above anything in the training data, which ends at ${shown(name, most)}.` };
  const above = known.filter(([share, edge]) => share >= 0.99 && share < 1 && value > edge).at(-1);
  if (above) return { never: false, short: `above ${percent0(above[0])} of training`, long: `${of} is above ${percent0(above[0])} of the training data.` };
  const below = known.find(([share, edge]) => share <= 0.01 && share > 0 && value < edge);
  if (below) return { never: false, short: `below ${percent0(1 - below[0])} of training`, long: `${of} is below ${percent0(1 - below[0])} of the training data.` };
  if (feature.whole && !Number.isInteger(value)) return { never: true, short: "not a whole number", long: `${of} is not a whole number, unlike every value in the training data.` };
  return null;
}

const percent0 = (share) => percent(share).replace(/\.\d+/, "");

/**
 * The range of values worth drawing for a feature: what training saw but for the rarest, and always `present`.
 * @returns {[number, number]}
 */
export function usualRange(card, name, present, [least, most]) {
  const feature = trained(card, name);
  const edges = feature?.histogram?.edges;
  const { as } = about(name);
  const half = feature?.whole && edges && edges[1] - edges[0] === 1 ? 0.5 : 0;
  let low = quantile(feature, 0.01) ?? (edges ? edges[0] + half : undefined);
  let high = quantile(feature, 0.99) ?? (edges ? edges[edges.length - 1] - half : undefined);
  if (low === undefined || high === undefined) {
    [low, high] = as === "share" ? [0, 1] : present === null || present === 0 ? [0, 10] : present < 0 ? [present * 3, 0] : [0, Math.ceil(present * 3)];
  }
  if (present !== null) [low, high] = [Math.min(low, present), Math.max(high, present)];
  return [Math.max(low, least), Math.min(high, most)];
}
