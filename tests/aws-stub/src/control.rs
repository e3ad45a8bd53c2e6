//! Orders to the stub from other processes, under `/_stub/`.
//!
//! | order | does |
//! |---|---|
//! | `GET healthy` | answers 200 |
//! | `GET calls?account=` | counts by action, of one account or all |
//! | `POST reset-calls` | starts counting again |
//! | `POST fault` | sets a fault: `{"action": "ListUsers", "kind": "throttle", "times": 3, "account": "…"}`; `delay` needs `millis`, `error` a `code` and perhaps `status` and `message`, `report` a base64 `content` |
//! | `POST clear-faults` | ends all faults |
//! | `POST rotate?user=&account=` | deactivates the oldest active key and adds a fresh one |
//! | `POST regenerate-report?account=` | replaces the stored credential report by one of now |

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::cloud::{Cloud, DEFAULT_ACCOUNT};
use crate::fault::Fault;
use crate::ids;

/// What went wrong with an order.
type Refused = (u16, String);

pub(crate) fn answer(cloud: &mut Cloud, method: &Method, order: &str, query: Option<&str>, body: &[u8]) -> Answer {
    let id = ids::request_id(cloud.next_seed());
    let query = Query(query.unwrap_or_default());
    match obey(cloud, method, order, query, body) {
        Ok(told) => Answer::json(200, &told, &id),
        Err((status, message)) => Answer::json(status, &json!({"error": message}), &id),
    }
}

fn obey(cloud: &mut Cloud, method: &Method, order: &str, query: Query<'_>, body: &[u8]) -> Result<Value, Refused> {
    let done = Ok(json!({"ok": true}));
    match (method.as_str(), order) {
        ("GET", "healthy") => done,
        ("GET", "calls") => {
            Ok(query.get("account").map_or_else(|| json!(cloud.calls()), |account| json!(cloud.calls_of(&account))))
        }
        ("POST", "reset-calls") => {
            cloud.reset_calls();
            done
        }
        ("POST", "fault") => {
            fault(cloud, body)?;
            done
        }
        ("POST", "clear-faults") => {
            cloud.clear_faults();
            done
        }
        ("POST", "rotate") => rotate(cloud, query),
        ("POST", "regenerate-report") => {
            let (now, account) = (cloud.now(), query.account());
            cloud.account(&account).regenerate_report(now);
            done
        }
        _ => Err((404, format!("there is no {method} /_stub/{order}"))),
    }
}

fn rotate(cloud: &mut Cloud, query: Query<'_>) -> Result<Value, Refused> {
    let account = query.account();
    let user = query.get("user").ok_or((400, "rotate needs ?user=NAME".to_owned()))?;
    if !cloud.account(&account).users.contains_key(&user) {
        return Err((404, format!("there is no user {user} in {account}")));
    }
    let (old, new) = cloud.rotate(&account, &user);
    Ok(json!({"account": account, "user": user, "deactivated": old, "created": new}))
}

/// The part of an address behind the question mark.
#[derive(Clone, Copy)]
struct Query<'a>(&'a str);

impl Query<'_> {
    fn get(self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.0.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    fn account(self) -> String {
        self.get("account").unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned())
    }
}

/// A fault as it is ordered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    account: Option<String>,
    action: String,
    kind: String,
    times: Option<u32>,
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    millis: Option<u64>,
    content: Option<String>,
}

fn fault(cloud: &mut Cloud, body: &[u8]) -> Result<(), Refused> {
    let wanted: Wanted = serde_json::from_slice(body).map_err(|problem| (400, problem.to_string()))?;
    let fault = understood(&wanted).map_err(|problem| (400, problem))?;
    cloud.add_rule(wanted.account.as_deref(), &wanted.action, fault, wanted.times);
    Ok(())
}

/// `ServiceFailure` and `service-failure` are the same kind.
fn understood(wanted: &Wanted) -> Result<Fault, String> {
    let kind = wanted.kind.to_ascii_lowercase().replace(['-', '_'], "");
    Ok(match kind.as_str() {
        "throttle" => Fault::Throttle,
        "servicefailure" => Fault::ServiceFailure,
        "accessdenied" => Fault::AccessDenied,
        "expiredtoken" => Fault::ExpiredToken,
        "cutbody" => Fault::CutBody,
        "dropconnection" => Fault::DropConnection,
        "malformedxml" => Fault::MalformedXml,
        "emptybody" => Fault::EmptyBody,
        "delay" => Fault::Delay(Duration::from_millis(wanted.millis.ok_or("delay needs millis")?)),
        "report" => {
            let content = wanted.content.as_deref().ok_or("report needs content in base64")?;
            Fault::Report(STANDARD.decode(content).map_err(|problem| problem.to_string())?)
        }
        "error" => Fault::Error {
            status: wanted.status.unwrap_or(400),
            code: wanted.code.clone().ok_or("error needs a code")?,
            message: wanted.message.clone().unwrap_or_default(),
        },
        _ => return Err(format!("there is no kind {}", wanted.kind)),
    })
}
