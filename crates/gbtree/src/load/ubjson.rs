//! UBJSON (<https://ubjson.org>, draft 12), with `XGBoost`'s `l` (int32) and `L` (int64) counts.

use std::borrow::Cow;

use super::budget::Budget;
use super::value::{DEFERRED, Deferred, List, Packed, Value};
use crate::{Format, LoadError};

/// `XGBoost` nests nine levels; anything near this limit is hostile.
const MAX_DEPTH: usize = 64;

pub(super) fn parse<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<Value<'a>, LoadError> {
    let mut reader = Reader { len: bytes.len(), rest: bytes, fields: Vec::new(), budget };
    let marker = reader.marker()?;
    let value = reader.value(marker, 0)?;
    if !reader.rest.is_empty() {
        return Err(reader.fault(format!("{} bytes follow the document", reader.rest.len())));
    }
    Ok(value)
}

/// Parses what [`Value::Deferred`] put off.
pub(super) fn parse_deferred<'a>(
    deferred: Deferred<'a>,
    budget: &mut Budget,
) -> Result<Value<'a>, LoadError> {
    let len = deferred.at + deferred.bytes.len();
    let mut reader = Reader { len, rest: deferred.bytes, fields: Vec::new(), budget };
    let marker = reader.marker()?;
    reader.value(marker, 0)
}

struct Reader<'a, 'b> {
    len: usize,
    rest: &'a [u8],
    /// The fields so far of all objects that are open, so that each object's own list is allocated once.
    fields: Vec<(Cow<'a, str>, Value<'a>)>,
    budget: &'b mut Budget,
}

impl<'a> Reader<'a, '_> {
    #[cold]
    fn fault(&self, what: impl Into<String>) -> LoadError {
        let at = format!("byte {}", self.len - self.rest.len());
        LoadError::Malformed { format: Format::Ubjson, at, what: what.into() }
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], LoadError> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.fault(format!("{len} bytes were announced, {} are left", self.rest.len())));
        };
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return Err(self.fault(format!("{N} bytes were announced, {} are left", self.rest.len())));
        };
        self.rest = rest;
        Ok(*taken)
    }

    /// Takes the next byte if it is `marker`.
    #[inline]
    fn skip(&mut self, marker: u8) -> bool {
        let rest = self.rest.strip_prefix(&[marker]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// The next marker; `N` is a no-op that may stand anywhere.
    #[inline]
    fn marker(&mut self) -> Result<u8, LoadError> {
        loop {
            match self.rest.split_first() {
                None => return Err(self.fault("the file ends inside the document")),
                Some((marker, rest)) => {
                    self.rest = rest;
                    if *marker != b'N' {
                        return Ok(*marker);
                    }
                }
            }
        }
    }

    #[inline]
    fn int(&mut self, marker: u8) -> Result<i64, LoadError> {
        Ok(match marker {
            b'i' => i64::from(i8::from_be_bytes(self.array()?)),
            b'U' => i64::from(u8::from_be_bytes(self.array()?)),
            b'I' => i64::from(i16::from_be_bytes(self.array()?)),
            b'l' => i64::from(i32::from_be_bytes(self.array()?)),
            b'L' => i64::from_be_bytes(self.array()?),
            other => return Err(self.fault(format!("expected an integer, found the marker {other:#04x}"))),
        })
    }

    /// A length or count. What it counts takes at least `unit` bytes each, so the file bounds it.
    #[inline]
    fn count(&mut self, unit: usize) -> Result<usize, LoadError> {
        // As `XGBoost` writes all of them.
        let count = match self.rest.split_first_chunk::<9>() {
            Some(([b'L', count @ ..], rest)) => {
                self.rest = rest;
                i64::from_be_bytes(*count)
            }
            _ => self.any_count()?,
        };
        let left = self.rest.len();
        match usize::try_from(count) {
            Ok(count) if count.checked_mul(unit).is_some_and(|bytes| bytes <= left) => Ok(count),
            _ => Err(self.fault(format!("a length of {count} was announced, {left} bytes are left"))),
        }
    }

    #[cold]
    fn any_count(&mut self) -> Result<i64, LoadError> {
        let marker = self.marker()?;
        self.int(marker)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, LoadError> {
        let len = self.count(1)?;
        let raw = self.take(len)?;
        match std::str::from_utf8(raw) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(_) => Err(self.fault("a string is not UTF-8")),
        }
    }

    fn value(&mut self, marker: u8, depth: usize) -> Result<Value<'a>, LoadError> {
        if depth > MAX_DEPTH {
            return Err(self.fault(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(match marker {
            b'Z' => Value::Null,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'd' => Value::Float(f32::from_be_bytes(self.array()?)),
            b'D' => Value::Float(f64::from_be_bytes(self.array()?) as f32),
            b'S' => Value::Str(self.string()?),
            b'C' => match self.array::<1>()?[0] {
                byte if byte.is_ascii() => Value::Str(char::from(byte).to_string().into()),
                byte => return Err(self.fault(format!("{byte:#04x} is not an ASCII character"))),
            },
            b'[' => self.list(depth)?,
            b'{' => self.object(depth)?,
            b'i' | b'U' | b'I' | b'l' | b'L' => Value::Int(self.int(marker)?),
            other => return Err(self.fault(format!("unknown type marker {other:#04x}"))),
        })
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, LoadError> {
        if self.skip(b'$') {
            return self.packed();
        }
        let mut list = List::default();
        self.each_element(|reader, marker, _| {
            let value = reader.value(marker, depth + 1)?;
            list.push(value, reader.budget)
        })?;
        Ok(list.finish())
    }

    fn packed(&mut self) -> Result<Value<'a>, LoadError> {
        let kind = match self.array::<1>()?[0] {
            b'i' => Packed::I8,
            b'U' => Packed::U8,
            b'I' => Packed::I16,
            b'l' => Packed::I32,
            b'L' => Packed::I64,
            b'd' => Packed::F32,
            b'D' => Packed::F64,
            other => return Err(self.fault(format!("typed arrays of {other:#04x} are not supported"))),
        };
        if self.marker()? != b'#' {
            return Err(self.fault("a typed array has no count"));
        }
        let count = self.count(kind.width())?;
        Ok(Value::Packed(kind, self.take(count * kind.width())?))
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, LoadError> {
        let first = self.fields.len();
        let counted = if self.skip(b'#') { Some(self.count(1)?) } else { None };
        while counted.is_none_or(|count| self.fields.len() - first < count) {
            while self.skip(b'N') {}
            if counted.is_none() && self.skip(b'}') {
                break;
            }
            self.budget.charge_for::<[(Cow<str>, Value); 2]>(1)?;
            let key = self.string()?;
            let marker = self.marker()?;
            let deferred = key == DEFERRED && marker == b'[' && !self.rest.starts_with(b"$");
            let value = if deferred { self.deferred(depth)? } else { self.value(marker, depth + 1)? };
            self.fields.push((key, value));
        }
        Ok(Value::Object(self.fields.split_off(first)))
    }

    /// An array whose elements are only told apart.
    fn deferred(&mut self, depth: usize) -> Result<Value<'a>, LoadError> {
        let mut elements = Vec::new();
        self.each_element(|reader, marker, before| {
            let at = reader.len - before.len();
            reader.skip_value(marker, depth + 2)?;
            reader.budget.charge_for::<[Deferred; 2]>(1)?;
            let bytes = &before[..before.len() - reader.rest.len()];
            elements.push(Deferred { at, bytes });
            Ok(())
        })?;
        Ok(Value::Deferred(elements))
    }

    /// Calls `take` at each element of an array without a type: with its marker, and with what was left before that.
    fn each_element(
        &mut self,
        mut take: impl FnMut(&mut Self, u8, &'a [u8]) -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        let counted = if self.skip(b'#') { Some(self.count(1)?) } else { None };
        let mut taken = 0;
        while counted.is_none_or(|count| taken < count) {
            let before = self.rest;
            let marker = self.marker()?;
            if counted.is_none() && marker == b']' {
                break;
            }
            take(self, marker, before)?;
            taken += 1;
        }
        Ok(())
    }

    /// Steps over a value.
    fn skip_value(&mut self, marker: u8, depth: usize) -> Result<(), LoadError> {
        if depth > MAX_DEPTH {
            return Err(self.fault(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        match marker {
            b'[' if self.skip(b'$') => self.packed().map(drop),
            b'[' => self.each_element(|reader, marker, _| reader.skip_value(marker, depth + 1)),
            b'{' => {
                let counted = if self.skip(b'#') { Some(self.count(1)?) } else { None };
                let mut taken = 0;
                while counted.is_none_or(|count| taken < count) {
                    while self.skip(b'N') {}
                    if counted.is_none() && self.skip(b'}') {
                        break;
                    }
                    let len = self.count(1)?;
                    self.take(len)?;
                    let marker = self.marker()?;
                    self.skip_value(marker, depth + 1)?;
                    taken += 1;
                }
                Ok(())
            }
            _ => self.value(marker, depth).map(drop),
        }
    }
}
