//! Access keys.

use crate::iam::{Scene, Told};
use crate::ids;
use crate::page;
use crate::refusal::Refusal;
use crate::time::iso;
use crate::user::Key;
use crate::xml::Xml;

pub(super) fn list(scene: &mut Scene<'_>) -> Told {
    let (call, cap) = (scene.call, scene.cap);
    let user = scene.user()?;
    let mut keys: Vec<&Key> = user.keys.iter().collect();
    keys.sort_by_key(|key| &key.id);
    let page = page::cut(call, cap, "ListAccessKeys", keys.into_iter(), |key| &key.id)?;
    Ok(Xml::of(|xml| {
        xml.text("UserName", &user.name);
        xml.members("AccessKeyMetadata", &page.items, |xml, key| {
            xml.text("UserName", &user.name).text("AccessKeyId", &key.id);
            xml.text("Status", key.status());
            if !key.omit_create_date {
                xml.text("CreateDate", &iso(key.created));
            }
        });
        page.write_end(xml);
    }))
}

pub(super) fn last_used(scene: &mut Scene<'_>) -> Told {
    let id = scene.call.require("AccessKeyId")?;
    let user = scene.account.owner(id).ok_or_else(|| Refusal::no_key(id))?;
    let last = user.keys.iter().find(|key| key.id == id).and_then(|key| key.last_used.as_ref());
    Ok(Xml::of(|xml| {
        xml.text("UserName", &user.name);
        xml.nest("AccessKeyLastUsed", |xml| match last {
            Some(last) => {
                xml.text("LastUsedDate", &iso(last.at));
                xml.text("ServiceName", &last.service).text("Region", &last.region);
            }
            None => {
                xml.text("ServiceName", "N/A").text("Region", "N/A");
            }
        });
    }))
}

pub(super) fn create(scene: &mut Scene<'_>) -> Told {
    let (seed, now, most) = (scene.seed, scene.now, scene.account.keys_per_user);
    let user = scene.user()?;
    if user.keys.len() >= most {
        let message = format!("Cannot exceed quota for AccessKeysPerUser: {most}");
        return Err(Refusal::new(409, "LimitExceeded", message));
    }
    let name = user.name.clone();
    let key = user.key(&ids::key_id(seed), now);
    key.secret = Some(ids::secret(seed));
    Ok(Xml::of(|xml| {
        xml.nest("AccessKey", |xml| {
            xml.text("UserName", &name).text("AccessKeyId", &key.id);
            xml.text("Status", key.status()).text("SecretAccessKey", &ids::secret(seed));
            xml.text("CreateDate", &iso(key.created));
        });
    }))
}

pub(super) fn update(scene: &mut Scene<'_>) -> Told {
    let id = scene.call.require("AccessKeyId")?;
    let active = match scene.call.require("Status")? {
        "Active" => true,
        "Inactive" => false,
        other => {
            let set = "satisfy enum value set: [Active, Inactive]";
            return Err(Refusal::constraint(&format!("'{other}'"), "status", set));
        }
    };
    let user = scene.user()?;
    let key = user.keys.iter_mut().find(|key| key.id == id);
    key.ok_or_else(|| Refusal::no_key(id))?.active = active;
    Ok(Xml::default())
}

pub(super) fn delete(scene: &mut Scene<'_>) -> Told {
    let id = scene.call.require("AccessKeyId")?;
    let user = scene.user()?;
    if !user.keys.iter().any(|key| key.id == id) {
        return Err(Refusal::no_key(id));
    }
    user.remove_key(id);
    Ok(Xml::default())
}
