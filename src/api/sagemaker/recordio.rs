//! Protocol buffers in the frames of `RecordIO`, as SageMaker's algorithms exchange records.
//!
//! A frame is a magic number and a length, 32-bit integers in little-endian order, and so many bytes, filled up with zeros to a
//! multiple of four (`RecordIO` of apache/mxnet). The fields are those of `record.proto` of aws/sagemaker-containers.

use std::collections::BTreeMap;

use prost::{Message, Oneof};

const MAGIC: u32 = 0xCED7_230A;
const HEAD: usize = 8;
const ALIGNMENT: usize = 4;

/// One record: a row, or what is answered to one.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Record {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) features: BTreeMap<String, Value>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(super) label: BTreeMap<String, Value>,
}

/// A value of a record.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(oneof = "Tensor", tags = "2, 3, 7, 9")]
    pub(super) tensor: Option<Tensor>,
}

/// Numbers of one type, or bytes.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Tensor {
    #[prost(message, tag = "2")]
    Float32(Float32Tensor),
    #[prost(message, tag = "3")]
    Float64(Float64Tensor),
    #[prost(message, tag = "7")]
    Int32(Int32Tensor),
    #[prost(message, tag = "9")]
    Bytes(BytesValue),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Float32Tensor {
    #[prost(float, repeated, tag = "1")]
    pub(super) values: Vec<f32>,
    #[prost(uint64, repeated, tag = "2")]
    pub(super) keys: Vec<u64>,
    #[prost(uint64, repeated, tag = "3")]
    pub(super) shape: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Float64Tensor {
    #[prost(double, repeated, tag = "1")]
    pub(super) values: Vec<f64>,
    #[prost(uint64, repeated, tag = "2")]
    pub(super) keys: Vec<u64>,
    #[prost(uint64, repeated, tag = "3")]
    pub(super) shape: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Int32Tensor {
    #[prost(int32, repeated, tag = "1")]
    pub(super) values: Vec<i32>,
    #[prost(uint64, repeated, tag = "2")]
    pub(super) keys: Vec<u64>,
    #[prost(uint64, repeated, tag = "3")]
    pub(super) shape: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct BytesValue {
    #[prost(bytes = "vec", repeated, tag = "1")]
    value: Vec<Vec<u8>>,
}

/// The records in `bytes`; after one that is none there are no others.
pub(super) fn frames(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], String>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (frame, after) = match split(rest) {
            Ok((frame, after)) => (Ok(frame), after),
            Err(what) => (Err(what), &rest[rest.len()..]),
        };
        rest = after;
        Some(frame)
    })
}

fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().expect("four bytes: this is a bug")))
    };
    let (Some(magic), Some(length)) = (number(0), number(4)) else {
        return Err(format!("{} bytes where a record of at least {HEAD} was expected", bytes.len()));
    };
    if magic != MAGIC {
        return Err(format!(
            "it begins with {magic:#010x}, not with the magic number of RecordIO, {MAGIC:#010x}"
        ));
    }
    let (length, rest) = (length as usize, &bytes[HEAD..]);
    match (rest.get(..length), rest.get(length.next_multiple_of(ALIGNMENT)..)) {
        (Some(frame), Some(after)) => Ok((frame, after)),
        _ => Err(format!("it is cut off: {length} bytes are announced, {} follow", rest.len())),
    }
}

/// Appends `record` in a frame.
pub(super) fn write(record: &Record, out: &mut Vec<u8>) {
    let bytes = record.encode_to_vec();
    let length = u32::try_from(bytes.len()).expect("an answer to one row has no 4 GiB: this is a bug");
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&bytes);
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
}

impl From<Vec<f32>> for Value {
    fn from(values: Vec<f32>) -> Self {
        let tensor = Float32Tensor { values, keys: Vec::new(), shape: Vec::new() };
        Self { tensor: Some(Tensor::Float32(tensor)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_are_written_and_nothing_else() {
        let label = BTreeMap::from([("score".to_owned(), Value::from(vec![0.5_f32]))]);
        let record = Record { features: BTreeMap::new(), label };
        let mut bytes = Vec::new();
        write(&record, &mut bytes);
        write(&record, &mut bytes);
        let read: Vec<_> = frames(&bytes).map(|frame| Record::decode(frame.unwrap()).unwrap()).collect();
        assert_eq!(read, [record.clone(), record]);
        for cut in 1..bytes.len() {
            let whole = cut == bytes.len() / 2;
            assert_eq!(frames(&bytes[..cut]).all(|frame| frame.is_ok()), whole, "{cut}");
        }
        let mut huge = MAGIC.to_le_bytes().to_vec();
        huge.extend_from_slice(&u32::MAX.to_le_bytes());
        assert!(frames(&huge).next().unwrap().unwrap_err().contains("cut off"));
        assert!(frames(b"0 0:1 1:2").next().unwrap().unwrap_err().contains("magic"));
    }
}
