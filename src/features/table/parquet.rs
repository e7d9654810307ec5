//! A table in Parquet, read row group by row group: what is held is the pages of one of them.
//!
//! Identifiers are strings or whole numbers, features numbers or booleans (categories and packed rows: strings); null is
//! missing. All columns are flat. Pages are uncompressed, or compressed with snappy or zstd.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::basic::{Compression, ConvertedType, LogicalType, Type};
use parquet::data_type::Decimal;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::ColumnDescriptor;

use super::layout::{Layout, known, pair, unpacked};
use super::{BadRow, NextRow, TableError, TableRows};
use crate::formats::csv::PAIR_COLUMNS;
use crate::row::{FeatureRow, PairKey, Schema, narrow};

/// What a Parquet file begins and ends with.
pub(super) const MAGIC: &[u8; 4] = b"PAR1";

/// The rows of a Parquet file.
pub(super) struct ParquetRows<'s> {
    rows: RowIter<'static>,
    schema: &'s Schema,
    layout: Layout,
    /// Rows read, and all there are.
    read: u64,
    count: u64,
    bytes: u64,
}

impl<'s> ParquetRows<'s> {
    /// Reads what `file` says of its columns.
    pub(super) fn open(file: File, schema: &'s Schema) -> Result<Self, TableError> {
        let bytes = file.metadata()?.len();
        let reader = guarded(|| SerializedFileReader::new(file))?;
        let metadata = reader.metadata();
        let about = metadata.file_metadata();
        let columns = about.schema_descr();
        if let Some(nested) = columns.root_schema().get_fields().iter().find(|field| !field.is_primitive()) {
            let what = format!("column {:?} is nested (a struct, a list or a map)", nested.name());
            return Err(TableError::Columns(what));
        }
        let names: Vec<&str> = columns.columns().iter().map(|column| column.name()).collect();
        let layout = Layout::of(&names, schema).map_err(TableError::Columns)?;
        for (at, column) in columns.columns().iter().enumerate() {
            check_type(at, column, &layout, schema).map_err(TableError::Columns)?;
        }
        for group in metadata.row_groups() {
            for chunk in group.columns() {
                check_compression(chunk.compression()).map_err(|what| {
                    TableError::Parquet(format!("column {:?} {what}", chunk.column_descr().name()))
                })?;
            }
        }
        let count = u64::try_from(about.num_rows()).unwrap_or_default();
        let rows = guarded(|| Ok(RowIter::from_file_into(Box::new(reader))))?;
        Ok(Self { rows, schema, layout, read: 0, count, bytes })
    }

    fn row(&self, row: &Row) -> Result<(PairKey, FeatureRow), String> {
        let mut fields = row.get_column_iter().map(|(_, field)| field);
        let mut id = |at: usize| match fields.next() {
            Some(Field::Null) => Err(format!("{} is missing", PAIR_COLUMNS[at])),
            Some(field) => text(field).ok_or_else(|| format!("{} is {field}", PAIR_COLUMNS[at])),
            None => Err("the row is cut off".to_owned()),
        };
        let key = pair(&id(0)?, &id(1)?)?;
        let row = match &self.layout {
            Layout::Columns(positions) => {
                let mut row = vec![f32::NAN; self.schema.width()].into_boxed_slice();
                for (at, field) in positions.iter().zip(fields) {
                    row[*at] = self
                        .value(*at, field)
                        .map_err(|what| format!("{}: {what}", self.schema.names()[*at]))?;
                }
                row
            }
            Layout::Packed => match fields.next().and_then(text) {
                Some(packed) => unpacked(&packed, self.schema)?,
                None => return Err("feature is missing".to_owned()),
            },
        };
        Ok((key, known(row)?))
    }

    fn value(&self, at: usize, field: &Field) -> Result<f32, String> {
        if self.schema.has_categories(at)
            && let Some(text) = text(field)
        {
            return self.schema.parse(at, &text, true).map_err(|error| error.to_string());
        }
        let number = match field {
            Field::Null => return Ok(f32::NAN),
            Field::Bool(value) => f64::from(u8::from(*value)),
            Field::Byte(value) => f64::from(*value),
            Field::Short(value) => f64::from(*value),
            Field::Int(value) => f64::from(*value),
            Field::Long(value) => *value as f64,
            Field::UByte(value) => f64::from(*value),
            Field::UShort(value) => f64::from(*value),
            Field::UInt(value) => f64::from(*value),
            Field::ULong(value) => *value as f64,
            Field::Float16(value) => f64::from(value.to_f32()),
            Field::Float(value) => f64::from(*value),
            Field::Double(value) => *value,
            Field::Decimal(value) => decimal(value).ok_or("a decimal of more than 38 digits")?,
            other => return Err(format!("{other} is not a number")),
        };
        if number.is_nan() {
            return Ok(f32::NAN);
        }
        if number.is_infinite() {
            return Err(format!("{number} is not finite"));
        }
        narrow(number).map_err(|error| error.to_string())
    }
}

impl TableRows for ParquetRows<'_> {
    fn next(&mut self) -> Result<Option<NextRow>, TableError> {
        let rows = &mut self.rows;
        let Some(row) = guarded(|| rows.next().transpose())? else {
            if self.read < self.count {
                let what = format!("it ends after {} of {} rows", self.read, self.count);
                return Err(TableError::Parquet(what));
            }
            return Ok(None);
        };
        self.read += 1;
        Ok(Some(self.row(&row).map_err(|what| BadRow { line: self.read, what })))
    }

    fn place(&self) -> u64 {
        self.read + 1
    }

    fn bytes(&self) -> u64 {
        (u128::from(self.bytes) * u128::from(self.read) / u128::from(self.count.max(1))) as u64
    }
}

/// Runs a read and treats any failure in it as damage to the file: the library panics on a page that makes no sense.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, TableError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(TableError::Parquet(error.to_string())),
        Err(_) => Err(TableError::Parquet("a page of it makes no sense: it is damaged".to_owned())),
    }
}

/// Whether a column of this type can hold what belongs in it: identifiers, a packed row, categories or numbers.
fn check_type(at: usize, column: &ColumnDescriptor, layout: &Layout, schema: &Schema) -> Result<(), String> {
    let (name, physical, converted) = (column.name(), column.physical_type(), column.converted_type());
    if column.max_rep_level() > 0 {
        return Err(format!("column {name:?} is repeated (a list)"));
    }
    let logical = column.logical_type_ref();
    let is_time =
        matches!(logical, Some(LogicalType::Timestamp { .. } | LogicalType::Time { .. } | LogicalType::Date))
            || matches!(
                converted,
                ConvertedType::DATE
                    | ConvertedType::TIME_MILLIS
                    | ConvertedType::TIME_MICROS
                    | ConvertedType::TIMESTAMP_MILLIS
                    | ConvertedType::TIMESTAMP_MICROS
                    | ConvertedType::INTERVAL
            )
            || physical == Type::INT96;
    let is_decimal = converted == ConvertedType::DECIMAL;
    let is_text = physical == Type::BYTE_ARRAY
        && matches!(converted, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::NONE);
    let is_whole = matches!(physical, Type::INT32 | Type::INT64) && !is_time && !is_decimal;
    let is_half = matches!(logical, Some(LogicalType::Float16));
    let is_number = is_whole
        || is_half
        || is_decimal
        || matches!(physical, Type::BOOLEAN | Type::FLOAT | Type::DOUBLE) && !is_time;
    let (fits, expected) = match layout {
        _ if at < 2 => (is_text || is_whole, "strings or whole numbers"),
        Layout::Packed => (is_text, "strings"),
        Layout::Columns(positions) if schema.has_categories(positions[at - 2]) => {
            (is_text || is_number, "strings or numbers")
        }
        Layout::Columns(_) => (is_number, "numbers"),
    };
    if fits {
        return Ok(());
    }
    let found = match (is_time, logical) {
        (true, _) => "times".to_owned(),
        (false, _) if is_text => "strings".to_owned(),
        (false, Some(logical)) => format!("{physical} of {logical:?}"),
        (false, None) => format!("values of type {physical}"),
    };
    Err(format!("column {name:?} holds {found}, not {expected}"))
}

fn check_compression(compression: Compression) -> Result<(), String> {
    let name = match compression {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) => return Ok(()),
        Compression::GZIP(_) => "gzip",
        Compression::BROTLI(_) => "brotli",
        Compression::LZ4 | Compression::LZ4_RAW => "lz4",
        Compression::LZO => "lzo",
    };
    Err(format!("is compressed with {name}, which is not read; write it with snappy or zstd"))
}

/// A string, a whole number in digits, or a boolean as a category has it.
fn text(field: &Field) -> Option<String> {
    match field {
        Field::Str(text) => Some(text.clone()),
        Field::Bytes(bytes) => bytes.as_utf8().ok().map(str::to_owned),
        Field::Byte(_)
        | Field::Short(_)
        | Field::Int(_)
        | Field::Long(_)
        | Field::UByte(_)
        | Field::UShort(_)
        | Field::UInt(_)
        | Field::ULong(_) => Some(field.to_string()),
        _ => None,
    }
}

/// The value of up to 38 digits: a big-endian whole number over a power of ten.
fn decimal(value: &Decimal) -> Option<f64> {
    let bytes = value.data();
    let (first, skipped) = (*bytes.first()?, bytes.len().saturating_sub(16));
    let fill = if first & 0x80 == 0 { 0 } else { 0xff };
    if bytes[..skipped].iter().any(|byte| *byte != fill) {
        return None;
    }
    let mut whole = [fill; 16];
    let kept = &bytes[skipped..];
    if (kept[0] ^ first) & 0x80 != 0 {
        return None;
    }
    whole[16 - kept.len()..].copy_from_slice(kept);
    Some(i128::from_be_bytes(whole) as f64 / 10_f64.powi(value.scale()))
}

#[cfg(test)]
mod tests;
