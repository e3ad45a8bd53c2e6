//! Three accounts in every state that the page knows.

use aws_stub::{DEFAULT_ACCOUNT, Fault, Stub, fleet};
use testbed::{Exporter, Settings, http, wait};

use crate::{BINARY, QUICK};

const DAY: i64 = 86_400;
const BROKEN: &str = "222233334444";
const SANDBOX: &str = "333344445555";

/// The demo's account, one that cannot be read, and one with a root key and a leaked one.
pub(crate) async fn start() -> (Stub, Exporter) {
    start_with("access_key_id: full").await
}

/// With this among the labels of the configuration.
pub(crate) async fn start_with(label: &str) -> (Stub, Exporter) {
    let stub = Stub::start().await.unwrap();
    {
        let mut cloud = stub.cloud();
        let now = cloud.now();
        fleet::demo(&mut cloud, now);
        let sandbox = cloud.account(SANDBOX);
        sandbox.alias = Some("sandbox".to_owned());
        sandbox.user("ses-newsletter").key("AKIASESNEWSLETTER001", now - 200 * DAY).used(now - DAY, "ses", "us-east-1");
        let leaked = sandbox.user("intern");
        leaked.attached_policies = vec!["AWSCompromisedKeyQuarantineV3".to_owned()];
        leaked.key("AKIALEAKEDINPUBLIC01", now - 4 * DAY);
        leaked.tag("owner", "search@example.com");
        cloud.account(BROKEN).user("deploy").key("AKIADEPLOY", now - 10 * DAY);
        let message =
            "User: arn:aws:sts::111122223333:assumed-role/hub/exporter is not authorized to perform: sts:AssumeRole";
        let fault = Fault::Error { status: 403, code: "AccessDenied".into(), message: message.into() };
        cloud.fault_in(BROKEN, "AssumeRole", fault);
    }
    let exporter = Exporter::start(BINARY, &Settings::of(stub.endpoint()).config(&config(label))).await.unwrap();
    once(&exporter, "", &["15 keys", "is not authorized"]).await;
    (stub, exporter)
}

fn config(label: &str) -> String {
    let role = |account, name| format!("- {{ role_arn: 'arn:aws:iam::{account}:role/watch', name: {name} }}\n");
    let accounts = role(BROKEN, "staging") + &role(SANDBOX, "sandbox");
    let exemption = "exemptions:\n- { user: 'ses-*', until: 2099-01-31, reason: vendor }\n";
    format!("{QUICK}labels: {{ user_tags: [team, owner], {label} }}\n{exemption}accounts:\n{accounts}")
}

/// The page once all of this is on it.
pub(crate) async fn once(exporter: &Exporter, query: &str, words: &[&str]) -> String {
    let url = exporter.url(&format!("/{query}"));
    let found = wait::until(std::time::Duration::from_secs(30), async || {
        let page = http::get(&url).await?.text();
        match words.iter().find(|word| !page.contains(**word)) {
            None => Ok(page),
            Some(word) => Err(format!("no {word:?} in\n{page}")),
        }
    });
    found.await.unwrap_or_else(|last| panic!("{last}"))
}

/// The demo's own account.
pub(crate) const DEMO: &str = DEFAULT_ACCOUNT;
