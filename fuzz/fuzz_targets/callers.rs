//! Any headers as those that tell who asks: nobody is let in who does not present the very key or token that was given out.
#![no_main]

use std::sync::LazyLock;
use std::time::SystemTime;

use imba_fuzz::access::key::{hash, hex};
use imba_fuzz::access::{Access, subscriber};
use imba_fuzz::api::{caller, door, request};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

const KEY: &str = "imba_known";
/// Good until 2100.
const TOKEN: &str = include_str!("../../tests/fixtures/rs256.jwt");
const JWK: &str = include_str!("../../tests/fixtures/rs256.jwk.json");
/// A time that stands for the present one, as signatures of another are not looked at.
const THEN: (&str, &str) = ("20261126T014540Z", "20261126");

static DOOR: LazyLock<(Runtime, Access)> = LazyLock::new(|| {
    let keys = std::env::temp_dir().join(format!("imba-callers-{}.csv", std::process::id()));
    std::fs::write(&keys, format!("shop,{}", hex(&hash(KEY)))).expect("written");
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let settings = [
        ("access.keys", &*keys.to_string_lossy()),
        ("access.sigv4_credentials", "AKIDEXAMPLE,a-secret-of-nobody-else"),
        ("access.jwt.issuer", "https://issuer.example"),
        ("access.jwt.audience", "imba"),
        ("access.jwt.jwks", "https://issuer.example/jwks.json"),
        ("access.jwt.refresh_pause", "1000h"),
        ("access.trusted_proxies", "10.0.0.0/8"),
    ];
    let access = runtime.block_on(door(&settings, JWK));
    let _ = std::fs::remove_file(keys);
    (runtime, access)
});

fuzz_target!(|bytes: &[u8]| {
    let (runtime, access) = &*DOOR;
    let text = String::from_utf8_lossy(bytes);
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(['-', ':'], "");
    let text = text.replace(THEN.0, &now).replace(THEN.1, &now[..8]);
    let (headers, body) = request(text.as_bytes());
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Ok(known) = runtime.block_on(caller(access, &headers, body)) {
        let bearer = value("authorization").and_then(|text| text.split_once(' ')).map(|(_, token)| token.trim());
        match known.kind {
            "key" => assert!(value("x-api-key").or(bearer) == Some(KEY), "{text}"),
            "token" => assert!(bearer == Some(TOKEN.trim()), "{text}"),
            kind => panic!("nobody knows the secret of a {kind}: {text}"),
        }
    }
    for peer in ["192.0.2.1", "10.1.2.3"].map(|peer| peer.parse().expect("an address")) {
        let lines = |name| headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
        let found = access.proxies.caller(peer, lines("forwarded"), lines("x-forwarded-for"));
        assert!(found == peer || peer.to_string().starts_with("10."), "{text}");
        let subscriber = subscriber(found);
        assert_eq!(imba_fuzz::access::subscriber(subscriber), subscriber);
    }
});
