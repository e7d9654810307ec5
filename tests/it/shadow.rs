use crate::aws_stub::{Act, AwsStub};
use crate::service::{RECORDED, TestService, text};

/// The value of a metric, once it is `expected`.
async fn counts(service: &TestService, metric: &str, expected: &str) {
    service.metrics_say(&format!("{metric} {expected}")).await;
}

/// The model answers and the endpoint is compared; what that one does, the caller never hears.
#[tokio::test]
async fn an_endpoint_as_the_shadow() {
    let stub = AwsStub::start().await;
    let builder = TestService::builder().with("scorer.shadow", "0.5");
    let service = builder.shadow(&stub).await.start().await;
    let expected = text(TestService::start().await.post("/predict", RECORDED)).await;
    let ask = async || assert_eq!(text(service.post("/predict", RECORDED)).await, expected);
    for _ in 0..4 {
        ask().await;
    }
    counts(&service, "imba_shadow_difference_count", "2").await;
    counts(&service, r#"imba_shadow_difference_bucket{le="0.0"}"#, "2").await;
    stub.otherwise(Act::Answer("0.5"));
    ask().await;
    ask().await;
    counts(&service, r#"imba_shadow_difference_bucket{le="+Inf"}"#, "3").await;
    counts(&service, r#"imba_shadow_difference_bucket{le="0.0"}"#, "2").await;
    stub.otherwise(Act::Error(424, "ModelError", "{}"));
    ask().await;
    ask().await;
    counts(&service, "imba_shadow_failed_total", "1").await;
    // It hangs: nobody waits, and no more than so many are compared.
    stub.otherwise(Act::Hangs);
    for _ in 0..40 {
        ask().await;
    }
    counts(&service, "imba_shadow_skipped_total", "4").await;
}
