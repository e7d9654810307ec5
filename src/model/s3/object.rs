//! What S3 answers to a GET: an object, that it is unchanged, or a refusal.

use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_xml::decode::{Document, try_data};

const OK: u16 = 200;
const NOT_MODIFIED: u16 = 304;

/// A good answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// The object, which is still on its way.
    Object {
        /// Its `ETag`; empty if there is none.
        revision: String,
        /// Its length in bytes, if it is announced.
        length: Option<usize>,
        body: SdkBody,
    },
    /// It has the `ETag` that the request named.
    NotModified,
}

/// A refusal, in S3's own words where it has some.
#[derive(Debug, thiserror::Error)]
#[error("S3 refuses it with {code}: {message}")]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

impl Refusal {
    fn read(status: u16, body: Option<&[u8]>) -> Self {
        let said = body.and_then(|body| std::str::from_utf8(body).ok()).and_then(code_and_message);
        let (code, message) = said.unwrap_or_default();
        let or = |text: String, other: &dyn Fn() -> String| if text.is_empty() { other() } else { text };
        Self {
            code: or(code, &|| format!("status {status}")),
            message: or(message, &|| "without a reason".to_owned()),
        }
    }

    /// Whether there is no such object.
    pub(super) fn is_absent(&self) -> bool {
        self.code == "NoSuchKey"
    }

    /// Whether other credentials may be taken where these were not.
    pub(super) fn is_of_credentials(&self) -> bool {
        matches!(
            self.code.as_str(),
            "ExpiredToken" | "InvalidAccessKeyId" | "InvalidToken" | "TokenRefreshRequired"
        )
    }
}

/// `<Error><Code>…</Code><Message>…</Message></Error>`
fn code_and_message(body: &str) -> Option<(String, String)> {
    let mut document = Document::new(body);
    let mut root = document.root_element().ok()?;
    let (mut code, mut message) = (String::new(), String::new());
    while let Some(mut tag) = root.next_tag() {
        let text = match tag.start_el().local() {
            "Code" => &mut code,
            "Message" => &mut message,
            _ => continue,
        };
        try_data(&mut tag).ok()?.trim().clone_into(text);
    }
    Some((code, message))
}

/// Makes an [`Answer`] of a response, its body unread, or a [`Refusal`].
#[derive(Debug)]
pub(super) struct Reader;

impl DeserializeResponse for Reader {
    fn deserialize_streaming_with_config(
        &self,
        response: &mut HttpResponse,
        _: &ConfigBag,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        let answer = match response.status().as_u16() {
            OK => {
                let header = |name| response.headers().get(name);
                let revision = header("etag").unwrap_or_default().to_owned();
                let length = header("content-length").and_then(|length| length.parse().ok());
                Answer::Object { revision, length, body: response.take_body() }
            }
            NOT_MODIFIED => Answer::NotModified,
            _ => return None,
        };
        Some(Ok(Output::erase(answer)))
    }

    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let refusal = Refusal::read(response.status().as_u16(), response.body().bytes());
        Err(OrchestratorError::operation(Error::erase(refusal)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_in_words_and_without() {
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>PermanentRedirect</Code><Message>ask \
                   &quot;eu-west-1&quot;</Message><Bucket>models</Bucket></Error>";
        for (body, expected) in [
            (Some(xml.as_bytes()), "S3 refuses it with PermanentRedirect: ask \"eu-west-1\""),
            (None, "S3 refuses it with status 403: without a reason"),
            (
                Some(&b"<html><body>proxy</body></html>"[..]),
                "S3 refuses it with status 403: without a reason",
            ),
            (Some(&b"<Error><Code>AccessDenied"[..]), "S3 refuses it with AccessDenied: without a reason"),
            (Some(&b"\xff"[..]), "S3 refuses it with status 403: without a reason"),
        ] {
            assert_eq!(Refusal::read(403, body).to_string(), expected);
        }
    }
}
