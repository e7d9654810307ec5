//! Files people hand over by mistake, told by their first bytes.

const ZLIB: &str = "this is zlib-compressed, as joblib does; save the model with `save_model`";

/// What the bytes are, if not a model.
pub(super) fn describe(bytes: &[u8]) -> &'static str {
    let known: [(&[u8], &str); 17] = [
        (b"tree\n", "this is a LightGBM model"),
        (b"CBM1", "this is a CatBoost model"),
        (
            b"booster[",
            "this is a text dump, which cannot be evaluated exactly; save the model with `save_model`",
        ),
        (b"0:[", "this is a text dump, which cannot be evaluated exactly; save the model with `save_model`"),
        (
            b"0:leaf",
            "this is a text dump, which cannot be evaluated exactly; save the model with `save_model`",
        ),
        (b"digraph", "this is a dump in Graphviz form; save the model with `save_model`"),
        (b"<?xml", "this is an XML document (PMML models are not read)"),
        (b"<PMML", "this is a PMML model"),
        (b"PK\x03\x04", "this is a zip archive; unpack it first"),
        (b"\x28\xb5\x2f\xfd", "this is zstd-compressed; decompress it first"),
        (b"BZh", "this is bzip2-compressed; decompress it first"),
        (b"\xfd7zXZ", "this is xz-compressed; decompress it first"),
        (b"\x89HDF", "this is an HDF5 file"),
        (b"\x78\x01", ZLIB),
        (b"\x78\x5e", ZLIB),
        (b"\x78\x9c", ZLIB),
        (b"\x78\xda", ZLIB),
    ];
    if bytes.is_empty() {
        return "the file is empty";
    }
    known
        .iter()
        .find(|(start, _)| bytes.starts_with(start))
        .map_or("the first bytes are those of no known model format", |(_, what)| what)
}
