//! The datatypes of tensors, and their values as little-endian bytes.

use half::{bf16, f16};

/// A datatype whose values are numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Bf16,
    Fp32,
    Fp64,
}

/// Every datatype with its name and the bytes of a value.
const ALL: [(&str, Datatype, usize); 13] = [
    ("BOOL", Datatype::Bool, 1),
    ("UINT8", Datatype::Uint8, 1),
    ("UINT16", Datatype::Uint16, 2),
    ("UINT32", Datatype::Uint32, 4),
    ("UINT64", Datatype::Uint64, 8),
    ("INT8", Datatype::Int8, 1),
    ("INT16", Datatype::Int16, 2),
    ("INT32", Datatype::Int32, 4),
    ("INT64", Datatype::Int64, 8),
    ("FP16", Datatype::Fp16, 2),
    ("BF16", Datatype::Bf16, 2),
    ("FP32", Datatype::Fp32, 4),
    ("FP64", Datatype::Fp64, 8),
];

impl Datatype {
    /// The datatype of that name; the error says what was expected.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let found = ALL.iter().find(|(known, ..)| *known == name).map(|(_, datatype, _)| *datatype);
        found.ok_or_else(|| {
            let names: Vec<_> = ALL.iter().map(|(name, ..)| *name).collect();
            format!(
                "datatype {:?} holds no numbers; expected one of {}",
                crate::row::excerpt(name),
                names.join(", ")
            )
        })
    }

    fn entry(self) -> &'static (&'static str, Self, usize) {
        ALL.iter().find(|(_, datatype, _)| *datatype == self).expect("a line per datatype: its lack is a bug")
    }

    /// Its name on the wire.
    pub(super) fn name(self) -> &'static str {
        self.entry().0
    }

    /// Bytes of one value.
    pub(super) fn size(self) -> usize {
        self.entry().2
    }

    /// Whether its values are whole numbers.
    pub(super) fn is_whole(self) -> bool {
        !matches!(self, Self::Bool | Self::Fp16 | Self::Bf16 | Self::Fp32 | Self::Fp64)
    }

    /// The values of `bytes`, a whole number of them. Like those of JSON they go through float64 to float32.
    pub(super) fn read(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::Bool => values(bytes, |[byte]| f32::from(u8::from(byte != 0))),
            Self::Uint8 => values(bytes, |[byte]| f32::from(byte)),
            Self::Uint16 => values(bytes, |bytes| f32::from(u16::from_le_bytes(bytes))),
            Self::Uint32 => values(bytes, |bytes| f64::from(u32::from_le_bytes(bytes)) as f32),
            Self::Uint64 => values(bytes, |bytes| u64::from_le_bytes(bytes) as f64 as f32),
            Self::Int8 => values(bytes, |bytes| f32::from(i8::from_le_bytes(bytes))),
            Self::Int16 => values(bytes, |bytes| f32::from(i16::from_le_bytes(bytes))),
            Self::Int32 => values(bytes, |bytes| f64::from(i32::from_le_bytes(bytes)) as f32),
            Self::Int64 => values(bytes, |bytes| i64::from_le_bytes(bytes) as f64 as f32),
            Self::Fp16 => values(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Self::Bf16 => values(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            Self::Fp32 => values(bytes, f32::from_le_bytes),
            Self::Fp64 => values(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
        }
    }
}

fn values<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| value(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_datatype_reads_its_bytes() {
        for (name, datatype, size) in ALL {
            assert_eq!(Datatype::parse(name), Ok(datatype));
            assert_eq!((datatype.name(), datatype.size()), (name, size));
        }
        assert!(Datatype::parse("BYTES").unwrap_err().contains("expected one of BOOL, "));
        assert!(Datatype::parse("fp32").is_err());
        let read = |datatype: Datatype, bytes: &[u8]| datatype.read(bytes);
        assert_eq!(read(Datatype::Bool, &[0, 1, 2]), [0.0, 1.0, 1.0]);
        assert_eq!(read(Datatype::Uint8, &[255]), [255.0]);
        assert_eq!(read(Datatype::Int8, &[255]), [-1.0]);
        assert_eq!(read(Datatype::Uint16, &[255, 255, 1, 0]), [65535.0, 1.0]);
        assert_eq!(read(Datatype::Int16, &[254, 255]), [-2.0]);
        assert_eq!(read(Datatype::Uint32, &16_777_217_u32.to_le_bytes()), [16_777_216.0]);
        assert_eq!(read(Datatype::Int32, &(-7_i32).to_le_bytes()), [-7.0]);
        assert_eq!(read(Datatype::Uint64, &u64::MAX.to_le_bytes()), [18_446_744_073_709_551_615.0]);
        assert_eq!(read(Datatype::Int64, &(-9_i64).to_le_bytes()), [-9.0]);
        assert_eq!(read(Datatype::Fp16, &f16::from_f32(1.5).to_le_bytes()), [1.5]);
        assert_eq!(read(Datatype::Bf16, &bf16::from_f32(-2.0).to_le_bytes()), [-2.0]);
        assert_eq!(read(Datatype::Fp32, &0.1_f32.to_le_bytes()), [0.1]);
        assert_eq!(read(Datatype::Fp64, &0.1_f64.to_le_bytes()), [0.1]);
        assert!(read(Datatype::Fp32, &f32::NAN.to_le_bytes())[0].is_nan());
    }
}
