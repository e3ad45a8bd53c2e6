//! Users and their tags.

use crate::account::Account;
use crate::iam::{Scene, Told};
use crate::page;
use crate::refusal::Refusal;
use crate::time::iso;
use crate::user::User;
use crate::xml::Xml;

const MOST_TAGS: usize = 50;

pub(super) fn list(scene: &mut Scene<'_>) -> Told {
    let prefix = scene.call.get("PathPrefix").unwrap_or("/");
    if !prefix.starts_with('/') {
        return Err(Refusal::validation(
            "The specified value for pathPrefix is invalid. It must begin with / and contain only alphanumeric characters and/or / characters.",
        ));
    }
    let account = &*scene.account;
    let users = account.users.values().filter(|user| user.path.starts_with(prefix));
    let page = page::cut(scene.call, scene.cap, "ListUsers", users, |user| &user.name)?;
    Ok(Xml::of(|xml| {
        xml.members("Users", &page.items, |xml, user| profile(xml, account, user));
        page.write_end(xml);
    }))
}

pub(super) fn get(scene: &mut Scene<'_>) -> Told {
    let user = scene.user()?.clone();
    Ok(Xml::of(|xml| {
        xml.nest("User", |xml| {
            profile(xml, scene.account, &user);
            if !user.tags.is_empty() {
                tags(xml, user.tags.iter());
            }
        });
    }))
}

/// What every list of users tells of one.
fn profile(xml: &mut Xml, account: &Account, user: &User) {
    identity(xml, account, user);
    if let Some(used) = user.password.as_ref().and_then(|password| password.last_used) {
        xml.text("PasswordLastUsed", &iso(used));
    }
}

pub(super) fn identity(xml: &mut Xml, account: &Account, user: &User) {
    xml.text("Path", &user.path).text("UserName", &user.name).text("UserId", &user.user_id);
    xml.text("Arn", &user.arn(&account.partition, &account.id));
    xml.text("CreateDate", &iso(user.created));
}

pub(super) fn tags<'a>(xml: &mut Xml, tags: impl Iterator<Item = (&'a String, &'a String)>) {
    xml.members("Tags", tags, |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    });
}

pub(super) fn list_tags(scene: &mut Scene<'_>) -> Told {
    let (call, cap) = (scene.call, scene.cap);
    let user = scene.named_user()?;
    let page = page::cut(call, cap, "ListUserTags", user.tags.iter(), |(key, _)| key.as_str())?;
    Ok(Xml::of(|xml| {
        tags(xml, page.items.iter().copied());
        page.write_end(xml);
    }))
}

pub(super) fn tag(scene: &mut Scene<'_>) -> Told {
    let call = scene.call;
    let user = scene.named_user()?;
    let mut tags = user.tags.clone();
    let (names, values) = (call.members("Tags", ".Key"), call.members("Tags", ".Value"));
    tags.extend(names.into_iter().zip(values).map(|(name, value)| (name.into(), value.into())));
    if tags.len() > MOST_TAGS {
        let message = "The number of tags has reached the maximum limit.";
        return Err(Refusal::new(409, "LimitExceeded", message));
    }
    user.tags = tags;
    Ok(Xml::default())
}

pub(super) fn untag(scene: &mut Scene<'_>) -> Told {
    let gone = scene.call.members("TagKeys", "");
    scene.named_user()?.tags.retain(|key, _| !gone.contains(&key.as_str()));
    Ok(Xml::default())
}
