//! Requests that no client should send, and files that no operator should write.
//! Seconds from `FUZZ_SECONDS` (`make fuzz-door`), else a few. The same again with the `FUZZ_SEED` that it prints.

use std::{env, fs, path::Path, time::Duration};

use iam_key_exporter::config::web::WebConfig;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{behind, write};

/// What real clients send; everything else is made of it.
const SEEDS: [&[u8]; 8] = [
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n",
    b"GET /?account=111122223333&state=overdue&page=2 HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n",
    b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"GET /-/ready HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YW5uOm9wZW5zZXNhbWU=\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"GET http://a/metrics HTTP/1.0\r\nConnection: keep-alive\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
];

const WORDS: [&[u8]; 12] = [
    b"\r\n",
    b"\n",
    b"\0",
    b"%00",
    b"%",
    b"../",
    b"?state=",
    b"&",
    b"\xff\xfe",
    b"q=1e999",
    b"Content-Length: -1\r\n",
    b"\r\n\r\n",
];

fn number(variable: &str) -> Option<u64> {
    env::var_os(variable).map(|text| text.to_str().and_then(|text| text.parse().ok()).expect(variable))
}

/// A test that fails shows what it printed, and so how to have the same once more.
fn random() -> fastrand::Rng {
    let seed = number("FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("again with FUZZ_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

fn mutated(mut bytes: Vec<u8>, random: &mut fastrand::Rng) -> Vec<u8> {
    for _ in 0..random.usize(0..6) {
        let at = random.usize(0..=bytes.len());
        match random.u8(0..6) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = random.u8(..),
            2 => drop(bytes.splice(at..at, random.choice(WORDS).unwrap().iter().copied())),
            3 => drop(bytes.splice(at..at, vec![random.u8(..); random.usize(0..5_000)])),
            4 => bytes.extend_from_slice(random.choice(SEEDS).unwrap()),
            _ if at < bytes.len() => drop(bytes.remove(at)),
            _ => {}
        }
    }
    bytes
}

/// Sends it, and takes what comes.
async fn send(address: &str, bytes: &[u8]) {
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    drop(stream.write_all(bytes).await);
    drop(stream.shutdown().await);
    let mut answer = vec![0; 4096];
    drop(timeout(Duration::from_millis(200), stream.read(&mut answer)).await);
}

/// Of a password; it would be shown to whoever reads the log.
const HASH: &str = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

/// The corpus of good and bad web configurations, mutated.
#[test]
fn no_web_config_makes_the_parser_panic_or_show_a_secret() {
    let mut random = random();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web_config");
    let files = ["good", "bad"].iter().flat_map(|kind| fs::read_dir(folder.join(kind)).unwrap());
    let texts: Vec<Vec<u8>> = files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    for _ in 0..20_000 {
        let bytes = mutated(random.choice(&texts).unwrap().clone(), &mut random);
        let text = format!("{}\nbasic_auth_users: {{ ann: {HASH} }}\n", String::from_utf8_lossy(&bytes));
        if let Err(mistakes) = WebConfig::parse(&text, Path::new("/nowhere")) {
            let told = mistakes.iter().map(ToString::to_string).collect::<String>();
            assert!(!told.contains(&HASH[..12]), "{text}\n{told}");
        }
    }
}

#[tokio::test]
async fn no_request_makes_it_panic_or_stop_answering() {
    let seconds = number("FUZZ_SECONDS").unwrap_or(3);
    let folder = tempfile::tempdir().unwrap();
    let hash = bcrypt::hash("opensesame", 4).unwrap();
    for web_config in [String::new(), format!("basic_auth_users: {{ ann: {hash} }}")] {
        let (_stub, mut exporter) = behind(&write(folder.path(), "web.yml", &web_config)).await;
        let (mut random, end, mut sent) = (random(), Instant::now() + Duration::from_secs(seconds), 0);
        while Instant::now() < end {
            let requests: Vec<_> =
                (0..16).map(|_| mutated(random.choice(SEEDS).unwrap().to_vec(), &mut random)).collect();
            let address = exporter.address().to_owned();
            futures_util::future::join_all(requests.iter().map(|bytes| send(&address, bytes))).await;
            sent += requests.len();
        }
        println!("{sent} malformed requests");
        let healthy = testbed::curl(&["--user", "ann:opensesame", &exporter.url("/-/healthy")]).await;
        assert_eq!(healthy.status, 200, "{healthy:?}");
        let log = exporter.process().log();
        assert!(!log.contains("panicked"), "{log}");
    }
}
