//! A model's own error message, made fit for the caller: what went wrong, without internals.

use std::net::Ipv4Addr;

use serde_json::Value;

/// What only HTML pages contain.
const MARKUP: [&str; 9] = ["<html", "<!doctype", "<title", "<head", "<body", "<h1", "<p>", "<div", "<pre"];
/// Longest message in characters.
const LONGEST: usize = 300;

/// `message` as one plain line: without markup, stack traces, paths, ARNs and addresses.
pub(super) fn plain(message: &str) -> String {
    let mut line = String::new();
    let mut in_traceback = false;
    let message = without_envelope(message).replace("\\n", "\n");
    for part in without_markup(&message).lines() {
        let is_indented = part.starts_with([' ', '\t']);
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        if part.starts_with("Stack trace") || part.starts_with("[bt]") {
            break;
        }
        if in_traceback && is_indented {
            continue;
        }
        let (said, trace) =
            part.split_once("Traceback (").map_or((part, None), |(said, at)| (said, Some(at)));
        in_traceback = trace.is_some();
        for word in said.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty())
        {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(if is_inside(word) { "…" } else { word });
        }
    }
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => {
            line.truncate(end);
            line.push('…');
        }
        None if line.is_empty() => line.push_str("it gave no reason"),
        None => {}
    }
    line
}

/// ARNs, links to consoles and logs, account numbers, network and memory addresses, and paths of files.
fn is_inside(word: &str) -> bool {
    let longest_number = word.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '/');
    let is_path = bare.starts_with('/') && bare[1..].contains('/');
    let host = bare.split([':', '/']).next().unwrap_or_default();
    let is_memory = bare.starts_with("0x") && bare.len() > 6;
    word.contains("arn:")
        || word.contains("://")
        || longest_number == 12
        || is_path
        || is_memory
        || host.parse::<Ipv4Addr>().is_ok()
}

/// What a message that is a JSON object says, as containers in script mode word it; or the message itself.
fn without_envelope(message: &str) -> String {
    let object: Option<serde_json::Map<String, Value>> = serde_json::from_str(message).ok();
    let Some(object) = object else { return message.to_owned() };
    let said = ["error-message", "message", "detail", "error"].map(|name| object.get(name)?.as_str());
    said.into_iter().flatten().next().unwrap_or_default().to_owned()
}

/// The text of an HTML page, or the message itself.
fn without_markup(message: &str) -> String {
    let lower = message.to_ascii_lowercase();
    if !MARKUP.iter().any(|tag| lower.contains(tag)) {
        return message.to_owned();
    }
    let mut text = String::new();
    let mut rest = message;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let Some((tag, after)) = tag.split_once('>') else { return text };
        let tag = tag.to_ascii_lowercase();
        let hidden = ["style", "script"].into_iter().find(|name| tag.starts_with(name));
        let end = hidden.and_then(|name| after.to_ascii_lowercase().find(&format!("</{name}")));
        rest = end.map_or(after, |end| &after[end..]);
        text.push('\n');
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn only_what_went_wrong() {
        for (message, said) in [
            ("feature_names mismatch", "feature_names mismatch"),
            ("", "it gave no reason"),
            (
                "<html><head><title>500 Internal Server Error</title><style>b{}</style></head>\n<h1>Oops</h1></html>",
                "500 Internal Server Error Oops",
            ),
            (
                "Unable to evaluate payload provided: (3 vs. 4) : Number of columns does not match\nStack trace:\n  [bt] (0) /lib/libxgboost.so(+0x1)\n",
                "Unable to evaluate payload provided: (3 vs. 4) : Number of columns does not match",
            ),
            (
                "Traceback (most recent call last):\n  File \"/opt/serve.py\", line 1\n    x()\nValueError: could not convert string to float: 'a'",
                "ValueError: could not convert string to float: 'a'",
            ),
            (
                "bad value\\nTraceback (most recent call last):\\n  File \"/opt/serve.py\", line 1\\n    x()\\nValueError: no",
                "bad value ValueError: no",
            ),
            ("cannot parse: Traceback (most recent call last):\n  File \"x.py\"", "cannot parse:"),
            (
                "{\"error\": \"ValueError\", \"error-message\": \"could not convert\", \"stack-trace\": \"Traceback\"}",
                "could not convert",
            ),
            ("{\"stack-trace\": \"Traceback (most recent call last)\"}", "it gave no reason"),
            ("<h1>Bad Request</h1><p>no\u{1b}[31m</p>", "Bad Request no [31m"),
            (
                "[10:11:12] /workspace/src/c_api.cc:986: Check failed at 0x7f00aa11 on 10.0.0.7:8080 (\"/opt/ml/model\")",
                "[10:11:12] … Check failed at … on … …",
            ),
            (
                "see arn:aws:logs:eu-west-1:123456789012:log-group:/x or https://console.aws.amazon.com/x in account 123456789012 now",
                "see … or … in account … now",
            ),
        ] {
            assert_eq!(plain(message), said);
        }
        assert_eq!(plain(&"x".repeat(400)).chars().count(), 301);
    }
}
