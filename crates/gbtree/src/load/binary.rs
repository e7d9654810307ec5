//! The legacy binary format: C structs as they lay in memory, little-endian, 0.40 to 3.0.
//!
//! Source: dmlc/xgboost `src/learner.cc`, `src/gbm/gbtree_model.h`, `src/tree/tree_model.cc` of 0.40 to 1.7.

use super::budget::Budget;
use super::learner::{BaseScore, Booster, Header, LearnerFile};
use crate::forest::{ForestBuilder, RawTree, TreeFault};
use crate::{Format, LoadError, Version};

const LEARNER_HEADER: usize = 136;
const TREES_HEADER: usize = 160;
const TREE_HEADER: usize = 148;
const LINEAR_HEADER: usize = 136;
const NODE: usize = 20;
const STAT: usize = 16;

/// Whether the bytes are a learner header followed by the names of an objective and a booster.
pub(super) fn announces(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    reader.skip_signature();
    reader.at += LEARNER_HEADER;
    let plausible =
        |name: &str| (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    reader.objective_name().is_ok_and(|name| plausible(&name))
        && reader.string("booster").is_ok_and(|name| matches!(name.as_str(), "gbtree" | "dart" | "gblinear"))
}

pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Result<LearnerFile, LoadError> {
    let mut reader = Reader::new(bytes);
    reader.skip_signature();
    let header = reader.take(LEARNER_HEADER, "learner header")?;
    let base_score = f32_at(header, 0);
    let num_features = u32_at(header, 4) as usize;
    let num_class = u32_at(header, 8).cast_signed();
    let has_attributes = u32_at(header, 12) != 0;
    let (major, minor) = (u32_at(header, 20), u32_at(header, 24));
    // 0.x leaves the version's place zero, and stores the margin instead of the base score.
    let version = (major > 0).then(|| Version::new(major, minor, 0));
    let since = |least: Version| version.is_some_and(|version| version >= least);
    let num_target = if since(Version::new(1, 6, 0)) { u32_at(header, 28).cast_signed() } else { 1 };
    let Ok(groups) = usize::try_from(num_class.max(num_target).max(1)) else {
        return Err(reader.fault("learner header", format!("{num_class} classes")));
    };
    let objective = reader.objective_name()?;
    let name = reader.string("booster name")?;
    let mut model = Header {
        format: Format::Binary,
        version,
        num_features,
        groups,
        base_score: match version {
            None => BaseScore::Margin(base_score),
            Some(_) => BaseScore::Value(vec![base_score]),
        },
        boost_from_average: false,
        objective,
        attributes: Vec::new(),
        feature_names: Vec::new(),
        feature_types: Vec::new(),
        categories: Vec::new(),
        wrapper: None,
    };
    let mut has_buffer = false;
    let booster = match name.as_str() {
        "gbtree" | "dart" => {
            let header = reader.take(TREES_HEADER, "gbtree header")?;
            if version.is_none() && u32_at(header, 28) != 0 {
                return Err(LoadError::Unsupported(
                    "the model has vector leaves in a binary file".to_owned(),
                ));
            }
            // 0.4 may keep training predictions after the trees; attributes do not exist there yet.
            has_buffer = u32_at(header, 16) != 0 || u32_at(header, 20) != 0;
            let parallel_trees = if since(Version::new(1, 6, 0)) { u32_at(header, 4) as usize } else { 0 };
            model.check()?;
            reader.trees(u32_at(header, 0), name == "dart", parallel_trees, &model, budget)?
        }
        "gblinear" => {
            let header = reader.take(LINEAR_HEADER, "gblinear header")?;
            // Zero since 1.0, where only the learner header counts.
            model.num_features = model.num_features.max(u32_at(header, 0) as usize);
            model.check()?;
            Booster::Linear { weights: reader.floats("linear weights", budget)? }
        }
        other => {
            return Err(LoadError::Unsupported(format!(
                "the booster {other:?} is not gbtree, dart or gblinear"
            )));
        }
    };
    // 0.4 sets the same flag for training predictions, of which there may be none.
    let absent = version.is_none() && reader.at == bytes.len();
    if has_attributes && !has_buffer && !absent {
        model.attributes = reader.attributes(budget)?;
    }
    Ok(LearnerFile { header: model, booster })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(raw)
}

fn f32_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_bits(u32_at(bytes, at))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn skip_signature(&mut self) {
        if self.bytes.starts_with(b"binf") {
            self.at = 4;
        }
    }

    fn fault(&self, at: &str, what: String) -> LoadError {
        LoadError::Malformed { format: Format::Binary, at: format!("{at} (byte {})", self.at), what }
    }

    fn take(&mut self, len: usize, name: &str) -> Result<&'a [u8], LoadError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if len > rest.len() {
            return Err(self.fault(name, format!("{len} bytes are needed, {} are left", rest.len())));
        }
        self.at += len;
        Ok(&rest[..len])
    }

    /// A 64-bit length of things that take at least `unit` bytes each, so the file bounds it.
    fn len(&mut self, unit: usize, name: &str) -> Result<usize, LoadError> {
        let mut raw = [0; 8];
        raw.copy_from_slice(self.take(8, name)?);
        self.bounded(u64::from_le_bytes(raw), unit, name)
    }

    fn bounded(&self, len: u64, unit: usize, name: &str) -> Result<usize, LoadError> {
        let left = self.bytes.len().saturating_sub(self.at);
        match usize::try_from(len) {
            Ok(len) if len <= left / unit => Ok(len),
            _ => Err(self.fault(name, format!("a length of {len} was announced, {left} bytes are left"))),
        }
    }

    fn text(&mut self, len: usize, name: &str) -> Result<String, LoadError> {
        let raw = self.take(len, name)?;
        match std::str::from_utf8(raw) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(self.fault(name, "the text is not UTF-8".to_owned())),
        }
    }

    fn string(&mut self, name: &str) -> Result<String, LoadError> {
        let len = self.len(1, name)?;
        self.text(len, name)
    }

    /// The oldest files have four bytes more before the name, which shifts its length by 32 bits.
    fn objective_name(&mut self) -> Result<String, LoadError> {
        let name = "objective name";
        let mut raw = [0; 8];
        raw.copy_from_slice(self.take(8, name)?);
        let mut len = u64::from_le_bytes(raw);
        if len >= u64::from(u32::MAX) {
            self.take(4, name)?;
            len >>= 32;
        }
        let len = self.bounded(len, 1, name)?;
        self.text(len, name)
    }

    fn floats(&mut self, name: &str, budget: &mut Budget) -> Result<Vec<f32>, LoadError> {
        let len = self.len(4, name)?;
        budget.charge_for::<f32>(len)?;
        Ok(self.take(len * 4, name)?.as_chunks().0.iter().map(|&raw| f32::from_le_bytes(raw)).collect())
    }

    fn trees(
        &mut self,
        count: u32,
        dart: bool,
        parallel_trees: usize,
        model: &Header,
        budget: &mut Budget,
    ) -> Result<Booster, LoadError> {
        let count = self.bounded(u64::from(count), TREE_HEADER + NODE + STAT, "gbtree header")?;
        // Which output a tree adds to, and its weight, are stored behind the trees.
        let start = self.at;
        let mut nodes = 0;
        for tree in 0..count {
            nodes += self.tree(tree, &mut RawTree::default(), false)?;
        }
        let groups: Vec<u32> = self
            .take(count * 4, "tree_info")?
            .as_chunks()
            .0
            .iter()
            .map(|&raw| u32::from_le_bytes(raw))
            .collect();
        let weights = if dart && count > 0 { self.floats("weight_drop", budget)? } else { Vec::new() };
        if dart && weights.len() != count {
            return Err(self.fault("weight_drop", format!("{} elements for {count} trees", weights.len())));
        }
        let end = std::mem::replace(&mut self.at, start);
        let mut forest = ForestBuilder::new(model.num_features, model.groups, 1);
        forest.reserve(nodes, budget)?;
        let mut raw = RawTree::default();
        for (tree, &group) in groups.iter().enumerate() {
            self.tree(tree, &mut raw, true)?;
            let weight = weights.get(tree).copied().unwrap_or(1.0);
            forest.push(&raw, group as usize, weight, budget).map_err(|fault| match fault {
                TreeFault::Node(node, what) => self.fault(&format!("tree {tree}, node {node}"), what),
                TreeFault::Field(name, what) => self.fault(&format!("tree {tree}, {name}"), what),
                TreeFault::Limit(error) => error,
            })?;
        }
        self.at = end;
        Ok(Booster::Trees { forest: forest.finish(), dart, parallel_trees, iterations: None })
    }

    /// Steps over one tree and, if asked, unpacks it; gives its number of nodes.
    fn tree(&mut self, index: usize, raw: &mut RawTree, unpack: bool) -> Result<usize, LoadError> {
        let name = format!("tree {index}");
        let header = self.take(TREE_HEADER, &name)?;
        let (nodes, leaf_vector) = (u32_at(header, 4), u32_at(header, 20));
        let nodes = self.bounded(u64::from(nodes), NODE + STAT, &name)?;
        let node_bytes = self.take(nodes * NODE, &name)?;
        let stat_bytes = self.take(nodes * STAT, &name)?;
        if leaf_vector > 1 {
            return Err(LoadError::Unsupported(format!("{name} has vector leaves in a binary file")));
        }
        if !unpack {
            return Ok(nodes);
        }
        for ints in [&mut raw.left, &mut raw.right] {
            ints.clear();
        }
        raw.feature.clear();
        raw.value.clear();
        raw.default_left.clear();
        raw.cover.clear();
        raw.split_type.clear();
        raw.split_type.resize(nodes, 0);
        for node in node_bytes.as_chunks::<NODE>().0 {
            let split = u32_at(node, 12);
            raw.left.push(u32_at(node, 4).cast_signed());
            raw.right.push(u32_at(node, 8).cast_signed());
            raw.feature.push(i64::from(split & 0x7fff_ffff));
            raw.default_left.push(u8::from(split >> 31 == 1));
            raw.value.push(f32_at(node, 16));
        }
        raw.cover.extend(stat_bytes.as_chunks::<STAT>().0.iter().map(|stat| f32_at(stat, 4)));
        Ok(nodes)
    }

    fn attributes(&mut self, budget: &mut Budget) -> Result<Vec<(String, String)>, LoadError> {
        let count = self.len(16, "attributes")?;
        budget.charge_for::<(String, String)>(count)?;
        let mut attributes = Vec::with_capacity(count);
        for _ in 0..count {
            let (key, value) = (self.string("attribute name")?, self.string("attribute value")?);
            // Since 1.0 the library keeps its own configuration among the attributes.
            if key != "objective" && key != "metrics" && !key.starts_with("SAVED_PARAM_") {
                attributes.push((key, value));
            }
        }
        Ok(attributes)
    }
}
