//! What is asked of the objects of a pickle.

use std::borrow::Cow;

use super::machine::{Call, Id, Object, Pickle};
use crate::LoadError;
use crate::load::Budget;

impl<'a> Pickle<'a> {
    /// A class or function by its module and name. dill takes Python's own types by name alone.
    pub(super) fn global(&self, id: Id) -> Option<(&str, &str)> {
        match self.object(id) {
            Object::Global { module, name } => Some((module.as_ref(), name.as_ref())),
            Object::Call(call) => match self.object(call.callable) {
                Object::Global { module, name } if module == "dill._dill" && name == "_load_type" => {
                    Some(("builtins", self.text(*self.items(call.args).first()?)?))
                }
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn items(&self, id: Id) -> &[Id] {
        match self.object(id) {
            Object::Sequence(items) => items,
            _ => &[],
        }
    }

    pub(super) fn call(&self, id: Id) -> Option<&Call> {
        match self.object(id) {
            Object::Call(call) => Some(call),
            _ => None,
        }
    }

    /// The class of an instance: through `copyreg` where the protocol goes that way; for a class that the pickle
    /// itself defines (dill and cloudpickle write those of a script so) its name, in the script's module.
    pub(super) fn class(&self, id: Id) -> Option<(&str, &str)> {
        let call = self.call(id)?;
        let class = match self.global(call.callable) {
            Some(("copy_reg" | "copyreg", _)) => *self.items(call.args).first()?,
            _ => call.callable,
        };
        self.global(class).or_else(|| {
            let made = self.call(class)?;
            let name = self.items(made.args).iter().find_map(|&arg| self.text(arg))?;
            Some(("__main__", name))
        })
    }

    /// An instance's attribute; state may come as a pair of dictionaries, the second for slots.
    pub(super) fn attribute(&self, id: Id, name: &str) -> Option<Id> {
        let state = self.call(id)?.state?;
        let halves = self.items(state).iter().copied();
        std::iter::once(state).chain(halves).find_map(|dict| self.field(dict, name))
    }

    /// The value of a dictionary's key; the last one counts.
    fn field(&self, dict: Id, name: &str) -> Option<Id> {
        let Object::Dict(entries) = self.object(dict) else { return None };
        entries.iter().rev().find(|(key, _)| self.text(*key) == Some(name)).map(|(_, value)| *value)
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.object(id) {
            Object::Text(text) => Some(text),
            Object::Bytes(raw) => std::str::from_utf8(raw).ok(),
            _ => None,
        }
    }

    pub(super) fn is_none(&self, id: Id) -> bool {
        matches!(self.object(id), Object::None)
    }

    pub(super) fn strings(&self, list: Id) -> Vec<String> {
        let text = |&id: &Id| self.text(id).map(str::to_owned);
        self.items(list).iter().map(text).collect::<Option<_>>().unwrap_or_default()
    }

    /// A Python number, or a numpy scalar: `scalar(dtype(code), little-endian bytes)`.
    pub(super) fn number(&self, id: Id) -> Option<f64> {
        match self.object(id) {
            Object::Int(int) => Some(*int as f64),
            Object::Float(float) => Some(*float),
            Object::Call(call) => {
                let (_, "scalar") = self.global(call.callable)? else { return None };
                let &[dtype, raw] = self.items(call.args) else { return None };
                let code = self.text(*self.items(self.call(dtype)?.args).first()?)?;
                let mut letters = Vec::new();
                let raw = match self.object(self.behind(raw)) {
                    Object::Bytes(raw) => raw.as_ref(),
                    Object::Text(text) if text.len() <= 16 => {
                        letters.extend(latin_1(text)?);
                        &letters
                    }
                    _ => return None,
                };
                match code {
                    "f8" => Some(f64::from_le_bytes(raw.try_into().ok()?)),
                    "f4" => Some(f64::from(f32::from_le_bytes(raw.try_into().ok()?))),
                    "i8" => Some(i64::from_le_bytes(raw.try_into().ok()?) as f64),
                    "i4" => Some(f64::from(i32::from_le_bytes(raw.try_into().ok()?))),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `bytes` or `bytearray`, in the spellings of all protocols.
    pub(super) fn bytes(&self, id: Id, budget: &mut Budget) -> Result<Option<Cow<'a, [u8]>>, LoadError> {
        match self.object(self.behind(id)) {
            Object::Bytes(raw) => {
                if let Cow::Owned(raw) = raw {
                    budget.charge(raw.len())?;
                }
                Ok(Some(raw.clone()))
            }
            Object::Text(text) => {
                budget.charge(text.len())?;
                Ok(latin_1(text).map(Cow::Owned))
            }
            _ => Ok(None),
        }
    }

    /// What the calls turn into bytes by which protocols 0 to 2 write them: bytes themselves, or text in Latin-1.
    fn behind(&self, id: Id) -> Id {
        let inner = |id| {
            let call = self.call(id)?;
            match self.global(call.callable)? {
                ("builtins" | "__builtin__", "bytearray" | "bytes") | ("_codecs", "encode") => {
                    self.items(call.args).first().copied()
                }
                _ => None,
            }
        };
        std::iter::successors(Some(id), |&id| inner(id)).take(3).last().unwrap_or(id)
    }

    pub(super) fn describe(&self, id: Id) -> &'static str {
        match self.object(id) {
            Object::None => "None",
            Object::Text(_) => "a string",
            Object::Bytes(_) => "bytes",
            Object::Sequence(_) => "a list or tuple",
            Object::Dict(_) => "a dictionary",
            Object::Global { .. } => "a function or class",
            Object::Call(_) => "an object of unknown class",
            Object::Int(_) | Object::Float(_) | Object::Other => "a plain value",
        }
    }
}

fn latin_1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect()
}
