//! The one model that a pickled object holds, if what is around it leaves rows and scores as they are.

use super::machine::{Id, Object, Pickle};
use super::{BOOSTER, unfitted};
use crate::LoadError;
use crate::load::Budget;

pub(super) struct Found {
    pub(super) booster: Id,
    /// The scikit-learn wrapper directly around it.
    pub(super) wrapper: Option<Id>,
    /// The way there from the pickled object, in Python's words.
    pub(super) place: String,
}

pub(super) fn model(pickle: &Pickle, budget: &mut Budget) -> Result<Found, LoadError> {
    budget.charge_for::<bool>(pickle.len())?;
    let seen = vec![false; pickle.len()];
    let mut search = Search {
        pickle,
        budget,
        seen,
        steps: Vec::new(),
        pending: Vec::new(),
        models: Vec::new(),
        obstacle: None,
        unfitted: None,
    };
    search.run()?;
    search.result()
}

struct Search<'p, 'a, 'b> {
    pickle: &'p Pickle<'a>,
    budget: &'b mut Budget,
    /// Objects that were looked at.
    seen: Vec<bool>,
    /// Every object that was or will be looked at, with the step that led there.
    steps: Vec<Step>,
    /// Places in `steps`.
    pending: Vec<usize>,
    /// Boosters, and the wrappers around them, with their steps.
    models: Vec<(Id, Option<Id>, usize)>,
    /// The first thing found that may change rows or scores, and its step.
    obstacle: Option<(String, usize)>,
    /// A wrapper or search without a model.
    unfitted: Option<Id>,
}

struct Step {
    from: Option<usize>,
    label: Label,
    object: Id,
}

#[derive(Clone, Copy)]
enum Label {
    Root,
    Attribute(Id),
    Key(Id),
    Index(usize),
}

impl Search<'_, '_, '_> {
    fn run(&mut self) -> Result<(), LoadError> {
        self.go(None, Label::Root, self.pickle.root)?;
        while let Some(step) = self.pending.pop() {
            let id = self.steps[step].object;
            if !std::mem::replace(&mut self.seen[id], true) {
                self.look(step, id)?;
            }
        }
        Ok(())
    }

    fn go(&mut self, from: Option<usize>, label: Label, object: Id) -> Result<(), LoadError> {
        self.budget.charge_for::<(Step, usize)>(1)?;
        self.pending.push(self.steps.len());
        self.steps.push(Step { from, label, object });
        Ok(())
    }

    fn look(&mut self, step: usize, id: Id) -> Result<(), LoadError> {
        let pickle = self.pickle;
        match pickle.object(id) {
            Object::Sequence(items) => {
                for (index, &item) in items.iter().enumerate() {
                    self.go(Some(step), Label::Index(index), item)?;
                }
                Ok(())
            }
            Object::Dict(entries) => {
                for &(key, value) in entries {
                    self.go(Some(step), Label::Key(key), value)?;
                }
                Ok(())
            }
            Object::Call(_) => self.instance(step, id),
            _ => Ok(()),
        }
    }

    fn instance(&mut self, step: usize, id: Id) -> Result<(), LoadError> {
        let pickle = self.pickle;
        let (module, name) = pickle.class(id).unwrap_or_default();
        if let Some(booster) = pickle.attribute(id, BOOSTER) {
            if pickle.is_none(booster) {
                self.unfitted.get_or_insert(id);
            } else {
                self.models.push((booster, Some(id), step));
            }
            return Ok(());
        }
        if pickle.attribute(id, "handle").is_some() && (is_of(module, "xgboost") || name == "Booster") {
            self.models.push((id, None, step));
            return Ok(());
        }
        if is_of(module, "xgboost") {
            if name.starts_with("XGB") || name.starts_with("DaskXGB") {
                self.unfitted.get_or_insert(id);
            }
            return Ok(());
        }
        if name.ends_with("SearchCV") {
            if let Some(best) = pickle.attribute(id, "best_estimator_") {
                return self.attribute(step, id, "best_estimator_", best);
            }
            self.unfitted.get_or_insert(id);
            return Ok(());
        }
        if let Some(steps) = pickle.attribute(id, "steps")
            && name.ends_with("Pipeline")
        {
            return self.pipeline(step, steps);
        }
        if PASSIVE.contains(&name)
            || is_of(module, "sklearn.model_selection")
            || is_of(module, "sklearn.metrics")
        {
            return Ok(());
        }
        let fitted = ["n_features_in_", "feature_names_in_", "classes_"];
        let library =
            ESTIMATORS.iter().any(|library| is_of(module, library)) && !is_of(module, "sklearn.utils");
        if library || fitted.iter().any(|name| pickle.attribute(id, name).is_some()) {
            self.obstacle.get_or_insert((format!("a {module}.{name}"), step));
        }
        self.inside(step, id)
    }

    /// Everything an instance holds: its arguments, state and items.
    fn inside(&mut self, step: usize, id: Id) -> Result<(), LoadError> {
        let Some(call) = self.pickle.call(id) else { return Ok(()) };
        for (index, &item) in self.pickle.items(call.args).iter().chain(&call.items).enumerate() {
            self.go(Some(step), Label::Index(index), item)?;
        }
        for &(key, value) in &call.entries {
            self.go(Some(step), Label::Key(key), value)?;
        }
        let Some(state) = call.state else { return Ok(()) };
        let halves = self.pickle.items(state).iter().copied();
        for state in std::iter::once(state).chain(halves) {
            match self.pickle.object(state) {
                Object::Dict(entries) => {
                    for &(key, value) in entries {
                        self.go(Some(step), Label::Attribute(key), value)?;
                    }
                }
                // An array of objects keeps them in a list there.
                Object::Sequence(_) if state != call.args => self.go(Some(step), Label::Index(0), state)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn attribute(&mut self, step: usize, id: Id, name: &str, value: Id) -> Result<(), LoadError> {
        let state = self.pickle.call(id).and_then(|call| call.state);
        let key = state.and_then(|state| match self.pickle.object(state) {
            Object::Dict(entries) => {
                entries.iter().find(|(key, _)| self.pickle.text(*key) == Some(name)).map(|(key, _)| *key)
            }
            _ => None,
        });
        self.go(Some(step), key.map_or(Label::Root, Label::Attribute), value)
    }

    /// Steps `[(name, estimator), …]`: the last is the model, those before transform the rows.
    fn pipeline(&mut self, step: usize, steps: Id) -> Result<(), LoadError> {
        let pickle = self.pickle;
        let steps: Vec<(Id, Id)> = pickle
            .items(steps)
            .iter()
            .filter_map(|&pair| match pickle.items(pair) {
                &[name, estimator] => Some((name, estimator)),
                _ => None,
            })
            .collect();
        let Some((&(name, last), before)) = steps.split_last() else { return Ok(()) };
        for &(name, estimator) in before {
            let passes = pickle.is_none(estimator) || pickle.text(estimator) == Some("passthrough");
            if !passes && self.obstacle.is_none() {
                let name = pickle.text(name).unwrap_or_default();
                let what = format!("the step {name:?} ({})", pickle.class_name(estimator));
                self.obstacle = Some((what, step));
            }
        }
        self.go(Some(step), Label::Key(name), last)
    }

    fn result(self) -> Result<Found, LoadError> {
        let Some(&(booster, wrapper, step)) = self.models.first() else {
            return Err(self.nothing());
        };
        if let Some((what, at)) = &self.obstacle {
            let place = self.place(*at);
            let place = if place.is_empty() { String::new() } else { format!(" at {place}") };
            return Err(LoadError::Unsupported(format!(
                "the pickle holds {what}{place} beside the model, which may transform the rows or the scores: only \
                 the model itself can be evaluated; save that with `save_model`"
            )));
        }
        if let Some(&(_, _, other)) = self.models.iter().find(|(other, _, _)| *other != booster) {
            return Err(LoadError::Unsupported(format!(
                "the pickle holds several models, as at {} and {}; save the one to use with `save_model`",
                self.place(other),
                self.place(step)
            )));
        }
        // The same Booster bare and in its wrapper: the wrapper knows more.
        let (wrapper, step) = self
            .models
            .iter()
            .find(|model| model.1.is_some())
            .map_or((wrapper, step), |model| (model.1, model.2));
        Ok(Found { booster, wrapper, place: self.place(step) })
    }

    fn nothing(&self) -> LoadError {
        let (pickle, root) = (self.pickle, self.pickle.root);
        if let Some(id) = self.unfitted {
            return unfitted(&pickle.class_name(id));
        }
        LoadError::NotAModel(match pickle.class(root) {
            Some((module, name)) => {
                format!(
                    "this pickle holds a {module}.{name}, and no XGBoost Booster or sklearn wrapper in it"
                )
            }
            None => format!("this pickle holds {}, not a Booster", pickle.describe(root)),
        })
    }

    /// The way to a step, as Python would write it: `["model"].best_estimator_`.
    fn place(&self, step: usize) -> String {
        const LONGEST: usize = 12;
        let mut labels = Vec::new();
        let mut at = Some(step);
        while let Some(step) = at {
            if labels.len() == LONGEST {
                labels.push("…".to_owned());
                break;
            }
            let name = |id: Id| self.pickle.text(id).unwrap_or("?");
            match self.steps[step].label {
                Label::Root => {}
                Label::Attribute(key) => labels.push(format!(".{}", name(key))),
                Label::Key(key) => labels.push(match self.pickle.object(key) {
                    Object::Int(number) => format!("[{number}]"),
                    _ => format!("[{:?}]", name(key)),
                }),
                Label::Index(index) => labels.push(format!("[{index}]")),
            }
            at = self.steps[step].from;
        }
        labels.reverse();
        labels.concat().trim_start_matches('.').to_owned()
    }
}

/// Whether a module is this package or within it.
fn is_of(module: &str, package: &str) -> bool {
    module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Libraries whose objects transform rows, or combine or change scores.
const ESTIMATORS: [&str; 9] = [
    "sklearn",
    "imblearn",
    "category_encoders",
    "feature_engine",
    "sklearn_pandas",
    "mlxtend",
    "catboost",
    "lightgbm",
    "skopt",
];

/// Objects of such libraries that know about labels, not rows.
const PASSIVE: [&str; 4] = ["LabelEncoder", "LabelBinarizer", "MultiLabelBinarizer", "XGBoostLabelEncoder"];
