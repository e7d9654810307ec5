//! The issuer's public keys: read or fetched, kept for a while, fetched again when a token names one that is not there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};

use super::AccessError;
use crate::cause::Cause;

/// Largest document of keys, in bytes.
pub const LARGEST: usize = 256 * 1024;
/// Most keys of one.
const MOST: usize = 100;

/// Where the document of keys comes from.
#[async_trait]
pub trait JwksSource: Send + Sync {
    /// The document, of no more than [`LARGEST`] bytes.
    async fn fetch(&self) -> Result<Vec<u8>, Cause>;

    /// What it is called in the log.
    fn location(&self) -> String;
}

/// One public key, and the one algorithm that it is for: what a token says of its own algorithm decides nothing.
#[derive(Clone)]
pub(super) struct VerifyingKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// Keys by their `kid`; those without one have the empty name.
type KeySet = HashMap<String, Arc<VerifyingKey>>;

/// The keys in force.
pub(super) struct Jwks {
    source: Arc<dyn JwksSource>,
    keys: ArcSwap<KeySet>,
    /// When they were last asked for, whatever came of it.
    asked: Mutex<Option<Instant>>,
    refresh: Duration,
    pause: Duration,
}

impl Jwks {
    pub(super) fn new(source: Arc<dyn JwksSource>, refresh: Duration, pause: Duration) -> Self {
        Self { source, keys: ArcSwap::default(), asked: Mutex::new(None), refresh, pause }
    }

    /// The key of this name; the only one there is where a token names none. One that is not there has the keys fetched, for all who
    /// wait, unless that was done a moment ago.
    pub(super) async fn find(&self, kid: Option<&str>) -> Option<Arc<VerifyingKey>> {
        if let Some(found) = self.known(kid) {
            return Some(found);
        }
        let mut asked = self.asked.lock().await;
        // Somebody else may have fetched it meanwhile.
        if let Some(found) = self.known(kid) {
            return Some(found);
        }
        if asked.is_some_and(|at| at.elapsed() < self.pause) {
            return None;
        }
        *asked = Some(Instant::now());
        self.load_or_keep().await;
        self.known(kid)
    }

    fn known(&self, kid: Option<&str>) -> Option<Arc<VerifyingKey>> {
        let keys = self.keys.load();
        match kid {
            Some(kid) => keys.get(kid).cloned(),
            None if keys.len() == 1 => keys.values().next().cloned(),
            None => None,
        }
    }

    /// Fetches the keys now and then, so that one that was withdrawn is believed no longer than `refresh`.
    pub(super) async fn keep_fresh(&self) {
        loop {
            tokio::time::sleep(self.refresh).await;
            // Held until they are there: who asks for one meanwhile waits for it.
            let mut asked = self.asked.lock().await;
            *asked = Some(Instant::now());
            self.load_or_keep().await;
        }
    }

    /// Fetches the keys.
    ///
    /// # Errors
    /// Those before stay.
    pub(super) async fn reload(&self) -> Result<(), AccessError> {
        let mut asked = self.asked.lock().await;
        *asked = Some(Instant::now());
        self.load().await
    }

    async fn load_or_keep(&self) {
        if let Err(error) = self.load().await {
            warn!("{error}; {} keys go on being believed", self.keys.load().len());
        }
    }

    async fn load(&self) -> Result<(), AccessError> {
        let location = self.source.location();
        let keys = match self.source.fetch().await {
            Ok(document) => read(&document),
            Err(error) => Err(error.to_string()),
        };
        let keys = keys.map_err(|what| AccessError::Jwks { location: location.clone(), what })?;
        info!(jwt.keys = keys.len(), "keys of tokens loaded from {location}");
        self.keys.store(Arc::new(keys));
        Ok(())
    }
}

/// Keys of other kinds are skipped, as RFC 7517 (5) asks.
fn read(document: &[u8]) -> Result<KeySet, String> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<serde_json::Value>,
    }
    if document.len() > LARGEST {
        return Err(format!("it has more than {LARGEST} bytes"));
    }
    let Document { keys } = serde_json::from_slice(document).map_err(|error| error.to_string())?;
    if keys.len() > MOST {
        return Err(format!("it has {} keys; expected no more than {MOST}", keys.len()));
    }
    let keys: KeySet = keys
        .into_iter()
        .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
        .filter_map(|key| {
            Some((key.common.key_id.clone().unwrap_or_default(), Arc::new(verifying_key(&key)?)))
        })
        .collect();
    if keys.is_empty() {
        return Err("it has no key for RS256, ES256 or EdDSA".to_owned());
    }
    Ok(keys)
}

fn verifying_key(key: &Jwk) -> Option<VerifyingKey> {
    let algorithm = match &key.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    let is_for_it =
        key.common.key_algorithm.as_ref().is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    let signs = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let key = DecodingKey::from_jwk(key).ok()?;
    (is_for_it && signs).then_some(VerifyingKey { algorithm, key })
}
