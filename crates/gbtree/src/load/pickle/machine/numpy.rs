//! What joblib puts between the opcodes: the bytes of an array, behind the object that describes it.
//!
//! Source: joblib, `numpy_pickle.py`, `NumpyArrayWrapper` and `NumpyUnpickler.load_build`.

use super::{Id, Machine, Object};
use crate::LoadError;

/// Pickles of object arrays inside each other.
const MAX_NESTED: usize = 4;

impl Machine<'_, '_> {
    /// Steps over the array whose description was just completed, if that is what it was, and takes its place on the
    /// stack: what stands in an array of objects is read, numbers are of no interest.
    pub(super) fn array_behind(&mut self, object: Id) -> Result<(), LoadError> {
        let Some(array) = self.array_of(object)? else { return Ok(()) };
        self.pop()?;
        if array.objects {
            return self.nested();
        }
        if array.aligned {
            let padding = self.count::<1>()?;
            self.take(padding)?;
        }
        self.take(array.bytes)?;
        self.push(Object::Other)
    }

    fn array_of(&self, object: Id) -> Result<Option<Array>, LoadError> {
        let Object::Call(call) = &self.objects[object] else { return Ok(None) };
        match &self.objects[call.callable] {
            Object::Global { module, name }
                if module.starts_with("joblib.") && name == "NumpyArrayWrapper" => {}
            _ => return Ok(None),
        }
        let broken = || self.fault("an array of numpy is described in a way joblib does not");
        let Some(Object::Dict(fields)) = call.state.map(|state| &self.objects[state]) else {
            return Err(broken());
        };
        let field = |name: &str| {
            let is_name = |key: Id| match &self.objects[key] {
                Object::Text(text) => text == name,
                // Python 2 writes names so.
                Object::Bytes(text) => text.as_ref() == name.as_bytes(),
                _ => false,
            };
            fields.iter().find(|(key, _)| is_name(*key)).map(|(_, value)| *value)
        };
        let shape = field("shape").and_then(|shape| match &self.objects[shape] {
            Object::Sequence(sides) => {
                sides.iter().try_fold(1_u64, |count, &side| match self.objects[side] {
                    Object::Int(side) => count.checked_mul(u64::try_from(side).ok()?),
                    _ => None,
                })
            }
            _ => None,
        });
        let item = field("dtype").and_then(|dtype| self.item_size(dtype));
        let (Some(count), Some(item)) = (shape, item) else { return Err(broken()) };
        let aligned = field("numpy_array_alignment_bytes")
            .is_some_and(|bytes| !matches!(self.objects[bytes], Object::None));
        Ok(Some(match item {
            Item::Object => Array { objects: true, aligned: false, bytes: 0 },
            Item::Bytes(size) => Array { objects: false, aligned, bytes: count.saturating_mul(size) },
        }))
    }

    /// `numpy.dtype(code, …)`, whose code is a kind and a size, as `f8`; letters of text take four bytes each.
    fn item_size(&self, dtype: Id) -> Option<Item> {
        let Object::Call(call) = &self.objects[dtype] else { return None };
        let Object::Sequence(args) = &self.objects[call.args] else { return None };
        let code: &str = match &self.objects[*args.first()?] {
            Object::Text(code) => code,
            Object::Bytes(code) => std::str::from_utf8(code).ok()?,
            _ => return None,
        };
        let kind = code.chars().next().filter(char::is_ascii)?;
        let size: u64 = code[1..].parse().ok()?;
        Some(match kind {
            'O' => Item::Object,
            'U' => Item::Bytes(size.checked_mul(4)?),
            _ => Item::Bytes(size),
        })
    }

    /// A whole pickle, with a memo of its own.
    fn nested(&mut self) -> Result<(), LoadError> {
        if self.nested == MAX_NESTED {
            return Err(self.fault(format!("arrays of objects nest deeper than {MAX_NESTED} levels")));
        }
        self.nested += 1;
        let memo = std::mem::take(&mut self.memo);
        let (stack, marks) = (std::mem::take(&mut self.stack), std::mem::take(&mut self.marks));
        let root = self.until_stop()?;
        (self.memo, self.stack, self.marks) = (memo, stack, marks);
        self.nested -= 1;
        self.stack.push(root);
        Ok(())
    }
}

struct Array {
    objects: bool,
    /// Whether a byte and as many bytes as it says stand before the array's own.
    aligned: bool,
    bytes: u64,
}

enum Item {
    Object,
    Bytes(u64),
}
