//! Usage plans: how much each of their callers may ask.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;

use super::meter::whole;
use super::period::longest;
use crate::config::access::Limits;
use crate::telemetry::metrics::{AccessMetrics, PlanMetrics};

/// A plan, shared by its callers.
pub struct Plan {
    /// Its name.
    pub name: Arc<str>,
    /// Its limits.
    pub limits: Limits,
    /// Its limits in the words of the header `RateLimit-Policy`.
    pub policy: Bytes,
    /// What its callers did.
    pub metrics: PlanMetrics,
}

/// The configured plans, by name.
pub(super) struct Plans(BTreeMap<String, Arc<Plan>>);

impl Plans {
    pub(super) fn new(limits: &BTreeMap<String, Limits>, metrics: &AccessMetrics) -> Self {
        let plan = |(name, limits): (&String, &Limits)| {
            let plan = Plan {
                name: name.as_str().into(),
                limits: *limits,
                policy: policy(name, limits).into(),
                metrics: metrics.plan(name),
            };
            (name.clone(), Arc::new(plan))
        };
        Self(limits.iter().map(plan).collect())
    }

    /// The plan that is called so; `None` where no name is given.
    pub(super) fn named(&self, name: &str) -> Result<Option<Arc<Plan>>, String> {
        if name.is_empty() {
            return Ok(None);
        }
        let unknown = || format!("there is no plan {name:?} (access.plans)");
        self.0.get(name).map(|plan| Some(Arc::clone(plan))).ok_or_else(unknown)
    }
}

/// draft-ietf-httpapi-ratelimit-headers-10, 3: policies by name, each of `q` requests in `w` seconds. Their names are those of the keys
/// below `access.plans`. A bucket is full again after as long as it takes to fill.
fn policy(name: &str, limits: &Limits) -> String {
    let mut text = String::new();
    if let Some(rate) = limits.rate {
        let window = whole((f64::from(rate.burst) / rate.per_second).ceil());
        write!(text, "\"{name}.rate\";q={};w={window}", rate.burst)
            .expect("writing to a String does not fail: this is a bug");
    }
    if let Some(quota) = limits.quota {
        let separator = if text.is_empty() { "" } else { ", " };
        write!(
            text,
            "{separator}\"{name}.quota\";q={};w={}",
            quota.requests,
            longest(quota.period).as_secs()
        )
        .expect("writing to a String does not fail: this is a bug");
    }
    text
}
