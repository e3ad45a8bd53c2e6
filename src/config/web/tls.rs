//! What the web configuration says of TLS.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::config::{
    section::Section,
    value::{CIPHER_SUITE, CLIENT_AUTH, CURVE, GO_YES_NO, NAME, PATH, PEM, TLS_VERSION},
};

/// How the line is encrypted, and whose certificate is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate and those above it.
    pub certificate: Pem,
    /// The key of the certificate.
    pub key: Pem,
    /// Whose certificates of clients are believed; where that is checked and none is given, the system's.
    pub client_ca: Option<Pem>,
    /// What is asked of clients.
    pub client_auth: ClientAuth,
    /// One of these must be a name in the client's certificate; all may where empty.
    pub client_allowed_sans: Vec<String>,
    /// The oldest version spoken.
    pub min_version: TlsVersion,
    /// The newest version spoken.
    pub max_version: TlsVersion,
    /// Go names, for TLS 1.2; all that are good where empty.
    pub cipher_suites: Vec<String>,
    /// Go names, the preferred first; all that are good where empty.
    pub curves: Vec<String>,
}

/// PEM text, and where it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// The key of the configuration that gave it.
    pub key: &'static str,
    /// The file; none for text in the configuration itself.
    pub file: Option<PathBuf>,
    /// The text. May hold a private key: never to be shown.
    pub text: Vec<u8>,
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pem").field("key", &self.key).field("file", &self.file).finish_non_exhaustive()
    }
}

impl std::fmt::Display for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{} {:?}", self.key, file.display().to_string()),
            None => f.write_str(self.key),
        }
    }
}

/// What is asked of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nothing.
    None,
    /// A certificate; none and any will do.
    Request,
    /// A certificate; any will do.
    RequireAny,
    /// If there is a certificate, it must be of the client CA.
    VerifyIfGiven,
    /// A certificate of the client CA.
    RequireAndVerify,
}

impl ClientAuth {
    /// Whether clients without a certificate of the client CA are sent away.
    #[must_use]
    pub fn refuses_strangers(self) -> bool {
        self == Self::RequireAndVerify
    }

    /// Whether the client CA is asked.
    #[must_use]
    pub fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }

    /// Whether clients without a certificate are sent away.
    #[must_use]
    pub fn requires(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }
}

/// A version of TLS that is not broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl Tls {
    /// The files that it was read from.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let all = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        all.into_iter().flatten().filter_map(|pem| pem.file.clone()).collect()
    }
}

/// Keys whose text may be left empty, as those who fill in templates do.
const MAY_BE_EMPTY: [&str; 6] = ["cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file"];

/// The section; `None` if it is empty, and where it is wrong.
pub(super) fn read(section: &mut Section<'_>, folder: &Path) -> Option<Tls> {
    if section.is_empty() {
        return None;
    }
    section.forget_empty(&MAY_BE_EMPTY);
    let certificate = pem(section, folder, "cert", "cert_file");
    let key = pem(section, folder, "key", "key_file");
    let client_ca = pem(section, folder, "client_ca", "client_ca_file");
    let (mut client_auth, mut prefers_server) = (ClientAuth::None, true);
    let (mut min_version, mut max_version) = (TlsVersion::Tls12, TlsVersion::Tls13);
    section.set("client_auth_type", &CLIENT_AUTH, &mut client_auth);
    section.set("min_version", &TLS_VERSION, &mut min_version);
    section.set("max_version", &TLS_VERSION, &mut max_version);
    // Without effect in Go as well since 1.17.
    section.set("prefer_server_cipher_suites", &GO_YES_NO, &mut prefers_server);
    let values = |list: Vec<(_, String)>| list.into_iter().map(|(_, value)| value).collect();
    let cipher_suites = values(section.list("cipher_suites", &CIPHER_SUITE));
    let curves = values(section.list("curve_preferences", &CURVE));
    let client_allowed_sans: Vec<String> = values(section.list("client_allowed_sans", &NAME));
    demand_one_of(section, "cert", "cert_file");
    demand_one_of(section, "key", "key_file");
    if let Some(place) = section.place(&["max_version", "min_version"]).filter(|_| min_version > max_version) {
        section.refuse(place, "max_version", "found TLS12, allowed is no less than min_version, which is TLS13");
    }
    refuse_half_checks(section, client_auth, &client_allowed_sans);
    let (certificate, key) = (certificate?, key?);
    Some(Tls {
        certificate,
        key,
        client_ca,
        client_auth,
        client_allowed_sans,
        min_version,
        max_version,
        cipher_suites,
        curves,
    })
}

/// Checks that look as if they kept people out, and do not.
fn refuse_half_checks(section: &mut Section<'_>, auth: ClientAuth, sans: &[String]) {
    if let (Some(place), ClientAuth::None) = (section.place(&["client_ca", "client_ca_file"]), auth) {
        section.refuse(
            place,
            "client_auth_type",
            "missing beside a client CA: nobody would be asked for a certificate",
        );
    }
    if let (Some(place), false, ClientAuth::None) = (section.place(&["client_allowed_sans"]), sans.is_empty(), auth) {
        section.refuse(place, "client_allowed_sans", "needs a client_auth_type that asks for a certificate");
    }
}

fn demand_one_of(section: &mut Section<'_>, text: &str, file: &str) {
    if section.place(&[text, file]).is_none() {
        section.refuse_whole(&format!("{file} is missing: without it nothing is encrypted"));
    }
}

/// Text from the configuration or from a file, not both.
fn pem(section: &mut Section<'_>, folder: &Path, text_key: &'static str, file_key: &'static str) -> Option<Pem> {
    let (mut text, mut file) = (None, None);
    section.set_some(text_key, &PEM, &mut text);
    section.set_some(file_key, &PATH, &mut file);
    match (text, file) {
        (Some(_), Some(_)) => {
            let place = section.place(&[file_key])?;
            section.refuse(place, file_key, &format!("found beside {text_key}, allowed is one of them"));
            None
        }
        (Some(text), None) => Some(Pem { key: text_key, file: None, text: text.into_bytes() }),
        (None, file) => read_file(section, file_key, folder.join(file?)),
    }
}

fn read_file(section: &mut Section<'_>, key: &'static str, file: PathBuf) -> Option<Pem> {
    match fs::read(&file) {
        Ok(text) => Some(Pem { key, file: Some(file), text }),
        Err(error) => {
            let place = section.place(&[key])?;
            section.refuse_file(place, key, file, &error);
            None
        }
    }
}
