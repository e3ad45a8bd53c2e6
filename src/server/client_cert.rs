//! Whose certificates of clients are good enough.

use std::{fmt, net::IpAddr, sync::Arc};

use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms},
    pki_types::{CertificateDer, UnixTime},
    server::{
        NoClientAuth, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use tracing::warn;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _};

use super::tls::{TlsError, certificates};
use crate::config::web::{ClientAuth, Pem, Tls};

/// What the web configuration asks of clients.
pub(super) fn verifier(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let any = || Arc::new(Anybody { auth: tls.client_auth, algorithms: provider.signature_verification_algorithms });
    let inner: Arc<dyn ClientCertVerifier> = match (tls.client_auth, &tls.client_ca) {
        (ClientAuth::None, _) => return Ok(Arc::new(NoClientAuth)),
        (auth, ca) if auth.verifies() => signed_by(&roots(ca.as_ref())?, auth, provider)?,
        _ => any(),
    };
    if tls.client_allowed_sans.is_empty() {
        return Ok(inner);
    }
    Ok(Arc::new(Named { inner, allowed: tls.client_allowed_sans.clone() }))
}

fn signed_by(
    roots: &Arc<RootCertStore>,
    auth: ClientAuth,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let builder = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
    let builder = if auth.requires() { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|source| TlsError::NoAuthority { source })
}

/// As in Go, without a client CA the system says whom to believe.
fn roots(ca: Option<&Pem>) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    let Some(ca) = ca else {
        warn!("without client_ca_file, certificates of every authority that this system believes are let in");
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(Arc::new(roots));
    };
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|source| TlsError::ClientCa { ca: ca.to_string(), source })?;
    }
    Ok(Arc::new(roots))
}

/// Go's `RequestClientCert` and `RequireAnyClientCert`: whoever has the key of the certificate shown.
#[derive(Debug)]
struct Anybody {
    auth: ClientAuth,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        self.auth.requires()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// `client_allowed_sans`: one of these names must be in the certificate, letter by letter.
#[derive(Debug)]
struct Named {
    inner: Arc<dyn ClientCertVerifier>,
    allowed: Vec<String>,
}

impl Named {
    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let extension = parsed.subject_alternative_name().map_err(|_| CertificateError::BadEncoding)?;
        let names = extension.iter().flat_map(|extension| &extension.value.general_names).filter_map(spoken);
        let presented: Vec<String> = names.collect();
        if presented.iter().any(|name| self.allowed.contains(name)) {
            return Ok(());
        }
        let stranger = Stranger { allowed: self.allowed.clone(), presented };
        Err(CertificateError::Other(OtherError(Arc::new(stranger))).into())
    }
}

fn spoken(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
        _ => None,
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// Nobody that is let in.
struct Stranger {
    allowed: Vec<String>,
    presented: Vec<String>,
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the client's certificate names {:?}, allowed is one of {:?}", self.presented, self.allowed)
    }
}

/// The same sentence: that is how rustls shows it.
impl fmt::Debug for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Stranger {}

impl ClientCertVerifier for Named {
    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(end_entity, intermediates, now)?;
        self.check(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
