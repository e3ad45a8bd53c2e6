//! What is answered.

use super::*;

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

#[tokio::test]
async fn the_end_of_a_page_does_not_wait_for_the_client_to_confirm_what_came_before() {
    let routes = Routes::new(Arc::new(small_site()), "/metrics".to_owned(), 1);
    let fronts = Arc::new(ArcSwap::from_pointee(Front::new(&WebConfig::default()).unwrap()));
    let door = Door::new(routes, fronts, Limits::default(), CancellationToken::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (inside, _place) = door.next_client(&listener).await.unwrap();
    assert!(inside.nodelay().unwrap());
}
