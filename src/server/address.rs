//! From `HOST:PORT` as an operator writes it to a listening socket.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use listenfd::ListenFd;
use tokio::net::TcpListener;

/// Why the server cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Not `HOST:PORT`.
    #[error(
        "listen address {given:?} is not HOST:PORT; allowed are \":10048\" for every interface, \
         \"127.0.0.1:10048\", \"[::1]:10048\" and \"localhost:10048\", with a port up to 65535"
    )]
    Address {
        /// What was written.
        given: String,
    },
    /// The system does not give us the address.
    #[error("listening on {address:?}")]
    Listen {
        /// What was written.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody passed a socket.
    #[error(
        "--web.systemd-socket: no socket was passed; have systemd start the exporter from its .socket unit \
         (LISTEN_FDS and LISTEN_PID are set then), or listen without the flag"
    )]
    NoSocket,
    /// A socket was passed that cannot be served.
    #[error("--web.systemd-socket: using socket {number} of those passed; allowed is ListenStream= with a TCP port")]
    Passed {
        /// Counted from one.
        number: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The path is one that no request can have, or that is ours.
    #[error(
        "telemetry path {path:?} cannot be served; allowed is a plain path such as \"/metrics\", \
         without \"?\", \"#\" or blanks, other than \"/-/healthy\", \"/-/ready\" and \"/-/reload\""
    )]
    TelemetryPath {
        /// What was written.
        path: String,
    },
}

/// Binds one address and tells which it became.
pub(super) async fn listen(wanted: &str) -> Result<(TcpListener, SocketAddr), BindError> {
    let (host, port) = host_and_port(wanted).ok_or_else(|| BindError::Address { given: wanted.to_owned() })?;
    let failed = |source| BindError::Listen { address: wanted.to_owned(), source };
    let bound = match host {
        "" => listen_everywhere(port).await,
        host => TcpListener::bind((host, port)).await,
    };
    let listener = bound.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// The sockets that systemd passed.
pub(super) fn passed() -> Result<Vec<(TcpListener, SocketAddr)>, BindError> {
    let mut sockets = ListenFd::from_env();
    let count = sockets.len();
    if count == 0 {
        return Err(BindError::NoSocket);
    }
    let take = |place| {
        let socket = sockets.take_tcp_listener(place).and_then(|socket| socket.ok_or(io::ErrorKind::NotFound.into()));
        let listener = socket.and_then(|socket| {
            socket.set_nonblocking(true)?;
            TcpListener::from_std(socket)
        });
        let bound = listener.and_then(|listener| listener.local_addr().map(|address| (listener, address)));
        bound.map_err(|source| BindError::Passed { number: place + 1, source })
    };
    (0..count).map(take).collect()
}

/// `[::]` takes IPv4 as well; machines without IPv6 have only `0.0.0.0`.
async fn listen_everywhere(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
        }
        bound => bound,
    }
}

pub(super) fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    // u16 would parse "+80" as well.
    let port = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok())??;
    match host.strip_prefix('[') {
        Some(bracketed) => {
            let host = bracketed.strip_suffix(']')?;
            host.parse::<Ipv6Addr>().ok().map(|_| (host, port))
        }
        None => (!host.contains([':', '/', ']', ' '])).then_some((host, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_of_an_address_is_understood() {
        assert_eq!(host_and_port(":10048"), Some(("", 10048)));
        assert_eq!(host_and_port("127.0.0.1:10048"), Some(("127.0.0.1", 10048)));
        assert_eq!(host_and_port("[::1]:10048"), Some(("::1", 10048)));
        assert_eq!(host_and_port("localhost:0"), Some(("localhost", 0)));
    }

    #[test]
    fn anything_else_is_not_an_address() {
        for wrong in ["", "10048", "localhost", "localhost:", ":65536", ":+80", "::1:80", "[x]:80", "http://a:80"] {
            assert_eq!(host_and_port(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_wrong_address_is_answered_with_the_allowed_forms() {
        let error = listen("10048").await.unwrap_err().to_string();
        assert!(error.starts_with("listen address \"10048\" is not HOST:PORT; allowed are \":10048\""), "{error}");
    }

    #[tokio::test]
    async fn a_taken_port_is_told_with_its_address_and_the_reason() {
        let (_holder, taken) = listen("127.0.0.1:0").await.unwrap();
        let error = listen(&taken.to_string()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("listening on \"{taken}\""));
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("Address already in use"), "{cause}");
    }

    #[tokio::test]
    async fn a_taken_port_on_every_interface_is_not_taken_for_missing_ipv6() {
        let (_holder, taken) = listen(":0").await.unwrap();
        let wanted = format!(":{}", taken.port());
        assert_eq!(listen(&wanted).await.unwrap_err().to_string(), format!("listening on \"{wanted}\""));
    }
}
