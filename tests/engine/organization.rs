//! Many accounts in one process: who is read, through what, and what one broken account
//! does to the others, which is nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_stub::{Fault, Stub};
use iam_key_exporter::{
    config::Config,
    roster::{Shard, Sources},
    state::StateDir,
};

use crate::in_process::{ACCOUNT, DAY, POLL, Watch, now, run};

pub(crate) const ROLE: &str = "organization: { role_name: iam-key-exporter }";

pub(crate) fn sources(config: &str) -> Sources {
    let Config { own_account, accounts, organization, .. } = Config::parse(config).unwrap();
    Sources { own_account, listed: accounts, organization, shard: Shard::default() }
}

fn id(number: u64) -> String {
    format!("{}", 200_000_000_000 + number)
}

/// The hub and so many members, each with one overdue key and one that is not.
fn organization(members: u64) -> Stub {
    let stub = Stub::unbound();
    {
        let mut cloud = stub.cloud();
        for account in (0..members).map(id).chain([ACCOUNT.to_owned()]) {
            let account = cloud.account(&account);
            let id = account.id.clone();
            account.user("ci").key(&format!("AKIAOLD{id}"), now() - 100 * DAY).used(now() - DAY, "s3", "us-east-1");
            account.user("fresh").key(&format!("AKIANEW{id}"), now() - DAY);
        }
    }
    stub
}

async fn polled(stub: &Stub, config: &str) -> Watch {
    let mut watch = Watch::of(stub, None, sources(config)).await;
    watch.poll().await;
    watch
}

fn accounts(watch: &Watch) -> BTreeSet<String> {
    watch.by_account("aws_iam_account_up").into_keys().collect()
}

fn ups(watch: &Watch) -> BTreeMap<String, f64> {
    watch.by_account("aws_iam_account_up")
}

#[test]
fn an_organization_is_discovered_through_empty_pages_without_what_is_not_active() {
    run(async {
        let stub = organization(45);
        {
            let mut cloud = stub.cloud();
            cloud.organization().empty_pages = true;
            cloud.account(&id(3)).state = "SUSPENDED".into();
            cloud.account(&id(4)).state = "PENDING_CLOSURE".into();
            cloud.account(&id(5)).state = "PENDING_ACTIVATION".into();
        }
        let watch = polled(&stub, ROLE).await;
        let expected: BTreeSet<_> =
            (0..45).filter(|number| !(3..=5).contains(number)).map(id).chain([ACCOUNT.into()]).collect();
        assert_eq!(accounts(&watch), expected);
        assert_eq!(watch.overdue().len(), 43);
        let calls = stub.cloud().calls();
        assert_eq!(calls["AssumeRole"], 42, "not into the own account");
    });
}

#[test]
fn an_old_answer_with_status_and_without_state_will_do() {
    run(async {
        let stub = organization(2);
        stub.cloud().account(&id(1)).state = "SUSPENDED".into();
        stub.cloud().organization().hidden.insert("State".into());
        assert_eq!(accounts(&polled(&stub, ROLE).await), [ACCOUNT.into(), id(0)].into());
    });
}

#[test]
fn units_hold_what_is_in_units_below_them_whether_aws_tells_paths_or_not() {
    for hidden in [None, Some("Paths")] {
        run(async {
            let stub = organization(4);
            {
                let mut cloud = stub.cloud();
                let organization = cloud.organization();
                organization.unit("ou-ab12-prod", "Prod", None);
                organization.unit("ou-ab12-pci", "Pci", Some("ou-ab12-prod"));
                organization.unit("ou-ab12-deep", "Deep", Some("ou-ab12-pci"));
                organization.hidden.extend(hidden.map(String::from));
                cloud.account(&id(0)).parent = Some("ou-ab12-prod".into());
                cloud.account(&id(1)).parent = Some("ou-ab12-deep".into());
                cloud.account(&id(2)).parent = Some("ou-ab12-pci".into());
            }
            let config =
                format!("{} , include: [ou-ab12-prod], exclude: ['{}'] }}", ROLE.trim_end_matches(" }"), id(2));
            assert_eq!(accounts(&polled(&stub, &config).await), [ACCOUNT.into(), id(0), id(1)].into(), "{hidden:?}");
        });
    }
}

#[test]
fn accounts_come_and_go_while_the_exporter_runs() {
    run(async {
        let stub = organization(2);
        let mut watch = polled(&stub, ROLE).await;
        {
            let mut cloud = stub.cloud();
            cloud.account(&id(0)).state = "CLOSED".into();
            cloud.account(&id(9)).user("late").key("AKIALATE", now() - 200 * DAY);
            "Late arrival".clone_into(&mut cloud.account(&id(9)).name);
        }
        watch.poll_after(POLL).await;
        assert_eq!(accounts(&watch), [ACCOUNT.into(), id(1), id(9)].into());
        assert!(watch.overdue().contains("AKIALATE") && !watch.page().contains(&id(0)));
        assert!(watch.page().contains("account_name=\"Late arrival\""));
    });
}

#[test]
fn a_list_that_cannot_be_had_keeps_the_known_accounts_even_over_a_restart() {
    run(async {
        let stub = organization(3);
        let dir = tempfile::tempdir().unwrap();
        let state = || Some(StateDir::open(dir.path()).unwrap());
        let mut watch = Watch::of(&stub, state(), sources(ROLE)).await;
        watch.poll().await;
        let all = accounts(&watch);
        for fault in [Fault::EmptyBody, Fault::CutBody, Fault::MalformedXml, Fault::AccessDenied, Fault::Throttle] {
            stub.cloud().clear_faults();
            stub.cloud().fault("ListAccounts", fault.clone());
            watch.poll_after(POLL).await;
            assert_eq!(accounts(&watch), all, "{fault:?}");
        }
        let mut restarted = Watch::of(&stub, state(), sources(ROLE)).await;
        restarted.poll_after(POLL).await;
        assert_eq!(ups(&restarted), all.iter().map(|id| (id.clone(), 1.0)).collect());
        assert_eq!(restarted.overdue().len(), 4);
    });
}

#[test]
fn an_account_that_was_never_read_stays_broken_over_a_reload_while_nobody_can_be_listed() {
    run(async {
        let stub = organization(3);
        stub.cloud().fault_in(&id(1), "AssumeRole", Fault::AccessDenied);
        let watch = polled(&stub, ROLE).await;
        let all = accounts(&watch);
        stub.cloud().fault("ListAccounts", Fault::AccessDenied);
        let mut watch = watch.reloaded(sources(ROLE)).await;
        watch.poll_after(POLL).await;
        assert_eq!(accounts(&watch), all);
        assert_eq!(down(&watch), [id(1)]);
    });
}

/// Every way in which one account can be broken.
fn breakages() -> Vec<(&'static str, Fault)> {
    let faults = [
        Fault::AccessDenied,
        Fault::Throttle,
        Fault::ServiceFailure,
        Fault::Delay(Duration::from_mins(2)),
        Fault::DropConnection,
        Fault::MalformedXml,
        Fault::EmptyBody,
        Fault::ExpiredToken,
    ];
    ["AssumeRole", "*"].into_iter().flat_map(|action| faults.clone().map(|fault| (action, fault))).collect()
}

#[test]
fn one_broken_account_among_fifty_changes_nothing_for_the_others() {
    for (action, fault) in breakages() {
        run(async {
            let (stub, broken) = (organization(50), id(17));
            stub.cloud().set_latency(Duration::from_millis(40));
            let mut watch = polled(&stub, ROLE).await;
            rest_and_poll(&mut watch, POLL).await;
            let (others_took, overdue) = (durations(&watch, &broken), watch.overdue());
            stub.cloud().fault_in(&broken, action, fault.clone());
            let calls = assumed(&watch, &broken);
            if action == "*" {
                // While the role's credentials last: IAM itself is what fails.
                rest_and_poll(&mut watch, POLL).await;
                assert_eq!(down(&watch), std::slice::from_ref(&broken), "{action} with {fault:?}");
                assert_eq!(watch.overdue(), overdue, "{action} with {fault:?}: nothing is lost");
            }
            // Beyond the life of the role's credentials, so that it has to be assumed anew.
            rest_and_poll(&mut watch, 2 * 3600).await;
            rest_and_poll(&mut watch, POLL).await;
            let what = format!("{action} with {fault:?}");
            assert_eq!(down(&watch), std::slice::from_ref(&broken), "{what}");
            assert_eq!(watch.overdue(), overdue, "{what}: nothing is lost");
            assert_eq!(durations(&watch, &broken), others_took, "{what}: the others' poll times");
            if (action, &fault) == ("AssumeRole", &Fault::AccessDenied) {
                assert_eq!(assumed(&watch, &broken) - calls, 2, "one call a poll, not one a request");
            }
            stub.cloud().clear_faults();
            watch.poll_after(POLL).await;
            assert!(ups(&watch).values().all(|up| *up > 0.0), "{what}: healed, {:?}", watch.errors());
        });
    }
}

fn down(watch: &Watch) -> Vec<String> {
    ups(watch).into_iter().filter(|(_, up)| *up < 1.0).map(|(id, _)| id).collect()
}

/// Polls when the pace of every account has recovered from the poll before.
async fn rest_and_poll(watch: &mut Watch, seconds: i64) {
    tokio::time::advance(Duration::from_secs(seconds.unsigned_abs())).await;
    watch.poll_after(seconds).await;
}

/// Poll times of all others, to the hundredth of a second of virtual time.
fn durations(watch: &Watch, but: &str) -> Vec<i64> {
    let all = watch.by_account("iam_key_exporter_poll_duration_seconds");
    #[expect(clippy::cast_possible_truncation, reason = "seconds are few")]
    all.into_iter().filter(|(id, _)| id != but).map(|(_, seconds)| (seconds * 100.0).round() as i64).collect()
}

fn assumed(watch: &Watch, account: &str) -> u64 {
    let counts = watch.tally.counts();
    counts
        .iter()
        .filter(|((id, operation), _)| **id == *account && *operation == "AssumeRole")
        .map(|(_, count)| count.requests)
        .sum()
}

#[test]
fn credentials_that_end_in_the_middle_never_let_another_account_answer() {
    run(async {
        let (stub, broken) = (organization(3), id(1));
        let mut watch = polled(&stub, ROLE).await;
        stub.cloud().fault_in_times(&broken, "GetAccountSummary", Fault::ExpiredToken, 1);
        watch.poll_after(4 * 3600).await;
        let keys = watch.keys("aws_iam_access_key_created_timestamp_seconds");
        assert_eq!(keys.len(), 8, "every id in one account only: {keys:?}");
        watch.poll_after(POLL).await;
        assert!(ups(&watch).values().all(|up| *up > 0.0), "{:?}", watch.errors());
    });
}

#[test]
fn a_role_that_asks_for_an_external_id_is_refused_without_it_and_opens_with_it() {
    run(async {
        let stub = organization(2);
        stub.cloud().account(&id(0)).external_id = Some("our-secret".into());
        let watch = polled(&stub, ROLE).await;
        assert_eq!(ups(&watch), [(ACCOUNT.to_owned(), 1.0), (id(0), 0.0), (id(1), 1.0)].into());
        assert!(watch.errors()[0].contains("sts:AssumeRole"), "{:?}", watch.errors());
        let config = format!(
            "accounts:\n- role_arn: arn:aws:iam::{}:role/any\n  external_id: our-secret\n  name: mine\n",
            id(0)
        );
        let watch = polled(&stub, &config).await;
        assert_eq!(ups(&watch), [(ACCOUNT.to_owned(), 1.0), (id(0), 1.0)].into());
        assert!(watch.page().contains("account_name=\"mine\""));
    });
}

#[test]
fn two_shards_together_are_one_process() {
    run(async {
        let stub = organization(30);
        let whole = polled(&stub, ROLE).await.keys("aws_iam_access_key_created_timestamp_seconds");
        let mut parts = BTreeMap::new();
        for number in 0..2 {
            let shard = Shard { number, total: 2 };
            let mut watch = Watch::of(&stub, None, Sources { shard, ..sources(ROLE) }).await;
            watch.poll().await;
            let part = watch.keys("aws_iam_access_key_created_timestamp_seconds");
            assert!(!part.is_empty());
            for (id, key) in part {
                assert!(parts.insert(id.clone(), key).is_none(), "{id} twice");
            }
        }
        assert_eq!(parts, whole);
    });
}
