use std::path::Path;
use std::process::Command;

use crate::aws_stub::{Act, AwsStub};
use crate::service::{RECORDED, fixture};

/// `imba verify` with the stub as AWS: exit code, standard output and standard error.
async fn verify(stub: &AwsStub, rows: &Path, more: &'static [&'static str]) -> (i32, String, String) {
    let (url, rows) = (stub.url(), rows.to_owned());
    let command = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imba"));
        command
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
            .env("IMBA__SCORER__SAGEMAKER__ENDPOINT_NAME", "imba")
            .arg("verify")
            .arg("--model")
            .arg(fixture("binary.ubj"))
            .arg("--rows")
            .arg(rows)
            .args(more);
        command.output().expect("it runs")
    };
    let output = tokio::task::spawn_blocking(command).await.expect("no panic");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn an_endpoint_of_the_same_model_agrees() {
    let stub = AwsStub::start().await;
    let rows = fixture("rows.csv");
    let count = std::fs::read_to_string(&rows).expect("fixture").lines().count();
    let (code, report, errors) = verify(&stub, &rows, &[]).await;
    assert_eq!((code, errors.as_str()), (0, ""), "{report}");
    let expected = format!(
        "rows compared       {count}\nrows that differ    0 (by more than 1e-06)\nlargest difference  0.0\nmean difference     0.0\n"
    );
    assert_eq!(report, expected);
    assert!(stub.calls()[0].header("authorization").is_some_and(|value| value.contains("AKIDTEST")));
}

#[tokio::test]
async fn the_rows_that_differ_are_listed() {
    let stub = AwsStub::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let rows = folder.path().join("rows.csv");
    std::fs::write(&rows, format!("{RECORDED}\n{RECORDED}\n{RECORDED}\n")).expect("written");
    stub.otherwise(Act::Answer("0.5\n0.75\n0.25\n"));
    let (code, report, errors) = verify(&stub, &rows, &["--list", "2"]).await;
    assert_eq!((code, errors.as_str()), (1, "imba: 3 rows differ\n"), "{report}");
    let lines: Vec<_> = report.lines().collect();
    assert_eq!((lines[0], lines[1]), ("rows compared       3", "rows that differ    3 (by more than 1e-06)"));
    assert!(lines[2].starts_with("largest difference  0.67") && lines[2].ends_with("(row 3)"), "{report}");
    assert!(lines[4].starts_with("row 1: endpoint 0.5, model 0.92") && lines.len() == 6, "{report}");
    let (code, ..) = verify(&stub, &rows, &["--tolerance", "1"]).await;
    assert_eq!(code, 0);
}

#[tokio::test]
async fn what_fails_is_named() {
    let stub = AwsStub::start().await;
    stub.otherwise(Act::Error(400, "ValidationError", r#"{"message":"Endpoint imba not found"}"#));
    let (code, _, errors) = verify(&stub, &fixture("rows.csv"), &[]).await;
    assert!(
        code == 1 && errors.contains("rows 1 to ") && errors.contains("Endpoint imba not found"),
        "{errors}"
    );
}
