//! The datatypes of tensors, and their values as little-endian bytes.

use half::{bf16, f16};
use utoipa::ToSchema;

/// A datatype whose values are numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
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

    /// Whether it has room for all numbers from `least` to `most`. Floats are looked at where rows are checked.
    pub(super) fn holds(self, least: f64, most: f64) -> bool {
        let (lowest, highest) = match self {
            Self::Uint8 => (0.0, f64::from(u8::MAX)),
            Self::Uint16 => (0.0, f64::from(u16::MAX)),
            Self::Uint32 => (0.0, f64::from(u32::MAX)),
            Self::Uint64 => (0.0, u64::MAX as f64),
            Self::Int8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
            Self::Int16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
            Self::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            Self::Int64 => (i64::MIN as f64, i64::MAX as f64),
            Self::Fp16 => (f64::from(f16::MIN), f64::from(f16::MAX)),
            Self::Bool | Self::Bf16 | Self::Fp32 | Self::Fp64 => return true,
        };
        least >= lowest && most <= highest
    }

    /// The same numbers as precise as it holds them.
    pub(super) fn round(self, values: &mut [f32]) {
        let rounded: fn(f32) -> f32 = match self {
            Self::Fp16 => |value| f16::from_f32(value).to_f32(),
            Self::Bf16 => |value| bf16::from_f32(value).to_f32(),
            _ => return,
        };
        for value in values {
            *value = rounded(*value);
        }
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

    #[test]
    fn numbers_have_room_or_not() {
        for (datatype, lowest, highest) in [
            (Datatype::Uint8, 0.0, 255.0),
            (Datatype::Int8, -128.0, 127.0),
            (Datatype::Uint16, 0.0, 65535.0),
            (Datatype::Int16, -32768.0, 32767.0),
            (Datatype::Uint32, 0.0, 4_294_967_295.0),
            (Datatype::Int32, -2_147_483_648.0, 2_147_483_647.0),
            (Datatype::Fp16, -65504.0, 65504.0),
        ] {
            assert!(datatype.holds(lowest, highest), "{datatype:?}");
            assert!(!datatype.holds(lowest - 1.0, highest) && !datatype.holds(lowest, highest + 1.0));
        }
        assert!(Datatype::Uint64.holds(0.0, 1.8e19) && !Datatype::Uint64.holds(-1.0, 0.0));
        assert!(Datatype::Int64.holds(-9e18, 9e18) && !Datatype::Int64.holds(0.0, 1e19));
        assert!(Datatype::Fp32.holds(-3e38, 3e38));
        let mut values = [0.1_f32];
        Datatype::Fp32.round(&mut values);
        assert_eq!(values, [0.1]);
        Datatype::Fp16.round(&mut values);
        assert_eq!(values, [0.099_975_586]);
    }
}
