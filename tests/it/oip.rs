use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::service::{RECORDED, TestService, fixture, fixture_lines, json as sent};

const INFER: &str = "/v2/models/imba/infer";
const HEADER: &str = "inference-header-content-length";

/// The recorded row as JSON numbers.
fn recorded() -> Value {
    let cells = RECORDED.split(',').map(|cell| cell.parse::<f64>().expect("a number"));
    cells.collect()
}

fn request(inputs: &Value) -> String {
    json!({ "inputs": inputs }).to_string()
}

async fn error(request: RequestBuilder) -> (u16, String) {
    let (status, body) = sent(request).await;
    let members = body.as_object().expect("an object");
    assert_eq!(members.len(), 1, "{body}");
    (status, members["error"].as_str().expect("words").to_owned())
}

/// Triton's clients over HTTP and gRPC, grpcio's reflection and health, against `/predict`.
#[tokio::test]
async fn real_clients_get_the_numbers_of_predict() {
    let service = TestService::start().await;
    let rows = fixture("rows.csv");
    let said =
        crate::peers::run_script("open_inference.py", &[service.address(), &rows.to_string_lossy()]).await;
    assert_eq!(said.trim(), r#"{"rows": 1000}"#);
}

/// KServe's clients, of this version and of the first.
#[tokio::test]
async fn kserves_clients_get_the_numbers_of_predict() {
    let service = TestService::start().await;
    let rows = fixture("rows.csv");
    let said =
        crate::peers::run_script("kserve_client.py", &[service.address(), &rows.to_string_lossy()]).await;
    assert_eq!(said.trim(), r#"{"rows": 1000}"#);
}

#[tokio::test]
async fn the_answer_has_what_was_asked_for() {
    let service = TestService::start().await;
    let score: f64 = fixture_lines("scores.txt")[0].parse().expect("a number");
    let input = json!({"name": "x", "shape": [1, 18], "datatype": "FP32", "data": recorded()});
    let (status, answer) = sent(service.post(INFER, request(&json!([input])))).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["model_name"], "imba");
    assert!(answer.get("id").is_none());
    let expected = json!([{"name": "score", "shape": [1], "datatype": "FP32", "data": [score]}]);
    assert_eq!(answer["outputs"], expected);

    let nested = json!({"name": "x", "shape": [1, 18], "datatype": "FP64", "data": [recorded()]});
    let body = json!({"id": "a", "inputs": [nested], "parameters": {"sequence_id": 7}, "outputs": [{"name": "predict"}]});
    let (_, nested) = sent(service.post(INFER, body.to_string())).await;
    assert_eq!((&nested["id"], &nested["outputs"][0]["name"]), (&json!("a"), &json!("predict")));
    assert_eq!(nested["outputs"][0]["data"], json!([score]));

    let missing = json!({"name": "x", "shape": [1, 18], "datatype": "INT32", "data": vec![Value::Null; 18]});
    let (status, missing) = sent(service.post(INFER, request(&json!([missing])))).await;
    let plain = service.post("/predict", [""; 18].join(",")).send().await.expect("an answer");
    let plain: f64 = plain.text().await.expect("a text").parse().expect("a number");
    assert_eq!((status, &missing["outputs"][0]["data"]), (200, &json!([plain])));
}

#[tokio::test]
async fn several_numbers_per_row_have_a_second_dimension() {
    let path = fixture("softprob.ubj");
    let service = TestService::builder().with("model.path", &path.to_string_lossy()).start().await;
    let input = json!({"name": "x", "shape": [1, 18], "datatype": "FP32", "data": recorded()});
    let outputs = ["score", "margin", "contributions"].map(|name| json!({ "name": name }));
    let body = json!({"inputs": [input], "outputs": outputs});
    let (status, answer) = sent(service.post(INFER, body.to_string())).await;
    assert_eq!(status, 200, "{answer}");
    let classes = fixture_lines("softprob.txt")[0].split(',').count();
    let shapes: Vec<_> =
        answer["outputs"].as_array().expect("outputs").iter().map(|one| &one["shape"]).collect();
    assert_eq!(shapes, [&json!([1, classes]), &json!([1, classes]), &json!([1, classes, 19])]);
    let (_, model) = sent(service.get("/v2/models/imba")).await;
    assert_eq!(model["outputs"][0]["shape"], json!([-1, classes]));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_protocols_words() {
    let service = TestService::builder().with("server.rows_limit", "10").with("server.body_limit", "64KiB");
    let service = service.start().await;
    let input = |shape: Value, datatype: &str, data: Value| {
        json!({"inputs": [{"name": "x", "shape": shape, "datatype": datatype, "data": data}]}).to_string()
    };
    let ones = |count: usize| Value::from(vec![1; count]);
    let one = || input(json!([1, 18]), "FP32", recorded());
    let with = |member: &str, value: Value| {
        let mut body: Value = serde_json::from_str(&one()).expect("JSON");
        body[member] = value;
        body.to_string()
    };
    for (body, status, said) in [
        (String::new(), 400, "cannot be read"),
        ("{".to_owned(), 400, "cannot be read"),
        ("[]".to_owned(), 400, "cannot be read"),
        ("{}".to_owned(), 400, "missing field `inputs`"),
        (r#"{"inputs": []}"#.to_owned(), 400, "one input of shape [rows, 18]"),
        (input(json!([2, 18]), "FP32", recorded()), 400, "18 values of data do not fit shape [2, 18]"),
        (input(json!([1, 17]), "FP32", ones(17)), 400, "has shape [1, 17]; expected [rows, 18]"),
        (input(json!([-1, 18]), "FP32", recorded()), 400, "negative"),
        (input(json!([0, 18]), "FP32", json!([])), 400, "no rows"),
        (input(json!([i64::MAX, 18]), "FP32", recorded()), 413, "server.rows_limit"),
        (input(json!([11, 18]), "FP32", ones(11 * 18)), 413, "11 rows, more than 10"),
        (
            input(json!([1, 18]), "FP99", recorded()),
            400,
            "datatype \"FP99\" holds no numbers; expected one of BOOL",
        ),
        (input(json!([1, 18]), "BYTES", json!(["1"])), 400, "invalid type: string"),
        (input(json!([1, 18]), "INT32", recorded()), 400, "data of INT32 holds fractions"),
        (input(json!([1, 18]), "UINT8", Value::from(vec![256; 18])), 400, "from 0 to 256, out of its range"),
        (input(json!([1, 18]), "UINT64", Value::from(vec![-1; 18])), 400, "from -1 to 0, out of its range"),
        (input(json!([1, 18]), "INT8", Value::from(vec![-129; 18])), 400, "out of its range"),
        (input(json!([1, 18]), "FP16", Value::from(vec![70_000; 18])), 400, "out of its range"),
        (input(json!([1, 18]), "BOOL", ones(18)), 400, "data of BOOL holds numbers"),
        (input(json!([1, 18]), "FP32", Value::from(vec![true; 18])), 400, "data of FP32 holds true or false"),
        (input(json!([18, 1]), "FP32", recorded()), 400, "expected [rows, 18]"),
        (input(json!([1, 18]), "FP32", json!([[1], [2]])), 400, "data is nested as [2, 1]"),
        (
            with("outputs", json!([{"name": "class"}])),
            400,
            "there is no output \"class\"; expected score, margin",
        ),
        (with("outputs", json!([{"name": "score"}, {"name": "predict"}])), 400, "asked for twice"),
        (
            with("outputs", json!([{"name": "score", "parameters": {"classification": 2}}])),
            400,
            "\"classification\"",
        ),
        (with("parameters", json!({"binary_data_output": "yes"})), 400, "expected true or false"),
        (one().replace("\"data\"", "\"date\""), 400, "it has no data"),
        (one().replace("1.0", "1e39").replace("10.0", "1e39"), 400, "32-bit float"),
        ("x".repeat(70_000), 413, "server.body_limit"),
    ] {
        let found = error(service.post(INFER, body.clone())).await;
        assert!(found.0 == status && found.1.contains(said), "{body:.300}: {found:?}");
    }
    for (path, said) in [
        ("/v2/models/other/infer", "there is no model \"other\"; this is \"imba\""),
        ("/v2/models/imba/versions/3/infer", "there is no version \"3\""),
        ("/v2/models/imba/load", "see the README"),
    ] {
        let found = error(service.post(path, one())).await;
        assert!(found.0 == 404 && found.1.contains(said), "{path}: {found:?}");
    }
    assert_eq!(error(service.get(INFER)).await.0, 405);
    let coded = error(service.post(INFER, one()).header("content-encoding", "zstd")).await;
    assert!(coded.0 == 415 && coded.1.contains("content-encoding"), "{coded:?}");
}

#[tokio::test]
async fn binary_tensors_fit_their_document() {
    let service = TestService::start().await;
    let document = |size: Value, shape: Value| {
        let input = json!({"name": "x", "shape": shape, "datatype": "FP32", "parameters": {"binary_data_size": size}});
        json!({"inputs": [input]}).to_string()
    };
    let values: Vec<u8> =
        RECORDED.split(',').flat_map(|cell| cell.parse::<f32>().expect("a number").to_le_bytes()).collect();
    let send = |document: &str, bytes: &[u8], length: &str| {
        service.post(INFER, [document.as_bytes(), bytes].concat()).header(HEADER, length.to_owned())
    };
    let good = document(json!(72), json!([1, 18]));
    let length = good.len().to_string();
    // The answer is JSON where nobody asks for bytes.
    let (status, answer) = sent(send(&good, &values, &length)).await;
    let score: f64 = fixture_lines("scores.txt")[0].parse().expect("a number");
    assert_eq!((status, &answer["outputs"][0]["data"]), (200, &json!([score])));
    for (request, said) in [
        (send(&good, &values[..71], &length), "binary_data_size is 72, and 71 bytes are left"),
        (send(&good, &[&values[..], &[0]].concat(), &length), "1 bytes follow the document"),
        (send(&good, &values, "99999"), "and the body has"),
        (send(&good, &values, "-1"), "expected a number of bytes"),
        (send(&good, &values, "12"), "cannot be read"),
        (service.post(INFER, [good.as_bytes(), &values].concat()), "cannot be read"),
        (service.post(INFER, good.clone()), "0 bytes are left"),
        (
            send(
                &document(json!(-1), json!([1, 18])),
                &values,
                &document(json!(-1), json!([1, 18])).len().to_string(),
            ),
            "expected a number of bytes",
        ),
        (
            send(&document(json!(72), json!([2, 18])), &values, &length),
            "72 bytes of data do not fit shape [2, 18] of FP32",
        ),
        (
            send(
                &document(json!(72), json!([5_000_000_000_i64, 18])),
                &values,
                &document(json!(72), json!([5_000_000_000_i64, 18])).len().to_string(),
            ),
            "server.rows_limit",
        ),
    ] {
        let found = error(request).await;
        assert!([400, 413].contains(&found.0) && found.1.contains(said), "{said}: {found:?}");
    }
    let infinite = [&f32::INFINITY.to_le_bytes()[..], &values[4..]].concat();
    let found = error(send(&good, &infinite, &length)).await;
    assert!(found.1.starts_with("row 1: ") && found.1.contains("infinite"), "{found:?}");
}

/// A server that drains is not ready, in each form.
#[tokio::test]
async fn the_state_of_the_server_is_told() {
    let service = TestService::start().await;
    for path in ["/v2/health/live", "/v2/health/ready", "/v2/models/imba/ready"] {
        assert_eq!(sent(service.get(path)).await.0, 200, "{path}");
    }
    let (_, server) = sent(service.get("/v2")).await;
    assert_eq!(server["extensions"], json!(["binary_tensor_data"]));
    let (_, model) = sent(service.get("/v2/models/imba")).await;
    let version = model["versions"][0].as_str().expect("a version");
    assert_eq!(sent(service.get(&format!("/v2/models/imba/versions/{version}"))).await.0, 200);
    // The word of the table of faults is unknown_model.
    for path in ["/v2/models/other", "/v2/models/other/ready", "/v2/models/imba/versions/1", "/v2/nothing"] {
        assert_eq!(error(service.get(path)).await.0, 404, "{path}");
    }
}
