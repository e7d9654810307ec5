//! The routes for those who operate the service, as OpenAPI.

use serde_json::json;

use crate::api::fault::Code;
use crate::api::native::openapi::PROBLEM;
use crate::api::openapi::{Document, Operation, text};

pub(in crate::api) const TAG: &str = "Operations";

pub(in crate::api) fn describe(document: Document) -> Document {
    document
        .tag(TAG, "For those who run the service: is it alive, is it ready, what has it done.")
        .operation(
            Operation::get("/livez", "livez", TAG)
                .says("Is it alive?", "The process answers, whatever becomes of what stands behind it.")
                .gives("text/plain", text("`alive`"))
                .fails(PROBLEM, &[]),
        )
        .operation(
            Operation::get("/readyz", "readyz", TAG)
                .says(
                    "Is it ready?",
                    "Requests should be sent here: model and table are there, and the service is not about to stop.",
                )
                .query(
                    "upstreams",
                    "When it is there, with any value: do the services behind this one answer, too?",
                    text("Any value."),
                    json!(""),
                )
                .gives("text/plain", text("`ready`"))
                .fails(PROBLEM, &[Code::NotReady]),
        )
        .operation(
            Operation::get("/metrics", "metrics", TAG)
                .says("What has it done?", "Every counter, as OpenMetrics 1.0.0, which Prometheus reads.")
                .gives("application/openmetrics-text", text("Lines of OpenMetrics, the last of them `# EOF`."))
                .fails(PROBLEM, &[]),
        )
}
