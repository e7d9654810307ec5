//! Tokens of an identity provider (RFC 7519), as bearer tokens.

use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::jwks::{Jwks, JwksSource};
use super::scope::Scopes;
use super::{Caller, Denied, Meters, Plan, crypto};
use crate::config;

/// Longest token, in bytes.
const LONGEST: usize = 16 * 1024;
/// Longest subject, in bytes.
const LONGEST_SUBJECT: usize = 256;

/// What tokens are believed.
pub(super) struct Tokens {
    pub(super) jwks: Jwks,
    config: config::access::Jwt,
    plan: Option<Arc<Plan>>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(flatten)]
    others: serde_json::Map<String, Value>,
}

impl Tokens {
    pub(super) fn new(
        config: &config::access::Jwt,
        source: Arc<dyn JwksSource>,
        plan: Option<Arc<Plan>>,
    ) -> Self {
        crypto::install();
        let jwks = Jwks::new(source, config.refresh, config.refresh_pause);
        Self { jwks, config: config.clone(), plan }
    }

    /// Whose token it is.
    pub(super) async fn caller(&self, token: &str, meters: &Meters) -> Result<Caller, Denied> {
        if token.len() > LONGEST {
            return Err(Denied::Token("it is too long"));
        }
        let header = decode_header(token).map_err(|_| Denied::Token("it is not a signed token"))?;
        if !crypto::ALGORITHMS.contains(&header.alg) {
            return Err(Denied::Token("it is not signed by RS256, ES256 or EdDSA"));
        }
        // RFC 7515, 4.1.11.
        if header.crit.is_some() {
            return Err(Denied::Token("it needs an extension that is not known here"));
        }
        let key = self.jwks.find(header.kid.as_deref()).await;
        let key = key.ok_or(Denied::Token("it is signed by a key that the issuer does not name"))?;
        let mut validation = Validation::new(key.algorithm);
        validation.set_issuer(&[&self.config.issuer]);
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.leeway = self.config.clock_skew.as_secs();
        validation.validate_nbf = true;
        let claims = decode::<Claims>(token, &key.key, &validation)
            .map_err(|error| Denied::Token(reason(error.kind())))?
            .claims;
        self.check_audience(&claims.others)?;
        if claims.sub.is_empty() || claims.sub.len() > LONGEST_SUBJECT {
            return Err(Denied::Token("its subject is empty or too long"));
        }
        let scopes = self.scopes(claims.others.get(&self.config.scope_claim));
        let name: Arc<str> = claims.sub.into();
        let meter = self.plan.is_some().then(|| meters.of_subject(&name));
        Ok(Caller { kind: "token", name, scopes, plan: self.plan.clone(), meter })
    }

    /// That a token is for this service. Access tokens of Cognito name no audience but a client, which API Gateway takes for one
    /// too.
    fn check_audience(&self, claims: &serde_json::Map<String, Value>) -> Result<(), Denied> {
        let is_ours = |name: &Value| {
            name.as_str().is_some_and(|name| self.config.audience.iter().any(|our| our == name))
        };
        let is_for_us = match claims.get("aud").or_else(|| claims.get("client_id")) {
            None => return Err(Denied::Token("it lacks aud")),
            Some(Value::Array(names)) => names.iter().any(is_ours),
            Some(name) => is_ours(name),
        };
        if is_for_us { Ok(()) } else { Err(Denied::Token("it is for another audience")) }
    }

    /// What a claim grants: words that are not ours are of other services.
    fn scopes(&self, claim: Option<&Value>) -> Scopes {
        let words: Vec<&str> = match claim {
            Some(Value::String(words)) => words.split_ascii_whitespace().collect(),
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        words
            .iter()
            .filter_map(|word| word.strip_prefix(&self.config.scope_prefix))
            .fold(Scopes::default(), |scopes, word| scopes.with(word).unwrap_or(scopes))
    }
}

fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not yet valid",
        ErrorKind::InvalidIssuer => "it is of another issuer",
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::InvalidAlgorithm => "its algorithm is not that of its key",
        ErrorKind::MissingRequiredClaim(_) => "it lacks one of exp, iss and sub",
        _ => "it cannot be read",
    }
}
