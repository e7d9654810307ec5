//! The fields of a JSON or UBJSON model, as `XGBoost` 1.0 to 3.4 write them.
//!
//! Source: the library's `doc/model.schema` and the files of each release.

use super::budget::Budget;
use super::learner::{BaseScore, Booster, Header, LearnerFile};
use super::trees;
use super::value::{At, Value};
use crate::{Categories, LoadError, Version};

/// Reads a document that is a model.
pub(super) fn read(root: At, budget: &mut Budget) -> Result<LearnerFile, LoadError> {
    // A serialised Booster, as pickles hold it since 1.3, is the model beside its configuration.
    let inner = root.find("Model");
    let root = inner.as_ref().filter(|_| root.find("learner").is_none()).unwrap_or(&root);
    refuse_foreign(root)?;
    let learner = root.get("learner")?;
    let params = learner.get("learner_model_param")?;
    let objective = learner.get("objective")?;
    let count = |name| params.find(name).map_or(Ok(0), |field| field.param::<usize>());
    let num_class = count("num_class")?;
    // Absent before 1.6.
    let num_target = count("num_target")?;
    if num_class > 1 && num_target > 1 {
        return Err(params.fault("both several classes and several targets"));
    }
    let mut header = Header {
        format: root.format(),
        version: root.find("version").map(version).transpose()?,
        num_features: params.get("num_feature")?.param()?,
        groups: num_class.max(num_target).max(1),
        base_score: BaseScore::Value(base_score(params.get("base_score")?)?),
        boost_from_average: params.find("boost_from_average").is_some_and(|flag| flag.str() == Ok("1")),
        objective: objective.get("name")?.str()?.to_owned(),
        attributes: match learner.find("attributes") {
            Some(attributes) => attributes
                .fields()?
                .map(|(name, value)| Ok((name.to_owned(), value.str()?.to_owned())))
                .collect::<Result<_, LoadError>>()?,
            None => Vec::new(),
        },
        feature_names: learner.find("feature_names").map_or(Ok(Vec::new()), |names| names.strings())?,
        feature_types: learner.find("feature_types").map_or(Ok(Vec::new()), |types| types.strings())?,
        categories: Vec::new(),
        wrapper: None,
    };
    header.check()?;
    let gradient_booster = learner.get("gradient_booster")?;
    if let Some(cats) = gradient_booster.find("model").as_ref().and_then(|model| model.find("cats")) {
        header.categories = categories(cats, header.version, budget)?;
    }
    let booster = booster(gradient_booster, &header, budget)?;
    Ok(LearnerFile { header, booster })
}

fn booster(at: At, header: &Header, budget: &mut Budget) -> Result<Booster, LoadError> {
    match at.get("name")?.str()? {
        "gbtree" => {
            let model = at.get("model")?;
            // dart as 3.3 and 3.4 write it: the weights beside the model, or inside it.
            let weights = at.find("weight_drop").or_else(|| model.find("weight_drop"));
            trees::read(model, weights, header, budget)
        }
        "dart" => {
            let gbtree = at.find("gbtree");
            let inner = gbtree.as_ref().unwrap_or(&at);
            let model = inner.get("model")?;
            let weights = at.find("weight_drop").or_else(|| model.find("weight_drop"));
            match weights {
                None => Err(at.fault("the field \"weight_drop\" is missing")),
                some => trees::read(model, some, header, budget),
            }
        }
        "gblinear" => {
            let mut weights = Vec::new();
            at.get("model")?.get("weights")?.f32s(&mut weights)?;
            Ok(Booster::Linear { weights })
        }
        other => {
            Err(LoadError::Unsupported(format!("the booster {other:?} is not gbtree, dart or gblinear")))
        }
    }
}

/// `cats.enc`, an entry per feature: strings as offsets into UTF-8 bytes, or integers.
fn categories(
    at: At,
    version: Option<Version>,
    budget: &mut Budget,
) -> Result<Vec<Option<Categories>>, LoadError> {
    let Some(encoded) = at.find("enc") else { return Ok(Vec::new()) };
    // The Python package before 3.4 counts offsets in characters but stores (and cuts off) bytes: from the first
    // character that is not ASCII on, names cannot be told apart, and are left empty.
    let counts_bytes = version.is_some_and(|version| version >= Version::new(3, 4, 0));
    let mut all = Vec::new();
    for entry in encoded.elements()? {
        let values = entry.get("values")?;
        let mut numbers = Vec::<i64>::new();
        budget.charge_for::<(Option<Categories>, String)>(1)?;
        values.ints(&mut numbers)?;
        budget.charge_for::<[i64; 2]>(numbers.len())?;
        let Some(offsets_at) = entry.find("offsets") else {
            all.push((!numbers.is_empty()).then(|| Categories::integers(numbers)));
            continue;
        };
        let mut offsets = Vec::<usize>::new();
        offsets_at.ints(&mut offsets)?;
        budget.charge_for::<(String, u32)>(offsets.len())?;
        // The library writes its bytes as signed integers.
        let bytes = numbers.iter().map(|&number| i8::try_from(number).map(i8::cast_unsigned));
        let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().map_err(|_| values.fault("not signed bytes"))?;
        let ascii = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(bytes.len());
        let names = offsets.windows(2).map(|pair| match bytes.get(pair[0]..pair[1]) {
            Some(name) if counts_bytes || pair[1] <= ascii => Ok(String::from_utf8_lossy(name).into_owned()),
            Some(_) => Ok(String::new()),
            None => {
                let what = format!("{}..{} is not within {} bytes", pair[0], pair[1], bytes.len());
                Err(offsets_at.fault(what))
            }
        });
        let names = names.collect::<Result<Vec<_>, LoadError>>()?;
        all.push((!names.is_empty()).then(|| Categories::text(names)));
    }
    Ok(all)
}

/// `[major, minor, patch]`.
pub(super) fn version(at: At) -> Result<Version, LoadError> {
    let mut numbers = Vec::new();
    at.ints::<u32>(&mut numbers)?;
    match numbers[..] {
        [major, minor, patch] => Ok(Version::new(major, minor, patch)),
        _ => Err(at.fault("expected three numbers")),
    }
}

/// One number in a string up to 3.0, an array in a string (one number per output) since 3.1.
fn base_score(at: At) -> Result<Vec<f32>, LoadError> {
    let text = match at.value {
        Value::Float(value) => return Ok(vec![*value]),
        Value::Int(value) => return Ok(vec![*value as f32]),
        _ => at.str()?.trim(),
    };
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    inner
        .split(',')
        .map(|number| number.trim().parse().map_err(|_| at.fault(format!("{text:?} is not a base score"))))
        .collect()
}

const DUMP: &str = "this is a dump (`Booster.get_dump`, `dump_model`), which cannot be evaluated exactly; \
                    save the model with `save_model`";

/// Documents people mistake for models get their own message.
fn refuse_foreign(root: &At) -> Result<(), LoadError> {
    let not = |what: &str| Err(LoadError::NotAModel(what.to_owned()));
    if let Some(learner) = root.find("learner") {
        let booster = learner.find("gradient_booster");
        let has_model = booster.as_ref().is_some_and(|at| at.find("model").or(at.find("gbtree")).is_some());
        if !has_model && learner.find("generic_param").or(learner.find("learner_train_param")).is_some() {
            return not(
                "this is a configuration (`save_config`), which holds no trees; save the model with \
                        `save_model`",
            );
        }
        return Ok(());
    }
    let first = match root.value {
        Value::Array(_) => root.elements()?.next(),
        _ => None,
    };
    if root.find("nodeid").is_some() || first.is_some_and(|tree| tree.find("nodeid").is_some()) {
        return not(DUMP);
    }
    if root.find("leaf").is_some() || first.is_some_and(|tree| tree.find("leaf").is_some()) {
        return not(DUMP);
    }
    if root.find("tree_info").is_some() || root.find("pandas_categorical").is_some() {
        return not("this is a LightGBM model dump");
    }
    if root.find("oblivious_trees").is_some() {
        return not("this is a CatBoost model");
    }
    if root.find("postprocessor").is_some() || root.find("task_type").is_some() {
        return not("this is a Treelite model");
    }
    match root.value {
        Value::Object(_) => not("the document has no field \"learner\""),
        _ => not("the document is not an object with a field \"learner\""),
    }
}
