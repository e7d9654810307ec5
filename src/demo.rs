//! The demo, compiled in: an invented shop's model, its table of features and the names of its products.
//!
//! The files are those of `demo/`, compressed by `build.rs`.

use std::io::Read;

use flate2::read::GzDecoder;

/// The version of the demo's model. The demo is recognised by its model's content, not by where it came from: a copy of it
/// counts as the demo too.
pub const MODEL_VERSION: &str = "dd6639117cf5a4426cbe0ed6a53dab71582c1dc9dd6ec059dcbb83e239944756";

macro_rules! file {
    ($name:literal) => {
        GzDecoder::new(&include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz"))[..])
    };
}

/// The model file.
#[must_use]
pub fn model() -> Vec<u8> {
    let mut file = Vec::new();
    file!("model.ubj").read_to_end(&mut file).expect("compressed by build.rs: this is a bug");
    file
}

/// The table of features, as `imba features import` reads one.
#[must_use]
pub fn features() -> impl Read + 'static {
    file!("features.csv")
}

/// The table of product names.
#[must_use]
pub fn products() -> impl Read + 'static {
    file!("products.csv")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::model_version;

    #[test]
    fn the_demo_is_known() {
        assert_eq!(model_version(&model()), MODEL_VERSION, "demo/model.ubj is another: so is its version");
    }
}
