//! The printed policy is what is called, no less and no more.

use std::collections::BTreeSet;

use aws_stub::Fault;
use serde_json::Value;

use crate::bench::{Bench, Place, end};

/// The actions of the policy that is printed for these commands.
async fn printed(bench: &Bench, args: &[&str]) -> BTreeSet<String> {
    let policy = end(bench.begin(&[&["policy"], args].concat())).await.ends(0).json();
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.filter_map(Value::as_str).map(|action| action.split_once(':').unwrap().1.to_owned()).collect()
}

/// What was called since the last time, but for what needs no permission.
fn called(bench: &Bench) -> BTreeSet<String> {
    let calls = bench.stub.cloud().calls().into_keys().filter(|action| action != "GetCallerIdentity").collect();
    bench.stub.cloud().reset_calls();
    calls
}

#[tokio::test]
async fn the_policy_of_each_command_and_sink_is_what_it_calls() {
    for place in [Place::Secret, Place::Parameter, Place::File] {
        let bench = Bench::new(place).await;
        let sink = bench.sink();
        // A start that lost its secret, so that the next deletes a key.
        let put = if place == Place::Secret { "PutSecretValue" } else { "PutParameter" };
        bench.stub.cloud().fault_times(put, Fault::AccessDenied, 1);
        if place == Place::File {
            bench.stub.cloud().fault_times("CreateAccessKey", Fault::CutBody, 1);
        }
        bench.start().await.ends(1);
        bench.start().await.ends(0);
        assert_eq!(called(&bench), printed(&bench, &["--for=start", "--sink", &sink]).await, "{place:?}: start");
        bench.finish(&[]).await.ends(0);
        let mut finish = called(&bench);
        bench.backout().await.ends(0);
        let mut backout = called(&bench);
        bench.finish(&["--delete"]).await.ends(0);
        let delete = called(&bench);
        // At the end of a rotation its tags go, with or without a deletion; on the way back where there is no new key.
        finish.insert("UntagUser".to_owned());
        backout.insert("UntagUser".to_owned());
        let with_delete: BTreeSet<String> = finish.union(&delete).cloned().collect();
        assert_eq!(finish, printed(&bench, &["--for=finish", "--sink", &sink]).await, "{place:?}: finish");
        assert_eq!(with_delete, printed(&bench, &["--for=finish", "--delete", "--sink", &sink]).await, "{place:?}");
        assert_eq!(backout, printed(&bench, &["--for=backout", "--sink", &sink]).await, "{place:?}: backout");
        bench.start().await.ends(0);
        called(&bench);
        bench.run(&["status"]).await.ends(0);
        assert_eq!(called(&bench), printed(&bench, &["--for=status"]).await, "{place:?}: status");
    }
}
