//! Raw settings to typed values, gathering every mistake instead of stopping at the first.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::source::{Origin, Raw, Setting, Settings};

/// One thing wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The dotted key, or empty when a whole layer is unreadable.
    pub key: String,
    /// The layer it came from.
    pub origin: Option<Origin>,
    /// What is wrong and what was expected.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)?;
        match &self.origin {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

/// Every mistake of one configuration; its text is one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the configuration has {} mistake{}:",
            self.0.len(),
            if self.0.len() == 1 { "" } else { "s" }
        )?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

/// Typed access to [`Settings`]. After a mistake a read returns a placeholder, so that reading goes on; [`Self::finish`]
/// then refuses the whole.
pub(super) struct Reader<'a> {
    settings: &'a Settings,
    mistakes: Vec<Mistake>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        let known = Settings::defaults();
        let mut mistakes = settings.mistakes().to_vec();
        for (key, setting) in settings.iter() {
            if known.get(key).is_none() {
                let hint = nearest(key, known.iter().map(|(known, _)| known)).map_or_else(
                    || "no such key".to_owned(),
                    |near| format!("no such key; did you mean {near}?"),
                );
                mistakes.push(Mistake {
                    key: key.to_owned(),
                    origin: Some(setting.origin.clone()),
                    what: hint,
                });
            }
        }
        Self { settings, mistakes }
    }

    pub(super) fn finish(self) -> Result<(), Mistakes> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(Mistakes(self.mistakes)) }
    }

    /// Notes a mistake in the value of `key`.
    pub(super) fn mistake(&mut self, key: &str, what: String) {
        let origin = self.settings.get(key).map(|setting| setting.origin.clone());
        self.mistakes.push(Mistake { key: key.to_owned(), origin, what });
    }

    fn setting(&self, key: &str) -> &'a Setting {
        self.settings.get(key).unwrap_or_else(|| panic!("config/default.toml lacks {key}: this is a bug"))
    }

    fn text(&mut self, key: &str) -> &'a str {
        match &self.setting(key).raw {
            Raw::Text(text) => text.trim(),
            other => {
                self.mistake(key, format!("expected a string in quotes, found {}", describe(other)));
                ""
            }
        }
    }

    /// The spelling of a number or flag, quoted or not (the environment knows only text).
    fn bare(&mut self, key: &str, expected: &str) -> &'a str {
        match &self.setting(key).raw {
            Raw::Text(text) | Raw::Bare(text) => text.trim(),
            other => {
                self.mistake(key, format!("expected {expected}, found {}", describe(other)));
                ""
            }
        }
    }

    pub(super) fn address(&mut self, key: &str) -> SocketAddr {
        let text = self.text(key);
        text.parse().unwrap_or_else(|_| {
            self.mistake(key, format!("expected an address and port like 127.0.0.1:8080, found {text:?}"));
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
        })
    }

    pub(super) fn path(&mut self, key: &str) -> PathBuf {
        self.optional_path(key).unwrap_or_else(|| {
            self.mistake(key, "is empty: expected a path".to_owned());
            PathBuf::new()
        })
    }

    pub(super) fn optional_path(&mut self, key: &str) -> Option<PathBuf> {
        Some(self.text(key)).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    pub(super) fn duration(&mut self, key: &str) -> Duration {
        let text = self.bare(key, "a duration with its unit");
        match humantime::parse_duration(text) {
            Ok(duration) if !duration.is_zero() && text != "0" => duration,
            _ => {
                self.mistake(
                    key,
                    format!("expected a duration with its unit, like \"250ms\" or \"10s\", found {text:?}"),
                );
                Duration::ZERO
            }
        }
    }

    pub(super) fn size(&mut self, key: &str) -> usize {
        let text = self.bare(key, "a size with its unit");
        let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
        match text.parse::<bytesize::ByteSize>() {
            Ok(size) if has_unit && size.as_u64() > 0 => usize::try_from(size.as_u64()).unwrap_or(usize::MAX),
            _ => {
                self.mistake(
                    key,
                    format!("expected a size with its unit, like \"512KiB\" or \"6MiB\", found {text:?}"),
                );
                0
            }
        }
    }

    pub(super) fn finite(&mut self, key: &str) -> f64 {
        let text = self.bare(key, "a number");
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => number,
            _ => {
                self.mistake(key, format!("expected a number, found {text:?}"));
                0.0
            }
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        let text = self.bare(key, "true or false");
        text.parse().unwrap_or_else(|_| {
            self.mistake(key, format!("expected true or false, found {text:?}"));
            false
        })
    }

    /// A TOML array of strings; in the environment, the same or names separated by commas.
    pub(super) fn list(&mut self, key: &str) -> Vec<String> {
        match &self.setting(key).raw {
            Raw::List(items) => items.iter().map(|item| item.trim().to_owned()).collect(),
            Raw::Text(text) if text.trim_start().starts_with('[') => Settings::list_in_toml(text)
                .unwrap_or_else(|| {
                    self.mistake(key, format!("expected a list like [\"a\", \"b\"] or a,b, found {text:?}"));
                    Vec::new()
                }),
            Raw::Text(text) if text.trim().is_empty() => Vec::new(),
            Raw::Text(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
            other => {
                self.mistake(key, format!("expected an array of strings, found {}", describe(other)));
                Vec::new()
            }
        }
    }

    /// One of a closed list of words.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> T {
        let text = self.text(key);
        choices.iter().find(|(word, _)| *word == text).map_or_else(
            || {
                let words: Vec<_> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
                self.mistake(key, format!("expected {}, found {text:?}", words.join(" or ")));
                choices[0].1
            },
            |(_, choice)| *choice,
        )
    }
}

fn describe(raw: &Raw) -> String {
    match raw {
        Raw::Text(text) => format!("{text:?}"),
        Raw::Bare(text) => text.clone(),
        Raw::List(items) => format!("a list of {}", items.len()),
        Raw::Other(kind) => (*kind).to_owned(),
    }
}

/// The known key that ends like `key` or differs from it least, if any is near enough to suggest.
fn nearest<'k>(key: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(key, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, candidate)| candidate)
}
