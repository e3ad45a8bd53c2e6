//! The independent judge: an AWS that we did not write, with its policies enforced.

use std::path::Path;

use testbed::Moto;

use crate::bench::{Ran, command, end};

const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools");

/// A user with an old key, a place for the next, and an operator with the policy that the rotator printed.
fn seed(policy: &str) -> String {
    format!(
        r#"
import moto.core.responses
from moto.core.responses import ActionAuthenticatorMixin
from moto.secretsmanager.models import secretsmanager_backends
iam.create_user("us-east-1", "ci-bot", "/", [])
old = iam.create_access_key("ci-bot")
old.create_date = now - datetime.timedelta(days=97)
old.last_used = AccessKeyLastUsed(now - datetime.timedelta(days=9), "s3", "us-east-1")
secretsmanager_backends["123456789012"]["us-east-1"].create_secret(name="ci/bot", secret_string="the secret of " + old.access_key_id,
    secret_binary=None, description=None, tags=[], kms_key_id=None, client_request_token="a" * 32,
    replica_regions=[], force_overwrite=False)
iam.create_user("us-east-1", "operator", "/", [])
# moto enforces actions; to resources and conditions of IAM it is blind, and takes them for a no.
import json
policy = json.loads('''{policy}''')
for statement in policy["Statement"]:
    statement["Resource"] = "*"
    statement.pop("Condition", None)
iam.put_user_policy("operator", "rotate", json.dumps(policy))
hub = iam.create_access_key("operator")
print("hub id=%s secret=%s" % (hub.access_key_id, hub.secret_access_key), flush=True)
ActionAuthenticatorMixin.request_count = 0
moto.core.responses.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
"#
    )
}

struct Judge {
    moto: Moto,
    folder: tempfile::TempDir,
}

impl Judge {
    async fn with_policy(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut printing = command("http://127.0.0.1:1", folder.path(), &[&["policy", "--delete"], args].concat());
        let policy = end(printing.spawn().unwrap()).await.ends(0).out;
        Self { moto: Moto::start(Path::new(TOOLS), &seed(&policy)).await.unwrap(), folder }
    }

    async fn run(&self, args: &[&str]) -> Ran {
        let (id, secret) = self.moto.hub_key();
        let mut command = command(&self.moto.endpoint(), self.folder.path(), &[args, &["--yes"]].concat());
        command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
        end(command.spawn().unwrap()).await
    }
}

#[tokio::test]
async fn the_whole_path_and_back_with_no_more_than_the_printed_policy() {
    // The parameter is not there at first: from its first value there is no way back.
    let sinks = [("secretsmanager:ci/bot", true), ("ssm:/ci/bot", false), ("ssm:/ci/bot", true)];
    let judge = Judge::with_policy(&["--sink=secretsmanager:ci/bot", "--sink=ssm:/ci/bot"]).await;
    for (sink, goes_back) in sinks {
        judge.run(&["start", "ci-bot", "--sink", sink]).await.ends(0).says("now promoted");
        judge.run(&["finish", "ci-bot"]).await.ends(3).says("is not quiet yet");
        judge.run(&["finish", "ci-bot", "--quiet=0s"]).await.ends(0).says("now deactivated");
        judge.run(&["status"]).await.ends(0).says("deactivated since");
        if !goes_back {
            judge.run(&["backout", "ci-bot"]).await.ends(3).says("has no earlier value");
            judge.run(&["finish", "ci-bot", "--delete", "--delete-after=0s"]).await.ends(0).says("is over");
            continue;
        }
        judge.run(&["backout", "ci-bot"]).await.ends(0).says("now backed-out");
        judge.run(&["finish", "ci-bot", "--delete", "--delete-after=0s"]).await.ends(0).says("the rotation is over");
        judge.run(&["start", "ci-bot", "--sink", sink]).await.ends(0).says("now promoted");
        judge.run(&["finish", "ci-bot", "--quiet=0s"]).await.ends(0);
        judge.run(&["finish", "ci-bot", "--delete", "--delete-after=0s"]).await.ends(0).says("the rotation is over");
    }
    judge.run(&["run", "--rotate-after=1s"]).await.ends(0);
}

#[tokio::test]
async fn what_the_policy_does_not_have_is_refused_by_aws() {
    let judge = Judge::with_policy(&["--for=start,status", "--sink=ssm:/ci/bot"]).await;
    judge.run(&["status"]).await.ends(0);
    judge.run(&["start", "ci-bot", "--sink=secretsmanager:ci/bot"]).await.ends(1).says("access_denied");
    judge.run(&["start", "ci-bot", "--sink=ssm:/ci/bot"]).await.ends(0);
    judge.run(&["finish", "ci-bot", "--quiet=0s"]).await.ends(1).says("UpdateAccessKey");
}
