//! Several accounts: STS, Organizations, and faults that strike only one of them.

use aws_stub::{Fault, Stub};
use serde_json::{Value, json};

use crate::caller::{Caller, refusal, text, texts};

const NOW: i64 = 1_800_000_000;
const OTHER: &str = "222233334444";

fn stub() -> Stub {
    let stub = Stub::unbound();
    let mut cloud = stub.cloud();
    cloud.set_now(Some(NOW));
    cloud.account(OTHER).user("over-there");
    drop(cloud);
    stub
}

fn wish(account: &str, more: &str) -> String {
    format!("AssumeRole&RoleArn=arn:aws:iam::{account}:role/audit/reader&RoleSessionName=exporter{more}")
}

#[tokio::test]
async fn a_role_leads_into_the_other_account_for_an_hour() {
    let stub = stub();
    let granted = Caller::new(&stub, "AKIATEST").sts(&wish(OTHER, "")).await;
    assert_eq!(text(&granted, "Expiration"), "2027-01-15T09:00:00Z");
    let id = text(&granted, "AccessKeyId");
    assert!(id.starts_with("ASIA"));
    let session = Caller::new(&stub, &id);
    assert_eq!(texts(&session.iam("ListUsers").await, "UserName"), ["over-there"]);
    let me = session.sts("GetCallerIdentity").await;
    assert_eq!(text(&me, "Arn"), format!("arn:aws:sts::{OTHER}:assumed-role/reader/exporter"));
    assert_eq!(refusal(&session.sts(&wish(OTHER, "&DurationSeconds=7200")).await).0, 400);
    stub.cloud().set_now(Some(NOW + 3600));
    assert_eq!(refusal(&session.iam("ListUsers").await), (403, "ExpiredToken".to_owned()));
    assert_eq!(stub.cloud().calls_of(OTHER)["ListUsers"], 2);
    assert_eq!(stub.cloud().calls_of("111122223333")["AssumeRole"], 1);
}

#[tokio::test]
async fn a_role_may_be_refused() {
    let stub = stub();
    let caller = Caller::new(&stub, "AKIATEST");
    let denied = (403, "AccessDenied".to_owned());
    assert_eq!(refusal(&caller.sts(&wish("999999999999", "")).await), denied);
    stub.cloud().account(OTHER).external_id = Some("secret".to_owned());
    assert_eq!(refusal(&caller.sts(&wish(OTHER, "")).await), denied);
    let right = wish(OTHER, "&ExternalId=secret&DurationSeconds=900");
    assert_eq!(text(&caller.sts(&right).await, "Expiration"), "2027-01-15T08:15:00Z");
    stub.cloud().account(OTHER).assumable = Some(["somebody".to_owned()].into());
    assert_eq!(refusal(&caller.sts(&right).await), denied);
    stub.cloud().account(OTHER).assumable = None;
    stub.cloud().account(OTHER).state = "SUSPENDED".to_owned();
    assert_eq!(refusal(&caller.sts(&right).await), denied);
}

#[tokio::test]
async fn a_deactivated_key_has_no_identity() {
    let stub = stub();
    stub.cloud().default_account().user("ci").key("AKIACI", NOW);
    let caller = Caller::new(&stub, "AKIACI");
    let me = caller.sts("GetCallerIdentity").await;
    assert_eq!(text(&me, "Arn"), "arn:aws:iam::111122223333:user/ci");
    stub.cloud().default_account().user("ci").key("AKIACI", NOW).deactivate();
    assert_eq!(refusal(&caller.sts("GetCallerIdentity").await), (403, "InvalidClientTokenId".to_owned()));
}

#[tokio::test]
async fn a_fault_strikes_only_its_account() {
    let stub = stub();
    let home = Caller::new(&stub, "AKIATEST");
    let id = text(&home.sts(&wish(OTHER, "")).await, "AccessKeyId");
    stub.cloud().fault_in(OTHER, "*", Fault::AccessDenied);
    stub.cloud().fault_times("ListUsers", Fault::ServiceFailure, 1);
    let away = Caller::new(&stub, &id);
    assert_eq!(refusal(&away.iam("ListUsers").await).1, "AccessDenied");
    assert_eq!(refusal(&home.iam("ListUsers").await), (500, "ServiceFailure".to_owned()));
    assert_eq!(home.iam("ListUsers").await.status, 200);
    assert_eq!(refusal(&home.sts(&wish(OTHER, "")).await).1, "AccessDenied");
    stub.cloud().clear_faults();
    assert_eq!(away.iam("ListUsers").await.status, 200);
}

/// All accounts that are listed, and how many pages it took.
async fn listed(caller: &Caller<'_>, action: &str, mut document: Value) -> (Vec<Value>, usize) {
    let (mut accounts, mut pages) = (Vec::new(), 0);
    loop {
        let answer = caller.organizations(action, &document).await;
        let page: Value = serde_json::from_slice(&answer.body).expect("JSON");
        accounts.extend(page["Accounts"].as_array().expect("accounts").iter().cloned());
        pages += 1;
        match page.get("NextToken") {
            Some(token) => document["NextToken"] = token.clone(),
            None => return (accounts, pages),
        }
    }
}

#[tokio::test]
async fn accounts_are_listed_over_empty_pages() {
    let stub = stub();
    for number in 0..40 {
        stub.cloud().account(&format!("3000000000{number:02}"));
    }
    let caller = Caller::new(&stub, "AKIATEST");
    let (accounts, pages) = listed(&caller, "ListAccounts", json!({})).await;
    assert_eq!((accounts.len(), pages), (42, 3));
    stub.cloud().organization().empty_pages = true;
    let (again, pages) = listed(&caller, "ListAccounts", json!({})).await;
    assert_eq!((again == accounts, pages), (true, 6));
}

#[tokio::test]
async fn accounts_know_their_place() {
    let stub = stub();
    stub.cloud().organization().unit("ou-ab12-11111111", "Products", None);
    stub.cloud().organization().hidden.insert("Status".to_owned());
    stub.cloud().account(OTHER).parent = Some("ou-ab12-11111111".to_owned());
    let caller = Caller::new(&stub, "AKIATEST");
    let document = json!({"ParentId": "ou-ab12-11111111"});
    let (accounts, _) = listed(&caller, "ListAccountsForParent", document).await;
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0]["Paths"][0], format!("o-exampleorgid/r-ab12/ou-ab12-11111111/{OTHER}/"));
    assert_eq!((&accounts[0]["State"], accounts[0].get("Status")), (&json!("ACTIVE"), None));
    let units = caller.organizations("ListOrganizationalUnitsForParent", &json!({"ParentId": "r-ab12"})).await;
    assert!(units.text().contains("\"Name\":\"Products\""));
    let lost = caller.organizations("ListAccountsForParent", &json!({"ParentId": "ou-x"})).await;
    assert!(lost.status == 400 && lost.text().contains("ParentNotFoundException"));
}

#[tokio::test]
async fn only_the_management_account_lists_accounts() {
    let stub = stub();
    let id = text(&Caller::new(&stub, "AKIATEST").sts(&wish(OTHER, "")).await, "AccessKeyId");
    let session = Caller::new(&stub, &id);
    let denied = session.organizations("ListAccounts", &json!({})).await;
    assert!(denied.status == 400 && denied.text().contains("AccessDeniedException"));
    stub.cloud().organization().delegated.insert(OTHER.to_owned());
    assert_eq!(session.organizations("ListAccounts", &json!({})).await.status, 200);
    stub.cloud().fault("ListAccounts", Fault::Throttle);
    let throttled = session.organizations("ListAccounts", &json!({})).await;
    assert!(throttled.text().contains("TooManyRequestsException"));
}
