//! The page for people without Grafana at hand: the accounts and how they fare.

use std::fmt::Write as _;

use crate::{
    inventory::Timestamp,
    policy::{self, Policy},
    snapshot::{AccountState, Fleet},
};

const STYLE: &str = "body{font-family:sans-serif;margin:2rem;max-width:60rem;color-scheme:light dark}\
                     td,th{padding:.3rem 1rem .3rem 0;text-align:left}";

/// The whole page.
pub(super) fn render(fleet: &Fleet, policy: &Policy, telemetry_path: &str, now: Timestamp) -> String {
    let (version, metrics) = (env!("CARGO_PKG_VERSION"), escaped(telemetry_path));
    let rows: String = fleet.accounts.iter().map(|(id, state)| row(id, state, policy, now)).collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>iam-key-exporter</title><style>{STYLE}</style>\
         <h1>iam-key-exporter</h1><p>Age and last use of AWS IAM access keys. Version {version}.</p>\
         <p><a href=\"{metrics}\">Metrics</a> · <a href=\"/-/healthy\">Health</a> · <a href=\"/-/ready\">Readiness</a></p>\
         <table><tr><th>Account<th>Read<th>Keys<th>Overdue<th>Last attempt</tr>{rows}</table></html>\n"
    )
}

fn row(id: &str, state: &AccountState, policy: &Policy, now: Timestamp) -> String {
    let health = match &state.health {
        None => "not yet",
        Some(health) if health.is_up => "ok",
        Some(_) => "failing",
    };
    let mut row = format!("<tr><td>{}<td>{health}", escaped(id));
    match state.account.as_deref() {
        None => row.push_str("<td>not known<td>not known"),
        Some(account) => {
            let overdue = policy::overdue(&policy.due_times(account), now);
            write!(row, "<td>{}<td>{overdue}", account.keys().count()).expect("writing to a String does not fail");
        }
    }
    row.push_str("<td>");
    if let Some(health) = &state.health {
        let seconds = (now - health.tried_at).max(0);
        let errors = escaped(&health.errors.join("; "));
        write!(row, "{seconds} s ago {errors}").expect("writing to a String does not fail");
    }
    row.push_str("</tr>");
    row
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
