//! Where raw settings come from: the built-in defaults, TOML files, `IMBA__…` variables; later layers win, key by key.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::container::{MODEL_FOLDER, VARIABLES};
use super::mistake::{Mistake, Mistakes};

/// The lowest layer, which is also the list of all keys.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The file that identifies the working directory as a checkout: there, the store is kept beside the sources.
const CHECKOUT: &str = "config/default.toml";

const ENV_PREFIX: &str = "IMBA__";
/// The AWS SDK's own variables, which it reads itself but does not check.
const AWS_ENDPOINT_PREFIX: &str = "AWS_ENDPOINT_URL";

/// A value as its layer wrote it, before its type is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// A quoted string, or the whole of an environment variable.
    Text(String),
    /// A number or boolean, spelled as in the file.
    Bare(String),
    /// An array of strings.
    List(Vec<String>),
    /// Anything that is never a setting; the text names it.
    Other(&'static str),
}

impl Raw {
    /// Whether a reader takes both for the same: the environment spells everything as text.
    #[must_use]
    pub fn says_as_much_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one) | Self::Bare(one), Self::Text(other) | Self::Bare(other)) => one == other,
            _ => self == other,
        }
    }
}

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `config/default.toml`, compiled in.
    BuiltIn,
    /// A file, and the line (1-based) in it.
    File(PathBuf, usize),
    /// An environment variable.
    Env(String),
    /// The service being a SageMaker container, whose model is in this folder.
    Container(PathBuf),
    /// The user's folder for data (XDG Base Directory Specification), as the environment names it.
    DataFolder,
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::File(path, line) => write!(f, "{}, line {line}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Container(folder) => write!(f, "SageMaker container with {}", folder.display()),
            Self::DataFolder => f.write_str("built in, in the folder for data"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// One key's raw value and where it came from.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The value.
    pub raw: Raw,
    /// Its layer.
    pub origin: Origin,
}

/// All layers, flattened: dotted key to the setting in force.
#[derive(Debug, Clone)]
pub struct Settings {
    by_key: BTreeMap<String, Setting>,
    aws_endpoints: Vec<(String, String)>,
    container: BTreeMap<&'static str, String>,
    no_color: bool,
    mistakes: Vec<Mistake>,
}

impl Settings {
    fn empty() -> Self {
        Self {
            by_key: BTreeMap::new(),
            aws_endpoints: Vec::new(),
            container: BTreeMap::new(),
            no_color: false,
            mistakes: Vec::new(),
        }
    }

    /// The built-in defaults alone.
    #[must_use]
    pub fn defaults() -> Self {
        let mut settings = Self::empty();
        settings.add_toml(DEFAULTS, |_| Origin::BuiltIn);
        settings
    }

    /// Defaults, then each of `files`, then the process environment.
    #[must_use]
    pub fn layered(files: &[PathBuf]) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one door to the environment")]
        let environment: Vec<_> = std::env::vars_os()
            // A name that is not UTF-8 is not one of ours; such a value is refused with its key.
            .filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
            })
            .collect();
        let mut settings = Self::defaults();
        if !Path::new(CHECKOUT).exists()
            && let Some(folder) = data_folder(&environment)
        {
            let store = folder.join("imba/features.redb").to_string_lossy().into_owned();
            settings.set("features.embedded.path", Raw::Text(store), Origin::DataFolder);
        }
        for file in files {
            settings.add_file(file);
        }
        settings.add_env(environment);
        settings.in_container();
        settings
    }

    /// Where SageMaker has put a model and `model.path` names none, fills the place that the built-in defaults have: the model
    /// is that one, there is no store, and the service listens where SageMaker calls, for as long as it waits.
    pub fn in_container(&mut self) {
        let folder = PathBuf::from(self.container("SM_MODEL_DIR").unwrap_or(MODEL_FOLDER));
        let is_given = self.by_key.get("model.path").is_some_and(|path| path.origin != Origin::BuiltIn);
        if is_given || !folder.is_dir() {
            return;
        }
        let bound = self.container("SAGEMAKER_BIND_TO_PORT").map(|port| format!("0.0.0.0:{}", port.trim()));
        let seconds = self.container("SAGEMAKER_MODEL_SERVER_TIMEOUT").unwrap_or("60").trim();
        for (key, value) in [
            ("model.path", folder.to_string_lossy().into_owned()),
            ("features.kind", "none".to_owned()),
            ("products.names", String::new()),
            ("server.listen", bound.clone().unwrap_or_else(|| "0.0.0.0:8080".to_owned())),
            ("server.deadline", format!("{seconds}s")),
            // The container has no limit but the body's.
            ("server.rows_limit", "1000000".to_owned()),
        ] {
            // An image may name an address; the port that SageMaker will call is the one it says.
            let is_told = key == "server.listen" && bound.is_some();
            if is_told || self.by_key.get(key).is_some_and(|setting| setting.origin == Origin::BuiltIn) {
                self.set(key, Raw::Text(value), Origin::Container(folder.clone()));
            }
        }
    }

    /// The value of a variable of the container's.
    pub(super) fn container(&self, name: &str) -> Option<&str> {
        self.container.get(name).map(String::as_str)
    }

    /// Adds a TOML file as the next layer.
    pub fn add_file(&mut self, path: &Path) {
        match std::fs::read_to_string(path) {
            Ok(text) => self.add_toml(&text, |line| Origin::File(path.to_owned(), line)),
            Err(error) => {
                self.mistakes.push(Mistake {
                    key: String::new(),
                    origin: None,
                    what: format!("{}: {error}", path.display()),
                });
            }
        }
    }

    /// Adds the `IMBA__SECTION__KEY` among `variables` as the next layer.
    pub fn add_env(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in variables {
            if name.starts_with(AWS_ENDPOINT_PREFIX) {
                self.aws_endpoints.push((name, value));
                continue;
            }
            if name == "NO_COLOR" {
                self.no_color = !value.is_empty();
                continue;
            }
            if let Some(known) = VARIABLES.into_iter().find(|known| *known == name) {
                self.container.insert(known, value);
                continue;
            }
            if let Some((key, value)) = platform_setting(&name, &value) {
                self.set_unless_said(key, Raw::Text(value), Origin::Env(name));
                continue;
            }
            let Some(path) = name.strip_prefix(ENV_PREFIX) else { continue };
            let key = path.to_ascii_lowercase().replace("__", ".");
            self.set(key, Raw::Text(value), Origin::Env(name));
        }
    }

    /// Sets one key over all layers, for a flag of the command line.
    pub fn set(&mut self, key: impl Into<String>, raw: Raw, origin: Origin) {
        self.by_key.insert(key.into(), Setting { raw, origin });
    }

    /// Sets one key as a platform asks for it, which somebody who names the key overrules. What Vertex AI says goes before `PORT`,
    /// which many a shell has.
    fn set_unless_said(&mut self, key: &str, raw: Raw, origin: Origin) {
        let is_weaker = |known: &Origin| match known {
            Origin::BuiltIn | Origin::DataFolder => true,
            Origin::Env(name) => name == "PORT",
            Origin::File(..) | Origin::Container(_) | Origin::Flag(_) => false,
        };
        if self.by_key.get(key).is_none_or(|setting| is_weaker(&setting.origin)) {
            self.set(key, raw, origin);
        }
    }

    /// The settings in force, by dotted key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.by_key.iter().map(|(key, setting)| (key.as_str(), setting))
    }

    /// The setting in force of one key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.by_key.get(key)
    }

    /// `AWS_ENDPOINT_URL` and its like, by name.
    pub(super) fn aws_endpoints(&self) -> &[(String, String)] {
        &self.aws_endpoints
    }

    /// Whether the environment asks for text without colour (no-color.org).
    pub(super) fn no_color(&self) -> bool {
        self.no_color
    }

    /// What was wrong with the layers themselves: unreadable files and broken TOML.
    pub(super) fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// The items of a list written as TOML, as an environment variable may hold one.
    pub(super) fn list_in_toml(text: &str) -> Option<Vec<String>> {
        let mut settings = Self::empty();
        settings.add_toml(&format!("list = {text}"), |_| Origin::BuiltIn);
        match settings.by_key.remove("list")?.raw {
            Raw::List(items) if settings.mistakes.is_empty() => Some(items),
            _ => None,
        }
    }

    fn add_toml(&mut self, text: &str, origin: impl Fn(usize) -> Origin) {
        let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let origin = origin(error.span().map_or(1, |span| line_of(span.start)));
            self.mistakes.push(Mistake {
                key: String::new(),
                origin: Some(origin),
                what: error.message().to_owned(),
            });
        }
        self.add_table("", table.get_ref(), &|offset| origin(line_of(offset)));
    }

    fn add_table(&mut self, prefix: &str, table: &DeTable<'_>, origin: &dyn Fn(usize) -> Origin) {
        for (name, value) in table {
            let key = if prefix.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{prefix}.{}", name.get_ref())
            };
            let raw = match value.get_ref() {
                DeValue::Table(inner) => {
                    self.add_table(&key, inner, origin);
                    continue;
                }
                DeValue::String(text) => Raw::Text(text.to_string()),
                DeValue::Integer(number) => Raw::Bare(number.to_string()),
                DeValue::Float(number) => Raw::Bare(number.to_string()),
                DeValue::Boolean(flag) => Raw::Bare(flag.to_string()),
                DeValue::Datetime(_) => Raw::Other("a date"),
                DeValue::Array(items) => items
                    .iter()
                    .map(|item| item.get_ref().as_str().map(str::to_owned))
                    .collect::<Option<Vec<_>>>()
                    .map_or(Raw::Other("an array of other things than strings"), Raw::List),
            };
            self.set(key, raw, origin(name.span().start));
        }
    }
}

/// What a variable of Vertex AI, Cloud Run or Knative sets: the key and its value.
fn platform_setting(name: &str, value: &str) -> Option<(&'static str, String)> {
    match name {
        "AIP_HTTP_PORT" | "PORT" if !value.is_empty() => Some(("server.listen", format!("0.0.0.0:{value}"))),
        "AIP_PREDICT_ROUTE" => Some(("vertex.predict_route", value.to_owned())),
        "AIP_HEALTH_ROUTE" => Some(("vertex.health_route", value.to_owned())),
        _ => None,
    }
}

/// The user's folder for data (XDG Base Directory Specification 0.8), if the environment names the user's home.
fn data_folder(environment: &[(String, String)]) -> Option<PathBuf> {
    let folder = |name: &str| {
        let found =
            environment.iter().find(|(found, _)| found == name).map(|(_, value)| PathBuf::from(value));
        // The specification ignores relative paths.
        found.filter(|path| path.is_absolute())
    };
    folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")))
}

/// Reads the layers and resolves them in one go.
///
/// # Errors
/// Every mistake in every layer.
pub fn load(files: &[PathBuf]) -> Result<super::Config, Mistakes> {
    super::Config::resolve(&Settings::layered(files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_for_data() {
        let folder = |variables: &[(&str, &str)]| {
            let variables: Vec<_> =
                variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            data_folder(&variables).map(|path| path.display().to_string())
        };
        assert_eq!(folder(&[("HOME", "/home/a"), ("XDG_DATA_HOME", "/data")]).as_deref(), Some("/data"));
        assert_eq!(folder(&[("HOME", "/home/a")]).as_deref(), Some("/home/a/.local/share"));
        for ignored in ["", "data"] {
            let variables = [("HOME", "/home/a"), ("XDG_DATA_HOME", ignored)];
            assert_eq!(folder(&variables).as_deref(), Some("/home/a/.local/share"), "{ignored:?}");
            assert_eq!(folder(&[("HOME", ignored)]), None);
        }
        assert_eq!(folder(&[]), None);
    }
}
