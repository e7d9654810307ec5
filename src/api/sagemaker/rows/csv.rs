//! CSV as the container reads it: no quotes, no header, whatever stands between the numbers.
//!
//! The delimiter is the one that Python's `csv.Sniffer` finds in the first 512 characters of the first line. An empty cell is a
//! missing value, and a cell of blanks none.

use super::{Form, Wanted, python, text, unreadable};
use crate::api::fault::Fault;
use crate::row::Batch;

/// What the sniffer prefers, in order.
const PREFERRED: [char; 5] = [',', '\t', ';', ' ', ':'];
/// How much of the first line it sees, in characters.
const SEEN: usize = 512;

pub(super) fn read(body: &[u8], wanted: &mut Wanted) -> Result<Batch, Fault> {
    let text = text(Form::Csv, body)?;
    let first = text.split('\n').next().unwrap_or_default();
    let delimiter =
        delimiter(first).ok_or_else(|| unreadable(Form::Csv, None, "Could not determine delimiter"))?;
    let (mut cells, mut count, mut columns) = (Vec::new(), 0, 0);
    for line in text.split('\n') {
        wanted.check_count(count)?;
        count += 1;
        let before = cells.len();
        for cell in line.split(delimiter) {
            let value = if cell.is_empty() { Ok(f32::NAN) } else { python::value(cell) };
            cells.push(value.map_err(|what| {
                let what = format!("column {}: {what}", cells.len() - before + 1);
                unreadable(Form::Csv, Some(count), &what)
            })?);
        }
        let found = cells.len() - before;
        if count == 1 {
            columns = found;
        } else if found != columns {
            let what = format!("it has {found} columns, and the first row {columns}");
            return Err(unreadable(Form::Csv, Some(count), &what));
        }
    }
    wanted.check_width(columns)?;
    let mut rows = if columns < wanted.width { wanted.room(count)? } else { Batch::new(wanted.width) };
    let mut whole = vec![f32::NAN; wanted.width];
    for row in cells.chunks_exact(columns) {
        whole[..columns].copy_from_slice(row);
        rows.push(&whole);
    }
    Ok(rows)
}

/// The delimiter of a line (`Sniffer._guess_delimiter` of `CPython`'s `csv.py` for a sample of one line): of the characters
/// below DEL that occur, the first of the preferred ones, else the most frequent, the last of several. A letter or digit stands for a comma.
fn delimiter(line: &str) -> Option<char> {
    let mut counts = [0_usize; 127];
    for c in line.chars().take(SEEN) {
        if let Some(count) = counts.get_mut(c as usize) {
            *count += 1;
        }
    }
    let occurs = |c: &char| counts[*c as usize] > 0;
    let most =
        (0..127_u8).filter(|c| counts[usize::from(*c)] > 0).max_by_key(|c| (counts[usize::from(*c)], *c));
    let found = PREFERRED.into_iter().find(occurs).or(most.map(char::from))?;
    Some(if found.is_ascii_alphanumeric() { ',' } else { found })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each as `csv.Sniffer().sniff(line).delimiter` of `CPython` 3.11.
    #[test]
    fn like_the_sniffer() {
        for (line, found) in [
            ("1,2,3", ','),
            ("1;2;3", ';'),
            ("1\t2\t3", '\t'),
            ("1 2 3", ' '),
            ("1|2|3", '|'),
            ("1,2;3", ','),
            ("1, 2", ','),
            ("0.5", ','),
            ("-1.25\r", ','),
            ("1|1|1", ','),
            ("1:2", ':'),
            ("1__2", '_'),
            ("|", '|'),
        ] {
            assert_eq!(delimiter(line), Some(found), "{line:?}");
        }
        assert_eq!(delimiter(""), None);
        assert_eq!(delimiter(&format!("{}1;2", "1,".repeat(300))), Some(','));
        assert_eq!(delimiter(&format!("{};", "1".repeat(512))), Some(','));
    }
}
