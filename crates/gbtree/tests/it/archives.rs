//! `model.tar.gz` with one model, an ensemble, or something else.

use std::io::Write;

use crate::archive::cases;
use gbtree::{Format, Model, PredictError};

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn model(name: &str) -> Vec<u8> {
    cases().into_iter().find(|case| case.name == name).unwrap().model
}

fn score(model: &Model) -> f32 {
    let mut out = [0.0];
    model.predict(&[0.5, -1.0, 0.25, 1.0, f32::NAN, 0.0], &mut out).unwrap();
    out[0]
}

#[test]
fn one_model_in_any_wrapping_scores_the_same() {
    let inner = model("2.1.4/logistic.ubj");
    let plain = Model::from_bytes(&inner).unwrap();
    let tar = tar(&[("./xgboost-model", &inner), ("./notes.txt", b"hello")]);
    for (bytes, format) in
        [(gzip(&tar), Format::Archive), (tar, Format::Archive), (gzip(&inner), Format::Ubjson)]
    {
        let wrapped = Model::from_bytes(&bytes).unwrap();
        assert_eq!(score(&wrapped).to_bits(), score(&plain).to_bits());
        assert_eq!((wrapped.format(), wrapped.num_members()), (format, 1));
    }
}

#[test]
fn an_ensemble_answers_with_the_mean() {
    let (first, second) = (model("2.1.4/logistic.ubj"), model("1.3.3/logistic-base.bin"));
    let scores = [&first, &second].map(|bytes| score(&Model::from_bytes(bytes).unwrap()));
    let ensemble = tar(&[("xgboost-model-1", &second), ("xgboost-model-0", &first)]);
    let ensemble = Model::from_bytes(&gzip(&ensemble)).unwrap();
    assert_eq!(score(&ensemble).to_bits(), (scores.iter().sum::<f32>() / 2.0).to_bits());
    assert_eq!((ensemble.num_members(), ensemble.num_trees()), (2, 8));
    assert!(matches!(ensemble.margin(&[0.0; 6], &mut [0.0]), Err(PredictError::Undefined(_))));
}

#[test]
fn classes_are_voted_on() {
    let softmax = ["1.3.3/softmax.bin", "2.1.4/softmax.ubj", "3.2.0/softmax.json"].map(model);
    let files: Vec<(&str, &[u8])> = ["xgboost-model-0", "xgboost-model-1", "xgboost-model-2"]
        .into_iter()
        .zip(softmax.iter().map(Vec::as_slice))
        .collect();
    let ensemble = Model::from_bytes(&tar(&files)).unwrap();
    let alone: Vec<f32> = softmax.iter().map(|bytes| score(&Model::from_bytes(bytes).unwrap())).collect();
    assert!(alone.contains(&score(&ensemble)) && score(&ensemble).fract() == 0.0);
}

#[test]
fn archives_without_a_model_are_refused() {
    let inner = model("2.1.4/logistic.ubj");
    for (bytes, expected) in [
        (tar(&[("a.txt", b"a"), ("b.txt", b"b")]), "no file `xgboost-model*`, but a.txt, b.txt"),
        (tar(&[(".hidden", &inner)]), "no files"),
        (tar(&[("../xgboost-model", &inner)]), "points outside the archive"),
        (tar(&[("xgboost-model-0", &inner), ("xgboost-model-1", b"junk")]), "member 1"),
        (
            tar(&[("xgboost-model-0", &inner), ("xgboost-model-1", &model("2.1.4/poisson.ubj"))]),
            "another objective",
        ),
        (gzip(&tar(&[("xgboost-model", &inner)]))[..900].to_vec(), "gzip"),
    ] {
        let told = Model::from_bytes(&bytes).expect_err(expected).to_string();
        assert!(told.contains(expected), "{told:?} does not say {expected:?}");
    }
}
