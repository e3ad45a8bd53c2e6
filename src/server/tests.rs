//! The whole server over loopback, asked by a client that knows only TCP.

use std::{
    io::Read as _,
    sync::{Mutex, mpsc as blocking},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
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

#[tokio::test]
async fn a_scrape_gets_the_parts_as_one_page_of_the_text_format() {
    let server = start_small().await;
    let answer = server.ask("GET", "/metrics").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8; escaping=underscores"));
    assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.text(), "up 1\ndown 0\n");
    server.end().await;
}

#[tokio::test]
async fn a_scrape_that_asks_for_gzip_gets_the_same_page_in_gzip() {
    let server = start_small().await;
    let answer = server.ask_with("GET", "/metrics", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
    let mut page = String::new();
    flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut page).unwrap();
    assert_eq!(page, "up 1\ndown 0\n");
    server.end().await;
}

#[tokio::test]
async fn head_gets_the_head_of_what_get_gets() {
    let server = start_small().await;
    let answer = server.ask("HEAD", "/metrics").await;
    assert_eq!((answer.status(), answer.header("content-length")), (200, Some("12")));
    assert!(answer.body.is_empty());
    server.end().await;
}

#[tokio::test]
async fn the_status_page_is_html_that_may_load_and_run_nothing() {
    let server = start_small().await;
    let answer = server.ask("GET", "/").await;
    assert_eq!((answer.status(), answer.text()), (200, "<!doctype html><title>site </title>"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let policy = "default-src 'none'; style-src 'sha256-gG2yISYereRMiG2lMXrbiUgi0Ubw9p7QCeWcroOvy9Y='; \
                  form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    assert_eq!(answer.header("content-security-policy"), Some(policy));
    assert_eq!(
        (answer.header("cache-control"), answer.header("referrer-policy")),
        (Some("no-store"), Some("no-referrer"))
    );
    assert_eq!(server.ask("GET", "/?a=%3Cb&c").await.text(), "<!doctype html><title>site a=%3Cb&c</title>");
    server.end().await;
}

#[tokio::test]
async fn metrics_at_the_root_take_the_place_of_the_status_page() {
    let at_root = Settings { telemetry_path: "/".to_owned(), ..settings() };
    let server = start(small_site(), at_root, Limits::default()).await;
    assert_eq!(server.ask("GET", "/").await.text(), "up 1\ndown 0\n");
    assert_eq!(server.ask("GET", "/metrics").await.status(), 404);
    server.end().await;
}

#[tokio::test]
async fn health_is_told_always_and_readiness_when_there_is_something_to_scrape() {
    let ready = start_small().await;
    let healthy = ready.ask("GET", "/-/healthy").await;
    assert_eq!((healthy.status(), healthy.text()), (200, "Healthy\n"));
    let answer = ready.ask("GET", "/-/ready").await;
    assert_eq!((answer.status(), answer.text()), (200, "Ready\n"));
    ready.end().await;

    let unready = start(TestSite::default(), settings(), Limits::default()).await;
    let answer = unready.ask("GET", "/-/ready").await;
    assert_eq!((answer.status(), answer.text()), (503, "Not ready: there is nothing to scrape yet.\n"));
    assert_eq!(unready.ask("GET", "/-/healthy").await.status(), 200);
    unready.end().await;
}

#[tokio::test]
async fn only_exact_paths_are_served() {
    let server = start_small().await;
    for path in ["/metrics/", "/index.html", "//", "/-/", "/favicon.ico"] {
        assert_eq!(server.ask("GET", path).await.status(), 404, "{path}");
    }
    assert_eq!(server.ask("GET", "/metrics?name=x").await.status(), 200);
    server.end().await;
}

#[tokio::test]
async fn other_methods_are_told_which_are_allowed() {
    let server = start_small().await;
    for path in ["/", "/metrics", "/-/healthy", "/-/ready"] {
        let answer = server.ask("POST", path).await;
        assert_eq!((answer.status(), answer.header("allow")), (405, Some("GET, HEAD")), "{path}");
    }
    assert_eq!(server.ask("POST", "/nothing").await.status(), 404);
    server.end().await;
}

#[tokio::test]
async fn one_scrape_too_many_is_refused_at_once_and_the_next_one_served() {
    let (site, mut begun, leave) = held_site();
    let one = Settings { max_requests: 1, ..settings() };
    let server = start(site, one, Limits::default()).await;
    let mut first = server.connect().await;
    send(&mut first, KEEP_ALIVE_SCRAPE).await;
    begun.recv().await.unwrap();
    assert_eq!(server.ask("GET", "/metrics").await.status(), 503);
    assert_eq!(server.ask("GET", "/-/healthy").await.status(), 200);
    leave.send(()).unwrap();
    assert_eq!(read_one(&mut first).await.status(), 200);
    leave.send(()).unwrap();
    assert_eq!(server.ask("GET", "/metrics").await.status(), 200);
    server.end().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_makes_no_room_while_its_page_is_being_made() {
    let (site, mut begun, leave) = held_site();
    let one = Settings { max_requests: 1, ..settings() };
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = start(site, one, limits).await;
    let mut first = server.connect().await;
    send(&mut first, KEEP_ALIVE_SCRAPE).await;
    begun.recv().await.unwrap();
    drop(first);
    // The only connection is given to the second client after the first is gone.
    assert_eq!(server.ask("GET", "/metrics").await.status(), 503);
    leave.send(()).unwrap();
    server.end().await;
}

#[tokio::test]
async fn without_a_limit_scrapes_run_side_by_side() {
    let (site, mut begun, leave) = held_site();
    let unlimited = Settings { max_requests: 0, ..settings() };
    let server = start(site, unlimited, Limits::default()).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    send(&mut first, KEEP_ALIVE_SCRAPE).await;
    send(&mut second, KEEP_ALIVE_SCRAPE).await;
    begun.recv().await.unwrap();
    begun.recv().await.unwrap();
    leave.send(()).unwrap();
    leave.send(()).unwrap();
    assert_eq!(read_one(&mut first).await.status(), 200);
    assert_eq!(read_one(&mut second).await.status(), 200);
    server.end().await;
}

#[tokio::test]
async fn stopping_finishes_the_request_in_flight_and_closes_idle_connections() {
    let (site, mut begun, leave) = held_site();
    let server = start(site, settings(), Limits::default()).await;
    let mut idle = server.connect().await;
    send(&mut idle, "GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n").await;
    assert_eq!(read_one(&mut idle).await.status(), 200);
    let mut in_flight = server.connect().await;
    send(&mut in_flight, KEEP_ALIVE_SCRAPE).await;
    begun.recv().await.unwrap();

    server.stop.cancel();
    assert!(read_to_the_end(&mut idle).await.is_empty());
    assert!(!server.serving.is_finished());
    timeout(PATIENCE, refusal(server.address)).await.expect("nobody is let in any more");
    leave.send(()).unwrap();
    let answer = parse(&read_to_the_end(&mut in_flight).await);
    assert_eq!((answer.status(), answer.header("connection")), (200, Some("close")));
    assert_eq!(answer.text(), "up 1\ndown 0\n");
    server.end().await;
}

#[tokio::test]
async fn whoever_connected_before_a_reload_is_answered_once_more() {
    let server = start_small().await;
    let mut silent = server.connect().await;
    let mut idle = server.connect().await;
    send(&mut idle, KEEP_ALIVE_SCRAPE).await;
    assert_eq!(read_one(&mut idle).await.status(), 200);
    let front = Front::new(&WebConfig::default()).unwrap();
    server.fronts.swap(Arc::new(front)).retire();
    assert!(read_to_the_end(&mut idle).await.is_empty());
    send(&mut silent, KEEP_ALIVE_SCRAPE).await;
    let answer = parse(&read_to_the_end(&mut silent).await);
    // On a busy machine it is let in only after the reload, and may stay.
    assert_eq!(answer.status(), 200);
    assert!(answer.header("connection").is_none_or(|word| word == "close"));
    server.end().await;
}

#[tokio::test]
async fn whoever_connects_after_a_long_silence_is_answered() {
    let limits = Limits { answer: Duration::from_millis(200), ..Limits::default() };
    let server = start(small_site(), settings(), limits).await;
    sleep(3 * limits.answer).await;
    for _ in 0..2 {
        let mut client = server.connect().await;
        let mut idle = server.connect().await;
        send(&mut idle, KEEP_ALIVE_SCRAPE).await;
        assert_eq!(read_one(&mut idle).await.status(), 200);
        send(&mut client, KEEP_ALIVE_SCRAPE).await;
        assert_eq!(read_one(&mut client).await.status(), 200);
    }
    server.end().await;
}

#[tokio::test]
async fn a_request_that_outlasts_the_grace_time_does_not_hold_up_the_end() {
    let (site, mut begun, leave) = held_site();
    let limits = Limits { grace: Duration::from_millis(50), ..Limits::default() };
    let server = start(site, settings(), limits).await;
    let mut endless = server.connect().await;
    send(&mut endless, KEEP_ALIVE_SCRAPE).await;
    begun.recv().await.unwrap();
    server.end().await;
    assert!(read_to_the_end(&mut endless).await.is_empty());
    leave.send(()).unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_request_is_cut_off() {
    let limits = Limits { request_head: Duration::from_millis(50), ..Limits::default() };
    let server = start(small_site(), settings(), limits).await;
    let mut slow = server.connect().await;
    send(&mut slow, "GET /metrics HTTP/1.1\r\nHo").await;
    assert!(!String::from_utf8(read_to_the_end(&mut slow).await).unwrap().contains("200 OK"));
    server.end().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_page_loses_its_place_to_the_next() {
    let more_than_the_kernel_buffers = vec![Arc::new(Part::new(vec![b'x'; 64 << 20]))];
    let big = TestSite { page: more_than_the_kernel_buffers, ..small_site() };
    let one = Settings { max_requests: 1, ..settings() };
    let limits = Limits { answer: Duration::from_millis(500), connections: 1, ..Limits::default() };
    let server = start(big, one, limits).await;
    let mut slow = server.connect().await;
    send(&mut slow, KEEP_ALIVE_SCRAPE).await;
    slow.readable().await.unwrap();
    let next = timeout(PATIENCE, server.ask("HEAD", "/metrics")).await.expect("the slow reader is cut off");
    assert_eq!(next.status(), 200);
    assert!(read_to_the_end(&mut slow).await.len() < 64 << 20);
    server.end().await;
}

#[tokio::test]
async fn a_scrape_whose_making_fails_is_an_error_and_the_server_goes_on() {
    let (site, _begun, leave) = held_site();
    drop(leave);
    let server = start(site, settings(), Limits::default()).await;
    assert_eq!(server.ask("GET", "/metrics").await.status(), 500);
    assert_eq!(server.ask("GET", "/-/healthy").await.status(), 200);
    server.end().await;
}

#[tokio::test]
async fn what_is_not_http_gets_an_error_and_the_server_goes_on() {
    let server = start_small().await;
    let endless_head = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    for nonsense in ["\u{16}\u{3}\u{1}nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", &endless_head] {
        let mut stream = server.connect().await;
        // The server may hang up while we are still talking.
        drop(stream.write_all(nonsense.as_bytes()).await);
        let answer = String::from_utf8(read_to_the_end(&mut stream).await).unwrap();
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    assert_eq!(server.ask("GET", "/-/healthy").await.status(), 200);
    server.end().await;
}

#[tokio::test]
async fn every_address_is_listened_on() {
    let two = Settings { listen_addresses: vec!["127.0.0.1:0".to_owned(), ":0".to_owned()], ..settings() };
    let bound = Bound::bind(two).await.unwrap();
    let addresses = bound.addresses();
    let fronts = Arc::new(ArcSwap::from_pointee(Front::new(&WebConfig::default()).unwrap()));
    let stop = CancellationToken::new();
    let asking = async {
        for address in addresses {
            let mut stream = TcpStream::connect(("127.0.0.1", address.port())).await.unwrap();
            send(&mut stream, KEEP_ALIVE_SCRAPE).await;
            assert_eq!(read_one(&mut stream).await.status(), 200);
        }
        stop.cancel();
    };
    tokio::join!(bound.serve(Arc::new(small_site()), fronts, stop.clone()), asking);
}

#[tokio::test]
async fn a_telemetry_path_nobody_can_ask_for_is_refused_before_anything_listens() {
    let error = Bound::bind(Settings { telemetry_path: "metrics".to_owned(), ..settings() }).await.unwrap_err();
    assert!(error.to_string().starts_with("telemetry path \"metrics\" cannot be served; allowed is"), "{error}");
}
