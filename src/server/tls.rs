//! TLS as the web configuration wants it.

use std::sync::Arc;

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, CipherSuite, NamedGroup, ServerConfig, SupportedProtocolVersion,
        crypto::{CryptoProvider, aws_lc_rs},
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject as _},
        },
        server::VerifierBuilderError,
        version::{TLS12, TLS13},
    },
};

use super::client_cert;
use crate::config::web::{Pem, Tls, TlsVersion};

/// Why the line cannot be protected as configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text is not what it should be.
    #[error("{pem} holds no {wanted} in PEM")]
    Pem {
        /// Which.
        pem: String,
        /// What should have been there.
        wanted: &'static str,
        /// What the parser said, if anything stood there at all.
        source: Option<pem::Error>,
    },
    /// Certificate and key were read, but do not go together, or are not understood.
    #[error("using {certificate} with {key}")]
    Pair {
        /// Which certificate.
        certificate: String,
        /// Which key.
        key: String,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// A client CA is not one.
    #[error("using {ca} to check the certificates of clients")]
    ClientCa {
        /// Which.
        ca: String,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// There is nobody to believe.
    #[error("checking the certificates of clients: client_ca_file is missing, and this system believes no authority")]
    NoAuthority {
        /// What the library said.
        source: VerifierBuilderError,
    },
    /// Versions, suites and curves leave nothing over.
    #[error("tls_server_config: no line can be agreed on with these versions, cipher_suites and curve_preferences")]
    NothingLeft {
        /// What is missing.
        source: Option<rustls::Error>,
    },
}

/// What greets clients.
pub(super) fn acceptor(tls: &Tls, has_http2: bool) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(provider(tls)?);
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions(tls))
        .map_err(|source| TlsError::NothingLeft { source: Some(source) })?
        .with_client_cert_verifier(client_cert::verifier(tls, &provider)?);
    let key = PrivateKeyDer::from_pem_slice(&tls.key.text).map_err(|error| no(&tls.key, "private key", error))?;
    let mut config = builder.with_single_cert(certificates(&tls.certificate)?, key).map_err(|source| {
        let (certificate, key) = (tls.certificate.to_string(), tls.key.to_string());
        TlsError::Pair { certificate, key, source }
    })?;
    let protocols: &[&[u8]] = if has_http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config).into())
}

/// All certificates of a text, of which there is at least one.
pub(super) fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.text).collect();
    let all = all.map_err(|error| no(pem, "certificate", error))?;
    if all.is_empty() {
        return Err(TlsError::Pem { pem: pem.to_string(), wanted: "certificate", source: None });
    }
    Ok(all)
}

fn no(pem: &Pem, wanted: &'static str, error: pem::Error) -> TlsError {
    let source = Some(error).filter(|error| !matches!(error, pem::Error::NoItemsFound));
    TlsError::Pem { pem: pem.to_string(), wanted, source }
}

fn versions(tls: &Tls) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::Tls13, &TLS13), (TlsVersion::Tls12, &TLS12)];
    let wanted = all.into_iter().filter(|(version, _)| (tls.min_version..=tls.max_version).contains(version));
    wanted.map(|(_, version)| version).collect()
}

/// As in Go, the configured suites are those of TLS 1.2: all of TLS 1.3 are good.
/// What the library does not speak (CBC, P-521) is valid in a file and passed over.
fn provider(tls: &Tls) -> Result<CryptoProvider, TlsError> {
    let mut provider = aws_lc_rs::default_provider();
    if !tls.cipher_suites.is_empty() {
        let wanted = |suite: CipherSuite| tls.cipher_suites.iter().any(|name| suite.as_str() == Some(name));
        provider.cipher_suites.retain(|suite| suite.tls13().is_some() || wanted(suite.suite()));
    }
    if !tls.curves.is_empty() {
        let groups = provider.kx_groups;
        let named = tls.curves.iter().filter_map(|name| group(name));
        provider.kx_groups =
            named.filter_map(|name| groups.iter().find(|group| group.name() == name).copied()).collect();
    }
    if provider.kx_groups.is_empty() {
        return Err(TlsError::NothingLeft { source: None });
    }
    Ok(provider)
}

fn group(name: &str) -> Option<NamedGroup> {
    match name {
        "CurveP256" => Some(NamedGroup::secp256r1),
        "CurveP384" => Some(NamedGroup::secp384r1),
        "X25519" => Some(NamedGroup::X25519),
        _ => None,
    }
}
