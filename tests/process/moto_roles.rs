//! Roles in other accounts, on an AWS that we did not write, with its policies enforced.

use std::path::Path;

use testbed::{Exporter, Moto, Page, Settings};

use crate::{BINARY, QUICK};

const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools");

/// The hub may assume one role of that name anywhere; two members have it, in one it may do nothing.
const SEED: &str = r#"
import json
from moto.core.responses import ActionAuthenticatorMixin
from moto.iam import iam_backends as backends

def policy(*actions):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})

def role(account, *actions):
    backend = backends[account]["aws"]
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}]})
    backend.create_role("iam-key-exporter", trust, "/", None, "", [], "3600")
    if actions:
        backend.put_role_policy("iam-key-exporter", "read", policy(*actions))
    backend.create_user("us-east-1", "ci", "/", [])
    key = backend.create_access_key("ci")
    key.create_date = now - datetime.timedelta(days=120)

READ = ["iam:GetAccountSummary", "iam:GenerateCredentialReport", "iam:GetCredentialReport", "iam:ListAccountAliases",
        "iam:GetAccountAuthorizationDetails", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed", "iam:ListUserTags"]
role("222222222222", *READ)
role("333333333333")
iam.create_user("us-east-1", "hub", "/", [])
iam.put_user_policy("hub", "read", policy("sts:AssumeRole", "sts:GetCallerIdentity", *READ))
hub = iam.create_access_key("hub")
print("hub id=%s secret=%s" % (hub.access_key_id, hub.secret_access_key), flush=True)
ActionAuthenticatorMixin.request_count = 0
import moto.core.responses
moto.core.responses.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
"#;

fn up(page: &Page, account: &str) -> Option<f64> {
    page.value("aws_iam_account_up", &[("account_id", account)])
}

#[tokio::test]
async fn a_role_in_another_account_is_entered_and_what_its_policy_withholds_is_told() {
    let moto = Moto::start(Path::new(TOOLS), SEED).await.unwrap();
    let roles =
        ["222222222222", "333333333333"].map(|id| format!("- role_arn: arn:aws:iam::{id}:role/iam-key-exporter\n"));
    let (id, secret) = moto.hub_key();
    let settings = Settings::of(moto.endpoint()).config(&format!("{QUICK}accounts:\n{}", roles.concat()));
    let settings = settings.env("AWS_ACCESS_KEY_ID", &id).env("AWS_SECRET_ACCESS_KEY", &secret);
    let exporter = Exporter::start(BINARY, &settings).await.unwrap();
    let is_so = |page: &Page| up(page, "222222222222") == Some(1.0) && up(page, "333333333333") == Some(0.0);
    let page = exporter.page_when("one account up and one down", is_so).await;
    assert_eq!(page.with("aws_iam_access_key_active", &[("account_id", "222222222222")]).len(), 1);
    assert_eq!(page.with("aws_iam_access_key_active", &[("account_id", "333333333333")]).len(), 0);
    let denied = [("account_id", "333333333333"), ("operation", "ListUsers"), ("reason", "access_denied")];
    assert!(page.value("iam_key_exporter_aws_request_failures_total", &denied) > Some(0.0), "{}", page.text());
}
