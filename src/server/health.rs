//! The `healthcheck` command: asks a running exporter, as it was told to listen, whether it lives, or is ready.
//!
//! For containers that have no other program in them. An answer that asks for a password or a
//! certificate is one of somebody who lives; nothing but that is asked, so nobody's certificate is checked.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, ClientConfig, DigitallySignedStruct, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, aws_lc_rs},
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};

use super::{
    address::host_and_port,
    routes::{HEALTHY, READY},
};

/// Docker and Kubernetes wait longer than this unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(4);

/// Served, no password given, asked too often: said by one who lives.
const ALIVE: [&[u8]; 3] = [b"HTTP/1.1 200", b"HTTP/1.1 401", b"HTTP/1.1 429"];

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether it lives.
    Healthy,
    /// Whether every account was tried once as well.
    Ready,
}

/// How the exporter speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// HTTP.
    Plain,
    /// HTTPS.
    Tls,
}

/// Nobody lives there, or nobody who is ready.
#[derive(Debug, thiserror::Error)]
#[error("asking {address:?} for {path}")]
pub struct NotHealthy {
    address: String,
    path: &'static str,
    source: io::Error,
}

impl Question {
    fn path(self) -> &'static str {
        match self {
            Self::Healthy => HEALTHY,
            Self::Ready => READY,
        }
    }
}

/// Returns if the answer is yes, in one of these ways of speaking.
///
/// # Errors
/// When it does not answer, or otherwise than one who lives.
pub async fn check(address: &str, question: Question, speech: &[Speech]) -> Result<(), NotHealthy> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "not HOST:PORT");
    for way in speech {
        let asked = timeout(PATIENCE, ask(address, question.path(), *way)).await;
        match asked.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer within 4s"))) {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(NotHealthy { address: address.to_owned(), path: question.path(), source: last })
}

async fn ask(address: &str, path: &str, speech: Speech) -> io::Result<()> {
    let stream = connect(address).await?;
    match speech {
        Speech::Plain => talk(path, stream).await,
        Speech::Tls => {
            let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
            let stream = TlsConnector::from(Arc::new(trusting()?)).connect(name, stream).await;
            let answer = match stream {
                Ok(stream) => talk(path, stream).await,
                Err(error) => Err(error),
            };
            answer.or_else(|error| if wants_certificate(&error) { Ok(()) } else { Err(error) })
        }
    }
}

async fn connect(address: &str) -> io::Result<TcpStream> {
    let not_an_address = || io::Error::new(io::ErrorKind::InvalidInput, "not HOST:PORT");
    match host_and_port(address).ok_or_else(not_an_address)? {
        ("", port) => match TcpStream::connect(("127.0.0.1", port)).await {
            Err(_) => TcpStream::connect(("::1", port)).await,
            connected => connected,
        },
        (host, port) => TcpStream::connect((host, port)).await,
    }
}

async fn talk(path: &str, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; ALIVE[0].len()];
    stream.read_exact(&mut answer).await?;
    if ALIVE.contains(&&answer[..]) {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("found {:?}", String::from_utf8_lossy(&answer))))
    }
}

fn trusting() -> io::Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))).with_no_client_auth())
}

/// In TLS 1.3 the line is made before the certificate is asked for; closed then, our request can be answered
/// by a reset that overtakes the alert.
fn wants_certificate(error: &io::Error) -> bool {
    if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) {
        return true;
    }
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired)))
}

/// Takes any certificate: who asks wants to know whether somebody lives, not who.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
