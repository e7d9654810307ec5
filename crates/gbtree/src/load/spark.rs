//! What Spark puts before a model: xgboost4j-spark 0.7's own header, or the class count of its ML writer.

use super::binary;

/// Where the model starts behind a Spark header; `None` if there is no such header.
pub(super) fn model_start(bytes: &[u8]) -> Option<usize> {
    class_count(bytes).or_else(|| column_names(bytes))
}

/// `DataOutputStream.writeInt(numClasses)`, then the model in any form.
fn class_count(bytes: &[u8]) -> Option<usize> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    let classes = u32::from_be_bytes(*head);
    let model = rest.starts_with(b"{L") || rest.starts_with(b"{\"") || binary::announces(rest);
    ((2..1 << 16).contains(&classes) && model).then_some(4)
}

/// `writeUTF` of `_cls_` or `_reg_` and of the column names; for classifiers the thresholds follow.
fn column_names(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let utf = |at: &mut usize| -> Option<&[u8]> {
        let head = bytes.get(*at..)?.first_chunk::<2>()?;
        let start = *at + 2;
        *at = start + usize::from(u16::from_be_bytes(*head));
        bytes.get(start..*at)
    };
    let classifier = match utf(&mut at)? {
        b"_cls_" => true,
        b"_reg_" => false,
        _ => return None,
    };
    for _ in 0..if classifier { 4 } else { 3 } {
        utf(&mut at)?;
    }
    if classifier {
        let thresholds = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
        at = at.checked_add(4)?.checked_add(usize::try_from(thresholds).ok()?.checked_mul(8)?)?;
    }
    bytes.get(at..).is_some_and(binary::announces).then_some(at)
}
