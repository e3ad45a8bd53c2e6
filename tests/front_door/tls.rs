//! TLS as curl sees it: whose certificates are good enough, versions, suites, and new ones on disk.

use std::{fs, path::Path, time::Duration};

use testbed::{Exporter, Reply, curl};

use crate::{
    behind, log_with,
    pki::{Authority, Identity},
    write,
};

struct Clients {
    good: Identity,
    unnamed: Identity,
    of_another_authority: Identity,
    expired: Identity,
}

/// A folder with an authority, a server, and clients good and bad.
fn pki(folder: &Path) -> (Authority, Clients) {
    let (ours, others) = (Authority::new(folder, "ours"), Authority::new(folder, "others"));
    ours.server("server");
    let clients = Clients {
        good: ours.client("good", &["scraper.example", "10.1.2.3"]),
        unnamed: ours.client("unnamed", &["somebody.example"]),
        of_another_authority: others.client("stranger", &["scraper.example"]),
        expired: ours.expired_client("expired"),
    };
    (ours, clients)
}

const SERVER: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

async fn ask(exporter: &Exporter, authority: &Path, client: Option<&Identity>, args: &[&str]) -> Reply {
    let mut all = vec!["--cacert".to_owned(), authority.display().to_string()];
    if let Some(Identity { certificate, key }) = client {
        all.extend(["--cert".into(), certificate.display().to_string(), "--key".into(), key.display().to_string()]);
    }
    all.extend(args.iter().map(|arg| (*arg).to_owned()));
    all.push(format!("https://{}/metrics", exporter.address()));
    curl(&all).await
}

#[tokio::test]
async fn each_client_auth_type_lets_in_whom_go_would_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, clients) = pki(folder.path());
    let Clients { good, unnamed, of_another_authority, expired } = &clients;
    let all = [None, Some(good), Some(unnamed), Some(of_another_authority), Some(expired)];
    let ca = "  client_ca_file: ours.crt\n";
    let sans = "  client_allowed_sans: [10.1.2.3]\n";
    let cases = [
        ("NoClientCert", String::new(), [true, true, true, true, true]),
        ("RequestClientCert", String::new(), [true, true, true, true, true]),
        ("RequireAnyClientCert", String::new(), [false, true, true, true, true]),
        ("RequireClientCert", String::new(), [false, true, true, true, true]),
        ("VerifyClientCertIfGiven", ca.into(), [true, true, true, false, false]),
        ("RequireAndVerifyClientCert", ca.into(), [false, true, true, false, false]),
        ("RequireAndVerifyClientCert", format!("{ca}{sans}"), [false, true, false, false, false]),
        ("VerifyClientCertIfGiven", format!("{ca}{sans}"), [true, true, false, false, false]),
        ("RequireAnyClientCert", sans.into(), [false, true, false, false, false]),
        // No authority of this machine signed any of them.
        ("RequireAndVerifyClientCert", String::new(), [false, false, false, false, false]),
    ];
    for (auth, more, expected) in cases {
        let text = format!("{SERVER}  client_auth_type: {auth}\n{more}");
        let (_stub, exporter) = behind(&write(folder.path(), "web.yml", &text)).await;
        for (client, is_let_in) in all.into_iter().zip(expected) {
            let reply = ask(&exporter, &ours.file(), client, &[]).await;
            let name = client.map(|client| client.certificate.display().to_string());
            assert_eq!(reply.status == 200, is_let_in, "{text}{name:?}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_is_refused_finds_the_reason_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, clients) = pki(folder.path());
    let text = format!(
        "{SERVER}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ours.crt\n  client_allowed_sans: [a.example]\n"
    );
    let stub = aws_stub::Stub::start().await.unwrap();
    let file = write(folder.path(), "web.yml", &text);
    let settings = testbed::Settings::of(stub.endpoint()).web_config(&file).arg("--log.level=debug");
    let mut exporter = Exporter::start(crate::BINARY, &settings).await.unwrap();
    assert_eq!(ask(&exporter, &ours.file(), Some(&clients.unnamed), &[]).await.status, 0);
    log_with(&mut exporter, "allowed is one of").await;
    assert_eq!(ask(&exporter, &ours.file(), Some(&clients.expired), &[]).await.status, 0);
    log_with(&mut exporter, "expired").await;
}

#[tokio::test]
async fn versions_suites_and_http2_are_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, _) = pki(folder.path());
    let aes_128 = "ECDHE-ECDSA-AES128-GCM-SHA256";
    let aes_256 = "ECDHE-ECDSA-AES256-GCM-SHA384";
    let cases: [(&str, &[&str], &str); 9] = [
        ("", &["--http2"], "200 2"),
        ("http_server_config: { http2: false }\n", &["--http2"], "200 1.1"),
        ("", &["--tls-max", "1.2"], "200 2"),
        ("  min_version: TLS13\n", &["--tls-max", "1.2"], "0 0"),
        ("  max_version: TLS12\n", &["--tlsv1.3"], "0 0"),
        ("", &["--tls-max", "1.1", "--tlsv1.0", "--ciphers", "DEFAULT@SECLEVEL=0"], "0 0"),
        (
            "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n",
            &["--tls-max", "1.2", "--ciphers", aes_128],
            "200 2",
        ),
        (
            "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n",
            &["--tls-max", "1.2", "--ciphers", aes_256],
            "0 0",
        ),
        ("  curve_preferences: [CurveP384]\n", &["--curves", "prime256v1"], "0 0"),
    ];
    for (more, args, expected) in cases {
        let text = format!("{SERVER}{more}");
        let (_stub, exporter) = behind(&write(folder.path(), "web.yml", &text)).await;
        let reply = ask(&exporter, &ours.file(), None, args).await;
        assert_eq!(format!("{} {}", reply.status, reply.http_version), expected, "{text}{args:?}: {reply:?}");
    }
}

#[tokio::test]
async fn certificate_and_key_can_stand_in_the_file_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, _) = pki(folder.path());
    let inline = |key: &str, file: &str| {
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        format!("  {key}: |\n{}", text.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat())
    };
    let text = format!("tls_server_config:\n{}{}", inline("cert", "server.crt"), inline("key", "server.key"));
    let (_stub, exporter) = behind(&write(folder.path(), "web.yml", &text)).await;
    assert_eq!(ask(&exporter, &ours.file(), None, &[]).await.status, 200);
}

#[tokio::test]
async fn plain_http_gets_nothing_where_tls_is_spoken() {
    let folder = tempfile::tempdir().unwrap();
    pki(folder.path());
    let (_stub, exporter) = behind(&write(folder.path(), "web.yml", SERVER)).await;
    let reply = curl(&[exporter.url("/metrics")]).await;
    assert!(!reply.text.contains("aws_iam"), "{reply:?}");
    assert_ne!(reply.status, 200);
}

#[tokio::test]
async fn a_certificate_replaced_on_disk_is_used_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, _) = pki(folder.path());
    let (_stub, mut exporter) = behind(&write(folder.path(), "web.yml", SERVER)).await;
    assert_eq!(ask(&exporter, &ours.file(), None, &[]).await.status, 200);

    write(folder.path(), "server.crt", "-----BEGIN CERTIFICATE-----\nnonsense\n");
    log_with(&mut exporter, "the configuration was refused").await;
    let reply = ask(&exporter, &ours.file(), None, &[]).await;
    assert!(reply.text.contains("\niam_key_exporter_config_last_reload_successful 0\n"), "{reply:?}");

    let renewed = Authority::new(folder.path(), "renewed");
    renewed.server("server");
    let used = testbed::wait::until(Duration::from_secs(20), async || {
        let reply = ask(&exporter, &renewed.file(), None, &[]).await;
        if reply.status == 200 { Ok(reply) } else { Err(format!("{reply:?}")) }
    });
    let reply = used.await.unwrap();
    assert!(reply.text.contains("\niam_key_exporter_config_last_reload_successful 1\n"), "{reply:?}");
    assert_eq!(ask(&exporter, &ours.file(), None, &[]).await.status, 0, "the old one is gone");
}

#[tokio::test]
async fn a_certificate_may_come_after_the_configuration_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, _) = pki(folder.path());
    let (_stub, mut exporter) = behind(&write(folder.path(), "web.yml", SERVER)).await;
    write(folder.path(), "web.yml", &SERVER.replace("server.", "later."));
    log_with(&mut exporter, "the configuration was refused").await;
    assert_eq!(ask(&exporter, &ours.file(), None, &[]).await.status, 200, "the old one stays");
    let renewed = Authority::new(folder.path(), "renewed");
    renewed.server("later");
    let used = testbed::wait::until(Duration::from_secs(20), async || {
        let reply = ask(&exporter, &renewed.file(), None, &[]).await;
        if reply.status == 200 { Ok(()) } else { Err(format!("{reply:?}")) }
    });
    used.await.unwrap();
}
