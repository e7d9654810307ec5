//! A model's card in plain words. Every part is optional, and unexpected parts are left out.

use serde_json::Value;

use super::facts::Lines;

/// Describes the threshold and the card.
pub(super) fn describe(threshold: Option<f64>, card: Option<&Value>, lines: &mut Lines) {
    let none = Value::Null;
    let card = card.unwrap_or(&none);
    let reason = card["threshold"]["reason"].as_str().unwrap_or_default();
    if let Some(threshold) = threshold.or(card["threshold"]["value"].as_f64()) {
        let colon = if reason.is_empty() { "" } else { ": " };
        lines.say("threshold", format_args!("{threshold}{colon}{reason}"));
    }
    if let Some(trained_at) = card["trained_at"].as_str() {
        lines.say("trained", trained_at);
    }
    let data = &card["data"];
    let facts = [
        data["source"].as_str().map(str::to_owned),
        data["rows"].as_u64().map(|rows| format!("{rows} rows")),
        data["customers"].as_u64().map(|customers| format!("{customers} customers")),
        data["positive_share"].as_f64().map(|share| format!("{:.1} % bought again", share * 100.0)),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    if !facts.is_empty() {
        lines.say("trained on", facts.join(", "));
    }
    if let Some(fingerprint) = data["fingerprint"].as_str() {
        lines.say("data", fingerprint);
    }
    if let Some(software) = card["software"].as_object() {
        let versions =
            software.iter().filter_map(|(name, version)| Some(format!("{name} {}", version.as_str()?)));
        lines.say("trained with", versions.collect::<Vec<_>>().join(", "));
    }
    for (name, metric) in card["metrics"].as_object().into_iter().flatten() {
        let Some(value) = metric["value"].as_f64() else { continue };
        let name = name.replace('_', " ");
        match (metric["low"].as_f64(), metric["high"].as_f64()) {
            (Some(low), Some(high)) => {
                lines.say("metric", format_args!("{name} {value:.4} (95 % interval {low:.4} to {high:.4})"));
            }
            _ => lines.say("metric", format_args!("{name} {value:.4}")),
        }
    }
    for feature in card["features"].as_array().into_iter().flatten() {
        let quantile = |at: &str| feature["quantiles"][at].as_f64();
        let (Some(name), Some(low), Some(median), Some(high)) =
            (feature["name"].as_str(), quantile("0.01"), quantile("0.5"), quantile("0.99"))
        else {
            continue;
        };
        let direction = match feature["direction"].as_i64() {
            Some(1) => "; raises the score",
            Some(-1) => "; lowers the score",
            _ => "",
        };
        lines.say("seen", format_args!("{name}: {low} to {high}, median {median}{direction}"));
    }
}
