//! Media types and ranges as RFC 9110 writes them (8.3.1, 12.5.1): names in any case, blanks around `;`, quoted values.

/// A media type, or in `Accept` a range of them.
#[derive(Debug, PartialEq)]
pub(super) struct MediaType {
    /// `type/subtype` in lower case; `*` stands for any.
    pub(super) essence: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads one media type; `None` if `text` is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = split(text, ';');
        let essence = parts.next()?.trim().to_ascii_lowercase();
        let (main, sub) = essence.split_once('/')?;
        if !is_token(main) || !is_token(sub) {
            return None;
        }
        let parameters = parts
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = part.split_once('=')?;
                is_token(name.trim()).then(|| (name.trim().to_ascii_lowercase(), unquoted(value.trim())))
            })
            .collect::<Option<_>>()?;
        Some(Self { essence, parameters })
    }

    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The weight of a range, from 0 for never to 1; one that is no weight counts as never.
    fn quality(&self) -> f32 {
        let quality = self.parameter("q").map_or(Some(1.0), |q| q.parse().ok());
        quality.filter(|quality| (0.0..=1.0).contains(quality)).unwrap_or(0.0)
    }

    /// How closely the range names `essence`; `None` if it does not cover it.
    fn specificity(&self, essence: &str) -> Option<u8> {
        let main = essence.split('/').next().unwrap_or_default();
        match self.essence.as_str() {
            "*/*" => Some(1),
            range if range.strip_suffix("/*") == Some(main) => Some(2),
            range if range == essence => Some(3),
            _ => None,
        }
    }
}

/// The ranges of an `Accept` header. What is no media range is skipped, as RFC 9110 leaves it to servers to do.
pub(super) fn ranges(accept: &str) -> impl Iterator<Item = MediaType> {
    split(accept, ',').filter_map(MediaType::parse)
}

/// How much `ranges` like what any of `essences` names: the weight of the range that names one most closely (12.5.1).
pub(super) fn quality(ranges: &[MediaType], essences: &[&str]) -> f32 {
    let mut best = (0, 0.0);
    for range in ranges {
        for essence in essences {
            if let Some(specificity) = range.specificity(essence) {
                let found = (specificity, range.quality());
                if found.0 > best.0 || found.0 == best.0 && found.1 > best.1 {
                    best = found;
                }
            }
        }
    }
    best.1
}

/// Whether `charset` is UTF-8 or a part of it, under any of its usual names.
pub(super) fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8", "us-ascii", "ascii"].iter().any(|name| charset.eq_ignore_ascii_case(name))
}

/// The parts of `text` between separators outside of quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut in_quotes, mut is_escaped) = (false, false);
    text.split(move |c| {
        let is_end = c == separator && !in_quotes;
        in_quotes ^= c == '"' && !is_escaped;
        is_escaped = in_quotes && c == '\\' && !is_escaped;
        is_end
    })
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut is_escaped = false;
    inner
        .chars()
        .filter(|c| {
            is_escaped = *c == '\\' && !is_escaped;
            !is_escaped
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        let charset = |text: &str| {
            let found = MediaType::parse(text).unwrap();
            (found.essence.clone(), found.parameter("charset").map(str::to_owned))
        };
        for text in [
            "text/csv;charset=UTF-8",
            "Text/CSV ; Charset=\"UTF-8\"",
            "text/csv; header=\"a;b\"; charset=UTF-8 ;",
        ] {
            assert_eq!(charset(text), ("text/csv".to_owned(), Some("UTF-8".to_owned())), "{text}");
        }
        for text in ["", "csv", "text/", "text/csv; charset", "text/c sv", "/"] {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_closest_range_decides() {
        let liked = |accept: &str, essence: &str| quality(&ranges(accept).collect::<Vec<_>>(), &[essence]);
        assert!((liked("text/*;q=0.5, text/csv ; q=0.9, */*", "text/csv") - 0.9).abs() < f32::EPSILON);
        assert!((liked("text/*;q=0.5, */*", "text/plain") - 0.5).abs() < f32::EPSILON);
        assert!(liked("text/csv;q=0, */*", "text/csv") == 0.0);
        assert!(liked("application/json;q=2", "application/json") == 0.0);
    }
}
