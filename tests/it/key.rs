use imba::access::key::{hash, hex, is_key};

use crate::cli::{imba, run};
use crate::service::{RECORDED, TestService, text};

#[tokio::test]
async fn a_new_key_is_one_when_its_line_is_in_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, out, said) =
        run(imba(&folder).args(["key", "new", "--name", "shop", "--scopes", "predict,users"]));
    assert_eq!(code, 0, "{said}");
    let lines: Vec<&str> = out.lines().collect();
    let [key, line] = lines[..] else { panic!("{out}") };
    assert!(is_key(key) && !said.contains(key), "{key}");
    assert_eq!(line, format!("shop,{},,predict users", hex(&hash(key))));
    let file = folder.path().join("keys.csv");
    std::fs::write(&file, line).expect("written");
    let service = TestService::builder().with("access.keys", &file.to_string_lossy()).start().await;
    assert_eq!(text(service.post("/predict", RECORDED).header("x-api-key", key)).await.0, 200);
    assert_eq!(text(service.get("/recommend/1").header("x-api-key", key)).await.0, 403);
}

#[test]
fn wrong_arguments_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, what) in [
        (&["--name", "a b"][..], "--name: expected"),
        (&["--name", "a", "--scopes", "predict,fly"], "--scopes: \"fly\" is none of"),
        (&["--name", "a", "--plan", "a,b"], "--plan: expected"),
    ] {
        let (code, out, said) = run(imba(&folder).args(["key", "new"]).args(arguments));
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(said.contains(what), "{said}");
    }
    assert_eq!(run(imba(&folder).args(["key", "new"])).0, 2);
}

#[test]
fn secrets_are_not_printed_and_plans_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = "AKIDEXAMPLE,wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";
    let mut command = imba(&folder);
    command
        .arg("config")
        .env("IMBA__ACCESS__SIGV4_CREDENTIALS", secret)
        .env("IMBA__ACCESS__PLANS__GOLD__RATE", "5/s");
    let (code, out, said) = run(&mut command);
    assert_eq!(code, 0, "{said}");
    assert!(!out.contains("wJalr") && out.contains("access.sigv4_credentials = \"(hidden)\""), "{out}");
    assert!(out.contains("access.plans.gold.rate = \"5/s\" # environment variable"), "{out}");
}

#[test]
fn mistakes_are_told_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = imba(&folder);
    for (name, value) in [
        ("ACCESS__PLANS__GOLD__RATE", "5"),
        ("ACCESS__PLANS__GOLD__QUOTA", "5/year"),
        ("ACCESS__PLANS__SILVER__BURST", "5"),
        ("ACCESS__PLANS__SILVER__SPEED", "5"),
        ("ACCESS__ANONYMOUS", "bronze"),
        ("ACCESS__ANONYMOUS_SCOPES", "predict,fly"),
        ("ACCESS__TRUSTED_PROXIES", "10.0.0.0/99"),
        ("ACCESS__JWT__ISSUER", "https://issuer.example"),
        ("SERVER__TLS__CERTIFICATE", "certificate.pem"),
        ("SERVER__BASE_PATH", "prod"),
        ("SERVER__HOSTS", "a b"),
        ("CORS__CREDENTIALS", "true"),
        ("ANSWERS__BYPASS", "nobody"),
        ("SERVER__ADMIN_LISTEN", "9090"),
    ] {
        command.env(format!("IMBA__{name}"), value);
    }
    let (code, _, said) = run(command.arg("config"));
    assert_eq!(code, 64, "{said}");
    for what in [
        "access.plans.gold.rate: expected requests in a time like",
        "access.plans.gold.quota: expected requests in a period",
        "access.plans.silver.burst: needs access.plans.silver.rate",
        "access.plans.silver.speed: no such key",
        "access.anonymous: there is no plan \"bronze\"",
        "access.anonymous_scopes: \"fly\" is none of",
        "access.trusted_proxies: \"10.0.0.0/99\" is no network",
        "access.jwt.audience: is empty",
        "access.jwt.jwks: is empty",
        "server.tls.key: is empty",
        "server.base_path: expected a path",
        "server.hosts: expected host names",
        "cors.credentials: browsers send",
        "answers.bypass: expected \"anyone\" or \"admin\"",
        "server.admin_listen: expected an address",
    ] {
        assert!(said.contains(what), "{what} in {said}");
    }
    let mut command = imba(&folder);
    let (_, _, said) = run(command.arg("config").env("IMBA__ACCESS__PLANS__GOLD__RATE", "5/s"));
    assert!(!said.contains("plans are for callers"), "a plan may wait for its callers: {said}");
}
