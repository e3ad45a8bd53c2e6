//! The IAM policy that the commands need, and no more. A test holds it against the calls made.

use serde_json::{Value, json};

use super::{cli::Verb, sink::SinkSpec};

const LOOK: [&str; 3] = ["iam:GetUser", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"];

/// The policy for these commands, these sinks and these users.
pub(super) fn policy(commands: &[Verb], sinks: &[SinkSpec], deletes: bool, users: &str) -> String {
    let all = [Verb::Start, Verb::Finish, Verb::Backout, Verb::Status, Verb::Run];
    let commands = if commands.is_empty() { &all[..] } else { commands };
    let has = |verbs: &[Verb]| commands.iter().any(|verb| verbs.contains(verb));
    let writes = has(&[Verb::Start, Verb::Finish, Verb::Backout, Verb::Run]);
    let mut statements = vec![statement("Look", &LOOK, &format!("arn:aws:iam::*:user/{users}"))];
    if has(&[Verb::Status, Verb::Run]) {
        statements.push(statement("FindUsers", &["iam:GetAccountAuthorizationDetails"], "*"));
    }
    if writes {
        statements.push(on_keys(&has, deletes, users));
        statements.push(on_tags(&has, users));
        statements.extend(sinks.iter().flat_map(|sink| on_sink(&has, sink)));
    }
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    serde_json::to_string_pretty(&policy).expect("a policy has only texts as keys")
}

fn statement(sid: &str, actions: &[&str], resource: &str) -> Value {
    json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource})
}

/// `start` deletes a new key whose secret was lost in a crash.
fn on_keys(has: &impl Fn(&[Verb]) -> bool, deletes: bool, users: &str) -> Value {
    let mut actions = Vec::new();
    if has(&[Verb::Start, Verb::Run]) {
        actions.push("iam:CreateAccessKey");
    }
    if has(&[Verb::Finish, Verb::Backout, Verb::Run]) {
        actions.push("iam:UpdateAccessKey");
    }
    if has(&[Verb::Start, Verb::Run]) || deletes {
        actions.push("iam:DeleteAccessKey");
    }
    statement("ReplaceKeys", &actions, &format!("arn:aws:iam::*:user/{users}"))
}

fn on_tags(has: &impl Fn(&[Verb]) -> bool, users: &str) -> Value {
    let mut actions = vec!["iam:TagUser"];
    if has(&[Verb::Finish, Verb::Backout, Verb::Run]) {
        actions.push("iam:UntagUser");
    }
    let mut statement = statement("RememberRotations", &actions, &format!("arn:aws:iam::*:user/{users}"));
    statement["Condition"] = json!({"ForAllValues:StringLike": {"aws:TagKeys": "iam-key-rotate:*"}});
    statement
}

fn on_sink(has: &impl Fn(&[Verb]) -> bool, sink: &SinkSpec) -> Vec<Value> {
    let starts = has(&[Verb::Start, Verb::Run]);
    let reads = has(&[Verb::Start, Verb::Finish, Verb::Backout, Verb::Run]);
    let changes = has(&[Verb::Start, Verb::Backout, Verb::Run]);
    match sink {
        SinkSpec::SecretsManager(name) => {
            let mut actions = vec!["secretsmanager:DescribeSecret"];
            actions.extend(reads.then_some("secretsmanager:GetSecretValue"));
            actions.extend(starts.then_some("secretsmanager:PutSecretValue"));
            actions.extend(changes.then_some("secretsmanager:UpdateSecretVersionStage"));
            vec![statement("KeepSecret", &actions, &secret_arn(name))]
        }
        SinkSpec::Parameter(name) => {
            let mut actions = vec!["ssm:GetParameter"];
            actions.extend(changes.then_some("ssm:PutParameter"));
            actions.extend(starts.then_some("ssm:LabelParameterVersion"));
            actions.extend(starts.then_some("ssm:DeleteParameter"));
            let arn = format!("arn:aws:ssm:*:*:parameter/{}*", name.trim_start_matches('/'));
            let mut statements = vec![statement("KeepParameter", &actions, &arn)];
            statements.extend(changes.then(|| statement("FindParameter", &["ssm:DescribeParameters"], "*")));
            statements
        }
        SinkSpec::File(_) | SinkSpec::Command(_) => Vec::new(),
    }
}

/// Secrets Manager adds six characters to a name.
fn secret_arn(name: &str) -> String {
    if name.starts_with("arn:") { name.to_owned() } else { format!("arn:aws:secretsmanager:*:*:secret:{name}-??????") }
}
