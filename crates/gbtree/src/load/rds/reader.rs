//! R's serialization, versions 2 and 3.
//!
//! Source: "R Internals", 1.8 Serialization Formats, and R's `src/main/serialize.c`.

use super::kind;
use crate::LoadError;
use crate::load::Budget;

/// Objects inside each other; R's own expressions are the deepest.
const MAX_DEPTH: usize = 256;

/// What is of interest in an R object.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// All raw vectors.
    pub(super) raws: Vec<Vec<u8>>,
    /// The strings under the first name `feature_names`.
    pub(super) feature_names: Vec<String>,
}

pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Result<Content, LoadError> {
    let text = bytes.starts_with(b"A");
    let mut reader =
        Reader { bytes, at: 2, text, references: Vec::new(), content: Content::default(), budget };
    let version = reader.int()?;
    reader.int()?;
    reader.int()?;
    if version == 3 {
        let encoding = reader.len(1)?;
        reader.letters(encoding)?;
    }
    reader.item(0)?;
    Ok(reader.content)
}

/// A value as far as it matters to what is around it.
enum Item {
    Text(String),
    Strings(Vec<String>),
    List(Vec<Item>),
    Other,
}

pub(super) struct Reader<'a, 'b> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Whether numbers are lines of text; else they are big-endian.
    pub(super) text: bool,
    /// What later references point to: the names of symbols; nothing for environments and the like.
    references: Vec<Option<String>>,
    content: Content,
    pub(super) budget: &'b mut Budget,
}

impl Reader<'_, '_> {
    fn item(&mut self, depth: usize) -> Result<Item, LoadError> {
        let flags = self.int()?;
        self.item_of(flags, depth)
    }

    fn item_of(&mut self, flags: i32, depth: usize) -> Result<Item, LoadError> {
        if depth > MAX_DEPTH {
            return Err(self.fault(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.budget.charge_for::<Item>(1)?;
        let kind = kind::of(flags);
        let has_attributes = flags & 0x200 != 0;
        let item = match kind {
            kind::PAIRS | kind::CLOSURE | kind::PROMISE | kind::CALL | kind::DOTS => {
                return self.pairs(flags, depth);
            }
            kind::POINTER => {
                self.references.push(None);
                self.item(depth + 1)?;
                self.item(depth + 1)?;
                Item::Other
            }
            kind::WEAK => {
                self.references.push(None);
                Item::Other
            }
            kind::S4 => Item::Other,
            kind::LOGICALS | kind::INTEGERS => self.numbers(1, 4).map(|()| Item::Other)?,
            kind::REALS => self.numbers(1, 8).map(|()| Item::Other)?,
            kind::COMPLEX => self.numbers(2, 16).map(|()| Item::Other)?,
            kind::RAW => self.raw()?,
            kind::STRINGS => {
                let count = self.len(4)?;
                let mut strings = Vec::new();
                for _ in 0..count {
                    self.budget.charge_for::<String>(2)?;
                    match self.item(depth + 1)? {
                        Item::Text(text) => strings.push(text),
                        _ => strings.push(String::new()),
                    }
                }
                Item::Strings(strings)
            }
            kind::LIST | kind::EXPRESSIONS => {
                let count = self.len(4)?;
                let mut items = Vec::new();
                for _ in 0..count {
                    self.budget.charge_for::<Item>(1)?;
                    items.push(self.item(depth + 1)?);
                }
                Item::List(items)
            }
            kind::BYTECODE => {
                self.int()?;
                self.code(depth + 1)?;
                Item::Other
            }
            _ => return self.shared(flags, depth),
        };
        if has_attributes {
            self.attributes(&item, depth + 1)?;
        }
        Ok(item)
    }

    /// Names, references and environments: what stands without attributes of its own.
    fn shared(&mut self, flags: i32, depth: usize) -> Result<Item, LoadError> {
        match kind::of(flags) {
            kind::SYMBOL => {
                let name = match self.item(depth + 1)? {
                    Item::Text(name) => name,
                    _ => String::new(),
                };
                self.references.push(Some(name.clone()));
                Ok(Item::Text(name))
            }
            kind::LETTERS => {
                let len = self.int()?;
                if len == -1 {
                    return Ok(Item::Other);
                }
                let left = self.bytes.len().saturating_sub(self.at);
                let len = usize::try_from(len).ok().filter(|&len| len <= left);
                let len = len.ok_or_else(|| self.fault("a text is longer than the file"))?;
                self.letters(len).map(Item::Text)
            }
            kind::REFERENCE => {
                let packed = flags >> 8;
                let place = if packed == 0 { self.int()? } else { packed };
                let place = usize::try_from(place).unwrap_or(0);
                match self.references.get(place.wrapping_sub(1)) {
                    Some(Some(name)) => Ok(Item::Text(name.clone())),
                    Some(None) => Ok(Item::Other),
                    None => Err(self.fault(format!("it refers to object {place}, which it never stored"))),
                }
            }
            kind::ENVIRONMENT => {
                self.references.push(None);
                self.int()?;
                for _ in 0..4 {
                    self.item(depth + 1)?;
                }
                Ok(Item::Other)
            }
            kind::PERSISTENT | kind::PACKAGE | kind::NAMESPACE => {
                self.int()?;
                for _ in 0..self.len(4)? {
                    self.item(depth + 1)?;
                }
                self.references.push(None);
                Ok(Item::Other)
            }
            kind::SPECIAL | kind::BUILTIN => {
                let len = self.len(1)?;
                self.letters(len)?;
                Ok(Item::Other)
            }
            kind::ALTERNATIVE => {
                // What it is, its state, its attributes. The state of xgboost's is the model's bytes.
                self.item(depth + 1)?;
                let state = self.item(depth + 1)?;
                self.item(depth + 1)?;
                Ok(state)
            }
            // Nil, the base environments, missing and unbound.
            241 | 242 | 250..=254 | 0 => Ok(Item::Other),
            other => Err(self.fault(format!("objects of type {other} are not known"))),
        }
    }

    /// Attributes of an item; the names of a list tell its elements.
    fn attributes(&mut self, of: &Item, depth: usize) -> Result<(), LoadError> {
        let mut flags = self.int()?;
        while kind::of(flags) == kind::PAIRS {
            if flags & 0x200 != 0 {
                self.item(depth + 1)?;
            }
            let tag = if flags & 0x400 != 0 { self.item(depth + 1)? } else { Item::Other };
            let value = self.item(depth + 1)?;
            match (&tag, of, value) {
                (Item::Text(tag), Item::List(elements), Item::Strings(names)) if tag == "names" => {
                    for (name, element) in names.iter().zip(elements) {
                        self.named(name, element);
                    }
                }
                (Item::Text(tag), _, value) => self.named(tag, &value),
                _ => {}
            }
            flags = self.int()?;
        }
        Ok(())
    }

    fn named(&mut self, name: &str, value: &Item) {
        if let Item::Strings(strings) = value
            && name == "feature_names"
            && self.content.feature_names.is_empty()
        {
            self.content.feature_names.clone_from(strings);
        }
    }

    /// A chain of pairs: each its attributes, its tag, its value, and the rest of the chain.
    fn pairs(&mut self, mut flags: i32, depth: usize) -> Result<Item, LoadError> {
        loop {
            if flags & 0x200 != 0 {
                self.item(depth + 1)?;
            }
            let tag = if flags & 0x400 != 0 { self.item(depth + 1)? } else { Item::Other };
            let value = self.item(depth + 1)?;
            if let Item::Text(tag) = tag {
                self.named(&tag, &value);
            }
            flags = self.int()?;
            match kind::of(flags) {
                kind::PAIRS | kind::CLOSURE | kind::PROMISE | kind::CALL | kind::DOTS => {}
                _ => return self.item_of(flags, depth + 1).map(|_| Item::Other),
            }
        }
    }

    fn raw(&mut self) -> Result<Item, LoadError> {
        let len = self.len(if self.text { 3 } else { 1 })?;
        self.budget.charge(len)?;
        let raw = if self.text {
            let mut raw = Vec::with_capacity(len);
            for _ in 0..len {
                let line = self.line()?;
                let byte = std::str::from_utf8(line).ok().and_then(|line| u8::from_str_radix(line, 16).ok());
                raw.push(byte.ok_or_else(|| self.fault("a line is not a byte"))?);
            }
            raw
        } else {
            self.take(len)?.to_vec()
        };
        self.content.raws.push(raw);
        Ok(Item::Other)
    }

    /// Compiled code: the instructions as an integer vector, then constants.
    fn code(&mut self, depth: usize) -> Result<(), LoadError> {
        if depth > MAX_DEPTH {
            return Err(self.fault(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.item(depth + 1)?;
        for _ in 0..self.len(4)? {
            let kind = self.int()?;
            match kind::of(kind) {
                kind::BYTECODE => self.code(depth + 1)?,
                kind::CALL
                | kind::PAIRS
                | kind::CODE_DEFINITION
                | kind::CODE_REFERENCE
                | kind::CALL_WITH_ATTRIBUTES
                | kind::PAIRS_WITH_ATTRIBUTES => self.code_pairs(kind, depth + 1)?,
                _ => self.item(depth + 1).map(drop)?,
            }
        }
        Ok(())
    }

    /// Calls among the constants: pairs whose kind is written before each.
    fn code_pairs(&mut self, kind: i32, depth: usize) -> Result<(), LoadError> {
        if depth > MAX_DEPTH {
            return Err(self.fault(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let mut kind = kind;
        loop {
            match kind::of(kind) {
                kind::CODE_REFERENCE => return self.int().map(drop),
                kind::CODE_DEFINITION => {
                    self.int()?;
                    kind = self.int()?;
                    continue;
                }
                kind::CALL_WITH_ATTRIBUTES | kind::PAIRS_WITH_ATTRIBUTES => {
                    self.item(depth + 1)?;
                }
                kind::CALL | kind::PAIRS => {}
                _ => return self.item(depth + 1).map(drop),
            }
            self.item(depth + 1)?;
            let head = self.int()?;
            self.code_pairs(head, depth + 1)?;
            kind = self.int()?;
        }
    }
}
