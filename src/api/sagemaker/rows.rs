//! Rows as the container reads them.
//!
//! What it cannot read it answers with 415, and with 400 what it reads and the model does not take. A row with fewer columns
//! than the model has features is where this service differs: the container scores it, with the columns that are not there as
//! missing, which is a silent wrong answer. Here it is refused, unless `compat.sagemaker` is "exact".

mod csv;
mod libsvm;
mod python;
mod records;

use super::media::Form;
use super::recordio;
use crate::admission::Lease;
use crate::api::body::no_room;
use crate::api::fault::{Code, Fault};
use crate::row::{Batch, RowLimits};

/// Largest room for rows whose columns are not all written out, in bytes: a few letters may stand for thousands of columns.
const LARGEST: usize = 64 * 1024 * 1024;
/// Up to this size such room needs no leave.
const FREE: usize = 64 * 1024;

/// What rows have to be.
pub(super) struct Wanted {
    /// The number of the model's features.
    pub(super) width: usize,
    /// Most rows.
    pub(super) rows: usize,
    /// Whether short rows are scored.
    pub(super) is_exact: bool,
    /// The room for all bodies.
    pub(super) memory: Lease,
}

/// The rows of `body`, each as wide as the model.
pub(super) fn read(form: Form, body: &[u8], wanted: &mut Wanted) -> Result<Batch, Fault> {
    match form {
        Form::Csv => csv::read(body, wanted),
        Form::Libsvm => libsvm::read(body, wanted),
        Form::Recordio => records::read(body, wanted),
    }
}

/// About how many rows `body` holds, to be known before it is read.
pub(super) fn likely_count(form: Form, body: &[u8]) -> usize {
    match form {
        Form::Csv | Form::Libsvm => memchr::memchr_iter(b'\n', body).count() + 1,
        Form::Recordio => recordio::frames(body).count(),
    }
}

impl Wanted {
    /// Whether one more row may follow `count` rows.
    fn check_count(&self, count: usize) -> Result<(), Fault> {
        Ok(RowLimits { rows: self.rows, all_or_nothing: true }.check(count)?)
    }

    /// No rows yet, with room for `count` whose columns are not all written out.
    fn room(&mut self, count: usize) -> Result<Batch, Fault> {
        let size = count.saturating_mul(self.width).saturating_mul(size_of::<f32>());
        if size > LARGEST {
            let what = format!(
                "{count} rows of {} features take more than {LARGEST} bytes; send them in several requests",
                self.width
            );
            return Err(Fault::new(Code::RowsTooLarge, what));
        }
        if size > FREE {
            self.memory.grow(size).map_err(no_room)?;
        }
        Ok(Batch::new(self.width))
    }

    /// Whether rows of `columns` columns, all written out, may be scored.
    fn check_width(&self, columns: usize) -> Result<(), Fault> {
        let width = self.width;
        if columns > width {
            return Err(not_scored(format!(
                "({width} vs. {columns}) : Number of columns does not match number of features in booster."
            )));
        }
        if columns < width && !self.is_exact {
            return Err(not_scored(format!(
                "({width} vs. {columns}) : the rows have fewer columns than the model has features; the XGBoost container \
                 would score them with the others as missing, which compat.sagemaker = \"exact\" brings back"
            )));
        }
        Ok(())
    }
}

/// A row that cannot be read (1-based), or a whole body.
fn unreadable(form: Form, row: Option<usize>, what: &str) -> Fault {
    let name = form.name();
    let place = row.map(|row| format!("row {row}: ")).unwrap_or_default();
    let detail = format!("Loading {name} data failed, please ensure data is in {name} format: {place}{what}");
    Fault { row, ..Fault::new(Code::UnsupportedMediaType, detail) }
}

/// Rows that can be read and not scored.
pub(super) fn not_scored(what: impl std::fmt::Display) -> Fault {
    Fault::new(Code::Malformed, format!("Unable to evaluate payload provided: {what}"))
}

/// The text of `body` without blanks around it; Python has one more of them than Rust, the vertical tab.
fn text(form: Form, body: &[u8]) -> Result<&str, Fault> {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = body.iter().position(|byte| !is_blank(byte)).unwrap_or(body.len());
    let end = body.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    std::str::from_utf8(&body[start..end])
        .map_err(|error| unreadable(form, None, &format!("no UTF-8: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::{Admission, AdmissionLimits};

    fn read_wide(width: usize, bytes: usize, body: &str) -> Result<Batch, Fault> {
        let memory = Admission::new(AdmissionLimits { at_once: 1, rows: 1, bytes }).body();
        read(Form::Libsvm, body.as_bytes(), &mut Wanted { width, rows: 1000, is_exact: false, memory })
    }

    /// Whatever the bytes, there are whole rows or an error.
    #[test]
    fn no_body_panics() {
        let mut record = 0xced7_230a_u32.to_le_bytes().to_vec();
        record.extend_from_slice(
            b"\x1c\0\0\0\x0a\x1a\x0a\x06values\x12\x10\x12\x0e\x0a\x0c\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40",
        );
        let sparse = b"\x0a\x23\xd7\xce\x24\0\0\0\x0a\x22\x0a\x06values\x12\x18\x12\x16\x0a\x0c\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\x12\x03\0\x01\x02\x1a\x01\x03";
        let mut random = fastrand::Rng::with_seed(12);
        for (form, body) in [
            (Form::Csv, &b"1,2,3\n4;5 6\n,nan,1_0\r\n"[..]),
            (Form::Libsvm, b"1 0:1 1:2\n0 2:nan 1:1e3\n"),
            (Form::Recordio, &record),
            (Form::Recordio, sparse),
        ] {
            assert_eq!(read_as(form, body).is_ok(), form != Form::Csv);
            let mut whole = 0;
            for _ in 0..20_000 {
                let mut body = body.repeat(random.usize(1..3));
                for _ in 0..random.usize(0..4) {
                    let at = random.usize(..body.len());
                    body[at] = if random.bool() {
                        random.u8(..)
                    } else {
                        *random.choice(b"0123 ,;:-_.enai\n").expect("a byte")
                    };
                }
                body.truncate(random.usize(1..=body.len()));
                if let Ok(rows) = read_as(form, &body) {
                    assert!(rows.values().iter().all(|value| !value.is_infinite()), "{body:?}");
                    whole += 1;
                }
            }
            assert!(whole > 100, "{form:?}: {whole}");
        }
    }

    fn read_as(form: Form, body: &[u8]) -> Result<Batch, Fault> {
        let memory = Admission::default().body();
        read(form, body, &mut Wanted { width: 3, rows: 1000, is_exact: true, memory })
    }

    /// A line of four bytes may stand for a row of a million columns.
    #[test]
    fn rows_that_are_not_written_out_have_room_up_to_a_limit() {
        let rows = "0:1\n".repeat(100);
        assert_eq!(read_wide(160_000, LARGEST, &rows).unwrap().len(), 100);
        assert_eq!(read_wide(170_000, LARGEST, &rows).unwrap_err().code, Code::RowsTooLarge);
        assert_eq!(read_wide(160_000, LARGEST / 2, &rows).unwrap_err().code, Code::Overloaded);
        assert_eq!(read_wide(160, 0, &rows).unwrap().len(), 100);
        assert_eq!(read_wide(3, 0, &"0:1\n".repeat(1001)).unwrap_err().code, Code::RowsTooLarge);
    }
}
