//! What a caller may do.

use std::fmt;

use crate::config::access::SCOPES;

/// One thing that a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Scores of rows and pairs.
    Predict,
    /// Contributions to scores.
    Explain,
    /// A user's products, ranked.
    Recommend,
    /// The list of users.
    Users,
    /// Metrics, and what changes the service.
    Admin,
}

impl Scope {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        SCOPES[self as usize]
    }
}

/// Some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// All but [`Scope::Admin`].
    pub const USUAL: Self = Self(0b01111);

    /// The one that `words` name, blanks between them.
    ///
    /// # Errors
    /// The first word that names none.
    pub fn parse(words: &str) -> Result<Self, String> {
        words.split_ascii_whitespace().try_fold(Self::default(), |scopes, word| {
            scopes.with(word).ok_or_else(|| format!("{word:?} is none of {}", SCOPES.join(", ")))
        })
    }

    /// These and the one that `word` names, if it names one.
    #[must_use]
    pub fn with(self, word: &str) -> Option<Self> {
        let at = SCOPES.iter().position(|scope| *scope == word)?;
        Some(Self(self.0 | 1 << at))
    }

    /// Whether `scope` is one of them.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u8 != 0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = SCOPES.iter().enumerate().filter(|(at, _)| self.0 & 1 << at != 0).map(|(_, word)| *word);
        f.write_str(&words.collect::<Vec<_>>().join(" "))
    }
}
