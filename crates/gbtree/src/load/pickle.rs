//! Pickled `Booster` and sklearn wrappers: finds the model's bytes, executes nothing.

mod machine;

use std::borrow::Cow;

use super::budget::Budget;
use crate::{Format, LoadError};
use machine::{Id, Object, Pickle};

/// A protocol header, or the first opcodes of protocols 0 and 1 for an object.
pub(super) fn announces(bytes: &[u8]) -> bool {
    match bytes {
        [0x80, 2..=5, ..] => true,
        [b'c', ..] => bytes.starts_with(b"ccopy_reg\n_reconstructor\n"),
        [b'(', ..] => bytes.starts_with(b"(i") || bytes.starts_with(b"(d") || bytes.starts_with(b"(l"),
        _ => false,
    }
}

/// The model inside a pickle, and what the Python object knew beside it.
#[derive(Debug)]
pub(super) struct Unpickled<'a> {
    pub(super) model: Cow<'a, [u8]>,
    /// Up to 1.3 the names live in the Python object only.
    pub(super) feature_names: Vec<String>,
    pub(super) feature_types: Vec<String>,
}

pub(super) fn read<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<Unpickled<'a>, LoadError> {
    let pickle = machine::run(bytes, budget)?;
    let root = pickle.root;
    let (module, name) = pickle.class(root).ok_or_else(|| {
        LoadError::NotAModel(format!("this pickle holds {}, not a Booster", pickle.describe(root)))
    })?;
    if module != "xgboost" && !module.starts_with("xgboost.") {
        return Err(LoadError::NotAModel(format!(
            "this pickle holds a {module}.{name}; only an XGBoost Booster or sklearn wrapper is read"
        )));
    }
    let field = |object: Id, key: &str| pickle.state(object).and_then(|state| pickle.field(state, key));
    // A wrapper holds its Booster, or (up to 0.9) the Booster's bytes.
    let booster = match field(root, "_Booster") {
        Some(id) if pickle.is_none(id) => {
            return Err(LoadError::NotAModel(format!("the pickled {module}.{name} was never fitted")));
        }
        Some(id) => id,
        None => root,
    };
    let handle = field(booster, "handle").unwrap_or(booster);
    let Some(model) = pickle.bytes(handle, budget)? else {
        return Err(LoadError::Malformed {
            format: Format::Pickle,
            at: format!("{module}.{name}"),
            what: "it has no `handle` with the model's bytes".to_owned(),
        });
    };
    let strings = |key| field(booster, key).map_or_else(Vec::new, |list| pickle.strings(list));
    Ok(Unpickled { model, feature_names: strings("feature_names"), feature_types: strings("feature_types") })
}

impl<'a> Pickle<'a> {
    fn global(&self, id: Id) -> Option<(&str, &str)> {
        match self.object(id) {
            Object::Global { module, name } => Some((module.as_ref(), name.as_ref())),
            _ => None,
        }
    }

    fn items(&self, id: Id) -> &[Id] {
        match self.object(id) {
            Object::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The class of an instance, through `copyreg` where the protocol goes that way.
    fn class(&self, id: Id) -> Option<(&str, &str)> {
        let Object::Call { callable, args, .. } = self.object(id) else { return None };
        match self.global(*callable)? {
            ("copy_reg" | "copyreg", _) => self.global(*self.items(*args).first()?),
            class => Some(class),
        }
    }

    fn state(&self, id: Id) -> Option<Id> {
        match self.object(id) {
            Object::Call { state, .. } => *state,
            _ => None,
        }
    }

    /// The value of a dictionary's key; the last one counts.
    fn field(&self, dict: Id, name: &str) -> Option<Id> {
        let Object::Dict(entries) = self.object(dict) else { return None };
        let is_name = |key: Id| match self.object(key) {
            Object::Text(text) => text == name,
            Object::Bytes(raw) => raw.as_ref() == name.as_bytes(),
            _ => false,
        };
        entries.iter().rev().find(|(key, _)| is_name(*key)).map(|(_, value)| *value)
    }

    fn is_none(&self, id: Id) -> bool {
        matches!(self.object(id), Object::None)
    }

    fn strings(&self, list: Id) -> Vec<String> {
        let text = |&id: &Id| match self.object(id) {
            Object::Text(text) => Some(text.to_string()),
            Object::Bytes(raw) => std::str::from_utf8(raw).ok().map(str::to_owned),
            _ => None,
        };
        self.items(list).iter().map(text).collect::<Option<_>>().unwrap_or_default()
    }

    /// `bytes` or `bytearray`, in the spellings of all protocols: the older ones go through Latin-1 text.
    fn bytes(&self, id: Id, budget: &mut Budget) -> Result<Option<Cow<'a, [u8]>>, LoadError> {
        let mut at = id;
        for _ in 0..3 {
            match self.object(at) {
                Object::Bytes(raw) => return Ok(Some(raw.clone())),
                Object::Text(text) => {
                    budget.charge(text.len())?;
                    let bytes = text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
                    return Ok(Option::<Vec<u8>>::map(bytes, Cow::Owned));
                }
                Object::Call { callable, args, .. } => {
                    let known = matches!(
                        self.global(*callable),
                        Some(("builtins" | "__builtin__", "bytearray" | "bytes") | ("_codecs", "encode"))
                    );
                    match self.items(*args).first() {
                        Some(inner) if known => at = *inner,
                        _ => return Ok(None),
                    }
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn describe(&self, id: Id) -> &'static str {
        match self.object(id) {
            Object::None => "None",
            Object::Text(_) => "a string",
            Object::Bytes(_) => "bytes",
            Object::Sequence(_) => "a list or tuple",
            Object::Dict(_) => "a dictionary",
            Object::Global { .. } => "a function or class",
            Object::Call { .. } => "an object of unknown class",
            Object::Other => "a plain value",
        }
    }
}
