//! Managed policies, as far as they are attached to users.

use crate::iam::{Scene, Told};
use crate::page;
use crate::refusal::Refusal;
use crate::xml::Xml;

/// Policies that exist although nobody has them.
const KNOWN: [&str; 9] = [
    "AWSCompromisedKeyQuarantine",
    "AWSCompromisedKeyQuarantineV2",
    "AWSCompromisedKeyQuarantineV3",
    "AWSCompromisedKeyQuarantineV4",
    "AdministratorAccess",
    "IAMReadOnlyAccess",
    "PowerUserAccess",
    "ReadOnlyAccess",
    "SecurityAudit",
];

pub(super) fn list_attached(scene: &mut Scene<'_>) -> Told {
    let (call, cap) = (scene.call, scene.cap);
    let partition = scene.account.partition.clone();
    let mut names = scene.named_user()?.attached_policies.clone();
    names.sort();
    let scope = "ListAttachedUserPolicies";
    let page = page::cut(call, cap, scope, names.into_iter(), String::as_str)?;
    Ok(Xml::of(|xml| {
        attached(xml, "AttachedPolicies", &partition, &page.items);
        page.write_end(xml);
    }))
}

pub(super) fn attached(xml: &mut Xml, tag: &str, partition: &str, names: &[String]) {
    xml.members(tag, names, |xml, name| {
        xml.text("PolicyName", name).text("PolicyArn", &arn(partition, name));
    });
}

fn arn(partition: &str, name: &str) -> String {
    format!("arn:{partition}:iam::aws:policy/{name}")
}

pub(super) fn list_entities(scene: &mut Scene<'_>) -> Told {
    let wanted = scene.call.require("PolicyArn")?;
    let account = &*scene.account;
    let matches = |name: &str| arn(&account.partition, name) == wanted;
    let has = |policies: &[String]| policies.iter().any(|name| matches(name));
    let mut users = account.users.values().filter(|user| has(&user.attached_policies)).peekable();
    if users.peek().is_none() && !KNOWN.iter().any(|name| matches(name)) {
        let message = format!("Policy {wanted} does not exist or is not attachable.");
        return Err(Refusal::new(404, "NoSuchEntity", message));
    }
    let entities = scene.call.get("EntityFilter").unwrap_or("User");
    let users = users.filter(|_| entities == "User");
    let scope = format!("ListEntitiesForPolicy {wanted} {entities}");
    let page = page::cut(scene.call, scene.cap, &scope, users, |user| &user.name)?;
    Ok(Xml::of(|xml| {
        xml.nest("PolicyGroups", |_| {});
        xml.members("PolicyUsers", &page.items, |xml, user| {
            xml.text("UserName", &user.name).text("UserId", &user.user_id);
        });
        xml.nest("PolicyRoles", |_| {});
        page.write_end(xml);
    }))
}
