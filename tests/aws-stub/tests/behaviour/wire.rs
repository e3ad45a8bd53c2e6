//! The stub over HTTP: answers, broken answers, orders from outside.

use std::time::Duration;

use aws_stub::{Fault, Stub};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::caller::Caller;

/// Everything that the stub sends back to one request.
async fn ask(stub: &Stub, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(stub.address()).await.expect("a connection");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: stub\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut told = Vec::new();
    // A connection that is reset has told all that it will tell.
    let _ = stream.read_to_end(&mut told).await;
    String::from_utf8_lossy(&told).into_owned()
}

async fn list(stub: &Stub) -> String {
    ask(stub, "POST", "/", "Action=ListUsers&Version=2010-05-08").await
}

/// The promised and the sent length of a body.
fn lengths(told: &str) -> (usize, usize) {
    let (head, body) = told.split_once("\r\n\r\n").expect("a head");
    let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    (line.and_then(|length| length.parse().ok()).expect("a length"), body.len())
}

#[tokio::test]
async fn a_request_is_answered() {
    let stub = Stub::start().await.unwrap();
    assert_eq!(stub.endpoint(), format!("http://{}", stub.address()));
    let told = list(&stub).await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    assert!(told.contains("x-amzn-requestid: ") && told.ends_with("</ListUsersResponse>"), "{told}");
    let (promised, sent) = lengths(&told);
    assert_eq!(promised, sent);
}

#[tokio::test]
async fn answers_can_be_broken() {
    let stub = Stub::start().await.unwrap();
    let broken = async |fault: Fault| {
        stub.cloud().clear_faults();
        stub.cloud().fault("ListUsers", fault);
        list(&stub).await
    };
    let (promised, sent) = lengths(&broken(Fault::CutBody).await);
    assert_eq!(promised / 2, sent);
    assert_eq!(broken(Fault::DropConnection).await, "");
    assert_eq!(lengths(&broken(Fault::EmptyBody).await), (0, 0));
    assert!(broken(Fault::MalformedXml).await.ends_with("<Users><member>"));
    assert!(broken(Fault::ServiceFailure).await.contains("<Type>Receiver</Type>"));
    assert_eq!(stub.cloud().calls()["ListUsers"], 5);
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_late() {
    let stub = Stub::unbound();
    stub.cloud().fault("ListUsers", Fault::Delay(Duration::from_mins(5)));
    let asked = Instant::now();
    assert_eq!(Caller::new(&stub, "AKIAX").iam("ListUsers").await.status, 200);
    assert_eq!(asked.elapsed(), Duration::from_mins(5));
}

#[tokio::test]
async fn orders_come_in_from_outside() {
    let stub = Stub::start().await.unwrap();
    stub.cloud().default_account().user("ci").key("AKIAOLD", 5);
    assert!(ask(&stub, "GET", "/_stub/healthy", "").await.contains(" 200 "));
    let order = r#"{"action": "ListUsers", "kind": "service-failure", "times": 1}"#;
    assert!(ask(&stub, "POST", "/_stub/fault", order).await.contains(" 200 "));
    assert!(list(&stub).await.contains(" 500 "));
    assert!(list(&stub).await.contains(" 200 "));
    assert!(ask(&stub, "GET", "/_stub/calls", "").await.ends_with(r#"{"ListUsers":2}"#));
    assert!(ask(&stub, "POST", "/_stub/reset-calls", "").await.contains(" 200 "));
    assert_eq!(stub.cloud().total_calls(), 0);
    let rotated = ask(&stub, "POST", "/_stub/rotate?user=ci", "").await;
    assert!(rotated.contains(r#""deactivated":"AKIAOLD""#), "{rotated}");
    assert_eq!(stub.cloud().default_account().users["ci"].keys.len(), 2);
    for (path, status) in [("rotate?user=nobody", " 404 "), ("rotate", " 400 "), ("dance", " 404 "), ("fault", " 400 ")]
    {
        assert!(ask(&stub, "POST", &format!("/_stub/{path}"), "").await.contains(status), "{path}");
    }
}

#[tokio::test]
async fn a_stopped_stub_is_gone() {
    let stub = Stub::start().await.unwrap();
    let address = stub.address();
    let twin = stub.clone();
    drop(stub);
    assert!(list(&twin).await.contains(" 200 "));
    drop(twin);
    let refusal = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refusal).await.expect("nobody listens there any more");
}
