//! What concerns the whole account: its summary, alias, details and credential report.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::account::Account;
use crate::iam::{Scene, Told, policies, users};
use crate::page;
use crate::refusal::Refusal;
use crate::report::{self, Missing, Progress};
use crate::time::iso;
use crate::user::User;
use crate::xml::Xml;

const FILTERS: [&str; 5] = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];

pub(super) fn details(scene: &mut Scene<'_>) -> Told {
    let filters = scene.call.members("Filter", "");
    if let Some(odd) = filters.iter().find(|filter| !FILTERS.contains(filter)) {
        let set = format!("satisfy enum value set: [{}]", FILTERS.join(", "));
        return Err(Refusal::constraint(&format!("'[{odd}]'"), "filter", &set));
    }
    let account = &*scene.account;
    let wanted = filters.is_empty() || filters.contains(&"User");
    let users = account.users.values().filter(|_| wanted);
    let scope = format!("GetAccountAuthorizationDetails {}", filters.join(","));
    let page = page::cut(scene.call, scene.cap, &scope, users, |user| &user.name)?;
    Ok(Xml::of(|xml| {
        xml.members("UserDetailList", &page.items, |xml, user| detail(xml, account, user));
        for empty in ["GroupDetailList", "RoleDetailList", "Policies"] {
            xml.nest(empty, |_| {});
        }
        page.write_end(xml);
    }))
}

fn detail(xml: &mut Xml, account: &Account, user: &User) {
    users::identity(xml, account, user);
    xml.texts("GroupList", &user.groups);
    let names = &user.attached_policies;
    policies::attached(xml, "AttachedManagedPolicies", &account.partition, names);
    users::tags(xml, user.tags.iter());
}

pub(super) fn aliases(scene: &mut Scene<'_>) -> Told {
    let alias = scene.account.alias.iter();
    let page = page::cut(scene.call, scene.cap, "ListAccountAliases", alias, |alias| alias)?;
    Ok(Xml::of(|xml| {
        xml.texts("AccountAliases", page.items.iter().copied());
        page.write_end(xml);
    }))
}

pub(super) fn order_report(scene: &mut Scene<'_>) -> Xml {
    let (state, description) = match report::order(scene.account, scene.now) {
        Progress::Started => ("STARTED", Some("No report exists. Starting a new report generation task")),
        Progress::Running => ("INPROGRESS", None),
        Progress::Complete => ("COMPLETE", None),
    };
    Xml::of(|xml| {
        xml.text("State", state);
        if let Some(description) = description {
            xml.text("Description", description);
        }
    })
}

pub(super) fn get_report(scene: &mut Scene<'_>) -> Told {
    let report = report::collect(scene.account, scene.now).map_err(missing)?;
    let content = scene.report.unwrap_or(&report.content);
    Ok(Xml::of(|xml| {
        xml.text("Content", &STANDARD.encode(content)).text("ReportFormat", "text/csv");
        xml.text("GeneratedTime", &iso(report.generated));
    }))
}

fn missing(why: Missing) -> Refusal {
    match why {
        Missing::NotPresent => {
            Refusal::new(410, "ReportNotPresent", "No report exists. Start a new report generation task.")
        }
        Missing::InProgress => Refusal::new(404, "ReportInProgress", "Unknown"),
        Missing::Expired => {
            Refusal::new(410, "ReportExpired", "The report has expired. Start a new report generation task.")
        }
    }
}

pub(super) fn summary(scene: &mut Scene<'_>) -> Xml {
    let figures = figures(scene.account);
    Xml::of(|xml| {
        xml.nest("SummaryMap", |xml| {
            for (key, value) in figures {
                xml.nest("entry", |xml| {
                    xml.text("key", key).text("value", &value.to_string());
                });
            }
        });
    })
}

fn figures(account: &Account) -> [(&'static str, usize); 34] {
    let users_with_mfa = account.users.values().filter(|user| user.mfa_active).count();
    let policies: usize = account.users.values().map(|user| user.attached_policies.len()).sum();
    [
        ("AccessKeysPerUserQuota", account.keys_per_user),
        ("AccountAccessKeysPresent", usize::from(!account.root_keys.is_empty())),
        ("AccountMFAEnabled", usize::from(account.root_mfa_active)),
        ("AccountPasswordPresent", usize::from(account.root_password.is_some())),
        ("AccountSigningCertificatesPresent", 0),
        ("AssumeRolePolicySizeQuota", 2048),
        ("AttachedPoliciesPerGroupQuota", 10),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("AttachedPoliciesPerUserQuota", 10),
        ("GlobalEndpointTokenVersion", 1),
        ("GroupPolicySizeQuota", 5120),
        ("Groups", 0),
        ("GroupsPerUserQuota", 10),
        ("GroupsQuota", 300),
        ("InstanceProfiles", 0),
        ("InstanceProfilesQuota", 1000),
        ("MFADevices", users_with_mfa),
        ("MFADevicesInUse", users_with_mfa),
        ("Policies", 0),
        ("PoliciesQuota", 1500),
        ("PolicySizeQuota", 6144),
        ("PolicyVersionsInUse", policies),
        ("PolicyVersionsInUseQuota", 10000),
        ("Providers", 0),
        ("RolePolicySizeQuota", 10240),
        ("Roles", 0),
        ("RolesQuota", 1000),
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", 20),
        ("SigningCertificatesPerUserQuota", 2),
        ("UserPolicySizeQuota", 2048),
        ("Users", account.users.len()),
        ("UsersQuota", 5000),
        ("VersionsPerPolicyQuota", 5),
    ]
}
