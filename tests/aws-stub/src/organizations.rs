//! Organizations: which accounts and units there are. JSON, unlike the other services.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::account::Account;
use crate::call::{Call, Service};
use crate::cloud::Cloud;
use crate::fault;
use crate::organization::Organization;
use crate::refusal::Refusal;
use crate::sts;

/// The service gives no larger pages of accounts.
const MOST_ITEMS: u64 = 20;

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Result<Value, Refusal> {
    let caller = sts::identity(cloud, call);
    let organization = &cloud.organization;
    if !organization.in_use {
        return Err(Refusal::new(
            400,
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        ));
    }
    let document = call.document()?;
    if call.action == "DescribeOrganization" {
        return Ok(describe(cloud));
    }
    let entitled = organization.management == caller.account || organization.delegated.contains(&caller.account);
    if !entitled {
        return Err(fault::denied(Service::Organizations, &caller.arn, &call.action));
    }
    match call.action.as_str() {
        "ListAccounts" => list(cloud, document, None),
        "ListAccountsForParent" => list(cloud, document, Some(parent(organization, document)?)),
        "ListOrganizationalUnitsForParent" => units(cloud, document),
        other => {
            let message = format!("There is no operation {other}.");
            Err(Refusal::new(400, "UnknownOperationException", message))
        }
    }
}

fn describe(cloud: &Cloud) -> Value {
    let Organization { id, management, .. } = &cloud.organization;
    let email = cloud.accounts.get(management).map(|account| account.email.as_str());
    json!({"Organization": {
        "Id": id,
        "Arn": format!("arn:aws:organizations::{management}:organization/{id}"),
        "FeatureSet": "ALL",
        "MasterAccountArn": format!("arn:aws:organizations::{management}:account/{id}/{management}"),
        "MasterAccountId": management,
        "MasterAccountEmail": email,
    }})
}

/// The unit that a call asks about.
fn parent<'a>(organization: &Organization, document: &'a Value) -> Result<&'a str, Refusal> {
    let id = document["ParentId"].as_str().unwrap_or_default();
    if organization.knows(id) {
        return Ok(id);
    }
    let message = "You specified parent that doesn't exist.";
    Err(Refusal::new(400, "ParentNotFoundException", message))
}

fn list(cloud: &Cloud, document: &Value, parent: Option<&str>) -> Result<Value, Refusal> {
    let organization = &cloud.organization;
    let members = cloud.accounts.values().filter(|account| {
        let here = parent.is_none_or(|parent| organization.parent_of(account) == parent);
        account.member && here
    });
    let rows = members.map(|account| (account.id.clone(), tell(organization, account)));
    paged(cloud, document, "Accounts", rows)
}

fn tell(organization: &Organization, account: &Account) -> Value {
    let Organization { id, management, hidden, .. } = organization;
    let path = organization.path(organization.parent_of(account));
    let mut fields = Map::new();
    let mut tell = |field: &str, value: Value| {
        if !hidden.contains(field) {
            fields.insert(field.to_owned(), value);
        }
    };
    let arn = format!("arn:aws:organizations::{management}:account/{id}/{}", account.id);
    tell("Id", json!(account.id));
    tell("Arn", json!(arn));
    tell("Email", json!(account.email));
    tell("Name", json!(account.name));
    tell("State", json!(account.state));
    if ["ACTIVE", "SUSPENDED", "PENDING_CLOSURE"].contains(&account.state.as_str()) {
        tell("Status", json!(account.state));
    }
    tell("Paths", json!([format!("{path}{}/", account.id)]));
    tell("JoinedMethod", json!("CREATED"));
    tell("JoinedTimestamp", json!(account.created));
    Value::Object(fields)
}

fn units(cloud: &Cloud, document: &Value) -> Result<Value, Refusal> {
    let organization = &cloud.organization;
    let Organization { id, management, .. } = organization;
    let parent = parent(organization, document)?;
    let mut below: Vec<_> = organization.units.iter().filter(|unit| unit.parent == parent).collect();
    below.sort_by_key(|unit| &unit.id);
    let rows = below.into_iter().map(|unit| {
        let arn = format!("arn:aws:organizations::{management}:ou/{id}/{}", unit.id);
        let path = organization.path(&unit.id);
        (unit.id.clone(), json!({"Id": unit.id, "Arn": arn, "Name": unit.name, "Path": path}))
    });
    paged(cloud, document, "OrganizationalUnits", rows)
}

/// A page of rows in ascending order of their ids. A token says whether the empty page before the next
/// one has been given already, and the last id.
fn paged(
    cloud: &Cloud,
    document: &Value,
    field: &str,
    rows: impl Iterator<Item = (String, Value)>,
) -> Result<Value, Refusal> {
    let (emptied, after) = match document["NextToken"].as_str() {
        Some(token) => unwrap(token)?,
        None => (false, String::new()),
    };
    if cloud.organization.empty_pages && !emptied {
        return Ok(json!({field: [], "NextToken": wrap("full", &after)}));
    }
    let most = most(cloud, document)?;
    let mut page: Vec<_> = rows.filter(|(id, _)| *id > after).take(most + 1).collect();
    let truncated = page.len() > most;
    page.truncate(most);
    let last = page.last().filter(|_| truncated).map(|(id, _)| wrap("next", id));
    let rows: Vec<_> = page.into_iter().map(|(_, row)| row).collect();
    Ok(match last {
        Some(token) => json!({field: rows, "NextToken": token}),
        None => json!({field: rows}),
    })
}

fn most(cloud: &Cloud, document: &Value) -> Result<usize, Refusal> {
    let asked = document["MaxResults"].as_u64().unwrap_or(MOST_ITEMS);
    if !(1..=MOST_ITEMS).contains(&asked) {
        let message = "You provided a value that does not match the required range.";
        return Err(Refusal::new(400, "InvalidInputException", message));
    }
    let asked = usize::try_from(asked).unwrap_or(1);
    Ok(cloud.page_size.map_or(asked, |cap| asked.min(cap)))
}

fn wrap(kind: &str, after: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind} {after}"))
}

fn unwrap(token: &str) -> Result<(bool, String), Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    match text.split_once(' ') {
        Some((kind @ ("full" | "next"), after)) => Ok((kind == "full", after.to_owned())),
        _ => Err(Refusal::new(400, "InvalidInputException", "The token is invalid.")),
    }
}
