use std::fs;
use std::path::{Path, PathBuf};

use imba::config::source::{DEFAULTS, Origin, Raw, Settings};
use imba::config::{Config, LogFormat, ModelPath, OriginPattern, Origins, ScorerKind, Store, Table};

fn resolve(file: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("test.toml");
    fs::write(&path, file).expect("written");
    let mut settings = Settings::defaults();
    settings.add_file(&path);
    settings.add_env(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let place = folder.path().display().to_string();
    Config::resolve(&settings).map_err(|mistakes| {
        mistakes.0.iter().map(|mistake| mistake.to_string().replace(&place, "")).collect()
    })
}

const ENDPOINT: &str = "scorer = { kind = 'sagemaker', sagemaker = { endpoint_name = 'imba' } }";

#[test]
fn the_defaults_are_the_embedded_demo() {
    let config = resolve("", &[]).expect("defaults");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.body_limit, 6 << 20);
    assert_eq!(config.cors.origins, Origins::Any);
    assert_eq!(config.model.threshold, None);
    assert!(config.features.columns.is_empty(), "the model's own");
    let Store::Embedded(embedded) = config.features.store else { panic!("the embedded store") };
    assert_eq!(embedded.seed, Some(Table::Demo));
    let mine = resolve("features.embedded.seed = 'mine.csv'", &[]).expect("a configuration");
    let Store::Embedded(embedded) = mine.features.store else { panic!("the embedded store") };
    assert_eq!(embedded.seed, Some(Table::File(PathBuf::from("mine.csv"))));
}

#[test]
fn later_layers_win_key_by_key() {
    let file = "[server]\nlisten = '0.0.0.0:1'\ndeadline = '3s'\n[log]\nformat = 'json'";
    let variables =
        [("IMBA__SERVER__LISTEN", "[::1]:2"), ("IMBA__MODEL__THRESHOLD", "0.5"), ("PATH", "/bin")];
    let config = resolve(file, &variables).expect("a configuration");
    assert_eq!(config.server.listen.to_string(), "[::1]:2");
    assert_eq!(config.server.deadline.as_secs(), 3);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.model.threshold, Some(0.5));
}

#[test]
fn lists_in_the_environment() {
    for value in ["https://a.example,https://b.example", r#"["https://a.example", "https://b.example"]"#] {
        let config = resolve("", &[("IMBA__CORS__ORIGINS", value)]).expect("a configuration");
        let expected =
            ["https://a.example", "https://b.example"].map(|origin| OriginPattern::Exact(origin.to_owned()));
        assert_eq!(config.cors.origins, Origins::Only(expected.to_vec()));
    }
    let config = resolve("", &[("IMBA__CORS__ORIGINS", "")]).expect("a configuration");
    assert_eq!(config.cors.origins, Origins::Only(Vec::new()));
}

#[test]
fn all_mistakes_are_reported_together_each_with_its_origin() {
    let file = "[server]\nlisten = 'everywhere'\ndeadline = 10\nbody_limit = '6'\n\n[sever]\ndrain = '1s'\n[cors]\norigins = ['*', 'https://a.example/path']\n";
    let variables = [
        ("IMBA__MODEL__THRESHOLD", "nan"),
        ("IMBA__LOG__ACCESS", "yes"),
        ("IMBA__SCORER__KIND", "psychic"),
        ("IMBA__FEATURES__COLUMNS", "a,b,a"),
    ];
    let mistakes = resolve(file, &variables).expect_err("mistakes");
    for expected in [
        "sever.drain: no such key; did you mean server.drain? (/test.toml, line 7)",
        "server.listen: expected an address and port like \"127.0.0.1:8080\", found \"everywhere\" (/test.toml, line 2)",
        "server.body_limit: expected a size with its unit, like \"512KiB\" or \"6MiB\", found \"6\" (/test.toml, line 4)",
        "server.deadline: expected a duration with its unit, like \"250ms\" or \"10s\", found 10 (/test.toml, line 3)",
        "cors.origins: \"*\" stands alone or not at all (/test.toml, line 9)",
        "cors.origins: \"https://a.example/path\" is not an origin: expected scheme and host, like \"https://shop.example.com\" or \"https://*.example.com\" (/test.toml, line 9)",
        "model.threshold: expected a number or \"auto\", found \"nan\" (environment variable IMBA__MODEL__THRESHOLD)",
        "scorer.kind: expected \"embedded\" or \"sagemaker\", found \"psychic\" (environment variable IMBA__SCORER__KIND)",
        "features.columns: names \"a\" twice (environment variable IMBA__FEATURES__COLUMNS)",
        "log.access: expected true or false, found \"yes\" (environment variable IMBA__LOG__ACCESS)",
    ] {
        assert!(mistakes.iter().any(|mistake| mistake == expected), "no {expected:?} in {mistakes:#?}");
    }
    assert_eq!(mistakes.len(), 10, "{mistakes:#?}");
}

#[test]
fn broken_and_absent_files_are_mistakes_too() {
    let mistakes = resolve("[server\nlisten = 1", &[]).expect_err("mistakes");
    assert!(mistakes[0].contains("/test.toml, line 1"), "{mistakes:?}");
    let mut settings = Settings::defaults();
    settings.add_file("/nowhere/at/all.toml".as_ref());
    let mistakes = Config::resolve(&settings).expect_err("mistakes").to_string();
    assert!(mistakes.contains("/nowhere/at/all.toml: No such file"), "{mistakes}");
}

/// Every key has a comment above it.
#[test]
fn every_key_is_documented() {
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let is_key = line
            .split_once(" = ")
            .is_some_and(|(key, _)| key.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()));
        assert!(!is_key || lines[at - 1].starts_with('#'), "default.toml, line {}: {line}", at + 1);
    }
}

/// The sample for AWS holds what differs, and is what it says.
#[test]
fn the_aws_sample_is_what_differs() {
    let mut settings = Settings::defaults();
    settings.add_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/aws.toml"));
    let defaults = Settings::defaults();
    for (key, setting) in settings.iter().filter(|(_, setting)| setting.origin != Origin::BuiltIn) {
        let default = defaults.iter().find(|(known, _)| *known == key);
        assert_ne!(default.map(|(_, default)| &default.raw), Some(&setting.raw), "{key} is the default");
    }
    let config = Config::resolve(&settings).expect("a configuration");
    let ScorerKind::SageMaker(endpoint) = config.scorer.kind else { panic!("the endpoint") };
    assert_eq!(endpoint.endpoint_name, "imba");
    let Store::DynamoDb(table) = config.features.store else { panic!("the table") };
    assert_eq!((table.table.as_str(), table.user_key.name.as_str()), ("imba", "user_id"));
    assert!(matches!(config.model.path, ModelPath::S3 { .. }));
}

#[test]
fn a_value_of_the_wrong_type_names_what_it_is() {
    let mistakes = resolve("server = { listen = 8080, static_dir = ['a'], drain = 2026-01-01 }", &[])
        .expect_err("mistakes");
    assert_eq!(mistakes.len(), 3, "{mistakes:#?}");
    let mut settings = Settings::defaults();
    settings.set("model.path", Raw::Text(String::new()), Origin::Env("IMBA__MODEL__PATH".to_owned()));
    let mistakes = Config::resolve(&settings).expect_err("mistakes").to_string();
    assert!(
        mistakes.contains("model.path: is empty: expected a path (environment variable IMBA__MODEL__PATH)"),
        "{mistakes}"
    );
}

/// Impossible combinations around AWS are refused, each with its key; unused sections are left alone.
#[test]
fn aws_mistakes() {
    let refused = |file: &str, variables: &[(&str, &str)]| resolve(file, variables).expect_err(file);
    for (file, said) in [
        (
            "scorer.kind = 'sagemaker'",
            "scorer.kind: is \"sagemaker\", which needs scorer.sagemaker.endpoint_name",
        ),
        (
            "scorer.sagemaker.endpoint_name = '-imba'",
            "scorer.sagemaker.endpoint_name: expected the name of an endpoint",
        ),
        ("scorer.shadow = 0.1", "scorer.shadow: needs scorer.sagemaker.endpoint_name"),
        ("scorer.shadow = 2", "scorer.shadow: expected a number from 0 to 1, found 2"),
        ("aws.endpoint_url = 'localhost:4566'", "aws.endpoint_url: expected a URL like"),
        ("aws.endpoint_url = 'http://user@host'", "aws.endpoint_url: expected a URL like"),
        (
            "scorer.sagemaker = { endpoint_name = 'imba', timeout = '10s' }",
            "scorer.sagemaker.timeout: is not shorter than server.deadline",
        ),
        (
            "scorer.sagemaker = { endpoint_name = 'imba', attempt_timeout = '9s' }",
            "scorer.sagemaker.attempt_timeout: is longer than scorer.sagemaker.timeout",
        ),
        (
            "scorer.sagemaker = { endpoint_name = 'imba', attempts = 0 }",
            "scorer.sagemaker.attempts: expected a whole number from 1",
        ),
        ("aws.region = 'eu west 1'", "aws.region: expected a region like \"eu-west-1\", found \"eu west 1\""),
        ("aws.region = 'eu-west-1/x'", "aws.region: expected a region like"),
        ("scorer.sagemaker.breaker_rate = 0", "scorer.sagemaker.breaker_rate: is 0"),
        ("scorer.sagemaker.breaker_failures = 3", "no such key"),
        (
            "scorer.sagemaker.pass_headers = ['cookie']",
            "\"cookie\" is none of x-amzn-sagemaker-target-variant",
        ),
        (
            "scorer.sagemaker.custom_attributes = 'ä'",
            "scorer.sagemaker.custom_attributes: expected up to 1024 visible ASCII",
        ),
    ] {
        let mistakes = refused(file, &[]);
        assert!(mistakes.len() == 1 && mistakes[0].contains(said), "{file}: {mistakes:#?}");
    }
    let mistakes = refused("", &[("AWS_ENDPOINT_URL_DYNAMODB", "nonsense")]);
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    assert!(
        mistakes[0].contains("found \"nonsense\" (environment variable AWS_ENDPOINT_URL_DYNAMODB)"),
        "{mistakes:?}"
    );
    resolve("server.deadline = '1s'", &[]).expect("no endpoint, no comparison with its timeout");
    let config = resolve(&format!("{ENDPOINT}\nfeatures.columns = ['a']"), &[]);
    assert!(matches!(config.expect("an endpoint").scorer.kind, ScorerKind::SageMaker(_)));
    let mistakes = refused(ENDPOINT, &[]);
    assert!(mistakes[0].starts_with("features.columns: is empty"), "{mistakes:?}");
}

#[test]
fn dynamodb_mistakes() {
    let section = |keys: &str| format!("features.kind = 'dynamodb'\n[features.dynamodb]\n{keys}");
    for (keys, said) in [
        ("table = ''", "table: is empty: expected a name"),
        ("user_key_type = 'B'", "user_key_type: expected \"S\" or \"N\", found \"B\""),
        ("product_key = 'user_id'", "product_key: names the same attribute as user_key"),
        ("packed_attribute = 'user_id'", "packed_attribute: names an attribute of the key"),
        ("layout = 'rows'", "layout: expected \"packed\" or \"columns\", found \"rows\""),
        ("batch_pairs = 101", "batch_pairs: is more than 100"),
        ("timeout = '10s'", "timeout: is not shorter than server.deadline"),
    ] {
        let mistakes = resolve(&section(keys), &[]).expect_err(keys);
        assert!(mistakes.len() == 1 && mistakes[0].contains(said), "{keys}: {mistakes:#?}");
    }
    resolve("server.deadline = '1s'", &[]).expect("no table, no comparison with its timeout");
}

#[test]
fn model_paths() {
    let path = |path: &str| resolve(&format!("model.path = '{path}'"), &[]).map(|config| config.model.path);
    assert_eq!(path("/models/a.ubj"), Ok(ModelPath::File("/models/a.ubj".into())));
    let object = ModelPath::S3 { bucket: "b".to_owned(), key: "k/model.tar.gz".to_owned() };
    assert_eq!(path("s3://b/k/model.tar.gz"), Ok(object));
    for wrong in ["s3://", "s3://b", "s3://b/", "s3:///k", "https://b/k"] {
        let mistakes = path(wrong).expect_err(wrong);
        assert!(
            mistakes.len() == 1 && mistakes[0].contains("expected a path or \"s3://bucket/key\""),
            "{mistakes:?}"
        );
    }
}

/// The 18 names stand in the sample for AWS, and are the training package's and the demo model's.
#[test]
fn the_eighteen_names_are_the_training_packages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut settings = Settings::defaults();
    settings.add_file(&root.join("config/aws.toml"));
    let ours = Config::resolve(&settings).expect("a configuration").features.columns;
    let python = fs::read_to_string(root.join("training/imba_training/columns.py")).expect("the package");
    let list = python.split("FEATURES = (").nth(1).and_then(|rest| rest.split(')').next()).expect("a list");
    let theirs: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert_eq!(ours, theirs);
    let model = fs::read(root.join("demo/model.ubj")).expect("the demo's model");
    assert_eq!(gbtree::Model::from_bytes(&model).expect("a model").feature_names(), ours);
}
