//! What must not be seen: secrets anywhere, and ids of access keys where they are to be left out.

use std::{collections::BTreeSet, fs, path::Path};

use aws_stub::{DEFAULT_ACCOUNT, Fault, Stub};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use testbed::{Exporter, Settings, curl};

use crate::{BINARY, log_with, pki::Authority, write};

const MEMBER: &str = "222233334444";
const PASSWORD: &str = "opensesame";
const WRONG_PASSWORD: &str = "openbarley";
const HUB_SECRET: &str = "hub/secret+of/40/characters/0123456789ab";
const HUB_TOKEN: &str = "hub-session-token-0123456789";
const HASH_KEY: &str = "what ids are hashed with";
const EXTERNAL_ID: &str = "external-id-of-the-member";

/// Keys of two users, two of which end alike.
const KEYS: [(&str, &str); 3] =
    [("ci", "AKIAIOSFODNN7EXAMPLE"), ("ci", "AKIAIOSFODNN8EXAMPLE"), ("gone", "AKIAI44QH8DHBEXAMPLE")];

async fn stub() -> Stub {
    let stub = Stub::start().await.unwrap();
    {
        let mut cloud = stub.cloud();
        let long_ago = cloud.now() - 100 * 86_400;
        for (account, ending) in [(DEFAULT_ACCOUNT, "MPLE"), (MEMBER, "OTHR")] {
            for (user, id) in KEYS {
                cloud.account(account).user(user).key(&id.replace("MPLE", ending), long_ago);
            }
        }
        cloud.account(MEMBER).external_id = Some(EXTERNAL_ID.to_owned());
        let message = "User: arn:aws:iam::1:user/ci is not authorized to use access key AKIAIOSFODNN7EXAMPLE";
        let refusal = Fault::Error { status: 403, code: "AccessDenied".into(), message: message.into() };
        cloud.fault("GetAccessKeyLastUsed", refusal);
    }
    stub
}

fn config(folder: &Path, shown: &str) -> String {
    let file = write(folder, "hash.key", HASH_KEY);
    let hash_key = format!("  access_key_id_hash_key_file: {}\n", file.display());
    let hash_key = if shown == "hash" { hash_key } else { String::new() };
    format!(
        "poll_interval: 300ms\nlimits: {{ requests_per_second: 10000 }}\naccounts:\n  \
         - {{ role_arn: \"arn:aws:iam::{MEMBER}:role/reader\", external_id: {EXTERNAL_ID} }}\n\
         labels:\n  access_key_id: {shown}\n{hash_key}"
    )
}

/// Everybody that talks to it, at its most talkative, until it has polled, failed, and refused.
async fn busy(folder: &Path, stub: &Stub, shown: &str, format: &str) -> Exporter {
    let authority = Authority::new(folder, "ours");
    authority.server("server");
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    let tls = "tls_server_config: { cert_file: server.crt, key_file: server.key }\n";
    write(folder, "web.yml", &format!("{tls}basic_auth_users: {{ prometheus: {hash} }}\n"));
    let config_file = write(folder, "exporter.yml", &config(folder, shown));
    let settings = Settings::of(stub.endpoint())
        .web_config(&folder.join("web.yml"))
        .arg(&format!("--config.file={}", config_file.display()))
        .arg(&format!("--log.format={format}"))
        .arg("--log.level=trace")
        .env("AWS_SECRET_ACCESS_KEY", HUB_SECRET)
        .env("AWS_SESSION_TOKEN", HUB_TOKEN)
        .env("AWS_ACCESS_KEY_ID", "AKIAHUBHUBHUBHUBHUB2");
    let mut exporter = Exporter::start(BINARY, &settings).await.unwrap();
    ask(&exporter, &authority.file(), WRONG_PASSWORD, "/metrics").await;
    log_with(&mut exporter, "not everything could be read").await;
    log_with(&mut exporter, "GetAccessKeyLastUsed for").await;
    write(folder, "web.yml", &format!("basic_auth_users: {{ prometheus: {hash}, other: {WRONG_PASSWORD} }}\n"));
    exporter.process().signal("HUP");
    log_with(&mut exporter, "not a bcrypt hash").await;
    exporter
}

/// A page, with this password.
async fn ask(exporter: &Exporter, authority: &Path, password: &str, path: &str) -> String {
    let (user, ca) = (format!("prometheus:{password}"), authority.display().to_string());
    let url = format!("https://{}{path}", exporter.address());
    curl(&["--cacert", &ca, "--user", &user, &url]).await.text
}

/// All that nobody may see.
fn secrets(folder: &Path, stub: &Stub) -> BTreeSet<String> {
    let key = fs::read_to_string(folder.join("server.key")).unwrap();
    let mut secrets: BTreeSet<String> = key.lines().filter(|line| !line.starts_with("---")).map(Into::into).collect();
    for password in [PASSWORD, WRONG_PASSWORD] {
        secrets.extend([password.to_owned(), BASE64_STANDARD.encode(format!("prometheus:{password}"))]);
    }
    let hash = fs::read_to_string(folder.join("web.yml")).unwrap();
    secrets.extend(hash.split([' ', ',']).filter(|word| word.starts_with("$2")).map(Into::into));
    secrets.extend([HUB_SECRET, HUB_TOKEN, HASH_KEY].map(Into::into));
    secrets.extend(stub.cloud().secrets_told().clone());
    secrets
}

/// Ids that the outside is not to see when they are shortened.
fn ids() -> BTreeSet<String> {
    let ids = KEYS.iter().flat_map(|(_, id)| [(*id).to_owned(), id.replace("MPLE", "OTHR")]);
    ids.chain(["AKIAHUBHUBHUBHUBHUB2".to_owned()]).collect()
}

fn seen<'a>(words: &'a BTreeSet<String>, text: &str) -> Vec<&'a String> {
    words.iter().filter(|word| text.contains(*word)).collect()
}

#[tokio::test]
async fn a_log_at_trace_level_has_no_secret_and_no_id_of_a_key() {
    for format in ["logfmt", "json"] {
        let (folder, stub) = (tempfile::tempdir().unwrap(), stub().await);
        let mut exporter = busy(folder.path(), &stub, "full", format).await;
        let (log, secrets) = (exporter.process().log(), secrets(folder.path(), &stub));
        assert!(secrets.len() >= 12, "{secrets:?}");
        assert!(log.contains("aws_smithy") && log.contains("hyper"), "others are heard at trace:\n{log}");
        assert_eq!(seen(&secrets, &log), [""; 0], "{log}");
        assert_eq!(seen(&ids(), &log), [""; 0], "{log}");
        let is_one_event = |line: &str| match format {
            "json" => serde_json::from_str::<serde_json::Value>(line).is_ok_and(|event| event.is_object()),
            _ => line.starts_with("ts=") && line.contains(" level="),
        };
        assert_eq!(log.lines().find(|line| !is_one_event(line)), None);
        let failures = log.lines().filter(|line| line.contains("a request to AWS failed"));
        failures.for_each(|line| assert!(line.contains("account") && line.contains("calling "), "{line}"));
    }
}

#[tokio::test]
async fn ids_are_shown_as_configured_on_the_metrics_the_page_and_in_the_log() {
    for (shown, in_all) in [("full", 20), ("last4", 4), ("hash", 16)] {
        let (folder, stub) = (tempfile::tempdir().unwrap(), stub().await);
        let mut exporter = busy(folder.path(), &stub, shown, "logfmt").await;
        let authority = folder.path().join("ours.crt");
        let metrics = ask(&exporter, &authority, PASSWORD, "/metrics").await;
        let page = ask(&exporter, &authority, PASSWORD, "/").await;
        let created = metrics.lines().filter(|line| line.starts_with("aws_iam_access_key_created"));
        let names: BTreeSet<&str> = created.map(|line| line.split_once('}').unwrap().0).collect();
        assert_eq!(names.len(), 6, "{shown}: no two keys share a name: {names:?}");
        let of = |name: &str| name.rsplit_once('=').map(|(_, id)| id.trim_matches('"').len());
        assert!(names.iter().any(|name| of(name) == Some(in_all)), "{shown}: {names:?}");
        let texts = [("metrics", &metrics), ("page", &page), ("log", &exporter.process().log())];
        for (place, text) in texts.into_iter().filter(|(place, _)| shown != "full" || *place == "log") {
            assert_eq!(seen(&ids(), text), [""; 0], "{shown}, {place}: {text}");
        }
    }
}
