//! How many are let in, how long they are waited for, and how it ends.

use super::*;

/// Time goes by at once, for the server as well.
async fn let_pass(time: Duration) {
    pause();
    advance(time).await;
    resume();
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
    let server = start_small().await;
    let_pass(3 * Limits::default().answer).await;
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
    let limits = Limits { request_head: Duration::from_secs(1), ..Limits::default() };
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
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = start(big, one, limits).await;
    let mut slow = server.connect().await;
    send(&mut slow, KEEP_ALIVE_SCRAPE).await;
    slow.readable().await.unwrap();
    let_pass(limits.answer).await;
    let next = timeout(PATIENCE, server.ask("HEAD", "/metrics")).await.expect("the slow reader is cut off");
    assert_eq!(next.status(), 200);
    assert!(read_to_the_end(&mut slow).await.len() < 64 << 20);
    server.end().await;
}
