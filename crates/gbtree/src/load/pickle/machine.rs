//! The pickle machine reduced to data: calls are recorded, never made.
//!
//! Opcodes: `CPython`, `Lib/pickletools.py`, protocols 0 to 5.

mod numpy;
mod opcode;
mod step;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::load::Budget;
use crate::{Format, LoadError};
use opcode::Opcode;

/// An object's place in [`Pickle::objects`]; objects may refer to each other in cycles.
pub(super) type Id = usize;

#[derive(Debug)]
pub(super) enum Object<'a> {
    None,
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// A list, tuple or set.
    Sequence(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global {
        module: Cow<'a, str>,
        name: Cow<'a, str>,
    },
    Call(Box<Call>),
    /// An integer that fits, or a boolean.
    Int(i64),
    Float(f64),
    /// Anything else, of no interest here.
    Other,
}

/// What `callable(*args)` would make, the state it would be given, and what would be put into it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) callable: Id,
    pub(super) args: Id,
    pub(super) state: Option<Id>,
    pub(super) items: Vec<Id>,
    pub(super) entries: Vec<(Id, Id)>,
}

#[derive(Debug)]
pub(super) struct Pickle<'a> {
    objects: Vec<Object<'a>>,
    pub(super) root: Id,
}

impl<'a> Pickle<'a> {
    pub(super) fn object(&self, id: Id) -> &Object<'a> {
        &self.objects[id]
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }
}

/// Reads the first pickle of the bytes.
pub(super) fn run<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<Pickle<'a>, LoadError> {
    let mut machine = Machine {
        bytes,
        at: 0,
        objects: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        nested: 0,
        budget,
    };
    let root = machine.until_stop()?;
    Ok(Pickle { objects: machine.objects, root })
}

struct Machine<'a, 'b> {
    bytes: &'a [u8],
    at: usize,
    objects: Vec<Object<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    /// Pickles around the one at hand.
    nested: usize,
    budget: &'b mut Budget,
}

impl<'a> Machine<'a, '_> {
    /// Runs to the end of the pickle; gives what it holds.
    fn until_stop(&mut self) -> Result<Id, LoadError> {
        loop {
            let byte = self.array::<1>()?[0];
            match Opcode::of(byte) {
                Some(Opcode::Stop) => return self.pop(),
                Some(opcode) => self.step(opcode)?,
                None => {
                    return Err(self.fault(format!("the opcode {byte:#04x} is not one of plain data")));
                }
            }
        }
    }

    fn fault(&self, what: impl Into<String>) -> LoadError {
        LoadError::Malformed { format: Format::Pickle, at: format!("byte {}", self.at), what: what.into() }
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], LoadError> {
        let rest = &self.bytes[self.at..];
        match usize::try_from(len) {
            Ok(len) if len <= rest.len() => {
                self.at += len;
                Ok(&rest[..len])
            }
            _ => Err(self.fault(format!("{len} bytes were announced, {} are left", rest.len()))),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let mut raw = [0; N];
        raw.copy_from_slice(self.take(N as u64)?);
        Ok(raw)
    }

    /// A length or index of `N` little-endian bytes.
    fn count<const N: usize>(&mut self) -> Result<u64, LoadError> {
        let mut raw = [0; 8];
        raw[..N].copy_from_slice(self.take(N as u64)?);
        Ok(u64::from_le_bytes(raw))
    }

    fn line(&mut self) -> Result<&'a [u8], LoadError> {
        let rest = &self.bytes[self.at..];
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            return Err(self.fault("a line has no end"));
        };
        self.at += end + 1;
        Ok(&rest[..end])
    }

    fn utf8(&self, raw: &'a [u8]) -> Result<Cow<'a, str>, LoadError> {
        std::str::from_utf8(raw).map(Cow::Borrowed).map_err(|_| self.fault("a text is not UTF-8"))
    }

    fn push(&mut self, object: Object<'a>) -> Result<(), LoadError> {
        self.budget.charge_for::<(Object, Id)>(1)?;
        self.stack.push(self.objects.len());
        self.objects.push(object);
        Ok(())
    }

    /// The stack's top, never from below the last mark.
    fn pop(&mut self) -> Result<Id, LoadError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop() {
            Some(id) if self.stack.len() >= floor => Ok(id),
            _ => Err(self.fault("the pickle takes a value that was never put")),
        }
    }

    fn top(&mut self) -> Result<Id, LoadError> {
        let id = self.pop()?;
        self.stack.push(id);
        Ok(id)
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, LoadError> {
        match self.marks.pop() {
            Some(height) if height <= self.stack.len() => Ok(self.stack.split_off(height)),
            _ => Err(self.fault("the pickle closes a group that was never opened")),
        }
    }

    fn tuple(&mut self, len: usize) -> Result<(), LoadError> {
        let mut items = Vec::with_capacity(len);
        for _ in 0..len {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Object::Sequence(items))
    }

    fn extend(&mut self, items: Vec<Id>) -> Result<(), LoadError> {
        let list = self.top()?;
        self.budget.charge_for::<Id>(items.len())?;
        match &mut self.objects[list] {
            Object::Sequence(list) => list.extend(items),
            Object::Call(call) => call.items.extend(items),
            _ => {}
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), LoadError> {
        let dict = self.top()?;
        let pairs = items.as_chunks::<2>().0;
        self.budget.charge_for::<(Id, Id)>(pairs.len())?;
        let pairs = pairs.iter().map(|&[key, value]| (key, value));
        match &mut self.objects[dict] {
            Object::Dict(dict) => dict.extend(pairs),
            Object::Call(call) => call.entries.extend(pairs),
            _ => {}
        }
        Ok(())
    }

    fn put(&mut self, index: u64) -> Result<(), LoadError> {
        let id = self.top()?;
        self.budget.charge_for::<(u64, Id)>(2)?;
        self.memo.insert(index, id);
        Ok(())
    }

    fn get(&mut self, index: u64) -> Result<(), LoadError> {
        match self.memo.get(&index) {
            Some(&id) => {
                self.budget.charge_for::<Id>(1)?;
                self.stack.push(id);
                Ok(())
            }
            None => Err(self.fault(format!("the pickle recalls value {index}, which it never stored"))),
        }
    }

    fn index_line(&mut self) -> Result<u64, LoadError> {
        let line = self.line()?;
        let index = std::str::from_utf8(line).ok().and_then(|line| line.trim().parse().ok());
        index.ok_or_else(|| self.fault("an index is not a number"))
    }

    fn text(&mut self, len: u64) -> Result<(), LoadError> {
        let raw = self.take(len)?;
        // Surrogates and Python 2's bytes are not the text we look for, but no reason to stop either.
        match std::str::from_utf8(raw) {
            Ok(text) => self.push(Object::Text(Cow::Borrowed(text))),
            Err(_) => self.push(Object::Other),
        }
    }

    fn bytes(&mut self, len: u64) -> Result<(), LoadError> {
        let raw = self.take(len)?;
        self.push(Object::Bytes(Cow::Borrowed(raw)))
    }
}
