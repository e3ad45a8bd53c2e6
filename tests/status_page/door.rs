//! Who gets the page, with which headers, and what odd questions lead to.

use hyper::Method;
use testbed::{Exporter, Settings, curl, http};

use crate::{BINARY, QUICK, fleet};

#[tokio::test]
async fn every_question_leads_to_a_page() {
    let (_stub, exporter) = fleet::start().await;
    let long = format!("owner={}", "x".repeat(8_000));
    let odd = [
        "?",
        "?state=late",
        "?state=overdue&state=",
        "?page=0",
        "?page=-1",
        "?page=99999999999999999999",
        "?page=2",
        "?accounts_page=18446744073709551615",
        "?%",
        "?%%%zz=%ff%fe",
        "?&&&===",
        "?a=b;c=d",
        "?owner=%00%0a%1b",
        &long,
        "?account=nobody&owner=nobody&state=root",
    ];
    for query in odd {
        let query = if query.starts_with('?') { query.to_owned() } else { format!("?{query}") };
        let answer = http::get(&exporter.url(&format!("/{query}"))).await.unwrap();
        assert_eq!(answer.status, 200, "{query}");
        assert!(answer.text().trim_end().ends_with("</html>"), "{query}");
        assert!(answer.text().len() < 100_000, "{query}: {}", answer.text().len());
    }
    let told = [
        ("?state=late", "“late” is not a state of keys"),
        ("?page=99999999999999999999", "There are pages 1 to 1 of keys; this is page 1."),
        ("?account=nobody", "No account is called “nobody”."),
        ("?owner=earc", "No owner is called “earc”. There is <a href=\"?owner=search%40example.com#keys\">"),
        ("?account=sandbox&state=exempt", "ses-newsletter"),
        ("?state=root", "No key fits these filters."),
    ];
    for (query, words) in told {
        let page = http::get(&exporter.url(&format!("/{query}"))).await.unwrap().text();
        assert!(page.replace("&#38;", "&").contains(words), "{query}: no {words} in\n{page}");
    }
}

#[tokio::test]
async fn the_page_is_guarded_by_its_headers_unless_the_operator_wants_others() {
    let (stub, exporter) = fleet::start().await;
    let answer = http::get(&exporter.url("/")).await.unwrap();
    let policy = answer.header("content-security-policy");
    for part in ["default-src 'none'", "style-src 'sha256-", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let names = ["cache-control", "x-content-type-options", "referrer-policy", "content-type"];
    let values = ["no-store", "nosniff", "no-referrer", "text/html; charset=utf-8"];
    assert_eq!(names.map(|name| answer.header(name)), values);
    let head = http::send(Method::HEAD, &exporter.url("/"), &[], "").await.unwrap();
    assert_eq!((head.status, head.header("content-security-policy"), head.body.len()), (200, policy, 0));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.yml");
    let headers = "http_server_config: { headers: { Content-Security-Policy: \"default-src 'self'\" } }\n";
    std::fs::write(&file, headers).unwrap();
    let settings = Settings::of(stub.endpoint()).web_config(&file);
    let theirs = Exporter::start(BINARY, &settings).await.unwrap();
    let answer = http::get(&theirs.url("/")).await.unwrap();
    assert_eq!(answer.header("content-security-policy"), "default-src 'self'");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn keys_have_the_names_that_they_have_in_the_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef").unwrap();
    let hash = format!("hash, access_key_id_hash_key_file: {}", secret.display());
    for shown in ["full", "last4", &hash] {
        let (stub, exporter) = fleet::start_with(&format!("access_key_id: {shown}")).await;
        let metrics = exporter.page().await;
        let page = http::get(&exporter.url("/")).await.unwrap().text();
        let series = metrics.series("aws_iam_access_key_info");
        assert_eq!(series.len(), page.matches("<code>").count());
        for key in series {
            let id = key.label("access_key_id");
            assert!(page.contains(&format!("<code>{id}</code>")), "{shown}: no {id} in\n{page}");
        }
        let users = stub.cloud().default_account().users.clone();
        for key in users.values().flat_map(|user| &user.keys) {
            assert_eq!(page.contains(&key.id), shown == "full", "{shown}: {}", key.id);
        }
    }
}

#[tokio::test]
async fn a_reload_changes_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exporter.yml");
    let write = |tag: &str| std::fs::write(&file, format!("{QUICK}labels: {{ user_tags: [{tag}] }}\n")).unwrap();
    write("team");
    let stub = aws_stub::Stub::start().await.unwrap();
    stub.cloud().default_account().user("ci").tag("team", "search").tag("contact", "zoe").key("AKIACI", 1_700_000_000);
    let settings = Settings::of(stub.endpoint()).arg(&format!("--config.file={}", file.display()));
    let exporter = Exporter::start(BINARY, &settings.arg("--config.auto-reload-interval=0s")).await.unwrap();
    fleet::once(&exporter, "", &["?owner=search"]).await;
    write("contact");
    assert_eq!(http::post(&exporter.url("/-/reload"), "").await.unwrap().status, 200);
    let page = http::get(&exporter.url("/")).await.unwrap().text();
    assert!(page.contains("?owner=zoe") && !page.contains("?owner=search"), "{page}");
}

#[tokio::test]
async fn the_page_is_behind_the_password_that_the_metrics_are_behind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.yml");
    let hash = bcrypt::hash("opensesame", 4).unwrap();
    std::fs::write(&file, format!("basic_auth_users: {{ ann: {hash} }}\n")).unwrap();
    let stub = aws_stub::Stub::start().await.unwrap();
    let exporter = Exporter::start(BINARY, &Settings::of(stub.endpoint()).web_config(&file)).await.unwrap();
    for path in ["/", "/?state=overdue", "/metrics"] {
        let stranger = curl(&[exporter.url(path)]).await;
        assert_eq!(stranger.status, 401, "{path}");
        assert!(!stranger.text.contains("Access keys") && !stranger.text.contains(fleet::DEMO), "{path}");
        let known = curl(&["--user", "ann:opensesame", &exporter.url(path)]).await;
        assert_eq!(known.status, 200, "{path}");
    }
}
