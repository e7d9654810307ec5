//! Containers, wrappers and corner cases: what is refused in which words, and what is told of the rest. The numbers are
//! compared in `golden.rs`.

use crate::archive::{Case, cases_in};
use gbtree::{Format, Model};

fn case(name: &str) -> Case {
    cases_in("kinds").into_iter().find(|case| case.name == name).unwrap()
}

fn model(name: &str) -> Model {
    Model::from_bytes(&case(name).model).unwrap()
}

#[test]
fn what_is_not_the_model_alone_is_refused_by_name() {
    let mut refused = 0;
    for case in cases_in("kinds") {
        let Some(words) = case.refused else { continue };
        let told = Model::from_bytes(&case.model).expect_err(&case.name).to_string();
        assert!(told.contains(&words), "{}: {told:?} does not say {words:?}", case.name);
        refused += 1;
    }
    assert!(refused > 30, "only {refused}");
}

#[test]
fn a_model_is_told_with_what_was_around_it() {
    for (name, class, place) in [
        ("3.2.0/pipeline-4.pkl", "xgboost.sklearn.XGBClassifier", "[\"xgb\"]"),
        ("3.2.0/dict-4.pkl", "xgboost.sklearn.XGBClassifier", "[\"model\"]"),
        ("3.2.0/nested-4.pkl", "xgboost.core.Booster", "[\"a\"][0][0][\"b\"]"),
        ("3.2.0/holder-4.pkl", "xgboost.sklearn.XGBClassifier", "model"),
        ("3.2.0/search-grid.pkl", "xgboost.sklearn.XGBClassifier", "best_estimator_"),
        ("3.2.0/search-grid-pipeline.pkl", "xgboost.sklearn.XGBClassifier", "best_estimator_[\"m\"]"),
        ("3.2.0/subclass-pickle.pkl", "__main__.Subclass", ""),
        ("3.2.0/subclass-cloudpickle.pkl", "__main__.Subclass", ""),
        ("3.2.0/subclass-dill.pkl", "__main__.Subclass", ""),
    ] {
        let model = model(name);
        let wrapper = model.wrapper().unwrap();
        assert_eq!((wrapper.class.as_str(), wrapper.place.as_str()), (class, place), "{name}");
        assert_eq!((wrapper.missing, wrapper.best_iteration), (None, None), "{name}");
        assert_eq!(model.format(), Format::Pickle);
    }
    assert_eq!(model("R/list.rds").format(), Format::Rds);
    assert_eq!(model("R/list-text.rds").feature_names(), ["a", "b", "c", "d"]);
    assert_eq!(model("3.2.0/tar-xgb.tar").format(), Format::Archive);
}

#[test]
fn pickles_of_the_first_protocols_are_told_too() {
    for protocol in [0, 1] {
        let model = |name: &str| model(&format!("3.2.0/protocol-{name}-{protocol}.pkl"));
        for (name, place) in [
            ("dict", "[\"model\"]"),
            ("one", "[1]"),
            ("list", "[0]"),
            ("tuple", "[1]"),
            ("ordered", "[\"model\"]"),
            ("holder", "model"),
        ] {
            let model = model(name);
            assert_eq!(model.wrapper().unwrap().place, place, "{name}");
            assert_eq!(model.format(), Format::Pickle);
        }
        assert_eq!(model("booster").wrapper(), None);
        assert_eq!(model("names").feature_names(), ["a", "San Jose", "r\u{e9}d", "\u{20ac}\n\u{1f600}"]);
        let early = model("early");
        let wrapper = early.wrapper().unwrap();
        assert_eq!(wrapper.missing, Some(-1.0));
        assert_eq!(wrapper.best_iteration, early.best_iteration());
        assert!(early.num_iterations() > early.num_trees());
    }
    assert_eq!(model("3.2.0/protocol-python2.pkl").wrapper().unwrap().place, r#"["it's \"x\""]"#);
}

#[test]
fn a_wrappers_settings_are_applied_and_told() {
    for (name, missing) in [
        ("3.2.0/missing-0.pkl", Some(0.0)),
        ("3.2.0/missing--999.0.pkl", Some(-999.0)),
        ("3.2.0/missing--1.0.pkl", Some(-1.0)),
        ("3.2.0/missing-nan.pkl", None),
    ] {
        assert_eq!(model(name).wrapper().unwrap().missing, missing, "{name}");
    }
    let early = model("3.2.0/early.pkl");
    let best = early.wrapper().unwrap().best_iteration.unwrap();
    assert_eq!(early.best_iteration(), Some(best));
    // What is applied is fewer than the file has, and all of those remain at hand.
    assert_eq!(early.num_trees(), best + 1);
    assert!(early.num_iterations() > best + 1);
    assert_eq!(early.slice(0..early.num_iterations()).unwrap().num_trees(), early.num_iterations());
    // A Booster predicts with all iterations, as the library's does.
    let booster = model("3.2.0/early-booster.pkl");
    assert_eq!((booster.wrapper(), booster.num_trees()), (None, early.num_iterations()));
}

#[test]
fn old_forests_have_the_rounds_they_were_trained_in() {
    for name in ["1.5.2/forest-json.json", "1.5.2/forest-bin.bin"] {
        let forest = model(name);
        assert_eq!((forest.num_trees(), forest.num_iterations()), (9, 3), "{name}");
        assert_eq!(forest.best_iteration(), Some(2));
    }
    let wrapped = model("1.5.2/forest-wrapper.pkl");
    assert_eq!((wrapped.num_trees(), wrapped.num_iterations()), (6, 2));
}

#[test]
fn categories_are_found_by_value() {
    for (name, third) in [("3.2.0/categories.ubj", "red"), ("3.4.1/categories.ubj", "r\u{e9}d")] {
        let model = model(name);
        assert!(model.has_categories());
        let (colours, shops) = (model.categories(0).unwrap(), model.categories(1).unwrap());
        assert!(shops.are_integers() && !colours.are_integers());
        assert_eq!(colours.names().nth(2).unwrap().unwrap(), third);
        assert_eq!(
            (colours.code("green"), colours.code(third), colours.code("pink")),
            (Some(1.0), Some(2.0), None)
        );
        let codes = ["27", "5", "300", "300.0", "6", "x", "5.5"].map(|shop| shops.code(shop));
        assert_eq!(codes, [Some(0.0), Some(1.0), Some(2.0), Some(2.0), None, None, None]);
        assert_eq!(model.categories(2), None);
    }
}

#[test]
fn categories_differ_by_blanks() {
    let model = model("3.2.0/categories-blanks.ubj");
    let towns = model.categories(0).unwrap();
    for (code, town) in ["San Jose", "a", " a", "a ", "New  York", "\t", "b"].into_iter().enumerate() {
        assert_eq!(towns.code(town), Some(code as f32), "{town:?}");
    }
    for other in ["San  Jose", "SanJose", " a ", "New York", " b", ""] {
        assert_eq!(towns.code(other), None, "{other:?}");
    }
}
