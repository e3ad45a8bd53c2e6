//! The whole server over loopback, asked by a client that knows only TCP.

mod answers;
mod patience;

use std::{
    io::Read as _,
    sync::{Mutex, mpsc as blocking},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
    time::{advance, pause, resume, timeout},
};

use super::*;

/// Far more than anything here takes: only a broken promise gets there.
const PATIENCE: Duration = Duration::from_secs(30);

/// A site whose page can be held back while it is being made.
#[derive(Default)]
struct TestSite {
    is_ready: bool,
    page: Vec<Arc<Part>>,
    held: Option<Held>,
}

struct Held {
    begun: mpsc::UnboundedSender<()>,
    go_on: Mutex<blocking::Receiver<()>>,
}

impl Site for TestSite {
    fn metrics(&self, now: SystemTime) -> Vec<Arc<Part>> {
        assert!(now > SystemTime::UNIX_EPOCH);
        if let Some(held) = &self.held {
            held.begun.send(()).unwrap();
            held.go_on.lock().unwrap().recv().unwrap();
        }
        self.page.clone()
    }

    fn status_page(&self, query: &str, _now: SystemTime) -> String {
        format!("<!doctype html><title>site {query}</title>")
    }

    fn style(&self) -> &'static str {
        "p{}"
    }

    fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn reload(&self) -> BoxFuture<'static, Result<(), String>> {
        let outcome = if self.is_ready { Ok(()) } else { Err("it is wrong".to_owned()) };
        Box::pin(async { outcome })
    }
}

fn small_site() -> TestSite {
    let page = ["up 1\n", "down 0\n"].map(|text| Arc::new(Part::new(text))).into();
    TestSite { is_ready: true, page, held: None }
}

/// A site whose scrapes wait, the news that one has begun, and the leave to go on.
fn held_site() -> (TestSite, mpsc::UnboundedReceiver<()>, blocking::Sender<()>) {
    let (begun, has_begun) = mpsc::unbounded_channel();
    let (leave, go_on) = blocking::channel();
    let held = Some(Held { begun, go_on: Mutex::new(go_on) });
    (TestSite { held, ..small_site() }, has_begun, leave)
}

struct Running {
    address: SocketAddr,
    fronts: Fronts,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

async fn start(site: TestSite, settings: Settings, limits: Limits) -> Running {
    start_behind(&WebConfig::default(), site, settings, limits).await
}

async fn start_behind(web: &WebConfig, site: TestSite, settings: Settings, limits: Limits) -> Running {
    let fronts: Fronts = Arc::new(ArcSwap::from_pointee(Front::new(web).unwrap()));
    let mut bound = Bound::bind(settings).await.unwrap();
    bound.limits = limits;
    let address = bound.addresses()[0];
    let stop = CancellationToken::new();
    #[expect(clippy::disallowed_methods, reason = "the test is the owner and awaits it")]
    let serving = tokio::spawn(bound.serve(Arc::new(site), fronts.clone(), stop.clone()));
    Running { address, fronts, stop, serving }
}

async fn start_small() -> Running {
    start(small_site(), settings(), Limits::default()).await
}

fn settings() -> Settings {
    Settings {
        listen_addresses: vec!["127.0.0.1:0".to_owned()],
        systemd_socket: false,
        telemetry_path: "/metrics".to_owned(),
        max_requests: 40,
    }
}

#[derive(Debug)]
struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ask(&self, method: &str, path: &str) -> Answer {
        self.ask_with(method, path, "").await
    }

    async fn ask_with(&self, method: &str, path: &str, headers: &str) -> Answer {
        let mut stream = self.connect().await;
        send(&mut stream, &format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n"))
            .await;
        parse(&read_to_the_end(&mut stream).await)
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.serving).await.expect("the server ends").unwrap();
    }
}

async fn send(stream: &mut TcpStream, request: &str) {
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// Waits until nobody listens there any more.
async fn refusal(address: SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Also where the other side cut the connection: what came before that counts.
async fn read_to_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    drop(timeout(PATIENCE, stream.read_to_end(&mut read)).await.expect("the connection ends"));
    read
}

/// One answer on a connection that stays open.
async fn read_one(stream: &mut TcpStream) -> Answer {
    let mut read = Vec::new();
    loop {
        assert!(timeout(PATIENCE, stream.read_buf(&mut read)).await.expect("an answer comes").unwrap() > 0);
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let answer = parse(&read);
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        if read.len() >= end + 4 + length {
            return answer;
        }
    }
}

fn parse(read: &[u8]) -> Answer {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    Answer { head: String::from_utf8(read[..end].to_vec()).unwrap(), body: read[end + 4..].to_vec() }
}

const KEEP_ALIVE_SCRAPE: &str = "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n";
