//! What a value may be.

use std::{path::PathBuf, time::Duration};

use super::{
    accounts::{AccountFilter, RoleArn},
    labels::ShownIds,
    policy::{Until, parse_date},
    web::{ClientAuth, TlsVersion},
};

/// How a scalar is understood, and how that is said to people.
pub(super) struct Kind<T> {
    pub(super) allowed: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
}

pub(super) const DURATION: Kind<Duration> = Kind {
    allowed: "a duration above zero with its unit, such as 90d, 12h, 5m or 30s",
    parse: |text| humantime::parse_duration(text).ok().filter(|duration| !duration.is_zero()),
};

pub(super) const WAIT: Kind<Duration> = Kind {
    allowed: "a duration up to 1h such as 1s, or 0s for no limit",
    parse: |text| humantime::parse_duration(text).ok().filter(|wait| *wait <= Duration::from_hours(1)),
};

/// Seldom enough for any organization, and well below what `AWSIAMOrganizationNotListed` waits for.
pub(super) const REFRESH: Kind<Duration> = Kind {
    allowed: "a duration above zero and up to 2h, such as 1h or 30m",
    parse: |text| (DURATION.parse)(text).filter(|refresh| *refresh <= Duration::from_hours(2)),
};

pub(super) const RATE: Kind<f64> = Kind {
    allowed: "a number from 0.1 to 10000",
    parse: |text| text.parse().ok().filter(|rate| (0.1..=10_000.0).contains(rate)),
};

pub(super) const FOLDER: Kind<PathBuf> =
    Kind { allowed: "an absolute path", parse: |text| Some(PathBuf::from(text)).filter(|path| path.is_absolute()) };

pub(super) const FILE: Kind<PathBuf> = Kind { allowed: "the absolute path of a file", parse: FOLDER.parse };

pub(super) const PATH: Kind<PathBuf> =
    Kind { allowed: "a path", parse: |text| Some(PathBuf::from(text)).filter(|_| !text.is_empty()) };

/// Only an empty text is refused, so that a key is never shown.
pub(super) const PEM: Kind<String> =
    Kind { allowed: "text in PEM", parse: |text| Some(text.to_owned()).filter(|text| !text.is_empty()) };

pub(super) const TEXT: Kind<String> = Kind { allowed: "a text", parse: |text| Some(text.to_owned()) };

pub(super) const DATE: Kind<Until> = Kind {
    allowed: "a date such as 2027-01-31, or a moment such as 2027-01-31T12:00:00Z",
    parse: |text| parse_date(text).map(|at| Until { text: text.to_owned(), at }),
};

pub(super) const COUNT: Kind<usize> = Kind {
    allowed: "a whole number from 1 to 1000",
    parse: |text| text.parse().ok().filter(|count| (1..=1_000).contains(count)),
};

pub(super) const BURST: Kind<usize> = Kind {
    allowed: "a whole number from 1 to 1000000",
    parse: |text| text.parse().ok().filter(|count| (1..=1_000_000).contains(count)),
};

pub(super) const YES_NO: Kind<bool> = Kind {
    allowed: "true or false",
    parse: |text| match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    },
};

/// In a file that Go reads as well: there the words of YAML 1.1 count.
pub(super) const GO_YES_NO: Kind<bool> = Kind {
    allowed: "true or false",
    parse: |text| match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => Some(false),
        _ => None,
    },
};

/// API reference, `AssumeRole`, `RoleArn`; the partition is whatever AWS calls its next one.
pub(super) const ROLE_ARN: Kind<RoleArn> = Kind {
    allowed: "the ARN of a role, such as arn:aws:iam::111122223333:role/iam-key-exporter",
    parse: RoleArn::parse,
};

/// API reference, `AssumeRole`, `RoleArn` after `role/`.
pub(super) const ROLE_NAME: Kind<String> = Kind {
    allowed: "the name of a role, with its path if it has one, without the ARN before it",
    parse: |text| Some(text.to_owned()).filter(|name| is_role_name(name)),
};

/// API reference, `AssumeRole`, `ExternalId`.
pub(super) const EXTERNAL_ID: Kind<String> = Kind {
    allowed: "2 to 1224 letters, digits and any of _+=,.@:/-",
    parse: |text| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
        Some(text.to_owned()).filter(|id| (2..=1224).contains(&id.len()) && id.chars().all(fits))
    },
};

pub(super) const NAME: Kind<String> =
    Kind { allowed: "a name", parse: |text| Some(text.to_owned()).filter(|name| !name.trim().is_empty()) };

pub(super) const ACCOUNT_FILTER: Kind<AccountFilter> = Kind {
    allowed: "an account id of twelve digits, an organizational unit (ou-… or r-…), or an account name with * and ?",
    parse: |text| Some(AccountFilter::parse(text)).filter(|_| !text.trim().is_empty()),
};

fn is_role_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@/-".contains(c);
    !name.is_empty() && !name.starts_with('/') && !name.ends_with('/') && name.chars().all(fits)
}

/// User Guide, "Rules for tagging in IAM and AWS STS": 1 to 128 characters.
pub(super) const TAG_KEY: Kind<String> = Kind {
    allowed: "the key of a tag, 1 to 128 characters",
    parse: |text| Some(text.to_owned()).filter(|key| (1..=128).contains(&key.chars().count())),
};

pub(super) const SHOWN_IDS: Kind<ShownIds> = Kind {
    allowed: "full, last4 or hash",
    parse: |text| match text {
        "full" => Some(ShownIds::Full),
        "last4" => Some(ShownIds::Last4),
        "hash" => Some(ShownIds::Hash),
        _ => None,
    },
};

/// The label under which a tag of a user is shown: what Prometheus does not allow in the
/// name of a label becomes `_`.
#[must_use]
pub fn tag_label(key: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("tag_{}", key.chars().map(allowed).collect::<String>())
}

pub(super) const CLIENT_AUTH: Kind<ClientAuth> = Kind {
    allowed: "NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or \
              RequireAndVerifyClientCert",
    parse: |text| match text {
        "" | "NoClientCert" => Some(ClientAuth::None),
        "RequestClientCert" => Some(ClientAuth::Request),
        "RequireAnyClientCert" | "RequireClientCert" => Some(ClientAuth::RequireAny),
        "VerifyClientCertIfGiven" => Some(ClientAuth::VerifyIfGiven),
        "RequireAndVerifyClientCert" => Some(ClientAuth::RequireAndVerify),
        _ => None,
    },
};

pub(super) const TLS_VERSION: Kind<TlsVersion> = Kind {
    allowed: "TLS12 or TLS13; TLS 1.0 and 1.1 are broken and not spoken",
    parse: |text| match text {
        "TLS12" => Some(TlsVersion::Tls12),
        "TLS13" => Some(TlsVersion::Tls13),
        _ => None,
    },
};

/// The names that Go takes. Those with CBC are valid in a file and not spoken.
pub(super) const CIPHER_SUITE: Kind<String> = Kind {
    allowed: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, \
              TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, \
              TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, \
              TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, and, \
              passed over, TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, \
              TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA or TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    parse: |text| named(text, CIPHER_SUITE.allowed),
};

pub(super) const CURVE: Kind<String> = Kind {
    allowed: "CurveP256, CurveP384, X25519, and, passed over, CurveP521",
    parse: |text| named(text, CURVE.allowed),
};

/// One of the words of a sentence that lists them.
fn named(text: &str, allowed: &str) -> Option<String> {
    let is_named = allowed.split([',', ' ']).any(|word| word == text);
    (is_named && text.starts_with(|first: char| first.is_ascii_uppercase())).then(|| text.to_owned())
}
