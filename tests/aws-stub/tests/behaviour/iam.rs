//! What IAM tells and what it refuses.

use aws_stub::{Cloud, Fault, Password, Stub};
use base64::Engine as _;

use crate::caller::{Caller, refusal, text, texts};

const NOW: i64 = 1_800_000_000;

fn stub(fill: impl FnOnce(&mut Cloud)) -> Stub {
    let stub = Stub::unbound();
    stub.cloud().set_now(Some(NOW));
    fill(&mut stub.cloud());
    stub
}

#[tokio::test]
async fn users_are_listed_page_by_page() {
    let stub = stub(|cloud| {
        for number in 0..25 {
            cloud.default_account().user(&format!("user-{number:02}")).tag("team", "x");
        }
        cloud.set_page_size(7);
    });
    let caller = Caller::new(&stub, "AKIATEST");
    let (mut names, mut marker, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let answer = caller.iam(&format!("ListUsers&MaxItems=1000&Marker={marker}")).await;
        names.extend(texts(&answer, "UserName"));
        pages += 1;
        assert!(texts(&answer, "Tags").is_empty());
        if text(&answer, "IsTruncated") == "false" {
            break;
        }
        marker = text(&answer, "Marker");
        stub.cloud().default_account().remove_user(names.last().unwrap());
    }
    assert_eq!((names.len(), pages), (25, 4));
    assert_eq!(stub.cloud().calls()["ListUsers"], 4);
}

#[tokio::test]
async fn users_are_escaped_and_filtered_by_path() {
    let stub = stub(|cloud| {
        let user = cloud.default_account().user("a&b");
        user.path = "/équipe/<x>/".to_owned();
        user.password = Some(Password { changed: 1, last_used: Some(1_709_280_005) });
        cloud.default_account().user("other");
    });
    let caller = Caller::new(&stub, "AKIATEST");
    let answer = caller.iam("ListUsers&PathPrefix=%2F%C3%A9quipe%2F").await;
    assert_eq!(texts(&answer, "UserName"), ["a&b"]);
    assert_eq!(text(&answer, "Path"), "/équipe/<x>/");
    assert_eq!(text(&answer, "Arn"), "arn:aws:iam::111122223333:user/équipe/<x>/a&b");
    assert_eq!(text(&answer, "PasswordLastUsed"), "2024-03-01T08:00:05Z");
    assert_eq!(answer.content_type, "text/xml");
}

#[tokio::test]
async fn refusals_have_the_live_shape() {
    let stub = stub(|_| {});
    let caller = Caller::new(&stub, "AKIATEST");
    let answer = caller.iam("ListAccessKeys&UserName=nobody").await;
    assert_eq!(
        answer.text(),
        format!(
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The user with name nobody cannot be found.</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
            answer.request_id
        )
    );
    assert_eq!(answer.status, 404);
    for form in ["ListUsers&MaxItems=0", "ListUsers&MaxItems=1001", "ListAccessKeys", "GetAccessKeyLastUsed"] {
        assert_eq!(refusal(&caller.iam(form).await), (400, "ValidationError".to_owned()), "{form}");
    }
    assert_eq!(refusal(&caller.iam("GetAccessKeyLastUsed&AccessKeyId=AKIAGONE").await).0, 404);
    assert_eq!(refusal(&caller.iam("Dance").await), (400, "InvalidAction".to_owned()));
}

#[tokio::test]
async fn keys_are_told_with_their_last_use() {
    let stub = stub(|cloud| {
        let user = cloud.default_account().user("ci");
        user.key("AKIAUSED", 1_709_280_005).used(1_709_280_005, "s3", "us-east-1");
        user.key("AKIANEVER", NOW).deactivate().omit_create_date = true;
    });
    let caller = Caller::new(&stub, "AKIAUSED");
    for form in ["ListAccessKeys&UserName=ci", "ListAccessKeys"] {
        let answer = caller.iam(form).await;
        assert_eq!(texts(&answer, "AccessKeyId"), ["AKIANEVER", "AKIAUSED"]);
        assert_eq!(texts(&answer, "Status"), ["Inactive", "Active"]);
        assert_eq!(texts(&answer, "CreateDate"), ["2024-03-01T08:00:05Z"]);
    }
    let used = caller.iam("GetAccessKeyLastUsed&AccessKeyId=AKIAUSED").await;
    assert_eq!(
        (text(&used, "LastUsedDate"), text(&used, "Region")),
        ("2024-03-01T08:00:05Z".into(), "us-east-1".into())
    );
    let never = caller.iam("GetAccessKeyLastUsed&AccessKeyId=AKIANEVER").await;
    assert!(texts(&never, "LastUsedDate").is_empty());
    assert_eq!((text(&never, "ServiceName"), text(&never, "Region")), ("N/A".into(), "N/A".into()));
}

#[tokio::test]
async fn a_key_can_be_rotated_through_the_interface() {
    let stub = stub(|cloud| {
        cloud.default_account().user("ci").key("AKIAOLD", NOW - 100);
    });
    let caller = Caller::new(&stub, "AKIATEST");
    let created = caller.iam("CreateAccessKey&UserName=ci").await;
    let fresh = text(&created, "AccessKeyId");
    assert_eq!((fresh.len(), text(&created, "SecretAccessKey").len()), (20, 40));
    assert_eq!(refusal(&caller.iam("CreateAccessKey&UserName=ci").await), (409, "LimitExceeded".to_owned()));
    let form = "UpdateAccessKey&UserName=ci&AccessKeyId=AKIAOLD&Status=Inactive";
    assert_eq!(caller.iam(form).await.status, 200);
    assert!(!stub.cloud().default_account().users["ci"].keys[0].active);
    assert_eq!(caller.iam("DeleteAccessKey&UserName=ci&AccessKeyId=AKIAOLD").await.status, 200);
    assert_eq!(refusal(&caller.iam("DeleteAccessKey&UserName=ci&AccessKeyId=AKIAOLD").await).0, 404);
    assert_eq!(texts(&caller.iam("ListAccessKeys&UserName=ci").await, "AccessKeyId"), [fresh]);
}

#[tokio::test]
async fn details_bring_tags_and_policies() {
    let stub = stub(|cloud| {
        let user = cloud.default_account().user("ci");
        user.tag("owner", "Zoë <z@example.com>");
        user.attached_policies.push("AWSCompromisedKeyQuarantineV3".to_owned());
        cloud.default_account().user("zed");
    });
    let caller = Caller::new(&stub, "AKIATEST");
    let form = "GetAccountAuthorizationDetails&MaxItems=1&Filter.member.1=User";
    let answer = caller.iam(form).await;
    assert_eq!(text(&answer, "Value"), "Zoë <z@example.com>");
    assert_eq!(text(&answer, "PolicyArn"), "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3");
    let marker = text(&answer, "Marker");
    let other = format!("GetAccountAuthorizationDetails&Filter.member.1=Role&Marker={marker}");
    assert_eq!(text(&caller.iam(&other).await, "Message"), "Marker and Filter do not match");
    let arn = text(&answer, "PolicyArn");
    let entities = caller.iam(&format!("ListEntitiesForPolicy&PolicyArn={arn}")).await;
    assert_eq!(texts(&entities, "UserName"), ["ci"]);
    assert_eq!(refusal(&caller.iam(&format!("ListEntitiesForPolicy&PolicyArn={arn}x")).await).0, 404);
}

#[tokio::test]
async fn tags_can_be_set_and_taken_away() {
    let stub = stub(|cloud| {
        cloud.default_account().user("ci");
    });
    let caller = Caller::new(&stub, "AKIATEST");
    let form = "TagUser&UserName=ci&Tags.member.1.Key=a&Tags.member.1.Value=&Tags.member.2.Key=b&Tags.member.2.Value=2";
    assert_eq!(caller.iam(form).await.status, 200);
    assert_eq!(texts(&caller.iam("ListUserTags&UserName=ci").await, "Value"), ["", "2"]);
    assert_eq!(caller.iam("UntagUser&UserName=ci&TagKeys.member.1=a").await.status, 200);
    assert_eq!(texts(&caller.iam("ListUserTags&UserName=ci").await, "Key"), ["b"]);
}

#[tokio::test]
async fn a_report_is_ordered_and_fetched() {
    let stub = stub(|_| {});
    let caller = Caller::new(&stub, "AKIATEST");
    assert_eq!(refusal(&caller.iam("GetCredentialReport").await), (410, "ReportNotPresent".to_owned()));
    let ordered = caller.iam("GenerateCredentialReport").await;
    assert_eq!(text(&ordered, "State"), "STARTED");
    assert!(text(&ordered, "Description").starts_with("No report exists."));
    let again = caller.iam("GenerateCredentialReport").await;
    assert_eq!(text(&again, "State"), "COMPLETE");
    let report = caller.iam("GetCredentialReport").await;
    let content = base64::engine::general_purpose::STANDARD.decode(text(&report, "Content"));
    assert!(content.unwrap().starts_with(aws_stub::REPORT_HEADER.as_bytes()));
    assert_eq!(text(&report, "GeneratedTime"), "2027-01-15T08:00:00Z");
    stub.cloud().set_now(Some(NOW + 4 * 3600 + 1));
    assert_eq!(refusal(&caller.iam("GetCredentialReport").await), (410, "ReportExpired".to_owned()));
    stub.cloud().default_account().regenerate_report(NOW + 4 * 3600);
    stub.cloud().fault("*", Fault::Report(b"not a report".to_vec()));
    assert_eq!(text(&caller.iam("GetCredentialReport").await, "Content"), "bm90IGEgcmVwb3J0");
}

#[tokio::test]
async fn the_summary_knows_about_root_keys() {
    let stub = stub(|cloud| {
        cloud.default_account().user("ci");
    });
    let caller = Caller::new(&stub, "AKIATEST");
    let figure = async |wanted: &str| {
        let answer = caller.iam("GetAccountSummary").await;
        let (keys, values) = (texts(&answer, "key"), texts(&answer, "value"));
        assert_eq!(keys.len(), 34);
        keys.iter().zip(values).find(|(key, _)| *key == wanted).unwrap().1
    };
    assert_eq!(figure("Users").await, "1");
    assert_eq!(figure("AccountAccessKeysPresent").await, "0");
    stub.cloud().default_account().root_keys.push(aws_stub::Key::new("AKIAROOT", NOW));
    assert_eq!(figure("AccountAccessKeysPresent").await, "1");
}

#[tokio::test]
async fn calls_beyond_the_quota_are_throttled_and_counted() {
    let stub = stub(|cloud| cloud.default_account().set_quota(0.0, 2));
    let caller = Caller::new(&stub, "AKIATEST");
    for expected in [200, 200, 400] {
        assert_eq!(caller.iam("ListUsers").await.status, expected);
    }
    let throttled = caller.iam("ListUsers").await;
    assert_eq!((text(&throttled, "Code"), text(&throttled, "Message")), ("Throttling".into(), "Rate exceeded".into()));
    assert_eq!(caller.sts("GetCallerIdentity").await.status, 200);
    stub.cloud().default_account().clear_quota();
    assert_eq!(caller.iam("ListUsers").await.status, 200);
    assert_eq!(stub.cloud().calls()["ListUsers"], 5);
}
