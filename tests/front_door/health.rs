//! The `healthcheck` command, which containers ask with.

use std::{path::Path, process::Command, time::Duration};

use aws_stub::{Fault, Stub};
use testbed::{Exporter, Settings, wait};

use crate::{BINARY, QUICK, behind, pki::Authority, write};

const HASH: &str = "$2y$04$aaaaaaaaaaaaaaaaaaaaauzZbN3TzWZ9aKXzQdM8CIcX1rVKyHDYu";
const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/// Exit code and what was said.
fn check(address: &str, web_config: &Path) -> (Option<i32>, String) {
    asked(address, web_config, &[])
}

fn asked(address: &str, web_config: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    command.arg(format!("--web.listen-address={address}")).arg("healthcheck");
    command.arg(format!("--web.config.file={}", web_config.display())).args(args);
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn lives(exporter: &Exporter, web_config: &Path) {
    assert_eq!(check(exporter.address(), web_config), (Some(0), String::new()));
}

/// Doors that want a password, or a certificate.
fn locked() -> [String; 2] {
    let password = format!("basic_auth_users: {{ ann: {HASH} }}\n");
    let certificate = format!("{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ours.crt\n");
    [password, certificate]
}

#[tokio::test]
async fn who_lives_behind_any_door_is_found_alive() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "ours");
    authority.server("server");
    let [password, certificate] = locked();
    let tls12 = format!("{TLS}  max_version: TLS12\n  client_auth_type: RequireAnyClientCert\n");
    for door in ["", &password, TLS, &format!("{TLS}{password}"), &certificate, &tls12] {
        let web_config = write(folder.path(), "web.yml", door);
        let (_stub, exporter) = behind(&web_config).await;
        lives(&exporter, &web_config);
    }
}

/// An account that does not answer at first.
#[tokio::test]
async fn who_lives_is_ready_when_every_account_was_tried_once() {
    let folder = tempfile::tempdir().unwrap();
    Authority::new(folder.path(), "ours").server("server");
    for door in ["", TLS] {
        let web_config = write(folder.path(), "web.yml", door);
        let stub = Stub::start().await.unwrap();
        stub.cloud().fault("GetCallerIdentity", Fault::Delay(Duration::from_mins(1)));
        let settings = Settings::of(stub.endpoint()).config(QUICK).web_config(&web_config);
        let exporter = Exporter::start(BINARY, &settings).await.unwrap();
        lives(&exporter, &web_config);
        let (code, said) = asked(exporter.address(), &web_config, &["--ready"]);
        let address = exporter.address();
        let expected = format!("error: asking \"{address}\" for /-/ready\n  caused by: found \"HTTP/1.1 503\"\n");
        assert_eq!((code, said), (Some(1), expected));
        stub.cloud().clear_faults();
        let ready = wait::until(Duration::from_secs(30), async || {
            let (code, said) = asked(address, &web_config, &["--ready"]);
            if code == Some(0) { Ok(()) } else { Err(said) }
        });
        ready.await.unwrap();
    }
}

/// Whether it is ready is told to nobody without them.
#[tokio::test]
async fn who_wants_a_password_or_a_certificate_counts_as_ready() {
    let folder = tempfile::tempdir().unwrap();
    Authority::new(folder.path(), "ours").server("server");
    for door in &locked() {
        let web_config = write(folder.path(), "web.yml", door);
        let (_stub, exporter) = behind(&web_config).await;
        assert_eq!(asked(exporter.address(), &web_config, &["--ready"]), (Some(0), String::new()));
    }
}

#[tokio::test]
async fn a_web_configuration_that_was_spoilt_meanwhile_does_not_kill_it() {
    let folder = tempfile::tempdir().unwrap();
    Authority::new(folder.path(), "ours").server("server");
    for door in ["", TLS] {
        let web_config = write(folder.path(), "web.yml", door);
        let (_stub, exporter) = behind(&web_config).await;
        write(folder.path(), "web.yml", "tls_server_confi: {}");
        lives(&exporter, &web_config);
    }
}

#[tokio::test]
async fn who_does_not_answer_or_is_somebody_else_is_not_healthy() {
    let folder = tempfile::tempdir().unwrap();
    let web_config = write(folder.path(), "web.yml", "");
    let stub = Stub::start().await.unwrap();
    for address in ["127.0.0.1:9", "nonsense", &stub.address().to_string()] {
        let (code, said) = check(address, &web_config);
        assert_eq!(code, Some(1), "{address}");
        assert!(said.starts_with(&format!("error: asking \"{address}\" for /-/healthy\n  caused by: ")), "{said}");
    }
}

#[tokio::test]
async fn one_that_hangs_is_not_healthy() {
    let folder = tempfile::tempdir().unwrap();
    let web_config = write(folder.path(), "web.yml", "");
    let (_stub, mut exporter) = behind(&web_config).await;
    exporter.process().signal("STOP");
    let (code, said) = check(exporter.address(), &web_config);
    assert_eq!(code, Some(1));
    assert!(said.contains("no answer within 4s"), "{said}");
}
