//! libsvm text as the container reads it: `index:value` between blanks; a word without a colon, as a label is, counts for nothing.
//!
//! Where the smallest index of a body is 1 or more, indices count from 1 and go down by one, as of release 3.2. What is not named is
//! missing.

use super::{Form, Wanted, not_scored, python, text, unreadable};
use crate::api::fault::Fault;
use crate::row::{Batch, excerpt};

/// A value and where it stands.
struct Entry {
    row: usize,
    index: i64,
    value: f32,
}

pub(super) fn read(body: &[u8], wanted: &mut Wanted) -> Result<Batch, Fault> {
    let text = text(Form::Libsvm, body)?;
    let (mut entries, mut count) = (Vec::new(), 0);
    for line in text.split('\n') {
        wanted.check_count(count)?;
        if line.trim_ascii().is_empty() && !wanted.is_exact {
            return Err(unreadable(Form::Libsvm, Some(count + 1), "the line is empty"));
        }
        for word in line.split(' ').filter(|word| word.contains(':')) {
            let (index, value) =
                entry(word).map_err(|what| unreadable(Form::Libsvm, Some(count + 1), &what))?;
            entries.push(Entry { row: count, index, value });
        }
        count += 1;
    }
    let Some(smallest) = entries.iter().map(|entry| entry.index).min() else {
        return Err(unreadable(Form::Libsvm, None, "expected index:value between blanks, and there is none"));
    };
    if smallest < 0 {
        return Err(unreadable(Form::Libsvm, None, &format!("index {smallest} is negative")));
    }
    if wanted.is_exact {
        // Rows without a value end with the last one that has any.
        count = entries.last().map_or(0, |entry| entry.row + 1);
    }
    let shift = i64::from(smallest >= 1);
    dense(&entries, count, shift, wanted)
}

/// `index:value`, whatever follows a second colon.
fn entry(word: &str) -> Result<(i64, f32), String> {
    let mut parts = word.split(':');
    let (index, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let index = python::integer(index).ok_or_else(|| format!("{:?} is no index", excerpt(index)))?;
    Ok((index, python::value(value).map_err(|what| format!("index {index}: {what}"))?))
}

fn dense(entries: &[Entry], count: usize, shift: i64, wanted: &mut Wanted) -> Result<Batch, Fault> {
    let width = wanted.width;
    let largest = entries.iter().map(|entry| entry.index - shift).max().unwrap_or_default();
    if usize::try_from(largest).is_ok_and(|largest| largest >= width) {
        let columns = largest.saturating_add(1);
        return Err(not_scored(format!(
            "({width} vs. {columns}) : Number of columns does not match number of features in booster."
        )));
    }
    let mut rows = wanted.room(count)?;
    let mut entries = entries.iter().peekable();
    let (mut row, mut is_named) = (vec![f32::NAN; width], vec![usize::MAX; width]);
    for at in 0..count {
        row.fill(f32::NAN);
        while let Some(entry) = entries.next_if(|entry| entry.row == at) {
            let index = usize::try_from(entry.index - shift)
                .expect("indices are compared with the width: this is a bug");
            if std::mem::replace(&mut is_named[index], at) != at {
                row[index] = entry.value;
            } else if wanted.is_exact {
                row[index] += entry.value;
            } else {
                let what = format!("index {} is given twice", entry.index);
                return Err(unreadable(Form::Libsvm, Some(at + 1), &what));
            }
        }
        rows.push(&row);
    }
    Ok(rows)
}
