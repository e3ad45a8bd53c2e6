//! An instance whose metadata service hands out the credentials, or does not answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use aws_stub::Stub;
use testbed::{Exporter, Settings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{ACCOUNT, BINARY, QUICK, is_down, is_up};

/// What `IMDSv2` answers, by the end of the path.
const ANSWERS: [(&str, &str); 3] = [
    ("/latest/api/token", "a-token"),
    ("/security-credentials/", "the-role"),
    (
        "/security-credentials/the-role",
        r#"{"Code":"Success","AccessKeyId":"AKIAHUB","SecretAccessKey":"s","Token":"t","Expiration":"2100-01-01T00:00:00Z"}"#,
    ),
];

/// Hangs up on everybody until it may answer.
async fn serve_metadata(listener: TcpListener, may_answer: Arc<AtomicBool>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        if may_answer.load(Relaxed) {
            answer(stream).await;
        }
    }
}

async fn answer(mut stream: TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap();
    let (_, body) = ANSWERS.iter().find(|(end, _)| path.ends_with(end)).unwrap_or(&("", "{}"));
    let head = format!(
        "HTTP/1.1 200 OK\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_restart_without_credentials_goes_on_with_what_is_known() {
    let (stub, state) = (Stub::start().await.unwrap(), tempfile::tempdir().unwrap());
    stub.cloud().account(ACCOUNT).user("ci-bot").key("AKIAOLD", 1_700_000_000);
    let may_answer = Arc::new(AtomicBool::new(true));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let metadata = format!("http://{}", listener.local_addr().unwrap());
    let mut service = JoinSet::new();
    service.spawn(serve_metadata(listener, may_answer.clone()));
    let settings = Settings::of(stub.endpoint())
        .config(&format!("{QUICK}state_dir: {}\n", state.path().display()))
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .env("AWS_EC2_METADATA_DISABLED", "")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata);
    let mut first = Exporter::start(BINARY, &settings).await.unwrap();
    first.page_when("the account up", is_up).await;
    first.process().signal("TERM");
    first.process().exit(Duration::from_secs(30)).await;
    may_answer.store(false, Relaxed);
    let second = Exporter::start(BINARY, &settings).await.unwrap();
    let page = second.page_when("the account down", is_down).await;
    assert_eq!(page.series("aws_iam_access_key_age_seconds").len(), 1, "{}", page.text());
    may_answer.store(true, Relaxed);
    second.page_when("the account up, once there are credentials", is_up).await;
}
