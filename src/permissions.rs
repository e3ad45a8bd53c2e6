//! What AWS must permit for a configuration: the IAM policies of the exporter's own credentials
//! and of the role in each other account. No action is missing in them, none is there to spare;
//! `tests/deploy/operations.rs` and `least_privilege.rs` hold them against the calls that are made.

use serde::Serialize;

use crate::{
    cli::{Permission, PolicyRole, PolicyWishes},
    config::{AccountFilter, Config, Organization, RoleArn, Through},
};

/// What a managed policy may have, white space not counted (User Guide, "IAM and AWS STS quotas").
const LONGEST: usize = 6144;

/// The account ids of all accounts.
const ANY_ACCOUNT: &str = "*";

/// An IAM policy, in the order in which people read one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
}

/// There is nothing to permit.
#[derive(Debug, thiserror::Error)]
#[error(
    "no policy is needed: the configuration reads accounts with profiles alone, and the credentials of \
     each profile need the policy that --role=member prints"
)]
pub struct NothingNeeded;

/// The policy of one side.
///
/// # Errors
/// When that side needs no permission at all.
pub fn policy(config: &Config, wanted: &PolicyWishes) -> Result<Policy, NothingNeeded> {
    let reads = wanted.role == PolicyRole::Member || config.own_account;
    let mut statement: Vec<Statement> = reads.then(|| read_keys(&wanted.without)).into_iter().collect();
    if wanted.role == PolicyRole::Hub {
        statement.extend(config.organization.as_ref().map(list_organization));
        statement.extend(assume_roles(config, wanted.partition.as_deref()));
    }
    if statement.is_empty() { Err(NothingNeeded) } else { Ok(Policy { version: "2012-10-17", statement }) }
}

impl Policy {
    /// As AWS takes it.
    ///
    /// # Panics
    /// Never: texts and lists of texts are JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and lists of texts are JSON")
    }

    /// Why AWS would not take it after all.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let length = self.json().chars().filter(|c| !c.is_whitespace()).count();
        (length > LONGEST).then(|| {
            format!(
                "the policy has {length} characters, and AWS takes {LONGEST} in one: give the roles one name, \
                 and permit sts:AssumeRole on arn:…:iam::*:role/NAME, as the policy of an organization does"
            )
        })
    }
}

/// The resource is every user either way; a key that was deleted meanwhile has none any more, and with
/// a narrower one AWS would answer that it is forbidden where it is gone.
fn read_keys(without: &[Permission]) -> Statement {
    let has = |permission| !without.contains(&permission);
    let mut action = vec!["iam:GetAccountSummary", "iam:ListAccountAliases"];
    action.extend(if has(Permission::CredentialReport) {
        &["iam:GenerateCredentialReport", "iam:GetCredentialReport"][..]
    } else {
        &["iam:ListUsers"]
    });
    action.push(if has(Permission::Details) {
        "iam:GetAccountAuthorizationDetails"
    } else {
        "iam:ListAttachedUserPolicies"
    });
    action.extend(["iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"]);
    action.extend(has(Permission::Tags).then_some("iam:ListUserTags"));
    allow("ReadAccessKeys", action, vec!["*".to_owned()])
}

/// Units are walked where AWS does not tell in which ones an account is.
fn list_organization(organization: &Organization) -> Statement {
    let mut filters = organization.include.iter().chain(&organization.exclude);
    let mut action = vec!["organizations:ListAccounts"];
    if filters.any(|filter| matches!(filter, AccountFilter::Unit(_))) {
        action.extend(["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"]);
    }
    allow("ListOrganization", action, vec!["*".to_owned()])
}

fn assume_roles(config: &Config, partition: Option<&str>) -> Option<Statement> {
    let listed: Vec<&RoleArn> = config.accounts.iter().filter_map(|entry| role(&entry.through)).collect();
    let found = listed.first().map(|arn| &*arn.partition);
    let partition = partition.or(found).unwrap_or("aws");
    let in_all =
        |organization: &Organization| format!("arn:{partition}:iam::{ANY_ACCOUNT}:role/{}", organization.role_name);
    let mut resource: Vec<String> = config.organization.as_ref().map(in_all).into_iter().collect();
    resource.extend(listed.iter().map(|arn| arn.text.to_string()));
    (!resource.is_empty()).then(|| allow("AssumeMemberRoles", vec!["sts:AssumeRole"], resource))
}

fn role(through: &Through) -> Option<&RoleArn> {
    match through {
        Through::Role(role) => Some(&role.arn),
        Through::Profile(_) => None,
    }
}

fn allow(sid: &'static str, action: Vec<&'static str>, resource: Vec<String>) -> Statement {
    Statement { sid, effect: "Allow", action, resource }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(text: &str) -> Policy {
        policy(&Config::parse(text).unwrap(), &PolicyWishes::default()).unwrap()
    }

    fn assumed(policy: &Policy) -> &[String] {
        policy.statement.iter().find(|s| s.sid == "AssumeMemberRoles").map_or(&[], |s| &s.resource)
    }

    #[test]
    fn only_the_roles_of_the_configuration_may_be_assumed() {
        let listed = "accounts: [{role_arn: 'arn:aws-cn:iam::222233334444:role/a/b'}, {profile: legacy}]";
        assert_eq!(assumed(&hub(listed)), ["arn:aws-cn:iam::222233334444:role/a/b"]);
        let both = format!("{listed}\norganization: {{role_name: audit/reader}}");
        let roles = ["arn:aws-cn:iam::*:role/audit/reader", "arn:aws-cn:iam::222233334444:role/a/b"];
        assert_eq!(assumed(&hub(&both)), roles);
        assert!(assumed(&hub("")).is_empty());
    }

    #[test]
    fn the_partition_is_the_one_that_was_asked_for() {
        let config = Config::parse("organization: {role_name: r}").unwrap();
        let wanted = PolicyWishes { partition: Some("aws-us-gov".into()), ..PolicyWishes::default() };
        assert_eq!(assumed(&policy(&config, &wanted).unwrap()), ["arn:aws-us-gov:iam::*:role/r"]);
    }

    #[test]
    fn credentials_that_read_nothing_need_no_policy() {
        let config = Config::parse("own_account: false\naccounts: [{profile: legacy}]").unwrap();
        assert!(policy(&config, &PolicyWishes::default()).is_err());
        let member = PolicyWishes { role: PolicyRole::Member, ..PolicyWishes::default() };
        assert!(policy(&config, &member).is_ok());
    }

    #[test]
    fn a_policy_that_aws_would_not_take_is_told() {
        let role = |n: usize| format!("  - {{role_arn: 'arn:aws:iam::{n:012}:role/iam-key-exporter'}}\n");
        let listed = |count: usize| format!("accounts:\n{}", (0..count).map(role).collect::<String>());
        assert_eq!(hub(&listed(100)).warning(), None);
        let warning = hub(&listed(130)).warning().unwrap();
        assert!(warning.starts_with("the policy has 6"), "{warning}");
    }
}
