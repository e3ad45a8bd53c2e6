//! IAM: one account's users, keys, tags, policies and reports.

mod account;
mod keys;
mod policies;
mod users;

use crate::account::Account;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::ids;
use crate::refusal::Refusal;
use crate::user::User;
use crate::xml::Xml;

/// What an action works with.
pub(crate) struct Scene<'a> {
    account: &'a mut Account,
    call: &'a Call,
    now: i64,
    cap: Option<usize>,
    seed: u64,
    report: Option<&'a [u8]>,
}

type Told = Result<Xml, Refusal>;

/// Performs an IAM action; `report` replaces the content of the credential report.
pub(crate) fn answer(cloud: &mut Cloud, call: &Call, report: Option<&[u8]>) -> Told {
    let (now, cap, seed) = (cloud.now(), cloud.page_size, cloud.next_seed());
    let id = cloud.caller_account(call);
    if call.action == "CreateAccessKey" {
        cloud.owner_of_key(&ids::key_id(seed), &id);
    }
    let mut scene = Scene { account: cloud.account(&id), call, now, cap, seed, report };
    let scene = &mut scene;
    match call.action.as_str() {
        "ListUsers" => users::list(scene),
        "GetUser" => users::get(scene),
        "ListUserTags" => users::list_tags(scene),
        "TagUser" => users::tag(scene),
        "UntagUser" => users::untag(scene),
        "ListAccessKeys" => keys::list(scene),
        "GetAccessKeyLastUsed" => keys::last_used(scene),
        "CreateAccessKey" => keys::create(scene),
        "UpdateAccessKey" => keys::update(scene),
        "DeleteAccessKey" => keys::delete(scene),
        "ListAttachedUserPolicies" => policies::list_attached(scene),
        "ListEntitiesForPolicy" => policies::list_entities(scene),
        "GetAccountAuthorizationDetails" => account::details(scene),
        "GetAccountSummary" => Ok(account::summary(scene)),
        "ListAccountAliases" => account::aliases(scene),
        "GenerateCredentialReport" => Ok(account::order_report(scene)),
        "GetCredentialReport" => account::get_report(scene),
        "" => Err(Refusal::new(400, "MissingAction", "There is no Action.")),
        other => Err(Refusal::unknown_action(other, call.version())),
    }
}

impl Scene<'_> {
    /// The user that the call names, or the one who calls.
    fn user(&mut self) -> Result<&mut User, Refusal> {
        if let Some(name) = self.call.get("UserName") {
            return find(self.account, name);
        }
        let caller = self.call.key_id.as_deref();
        caller
            .and_then(|id| self.account.owner(id))
            .ok_or_else(|| Refusal::validation("Must specify userName when calling with non-User credentials"))
    }

    /// The user that the call must name.
    fn named_user(&mut self) -> Result<&mut User, Refusal> {
        find(self.account, self.call.require("UserName")?)
    }
}

fn find<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut User, Refusal> {
    account.users.get_mut(name).ok_or_else(|| Refusal::no_user(name))
}
