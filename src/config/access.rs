//! `[access]`: who may call, and how much.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::reader::Reader;

/// What a caller may do, one word each.
pub const SCOPES: [&str; 5] = ["predict", "explain", "recommend", "users", "admin"];

/// `[access]`
#[derive(Debug, Clone)]
pub struct Access {
    /// `access.keys`
    pub keys: Option<PathBuf>,
    /// `access.sigv4`
    pub sigv4: Option<PathBuf>,
    /// `access.sigv4_credentials`, its lines
    pub sigv4_credentials: Vec<String>,
    /// `access.anonymous`, the name of a plan
    pub anonymous: Option<String>,
    /// `access.anonymous_scopes`
    pub anonymous_scopes: Vec<String>,
    /// `access.trusted_proxies`
    pub trusted_proxies: Vec<IpNet>,
    /// `access.quota_store`
    pub quota_store: PathBuf,
    /// `access.reload_interval`; `None` for `"off"`
    pub reload_interval: Option<Duration>,
    /// `[access.jwt]`; `None` when no issuer is named
    pub jwt: Option<Jwt>,
    /// `[access.plans.NAME]`, by name
    pub plans: BTreeMap<String, Limits>,
}

/// `[access.plans.NAME]`: how much each of its callers may ask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// `rate` and `burst`
    pub rate: Option<Rate>,
    /// `quota`
    pub quota: Option<Quota>,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests per second.
    pub per_second: f64,
    /// Requests at once, after a pause.
    pub burst: u32,
}

/// A number of requests in a period of the calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub requests: u64,
    /// In which time.
    pub period: Period,
}

/// The period of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first of the month.
    Month,
}

/// `[access.jwt]`
#[derive(Debug, Clone)]
pub struct Jwt {
    /// `access.jwt.issuer`
    pub issuer: String,
    /// `access.jwt.audience`
    pub audience: Vec<String>,
    /// `access.jwt.jwks`
    pub jwks: JwksPlace,
    /// `access.jwt.refresh`
    pub refresh: Duration,
    /// `access.jwt.refresh_pause`
    pub refresh_pause: Duration,
    /// `access.jwt.clock_skew`
    pub clock_skew: Duration,
    /// `access.jwt.scope_claim`
    pub scope_claim: String,
    /// `access.jwt.scope_prefix`
    pub scope_prefix: String,
    /// `access.jwt.plan`
    pub plan: Option<String>,
}

/// Where the keys are that tokens are signed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksPlace {
    /// A local file.
    File(PathBuf),
    /// An address, `https://…` or, for tests and sidecars, `http://…`.
    Url(String),
}

impl Access {
    /// Whether callers are identified or limited at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.identifies() || self.anonymous.is_some()
    }

    /// Whether any callers are configured.
    fn identifies(&self) -> bool {
        self.keys.is_some()
            || self.sigv4.is_some()
            || !self.sigv4_credentials.is_empty()
            || self.jwt.is_some()
    }
}

pub(super) fn access(reader: &mut Reader<'_>) -> Access {
    let plans = plans(reader);
    let credentials = reader.optional("access.sigv4_credentials").unwrap_or_default();
    Access {
        keys: reader.optional("access.keys").map(PathBuf::from),
        sigv4: reader.optional("access.sigv4").map(PathBuf::from),
        sigv4_credentials: credentials
            .split([';', '\n'])
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
        anonymous: plan(reader, "access.anonymous", &plans),
        anonymous_scopes: scopes(reader, "access.anonymous_scopes"),
        trusted_proxies: proxies(reader),
        quota_store: reader.path("access.quota_store"),
        reload_interval: reader.interval("access.reload_interval"),
        jwt: jwt(reader, &plans),
        plans,
    }
}

fn plan(reader: &mut Reader<'_>, key: &str, plans: &BTreeMap<String, Limits>) -> Option<String> {
    let name = reader.optional(key)?;
    if !plans.contains_key(&name) {
        reader.mistake(key, format!("there is no plan {name:?}: expected the NAME of an access.plans.NAME"));
    }
    Some(name)
}

fn scopes(reader: &mut Reader<'_>, key: &str) -> Vec<String> {
    let scopes = reader.list(key);
    for scope in &scopes {
        if !SCOPES.contains(&scope.as_str()) {
            reader.mistake(key, format!("{scope:?} is none of {}", SCOPES.join(", ")));
        }
    }
    scopes
}

fn proxies(reader: &mut Reader<'_>) -> Vec<IpNet> {
    const KEY: &str = "access.trusted_proxies";
    let mut nets = Vec::new();
    for text in reader.list(KEY) {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        match net {
            Ok(net) => nets.push(net),
            Err(_) => reader
                .mistake(KEY, format!("{text:?} is no network: expected one like \"10.0.0.0/8\" or \"::1\"")),
        }
    }
    nets
}

fn jwt(reader: &mut Reader<'_>, plans: &BTreeMap<String, Limits>) -> Option<Jwt> {
    let issuer = reader.optional("access.jwt.issuer");
    let audience = reader.list("access.jwt.audience");
    let jwks = reader.optional("access.jwt.jwks");
    let refresh = reader.duration("access.jwt.refresh");
    let refresh_pause = reader.duration("access.jwt.refresh_pause");
    let clock_skew = reader.delay("access.jwt.clock_skew");
    let scope_claim = reader.name("access.jwt.scope_claim");
    let scope_prefix = reader.optional("access.jwt.scope_prefix").unwrap_or_default();
    let plan = plan(reader, "access.jwt.plan", plans);
    if issuer.is_none() && audience.is_empty() && jwks.is_none() {
        return None;
    }
    for (key, is_set) in [
        ("access.jwt.issuer", issuer.is_some()),
        ("access.jwt.audience", !audience.is_empty()),
        ("access.jwt.jwks", jwks.is_some()),
    ] {
        if !is_set {
            reader.mistake(key, "is empty: tokens need issuer, audience and jwks".to_owned());
        }
    }
    let jwks = jwks.unwrap_or_default();
    let jwks = if jwks.contains("://") {
        JwksPlace::Url(reader.url("access.jwt.jwks").unwrap_or_default())
    } else {
        JwksPlace::File(jwks.into())
    };
    let issuer = issuer.unwrap_or_default();
    Some(Jwt { issuer, audience, jwks, refresh, refresh_pause, clock_skew, scope_claim, scope_prefix, plan })
}

/// Whether `key` can belong to a plan: the operator chooses the names of plans.
pub(super) fn is_of_a_plan(key: &str) -> bool {
    let name = key.strip_prefix("access.plans.").and_then(|rest| rest.rsplit_once('.'));
    name.is_some_and(|(name, key)| is_name(name) && ["rate", "burst", "quota"].contains(&key))
}

/// Names of plans and keys: they become labels and parts of files.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn plans(reader: &mut Reader<'_>) -> BTreeMap<String, Limits> {
    let mut names: Vec<String> = reader
        .keys_below("access.plans.")
        .filter(|key| is_of_a_plan(key))
        .filter_map(|key| key.strip_prefix("access.plans.")?.rsplit_once('.'))
        .map(|(name, _)| name.to_owned())
        .collect();
    names.dedup();
    names.into_iter().map(|name| (name.clone(), limits(reader, &name))).collect()
}

fn limits(reader: &mut Reader<'_>, name: &str) -> Limits {
    let key = |part: &str| format!("access.plans.{name}.{part}");
    let per_second =
        reader.if_set(&key("rate"), "requests in a time like \"50/s\", \"600/m\" or \"1000/h\"", rate);
    let burst = reader.if_set(&key("burst"), "a whole number from 1", |text| {
        text.parse::<u32>().ok().filter(|burst| *burst > 0)
    });
    let quota = reader.if_set(
        &key("quota"),
        "requests in a period like \"100000/day\", \"500000/week\" or \"2000000/month\"",
        quota,
    );
    if burst.is_some() && per_second.is_none() {
        reader.mistake(&key("burst"), format!("needs {}", key("rate")));
    }
    let rate = per_second.map(|per_second: f64| {
        // The cast saturates.
        #[allow(clippy::cast_sign_loss, reason = "rates are above 0")]
        let burst = burst.unwrap_or(per_second.ceil() as u32).max(1);
        Rate { per_second, burst }
    });
    Limits { rate, quota }
}

fn rate(text: &str) -> Option<f64> {
    let (count, unit) = text.split_once('/')?;
    let count: f64 = count.trim().parse().ok().filter(|count| *count > 0.0 && *count <= 1e9)?;
    let seconds = match unit.trim() {
        "s" | "second" => 1.0,
        "m" | "minute" => 60.0,
        "h" | "hour" => 3600.0,
        _ => return None,
    };
    Some(count / seconds)
}

fn quota(text: &str) -> Option<Quota> {
    let (requests, period) = text.split_once('/')?;
    let period = match period.trim() {
        "day" => Period::Day,
        "week" => Period::Week,
        "month" => Period::Month,
        _ => return None,
    };
    let requests = requests.trim().parse().ok().filter(|requests| *requests > 0)?;
    Some(Quota { requests, period })
}
