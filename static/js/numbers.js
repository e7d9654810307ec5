// Numbers as people read them. The exact number is always shown beside a rounded one.

/** A probability as a percentage with the digits that matter: 0.0034 → "0.34 %", 0.62 → "62.0 %". */
export function percent(probability) {
  const value = probability * 100;
  if (value > 0 && value < 0.01) return "< 0.01 %";
  if (value < 100 && value > 99.99) return "> 99.99 %";
  const digits = value < 1 || value > 99 ? 2 : 1;
  return `${value.toFixed(digits)} %`;
}

/** A number with a typographic minus, as margins are written. */
export function plain(number) {
  return number.toFixed(2).replace("-", "−");
}

/** A change with its sign: "+0.83", "−1.20". */
export function signed(change) {
  return `${change < 0 ? "" : "+"}${plain(change)}`;
}

/** A value of a feature, shortened for reading; "missing" for null. */
export function short(value) {
  if (value === null || value === undefined) return "missing";
  return value.toLocaleString("en", { maximumSignificantDigits: Number.isInteger(value) ? 21 : 4 });
}

/** A count with its noun: "1 row", "1,200 rows". */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Whether scores of this model are probabilities. */
export function isProbability(model) {
  return model.outputs === 1 && ["binary:logistic", "reg:logistic"].includes(model.objective);
}

/** The probability of a margin in log-odds. */
export function probabilityOf(margin) {
  return 1 / (1 + Math.exp(-margin));
}
