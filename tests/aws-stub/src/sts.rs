//! STS: who is calling, and how to become somebody in another account.

use crate::call::{Call, Service};
use crate::cloud::{Cloud, Session};
use crate::fault;
use crate::ids;
use crate::refusal::Refusal;
use crate::time::iso;
use crate::xml::Xml;

/// A role session made from another role session lasts no longer.
const CHAINED: i64 = 3600;

/// Who calls.
pub(crate) struct Identity {
    pub(crate) account: String,
    pub(crate) arn: String,
    id: String,
}

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Result<Xml, Refusal> {
    match call.action.as_str() {
        "GetCallerIdentity" => get_caller_identity(cloud, call),
        "AssumeRole" => assume_role(cloud, call),
        other => Err(Refusal::unknown_action(other, call.version())),
    }
}

/// Who calls: a role session, a user whose key it is, or somebody of the default account.
pub(crate) fn identity(cloud: &mut Cloud, call: &Call) -> Identity {
    let account = cloud.caller_account(call);
    if let Some(Session { arn, id, .. }) = cloud.session(call).cloned() {
        return Identity { account, arn, id };
    }
    let home = cloud.account(&account);
    let partition = home.partition.clone();
    let owner = call.key_id.as_deref().and_then(|id| home.owner(id));
    let (arn, id) = owner.map_or_else(
        || (format!("arn:{partition}:iam::{account}:user/caller"), ids::user_id(0)),
        |user| (user.arn(&partition, &account), user.user_id.clone()),
    );
    Identity { account, arn, id }
}

fn get_caller_identity(cloud: &mut Cloud, call: &Call) -> Result<Xml, Refusal> {
    let identity = identity(cloud, call);
    let id = call.key_id.as_deref().unwrap_or_default();
    if cloud.is_still_unknown(id) {
        return Err(invalid());
    }
    let now = cloud.now();
    let mut owner = cloud.account(&identity.account).owner(id);
    if let Some(key) = owner.iter_mut().flat_map(|user| &mut user.keys).find(|key| key.id == id && key.active) {
        key.used(now, "sts", "us-east-1");
    }
    if owner.is_some_and(|user| user.keys.iter().any(|key| key.id == id && !key.active)) {
        return Err(invalid());
    }
    Ok(Xml::of(|xml| {
        xml.text("Arn", &identity.arn).text("UserId", &identity.id);
        xml.text("Account", &identity.account);
    }))
}

fn invalid() -> Refusal {
    Refusal::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

fn assume_role(cloud: &mut Cloud, call: &Call) -> Result<Xml, Refusal> {
    let role = role(call)?;
    let name = session_name(call)?;
    let lasts = duration(cloud, call)?;
    if !allowed(cloud, call, &role) {
        let caller = identity(cloud, call).arn;
        let mut refusal = fault::denied(Service::Sts, &caller, "AssumeRole");
        refusal.message =
            format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {}", role.arn);
        return Err(refusal);
    }
    let seed = cloud.next_seed();
    let session = Session {
        account: role.account.to_owned(),
        arn: format!("arn:{}:sts::{}:assumed-role/{}/{name}", role.partition, role.account, role.name),
        id: format!("{}:{name}", ids::role_id(ids::seed_of(&[role.account, role.name]))),
        expires: cloud.now() + lasts,
    };
    cloud.told.extend([ids::secret(seed), token(seed)]);
    let told = tell(&session, seed);
    cloud.sessions.insert(ids::session_key_id(seed), session);
    Ok(told)
}

fn tell(session: &Session, seed: u64) -> Xml {
    Xml::of(|xml| {
        xml.nest("AssumedRoleUser", |xml| {
            xml.text("AssumedRoleId", &session.id).text("Arn", &session.arn);
        });
        xml.nest("Credentials", |xml| {
            xml.text("AccessKeyId", &ids::session_key_id(seed));
            xml.text("SecretAccessKey", &ids::secret(seed));
            xml.text("SessionToken", &token(seed));
            xml.text("Expiration", &iso(session.expires));
        });
    })
}

fn token(seed: u64) -> String {
    ids::secret(seed ^ 1).repeat(4)
}

/// A role ARN in its parts.
struct Role<'a> {
    arn: &'a str,
    partition: &'a str,
    account: &'a str,
    name: &'a str,
}

fn role(call: &Call) -> Result<Role<'_>, Refusal> {
    let arn = call.require("RoleArn")?;
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    if let ["arn", partition, "iam", "", account, resource] = parts[..]
        && let Some(path) = resource.strip_prefix("role/")
    {
        let name = path.rsplit('/').next().unwrap_or(path);
        return Ok(Role { arn, partition, account, name });
    }
    Err(Refusal::validation(format!("{arn} is invalid")))
}

fn session_name(call: &Call) -> Result<&str, Refusal> {
    let name = call.require("RoleSessionName")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (2..=64).contains(&name.len()) && name.chars().all(fits) {
        return Ok(name);
    }
    let pattern = "satisfy regular expression pattern: [\\w+=,.@-]*";
    Err(Refusal::constraint(&format!("'{name}'"), "roleSessionName", pattern))
}

fn duration(cloud: &Cloud, call: &Call) -> Result<i64, Refusal> {
    let lasts = call.number("DurationSeconds", 900, 43200)?.unwrap_or(CHAINED);
    if lasts > CHAINED && cloud.session(call).is_some() {
        return Err(Refusal::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    Ok(cloud.session_seconds.unwrap_or(lasts))
}

fn allowed(cloud: &Cloud, call: &Call, role: &Role<'_>) -> bool {
    cloud.accounts.get(role.account).is_some_and(|account| {
        let external = account.external_id.as_deref();
        account.state == "ACTIVE"
            && account.partition == role.partition
            && account.assumable.as_ref().is_none_or(|roles| roles.contains(role.name))
            && external.is_none_or(|id| call.get("ExternalId") == Some(id))
    })
}
