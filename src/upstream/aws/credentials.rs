//! Credentials that are fetched anew when AWS rejects them.
//!
//! The SDK keeps what it found until its stated end, and what a profile says for ever. But a session may be ended early, and
//! keys in a profile are replaced by hand or by a tool.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::identity::IdentityCache;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sagemakerruntime::config::ConfigBag;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::identity::{
    IdentityFuture, ResolveCachedIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::time::Instant;

/// Credentials are not fetched anew more often than this, however often they are rejected.
const INTERVAL: Duration = Duration::from_secs(5);

/// What one client remembers of its credentials; cheap to clone.
#[derive(Debug, Clone)]
pub struct CredentialsCache(Arc<Mutex<Remembered>>);

#[derive(Debug)]
struct Remembered {
    cache: SharedIdentityCache,
    /// When the last ones were forgotten.
    forgotten: Option<Instant>,
}

impl Default for CredentialsCache {
    fn default() -> Self {
        let cache = IdentityCache::lazy().build();
        Self(Arc::new(Mutex::new(Remembered { cache, forgotten: None })))
    }
}

impl CredentialsCache {
    /// Forgets the credentials that an attempt which began at `started` was refused with. Says whether another attempt may
    /// have others.
    #[must_use]
    pub fn renew(&self, started: Instant) -> bool {
        let mut remembered = self.remembered();
        match remembered.forgotten {
            Some(forgotten) if started < forgotten => true,
            Some(forgotten) if forgotten.elapsed() < INTERVAL => false,
            _ => {
                *remembered =
                    Remembered { cache: IdentityCache::lazy().build(), forgotten: Some(Instant::now()) };
                true
            }
        }
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolveCachedIdentity for CredentialsCache {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        components: &'a RuntimeComponents,
        config: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        let cache = self.remembered().cache.clone();
        IdentityFuture::new(async move { cache.resolve_cached_identity(resolver, components, config).await })
    }
}

/// The default chain of credentials, which keeps nothing between calls: the cache does.
#[derive(Debug)]
pub(super) struct FreshChain {
    http: SharedHttpClient,
    region: Option<Region>,
}

impl FreshChain {
    pub(super) fn new(http: SharedHttpClient, region: Option<String>) -> Self {
        Self { http, region: region.map(Region::new) }
    }

    async fn find(&self) -> aws_credential_types::provider::Result {
        let mut chain = DefaultCredentialsChain::builder()
            .configure(ProviderConfig::without_region().with_http_client(self.http.clone()));
        chain.set_region(self.region.clone());
        chain.build().await.provide_credentials().await
    }
}

impl ProvideCredentials for FreshChain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.find())
    }
}
