//! Others that serve the same page.

use std::{
    collections::BTreeMap, convert::Infallible, env, fs, net::TcpListener, path::Path, process::Command, time::Duration,
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, header, service::service_fn};
use hyper_util::rt::TokioIo;
use prometheus::{Encoder as _, GaugeVec, Opts, Registry, TextEncoder};
use testbed::{Page, Process};

/// nginx with one worker and the page as a file, and compressed beside it.
pub(crate) struct Nginx {
    process: Process,
    address: String,
}

impl Nginx {
    pub(crate) async fn start(folder: &Path) -> Self {
        let page = fs::read(folder.join("metrics")).expect("the page");
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        std::io::Write::write_all(&mut packed, &page).expect("a Vec");
        fs::write(folder.join("metrics.gz"), packed.finish().expect("a Vec")).expect("the folder can be written");
        let address = free_address();
        let root = folder.display();
        let config = format!(
            "daemon off; master_process off; error_log stderr; pid {root}/nginx.pid;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; gzip_static on;\n\
             client_body_temp_path {root}/a; proxy_temp_path {root}/b; fastcgi_temp_path {root}/c;\n\
             uwsgi_temp_path {root}/d; scgi_temp_path {root}/e;\n\
             default_type 'text/plain; version=0.0.4; charset=utf-8';\n\
             server {{ listen {address}; root {root}; }} }}\n"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, config).expect("the folder can be written");
        // The worker of another user must be able to read it.
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("our folder");
        let mut command = Command::new("nginx");
        command.arg("-c").arg(file).arg("-p").arg(folder);
        let process = Process::start("nginx", &command).expect("nginx is installed");
        let up = testbed::wait::until(Duration::from_secs(20), async || {
            tokio::net::TcpStream::connect(&address).await.map(drop).map_err(|error| error.to_string())
        });
        up.await.unwrap_or_else(|error| panic!("nginx: {error}: {}", process.log()));
        Self { process, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// A library that encodes the series at every scrape.
pub(crate) struct Peer {
    process: Process,
    address: String,
}

/// The series as they are parsed from the page, of a collector of the library's own kind.
const PYTHON: &str = r#"
import signal, sys
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(open(sys.argv[1]).read()))
class Keys:
    def collect(self):
        return families
registry = CollectorRegistry()
registry.register(Keys())
server, _ = start_http_server(0, "127.0.0.1", registry)
print("listening address=127.0.0.1:%d" % server.server_port, flush=True)
signal.pause()
"#;

impl Peer {
    pub(crate) async fn of_the_crate(page: &Path) -> Self {
        let mut command = Command::new(env::current_exe().expect("our own path"));
        command.arg("--serve").arg(page);
        Self::start("the prometheus crate", &command).await
    }

    pub(crate) async fn of_python(page: &Path, folder: &Path) -> Self {
        let script = folder.join("peer.py");
        fs::write(&script, PYTHON).expect("the folder can be written");
        let mut command = Command::new("target/tools/prometheus-client/bin/python");
        command.arg(script).arg(page);
        Self::start("prometheus_client", &command).await
    }

    async fn start(name: &str, command: &Command) -> Self {
        let mut process = Process::start(name, command).expect("it can be started");
        let address = process.address("listening").await.unwrap_or_else(|error| panic!("{error}"));
        Self { process, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// The same series in gauges of the crate, encoded at every scrape.
pub(crate) async fn serve_by_the_crate(page: &Path) {
    let page = fs::read_to_string(page).expect("the page");
    let page = Page::parse(&page).expect("a page");
    let registry = registry(&page);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("listening address={}", listener.local_addr().expect("an address"));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let registry = registry.clone();
        connections.spawn(async move {
            let answer = service_fn(|request: Request<Incoming>| {
                let in_gzip = request.headers().get(header::ACCEPT_ENCODING).is_some_and(|coding| coding == "gzip");
                let body = encoded(&registry, in_gzip);
                async move { Ok::<_, Infallible>(answer(body, in_gzip)) }
            });
            drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await);
        });
    }
}

fn answer(body: Vec<u8>, in_gzip: bool) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.into()));
    if in_gzip {
        answer.headers_mut().insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
    }
    answer
}

fn encoded(registry: &Registry, in_gzip: bool) -> Vec<u8> {
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text).expect("a Vec");
    if !in_gzip {
        return text;
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut packed, &text).expect("a Vec");
    packed.finish().expect("a Vec")
}

/// Families whose series have different labels become one for each set of labels.
fn registry(page: &Page) -> Registry {
    let registry = Registry::new();
    let mut gauges: BTreeMap<(String, Vec<String>), GaugeVec> = BTreeMap::new();
    for sample in page.samples() {
        let (names, values): (Vec<&str>, Vec<&str>) =
            sample.labels.iter().map(|(name, value)| (&**name, &**value)).unzip();
        let key = (sample.name.clone(), names.iter().map(|name| (*name).to_owned()).collect());
        let gauge = gauges.entry(key).or_insert_with(|| {
            let gauge = GaugeVec::new(Opts::new(&sample.name, "As in the exporter."), &names).expect("valid names");
            // A second set of labels under the same name is refused: those are a handful.
            drop(registry.register(Box::new(gauge.clone())));
            gauge
        });
        gauge.with_label_values(&values).set(sample.value);
    }
    registry
}

fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.expect("a free port").to_string()
}
