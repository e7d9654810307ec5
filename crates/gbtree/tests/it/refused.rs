//! What is not a model, or a broken one, is refused with what and where.

use std::io::Write;

use crate::archive::cases;
use gbtree::{Limits, LoadError, Model};

fn refusal(bytes: &[u8]) -> String {
    Model::from_bytes(bytes).expect_err("a refusal").to_string()
}

fn golden(name: &str) -> Vec<u8> {
    cases().into_iter().find(|case| case.name == name).unwrap().model
}

#[test]
fn foreign_files_are_told_by_name() {
    for (bytes, expected) in [
        (&b""[..], "empty"),
        (b"tree\nversion=v4\nnum_class=1\n", "LightGBM"),
        (br#"{"name":"tree","version":"v4","tree_info":[]}"#, "LightGBM"),
        (br#"[{"nodeid":0,"split":"f0","children":[]}]"#, "dump"),
        (br#"[{"nodeid":0,"leaf":0.5}]"#, "dump"),
        (b"booster[0]:\n0:[f2<2.45] yes=1,no=2,missing=1\n", "dump"),
        (b"0:[f2<2.45] yes=1,no=2,missing=1\n", "dump"),
        (br#"{"oblivious_trees":[],"model_info":{}}"#, "CatBoost"),
        (b"CBM1xxxx", "CatBoost"),
        (b"PK\x03\x04rest", "zip"),
        (br#"{"learner_":1}"#, "no field \"learner\""),
        (b"[1,2,3]", "not an object"),
        (b"hello", "no known model format"),
        (b"bs64\taGVsbG8=\n", "no known model format"),
        (b"bs64\tAAA*AAAA\n", "base64 text: Invalid symbol 42, offset 3"),
        (b"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00\x8c\x0bcollections\x94\x8c\x07Counter\x94\x93\x94)R\x94.", "collections.Counter"),
        (b"\x80\x02}q\x00.", "a dictionary"),
        (b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n.", "a function or class"),
        (b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}b.", "an array of numpy"),
        (b"\x78\x9c\x6b", "zlib: "),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 12\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "HTML"),
        (b"<HTML><head>", "HTML"),
        (b"eyJsZWFybmVyIjp7ImF0dHJpYnV0ZXMiOnt9fX0K", "base64"),
        (b"PAR1\x15\x04", "Parquet"),
        (br#"{"learner":{"gradient_booster":{"name":"gbtree"},"generic_param":{}},"version":[3,2,0]}"#, "save_config"),
        (b"\x80\x04cos\nsystem\n\x8c\x02id\x85R.", "os.system"),
    ] {
        let told = refusal(bytes);
        assert!(told.contains(expected), "{told:?} does not say {expected:?}");
    }
}

#[test]
fn faults_are_told_with_their_place() {
    let model = String::from_utf8(golden("2.1.4/logistic.json")).unwrap();
    let change = |from: &str, to: &str| {
        assert!(model.contains(from), "{from}");
        refusal(model.replacen(from, to, 1).as_bytes())
    };
    for (told, expected) in [
        (change("\"left_children\":[1,", "\"left_children\":[99,"), "trees[0]: node 0: its left child is 99"),
        (change("\"left_children\":[1,", "\"left_children\":[-7,"), "trees[0]: node 0: its left child is -7"),
        (
            change("\"left_children\":[1,", "\"left_children\":[0,"),
            "trees[0]: node 0: its left child is the root",
        ),
        (change("\"left_children\":[1,", "\"left_children\":[2,"), "already has a parent"),
        (change("\"left_children\":[1,", "\"left_children\":[1,1,"), "elements for"),
        (change("\"left_children\"", "\"left\""), "trees[0]: the field \"left_children\" is missing"),
        (
            change("\"left_children\":[1,", "\"left_children\":[1.5,"),
            "left_children: expected an array of integers",
        ),
        (change("\"split_indices\":[", "\"split_indices\":[77,"), "elements for"),
        (change("\"num_trees\":\"4\"", "\"num_trees\":\"5\""), "4 trees, 5 declared"),
        (
            change("\"num_feature\":\"6\",\"num_target\"", "\"num_feature\":\"0\",\"num_target\""),
            "no features",
        ),
        (
            change("\"num_feature\":\"6\",\"num_target\"", "\"num_feature\":\"-6\",\"num_target\""),
            "num_feature: \"-6\" is not a valid number",
        ),
        (change("binary:logistic", "binary:mystery"), "binary:mystery"),
        (change("\"gbtree\"", "\"gbforest\""), "gbforest"),
        (change("\"base_score\":\"", "\"base_score\":\"x"), "is not a base score"),
        (change("\"tree_info\":[0,", "\"tree_info\":[3,"), "adds to output 3"),
        (change("\"version\":[2,", "\"version\":["), "version: expected three numbers"),
    ] {
        assert!(told.contains(expected), "{told:?} does not say {expected:?}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for name in [
        "2.1.4/logistic.json",
        "2.1.4/onehot.ubj",
        "0.4a30/logistic.bin",
        "0.4a30/logistic.bs64",
        "0.90/logistic.bin",
        "1.7.6/dart.bin",
        "2.1.4/booster-p4.pkl",
    ] {
        let model = golden(name);
        for len in (0..model.len() - 1).step_by(7) {
            // The binary form ends with attributes that nothing depends on, pickles with memo opcodes.
            if let Ok(loaded) = Model::from_bytes(&model[..len]) {
                panic!("{name}: {len} of {} bytes loaded as {} trees", model.len(), loaded.num_trees());
            }
        }
    }
}

#[test]
fn no_changed_byte_panics() {
    let values = [0x00, 0x01, 0x7f, 0x80, 0xff, b'"', b'[', b'-', b'9'];
    for name in [
        "1.0.2/gblinear.json",
        "3.2.0/onehot.ubj",
        "0.90/dart.bin",
        "1.3.3/booster-p2.pkl",
        "3.2.0/strings.ubj",
    ] {
        let mut model = golden(name);
        for at in 0..model.len() {
            let value = values[at % values.len()];
            let before = std::mem::replace(&mut model[at], value);
            if let Ok(loaded) = Model::from_bytes(&model)
                && loaded.num_features() < 1000
                && loaded.num_outputs() < 1000
            {
                let mut out = vec![0.0; 2 * loaded.num_outputs()];
                let rows = vec![0.5; 2 * loaded.num_features()];
                let _ = loaded.predict(&rows, &mut out);
            }
            model[at] = before;
        }
    }
}

#[test]
fn deep_nesting_and_wide_claims_are_refused() {
    assert!(refusal("[".repeat(100_000).as_bytes()).contains("nested deeper"));
    assert!(refusal("{\"a\":".repeat(100_000).as_bytes()).contains("nested deeper"));
    assert!(
        refusal(&[b"{L", &b"\0\0\0\0\0\0\0\x01a{L".repeat(100_000)[..]].concat()).contains("nested deeper")
    );
    let claim = b"{L\0\0\0\0\0\0\0\x01a[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff";
    assert!(refusal(claim).contains("a length of 9223372036854775807"));
    assert!(refusal(b"{L\x7f\xff\xff\xff\xff\xff\xff\xff").contains("a length of"));
    assert!(refusal(&b"(".repeat(1_000_000)).contains("no known model format"));
    assert!(refusal(&[b"\x80\x02", &b"(".repeat(1_000_000)[..]].concat()).contains("bytes were announced"));
    let wide = String::from_utf8(golden("2.1.4/logistic.json")).unwrap();
    let wide = wide.replace("\"num_feature\":\"6\"", "\"num_feature\":\"1000000000\"");
    assert!(matches!(Model::from_bytes(wide.as_bytes()), Err(LoadError::TooLarge { .. })));
}

#[test]
fn the_limit_bounds_what_is_decoded() {
    let limits = Limits::new().decoded(1000);
    let model = golden("2.1.4/logistic.ubj");
    assert_eq!(Model::from_bytes_with(&model, &limits).unwrap_err(), LoadError::TooLarge { limit: 1000 });
    // A gzip bomb: 64 MiB of zeros in 64 KiB.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        bomb.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let limits = Limits::new().decoded(1 << 20);
    let bomb = bomb.finish().unwrap();
    assert_eq!(Model::from_bytes_with(&bomb, &limits).unwrap_err(), LoadError::TooLarge { limit: 1 << 20 });
}

/// What the fuzzers once found: memory for features that no tree uses, places of a block that no row fills.
#[test]
fn found_crashes_stay_fixed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crashes");
    let limits = Limits::new().decoded(16 << 20);
    let (mut loaded, mut refused) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        match Model::from_bytes_with(&std::fs::read(entry.unwrap().path()).unwrap(), &limits) {
            Err(_) => refused += 1,
            Ok(model) => {
                loaded += 1;
                model.leaves(&[], &mut []).unwrap();
                for rows in 1..40 {
                    let mut out = vec![0.0; rows * model.num_outputs()];
                    model.predict(&vec![0.5; rows * model.num_features()], &mut out).unwrap();
                }
            }
        }
    }
    assert_eq!((loaded, refused), (1, 3));
}

#[test]
fn vector_leaves_of_the_oldest_files_are_refused() {
    let mut bytes = golden("0.6a2/logistic.bin");
    let trees_header = 136 + 8 + "binary:logistic".len() + 8 + "gbtree".len();
    bytes[trees_header + 28] = 1;
    assert!(refusal(&bytes).contains("vector leaves"));
}

/// Of a file of many trees, one tree at a time is decoded: together with the file it takes twice its size at most.
#[test]
fn many_small_trees_load_within_twice_their_file() {
    let text = include_str!("../stump.json");
    let (_, rest) = text.split_once("\"trees\":[").unwrap();
    let tree = &rest[..rest.rfind("]}}}}").unwrap()];
    let count = 4000;
    let many = text
        .replacen(tree, &vec![tree; count].join(","), 1)
        .replacen("\"num_trees\":\"1\"", &format!("\"num_trees\":\"{count}\""), 1)
        .replacen("\"tree_info\":[0]", &format!("\"tree_info\":[{}]", vec!["0"; count].join(",")), 1)
        .replacen(
            "\"iteration_indptr\":[0,1]",
            &format!("\"iteration_indptr\":{:?}", (0..=count).collect::<Vec<_>>()),
            1,
        );
    let limits = Limits::new().decoded(2 * many.len());
    let model = Model::from_bytes_with(many.as_bytes(), &limits).unwrap();
    assert_eq!((model.num_trees(), model.num_iterations()), (count, count));
}
