//! What a model file contains, for people and for programs.

use std::fmt::{Display, Write};

use gbtree::Model;
use serde::Serialize;
use serde_json::Value;

use super::card;
use crate::model::card::{CARD, THRESHOLD, parse_threshold};
use crate::model::{ModelCard, model_version};

/// Categories of a feature that are listed for people.
const LISTED: usize = 8;

/// Member names are those of the JSON document.
#[derive(Serialize)]
pub(super) struct Facts {
    file: String,
    size: usize,
    sha256: String,
    format: String,
    /// The XGBoost release; null if the file does not record it.
    saved_by: Option<String>,
    wrapper: Option<Wrapper>,
    booster: String,
    objective: String,
    trees: usize,
    iterations: usize,
    best_iteration: Option<usize>,
    outputs: usize,
    members: usize,
    features: Vec<Feature>,
    /// `imba.threshold`, where it is a number.
    threshold: Option<f64>,
    /// `imba.card`, where it is a card.
    card: Option<Value>,
    /// The others, and those two where they are not what they should be.
    attributes: Vec<(String, String)>,
}

/// The Python object that the model was stored in.
#[derive(Serialize)]
struct Wrapper {
    class: String,
    place: String,
    missing: Option<f32>,
    best_iteration: Option<usize>,
}

#[derive(Serialize)]
struct Feature {
    name: Option<String>,
    r#type: Option<String>,
    /// In the order of their codes; null where the file gives no name.
    categories: Option<Vec<Option<String>>>,
}

impl Facts {
    pub(super) fn of(file: &str, bytes: &[u8], model: &Model) -> Self {
        let threshold = model.attribute(THRESHOLD).and_then(|text| parse_threshold(text).ok());
        let card = model.attribute(CARD).and_then(|text| ModelCard::parse(text).ok());
        let card: Option<Value> = card.and_then(|card| serde_json::from_str(card.json().get()).ok());
        let is_shown =
            |name: &str| (name == THRESHOLD && threshold.is_some()) || (name == CARD && card.is_some());
        let attributes = model.attributes().iter().filter(|(name, _)| !is_shown(name)).cloned().collect();
        let feature = |at| Feature {
            name: model.feature_names().get(at).cloned(),
            r#type: model.feature_types().get(at).cloned(),
            categories: model
                .categories(at)
                .map(|known| known.names().map(|name| name.map(std::borrow::Cow::into_owned)).collect()),
        };
        let is_described =
            model.has_categories() || !model.feature_names().is_empty() || !model.feature_types().is_empty();
        let described = if is_described { model.num_features() } else { 0 };
        let features =
            (0..described).map(feature).chain((described..model.num_features()).map(|_| Feature {
                name: None,
                r#type: None,
                categories: None,
            }));
        Self {
            file: file.to_owned(),
            size: bytes.len(),
            sha256: model_version(bytes),
            format: model.format().to_string(),
            saved_by: model.version().map(|version| version.to_string()),
            wrapper: model.wrapper().map(|wrapper| Wrapper {
                class: wrapper.class.clone(),
                place: wrapper.place.clone(),
                missing: wrapper.missing,
                best_iteration: wrapper.best_iteration,
            }),
            booster: model.booster().to_string(),
            objective: model.objective().to_owned(),
            trees: model.num_trees(),
            iterations: model.num_iterations(),
            best_iteration: model.best_iteration(),
            outputs: model.num_outputs(),
            members: model.num_members(),
            features: features.collect(),
            threshold,
            card,
            attributes,
        }
    }

    pub(super) fn text(&self) -> String {
        let mut lines = Lines::default();
        lines.say("file", &self.file);
        lines.say("size", format_args!("{} bytes", self.size));
        lines.say("sha256", &self.sha256);
        lines.say("format", &self.format);
        match &self.saved_by {
            Some(version) => lines.say("saved by", format_args!("XGBoost {version}")),
            None => lines.say("saved by", "an XGBoost release that does not record its version"),
        }
        if let Some(wrapper) = &self.wrapper {
            wrapper.describe(&mut lines);
        }
        if self.members > 1 {
            lines.say("members", format_args!("{}, their scores combined", self.members));
        }
        lines.say("booster", &self.booster);
        lines.say("objective", &self.objective);
        lines.say("trees", self.trees);
        lines.say("iterations", self.iterations);
        self.describe_best_iteration(&mut lines);
        lines.say("outputs", self.outputs);
        lines.say("features", self.features.len());
        for (at, feature) in self.features.iter().enumerate().filter(|(_, feature)| feature.is_told()) {
            lines.say("", format_args!("{at:>4} {}", feature.describe()));
        }
        card::describe(self.threshold, self.card.as_ref(), &mut lines);
        for (name, value) in &self.attributes {
            lines.say("attribute", format_args!("{name} = {value}"));
        }
        lines.0
    }

    fn describe_best_iteration(&self, lines: &mut Lines) {
        let Some(best) = self.best_iteration else { return };
        let end = best + 1;
        if self.wrapper.as_ref().is_some_and(|wrapper| wrapper.best_iteration.is_some()) {
            lines.say(
                "best iteration",
                format_args!("{best}: scores use iterations 0..{end}, as the wrapper's predict does (--iterations 0..{} uses all)", self.iterations),
            );
        } else {
            lines.say(
                "best iteration",
                format_args!(
                    "{best} (scores use all, as Booster.predict does; --iterations 0..{end} stops there)"
                ),
            );
        }
    }
}

impl Wrapper {
    fn describe(&self, lines: &mut Lines) {
        match self.place.as_str() {
            "" => lines.say("stored as", &self.class),
            place => lines.say("stored as", format_args!("{} in {place}", self.class)),
        }
        if let Some(missing) = self.missing {
            lines.say("missing", format_args!("{missing} counts as missing, as NaN does"));
        }
    }
}

impl Feature {
    fn is_told(&self) -> bool {
        self.name.is_some() || self.r#type.is_some() || self.categories.is_some()
    }

    fn describe(&self) -> String {
        let mut words: Vec<String> = self.name.iter().chain(&self.r#type).cloned().collect();
        match &self.categories {
            Some(known) => {
                let listed = known.iter().take(LISTED).map(|name| name.as_deref().unwrap_or("?"));
                let more = if known.len() > LISTED { ", …" } else { "" };
                let listed: Vec<&str> = listed.collect();
                words.push(format!(
                    "{} categories, by value under a header, otherwise by code from 0: {}{more}",
                    known.len(),
                    listed.join(", ")
                ));
            }
            None if self.r#type.as_deref() == Some("c") => words.push("categories by code".to_owned()),
            None => {}
        }
        words.join(" ")
    }
}

/// Lines, each of a label and its value.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    pub(super) fn say(&mut self, label: &str, what: impl Display) {
        let line = format!("{label:<15} {what}");
        writeln!(self.0, "{}", line.trim_end()).expect("writing to a String does not fail: this is a bug");
    }
}
