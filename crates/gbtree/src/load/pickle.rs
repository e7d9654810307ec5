//! Pickles: finds the one model inside and its bytes, executes nothing.

mod machine;
mod object;
mod search;

use std::borrow::Cow;

use super::budget::Budget;
use crate::{Format, LoadError, Wrapper};
use machine::{Id, Pickle};

/// A protocol header. Protocols 0 and 1 have none: there, the first opcode of what holds other things, and somewhere the
/// one way in which they make an instance.
pub(super) fn announces(bytes: &[u8]) -> bool {
    const INSTANCE: [&[u8]; 2] = [b"ccopy_reg\n_reconstructor\n", b"ccopyreg\n_reconstructor\n"];
    match bytes {
        [0x80, 2..=5, ..] | [b'(', b'i' | b'd' | b'l', ..] => true,
        [b'(' | b']' | b'}' | b'c', ..] => INSTANCE.iter().any(|call| contains(bytes, call)),
        _ => false,
    }
}

fn contains(bytes: &[u8], call: &[u8]) -> bool {
    bytes.windows(call.len()).any(|window| window == call)
}

/// The model inside a pickle, and what the Python objects around it knew.
#[derive(Debug)]
pub(super) struct Unpickled<'a> {
    pub(super) model: Cow<'a, [u8]>,
    /// Up to 1.3 the names live in the Python object only.
    pub(super) feature_names: Vec<String>,
    pub(super) feature_types: Vec<String>,
    /// The wrapper's `num_parallel_tree`; before 1.6 the model does not say.
    pub(super) parallel_trees: Option<usize>,
    pub(super) wrapper: Option<Wrapper>,
}

pub(super) fn read<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<Unpickled<'a>, LoadError> {
    let pickle = machine::run(bytes, budget)?;
    let found = search::model(&pickle, budget)?;
    let booster = found.booster;
    let handle = pickle.attribute(booster, "handle").unwrap_or(booster);
    let Some(model) = pickle.bytes(handle, budget)? else {
        return Err(LoadError::Malformed {
            format: Format::Pickle,
            at: pickle.class_name(booster),
            what: "it has no `handle` with the model's bytes".to_owned(),
        });
    };
    let strings = |key| pickle.attribute(booster, key).map_or_else(Vec::new, |list| pickle.strings(list));
    let setting = |name: &str| found.wrapper.and_then(|wrapper| pickle.attribute(wrapper, name));
    let count = |name: &str| {
        let count = pickle.number(setting(name)?)?;
        let whole = (0.0..4_294_967_296.0).contains(&count) && count.fract() == 0.0;
        #[expect(clippy::cast_sign_loss, reason = "checked to be in 0..2^32")]
        whole.then_some(count as usize)
    };
    let outermost = found.wrapper.unwrap_or(booster);
    let place = found.place;
    let wrapper = (found.wrapper.is_some() || !place.is_empty()).then(|| Wrapper {
        class: pickle.class_name(outermost),
        place,
        missing: setting("missing")
            .and_then(|missing| pickle.number(missing))
            .map(|missing| missing as f32)
            .filter(|missing| !missing.is_nan()),
        best_iteration: count("best_iteration"),
    });
    Ok(Unpickled {
        model,
        feature_names: strings("feature_names"),
        feature_types: strings("feature_types"),
        parallel_trees: count("num_parallel_tree").filter(|&count| count > 0),
        wrapper,
    })
}

/// The model of a wrapper found at [`Wrapper::place`] stands under this attribute.
const BOOSTER: &str = "_Booster";

fn unfitted(class: &str) -> LoadError {
    LoadError::NotAModel(format!("the pickled {class} was never fitted"))
}

impl Pickle<'_> {
    /// The class of an instance, for messages.
    fn class_name(&self, id: Id) -> String {
        match self.class(id) {
            Some((module, name)) => format!("{module}.{name}"),
            None => self.describe(id).to_owned(),
        }
    }
}
