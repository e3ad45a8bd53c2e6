//! Who may ask, and how the line is protected: the web configuration file of Prometheus
//! exporters (exporter-toolkit, docs/web-configuration.md).
//!
//! A file that is good there is good here, and one that is bad there is bad here, but for what would
//! leave a door open, or let nobody in, without a word: TLS settings that do not switch TLS on, inline
//! text beside a file, a rate limit that lets nothing pass, versions of TLS that are broken.

mod tls;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

pub use tls::{ClientAuth, Pem, Tls, TlsVersion};

use super::{
    error::{ConfigError, Mistake},
    section::Section,
    value::{BURST, GO_YES_NO, TEXT, WAIT},
};

/// The web configuration, valid as far as text can be.
#[derive(Clone, Debug, PartialEq)]
pub struct WebConfig {
    /// None: plain HTTP.
    pub tls: Option<Tls>,
    /// Whether HTTP/2 is offered over TLS.
    pub has_http2: bool,
    /// Sent with every answer.
    pub headers: Vec<(String, String)>,
    /// Name and bcrypt hash; empty: everybody may ask.
    pub users: Vec<(String, String)>,
    /// None: as often as they like.
    pub rate_limit: Option<RateLimit>,
    /// Every file that it was read from.
    pub files: Vec<PathBuf>,
}

/// How often requests are answered, all clients together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Allows one more request.
    pub interval: Duration,
    /// So many at once after a rest.
    pub burst: usize,
}

impl Default for WebConfig {
    /// Plain HTTP for everybody.
    fn default() -> Self {
        let (tls, headers, users, rate_limit, files) = Default::default();
        Self { tls, has_http2: true, headers, users, rate_limit, files }
    }
}

impl WebConfig {
    /// Reads a file, and the certificates and keys that it names, relative to its own folder.
    ///
    /// # Errors
    /// When a file cannot be read, and for all mistakes at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let parsed = Self::parse(&text, folder);
        let mut config = parsed.map_err(|mistakes| ConfigError::Mistakes { path: path.to_owned(), mistakes })?;
        config.files.insert(0, path.to_owned());
        Ok(config)
    }

    /// Reads the text of a file; paths in it are relative to `folder`.
    ///
    /// # Errors
    /// All its mistakes, in the order of the file.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Mistake>> {
        super::parse_with(text, |document, mistakes| {
            let mut config = Self::default();
            let mut root = Section::new(String::new(), document, mistakes);
            root.section("tls_server_config", |section| config.tls = tls::read(section, folder));
            root.section("http_server_config", |section| http(section, &mut config));
            config.users = users(&mut root);
            root.section("rate_limit", |section| config.rate_limit = rate_limit(section));
            root.finish();
            config.files = config.tls.iter().flat_map(Tls::files).collect();
            config
        })
    }

    /// Whether anybody who can connect may read everything.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let checks_certificates = self.tls.as_ref().is_some_and(|tls| tls.client_auth.refuses_strangers());
        self.users.is_empty() && !checks_certificates
    }
}

/// The headers that may be set, and their values where there are only few.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-XSS-Protection", &[]),
    ("Strict-Transport-Security", &[]),
];

fn http(section: &mut Section<'_>, config: &mut WebConfig) {
    section.set("http2", &GO_YES_NO, &mut config.has_http2);
    section.section("headers", |section| {
        for (name, values) in HEADERS {
            let mut value = None;
            section.set_some(name, &TEXT, &mut value);
            let Some(value) = value else { continue };
            if let (Some(place), false) = (section.place(&[name]), is_allowed(&value, values)) {
                let allowed = if values.is_empty() { "one line of visible ASCII".into() } else { values.join(" or ") };
                section.refuse(place, name, &format!("found {value:?}, allowed is {allowed}"));
            } else {
                config.headers.push((name.to_owned(), value));
            }
        }
    });
}

fn is_allowed(value: &str, values: &[&str]) -> bool {
    let is_one_line = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if values.is_empty() { is_one_line } else { values.contains(&value) }
}

/// A hash is a secret as well: what was found is not shown.
fn users(root: &mut Section<'_>) -> Vec<(String, String)> {
    let mut users = Vec::new();
    for (place, name, hash) in root.pairs("basic_auth_users") {
        let key = format!("basic_auth_users.{name}");
        match hash {
            Some(_) if name.is_empty() || name.contains(':') => {
                root.refuse(place, &key, "the name of a user is not empty and has no \":\"");
            }
            Some(hash) if is_bcrypt(&hash) => users.push((name, hash)),
            _ => root.refuse(
                place,
                &key,
                "not a bcrypt hash, allowed is what \"htpasswd -nBC 10 NAME\" prints after the colon",
            ),
        }
    }
    users
}

/// Of a cost that bcrypt has: no password would ever fit another.
fn is_bcrypt(hash: &str) -> bool {
    hash.parse::<bcrypt::HashParts>().is_ok_and(|parts| (4..=31).contains(&parts.get_cost()))
}

fn rate_limit(section: &mut Section<'_>) -> Option<RateLimit> {
    let (mut interval, mut burst) = (Duration::ZERO, None);
    section.set("interval", &WAIT, &mut interval);
    section.set_some("burst", &BURST, &mut burst);
    if interval.is_zero() {
        return None;
    }
    section.demand("burst");
    Some(RateLimit { interval, burst: burst? })
}

#[cfg(test)]
mod tests;
