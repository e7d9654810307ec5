//! The document tree both text formats decode to, and typed access that knows where it stands.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::budget::Budget;
use crate::{Format, LoadError};

/// A decoded JSON or UBJSON value. Arrays of numbers stay packed.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f32),
    Str(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    /// A typed UBJSON array: the elements' big-endian bytes as they stand in the file.
    Packed(Packed, &'a [u8]),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
    /// The elements of an array under [`DEFERRED`], not parsed yet: a file of many trees would take several times its
    /// size if they all were at once.
    Deferred(Vec<Deferred<'a>>),
}

/// The key of arrays that are parsed element by element, when they are used.
pub(crate) const DEFERRED: &str = "trees";

/// An element as it stands in the file, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deferred<'a> {
    pub(crate) at: usize,
    pub(crate) bytes: &'a [u8],
}

/// Element types of typed UBJSON arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    I8,
    U8,
    I16,
    I32,
    I64,
    F32,
    F64,
}

impl Packed {
    pub(crate) fn width(self) -> usize {
        // A table rather than branches: the kinds of a tree's arrays follow each other like dice.
        const WIDTHS: [usize; 7] = [1, 1, 2, 4, 8, 4, 8];
        WIDTHS[self as usize]
    }
}

/// Collects array elements, packed as numbers for as long as they are numbers.
#[derive(Debug, Default)]
pub(crate) struct List<'a> {
    ints: Vec<i64>,
    floats: Vec<f32>,
    values: Vec<Value<'a>>,
}

impl<'a> List<'a> {
    pub(crate) fn push(&mut self, value: Value<'a>, budget: &mut Budget) -> Result<(), LoadError> {
        budget.charge(match value {
            Value::Int(_) | Value::Float(_) => 8,
            _ => size_of::<Value>(),
        })?;
        match value {
            Value::Int(int) if self.values.is_empty() && self.floats.is_empty() => self.ints.push(int),
            Value::Int(int) if self.values.is_empty() => self.floats.push(int as f32),
            Value::Float(float) if self.values.is_empty() => {
                self.floats.extend(self.ints.drain(..).map(|int| int as f32));
                self.floats.push(float);
            }
            other => {
                budget.charge_for::<Value>(self.ints.len() + self.floats.len())?;
                self.values.extend(self.ints.drain(..).map(Value::Int));
                self.values.extend(self.floats.drain(..).map(Value::Float));
                self.values.push(other);
            }
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Value<'a> {
        if !self.ints.is_empty() {
            Value::Ints(self.ints)
        } else if !self.floats.is_empty() {
            Value::Floats(self.floats)
        } else {
            Value::Array(self.values)
        }
    }
}

/// A value together with its place in the document, so that errors can name the field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'v> {
    pub(crate) value: &'v Value<'v>,
    format: Format,
    step: Step<'v>,
    parent: Option<&'v At<'v>>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'v> {
    Root,
    Field(&'v str),
    Index(usize),
}

impl<'v> At<'v> {
    pub(crate) fn root(value: &'v Value<'v>, format: Format) -> Self {
        Self { value, format, step: Step::Root, parent: None }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// The field's path from the root, as `learner.gradient_booster.model.trees[3].left_children`.
    pub(crate) fn path(&self) -> String {
        let mut path = self.parent.map_or_else(String::new, At::path);
        match self.step {
            Step::Root => {}
            Step::Index(index) => {
                let _ = write!(path, "[{index}]");
            }
            Step::Field(name) => {
                let dot = if path.is_empty() { "" } else { "." };
                let _ = write!(path, "{dot}{name}");
            }
        }
        path
    }

    pub(crate) fn fault(&self, what: impl Into<String>) -> LoadError {
        let path = self.path();
        let at = if path.is_empty() { "the document".to_owned() } else { path };
        LoadError::Malformed { format: self.format, at, what: what.into() }
    }

    fn mismatch(&self, expected: &str) -> LoadError {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Str(_) => "a string",
            Value::Array(_) | Value::Ints(_) | Value::Floats(_) | Value::Packed(..) | Value::Deferred(_) => {
                "an array"
            }
            Value::Object(_) => "an object",
        };
        self.fault(format!("expected {expected}, found {found}"))
    }

    /// The field `name`, if this is an object that has it. A repeated key's last value counts.
    pub(crate) fn find(&'v self, name: &'v str) -> Option<At<'v>> {
        let Value::Object(fields) = self.value else { return None };
        let (_, value) = fields.iter().rev().find(|(key, _)| key == name)?;
        Some(At { value, format: self.format, step: Step::Field(name), parent: Some(self) })
    }

    pub(crate) fn get(&'v self, name: &'v str) -> Result<At<'v>, LoadError> {
        match self.value {
            Value::Object(_) => {
                self.find(name).ok_or_else(|| self.fault(format!("the field {name:?} is missing")))
            }
            _ => Err(self.mismatch("an object")),
        }
    }

    pub(crate) fn fields(&'v self) -> Result<impl Iterator<Item = (&'v str, At<'v>)>, LoadError> {
        let Value::Object(fields) = self.value else { return Err(self.mismatch("an object")) };
        Ok(fields.iter().map(|(key, value)| {
            (key.as_ref(), At { value, format: self.format, step: Step::Field(key), parent: Some(self) })
        }))
    }

    /// The elements of an array that does not hold numbers.
    pub(crate) fn elements(&'v self) -> Result<impl ExactSizeIterator<Item = At<'v>>, LoadError> {
        let Value::Array(values) = self.value else { return Err(self.mismatch("an array")) };
        Ok(values.iter().enumerate().map(|(index, value)| At {
            value,
            format: self.format,
            step: Step::Index(index),
            parent: Some(self),
        }))
    }

    /// The elements of an array that was put off.
    pub(crate) fn deferred(&self) -> Result<&'v [Deferred<'v>], LoadError> {
        match self.value {
            Value::Deferred(elements) => Ok(elements),
            _ => Err(self.mismatch("an array")),
        }
    }

    /// An element of this array, parsed from where it was put off.
    pub(crate) fn element<'e>(&'e self, index: usize, value: &'e Value<'e>) -> At<'e>
    where
        'v: 'e,
    {
        At { value, format: self.format, step: Step::Index(index), parent: Some(self) }
    }

    pub(crate) fn str(&self) -> Result<&'v str, LoadError> {
        match self.value {
            Value::Str(text) => Ok(text),
            _ => Err(self.mismatch("a string")),
        }
    }

    /// A parameter: a number, or (as `XGBoost` writes them) a string that holds one.
    pub(crate) fn param<T: std::str::FromStr + TryFrom<i64>>(&self) -> Result<T, LoadError> {
        let parsed = match self.value {
            Value::Str(text) => text.trim().parse().ok(),
            Value::Int(int) => T::try_from(*int).ok(),
            _ => return Err(self.mismatch("a number in a string")),
        };
        parsed.ok_or_else(|| match self.value {
            Value::Str(text) => self.fault(format!("{text:?} is not a valid number here")),
            Value::Int(int) => self.fault(format!("{int} is out of range")),
            _ => self.mismatch("a number"),
        })
    }

    pub(crate) fn f32s(&self, out: &mut Vec<f32>) -> Result<(), LoadError> {
        out.clear();
        match self.value {
            Value::Floats(floats) => out.extend_from_slice(floats),
            Value::Ints(ints) => out.extend(ints.iter().map(|&int| int as f32)),
            Value::Array(values) if values.is_empty() => {}
            Value::Packed(Packed::F32, bytes) => {
                out.extend(bytes.as_chunks().0.iter().map(|&raw| f32::from_be_bytes(raw)));
            }
            Value::Packed(Packed::F64, bytes) => {
                out.extend(bytes.as_chunks().0.iter().map(|&raw| f64::from_be_bytes(raw) as f32));
            }
            _ => {
                let mut ints = Vec::<i64>::new();
                self.ints(&mut ints).map_err(|_| self.mismatch("an array of numbers"))?;
                out.extend(ints.into_iter().map(|int| int as f32));
            }
        }
        Ok(())
    }

    /// Integers that fit `T`.
    pub(crate) fn ints<T>(&self, out: &mut Vec<T>) -> Result<(), LoadError>
    where
        T: Copy + Default + TryFrom<i8> + TryFrom<u8> + TryFrom<i16> + TryFrom<i32> + TryFrom<i64>,
    {
        let fits = match self.value {
            Value::Ints(ints) => convert(ints.iter().copied(), out),
            Value::Packed(Packed::I8, bytes) => convert(bytes.iter().map(|byte| byte.cast_signed()), out),
            Value::Packed(Packed::U8, bytes) => convert(bytes.iter().copied(), out),
            Value::Packed(Packed::I16, bytes) => {
                convert(bytes.as_chunks().0.iter().map(|&raw| i16::from_be_bytes(raw)), out)
            }
            Value::Packed(Packed::I32, bytes) => {
                convert(bytes.as_chunks().0.iter().map(|&raw| i32::from_be_bytes(raw)), out)
            }
            Value::Packed(Packed::I64, bytes) => {
                convert(bytes.as_chunks().0.iter().map(|&raw| i64::from_be_bytes(raw)), out)
            }
            // 1.5 and before write `default_left` as booleans.
            Value::Array(values) if values.iter().all(|value| matches!(value, Value::Bool(_))) => {
                convert(values.iter().map(|value| u8::from(matches!(value, Value::Bool(true)))), out)
            }
            _ => return Err(self.mismatch("an array of integers")),
        };
        if fits { Ok(()) } else { Err(self.fault("an element is out of range")) }
    }

    pub(crate) fn strings(&'v self) -> Result<Vec<String>, LoadError> {
        self.elements()?.map(|element| element.str().map(str::to_owned)).collect()
    }
}

/// Refills `out`; false if an integer does not fit.
fn convert<S, T: Copy + Default + TryFrom<S>>(
    values: impl ExactSizeIterator<Item = S>,
    out: &mut Vec<T>,
) -> bool {
    out.clear();
    out.resize(values.len(), T::default());
    let mut fits = true;
    for (out, value) in out.iter_mut().zip(values) {
        match T::try_from(value) {
            Ok(value) => *out = value,
            Err(_) => fits = false,
        }
    }
    fits
}
