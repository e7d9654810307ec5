use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::access::{eventually, header, refused};
use crate::service::{Builder, RECORDED, TestService, text};

const ISSUER: &str = "https://issuer.example";

/// Signed by RS256 with a key that was thrown away, for the year 2100: what OpenSSL makes of it.
const RSA_TOKEN: &str = include_str!("../fixtures/rs256.jwt");
const RSA_KEY: &str = include_str!("../fixtures/rs256.jwk.json");

/// A key of the issuer.
enum Key {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    fn p256() -> Self {
        let random = SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        Self::P256(pair.expect("a key"))
    }

    fn ed25519() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key"))
    }

    fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..]));
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y})
            }
            Self::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": BASE64.encode(pair.public_key())})
            }
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = match self {
            Self::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signed");
                BASE64.encode(signature)
            }
            Self::Ed25519(pair) => BASE64.encode(pair.sign(message.as_bytes())),
        };
        format!("{message}.{signature}")
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Claims that are good, with `changes`; null takes one away.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "imba", "sub": "alice", "exp": now() + 600, "scope": "openid imba/predict imba/users"
    });
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn believing(jwks: &str) -> Builder {
    TestService::builder()
        .with("access.jwt.issuer", ISSUER)
        .with("access.jwt.audience", "imba,imba-staging")
        .with("access.jwt.jwks", jwks)
        .with("access.jwt.scope_prefix", "imba/")
}

fn keys_file(folder: &TempDir, keys: &[Value]) -> PathBuf {
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, json!({"keys": keys}).to_string()).expect("written");
    path
}

#[tokio::test]
async fn three_algorithms_are_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (p256, ed25519) = (Key::p256(), Key::ed25519());
    let strange = [json!({"kty": "oct", "k": "AAAA", "kid": "oct"}), json!({"kty": "new"}), json!(7)];
    let rsa: Value = serde_json::from_str(RSA_KEY).expect("a key");
    let keys = [&[p256.jwk("p"), ed25519.jwk("e"), rsa][..], &strange[..]].concat();
    let service = believing(&keys_file(&folder, &keys).to_string_lossy())
        .with("access.plans.small.rate", "1/h")
        .with("access.plans.small.burst", "4")
        .with("access.jwt.plan", "small")
        .start()
        .await;
    let tokens = [
        p256.sign(&json!({"alg": "ES256", "kid": "p"}), &claims(&json!({}))),
        ed25519.sign(&json!({"alg": "EdDSA", "kid": "e"}), &claims(&json!({"aud": ["x", "imba-staging"]}))),
        RSA_TOKEN.trim().to_owned(),
    ];
    for token in &tokens {
        let answer = service.post("/predict", RECORDED).bearer_auth(token).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{token}");
        assert!(header(&answer, "ratelimit").is_some());
    }
    // They are one caller's, with one share; what the claim does not grant is not allowed.
    assert_eq!(refused(service.post("/explain", RECORDED).bearer_auth(&tokens[0])).await.1, "forbidden");
    assert_eq!(text(service.get("/users").bearer_auth(&tokens[0])).await.0, 200);
    assert_eq!(refused(service.get("/users").bearer_auth(&tokens[1])).await.1, "rate_limited");
    // Words of another service, or none, allow nothing.
    for scope in [json!("predict"), json!(""), json!(7), Value::Null, json!(["imba/explain"])] {
        let claims = claims(&json!({"scope": scope, "sub": "bob"}));
        let token = p256.sign(&json!({"alg": "ES256", "kid": "p"}), &claims);
        assert_eq!(refused(service.post("/predict", RECORDED).bearer_auth(token)).await.0, 403);
    }
    let listed = claims(&json!({"scope": ["imba/explain"], "sub": "bob"}));
    let token = p256.sign(&json!({"alg": "ES256", "kid": "p"}), &listed);
    assert_eq!(text(service.post("/explain", RECORDED).bearer_auth(token)).await.0, 200);
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, other) = (Key::p256(), Key::p256());
    let rsa: Value = serde_json::from_str(RSA_KEY).expect("a key");
    let path = keys_file(&folder, &[key.jwk("p"), rsa.clone()]);
    let service = believing(&path.to_string_lossy()).start().await;
    let es256 = json!({"alg": "ES256", "kid": "p"});
    let signed = |changes: Value| key.sign(&es256, &claims(&changes));
    // HMAC with the public key as its secret, the classic confusion.
    let confused = |secret: &[u8]| {
        let (head, body) = (json!({"alg": "HS256", "kid": "rsa"}), claims(&json!({})));
        let message = format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(body.to_string()));
        let tag =
            ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret), message.as_bytes());
        format!("{message}.{}", BASE64.encode(tag))
    };
    let unsigned = |alg: &str| {
        let head = json!({"alg": alg, "kid": "p"});
        format!("{}.{}.", BASE64.encode(head.to_string()), BASE64.encode(claims(&json!({})).to_string()))
    };
    let good = signed(json!({}));
    assert_eq!(text(service.post("/predict", RECORDED).bearer_auth(&good)).await.0, 200);
    for (token, reason) in [
        (unsigned("none"), "not a signed token"),
        (unsigned("None"), "not a signed token"),
        (unsigned("ES256"), "signature is wrong"),
        (confused(rsa["n"].as_str().expect("text").as_bytes()), "not signed by RS256"),
        (confused(key.jwk("p")["x"].as_str().expect("text").as_bytes()), "not signed by RS256"),
        (
            key.sign(&json!({"alg": "ES256", "kid": "rsa"}), &claims(&json!({}))),
            "algorithm is not that of its key",
        ),
        (
            key.sign(&json!({"alg": "RS256", "kid": "p"}), &claims(&json!({}))),
            "algorithm is not that of its key",
        ),
        (key.sign(&json!({"alg": "ES384", "kid": "p"}), &claims(&json!({}))), "not signed by RS256"),
        (other.sign(&es256, &claims(&json!({}))), "signature is wrong"),
        (
            other.sign(&json!({"alg": "ES256", "kid": "new"}), &claims(&json!({}))),
            "a key that the issuer does not name",
        ),
        (key.sign(&json!({"alg": "ES256"}), &claims(&json!({}))), "a key that the issuer does not name"),
        (signed(json!({"exp": now() - 61})), "has expired"),
        (signed(json!({"exp": null})), "lacks one of"),
        (signed(json!({"exp": "soon"})), "lacks one of"),
        (signed(json!({"nbf": now() + 70})), "not yet valid"),
        (signed(json!({"aud": "another"})), "another audience"),
        (signed(json!({"aud": ["another"]})), "another audience"),
        (signed(json!({"aud": null})), "lacks aud"),
        (signed(json!({"aud": []})), "another audience"),
        (signed(json!({"aud": 7})), "another audience"),
        (signed(json!({"aud": {"imba": "imba"}})), "another audience"),
        (signed(json!({"aud": "another", "client_id": "imba"})), "another audience"),
        (signed(json!({"aud": null, "client_id": "another"})), "another audience"),
        (
            key.sign(
                &json!({"alg": "ES256", "kid": "p", "crit": ["b64"], "b64": false}),
                &claims(&json!({})),
            ),
            "needs an extension",
        ),
        (signed(json!({"iss": "https://evil.example"})), "another issuer"),
        (signed(json!({"iss": null})), "lacks one of"),
        (signed(json!({"sub": ""})), "subject is empty"),
        (signed(json!({"sub": null})), "cannot be read"),
        (format!("{good}x"), "cannot be read"),
        ("a.b.c".to_owned(), "not a signed token"),
        ("..".to_owned(), "not a signed token"),
        ("a.b.c.d.e".to_owned(), "not a signed token"),
        (format!("a.{}.c", "b".repeat(17_000)), "too long"),
    ] {
        let (status, code, challenge) = refused(service.post("/predict", RECORDED).bearer_auth(&token)).await;
        assert_eq!((status, code.as_str()), (401, "unauthenticated"), "{token}");
        let challenge = challenge.expect("a challenge");
        assert!(challenge.starts_with("Bearer realm=\"imba\", error=\"invalid_token\""), "{challenge}");
        assert!(challenge.contains(reason), "{token}: {challenge} instead of {reason}");
    }
    // Clocks may differ by a minute, and an access token of Cognito names its client instead of an audience.
    for changes in [
        json!({"exp": now() - 50}),
        json!({"nbf": now() + 50}),
        json!({"aud": null, "client_id": "imba", "token_use": "access"}),
    ] {
        assert_eq!(text(service.post("/predict", RECORDED).bearer_auth(signed(changes))).await.0, 200);
    }
}

/// An issuer that counts how often it is asked.
struct Issuer {
    url: String,
    keys: Arc<Mutex<Value>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    async fn start(keys: Value) -> Self {
        let (keys, asked) = (Arc::new(Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/jwks.json", listener.local_addr().expect("bound"));
        let (told, counted) = (Arc::clone(&keys), Arc::clone(&asked));
        let answer = move || {
            let (told, counted) = (Arc::clone(&told), Arc::clone(&counted));
            async move {
                counted.fetch_add(1, Ordering::Relaxed);
                told.lock().await.to_string()
            }
        };
        let app = Router::new().route("/jwks.json", get(answer));
        tokio::spawn(async move {
            use hyper_util::rt::TokioIo;
            use hyper_util::service::TowerToHyperService;
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let service = TowerToHyperService::new(app.clone());
                tokio::spawn(async move {
                    let connection = hyper::server::conn::http1::Builder::new();
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { url, keys, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn keys_are_fetched_again_for_a_name_that_is_new_and_not_more_often() {
    let (old, new) = (Key::p256(), Key::ed25519());
    let issuer = Issuer::start(json!({"keys": [old.jwk("old")]})).await;
    let believing = |pause: &str| believing(&issuer.url).with("access.jwt.refresh_pause", pause);
    let old_token = old.sign(&json!({"alg": "ES256", "kid": "old"}), &claims(&json!({})));
    let new_token = new.sign(&json!({"alg": "EdDSA", "kid": "new"}), &claims(&json!({})));

    let service = believing("1ms").start().await;
    assert_eq!(issuer.asked(), 1);
    for _ in 0..5 {
        assert_eq!(text(service.post("/predict", RECORDED).bearer_auth(&old_token)).await.0, 200);
    }
    assert_eq!(issuer.asked(), 1);
    *issuer.keys.lock().await = json!({"keys": [new.jwk("new")]});
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(text(service.post("/predict", RECORDED).bearer_auth(&new_token)).await.0, 200);
    assert_eq!(issuer.asked(), 2);
    // The old one was withdrawn.
    assert_eq!(refused(service.post("/predict", RECORDED).bearer_auth(&old_token)).await.0, 401);

    // Names that are made up do not make us ask the issuer.
    let service = believing("1h").start().await;
    let before = issuer.asked();
    for at in 0..20 {
        let token = new.sign(&json!({"alg": "EdDSA", "kid": format!("made up {at}")}), &claims(&json!({})));
        assert_eq!(refused(service.post("/predict", RECORDED).bearer_auth(token)).await.0, 401);
    }
    assert_eq!(issuer.asked(), before);
}

#[tokio::test]
async fn an_issuer_that_answers_nonsense_changes_nothing() {
    let key = Key::p256();
    let issuer = Issuer::start(json!({"keys": []})).await;
    let service = believing(&issuer.url).with("access.jwt.refresh_pause", "1ms").start().await;
    let token = key.sign(&json!({"alg": "ES256", "kid": "p"}), &claims(&json!({})));
    let ask = || service.post("/predict", RECORDED).bearer_auth(&token);
    assert_eq!(refused(ask()).await.0, 401);
    *issuer.keys.lock().await = json!({"keys": [key.jwk("p")]});
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(text(ask()).await.0, 200);
    let many: Vec<_> = (0..101).map(|at| key.jwk(&at.to_string())).collect();
    for nonsense in
        [json!(7), json!({"keys": 7}), json!({"keys": many}), json!({"keys": [], "x": "y".repeat(300_000)})]
    {
        *issuer.keys.lock().await = nonsense;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let strange = key.sign(&json!({"alg": "ES256", "kid": "other"}), &claims(&json!({})));
        assert_eq!(refused(service.post("/predict", RECORDED).bearer_auth(strange)).await.0, 401);
        assert_eq!(text(ask()).await.0, 200);
    }
}

#[tokio::test]
async fn a_file_of_keys_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (old, new) = (Key::p256(), Key::p256());
    let path = keys_file(&folder, &[old.jwk("p")]);
    let service = believing(&path.to_string_lossy()).with("access.reload_interval", "20ms").start().await;
    let is_believed = async |key: &Key| {
        let token = key.sign(&json!({"alg": "ES256", "kid": "p"}), &claims(&json!({})));
        text(service.post("/predict", RECORDED).bearer_auth(token)).await.0 == 200
    };
    assert!(is_believed(&old).await && !is_believed(&new).await);
    // The name of the key stays, so that no token asks for the file to be read.
    keys_file(&folder, &[new.jwk("p")]);
    eventually("the new key", async || is_believed(&new).await).await;
    assert!(!is_believed(&old).await);
    // What holds no keys changes nothing, and what does after it is seen.
    std::fs::write(&path, "{}").expect("written");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(is_believed(&new).await);
    keys_file(&folder, &[old.jwk("p")]);
    eventually("the old key", async || is_believed(&old).await).await;
}

#[tokio::test]
async fn a_file_without_keys_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = keys_file(&folder, &[]);
    let builder = believing(&path.to_string_lossy());
    let config = builder.config();
    let error = imba::app::App::build(&config, None).await.err().expect("refused");
    assert!(error.to_string().starts_with("access.jwt.jwks: "), "{error}");
}
