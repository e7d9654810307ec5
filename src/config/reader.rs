//! Raw settings to typed values, gathering every mistake instead of stopping at the first.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use http::Uri;

use super::access::is_of_a_plan;
use super::mistake::{Mistake, Mistakes};
use super::source::{Origin, Raw, Setting, Settings};
use super::{DEMO, ModelPath, Table};

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
        for (name, url) in settings.aws_endpoints() {
            if let Err(what) = check_url(url) {
                let origin = Some(Origin::Env(name.clone()));
                mistakes.push(Mistake { key: String::new(), origin, what });
            }
        }
        for (key, setting) in settings.iter() {
            if known.get(key).is_none() && !is_of_a_plan(key) {
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

    /// Notes a mistake in the environment variable `name`, which is no key of ours.
    pub(super) fn wrong_variable(&mut self, name: &str, what: String) {
        let origin = Some(Origin::Env(name.to_owned()));
        self.mistakes.push(Mistake { key: String::new(), origin, what });
    }

    pub(super) fn settings(&self) -> &'a Settings {
        self.settings
    }

    fn setting(&self, key: &str) -> &'a Setting {
        self.settings.get(key).unwrap_or_else(|| panic!("config/default.toml lacks {key}: this is a bug"))
    }

    /// A quoted string; `None` after a mistake.
    fn text(&mut self, key: &str) -> Option<&'a str> {
        match &self.setting(key).raw {
            Raw::Text(text) => Some(text.trim()),
            other => {
                self.mistake(key, format!("expected a string in quotes, found {}", describe(other)));
                None
            }
        }
    }

    /// What `parse` makes of the spelling of a value, quoted or not (the environment knows only text).
    fn parsed<T>(&mut self, key: &str, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let raw = &self.setting(key).raw;
        let parsed = match raw {
            Raw::Text(text) | Raw::Bare(text) => parse(text.trim()),
            Raw::List(_) | Raw::Other(_) => None,
        };
        if parsed.is_none() {
            self.mistake(key, format!("expected {expected}, found {}", describe(raw)));
        }
        parsed
    }

    pub(super) fn address(&mut self, key: &str) -> SocketAddr {
        let address =
            self.parsed(key, "an address and port like \"127.0.0.1:8080\"", |text| text.parse().ok());
        address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// An address, `None` when it is empty.
    pub(super) fn optional_address(&mut self, key: &str) -> Option<SocketAddr> {
        self.optional(key)?;
        Some(self.address(key))
    }

    /// The keys in force that begin with `prefix`, in order.
    pub(super) fn keys_below(&self, prefix: &'static str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.settings.iter().map(|(key, _)| key).filter(move |key| key.starts_with(prefix))
    }

    /// What `parse` makes of an optional key.
    pub(super) fn if_set<T>(
        &mut self,
        key: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.settings.get(key)?;
        self.parsed(key, expected, parse)
    }

    pub(super) fn path(&mut self, key: &str) -> PathBuf {
        match self.text(key) {
            Some("") => self.mistake(key, "is empty: expected a path".to_owned()),
            Some(text) => return PathBuf::from(text),
            None => {}
        }
        PathBuf::new()
    }

    /// A text that is not empty.
    pub(super) fn name(&mut self, key: &str) -> String {
        let name = self.text(key).map(str::to_owned);
        if name.as_deref() == Some("") {
            self.mistake(key, "is empty: expected a name".to_owned());
        }
        name.unwrap_or_default()
    }

    /// A text, `None` when it is empty.
    pub(super) fn optional(&mut self, key: &str) -> Option<String> {
        self.text(key).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The address of a service: scheme, host and perhaps port and path; `None` when it is empty.
    pub(super) fn url(&mut self, key: &str) -> Option<String> {
        let url = self.optional(key)?;
        if let Err(what) = check_url(&url) {
            self.mistake(key, what);
        }
        Some(url)
    }

    /// A part of a whole.
    pub(super) fn share(&mut self, key: &str) -> f64 {
        let share = self.parsed(key, "a number from 0 to 1", |text| {
            text.parse().ok().filter(|share| (0.0..=1.0).contains(share))
        });
        share.unwrap_or_default()
    }

    /// A whole number from 1.
    pub(super) fn count(&mut self, key: &str) -> usize {
        let count =
            self.parsed(key, "a whole number from 1", |text| text.parse().ok().filter(|count| *count > 0));
        count.unwrap_or(1)
    }

    /// A whole number from 0.
    pub(super) fn number(&mut self, key: &str) -> usize {
        self.parsed(key, "a whole number from 0", |text| text.parse().ok()).unwrap_or_default()
    }

    /// A path, or `s3://bucket/key`.
    pub(super) fn model_path(&mut self, key: &str) -> ModelPath {
        let path = self.path(key);
        if path.as_os_str() == DEMO {
            return ModelPath::Demo;
        }
        let Some((scheme, place)) = path.to_str().and_then(|path| path.split_once("://")) else {
            return ModelPath::File(path);
        };
        match (scheme, place.split_once('/')) {
            ("s3", Some((bucket, object))) if !bucket.is_empty() && !object.is_empty() => {
                ModelPath::S3 { bucket: bucket.to_owned(), key: object.to_owned() }
            }
            _ => {
                let what = format!("expected a path or \"s3://bucket/key\", found {:?}", path.display());
                self.mistake(key, what);
                ModelPath::File(path)
            }
        }
    }

    pub(super) fn table(&mut self, key: &str) -> Option<Table> {
        let text = self.text(key).filter(|text| !text.is_empty())?;
        Some(if text == DEMO { Table::Demo } else { Table::File(PathBuf::from(text)) })
    }

    pub(super) fn duration(&mut self, key: &str) -> Duration {
        let expected = "a duration with its unit, like \"250ms\" or \"10s\"";
        let duration = self.parsed(key, expected, |text| {
            humantime::parse_duration(text).ok().filter(|duration| !duration.is_zero())
        });
        duration.unwrap_or_default()
    }

    /// A duration, which may be none: `"0s"`.
    pub(super) fn delay(&mut self, key: &str) -> Duration {
        let expected = "a duration with its unit, like \"5s\", or \"0s\" for none";
        self.parsed(key, expected, |text| humantime::parse_duration(text).ok()).unwrap_or_default()
    }

    /// A duration, or `None` for `"off"`.
    pub(super) fn interval(&mut self, key: &str) -> Option<Duration> {
        let expected = "a duration with its unit, like \"10s\", or \"off\"";
        self.parsed(key, expected, |text| match text {
            "off" => Some(None),
            _ => humantime::parse_duration(text).ok().filter(|duration| !duration.is_zero()).map(Some),
        })
        .flatten()
    }

    pub(super) fn size(&mut self, key: &str) -> usize {
        let size = self.parsed(key, "a size with its unit, like \"512KiB\" or \"6MiB\"", |text| {
            let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
            let size = text.parse::<ByteSize>().ok().filter(|size| has_unit && size.as_u64() > 0)?;
            usize::try_from(size.as_u64()).ok()
        });
        size.unwrap_or_default()
    }

    /// A number, or `None` for `"auto"`.
    pub(super) fn threshold(&mut self, key: &str) -> Option<f64> {
        self.parsed(key, "a number or \"auto\"", |text| match text {
            "auto" => Some(None),
            _ => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Some),
        })
        .flatten()
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        self.parsed(key, "true or false", |text| text.parse().ok()).unwrap_or_default()
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
        let words: Vec<_> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
        let chosen = self.parsed(key, &words.join(" or "), |text| {
            choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice)
        });
        chosen.unwrap_or(choices[0].1)
    }
}

/// What is wrong with `url` as the address of a service, if anything: an SDK would panic on it, or ignore a part.
pub(super) fn check_url(url: &str) -> Result<(), String> {
    let parsed = url.parse::<Uri>().ok();
    let host = parsed.as_ref().and_then(Uri::host).filter(|host| !host.is_empty());
    let scheme = parsed.as_ref().and_then(Uri::scheme_str);
    let credentials =
        parsed.as_ref().and_then(Uri::authority).is_some_and(|part| part.as_str().contains('@'));
    let query = parsed.as_ref().and_then(Uri::query);
    match (host, scheme, credentials, query) {
        (Some(_), Some("http" | "https"), false, None) => Ok(()),
        _ => Err(format!("expected a URL like \"http://localhost:4566\", found {url:?}")),
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
