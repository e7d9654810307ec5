// How far rows are from those of training: the population stability index, sum of (a − b) ln(a ÷ b) over the bins of training's
// histogram (Siddiqi, Credit Risk Scorecards, 2006). The worker uses it, so it knows nothing of the page.

/** @typedef {import("./card.js").Histogram} Histogram */
/** @typedef {{name: string, index: number}} FeatureDrift @typedef {{rows: number, features: FeatureDrift[]}} Drift the farthest first */

/** Rows below which chance alone looks like drift: with 24 bins it adds about 23 ÷ rows to an index. */
export const ENOUGH = 500;

/** Below the first an index means that rows are alike, above the second that they are far apart: the usual reading. */
const SOME = 0.1;
const MUCH = 0.25;

/** Shares below 1 in 10,000 count as that, so that an empty bin has a logarithm. */
const LEAST = 1e-4;

/** An index in a word. @returns {"stable" | "some" | "much"} */
export const reading = (index) => (index < SOME ? "stable" : index <= MUCH ? "some" : "much");

/**
 * The index of values against a histogram. Values beyond its edges count in the bins at its ends. Missing values, NaN, are a bin of
 * their own where the share of them in training is known, and are left out where it is not. NaN where there is nothing to compare.
 * @param {Histogram} histogram @param {ArrayLike<number>} values @param {number} [missingShare]
 */
export function stabilityIndex({ edges, counts }, values, missingShare) {
  const mine = new Array(counts.length).fill(0);
  let missing = 0;
  for (let at = 0; at < values.length; at += 1) {
    if (Number.isNaN(values[at])) missing += 1;
    else mine[Math.min(Math.max(edges.findLastIndex((edge) => values[at] >= edge), 0), counts.length - 1)] += 1;
  }
  const known = missingShare !== undefined;
  const all = counts.reduce((sum, one) => sum + one, 0);
  const seen = values.length - (known ? 0 : missing);
  if (seen === 0 || all === 0) return NaN;
  const bins = counts.map((one, bin) => [(one / all) * (1 - (missingShare ?? 0)), mine[bin] / seen]);
  if (known) bins.push([missingShare, missing / seen]);
  return bins.reduce((sum, shares) => {
    const [before, now] = shares.map((share) => Math.max(share, LEAST));
    return sum + (now - before) * Math.log(now / before);
  }, 0);
}
