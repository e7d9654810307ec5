//! Records of comma-separated text, by RFC 4180 as spreadsheets, pandas and R write it.
//!
//! Lines end in LF, CRLF or CR. A cell may stand in quotes, and then holds commas, line ends and, doubled, quotes. A byte
//! order mark at the start does not count, nor do blank lines at the end; a blank line before a record is a record of its
//! own, which no reader takes.

use std::io::{self, BufRead, ErrorKind};

use csv_core::ReadRecordResult;
use memchr::{Memchr, memchr_iter, memchr3};

/// Longest record in bytes. A quote that is never closed would otherwise hold a whole file.
const LONGEST_RECORD: usize = 64 * 1024 * 1024;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads records one by one; what stands whole in the reader's buffer and has no quotes is not copied.
pub struct Records<R> {
    input: R,
    /// Bytes of the reader's buffer that the last record still occupies.
    occupied: usize,
    started: bool,
    after_return: bool,
    /// Blank lines that have been seen and not been given: at the end of the text they count for nothing.
    blank: u64,
    /// The record after them.
    held: Option<Scanned>,
    line: u64,
    bytes: u64,
    /// Made for the first quote: its tables cost more than a short body.
    quoted: Option<Box<csv_core::Reader>>,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// A record that has been found.
#[derive(Clone, Copy)]
struct Scanned {
    place: Place,
    lines: u64,
}

#[derive(Clone, Copy)]
enum Place {
    /// So many bytes at the start of the reader's buffer.
    Buffer(usize),
    /// All of `text`.
    Copied,
    /// So many cells in `text`, which `ends` delimit.
    Cells(usize),
    /// A quote is open at the end of the text.
    Unclosed,
}

/// Why there is no next record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The record is no text. Reading can go on behind it.
    #[error("line {0} is not UTF-8")]
    NotUtf8(u64),
    /// The input cannot be read on.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// One record.
#[derive(Clone, Copy)]
pub struct Record<'r> {
    /// Line of the text that it begins in, 1-based.
    pub line: u64,
    content: Content<'r>,
}

#[derive(Clone, Copy)]
enum Content<'r> {
    Blank,
    Unclosed,
    Plain(&'r str),
    Cells { text: &'r str, ends: &'r [usize] },
}

impl<R: BufRead> Records<R> {
    /// The records of `input`.
    pub fn new(input: R) -> Self {
        Self {
            input,
            occupied: 0,
            started: false,
            after_return: false,
            blank: 0,
            held: None,
            line: 1,
            bytes: 0,
            quoted: None,
            text: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Line of the next record, 1-based.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Bytes read so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// The input cannot be read, or the record is not UTF-8 or longer than 64 MiB.
    #[allow(clippy::should_implement_trait, reason = "the record borrows from the reader")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        let scanned = match self.held.take() {
            Some(scanned) => scanned,
            None => loop {
                let Some(scanned) = self.scan()? else { return Ok(None) };
                if !self.is_blank(scanned)? {
                    break scanned;
                }
                self.blank += 1;
            },
        };
        let line = self.line;
        if self.blank > 0 {
            self.blank -= 1;
            self.line += 1;
            self.held = Some(scanned);
            return Ok(Some(Record { line, content: Content::Blank }));
        }
        self.line += scanned.lines;
        let text = |bytes| str::from_utf8(bytes).map_err(|_| RecordError::NotUtf8(line));
        let content = match scanned.place {
            Place::Buffer(length) => Content::Plain(text(&self.input.fill_buf()?[..length])?),
            Place::Copied => Content::Plain(text(&self.text)?),
            Place::Cells(cells) => {
                let (text, ends) = (text(&self.text)?, &self.ends[..cells]);
                // Each cell must be UTF-8: a character's bytes on both sides of a comma are not.
                if !ends.iter().all(|end| text.is_char_boundary(*end)) {
                    return Err(RecordError::NotUtf8(line));
                }
                Content::Cells { text, ends }
            }
            Place::Unclosed => Content::Unclosed,
        };
        Ok(Some(Record { line, content }))
    }

    fn is_blank(&mut self, scanned: Scanned) -> io::Result<bool> {
        Ok(match scanned.place {
            Place::Buffer(length) => self.input.fill_buf()?[..length].trim_ascii().is_empty(),
            Place::Copied => self.text.trim_ascii().is_empty(),
            Place::Cells(_) | Place::Unclosed => false,
        })
    }

    fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.bytes += count as u64;
    }

    fn start(&mut self) -> io::Result<()> {
        if !self.started {
            self.started = true;
            if fill(&mut self.input)?.starts_with(BYTE_ORDER_MARK) {
                self.consume(BYTE_ORDER_MARK.len());
            }
        }
        Ok(())
    }

    /// Finds the end of the next record.
    fn scan(&mut self) -> io::Result<Option<Scanned>> {
        self.start()?;
        let occupied = std::mem::take(&mut self.occupied);
        self.consume(occupied);
        self.text.clear();
        loop {
            let buffer = fill(&mut self.input)?;
            if buffer.is_empty() {
                let rest = Scanned { place: Place::Copied, lines: 1 };
                return Ok((!self.text.is_empty()).then_some(rest));
            }
            if std::mem::take(&mut self.after_return) && buffer[0] == b'\n' {
                self.consume(1);
                continue;
            }
            let end = memchr3(b'\n', b'\r', b'"', buffer);
            match end {
                Some(end) if buffer[end] == b'"' => return self.scan_quoted().map(Some),
                Some(end) => {
                    self.after_return = buffer[end] == b'\r';
                    let place = if self.text.is_empty() {
                        self.occupied = end + 1;
                        Place::Buffer(end)
                    } else {
                        self.text.extend_from_slice(&buffer[..end]);
                        self.consume(end + 1);
                        Place::Copied
                    };
                    return Ok(Some(Scanned { place, lines: 1 }));
                }
                None => {
                    let count = buffer.len();
                    self.text.extend_from_slice(buffer);
                    self.consume(count);
                    bounded(self.text.len())?;
                }
            }
        }
    }

    /// A record with quotes; `text` holds what of it has been consumed.
    fn scan_quoted(&mut self) -> io::Result<Scanned> {
        let consumed = std::mem::take(&mut self.text);
        let mut rest = &consumed[..];
        let (mut written, mut cells, mut quotes, mut last) = (0, 0, 0, 0);
        let quoted = self.quoted.get_or_insert_with(|| Box::new(csv_core::Reader::new()));
        quoted.reset();
        loop {
            let from_buffer = rest.is_empty();
            let input = if from_buffer { fill(&mut self.input)? } else { rest };
            let at_end = input.is_empty();
            let (result, read, wrote, ended) =
                quoted.read_record(input, &mut self.text[written..], &mut self.ends[cells..]);
            quotes += memchr_iter(b'"', &input[..read]).count();
            last = input[..read].last().copied().unwrap_or(last);
            written += wrote;
            cells += ended;
            if from_buffer {
                self.input.consume(read);
                self.bytes += read as u64;
            } else {
                rest = &rest[read..];
            }
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    bounded(written)?;
                    self.text.resize((2 * written).max(256), 0);
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize((2 * cells).max(32), 0),
                ReadRecordResult::Record | ReadRecordResult::End => {
                    self.text.truncate(written);
                    self.after_return = last == b'\r';
                    let place = if at_end && quotes % 2 == 1 { Place::Unclosed } else { Place::Cells(cells) };
                    return Ok(Scanned { place, lines: 1 + line_ends(&self.text) });
                }
            }
        }
    }
}

/// The buffer of `input`, filled if it was empty.
fn fill(input: &mut impl BufRead) -> io::Result<&[u8]> {
    loop {
        match input.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    // Again, for the borrow checker: a filled buffer is returned as it is.
    input.fill_buf()
}

fn bounded(length: usize) -> io::Result<()> {
    if length <= LONGEST_RECORD {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::InvalidData, "a record is longer than 64 MiB; is a quote not closed?"))
}

fn line_ends(text: &[u8]) -> u64 {
    let pairs = text.windows(2).filter(|pair| pair == b"\r\n").count();
    (memchr::memchr2_iter(b'\n', b'\r', text).count() - pairs) as u64
}

impl<'r> Record<'r> {
    /// Its cells, out of their quotes, blanks around them kept.
    #[must_use]
    pub fn cells(&self) -> Cells<'r> {
        match self.content {
            Content::Plain(text) => {
                Cells::Plain { text, commas: memchr_iter(b',', text.as_bytes()), start: Some(0) }
            }
            Content::Cells { text, ends } => Cells::Quoted { text, ends: ends.iter(), start: 0 },
            Content::Blank | Content::Unclosed => Cells::Quoted { text: "", ends: [].iter(), start: 0 },
        }
    }

    /// The whole line, where no cell of it is in quotes.
    #[must_use]
    pub fn plain(&self) -> Option<&'r str> {
        match self.content {
            Content::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// Why no reader takes it, if none does.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        match self.content {
            Content::Blank => Some("the line is blank"),
            Content::Unclosed => Some("a quote is opened and never closed"),
            Content::Plain(_) | Content::Cells { .. } => None,
        }
    }
}

/// The cells of a record.
pub enum Cells<'r> {
    /// The text of a line, not a quote in it.
    Plain {
        /// The line.
        text: &'r str,
        /// The ends of all cells but the last.
        commas: Memchr<'r>,
        /// Where the next cell begins, if there is one.
        start: Option<usize>,
    },
    /// Cells one after the other.
    Quoted {
        /// Their text.
        text: &'r str,
        /// Where each ends.
        ends: std::slice::Iter<'r, usize>,
        /// Where the next begins.
        start: usize,
    },
}

impl<'r> Iterator for Cells<'r> {
    type Item = &'r str;

    fn next(&mut self) -> Option<&'r str> {
        match self {
            Self::Plain { text, commas, start } => {
                let from = (*start)?;
                let end = commas.next();
                *start = end.map(|end| end + 1);
                Some(&text[from..end.unwrap_or(text.len())])
            }
            Self::Quoted { text, ends, start } => {
                let end = *ends.next()?;
                Some(unpadded(&text[std::mem::replace(start, end)..end]))
            }
        }
    }
}

/// RFC 4180 has no blanks before a quote; people write them, after commas.
fn unpadded(cell: &str) -> &str {
    let inner = cell.trim_ascii().strip_prefix('"').and_then(|cell| cell.strip_suffix('"'));
    inner.filter(|_| cell.starts_with([' ', '\t'])).unwrap_or(cell)
}

#[cfg(test)]
mod tests;
