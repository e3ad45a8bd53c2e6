//! The printed policies on an AWS that we did not write, and that enforces them.

use std::collections::BTreeSet;

use testbed::{Exporter, Moto, Page, Settings};

use crate::{BINARY, QUICK, actions, policy, tools};

const ORGANIZATION: &str = "organization: { role_name: iam-key-exporter, refresh_interval: 1s }\n";

/// An organization whose hub is a user with `HUB` as its policy; `MEMBERS` are the policies of the
/// role in each other account, which are named by their place.
const SEED: &str = r#"
import json
import moto.core.responses
from moto.core.responses import ActionAuthenticatorMixin
from moto.iam import iam_backends as backends
from moto.organizations import organizations_backends

def key(backend, days):
    backend.create_user("us-east-1", "ci", "/", [{"Key": "owner", "Value": "team-a"}])
    backend.create_access_key("ci").create_date = now - datetime.timedelta(days=days)

organization = organizations_backends["123456789012"]["aws"]
organization.create_organization("us-east-1", FeatureSet="ALL")
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}]})
for number, member in enumerate(MEMBERS):
    made = organization.create_account(AccountName="m%d" % number, Email="m%d@example.com" % number)
    backend = backends[made["CreateAccountStatus"]["AccountId"]]["aws"]
    backend.create_role("iam-key-exporter", trust, "/", None, "", [], "3600")
    backend.put_role_policy("iam-key-exporter", "read", json.dumps(member))
    key(backend, 120)
key(iam, 120)
iam.create_user("us-east-1", "hub", "/", [])
iam.put_user_policy("hub", "read", json.dumps(HUB))
hub = iam.create_access_key("hub")
print("hub id=%s secret=%s" % (hub.access_key_id, hub.secret_access_key), flush=True)
ActionAuthenticatorMixin.request_count = 0
moto.core.responses.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
"#;

async fn moto(hub: &str, members: &[String]) -> Moto {
    let members = members.join(",\n");
    Moto::start(&tools(), &format!("HUB = {hub}\nMEMBERS = [{members}]\n{SEED}")).await.unwrap()
}

async fn exporter(moto: &Moto) -> Exporter {
    let (id, secret) = moto.hub_key();
    let settings =
        Settings::of(moto.endpoint()).config(&format!("{QUICK}labels: {{user_tags: [owner]}}\n{ORGANIZATION}"));
    let settings = settings.env("AWS_ACCESS_KEY_ID", &id).env("AWS_SECRET_ACCESS_KEY", &secret);
    Exporter::start(BINARY, &settings).await.unwrap()
}

/// What was refused so far in this account, or in any.
fn refused(page: &Page, account: Option<&str>) -> BTreeSet<String> {
    let labels: Vec<_> = account.map(|account| ("account_id", account)).into_iter().collect();
    let labels = [&[("reason", "access_denied")][..], &labels].concat();
    let samples = page.with("iam_key_exporter_aws_request_failures_total", &labels);
    let refused = samples.iter().filter(|sample| sample.value > 0.0);
    refused.map(|sample| sample.label("operation").to_owned()).collect()
}

fn are_up(page: &Page, accounts: usize, source: &str) -> bool {
    let up = page.with("aws_iam_account_up", &[]).iter().filter(|sample| sample.value > 0.0).count();
    up == accounts && page.with("aws_iam_account_census_info", &[("source", source)]).len() == accounts
}

fn owned_keys(page: &Page) -> usize {
    page.with("aws_iam_access_key_info", &[("tag_owner", "team-a")]).len()
}

#[tokio::test]
async fn every_feature_works_with_the_printed_policies_and_nothing_is_refused() {
    let (hub, member) = (policy(ORGANIZATION, &[]), policy(ORGANIZATION, &["--role=member"]));
    let moto = moto(&hub, &[member.clone(), member]).await;
    let page = exporter(&moto).await.page_when("three accounts", |page| are_up(page, 3, "credential_report")).await;
    assert_eq!(owned_keys(&page), 3, "{}", page.text());
    assert_eq!(refused(&page, None), BTreeSet::new());
}

#[tokio::test]
async fn the_fall_backs_work_with_the_policies_printed_for_them() {
    let without = "--without=credential-report,details";
    let (hub, member) = (policy(ORGANIZATION, &[without]), policy(ORGANIZATION, &[without, "--role=member"]));
    let moto = moto(&hub, &[member]).await;
    let page = exporter(&moto).await.page_when("two accounts", |page| are_up(page, 2, "listing")).await;
    assert_eq!(owned_keys(&page), 2, "{}", page.text());
    let expected = ["GenerateCredentialReport", "GetAccountAuthorizationDetails"].map(str::to_owned);
    assert_eq!(refused(&page, None), BTreeSet::from(expected));
}

/// moto makes a new report at every poll, so tags are asked for user by user only without the details.
const TAGS: &str = "iam:ListUserTags";
const DETAILS: &str = "iam:GetAccountAuthorizationDetails";

/// One account for each action, which is missing in the policy of that account alone.
#[tokio::test]
async fn no_action_of_the_printed_policy_is_to_spare() {
    let (hub, member) = (policy(ORGANIZATION, &[]), policy(ORGANIZATION, &["--role=member"]));
    let (actions, nothing) = (actions(&member), "iam:Nothing");
    let less = |action: &String| {
        let member = if action == TAGS { member.replace(DETAILS, nothing) } else { member.clone() };
        member.replace(action, nothing)
    };
    let missing = |action: &String| -> BTreeSet<String> {
        let also = (action == TAGS).then_some(DETAILS);
        also.into_iter().chain([action.as_str()]).map(|action| action.replace("iam:", "")).collect()
    };
    let permitted: BTreeSet<String> = actions.iter().flat_map(missing).collect();
    let moto = moto(&hub, &actions.iter().map(less).collect::<Vec<_>>()).await;
    let refused_in = |page: &Page, number: usize| -> Option<BTreeSet<String>> {
        let account = page.with("aws_iam_account_info", &[("account_name", &format!("m{number}"))]);
        let refused = refused(page, Some(account.first()?.label("account_id")));
        Some(refused.intersection(&permitted).cloned().collect())
    };
    let is_so = |page: &Page| {
        let mut expected = actions.iter().enumerate();
        expected.all(|(number, action)| refused_in(page, number) == Some(missing(action)))
    };
    exporter(&moto).await.page_when("the missing action refused in each account, and no other", is_so).await;
}
