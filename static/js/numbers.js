// Numbers as people read them. They are rounded in the last step only; all digits are a copy away.

/** Between a number and its unit, which stay on one line. */
export const NB = "\u00a0";

/** The digits of a probability as a percentage, without the sign: 0.0034 → "0.34", 0.62 → "62.0". */
export function perCent(probability) {
  const value = probability * 100;
  if (value > 0 && value < 0.01) return "< 0.01";
  if (value < 100 && value > 99.99) return "> 99.99";
  return value.toFixed(value < 0.995 || value > 99 ? 2 : 1);
}

/** A probability as a percentage: "0.34 %". */
export const percent = (probability) => `${perCent(probability)}${NB}%`;

/** A threshold as a percentage, with no more digits than it has: "20 %", "12.5 %". */
export const percentOf = (threshold) => `${Number((threshold * 100).toFixed(4))}${NB}%`;

/** A number with a typographic minus. */
export function plain(number, digits = 2) {
  const text = number.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text.replace("-", "−");
}

/** A change with its sign: "+0.83", "−1.20", "0.00". */
export function signed(change, digits = 2) {
  const text = plain(change, digits);
  return Number(change.toFixed(digits)) > 0 ? `+${text}` : text;
}

/** Points of a percentage with their sign, two digits where one would say nothing. */
export const points = (change) => signed(change * 100, Math.abs(change) < 0.000_95 ? 2 : 1);

/** A whole number in groups of three: "50,000". */
export const whole = (number) => Math.round(number).toLocaleString("en");

/** A count with its noun: "1 row", "1,200 rows". */
export const count = (number, one, many = `${one}s`) => `${whole(number)}${NB}${Math.round(number) === 1 ? one : many}`;

/** A number with the digits that matter for reading. */
export function short(value) {
  if (Number.isInteger(value)) return value.toLocaleString("en", { maximumFractionDigits: 0 }).replace("-", "−");
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toPrecision(3).replace("-", "−");
  return value.toLocaleString("en", size >= 100 ? { maximumFractionDigits: 0 } : size >= 1 ? { maximumFractionDigits: 1 } : { maximumSignificantDigits: 2 }).replace("-", "−");
}

/** A share as a percentage without needless digits: 0.2 → "20 %", 0.004 → "0.4 %". */
export const share = (value) => `${plain(value * 100, Math.abs(value) < 0.0995 && value !== 0 ? 1 : 0)}${NB}%`.replace(".0", "");

/** The probability of a margin in log-odds, and back. */
export const probabilityOf = (margin) => 1 / (1 + Math.exp(-margin));
export const marginOf = (probability) => Math.log(probability / (1 - probability));

/** Words in a row: "a", "a and b", "a, b and c". */
export const listed = (words) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);

/** A day, for reading. */
export const day = (time) => new Date(time).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

const UNITS = /** @type {[number, string][]} */ ([[86_400, "day"], [3_600, "hour"], [60, "minute"], [1, "second"]]);

/** A time from now, rounded up in its largest unit: "in 12 seconds", "in 2 hours". */
export function until(seconds) {
  const [size, unit] = UNITS.find(([size]) => seconds > size) ?? [1, "second"];
  return `in ${count(Math.ceil(seconds / size), unit)}`;
}
