//! The page in gzip, put together from parts that were compressed at different times, as clients that we
//! did not write read it. Prometheus 2 and 3 do so in `prometheus.rs`.

use std::{fs, path::Path, process::Command};

use aws_stub::{DEFAULT_ACCOUNT, Stub, fleet};
use testbed::{Exporter, Page, Settings, curl, wait};

use crate::BINARY;

const MEMBER: &str = "222233334444";

async fn two_accounts() -> (Stub, Exporter) {
    let stub = Stub::start().await.unwrap();
    {
        let mut cloud = stub.cloud();
        let now = cloud.now();
        fleet::uniform(&mut cloud, DEFAULT_ACCOUNT, 300, 1.0, 0.02, now);
        fleet::uniform(&mut cloud, MEMBER, 3, 1.0, 0.5, now);
    }
    // Read once: from then on the page changes with the seconds alone.
    let config = "poll_interval: 1h\nlimits: { requests_per_second: 10000 }\norganization: { role_name: reader }\n";
    let exporter = Exporter::start(BINARY, &Settings::of(stub.endpoint()).config(config)).await.unwrap();
    let all = |page: &Page| page.series("aws_iam_access_key_info").len() == 303;
    exporter.page_when("all keys", all).await;
    (stub, exporter)
}

/// What curl gets, packed or not, of the same second: then it is the same page.
async fn saved(url: &str, folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let same = wait::until(std::time::Duration::from_secs(20), async || {
        let save = async |name: &str, args: &[&str]| {
            let file = folder.join(name).display().to_string();
            let all: Vec<&str> = args.iter().copied().chain(["--output", &file, url]).collect();
            curl(&all).await;
            fs::read(folder.join(name)).unwrap()
        };
        let plain = save("plain", &[]).await;
        let unpacked = save("unpacked", &["--compressed"]).await;
        let packed = save("packed", &["--header", "Accept-Encoding: gzip"]).await;
        if body(&plain) == body(&unpacked) { Ok((body(&plain), body(&packed))) } else { Err("another page".to_owned()) }
    });
    same.await.unwrap()
}

/// curl writes the head as well.
fn body(answer: &[u8]) -> Vec<u8> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head");
    answer[end + 4..].to_vec()
}

fn unpacked_by_python(file: &Path) -> Vec<u8> {
    let script = "import gzip, sys; sys.stdout.buffer.write(gzip.decompress(open(sys.argv[1], 'rb').read()))";
    let ended = Command::new("python3").args(["-c", script]).arg(file).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    ended.stdout
}

#[tokio::test]
async fn curl_and_python_read_the_same_page_from_it() {
    let (_stub, exporter) = two_accounts().await;
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let (plain, packed) = saved(&exporter.url("/metrics"), folder.path()).await;
        let file = folder.path().join("page.gz");
        fs::write(&file, &packed).unwrap();
        let unpacked = unpacked_by_python(&file);
        assert!(packed.len() * 4 < plain.len(), "{} of {}", packed.len(), plain.len());
        let text = String::from_utf8(unpacked).unwrap();
        assert_eq!(Page::parse(&text).unwrap().series("aws_iam_access_key_age_seconds").len(), 303);
        let steady = |page: &str| page.lines().filter(|line| line.starts_with("aws_iam_access_key_c")).count();
        assert_eq!(steady(&text), steady(&String::from_utf8(plain).unwrap()));
    }
}
