//! The IAM policy that the commands need, and no more. A test holds it against the calls made.

use serde::Serialize;
use serde_json::{Value, json};

use super::{cli::Verb, sink::SinkSpec};

const LOOK: [&str; 3] = ["iam:GetUser", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"];

/// Commands that change what a sink hands out; those that only finish read it.
const CHANGE_SINK: [Verb; 3] = [Verb::Start, Verb::Backout, Verb::Run];

/// The policy for these commands, these sinks with the keys that encrypt them, and these users.
pub(super) fn policy(
    commands: &[Verb],
    (sinks, kms_keys): (&[SinkSpec], &[String]),
    deletes: bool,
    users: &str,
) -> String {
    let all = [Verb::Start, Verb::Finish, Verb::Backout, Verb::Status, Verb::Run];
    let commands = if commands.is_empty() { &all[..] } else { commands };
    let has = |verbs: &[Verb]| commands.iter().any(|verb| verbs.contains(verb));
    let writes = has(&[Verb::Start, Verb::Finish, Verb::Backout, Verb::Run]);
    let mut statements = vec![statement("Look", &LOOK, format!("arn:aws:iam::*:user/{users}"))];
    if has(&[Verb::Status, Verb::Run]) {
        statements.push(statement("FindUsers", &["iam:GetAccountAuthorizationDetails"], "*"));
    }
    if writes {
        statements.push(on_keys(&has, deletes, users));
        statements.push(on_tags(&has, users));
        statements.extend(sinks.iter().flat_map(|sink| on_sink(&has, sink)));
        statements.extend(on_kms(&has, sinks, kms_keys));
    }
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    serde_json::to_string_pretty(&policy).expect("a policy has only texts as keys")
}

fn statement(sid: &str, actions: &[&str], resource: impl Serialize) -> Value {
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
    statement("ReplaceKeys", &actions, format!("arn:aws:iam::*:user/{users}"))
}

fn on_tags(has: &impl Fn(&[Verb]) -> bool, users: &str) -> Value {
    let mut actions = vec!["iam:TagUser"];
    if has(&[Verb::Finish, Verb::Backout, Verb::Run]) {
        actions.push("iam:UntagUser");
    }
    let mut statement = statement("RememberRotations", &actions, format!("arn:aws:iam::*:user/{users}"));
    statement["Condition"] = json!({"ForAllValues:StringLike": {"aws:TagKeys": "iam-key-rotate:*"}});
    statement
}

fn on_sink(has: &impl Fn(&[Verb]) -> bool, sink: &SinkSpec) -> Vec<Value> {
    let starts = has(&[Verb::Start, Verb::Run]);
    let changes = has(&CHANGE_SINK);
    match sink {
        SinkSpec::SecretsManager(name) => {
            let mut actions = vec!["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"];
            actions.extend(starts.then_some("secretsmanager:PutSecretValue"));
            actions.extend(changes.then_some("secretsmanager:UpdateSecretVersionStage"));
            vec![statement("KeepSecret", &actions, secret_arn(name))]
        }
        SinkSpec::Parameter(name) => {
            let mut actions = vec!["ssm:GetParameter"];
            actions.extend(changes.then_some("ssm:PutParameter"));
            actions.extend(starts.then_some("ssm:LabelParameterVersion"));
            actions.extend(starts.then_some("ssm:DeleteParameter"));
            let arn = parameter_arn(name);
            let mut statements = vec![statement("KeepParameter", &actions, [&arn, &format!("{arn}.pending")])];
            statements.extend(changes.then(|| statement("FindParameter", &["ssm:DescribeParameters"], "*")));
            statements
        }
        SinkSpec::File(_) | SinkSpec::Command(_) => Vec::new(),
    }
}

/// With a key of the customer's, AWS asks on behalf of whoever reads and writes a secret.
fn on_kms(has: &impl Fn(&[Verb]) -> bool, sinks: &[SinkSpec], keys: &[String]) -> Option<Value> {
    let is_any = |wanted: fn(&SinkSpec) -> bool| sinks.iter().any(wanted);
    let mut services = Vec::new();
    services
        .extend(is_any(|sink| matches!(sink, SinkSpec::SecretsManager(_))).then_some("secretsmanager.*.amazonaws.com"));
    services.extend(is_any(|sink| matches!(sink, SinkSpec::Parameter(_))).then_some("ssm.*.amazonaws.com"));
    if services.is_empty() || keys.is_empty() {
        return None;
    }
    let mut actions = vec!["kms:Decrypt"];
    if has(&CHANGE_SINK) {
        actions.extend(["kms:Encrypt", "kms:GenerateDataKey"]);
    }
    let mut statement = statement("EncryptSinks", &actions, keys);
    statement["Condition"] = json!({"StringLike": {"kms:ViaService": services}});
    Some(statement)
}

fn parameter_arn(name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    format!("arn:aws:ssm:*:*:parameter/{}", name.trim_start_matches('/'))
}

/// Secrets Manager adds six characters to a name.
fn secret_arn(name: &str) -> String {
    if name.starts_with("arn:") { name.to_owned() } else { format!("arn:aws:secretsmanager:*:*:secret:{name}-??????") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000001";

    fn printed(commands: &[Verb], sinks: &[&str]) -> Value {
        let sinks: Vec<SinkSpec> = sinks.iter().map(|sink| sink.parse().unwrap()).collect();
        serde_json::from_str(&policy(commands, (&sinks, &[KEY.to_owned()]), false, "ci/*")).unwrap()
    }

    fn part<'a>(policy: &'a Value, sid: &str, field: &str) -> &'a Value {
        let statements = policy["Statement"].as_array().unwrap();
        statements.iter().find(|statement| statement["Sid"] == sid).map_or(&Value::Null, |found| &found[field])
    }

    #[test]
    fn each_sink_has_its_own_names_and_no_others() {
        for (sink, sid, resource) in [
            (
                "ssm:/ci/bot",
                "KeepParameter",
                json!(["arn:aws:ssm:*:*:parameter/ci/bot", "arn:aws:ssm:*:*:parameter/ci/bot.pending"]),
            ),
            (
                "ssm:arn:aws:ssm:eu-central-1:111122223333:parameter/bot",
                "KeepParameter",
                json!([
                    "arn:aws:ssm:eu-central-1:111122223333:parameter/bot",
                    "arn:aws:ssm:eu-central-1:111122223333:parameter/bot.pending"
                ]),
            ),
            ("secretsmanager:ci/bot", "KeepSecret", json!("arn:aws:secretsmanager:*:*:secret:ci/bot-??????")),
            (
                "secretsmanager:arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci/bot-AbCdEf",
                "KeepSecret",
                json!("arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci/bot-AbCdEf"),
            ),
        ] {
            assert_eq!(part(&printed(&[], &[sink]), sid, "Resource"), &resource, "{sink}");
        }
    }

    #[test]
    fn keys_of_kms_are_used_by_the_services_of_the_sinks_alone() {
        let kms =
            |commands: &[Verb], sinks: &[&str], field| part(&printed(commands, sinks), "EncryptSinks", field).clone();
        let both = ["secretsmanager:ci/bot", "ssm:/ci/bot"];
        assert_eq!(kms(&[], &both, "Resource"), json!([KEY]));
        assert_eq!(kms(&[], &both, "Action"), json!(["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]));
        assert_eq!(kms(&[Verb::Finish], &both, "Action"), json!(["kms:Decrypt"]));
        let via = |services: &[&str]| json!({"StringLike": {"kms:ViaService": services}});
        let (secrets, parameters) = ("secretsmanager.*.amazonaws.com", "ssm.*.amazonaws.com");
        assert_eq!(kms(&[], &both, "Condition"), via(&[secrets, parameters]));
        assert_eq!(kms(&[], &both[..1], "Condition"), via(&[secrets]));
        for (commands, sinks) in [(&[][..], &["file:/tmp/key"][..]), (&[Verb::Status], &both)] {
            assert_eq!(kms(commands, sinks, "Action"), Value::Null);
        }
    }

    #[test]
    fn users_are_those_that_are_named() {
        let policy = printed(&[], &[]);
        for sid in ["Look", "ReplaceKeys", "RememberRotations"] {
            assert_eq!(part(&policy, sid, "Resource"), "arn:aws:iam::*:user/ci/*", "{sid}");
        }
    }
}
