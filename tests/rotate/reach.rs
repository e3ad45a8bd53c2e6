//! Which account: through a role, with what it asks for.

use crate::{
    ACCOUNT,
    bench::{Bench, Place, USER},
};

const OTHER: &str = "222233334444";
const ROLE: &str = "arn:aws:iam::222233334444:role/rotate";

/// A user of another account, whose role asks for an external id.
async fn bench() -> Bench {
    let bench = Bench::new(Place::File).await;
    let mut cloud = bench.stub.cloud();
    let now = cloud.now();
    let other = cloud.account(OTHER);
    other.external_id = Some("agreed".to_owned());
    other.user("theirs").key("AKIATHEIRS", now - 1000);
    drop(cloud);
    bench
}

fn keys(bench: &Bench, account: &str, user: &str) -> usize {
    bench.stub.cloud().account(account).users[user].keys.len()
}

#[tokio::test]
async fn a_role_leads_into_another_account_with_the_id_that_it_asks_for() {
    let bench = bench().await;
    let sink = bench.sink();
    let start = ["start", "theirs", "--sink", &sink, "--role-arn", ROLE];
    for wrong in [&[][..], &["--external-id=guessed"]] {
        bench.run(&[&start[..], wrong].concat()).await.ends(1).says("not authorized to perform: sts:AssumeRole");
    }
    assert_eq!(keys(&bench, OTHER, "theirs"), 1);
    let told = bench.run(&[&start[..], &["--external-id=agreed", "--format=json"]].concat()).await.ends(0).json();
    assert_eq!((&told["account_id"], &told["stage"]), (&OTHER.into(), &"promoted".into()));
    assert_eq!((keys(&bench, OTHER, "theirs"), keys(&bench, ACCOUNT, USER)), (2, 1));
}

#[tokio::test]
async fn an_external_id_without_a_role_is_a_mistake() {
    let bench = bench().await;
    bench.run(&["status", "--external-id=agreed"]).await.ends(2).says("--role-arn");
}
