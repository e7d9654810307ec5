//! The pickle machine reduced to data: calls are recorded, never made.
//!
//! Opcodes: `CPython`, `Lib/pickletools.py`, protocols 0 to 5.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::load::Budget;
use crate::{Format, LoadError};

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
    /// What `callable(*args)` would make, and the state it would be given.
    Call {
        callable: Id,
        args: Id,
        state: Option<Id>,
    },
    /// Numbers and booleans.
    Other,
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
        budget,
    };
    loop {
        let opcode = machine.array::<1>()?[0];
        if opcode == b'.' {
            let root = machine.pop()?;
            return Ok(Pickle { objects: machine.objects, root });
        }
        machine.step(opcode)?;
    }
}

struct Machine<'a, 'b> {
    bytes: &'a [u8],
    at: usize,
    objects: Vec<Object<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    budget: &'b mut Budget,
}

impl<'a> Machine<'a, '_> {
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
        if let Object::Sequence(list) = &mut self.objects[list] {
            list.extend(items);
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), LoadError> {
        let dict = self.top()?;
        let pairs = items.as_chunks::<2>().0;
        self.budget.charge_for::<(Id, Id)>(pairs.len())?;
        if let Object::Dict(dict) = &mut self.objects[dict] {
            dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
        }
        Ok(())
    }

    fn dict(&mut self, items: &[Id]) -> Result<(), LoadError> {
        self.push(Object::Dict(Vec::new()))?;
        self.set_items(items)
    }

    fn call(&mut self, callable: Id, args: Id) -> Result<(), LoadError> {
        self.push(Object::Call { callable, args, state: None })
    }

    /// Pops arguments given one by one and calls what lies below them.
    fn call_from_mark(&mut self) -> Result<(), LoadError> {
        let mut items = self.since_mark()?;
        if items.is_empty() {
            return Err(self.fault("an instance has no class"));
        }
        let args = items.split_off(1);
        self.push(Object::Sequence(args))?;
        let args = self.pop()?;
        self.call(items[0], args)
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

    /// Opcodes that move the stack, the marks and the memo.
    fn step(&mut self, opcode: u8) -> Result<(), LoadError> {
        match opcode {
            0x80 => self.take(1).map(drop),
            0x95 => self.take(8).map(drop),
            b'(' => {
                self.budget.charge_for::<usize>(1)?;
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.since_mark().map(drop),
            b'2' => {
                let id = self.top()?;
                self.budget.charge_for::<Id>(1)?;
                self.stack.push(id);
                Ok(())
            }
            b'p' | b'g' => {
                let index = self.index_line()?;
                if opcode == b'p' { self.put(index) } else { self.get(index) }
            }
            b'q' | b'h' => {
                let index = self.count::<1>()?;
                if opcode == b'q' { self.put(index) } else { self.get(index) }
            }
            b'r' | b'j' => {
                let index = self.count::<4>()?;
                if opcode == b'r' { self.put(index) } else { self.get(index) }
            }
            0x94 => self.put(self.memo.len() as u64),
            // Read-only and next-buffer marks of protocol 5.
            0x97 | 0x98 => Ok(()),
            _ => self.plain(opcode),
        }
    }

    /// Opcodes of plain values.
    fn plain(&mut self, opcode: u8) -> Result<(), LoadError> {
        match opcode {
            b'N' => self.push(Object::None),
            0x88 | 0x89 => self.push(Object::Other),
            b'I' | b'L' | b'F' => {
                self.line()?;
                self.push(Object::Other)
            }
            b'K' => self.skip(1),
            b'M' => self.skip(2),
            b'J' => self.skip(4),
            b'G' => self.skip(8),
            0x8a => {
                let len = self.count::<1>()?;
                self.skip(len)
            }
            0x8b => {
                let len = self.count::<4>()?;
                self.skip(len)
            }
            b'S' => {
                let line = self.line()?;
                let text = self.utf8(line)?;
                let inner = text.trim_matches(|quote| quote == '\'' || quote == '"').to_owned();
                self.budget.charge(inner.len())?;
                self.push(Object::Text(Cow::Owned(inner)))
            }
            b'V' => {
                let line = self.line()?;
                self.budget.charge(line.len().saturating_mul(2))?;
                let text = raw_unicode(line).ok_or_else(|| self.fault("a broken \\u escape"))?;
                self.push(Object::Text(Cow::Owned(text)))
            }
            b'U' | b'C' => {
                let len = self.count::<1>()?;
                self.bytes(len)
            }
            b'T' | b'B' => {
                let len = self.count::<4>()?;
                self.bytes(len)
            }
            0x8e | 0x96 => {
                let len = self.count::<8>()?;
                self.bytes(len)
            }
            0x8c => {
                let len = self.count::<1>()?;
                self.text(len)
            }
            b'X' => {
                let len = self.count::<4>()?;
                self.text(len)
            }
            0x8d => {
                let len = self.count::<8>()?;
                self.text(len)
            }
            _ => self.container(opcode),
        }
    }

    /// Opcodes of lists, tuples, sets and dictionaries.
    fn container(&mut self, opcode: u8) -> Result<(), LoadError> {
        match opcode {
            b')' | b']' | 0x8f => self.push(Object::Sequence(Vec::new())),
            b'}' => self.push(Object::Dict(Vec::new())),
            b'l' | b't' | 0x91 => {
                let items = self.since_mark()?;
                self.push(Object::Sequence(items))
            }
            b'd' => {
                let items = self.since_mark()?;
                self.dict(&items)
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])
            }
            b'e' | 0x90 => {
                let items = self.since_mark()?;
                self.extend(items)
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(&[key, value])
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set_items(&items)
            }
            0x85..=0x87 => self.tuple(usize::from(opcode - 0x84)),
            _ => self.instance(opcode),
        }
    }

    /// Opcodes that would import and call.
    fn instance(&mut self, opcode: u8) -> Result<(), LoadError> {
        match opcode {
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                let (module, name) = (self.utf8(module)?, self.utf8(name)?);
                self.push(Object::Global { module, name })
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Object::Text(module), Object::Text(name)) = (&self.objects[module], &self.objects[name])
                else {
                    return Err(self.fault("a class is not named by text"));
                };
                let (module, name) = (module.clone(), name.clone());
                self.budget.charge(module.len() + name.len())?;
                self.push(Object::Global { module, name })
            }
            b'R' | 0x81 => {
                let (args, callable) = (self.pop()?, self.pop()?);
                self.call(callable, args)
            }
            0x92 => {
                let (_, args, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.call(class, args)
            }
            b'o' => self.call_from_mark(),
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                let (module, name) = (self.utf8(module)?, self.utf8(name)?);
                let args = self.since_mark()?;
                self.push(Object::Global { module, name })?;
                self.push(Object::Sequence(args))?;
                let (args, class) = (self.pop()?, self.pop()?);
                self.call(class, args)
            }
            b'b' => {
                let given = self.pop()?;
                let object = self.top()?;
                if let Object::Call { state, .. } = &mut self.objects[object] {
                    *state = Some(given);
                }
                Ok(())
            }
            other => Err(self.fault(format!("the opcode {other:#04x} is not one of plain data"))),
        }
    }

    /// A number of `len` bytes, whose value does not matter here.
    fn skip(&mut self, len: u64) -> Result<(), LoadError> {
        self.take(len)?;
        self.push(Object::Other)
    }
}

/// Latin-1 with `\uXXXX` and `\UXXXXXXXX` escapes, protocol 0's text.
fn raw_unicode(line: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        let digits = match (byte, line.get(at + 1)) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => 0,
        };
        if digits == 0 {
            text.push(char::from(byte));
            at += 1;
            continue;
        }
        let hex = std::str::from_utf8(line.get(at + 2..at + 2 + digits)?).ok()?;
        text.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
        at += 2 + digits;
    }
    Some(text)
}
