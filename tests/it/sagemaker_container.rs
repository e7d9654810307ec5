use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use imba::app::App;
use imba::config::Config;
use imba::config::source::Settings;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::service::{fixture, text};

/// The service as the container that SageMaker starts: a folder of models, the container's variables, and no configuration.
struct Container {
    address: String,
    client: Client,
    _stop: oneshot::Sender<()>,
    _folder: TempDir,
}

/// A folder with some of the models of the fixtures, as `a+b`.
fn folder(models: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for model in models.split('+') {
        let file = fixture("sagemaker").join(format!("{model}.ubj"));
        std::fs::copy(file, folder.path().join(model)).expect("copied");
    }
    std::fs::write(folder.path().join(".hidden"), "no model").expect("written");
    folder
}

impl Container {
    async fn start(models: &str, variables: &[(&str, &str)]) -> Self {
        let folder = folder(models);
        let mut settings = Settings::defaults();
        let model = [("SM_MODEL_DIR", folder.path().to_str().expect("UTF-8"))];
        settings.add_env(
            model.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        settings.in_container();
        let config = Config::resolve(&settings).expect("a configuration");
        let app = App::build(&config, None).await.expect("the service starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(app.serve(listener, async move {
            let _ = stopped.await;
        }));
        let client = Client::builder().timeout(Duration::from_secs(20)).build().expect("client");
        Self { address, client, _stop: stop, _folder: folder }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("http://{}{path}", self.address))
    }

    fn invoke(&self, content_type: &str, accept: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.client.post(format!("http://{}/invocations", self.address)).body(body);
        let with = |request: RequestBuilder, name: &str, value: &str| match value {
            "" => request,
            value => request.header(name, value),
        };
        with(with(request, "content-type", content_type), "accept", accept)
    }

    async fn csv(&self, body: &str) -> (u16, String) {
        text(self.invoke("text/csv", "", body.to_owned())).await
    }
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

/// Requests and answers that Python, numpy and xgboost 3.2 made, for every objective, type and variable.
#[tokio::test]
async fn valid_requests_are_answered_as_the_container_does() {
    let pairs = std::fs::read_to_string(fixture("sagemaker").join("pairs.json")).expect("fixture");
    let pairs: Vec<Value> = serde_json::from_str(&pairs).expect("JSON");
    assert!(pairs.len() > 300);
    let mut running: Vec<((String, Value), Container)> = Vec::new();
    for pair in &pairs {
        let member = |name: &str| pair[name].as_str().expect("a text");
        let key = (member("model").to_owned(), pair["environment"].clone());
        if !running.iter().any(|(known, _)| *known == key) {
            let variables = key.1.as_object().expect("an object");
            let variables: Vec<_> = variables
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().expect("a text")))
                .collect();
            let container = Container::start(&key.0, &variables).await;
            running.push((key.clone(), container));
        }
        let (_, container) = running.iter().find(|(known, _)| *known == key).expect("it runs");
        let (content_type, accept) = (member("content_type"), member("accept"));
        let request = container.invoke(content_type, accept, member("body").to_owned());
        let response = request.send().await.expect("an answer");
        let wanted = match accept {
            "" | "text/csv" => "text/csv; charset=utf-8",
            "*/*" => "application/json",
            named => named,
        };
        assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, wanted), "{pair}");
        assert_eq!(response.text().await.expect("a text"), member("answer"), "{pair}");
    }
}

#[tokio::test]
async fn health_and_execution_parameters() {
    let container = Container::start("logistic", &[("SAGEMAKER_MODEL_SERVER_WORKERS", "3")]).await;
    let response = container.get("/ping").send().await.expect("an answer");
    assert_eq!(
        (response.status().as_u16(), header(&response, "content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert_eq!(response.text().await.expect("a text"), "");
    let response = container.get("/execution-parameters").send().await.expect("an answer");
    assert_eq!(header(&response, "content-type"), "application/json");
    assert_eq!(
        response.text().await.expect("a text"),
        r#"{"MaxConcurrentTransforms": 3, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}"#
    );
    let limited = Container::start("logistic", &[("MAX_CONTENT_LENGTH", "3145728")]).await;
    let (_, parameters) = text(limited.get("/execution-parameters")).await;
    assert!(parameters.ends_with("\"MaxPayloadInMB\": 3}"), "{parameters}");
    let (status, said) = text(limited.invoke("text/csv", "", vec![b'1'; 3_145_729])).await;
    assert_eq!(status, 413, "{said}");
    let at_the_limit = format!("1,2,3{}", " ".repeat(3_145_728 - 5));
    assert_eq!(text(limited.invoke("text/csv", "", at_the_limit)).await.0, 200);
}

/// An empty body before its type, its type before its content, that before its width, and what is accepted last.
#[tokio::test]
async fn what_is_wrong_is_told_in_the_containers_order() {
    let container = Container::start("logistic", &[]).await;
    for (content_type, accept, body, status, said) in [
        ("image/png", "image/png", "", 204, ""),
        ("image/png", "image/png", "1,2", 415, "is not an accepted ContentType: csv, libsvm"),
        ("application/xml", "", "{}", 415, "is not an accepted ContentType"),
        ("text/csv; label_size=0", "", "1,2,3", 415, "label_size must be equal to 1"),
        ("application/x-parquet", "", "PAR1", 415, "is not supported"),
        ("", "", "1,2,3", 415, "Loading libsvm data failed"),
        ("text/csv", "image/png", "a,b,c", 415, "could not convert string to float: \"a\""),
        ("text/csv", "", "1,2,3\n4,5", 415, "row 2: it has 2 columns, and the first row 3"),
        ("text/csv", "", "1,2,3\n\n4,5,6", 415, "row 2"),
        ("text/csv", "", "1,2,inf", 415, "inf"),
        ("text/csv", "", "1,2,1e39", 415, "too large"),
        ("text/csv", "", "1, ,3", 415, "column 2"),
        ("text/csv", "", "1,2,None", 415, "None"),
        ("text/csv", "", "1,2,\"3\"", 415, "could not convert"),
        ("text/csv", "", "\u{feff}1,2,3", 415, "could not convert"),
        ("text/csv", "", " \n ", 415, "Could not determine delimiter"),
        ("text/csv", "image/png", "1,2,3,4", 400, "(3 vs. 4) : Number of columns does not match"),
        ("text/csv", "", "1,2", 400, "(3 vs. 2)"),
        ("text/libsvm", "", "1 3:1 0:2", 400, "(3 vs. 4)"),
        ("text/libsvm", "", "1 0:x", 415, "index 0: could not convert"),
        ("text/libsvm", "", "1 qid:7 0:1", 415, "\"qid\" is no index"),
        ("text/libsvm", "", "1 -1:1", 415, "negative"),
        ("text/libsvm", "", "1 99999999999999999999:1", 415, "is no index"),
        ("text/libsvm", "", "1 0:1 0:2", 415, "index 0 is given twice"),
        ("text/libsvm", "", "1 0:1\n\n1 0:1", 415, "row 2: the line is empty"),
        ("text/csv", "image/png", "1,2,3", 406, "Accept type \"image/png\" is not supported"),
        ("text/csv", "application/json, text/csv", "1,2,3", 406, "is not supported"),
        ("text/csv", "text/plain", "1,2,3", 406, "is not supported"),
    ] {
        let request = container.invoke(content_type, accept, body);
        let response = request.send().await.expect("an answer");
        let found = (response.status().as_u16(), header(&response, "content-type").to_owned());
        let wanted = if status == 204 { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
        let detail = response.text().await.expect("a text");
        assert_eq!(found, (status, wanted.to_owned()), "{content_type} {body:?}: {detail}");
        assert!(detail.contains(said), "{content_type} {body:?}: {detail}");
    }
    let blanks = "\u{b} 1,2,3\r\n\u{c}\u{b}";
    assert_eq!(container.csv(blanks).await, container.csv("1,2,3").await);
    let not_utf8 = container.invoke("text/csv", "", vec![b'1', b',', 0xff]);
    assert_eq!(text(not_utf8).await.0, 415);
    assert_eq!(text(container.get("/invocations")).await.0, 405);
    assert!(text(container.get("/invocations")).await.1.starts_with("see the Allow header"));
}

#[tokio::test]
async fn short_rows_are_refused_unless_asked_for() {
    let strict = Container::start("logistic", &[]).await;
    let (status, said) = strict.csv("1,2").await;
    assert_eq!(status, 400);
    assert!(said.contains("compat.sagemaker = \"exact\""), "{said}");
    let exact = Container::start("logistic", &[("IMBA__COMPAT__SAGEMAKER", "exact")]).await;
    assert_eq!(exact.csv("1,2").await, exact.csv("1,2,").await);
    assert_eq!(exact.csv("1\n2").await, exact.csv("1,,\n2,,").await);
    assert_eq!(exact.csv("1,2,3,4").await.0, 400);
    let libsvm = |body: &str| text(exact.invoke("text/libsvm", "", body.to_owned()));
    assert_eq!(libsvm("0 0:1 0:2\n1").await, libsvm("0 0:3").await);
    let kept = text(strict.invoke("text/libsvm", "", "0 0:3\n1")).await;
    assert_eq!((kept.0, kept.1.lines().count()), (200, 2));
}

/// Bytes as sagemaker-containers 2.8.6 writes them, for the rows 1,2,3 and -4,5,6, or 1,2,3 and ,,-4.
#[tokio::test]
async fn records_are_rows() {
    const FLOAT32: &str = "0a23d7ce1c0000000a1a0a0676616c7565731210120e0a0c0000803f00000040000040400a23d7ce1c0000000a1a0a0676616c7565731210120e0a0c000080c00000a0400000c040";
    const FLOAT64: &str = "0a23d7ce400000000a260a0676616c756573121c1a1a0a18000000000000f03f0000000000000040000000000000084012160a0676616c756573120c1a0a0a08000000000000f03f0a23d7ce400000000a260a0676616c756573121c1a1a0a1800000000000010c00000000000001440000000000000184012160a0676616c756573120c1a0a0a080000000000000000";
    const INT32: &str = "0a23d7ce130000000a110a0676616c75657312073a050a03010203000a23d7ce1c0000000a1a0a0676616c75657312103a0e0a0cfcffffffffffffffff010506";
    const SPARSE: &str = "0a23d7ce240000000a220a0676616c756573121812160a0c0000803f000000400000404012030001021a01030a23d7ce1a0000000a180a0676616c756573120e120c0a04000080c01201021a01030000";
    let container = Container::start("logistic", &[]).await;
    let bytes = |hex: &str| -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| {
                u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal")
            })
            .collect()
    };
    let send = |body: Vec<u8>| text(container.invoke("application/x-recordio-protobuf", "", body));
    let dense = container.csv("1,2,3\n-4,5,6").await;
    for rows in [FLOAT32, FLOAT64, INT32] {
        assert_eq!(send(bytes(rows)).await, dense, "{rows}");
    }
    assert_eq!(send(bytes(SPARSE)).await, container.csv("1,2,3\n,,-4").await);
    let changed = |rows: &str, at: usize, to: u8| {
        let mut bytes = bytes(rows);
        bytes[at] = to;
        bytes
    };
    for (body, status, said) in [
        (changed(FLOAT32, 0, 9), 415, "row 1: it begins with 0xced72309, not with the magic number"),
        (changed(FLOAT32, 4, 0xff), 415, "row 1: it is cut off: 255 bytes are announced"),
        (changed(FLOAT32, 7, 0xff), 415, "row 1: it is cut off"),
        (bytes(FLOAT32)[..71].to_vec(), 415, "row 2: it is cut off"),
        (bytes(FLOAT32)[..40].to_vec(), 415, "row 2: 4 bytes where a record"),
        (changed(FLOAT32, 9, 0x7f), 415, "row 1"),
        (changed(FLOAT32, 12, b'w'), 415, "row 1: it has no features named \"values\""),
        (changed(SPARSE, 40, 7), 415, "row 1: key 7 is not below 3, the shape"),
        (changed(SPARSE, 40, 1), 415, "row 1: key 1 is given twice"),
        (changed(SPARSE, 43, 9), 400, "(3 vs. 9)"),
        (bytes("0a23d7ce00000000"), 415, "no features"),
        (b"1,2,3".to_vec(), 415, "row 1"),
    ] {
        let (found, detail) = send(body).await;
        assert_eq!(found, status, "{detail}");
        assert!(detail.contains(said), "{detail}");
    }
    let wide = "0a23d7ce200000000a1e0a0676616c75657312141212".to_owned() + "0a10" + &"0000803f".repeat(4);
    assert_eq!(send(bytes(&wide)).await.0, 400);
}

/// Where the container fails, or answers something that is no JSON, the answer is one that clients can read.
#[tokio::test]
async fn answers_that_the_container_does_not_have() {
    let container = Container::start("logistic", &[]).await;
    let lines = text(container.invoke("text/csv", "application/jsonlines", "1,2,3\n-4,5,6")).await;
    assert_eq!(
        lines,
        (200, "{\"score\": 0.7102509140968323}\n{\"score\": 0.08110407739877701}\n".to_owned())
    );
    let response = container
        .invoke("text/csv", "application/x-recordio-protobuf", "1,2,3")
        .send()
        .await
        .expect("an answer");
    assert_eq!(header(&response, "content-type"), "application/x-recordio-protobuf");
    let record = response.bytes().await.expect("bytes");
    let score = 0.710_250_914_096_832_3_f64 as f32;
    assert_eq!(&record[..8], [0x0a, 0x23, 0xd7, 0xce, 19, 0, 0, 0]);
    assert_eq!(record[8..23], *b"\x12\x11\x0a\x05score\x12\x08\x12\x06\x0a\x04");
    assert_eq!(record[23..], [&score.to_le_bytes()[..], &[0]].concat());

    let output = [("SAGEMAKER_INFERENCE_OUTPUT", "nonsense,probability,predicted_score, predicted_label")];
    let selected = Container::start("logistic", &output).await;
    let (_, document) = text(selected.invoke("text/csv", "application/json", "1,2,3")).await;
    assert_eq!(
        document,
        r#"{"predictions": [{"predicted_label": 1, "probability": 0.7102509140968323, "nonsense": null, "predicted_score": null}]}"#
    );
    assert_eq!(selected.csv("1,2,3").await.1, "nan,0.7102509140968323,nan,1");
    let records =
        selected.invoke("text/csv", "application/x-recordio-protobuf", "1,2,3\n-4,5,6").send().await;
    let records = records.expect("an answer").bytes().await.expect("bytes");
    assert_eq!(records.windows(4).filter(|window| *window == [0x0a, 0x23, 0xd7, 0xce]).count(), 2);

    let ranks = Container::start("ranks", &[("SAGEMAKER_INFERENCE_OUTPUT", "predicted_score")]).await;
    let (status, said) = ranks.csv("1,2,3").await;
    assert_eq!(
        (status, said.as_str()),
        (500, "Objective `rank:pairwise` unsupported for selectable inference predictions.")
    );
}

/// Votes, which the container of 3.2 fails at.
#[tokio::test]
async fn several_models_vote_where_scores_are_classes() {
    let folder = folder("softmax");
    std::fs::copy(folder.path().join("softmax"), folder.path().join("again")).expect("copied");
    let one = Container::start("softmax", &[]).await.csv("1,2,3\n-4,5,6").await;
    let voted = serve(folder.path(), "1,2,3\n-4,5,6").await;
    assert_eq!(voted, one.1);
}

/// The program without any configuration, where SageMaker has put a model; an answer of it.
async fn serve(folder: &Path, rows: &str) -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let mut child = Command::new(env!("CARGO_BIN_EXE_imba"))
        .arg("serve")
        .env("SM_MODEL_DIR", folder)
        .env("SAGEMAKER_BIND_TO_PORT", port.to_string())
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let client = Client::new();
    let url = format!("http://127.0.0.1:{port}");
    let up = async {
        while client.get(format!("{url}/ping")).send().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), up).await.expect("it listens");
    let request =
        client.post(format!("{url}/invocations")).header("content-type", "text/csv").body(rows.to_owned());
    let answer = request.send().await.expect("an answer").text().await.expect("a text");
    child.kill().expect("it ends");
    child.wait().expect("it has ended");
    answer
}

#[test]
fn a_container_needs_no_configuration_and_configuration_wins() {
    let folder = folder("logistic");
    let resolved = |variables: &[(&str, &str)]| {
        let mut settings = Settings::defaults();
        let model = [("SM_MODEL_DIR", folder.path().to_str().expect("UTF-8"))];
        settings.add_env(
            model.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        settings.in_container();
        Config::resolve(&settings).map_err(|mistakes| mistakes.to_string())
    };
    let config = resolved(&[]).expect("a configuration");
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(config.server.deadline.as_secs(), 60);
    assert!(matches!(config.features.store, imba::config::Store::None) && config.products.names.is_none());
    let own = resolved(&[
        ("SAGEMAKER_BIND_TO_PORT", "9090"),
        ("IMBA__SERVER__LISTEN", "0.0.0.0:8080"),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "20"),
        ("IMBA__SERVER__DEADLINE", "5s"),
    ])
    .expect("a configuration");
    assert_eq!((own.server.listen.port(), own.server.deadline.as_secs()), (9090, 5));
    let named = resolved(&[("IMBA__MODEL__PATH", "demo/model.ubj")]).expect("a configuration");
    assert_eq!(named.server.listen.to_string(), "127.0.0.1:8080");
    let mistakes = resolved(&[
        ("SAGEMAKER_BIND_TO_PORT", "http"),
        ("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/html"),
        ("MAX_CONTENT_LENGTH", "6MB"),
    ])
    .expect_err("mistakes");
    for said in [
        "server.listen: expected an address",
        "found \"text/html\" (environment variable SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT)",
        "found \"6MB\" (environment variable MAX_CONTENT_LENGTH)",
    ] {
        assert!(mistakes.contains(said), "{mistakes}");
    }
    assert_eq!(mistakes.lines().count(), 4, "{mistakes}");
}
