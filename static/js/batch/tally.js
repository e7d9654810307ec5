// What follows from a threshold over many scores, found without going through them again: sorted once, then looked up.

/** Bins of the histogram of scores. */
export const BINS = 50;

/**
 * @typedef {object} Tally
 * @property {Uint32Array} order the rows that have a score, by score, ascending
 * @property {Float64Array} sorted the scores in that order
 * @property {Float64Array} sums the sum of the first n of them
 * @property {Uint32Array | null} bought how many of the first n were bought, if a label says so
 * @property {Uint32Array | null} told how many of the first n have a label
 * @property {{all: number[], bought: number[]}} bins
 */

/**
 * @param {Float64Array} scores NaN where there is none
 * @param {Int8Array | null} labels 1, 0, or −1 where there is none
 * @returns {Tally}
 */
export function tallyOf(scores, labels) {
  const at = [];
  for (let row = 0; row < scores.length; row += 1) if (!Number.isNaN(scores[row])) at.push(row);
  const order = Uint32Array.from(at).sort((one, two) => scores[one] - scores[two] || one - two);
  const sorted = Float64Array.from(order, (row) => scores[row]);
  const sums = new Float64Array(order.length + 1);
  const bought = labels ? new Uint32Array(order.length + 1) : null;
  const told = labels ? new Uint32Array(order.length + 1) : null;
  const bins = { all: new Array(BINS).fill(0), bought: new Array(BINS).fill(0) };
  for (let place = 0; place < order.length; place += 1) {
    const score = sorted[place];
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(score * BINS)));
    sums[place + 1] = sums[place] + score;
    bins.all[bin] += 1;
    if (!labels || !bought || !told) continue;
    const label = labels[order[place]];
    bought[place + 1] = bought[place] + (label === 1 ? 1 : 0);
    told[place + 1] = told[place] + (label >= 0 ? 1 : 0);
    if (label === 1) bins.bought[bin] += 1;
  }
  return { order, sorted, sums, bought, told, bins };
}

/** How many of the sorted scores are at or below the threshold, and so unlikely. */
function unlikelyIn(sorted, threshold) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] > threshold) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The figures of a threshold. With labels: of the likely rows that have one, how many were bought.
 * @param {Tally} tally
 */
export function figures({ sorted, sums, bought, told }, threshold) {
  const cut = unlikelyIn(sorted, threshold);
  const likely = sorted.length - cut;
  const expected = sums[sorted.length] - sums[cut];
  if (!bought || !told) return { likely, rows: sorted.length, expected, expectedAll: sums[sorted.length] };
  const [all, buyers] = [told[sorted.length], bought[sorted.length]];
  const hits = buyers - bought[cut];
  const contacted = all - told[cut];
  return { likely, rows: sorted.length, expected, expectedAll: sums[sorted.length], all, buyers, hits, contacted, missed: bought[cut], needless: contacted - hits };
}

/**
 * The threshold of least cost, among the scores themselves.
 * @param {Tally} tally @param {number} needless cost of contacting one who does not buy @param {number} missed cost of missing one who does
 */
export function cheapest({ sorted, bought, told }, needless, missed) {
  if (!bought || !told) return null;
  const end = sorted.length;
  let best = { threshold: 0, cost: Infinity };
  for (let cut = 0; cut <= end; cut += 1) {
    if (cut > 0 && cut < end && sorted[cut] === sorted[cut - 1]) continue;
    const hits = bought[end] - bought[cut];
    const cost = needless * (told[end] - told[cut] - hits) + missed * bought[cut];
    if (cost < best.cost) best = { threshold: cut === 0 ? 0 : cut === end ? 1 : between(sorted[cut - 1], sorted[cut]), cost };
  }
  return best;
}

/** The number of fewest digits that is at least `low` and below `high`. */
function between(low, high) {
  for (let digits = 2; digits < 17; digits += 1) {
    const number = Number((Math.ceil(low * 10 ** digits) / 10 ** digits).toFixed(digits));
    if (number >= low && number < high) return number;
  }
  return low;
}
