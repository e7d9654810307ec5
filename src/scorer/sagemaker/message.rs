//! A model's own error message, fit for its caller: what went wrong, without what is inside.

/// Longest message in characters.
const LONGEST: usize = 300;

/// `message` as one plain line: without markup, stack traces, ARNs and addresses.
pub(super) fn plain(message: &str) -> String {
    let mut line = String::new();
    let mut in_traceback = false;
    for part in without_markup(message).lines() {
        let is_indented = part.starts_with([' ', '\t']);
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        if part.starts_with("Stack trace") || part.starts_with("[bt]") {
            break;
        }
        in_traceback = part.starts_with("Traceback (") || in_traceback && is_indented;
        if in_traceback {
            continue;
        }
        for word in part.split_whitespace() {
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

/// ARNs, links to consoles and logs, and account numbers.
fn is_inside(word: &str) -> bool {
    let longest_number = word.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    word.contains("arn:") || word.contains("://") || longest_number == 12
}

/// The text of an HTML page, or the message itself.
fn without_markup(message: &str) -> String {
    let lower = message.to_ascii_lowercase();
    if !["<html", "<!doctype", "<title"].iter().any(|tag| lower.contains(tag)) {
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
                "see arn:aws:logs:eu-west-1:123456789012:log-group:/x or https://console.aws.amazon.com/x in account 123456789012 now",
                "see … or … in account … now",
            ),
        ] {
            assert_eq!(plain(message), said);
        }
        assert_eq!(plain(&"x".repeat(400)).chars().count(), 301);
    }
}
