use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::features::table::{BadRow, FeatureTable, TableError};
use crate::row::{FeatureRow, PairKey, Schema};

/// One column of a row group; `None` is null.
enum Column {
    Text(Vec<Option<&'static str>>),
    Double(Vec<Option<f64>>),
    Float(Vec<Option<f32>>),
    Long(Vec<Option<i64>>),
    Int(Vec<Option<i32>>),
    Bool(Vec<Option<bool>>),
}

fn file(message: &str, compression: Compression, groups: &[Vec<Column>]) -> File {
    let file = tempfile::tempfile().unwrap();
    let schema = Arc::new(parse_message_type(message).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(file.try_clone().unwrap(), schema, properties).unwrap();
    for columns in groups {
        let mut group = writer.next_row_group().unwrap();
        for column in columns {
            let mut out = group.next_column().unwrap().unwrap();
            macro_rules! write {
                ($kind:ty, $values:expr) => {{
                    let values: Vec<Option<<$kind as DataType>::T>> = $values;
                    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
                    let values: Vec<_> = values.into_iter().flatten().collect();
                    out.typed::<$kind>().write_batch(&values, Some(&levels), None).unwrap();
                }};
            }
            match column {
                Column::Text(values) => {
                    write!(ByteArrayType, values.iter().map(|text| text.map(ByteArray::from)).collect());
                }
                Column::Double(values) => write!(DoubleType, values.clone()),
                Column::Float(values) => write!(FloatType, values.clone()),
                Column::Long(values) => write!(Int64Type, values.clone()),
                Column::Int(values) => write!(Int32Type, values.clone()),
                Column::Bool(values) => write!(BoolType, values.clone()),
            }
            out.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    file
}

type Rows = Vec<(PairKey, FeatureRow)>;

fn read(file: File) -> Result<(Rows, Vec<BadRow>), TableError> {
    let schema = Schema::new(vec!["a".into(), "b".into()]);
    let mut bad = Vec::new();
    let mut file = file;
    std::io::Seek::rewind(&mut file).unwrap();
    let (rows, _) = FeatureTable::open_file(file, &schema)?.read_batch(&mut bad)?;
    Ok((rows, bad))
}

const TEXT_KEYS: &str = "optional binary user_id (UTF8); optional binary product_id (UTF8);";

fn good(compression: Compression) -> File {
    let group = || {
        vec![
            Column::Text(vec![Some("7"), Some("7"), Some("8")]),
            Column::Text(vec![Some("1"), Some("2"), None]),
            Column::Double(vec![Some(2.5), None, Some(1.0)]),
            Column::Int(vec![Some(1), Some(-3), Some(1)]),
        ]
    };
    let message = format!("message t {{ {TEXT_KEYS} optional double b; optional int32 a; }}");
    file(&message, compression, &[group(), group()])
}

#[test]
fn columns_in_any_order_and_several_row_groups() {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd] {
        let (rows, bad) = read(good(compression)).unwrap();
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[0], (PairKey::new("7", "1"), Box::from([1.0, 2.5])));
        assert!(rows[1].1[0] == -3.0 && rows[1].1[1].is_nan());
        let bad: Vec<_> = bad.iter().map(|bad| (bad.line, bad.what.as_str())).collect();
        assert_eq!(bad, [(3, "product_id is missing"), (6, "product_id is missing")]);
    }
}

#[test]
fn identifiers_that_are_numbers_and_values_of_every_kind() {
    let message = "message t { optional int64 user_id; optional int32 product_id; optional boolean a; optional float b; }";
    let columns = vec![
        Column::Long(vec![Some(7), Some(7), Some(7), Some(7)]),
        Column::Int(vec![Some(1), Some(2), Some(3), Some(4)]),
        Column::Bool(vec![Some(true), Some(false), None, Some(true)]),
        Column::Float(vec![Some(0.5), None, Some(f32::NAN), Some(f32::INFINITY)]),
    ];
    let (rows, bad) = read(file(message, Compression::SNAPPY, &[columns])).unwrap();
    assert_eq!(rows[0], (PairKey::new("7", "1"), Box::from([1.0, 0.5])));
    assert!(rows[1].1[0] == 0.0 && rows[1].1[1].is_nan() && rows.len() == 2);
    assert_eq!((bad[0].line, bad[1].line), (3, 4));
    assert!(bad[0].what.starts_with("every value is missing") && bad[1].what == "b: inf is not finite");

    let message = format!("message t {{ {TEXT_KEYS} optional binary feature (UTF8); }}");
    let one = |text| Column::Text(vec![Some(text)]);
    let (rows, _) =
        read(file(&message, Compression::SNAPPY, &[vec![one("7"), one("8"), one("1,nan")]])).unwrap();
    assert!(rows[0].1[0] == 1.0 && rows[0].1[1].is_nan());
}

#[test]
fn what_is_not_read_is_named() {
    for (columns, said) in [
        ("optional double a; optional group b { optional double c; }", "column \"b\" is nested"),
        (
            "optional double a; optional group b (LIST) { repeated group list { optional double element; } }",
            "column \"b\" is nested",
        ),
        ("optional double a; repeated double b;", "column \"b\" is repeated"),
        ("optional double a; optional binary b (UTF8);", "column \"b\" holds strings, not numbers"),
        ("optional double a; optional int64 b (TIMESTAMP_MICROS);", "column \"b\" holds times, not numbers"),
        ("optional double a; optional int96 b;", "column \"b\" holds times, not numbers"),
        ("optional double a; optional int32 b (DATE);", "column \"b\" holds times, not numbers"),
        (
            "optional double a; optional fixed_len_byte_array(3) b;",
            "column \"b\" holds values of type FIXED_LEN_BYTE_ARRAY",
        ),
        ("optional double a;", "\"b\" is absent"),
        ("optional double a; optional double b; optional double c;", "\"c\" is not a feature"),
    ] {
        let message = format!("message t {{ {TEXT_KEYS} {columns} }}");
        let error = read(file(&message, Compression::UNCOMPRESSED, &[])).unwrap_err().to_string();
        assert!(error.starts_with(said), "{columns}: {error}");
    }
    let message = "message t { optional double user_id; optional binary product_id (UTF8); optional double a; optional double b; }";
    let error = read(file(message, Compression::UNCOMPRESSED, &[])).unwrap_err().to_string();
    assert!(
        error.starts_with("column \"user_id\" holds values of type DOUBLE, not strings or whole numbers"),
        "{error}"
    );
}

/// A damaged file is an error, never a panic, wherever the damage is.
#[test]
fn damaged_files() {
    let mut content = Vec::new();
    let mut whole = good(Compression::SNAPPY);
    std::io::Seek::rewind(&mut whole).unwrap();
    std::io::Read::read_to_end(&mut whole, &mut content).unwrap();
    let opened = |content: &[u8]| {
        let mut damaged = tempfile::tempfile().unwrap();
        damaged.write_all(content).unwrap();
        read(damaged)
    };
    for length in [4, 8, content.len() / 2, content.len() - 1] {
        assert!(matches!(opened(&content[..length]), Err(TableError::Parquet(_))), "{length} bytes");
    }
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..200 {
        let mut damaged = content.clone();
        damaged[random.usize(4..content.len())] ^= 1 << random.u8(..8);
        // It may be read all the same: there are no checksums in it.
        drop(opened(&damaged));
    }
}
