//! The credential report: its rows in the live shape, and the shelf on which an account keeps one.

use crate::account::Account;
use crate::time::iso;
use crate::user::{Key, Password};

/// The 22 columns, in live order.
pub const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,\
password_last_changed,password_next_rotation,mfa_active,access_key_1_active,\
access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,\
access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// AWS makes a new report only when the stored one is this old.
const LIFE: i64 = 4 * 3600;

const NOT_APPLICABLE: &str = "N/A";

/// The report that an account has stored, and the one being made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf {
    stored: Option<Report>,
    ordered: Option<(Report, u32)>,
}

/// A finished report.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) generated: i64,
    pub(crate) content: Vec<u8>,
}

/// What an order for a report led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Started,
    Running,
    Complete,
}

/// Why there is no report to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    NotPresent,
    InProgress,
    Expired,
}

impl Shelf {
    pub(crate) fn holding(generated: i64, content: Vec<u8>) -> Self {
        Self { stored: Some(Report { generated, content }), ordered: None }
    }

    fn fresh(&self, now: i64) -> bool {
        self.stored.as_ref().is_some_and(|report| now - report.generated < LIFE)
    }

    /// One question nearer to the end; true while the report is still being made.
    fn still_making(&mut self) -> bool {
        match self.ordered.take() {
            Some((report, 0)) => self.stored = Some(report),
            Some((report, left)) => self.ordered = Some((report, left - 1)),
            None => {}
        }
        self.ordered.is_some()
    }
}

/// `GenerateCredentialReport`.
pub(crate) fn order(account: &mut Account, now: i64) -> Progress {
    if account.reports.ordered.is_some() {
        let making = account.reports.still_making();
        return if making { Progress::Running } else { Progress::Complete };
    }
    if account.reports.fresh(now) {
        return Progress::Complete;
    }
    let report = Report { generated: now, content: render(account) };
    account.reports.ordered = Some((report, account.report_delay));
    Progress::Started
}

/// `GetCredentialReport`.
pub(crate) fn collect(account: &mut Account, now: i64) -> Result<&Report, Missing> {
    if account.reports.still_making() {
        return Err(Missing::InProgress);
    }
    match &account.reports.stored {
        None => Err(Missing::NotPresent),
        Some(report) if now - report.generated > LIFE => Err(Missing::Expired),
        Some(report) => Ok(report),
    }
}

/// The whole report: the root row, then the users, without a newline at the end.
pub(crate) fn render(account: &Account) -> Vec<u8> {
    let mut users: Vec<_> = account.users.values().collect();
    users.sort_by_cached_key(|user| (user.name.to_lowercase(), user.name.clone()));
    let rows = users.into_iter().map(|user| {
        row(&Line {
            user: &user.name,
            arn: user.arn(&account.partition, &account.id),
            created: user.created,
            password: user.password.as_ref(),
            next_rotation: NOT_APPLICABLE,
            mfa_active: user.mfa_active,
            keys: &user.keys,
        })
    });
    let lines: Vec<_> = [HEADER.to_owned(), root_row(account)].into_iter().chain(rows).collect();
    lines.join("\n").into_bytes()
}

fn root_row(account: &Account) -> String {
    row(&Line {
        user: "<root_account>",
        arn: format!("arn:{}:iam::{}:root", account.partition, account.id),
        created: account.created,
        password: account.root_password.as_ref(),
        next_rotation: "not_supported",
        mfa_active: account.root_mfa_active,
        keys: &account.root_keys,
    })
}

/// What a row is made of.
struct Line<'a> {
    user: &'a str,
    arn: String,
    created: i64,
    password: Option<&'a Password>,
    next_rotation: &'a str,
    mfa_active: bool,
    keys: &'a [Key],
}

fn row(line: &Line<'_>) -> String {
    let mut cells = vec![quoted(line.user), quoted(&line.arn), iso(line.created)];
    cells.extend(password_cells(line.password, line.next_rotation));
    cells.push(line.mfa_active.to_string());
    let (first, second) = slots(line.keys);
    cells.extend(key_cells(first));
    cells.extend(key_cells(second));
    cells.extend(["false", NOT_APPLICABLE, "false", NOT_APPLICABLE].map(str::to_owned));
    cells.join(",")
}

fn password_cells(password: Option<&Password>, next_rotation: &str) -> [String; 4] {
    match password {
        Some(password) => [
            "true".to_owned(),
            password.last_used.map_or_else(|| "no_information".to_owned(), iso),
            iso(password.changed),
            next_rotation.to_owned(),
        ],
        None => ["false", NOT_APPLICABLE, NOT_APPLICABLE, next_rotation].map(str::to_owned),
    }
}

/// The two oldest keys: active ones first, then by id. Others are in no row.
fn slots(keys: &[Key]) -> (Option<&Key>, Option<&Key>) {
    let mut oldest: Vec<&Key> = keys.iter().collect();
    oldest.sort_by_key(|key| key.created);
    oldest.truncate(2);
    oldest.sort_by_key(|key| (!key.active, &key.id));
    (oldest.first().copied(), oldest.get(1).copied())
}

fn key_cells(key: Option<&Key>) -> [String; 5] {
    let Some(key) = key else {
        return ["false", NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE].map(str::to_owned);
    };
    let absent = || NOT_APPLICABLE.to_owned();
    let used = key.last_used.as_ref();
    [
        key.active.to_string(),
        iso(key.created),
        used.map_or_else(absent, |used| iso(used.at)),
        used.map_or_else(absent, |used| used.region.clone()),
        used.map_or_else(absent, |used| used.service.clone()),
    ]
}

/// A user name may contain a comma.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> i64 {
        text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp()
    }

    fn text(account: &Account) -> String {
        String::from_utf8(render(account)).unwrap()
    }

    fn account() -> Account {
        let mut account = Account::new("123456789012");
        account.created = seconds("2019-02-01T10:00:00Z");
        account
    }

    #[test]
    fn the_header_has_22_columns_and_nothing_follows_the_last_row() {
        assert_eq!(HEADER.split(',').count(), 22);
        let text = text(&account());
        assert!(text.starts_with(HEADER));
        assert!(!text.ends_with('\n'));
        assert!(text.lines().all(|line| line.split(',').count() == 22));
    }

    #[test]
    fn the_root_row_is_the_live_one() {
        let mut account = account();
        account.root_password = Some(Password {
            changed: seconds("2019-02-01T10:00:00Z"),
            last_used: Some(seconds("2026-01-05T09:00:00Z")),
        });
        account.root_mfa_active = true;
        assert_eq!(
            text(&account).lines().nth(1).unwrap(),
            "<root_account>,arn:aws:iam::123456789012:root,2019-02-01T10:00:00Z,true,2026-01-05T09:00:00Z,2019-02-01T10:00:00Z,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
        );
    }

    #[test]
    fn a_user_row_is_the_live_one_with_the_active_key_first() {
        let mut account = account();
        let user = account.user("ci-bot");
        user.path = "/ci/".to_owned();
        user.created = seconds("2024-03-01T08:00:00Z");
        user.key("AKIAOLD", seconds("2023-12-01T00:00:00Z")).deactivate();
        let at = seconds("2026-09-10T04:10:00Z");
        user.key("AKIANEW", seconds("2024-03-01T08:00:05Z")).used(at, "s3", "us-east-1");
        assert_eq!(
            text(&account).lines().nth(2).unwrap(),
            "ci-bot,arn:aws:iam::123456789012:user/ci/ci-bot,2024-03-01T08:00:00Z,false,N/A,N/A,N/A,false,true,2024-03-01T08:00:05Z,2026-09-10T04:10:00Z,us-east-1,s3,false,2023-12-01T00:00:00Z,N/A,N/A,N/A,false,N/A,false,N/A"
        );
    }

    #[test]
    fn users_are_sorted_without_regard_to_case_and_commas_are_quoted() {
        let mut account = account();
        for name in ["Zoe", "adam", "Bob", "c,d"] {
            account.user(name);
        }
        let text = text(&account);
        let starts = ["<root_account>,", "adam,", "Bob,", "\"c,d\",", "Zoe,"];
        assert!(text.lines().skip(1).zip(starts).all(|(line, start)| line.starts_with(start)));
    }

    #[test]
    fn a_third_key_is_in_no_row() {
        let mut account = account();
        for (id, created) in [("AKIA3", 30), ("AKIA1", 10), ("AKIA2", 20)] {
            account.user("many").key(id, created);
        }
        let text = text(&account);
        assert!(text.contains(&iso(10)) && text.contains(&iso(20)) && !text.contains(&iso(30)));
    }

    #[test]
    fn a_report_lives_four_hours() {
        let mut account = account();
        assert_eq!(collect(&mut account, 0).unwrap_err(), Missing::NotPresent);
        assert_eq!(order(&mut account, 0), Progress::Started);
        account.user("late");
        assert_eq!(order(&mut account, 5), Progress::Complete);
        assert_eq!(order(&mut account, LIFE - 1), Progress::Complete);
        let report = collect(&mut account, LIFE).unwrap();
        assert_eq!(report.generated, 0);
        assert!(!String::from_utf8_lossy(&report.content).contains("late"));
        assert_eq!(collect(&mut account, LIFE + 1).unwrap_err(), Missing::Expired);
        assert_eq!(order(&mut account, LIFE + 1), Progress::Started);
        assert_eq!(collect(&mut account, LIFE + 1).unwrap().generated, LIFE + 1);
    }

    #[test]
    fn a_delayed_report_is_in_progress_first() {
        let mut account = account();
        account.report_delay = 2;
        assert_eq!(order(&mut account, 0), Progress::Started);
        assert_eq!(collect(&mut account, 0).unwrap_err(), Missing::InProgress);
        assert_eq!(order(&mut account, 0), Progress::Running);
        assert_eq!(order(&mut account, 0), Progress::Complete);
        assert!(collect(&mut account, 0).is_ok());
    }
}
