//! A signed request for one object: its address, and the headers that prove who asks (AWS Signature Version 4).

use std::error::Error;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_types::service_config::ServiceConfigKey;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in the path of an object (RFC 3986's unreserved characters, and the slash).
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Partitions whose names do not end like those of AWS itself, by the beginning of their regions.
const SUFFIXES: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
];

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Scheme, host and perhaps a path, without a slash at its end.
    pub(super) endpoint: String,
    /// The object's path there, percent-encoded.
    pub(super) path: String,
}

impl Address {
    /// The object `key` of `bucket`, by the name of its bucket where AWS has one for it, else by its path.
    pub(super) fn new(sdk: &SdkConfig, bucket: &str, key: &str) -> Self {
        let key = utf8_percent_encode(key, &KEPT);
        let by_path = format!("/{}/{key}", utf8_percent_encode(bucket, &KEPT));
        if let Some(own) = own_endpoint(sdk) {
            // Servers other than AWS's own mostly have no host name per bucket.
            return Self { endpoint: own.trim_end_matches('/').to_owned(), path: by_path };
        }
        let region = sdk.region().map_or("us-east-1", AsRef::as_ref);
        let suffix = SUFFIXES.iter().find(|(start, _)| region.starts_with(start));
        let suffix = suffix.map_or("amazonaws.com", |(_, suffix)| suffix);
        let fips = if sdk.use_fips() == Some(true) { "-fips" } else { "" };
        let dual = if sdk.use_dual_stack() == Some(true) { ".dualstack" } else { "" };
        let host = format!("s3{fips}{dual}.{region}.{suffix}");
        if is_host_label(bucket) {
            Self { endpoint: format!("https://{bucket}.{host}"), path: format!("/{key}") }
        } else {
            Self { endpoint: format!("https://{host}"), path: by_path }
        }
    }

    fn url(&self) -> String {
        format!("{}{}", self.endpoint, self.path)
    }
}

/// Whether `bucket` can be one part of a host name; the certificate of S3 covers no name with more parts.
fn is_host_label(bucket: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(is_plain)
        && !bucket.starts_with('-')
        && !bucket.ends_with('-')
}

/// The server that stands in for S3, if one does: in the order in which the SDKs look for it.
fn own_endpoint(sdk: &SdkConfig) -> Option<String> {
    let all = sdk.endpoint_url().map(str::to_owned);
    if sdk.get_origin("endpoint_url").is_client_config() {
        return all;
    }
    let key =
        ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let of_s3 = key.ok().and_then(|key| sdk.service_config()?.load_config(key));
    of_s3.or(all)
}

/// The headers of a GET of `address` by `credentials`, those of `headers` among them.
///
/// # Errors
/// The address is no URL.
pub(super) fn signed_headers(
    address: &Address,
    region: &str,
    headers: &[(&str, &str)],
    credentials: Credentials,
    now: SystemTime,
) -> Result<Vec<(String, String)>, Box<dyn Error + Send + Sync>> {
    let mut settings = SigningSettings::default();
    // S3 differs from AWS's other services in these three.
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = credentials.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(now)
        .settings(settings)
        .build()?
        .into();
    let request =
        SignableRequest::new("GET", address.url(), headers.iter().copied(), SignableBody::Bytes(&[]))?;
    let (instructions, _) = sign(request, &params)?.into_parts();
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Ok(headers.iter().copied().chain(instructions.headers()).map(owned).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::Region;

    use super::*;

    fn sdk(region: &str) -> aws_types::sdk_config::Builder {
        SdkConfig::builder().region(Region::new(region.to_owned()))
    }

    #[test]
    fn an_object_is_where_its_region_and_bucket_say() {
        let at = |sdk: aws_types::sdk_config::Builder, bucket: &str| {
            let Address { endpoint, path } = Address::new(&sdk.build(), bucket, "a b/ü+1~.gz");
            format!("{endpoint}{path}")
        };
        let key = "a%20b/%C3%BC%2B1~.gz";
        for (found, expected) in [
            (at(sdk("eu-west-1"), "models"), "https://models.s3.eu-west-1.amazonaws.com"),
            (at(sdk("eu-west-1"), "my.models"), "https://s3.eu-west-1.amazonaws.com/my.models"),
            (at(sdk("eu-west-1"), "Models"), "https://s3.eu-west-1.amazonaws.com/Models"),
            (at(sdk("cn-north-1"), "models"), "https://models.s3.cn-north-1.amazonaws.com.cn"),
            (at(sdk("us-isob-east-1"), "models"), "https://models.s3.us-isob-east-1.sc2s.sgov.gov"),
            (
                at(sdk("us-east-1").use_fips(true).use_dual_stack(true), "models"),
                "https://models.s3-fips.dualstack.us-east-1.amazonaws.com",
            ),
            (
                at(sdk("us-east-1").endpoint_url("http://localhost:4566/"), "models"),
                "http://localhost:4566/models",
            ),
        ] {
            assert_eq!(found, format!("{expected}/{key}"));
        }
    }

    /// The first example of "Authenticating Requests: Using the Authorization Header" in the S3 API reference, with the headers
    /// that it signs.
    #[test]
    fn the_published_example() {
        let address = Address {
            endpoint: "https://examplebucket.s3.amazonaws.com".to_owned(),
            path: "/test.txt".to_owned(),
        };
        let credentials = Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            None,
            None,
            "the example",
        );
        // 2013-05-24 00:00:00 UTC
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(380_376);
        let headers =
            signed_headers(&address, "us-east-1", &[("range", "bytes=0-9")], credentials, now).unwrap();
        let value = |name: &str| headers.iter().find(|(found, _)| found == name).unwrap().1.as_str();
        assert_eq!(value("x-amz-date"), "20130524T000000Z");
        assert_eq!(
            value("authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }
}
