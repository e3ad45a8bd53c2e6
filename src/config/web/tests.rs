use super::*;

fn mistakes(text: &str) -> String {
    let mistakes = WebConfig::parse(text, Path::new("")).expect_err(text);
    mistakes.iter().map(|mistake| format!("{mistake}\n")).collect::<Vec<_>>().concat()
}

fn parsed(text: &str) -> WebConfig {
    WebConfig::parse(text, Path::new("")).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"))
}

#[test]
fn an_empty_file_is_plain_http_for_everybody() {
    assert_eq!(parsed(""), WebConfig::default());
    assert!(parsed("").is_open());
}

#[test]
fn what_was_found_of_a_hash_or_a_key_is_never_shown() {
    for text in ["basic_auth_users:\n  ann: hunter2", "tls_server_config:\n  key: hunter2\n  key_file: /hunter\n"] {
        assert!(!mistakes(text).contains("hunter2"), "{}", mistakes(text));
    }
    assert!(!format!("{:?}", parsed("tls_server_config: {cert: a, key: hunter2}")).contains("hunter2"));
}

#[test]
fn old_versions_and_suites_are_refused_with_what_there_is_instead() {
    let text = "tls_server_config: {cert: a, key: b, min_version: TLS10, \
                cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA, or], curve_preferences: [P256]}";
    let all = mistakes(text);
    assert!(
        all.contains("min_version: found \"TLS10\", allowed is TLS12 or TLS13; TLS 1.0 and 1.1 are broken"),
        "{all}"
    );
    assert!(all.contains("cipher_suites: found \"TLS_RSA_WITH_AES_128_CBC_SHA\", allowed is TLS_ECDHE"), "{all}");
    assert!(all.contains("cipher_suites: found \"or\""), "{all}");
    assert!(all.contains("curve_preferences: found \"P256\", allowed is CurveP256, "), "{all}");
}

#[test]
fn settings_that_would_leave_the_door_open_are_refused() {
    let cases = [
        ("tls_server_config: {min_version: TLS13}", "cert_file is missing: without it nothing is encrypted"),
        ("tls_server_config: {cert: a, key: b, client_ca: c}", "nobody would be asked for a certificate"),
        (
            "tls_server_config: {cert: a, key: b, client_allowed_sans: [a]}",
            "needs a client_auth_type that asks for a certificate",
        ),
        ("rate_limit: {interval: 1s}", "burst is missing"),
    ];
    for (text, expected) in cases {
        assert!(mistakes(text).contains(expected), "{text}: {}", mistakes(text));
    }
}

#[test]
fn files_are_looked_for_beside_the_configuration() {
    let text = "tls_server_config: {cert_file: server.pem, key: b}";
    let all = WebConfig::parse(text, Path::new("/nowhere")).unwrap_err();
    assert!(all[0].what.contains("cert_file: reading \"/nowhere/server.pem\": No such file"), "{all:?}");
}

#[test]
fn a_rate_limit_without_an_interval_is_none() {
    assert_eq!(parsed("rate_limit: {interval: 0s}").rate_limit, None);
    let limit = RateLimit { interval: Duration::from_millis(500), burst: 20 };
    assert_eq!(parsed("rate_limit: {interval: 500ms, burst: 20}").rate_limit, Some(limit));
}
