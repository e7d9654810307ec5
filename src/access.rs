//! Who may ask, for what, and how much: keys, tokens, signatures, plans. No HTTP in here.

mod client;
mod crypto;
pub mod jwks;
mod jwt;
pub mod key;
mod keys;
mod lines;
pub mod meter;
mod meters;
mod period;
mod plan;
pub mod scope;
pub mod sigv4;

use std::fs;
use std::io::{self, Read};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tracing::{error, info};

use crate::config;
use crate::config::access::Period;
use crate::telemetry::metrics::AccessMetrics;
use jwks::JwksSource;
use keys::{Keys, Signers};
use meter::{Allowance, Exceeded, Meter, Now};
use meters::{Meters, QuotaStore};
use plan::Plans;
use scope::{Scope, Scopes};
use sigv4::SignedRequest;

pub use client::{TrustedProxies, subscriber};
pub use lines::LineError;
pub use plan::Plan;

/// How often the use of quotas is saved.
const SAVED: Duration = Duration::from_secs(1);

/// Someone who may ask.
pub struct Caller {
    /// `key`, `token`, `sigv4` or `anonymous`.
    pub kind: &'static str,
    /// The key's name, the token's subject, the access key id.
    pub name: Arc<str>,
    /// What it may do.
    pub scopes: Scopes,
    /// How much; `None` for as much as it likes.
    pub plan: Option<Arc<Plan>>,
    meter: Option<Arc<Meter>>,
}

impl Caller {
    /// One request of its plan; `None` where it has none.
    ///
    /// # Errors
    /// A limit is reached.
    pub fn take(&self, now: Now) -> Result<Option<Allowance>, Exceeded> {
        let (Some(plan), Some(meter)) = (&self.plan, &self.meter) else { return Ok(None) };
        let taken = meter.take(&plan.limits, now);
        match &taken {
            Ok(_) => plan.metrics.admitted.inc(),
            Err(Exceeded::Rate { .. }) => plan.metrics.over_rate.inc(),
            Err(Exceeded::Quota { .. }) => plan.metrics.over_quota.inc(),
        };
        taken.map(Some)
    }
}

/// Why nobody is known by what a request carries. No part of it is in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nothing that tells who asks.
    #[error("the request carries no key, token or signature")]
    Missing,
    /// More than one thing that does, or nothing that can be read.
    #[error("what tells who asks cannot be read: {0}")]
    Malformed(&'static str),
    /// No such key.
    #[error("the key is not one of this service")]
    Key,
    /// A token that is not believed.
    #[error("the token is not accepted: {0}")]
    Token(&'static str),
    /// A signature that is not believed.
    #[error("the signature is not accepted: {0}")]
    Signature(&'static str),
    /// Known, but not allowed that.
    #[error("the caller has not the scope {:?}", .0.word())]
    Scope(Scope),
}

impl Denied {
    /// One word for metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed(_) => "malformed",
            Self::Key => "key",
            Self::Token(_) => "token",
            Self::Signature(_) => "signature",
            Self::Scope(_) => "scope",
        }
    }
}

/// A file of `[access]` cannot be used. The text names its key.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// It cannot be read.
    #[error("{key}: {}: {source}", path.display())]
    Read {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// One of its lines is wrong.
    #[error("{key}: {place}: {source}")]
    Line {
        /// The key.
        key: &'static str,
        /// The file, or the environment.
        place: String,
        /// What is wrong.
        source: LineError,
    },
    /// Others than its owner can read it.
    #[error("access.sigv4: {}: others can read this file, and it holds secrets: chmod 600", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The keys of tokens cannot be had.
    #[error("access.jwt.jwks: {location}: {what}")]
    Jwks {
        /// The file or the address.
        location: String,
        /// What is wrong.
        what: String,
    },
    /// The use of quotas cannot be kept.
    #[error("access.quota_store: {}: {source}", path.display())]
    Quotas {
        /// The file.
        path: PathBuf,
        /// What the store says.
        source: Box<redb::Error>,
    },
}

/// Everything that decides who may ask.
pub struct Access {
    config: config::Access,
    plans: Plans,
    keys: ArcSwap<Keys>,
    signers: ArcSwap<Signers>,
    tokens: Option<jwt::Tokens>,
    anonymous: Option<(Option<Arc<Plan>>, Scopes)>,
    /// Whose word on the address of a caller is taken.
    pub proxies: TrustedProxies,
    meters: Meters,
    /// What is counted of callers.
    pub metrics: AccessMetrics,
}

impl Access {
    /// What `config` says, with the keys of tokens from `source`.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn open(
        config: &config::Access,
        source: Option<Arc<dyn JwksSource>>,
        metrics: AccessMetrics,
    ) -> Result<Self, AccessError> {
        let plans = Plans::new(&config.plans, &metrics);
        let named =
            |name: &str| plans.named(name).expect("the configuration names no other plan: this is a bug");
        let anonymous = config.anonymous.as_ref().map(|plan| {
            let words = config.anonymous_scopes.join(" ");
            let scopes =
                Scopes::parse(&words).expect("the configuration names no other scope: this is a bug");
            (named(plan), scopes)
        });
        let tokens = config.jwt.as_ref().zip(source).map(|(jwt, source)| {
            jwt::Tokens::new(jwt, source, named(jwt.plan.as_deref().unwrap_or_default()))
        });
        let meters = Meters::new(quotas(config)?);
        let proxies = TrustedProxies::new(config.trusted_proxies.clone());
        let config = config.clone();
        let (keys, signers) = (ArcSwap::default(), ArcSwap::default());
        let access = Self { config, plans, keys, signers, tokens, anonymous, proxies, meters, metrics };
        access.reload()?;
        Ok(access)
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// One of them cannot be used; then all stays as it is.
    pub fn reload(&self) -> Result<(), AccessError> {
        let keys = match &self.config.keys {
            Some(path) => Some(self.read_keys(path)?),
            None => None,
        };
        let signers = self.read_signers()?;
        if let Some(keys) = keys {
            info!(access.keys = keys.len(), "keys of callers loaded");
            self.keys.store(Arc::new(keys));
        }
        self.signers.store(Arc::new(signers));
        Ok(())
    }

    /// The files that [`Self::reload`] reads.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.config.keys.iter().chain(&self.config.sigv4).cloned().collect()
    }

    fn read_keys(&self, path: &Path) -> Result<Keys, AccessError> {
        const KEY: &str = "access.keys";
        let text = read(KEY, path)?;
        Keys::read(&text, &self.plans, &self.meters).map_err(|source| AccessError::Line {
            key: KEY,
            place: path.display().to_string(),
            source,
        })
    }

    fn read_signers(&self) -> Result<Signers, AccessError> {
        let parse = |key, place, text: &str| {
            keys::read_signers(text, &self.plans, &self.meters).map_err(|source| AccessError::Line {
                key,
                place,
                source,
            })
        };
        let lines = self.config.sigv4_credentials.join("\n");
        let mut signers = parse("access.sigv4_credentials", "as it is set".to_owned(), &lines)?;
        if let Some(path) = &self.config.sigv4 {
            let text = read("access.sigv4", path)?;
            let mode = fs::metadata(path).map_or(0, |file| file.permissions().mode());
            if mode & 0o077 != 0 {
                return Err(AccessError::Exposed { path: path.clone() });
            }
            signers.extend(parse("access.sigv4", path.display().to_string(), &text)?);
        }
        Ok(signers)
    }

    /// Whose key it is.
    ///
    /// # Errors
    /// Nobody's.
    pub fn by_key(&self, key: &str) -> Result<Arc<Caller>, Denied> {
        self.keys.load().find(key).ok_or(Denied::Key)
    }

    /// Whether tokens are accepted at all.
    #[must_use]
    pub fn takes_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// It is not believed.
    pub async fn by_token(&self, token: &str) -> Result<Arc<Caller>, Denied> {
        let tokens = self.tokens.as_ref().ok_or(Denied::Key)?;
        tokens.caller(token, &self.meters).await.map(Arc::new)
    }

    /// Whose signature it is.
    ///
    /// # Errors
    /// It is not believed.
    pub fn by_signature(&self, request: &SignedRequest<'_>) -> Result<Arc<Caller>, Denied> {
        sigv4::caller(&self.signers.load(), request, SystemTime::now())
    }

    /// Whoever asks from `address` without saying who.
    ///
    /// # Errors
    /// Nobody may.
    pub fn anonymous(&self, address: impl FnOnce() -> IpAddr) -> Result<Arc<Caller>, Denied> {
        let (plan, scopes) = self.anonymous.as_ref().ok_or(Denied::Missing)?;
        let meter = plan.is_some().then(|| self.meters.of_address(subscriber(address())));
        let name = "anonymous";
        Ok(Arc::new(Caller { kind: name, name: name.into(), scopes: *scopes, plan: plan.clone(), meter }))
    }

    /// Saves the use of quotas now and then, and keeps the keys of tokens fresh, until dropped.
    pub async fn run(self: Arc<Self>) {
        let saving = async {
            loop {
                tokio::time::sleep(SAVED).await;
                let access = Arc::clone(&self);
                let _ = tokio::task::spawn_blocking(move || access.save()).await;
            }
        };
        let fetching = async {
            if let Some(tokens) = &self.tokens {
                tokens.jwks.keep_fresh().await;
            }
        };
        tokio::join!(saving, fetching);
    }

    /// Fetches the keys of tokens.
    ///
    /// # Errors
    /// They cannot be had; those before stay.
    pub async fn fetch_keys(&self) -> Result<(), AccessError> {
        match &self.tokens {
            Some(tokens) => tokens.jwks.reload().await,
            None => Ok(()),
        }
    }

    /// Saves the use of quotas.
    pub fn save(&self) {
        if let Err(error) = self.meters.save() {
            error!("access.quota_store: {}: {error}", self.config.quota_store.display());
        }
    }
}

fn read(key: &'static str, path: &Path) -> Result<String, AccessError> {
    let mut text = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(lines::LARGEST).read_to_string(&mut text));
    read.map_err(|source| AccessError::Read { key, path: path.to_owned(), source })?;
    Ok(text)
}

/// The store of quotas, if a plan has one.
fn quotas(config: &config::Access) -> Result<Option<QuotaStore>, AccessError> {
    if !config.plans.values().any(|limits| limits.quota.is_some()) {
        return Ok(None);
    }
    let path = &config.quota_store;
    let oldest = Now::get().calendar.saturating_sub(period::longest(Period::Month).as_secs());
    let store = QuotaStore::open(path, oldest)
        .map_err(|source| AccessError::Quotas { path: path.clone(), source: Box::new(source) })?;
    info!("the use of quotas is kept in {}", path.display());
    Ok(Some(store))
}
