// Numbers as people read them. The exact number is always shown beside a rounded one.

/** A probability as a percentage with the digits that matter: 0.0034 → "0.34 %", 0.62 → "62 %". */
export function percent(probability) {
  const value = probability * 100;
  if (value > 0 && value < 0.01) return "< 0.01 %";
  if (value < 100 && value > 99.99) return "> 99.99 %";
  const digits = value < 1 || value > 99 ? 2 : 1;
  return `${value.toFixed(digits).replace(/\.0+$/, "")} %`;
}

/** A change with its sign: "+0.83", "−1.20". */
export function signed(change) {
  const text = Math.abs(change).toFixed(Math.abs(change) < 0.01 && change !== 0 ? 4 : 2);
  return `${change < 0 ? "−" : "+"}${text}`;
}

/** A value of a feature, shortened for reading; "missing" for null. */
export function short(value) {
  if (value === null || value === undefined) return "missing";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });
}

/** Whether scores of this objective are probabilities. */
export function isProbability(model) {
  return model.outputs === 1 && ["binary:logistic", "reg:logistic"].includes(model.objective);
}
