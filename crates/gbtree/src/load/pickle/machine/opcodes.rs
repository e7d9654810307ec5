use std::borrow::Cow;

use super::{Id, Machine, Object};
use crate::LoadError;

impl<'a> Machine<'a, '_> {
    /// Opcodes that move the stack, the marks and the memo.
    pub(super) fn step(&mut self, opcode: u8) -> Result<(), LoadError> {
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
                self.global(module, name)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Object::Text(module), Object::Text(name)) = (&self.objects[module], &self.objects[name])
                else {
                    return Err(self.fault("a class is not named by text"));
                };
                let (module, name) = (module.clone(), name.clone());
                self.budget.charge(module.len() + name.len())?;
                self.global(module, name)
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

    fn global(&mut self, module: Cow<'a, str>, name: Cow<'a, str>) -> Result<(), LoadError> {
        // Announces an array whose raw bytes follow, between the opcodes.
        if module.starts_with("joblib.") {
            let what = "a joblib dump with numpy arrays beside the model; save the model with `save_model`, or pickle it";
            return Err(LoadError::Unsupported(what.to_owned()));
        }
        self.push(Object::Global { module, name })
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
