use std::borrow::Cow;

use super::opcode::Opcode;
use super::{Call, Id, Machine, Object};
use crate::LoadError;

impl Machine<'_, '_> {
    /// Opcodes that move the stack, the marks and the memo.
    pub(super) fn step(&mut self, opcode: Opcode) -> Result<(), LoadError> {
        match opcode {
            Opcode::Proto => self.take(1).map(drop),
            Opcode::Frame => self.take(8).map(drop),
            Opcode::Mark => {
                self.budget.charge_for::<usize>(1)?;
                self.marks.push(self.stack.len());
                Ok(())
            }
            Opcode::Pop => self.pop().map(drop),
            Opcode::PopMark => self.since_mark().map(drop),
            Opcode::Dup => {
                let id = self.top()?;
                self.budget.charge_for::<Id>(1)?;
                self.stack.push(id);
                Ok(())
            }
            Opcode::Put => self.index_line().and_then(|index| self.put(index)),
            Opcode::BinPut => self.count::<1>().and_then(|index| self.put(index)),
            Opcode::LongBinPut => self.count::<4>().and_then(|index| self.put(index)),
            Opcode::Memoize => self.put(self.memo.len() as u64),
            Opcode::Get => self.index_line().and_then(|index| self.get(index)),
            Opcode::BinGet => self.count::<1>().and_then(|index| self.get(index)),
            Opcode::LongBinGet => self.count::<4>().and_then(|index| self.get(index)),
            Opcode::NextBuffer => Err(self.fault("the pickle needs buffers that travel beside it")),
            Opcode::ReadonlyBuffer => Ok(()),
            _ => self.number(opcode),
        }
    }

    /// Opcodes of numbers, booleans and None.
    fn number(&mut self, opcode: Opcode) -> Result<(), LoadError> {
        match opcode {
            Opcode::None => self.push(Object::None),
            Opcode::NewTrue => self.push(Object::Int(1)),
            Opcode::NewFalse => self.push(Object::Int(0)),
            Opcode::BinInt1 => self.count::<1>().and_then(|int| self.push(Object::Int(int.cast_signed()))),
            Opcode::BinInt2 => self.count::<2>().and_then(|int| self.push(Object::Int(int.cast_signed()))),
            Opcode::BinInt => {
                let int = i32::from_le_bytes(self.array()?);
                self.push(Object::Int(i64::from(int)))
            }
            Opcode::BinFloat => {
                let float = f64::from_be_bytes(self.array()?);
                self.push(Object::Float(float))
            }
            Opcode::Long1 => {
                let len = self.count::<1>()?;
                self.long(len)
            }
            Opcode::Long4 => {
                let len = self.count::<4>()?;
                self.long(len)
            }
            Opcode::Int | Opcode::Long | Opcode::Float => {
                let line = self.line()?;
                let text = self.utf8(line)?;
                let int = text.trim_end_matches('L').parse().map(Object::Int);
                let number = int.or_else(|_| text.parse().map(Object::Float));
                self.push(number.unwrap_or(Object::Other))
            }
            _ => self.string(opcode),
        }
    }

    /// Opcodes of text and bytes.
    fn string(&mut self, opcode: Opcode) -> Result<(), LoadError> {
        match opcode {
            Opcode::String => {
                let line = self.line()?;
                self.budget.charge(line.len())?;
                let bytes = quoted(line).ok_or_else(|| self.fault("a broken string"))?;
                self.push(Object::Bytes(Cow::Owned(bytes)))
            }
            Opcode::Unicode => {
                let line = self.line()?;
                self.budget.charge(line.len().saturating_mul(2))?;
                let text = raw_unicode(line).ok_or_else(|| self.fault("a broken \\u escape"))?;
                self.push(Object::Text(Cow::Owned(text)))
            }
            Opcode::ShortBinString | Opcode::ShortBinBytes => {
                let len = self.count::<1>()?;
                self.bytes(len)
            }
            Opcode::BinString | Opcode::BinBytes => {
                let len = self.count::<4>()?;
                self.bytes(len)
            }
            Opcode::BinBytes8 | Opcode::ByteArray8 => {
                let len = self.count::<8>()?;
                self.bytes(len)
            }
            Opcode::ShortBinUnicode => {
                let len = self.count::<1>()?;
                self.text(len)
            }
            Opcode::BinUnicode => {
                let len = self.count::<4>()?;
                self.text(len)
            }
            Opcode::BinUnicode8 => {
                let len = self.count::<8>()?;
                self.text(len)
            }
            _ => self.container(opcode),
        }
    }

    /// Opcodes of lists, tuples, sets and dictionaries.
    fn container(&mut self, opcode: Opcode) -> Result<(), LoadError> {
        match opcode {
            Opcode::EmptyTuple | Opcode::EmptyList | Opcode::EmptySet => {
                self.push(Object::Sequence(Vec::new()))
            }
            Opcode::EmptyDict => self.push(Object::Dict(Vec::new())),
            Opcode::List | Opcode::Tuple | Opcode::FrozenSet => {
                let items = self.since_mark()?;
                self.push(Object::Sequence(items))
            }
            Opcode::Tuple1 => self.tuple(1),
            Opcode::Tuple2 => self.tuple(2),
            Opcode::Tuple3 => self.tuple(3),
            Opcode::Dict => {
                let items = self.since_mark()?;
                self.push(Object::Dict(Vec::new()))?;
                self.set_items(&items)
            }
            Opcode::Append => {
                let item = self.pop()?;
                self.extend(vec![item])
            }
            Opcode::Appends | Opcode::AddItems => {
                let items = self.since_mark()?;
                self.extend(items)
            }
            Opcode::SetItem => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(&[key, value])
            }
            Opcode::SetItems => {
                let items = self.since_mark()?;
                self.set_items(&items)
            }
            _ => self.instance(opcode),
        }
    }

    /// Opcodes that would import and call.
    fn instance(&mut self, opcode: Opcode) -> Result<(), LoadError> {
        match opcode {
            Opcode::Global => {
                let (module, name) = (self.line()?, self.line()?);
                let (module, name) = (self.utf8(module)?, self.utf8(name)?);
                self.push(Object::Global { module, name })
            }
            Opcode::StackGlobal => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Object::Text(module), Object::Text(name)) = (&self.objects[module], &self.objects[name])
                else {
                    return Err(self.fault("a class is not named by text"));
                };
                let (module, name) = (module.clone(), name.clone());
                self.budget.charge(module.len() + name.len())?;
                self.push(Object::Global { module, name })
            }
            Opcode::Reduce | Opcode::NewObj => {
                let (args, callable) = (self.pop()?, self.pop()?);
                self.call(callable, args)
            }
            Opcode::NewObjEx => {
                let (_, args, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.call(class, args)
            }
            Opcode::Obj => {
                let mut items = self.since_mark()?;
                if items.is_empty() {
                    return Err(self.fault("an instance has no class"));
                }
                let args = items.split_off(1);
                self.call_with(items[0], args)
            }
            Opcode::Inst => {
                let (module, name) = (self.line()?, self.line()?);
                let (module, name) = (self.utf8(module)?, self.utf8(name)?);
                let args = self.since_mark()?;
                self.push(Object::Global { module, name })?;
                let class = self.pop()?;
                self.call_with(class, args)
            }
            Opcode::Build => {
                let given = self.pop()?;
                let object = self.top()?;
                if let Object::Call(call) = &mut self.objects[object] {
                    call.state = Some(given);
                }
                self.array_behind(object)
            }
            other => Err(self.fault(format!("the opcode {other:?} has no place here"))),
        }
    }

    fn call(&mut self, callable: Id, args: Id) -> Result<(), LoadError> {
        self.budget.charge_for::<Call>(1)?;
        let call = Call { callable, args, state: None, items: Vec::new(), entries: Vec::new() };
        self.push(Object::Call(Box::new(call)))
    }

    fn call_with(&mut self, callable: Id, args: Vec<Id>) -> Result<(), LoadError> {
        self.push(Object::Sequence(args))?;
        let args = self.pop()?;
        self.call(callable, args)
    }

    /// An integer of `len` bytes; one beyond 64 bits is nothing we look for.
    fn long(&mut self, len: u64) -> Result<(), LoadError> {
        let raw = self.take(len)?;
        if raw.len() > 8 {
            return self.push(Object::Other);
        }
        let fill = if raw.last().is_some_and(|last| last & 0x80 != 0) { 0xff } else { 0 };
        let mut bytes = [fill; 8];
        bytes[..raw.len()].copy_from_slice(raw);
        self.push(Object::Int(i64::from_le_bytes(bytes)))
    }
}

/// Latin-1 with `\uXXXX` and `\UXXXXXXXX` escapes, protocol 0's text.
fn raw_unicode(line: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = match rest {
            [b'\\', b'u', ..] => 4,
            [b'\\', b'U', ..] => 8,
            _ => {
                text.push(char::from(byte));
                rest = after;
                continue;
            }
        };
        let (mut letter, after) = escape(rest, digits)?;
        rest = after;
        // Python 2 writes a letter beyond 16 bits as two halves.
        if (0xd800..0xdc00).contains(&letter) && rest.starts_with(b"\\u") {
            let (low, after) = escape(rest, 4)?;
            if (0xdc00..0xe000).contains(&low) {
                letter = 0x1_0000 + ((letter - 0xd800) << 10) + (low - 0xdc00);
                rest = after;
            }
        }
        // Half a letter is not the text we look for, but no reason to stop either.
        let half = (0xd800..0xe000).contains(&letter).then_some(char::REPLACEMENT_CHARACTER);
        text.push(char::from_u32(letter).or(half)?);
    }
    Some(text)
}

/// The number of an escape, and what follows.
fn escape(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (digits, after) = text.get(2..)?.split_at_checked(digits)?;
    Some((hex(digits)?, after))
}

/// A string of Python 2 as its `repr` writes it.
fn quoted(line: &[u8]) -> Option<Vec<u8>> {
    let (&quote, rest) = line.trim_ascii_end().split_first()?;
    let inner = rest.strip_suffix(&[quote]).filter(|_| matches!(quote, b'\'' | b'"'))?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&escape, after) = rest.split_first()?;
        rest = after;
        bytes.push(match escape {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'\\' | b'\'' | b'"' => escape,
            b'x' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                u8::try_from(hex(digits)?).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}

fn hex(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{quoted, raw_unicode};

    #[test]
    fn text_of_protocol_0() {
        for (line, text) in [
            ("caf\\u00e9", "caf\u{e9}"),
            ("a\\u000ab\\u005cu", "a\nb\\u"),
            ("\\U0001f600", "\u{1f600}"),
            ("\\ud83d\\ude00.", "\u{1f600}."),
            ("\\ud83d\\u0041", "\u{fffd}A"),
            ("\\ud83d", "\u{fffd}"),
            ("\\", "\\"),
            ("\\n", "\\n"),
        ] {
            assert_eq!(raw_unicode(line.as_bytes()).as_deref(), Some(text), "{line}");
        }
        assert_eq!(raw_unicode(b"\xe9").as_deref(), Some("\u{e9}"));
        for broken in ["\\u", "\\u12", "\\u+123", "\\U00110000", "\\ud83d\\u"] {
            assert_eq!(raw_unicode(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn strings_of_python_2() {
        for (line, bytes) in [
            ("'f0'", &b"f0"[..]),
            ("\"it's\"", b"it's"),
            (r#"'it\'s \"x\"'"#, b"it's \"x\""),
            (r"'\xc3\xa9\n\\n\t\r'", b"\xc3\xa9\n\\n\t\r"),
            ("''", b""),
            ("'f0'\r", b"f0"),
        ] {
            assert_eq!(quoted(line.as_bytes()).as_deref(), Some(bytes), "{line}");
        }
        for broken in ["", "'", "f0", "'f0\"", r"'\'", r"'\x1'", r"'\q'"] {
            assert_eq!(quoted(broken.as_bytes()), None, "{broken}");
        }
    }
}
