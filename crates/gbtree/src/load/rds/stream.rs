//! The numbers and letters of both forms: lines of text, or big-endian bytes.

use super::fault;
use super::reader::Reader;
use crate::LoadError;

impl<'a> Reader<'a, '_> {
    pub(super) fn fault(&self, what: impl Into<String>) -> LoadError {
        fault(self.at, what)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], LoadError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if len > rest.len() {
            return Err(self.fault(format!("{len} bytes were announced, {} are left", rest.len())));
        }
        self.at += len;
        Ok(&rest[..len])
    }

    /// A line of text without its end.
    pub(super) fn line(&mut self) -> Result<&'a [u8], LoadError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            return Err(self.fault("a line has no end"));
        };
        self.at += end + 1;
        Ok(rest[..end].trim_ascii())
    }

    pub(super) fn int(&mut self) -> Result<i32, LoadError> {
        if self.text {
            let line = self.line()?;
            if line == b"NA" {
                return Ok(i32::MIN);
            }
            let parsed = std::str::from_utf8(line).ok().and_then(|line| line.parse().ok());
            return parsed.ok_or_else(|| self.fault("a line is not an integer"));
        }
        let mut raw = [0; 4];
        raw.copy_from_slice(self.take(4)?);
        Ok(i32::from_be_bytes(raw))
    }

    /// A length of things that take at least `unit` bytes each, so the file bounds it.
    pub(super) fn len(&mut self, unit: usize) -> Result<usize, LoadError> {
        let int = self.int()?;
        let len = if int == -1 {
            // Long vectors: two halves follow.
            let (high, low) = (self.int()?, self.int()?);
            (u64::from(high.cast_unsigned()) << 32) | u64::from(low.cast_unsigned())
        } else {
            u64::try_from(int).map_err(|_| self.fault(format!("a length of {int}")))?
        };
        let left = self.bytes.len().saturating_sub(self.at);
        match usize::try_from(len) {
            Ok(len) if len <= left / unit => Ok(len),
            _ => Err(self.fault(format!("a length of {len} was announced, {left} bytes are left"))),
        }
    }

    /// Characters: as they stand, or in text with C's escapes.
    pub(super) fn letters(&mut self, len: usize) -> Result<String, LoadError> {
        self.budget.charge(len)?;
        if !self.text {
            return Ok(String::from_utf8_lossy(self.take(len)?).into_owned());
        }
        let line = self.line()?;
        Ok(String::from_utf8_lossy(&unescape(line)).into_owned())
    }

    /// Skips numbers: lines of text, or so many bytes each.
    pub(super) fn numbers(&mut self, lines: usize, width: usize) -> Result<(), LoadError> {
        let count = self.len(if self.text { 2 } else { width })?;
        if self.text {
            for _ in 0..count.saturating_mul(lines) {
                self.line()?;
            }
            return Ok(());
        }
        self.take(count * width).map(drop)
    }
}

/// Undoes C's escapes.
fn unescape(line: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(line.len());
    let mut rest = line;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            plain.push(*byte);
            continue;
        }
        let digits = rest.iter().take(3).take_while(|digit| matches!(digit, b'0'..=b'7')).count();
        if digits > 0 {
            let code = rest[..digits].iter().fold(0_u32, |code, digit| code * 8 + u32::from(digit - b'0'));
            plain.push(code as u8);
            rest = &rest[digits..];
        } else if let [letter, tail @ ..] = rest {
            plain.push(match letter {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                other => *other,
            });
            rest = tail;
        }
    }
    plain
}
