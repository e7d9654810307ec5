//! JSON (RFC 8259) plus the bare `NaN` and `Infinity` that `XGBoost` writes and reads.

use std::borrow::Cow;

use super::budget::Budget;
use super::value::{DEFERRED, Deferred, List, Value};
use crate::{Format, LoadError};

/// `XGBoost` nests nine levels; anything near this limit is hostile.
const MAX_DEPTH: usize = 64;

pub(super) fn parse<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<Value<'a>, LoadError> {
    let text = std::str::from_utf8(bytes).map_err(|error| LoadError::Malformed {
        format: Format::Json,
        at: format!("byte {}", error.valid_up_to()),
        what: "the text is not UTF-8".to_owned(),
    })?;
    let mut reader = Reader { text, at: 0, start: 0, budget };
    let value = reader.value(0)?;
    reader.skip_space();
    // The library's own writer ends some files with a NUL byte.
    if reader.rest().bytes().any(|byte| byte != 0) {
        return Err(reader.fault("text follows the document"));
    }
    Ok(value)
}

/// Parses what [`Value::Deferred`] put off.
pub(super) fn parse_deferred<'a>(
    deferred: Deferred<'a>,
    budget: &mut Budget,
) -> Result<Value<'a>, LoadError> {
    let text = std::str::from_utf8(deferred.bytes).unwrap_or_default();
    let mut reader = Reader { text, at: 0, start: deferred.at, budget };
    reader.value(0)
}

struct Reader<'a, 'b> {
    text: &'a str,
    at: usize,
    /// Where the text starts in the file.
    start: usize,
    budget: &'b mut Budget,
}

impl<'a> Reader<'a, '_> {
    fn fault(&self, what: impl Into<String>) -> LoadError {
        LoadError::Malformed {
            format: Format::Json,
            at: format!("byte {}", self.start + self.at),
            what: what.into(),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), LoadError> {
        self.skip_space();
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.unexpected(&format!("{:?}", char::from(byte))))
    }

    fn unexpected(&self, expected: &str) -> LoadError {
        match self.rest().chars().next() {
            None => self.fault(format!("the file ends where {expected} was expected")),
            Some(found) => self.fault(format!("expected {expected}, found {found:?}")),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, LoadError> {
        if !self.rest().starts_with(word) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, LoadError> {
        if depth > MAX_DEPTH {
            return Err(self.fault(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::Str(self.string()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'N') => self.word("NaN", Value::Float(f32::NAN)),
            Some(b'I') => self.word("Infinity", Value::Float(f32::INFINITY)),
            Some(b'-') if self.rest().starts_with("-I") => {
                self.word("-Infinity", Value::Float(f32::NEG_INFINITY))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn number(&mut self) -> Result<Value<'a>, LoadError> {
        let rest = self.rest();
        let is_number = |byte: u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let text = &rest[..rest.bytes().position(|byte| !is_number(byte)).unwrap_or(rest.len())];
        // Integers beyond 64 bits are read as reals, like everything with a point or an exponent.
        let int = text.parse().map(Value::Int);
        match int.or_else(|_| text.parse().map(Value::Float)) {
            Ok(value) => {
                self.at += text.len();
                Ok(value)
            }
            Err(_) => Err(self.fault(format!("{text:?} is not a number"))),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, LoadError> {
        self.at += 1;
        let mut list = List::default();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(list.finish());
        }
        loop {
            let value = self.value(depth + 1)?;
            list.push(value, self.budget)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(list.finish());
                }
                _ => return Err(self.unexpected("',' or ']'")),
            }
        }
    }

    /// An array whose elements are only told apart.
    fn deferred(&mut self) -> Result<Value<'a>, LoadError> {
        self.at += 1;
        let mut elements = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Deferred(elements));
        }
        loop {
            self.skip_space();
            let at = self.at;
            self.skip_value()?;
            self.budget.charge_for::<[Deferred; 2]>(1)?;
            elements.push(Deferred { at: self.start + at, bytes: &self.text.as_bytes()[at..self.at] });
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Deferred(elements));
                }
                _ => return Err(self.unexpected("',' or ']'")),
            }
        }
    }

    /// Steps over a value: over an object or array by its brackets alone.
    fn skip_value(&mut self) -> Result<(), LoadError> {
        if !matches!(self.peek(), Some(b'{' | b'[')) {
            return self.value(0).map(drop);
        }
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                b'"' => loop {
                    match bytes.get(self.at) {
                        Some(b'"') => {
                            self.at += 1;
                            break;
                        }
                        Some(b'\\') => self.at += 2,
                        Some(_) => self.at += 1,
                        None => {
                            self.at = bytes.len();
                            return Err(self.fault("a string has no closing quote"));
                        }
                    }
                },
                _ => {}
            }
        }
        self.at = bytes.len();
        Err(self.unexpected("']' or '}'"))
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, LoadError> {
        self.at += 1;
        let mut fields = Vec::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(fields));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a field name in quotes"));
            }
            let key = self.string()?;
            self.expect(b':')?;
            self.budget.charge_for::<(Cow<str>, Value)>(1)?;
            self.skip_space();
            let deferred = key == DEFERRED && self.peek() == Some(b'[');
            let value = if deferred { self.deferred()? } else { self.value(depth + 1)? };
            fields.push((key, value));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Object(fields));
                }
                _ => return Err(self.unexpected("',' or '}'")),
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, LoadError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(stop) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\')) else {
                return Err(self.fault("a string has no closing quote"));
            };
            let plain = &rest[..stop];
            self.at += stop + 1;
            if rest.as_bytes()[stop] == b'"' {
                if text.is_empty() {
                    return Ok(Cow::Borrowed(plain));
                }
                text.push_str(plain);
                return Ok(Cow::Owned(text));
            }
            self.budget.charge(stop + 4)?;
            text.push_str(plain);
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, LoadError> {
        let Some(kind) = self.peek() else { return Err(self.fault("the file ends inside a string")) };
        self.at += 1;
        Ok(match kind {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'"' | b'\\' | b'/' => char::from(kind),
            b'u' => {
                let high = self.hex()?;
                let code = match high {
                    0xd800..=0xdbff if self.rest().starts_with("\\u") => {
                        self.at += 2;
                        let low = self.hex()?;
                        0x10000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff)
                    }
                    code => code,
                };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.fault("unknown escape in a string")),
        })
    }

    fn hex(&mut self) -> Result<u32, LoadError> {
        let digits =
            self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(code) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return Err(self.fault("\\u needs four hexadecimal digits"));
        };
        self.at += 4;
        Ok(code)
    }
}
