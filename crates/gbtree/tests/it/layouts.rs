//! Spellings of the same model that no golden release writes: other dart layouts, Spark's headers, odd JSON.

use crate::archive::cases;
use gbtree::{Booster, Model};

fn golden(name: &str) -> Vec<u8> {
    cases().into_iter().find(|case| case.name == name).unwrap().model
}

fn margins(bytes: &[u8]) -> Vec<u32> {
    let model = Model::from_bytes(bytes).unwrap();
    let rows: Vec<f32> = (0..60_i16).map(|i| f32::from(i % 13) / 2.0 - 3.0).collect();
    let mut out = vec![0.0; 10 * model.num_margins()];
    model.margin(&rows, &mut out).unwrap();
    out.iter().map(|margin: &f32| margin.to_bits()).collect()
}

/// The balanced text from the `open` at `start` on.
fn balanced(text: &str, start: usize) -> &str {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[start..=at];
        }
    }
    panic!("unbalanced");
}

#[test]
fn three_layouts_of_dart_are_one_model() {
    for name in ["3.2.0/dart.json", "3.2.0/dart-softprob.json"] {
        let bytes = golden(name);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let outer = balanced(&text, text.find("\"gradient_booster\":").unwrap() + 19);
        let model = balanced(outer, outer.find("\"model\":").unwrap() + 8);
        let weights = balanced(outer, outer.find("\"weight_drop\":").unwrap() + 14);
        let beside = format!("{{\"name\":\"gbtree\",\"model\":{model},\"weight_drop\":{weights}}}");
        let within = format!("{{\"name\":\"gbtree\",\"model\":{{\"weight_drop\":{weights},{}}}", &model[1..]);
        let named = within.replace("\"name\":\"gbtree\"", "\"name\":\"dart\"");
        for other in [beside, within, named] {
            let other = text.replace(outer, &other);
            assert_eq!(margins(other.as_bytes()), margins(&bytes), "{name}");
            assert_eq!(Model::from_bytes(other.as_bytes()).unwrap().booster(), Booster::Dart);
        }
    }
}

#[test]
fn spark_headers_are_stepped_over() {
    let utf = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    for name in ["0.72.1/logistic.bin", "0.90/logistic-base.bin", "1.3.3/logistic.bin"] {
        let bytes = golden(name);
        let classifier = [
            utf("_cls_"),
            utf("features"),
            utf("label"),
            utf("prediction"),
            utf("raw"),
            2_u32.to_be_bytes().to_vec(),
            0.5_f64.to_be_bytes().repeat(2),
            bytes.clone(),
        ];
        let regressor = [utf("_reg_"), utf("features"), utf("label"), utf("prediction"), bytes.clone()];
        let counted = [2_u32.to_be_bytes().to_vec(), bytes.clone()];
        for prefixed in [classifier.concat(), regressor.concat(), counted.concat()] {
            assert_eq!(margins(&prefixed), margins(&bytes), "{name}");
        }
    }
    for name in ["2.1.4/logistic.json", "2.1.4/logistic.ubj"] {
        let bytes = golden(name);
        assert_eq!(margins(&[&2_u32.to_be_bytes()[..], &bytes].concat()), margins(&bytes), "{name}");
    }
}

#[test]
fn the_legacy_signature_may_be_there_or_not() {
    for name in ["0.90/logistic.bin", "1.0.2/softprob.bin", "1.7.6/dart.bin", "3.0.5/gblinear.bin"] {
        let bytes = golden(name);
        let bare = bytes.strip_prefix(b"binf").unwrap_or(&bytes);
        assert_eq!(margins(bare), margins(&bytes), "{name}");
        assert_eq!(margins(&[b"binf", bare].concat()), margins(&bytes), "{name}");
    }
}

#[test]
fn json_may_have_space_a_mark_and_bare_words() {
    let bytes = golden("2.1.4/logistic.json");
    let text = String::from_utf8(bytes.clone()).unwrap();
    let spaced =
        text.replace(',', " ,\n\t").replace(':', " : ").replace("binary : logistic", "binary:logistic");
    assert_eq!(margins(format!("\u{feff} \n{spaced}\n").as_bytes()), margins(&bytes));
    let longer = text
        .replacen("\"attributes\":{", "\"attributes\":{\"a\\u00e9\\n\":\"x\",\"n\":\"NaN\",", 1)
        .replace(",}", "}");
    let model = Model::from_bytes(longer.as_bytes()).unwrap();
    assert_eq!((model.attribute("aé\n"), model.attribute("n")), (Some("x"), Some("NaN")));
}

/// 0.4 keeps training predictions behind the trees in its checkpoints, and says so where later releases announce
/// attributes.
#[test]
fn training_predictions_are_stepped_over() {
    const FLAG: usize = 4 + 12;
    for name in ["0.4a30/logistic.bin", "0.4a30/gblinear-logistic.bin"] {
        let plain = golden(name);
        let mut none = plain.clone();
        assert_eq!(none[FLAG], 0);
        none[FLAG] = 1;
        assert_eq!(margins(&none), margins(&plain), "{name}");
    }
    let plain = golden("0.4a30/logistic.bin");
    let trees_header = 4 + 136 + 8 + "binary:logistic".len() + 8 + "gbtree".len();
    let mut three = plain.clone();
    three[FLAG] = 1;
    three[trees_header + 16] = 3;
    three.extend([7; 3 * 8]);
    assert_eq!(margins(&three), margins(&plain));
}

#[test]
fn base64_is_the_binary_form() {
    let (binary, text) = (golden("0.4a30/deep.bin"), golden("0.4a30/deep.bs64"));
    assert_eq!(margins(&text), margins(&binary));
    assert_eq!(Model::from_bytes(&text).unwrap().format(), gbtree::Format::Binary);
}
