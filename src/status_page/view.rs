//! The whole page in words, for the template.

use askama::Template;

use super::{
    STYLE, StatusPage,
    options::{Notice, Options},
    query::{Query, Show},
    rows::{AccountRow, FAILING, KeyRow, OLD, RUNBOOKS, Usage},
    survey::{self, AccountPlace, Counts, Entry, Fare, Leaf, Light, Place, Survey},
    words::{Moment, counted, grouped, span},
};
use crate::inventory::{Account, Timestamp};

/// Keys on a page: as many as can be looked through.
pub(super) const KEYS: usize = 100;

/// Accounts on a page: the worst, beside the keys.
pub(super) const ACCOUNTS: usize = 25;

/// The tile that is in the title too.
const OVERDUE: &str = "Overdue";

/// Broken accounts that are told of above everything else; the table has all of them.
const TROUBLES: usize = 5;

/// The page.
#[derive(Debug, Template)]
#[template(path = "status_page/page.html")]
pub(super) struct View<'a> {
    style: &'static str,
    version: &'static str,
    runbooks: [(&'static str, &'static str); 8],
    telemetry_path: &'a str,
    now: Moment,
    title: String,
    tiles: Vec<Tile>,
    plain: Vec<String>,
    troubles: Vec<Trouble<'a>>,
    untold: Option<String>,
    all_well: Option<String>,
    notices: Vec<Notice>,
    query: Query,
    choices: Vec<(&'static str, &'static str, bool)>,
    options: Options<'a>,
    owner_tag: Option<&'a str>,
    keys: Vec<KeyRow<'a>>,
    keys_leaf: Paging,
    nothing: &'static str,
    accounts: Vec<AccountRow<'a>>,
    accounts_leaf: Paging,
}

/// A number that decides whether somebody has to do something.
#[derive(Debug)]
struct Tile {
    label: &'static str,
    value: String,
    note: String,
    tone: &'static str,
    href: Option<String>,
}

/// An account of which what is shown may be no longer true.
#[derive(Debug)]
struct Trouble<'a> {
    account: &'a str,
    name: Option<&'a str>,
    href: String,
    what: &'static str,
    data: String,
    errors: &'a [String],
    tried: Option<Moment>,
    runbook: &'static str,
}

/// Where a page stands among its like.
#[derive(Debug)]
struct Paging {
    text: String,
    previous: Option<String>,
    next: Option<String>,
}

impl<'a> View<'a> {
    pub(super) fn new(page: &'a StatusPage, entries: &'a [Entry], query: Query, now: Timestamp) -> Self {
        let light = page.light(now);
        let Survey { counts, meant } = Survey::new(entries, &query, light);
        let (all, fares) = (Counts::sum(&counts), Fares::new(entries, light));
        let (keys, keys_leaf) = keys(page, entries, meant, query.page, now);
        let (accounts, accounts_leaf) = accounts(entries, &counts, &query, light);
        let options = Options::new(entries);
        let mut notices = options.notices(entries, &query, light.owner_tag.is_some());
        notices.extend(beyond(query.page, keys_leaf, "keys"));
        notices.extend(beyond(query.accounts_page, accounts_leaf, "accounts"));
        let tiles = tiles(entries, all, &fares, now);
        Self {
            style: STYLE,
            version: env!("CARGO_PKG_VERSION"),
            runbooks: RUNBOOKS,
            telemetry_path: &page.telemetry_path,
            now: Moment::exact(now),
            title: title(&tiles, &fares),
            tiles,
            plain: plain(entries, all),
            troubles: troubles(entries, light),
            untold: fares.untold(),
            all_well: fares.all_well(),
            notices,
            choices: Show::CHOICES.map(|show| (show.word(), show.label(), show == query.show)).to_vec(),
            options: options.offered(),
            owner_tag: light.owner_tag,
            keys,
            keys_leaf: Paging::new(keys_leaf, "keys", |page| query.of_page(page).href()),
            nothing: nothing(entries, &query),
            accounts,
            accounts_leaf: Paging::new(accounts_leaf, "accounts", |page| query.of_accounts_page(page).href()),
            query,
        }
    }
}

/// The keys on a page of those that are meant.
fn keys<'a>(
    page: &'a StatusPage,
    entries: &'a [Entry],
    mut meant: Vec<Place>,
    asked: usize,
    now: Timestamp,
) -> (Vec<KeyRow<'a>>, Leaf) {
    let leaf = Leaf::new(asked, meant.len(), KEYS);
    let places = survey::sorted_part(&mut meant, leaf.first, KEYS);
    let row = |place: &Place| KeyRow::new(page, entries.get(place.account as usize)?, *place, now);
    (places.iter().filter_map(row).collect(), leaf)
}

/// The accounts on a page of those that are meant.
fn accounts<'a>(
    entries: &'a [Entry],
    counts: &[Counts],
    query: &Query,
    light: Light<'_>,
) -> (Vec<AccountRow<'a>>, Leaf) {
    let mut meant = survey::accounts(entries, counts, query, light);
    let leaf = Leaf::new(query.accounts_page, meant.len(), ACCOUNTS);
    let places = survey::sorted_part(&mut meant, leaf.first, ACCOUNTS);
    let row = |(fare, _, place): &AccountPlace| AccountRow::new(&entries[*place], *fare, counts[*place], light.now);
    (places.iter().map(row).collect(), leaf)
}

/// How many accounts fare how.
struct Fares {
    total: usize,
    failing: usize,
    not_yet: usize,
    old: usize,
}

impl Fares {
    fn new(entries: &[Entry], light: Light<'_>) -> Self {
        let count = |fare| entries.iter().filter(|entry| entry.fare(light) == fare).count();
        Self {
            total: entries.len(),
            failing: count(Fare::Failing),
            not_yet: count(Fare::NotYet),
            old: count(Fare::Old),
        }
    }

    /// What is not told of account by account.
    fn untold(&self) -> Option<String> {
        let more = (self.failing + self.old).saturating_sub(TROUBLES);
        let mut told = Vec::new();
        if self.total == 0 {
            told.push("No account is known yet: this exporter has just started, or cannot log in.".to_owned());
        }
        if more > 0 {
            told.push(format!("So it is with {} more.", counted(more, "account", "accounts")));
        }
        if self.not_yet > 0 {
            let are = if self.not_yet == 1 { "account was" } else { "accounts were" };
            told.push(format!(
                "{} {are} not read yet since this exporter started: what is shown of them is as last known, or missing.",
                grouped(self.not_yet as u64)
            ));
        }
        (!told.is_empty()).then(|| told.join(" "))
    }

    fn all_well(&self) -> Option<String> {
        let is_well = self.total > 0 && self.failing + self.not_yet + self.old == 0;
        is_well.then(|| match self.total {
            1 => "The account is read.".to_owned(),
            total => format!("All {} accounts are read.", grouped(total as u64)),
        })
    }
}

impl Paging {
    fn new(leaf: Leaf, things: &str, href: impl Fn(usize) -> String) -> Self {
        let Leaf { page, pages, first, end, total } = leaf;
        let numbers = [first as u64 + 1, end as u64, total as u64].map(grouped);
        let text = match total {
            0 => format!("No {things}"),
            _ if pages == 1 => format!("{} {things}", numbers[2]),
            _ => format!("{}–{} of {} {things}", numbers[0], numbers[1], numbers[2]),
        };
        let anchored = |page| format!("{}#{things}", href(page));
        let previous = (page > 1).then(|| anchored(page - 1));
        let next = (page < pages).then(|| anchored(page + 1));
        Self { text, previous, next }
    }
}

fn beyond(asked: usize, leaf: Leaf, things: &str) -> Option<Notice> {
    let is_there = asked == leaf.page;
    let (page, pages) = (grouped(leaf.page as u64), grouped(leaf.pages as u64));
    let text = format!("There are pages 1 to {pages} of {things}; this is page {page}.");
    (!is_there).then(|| Notice { text, ..Notice::default() })
}

fn title(tiles: &[Tile], fares: &Fares) -> String {
    let overdue = tiles.iter().find(|tile| tile.label == OVERDUE).map_or("?", |tile| &tile.value);
    let mut told = vec![format!("{overdue} overdue")];
    if fares.failing > 0 {
        told.push(format!("{} failing", grouped(fares.failing as u64)));
    }
    format!("{} · iam-key-exporter", told.join(", "))
}

/// Of how many accounts a number does not know.
fn missing(entries: &[Entry], is_known: impl Fn(&Account) -> bool) -> usize {
    let known = entries.iter().filter(|entry| entry.state.account.as_deref().is_some_and(&is_known)).count();
    entries.len() - known
}

/// A number of keys. Where nothing is known it is not zero.
fn tile(label: &'static str, count: usize, missing: usize, entries: &[Entry]) -> Tile {
    let is_unknown = count == 0 && missing == entries.len();
    let note = match missing {
        0 => String::new(),
        _ if is_unknown => "not known yet".to_owned(),
        missing => format!("{} unknown", counted(missing, "account", "accounts")),
    };
    let value = if is_unknown { "?".to_owned() } else { grouped(count as u64) };
    let tone = if is_unknown { "warning" } else { "calm" };
    Tile { label, value, note, tone, href: None }
}

impl Tile {
    fn of(self, show: Show, tone: &'static str) -> Self {
        let tone = if self.value == "0" || self.value == "?" { self.tone } else { tone };
        Self { tone, href: Some(format!("{}#keys", Query::of(show).href())), ..self }
    }
}

fn tiles(entries: &[Entry], all: Counts, fares: &Fares, now: Timestamp) -> Vec<Tile> {
    let unread = missing(entries, |account| account.due_keys_at.is_some());
    let uncounted = missing(entries, |account| account.census.complete_at.is_some());
    let unsummed = missing(entries, |account| account.root_keys_present.is_some());
    let root_keys = entries.iter().filter_map(|entry| entry.state.account.as_ref()?.root_keys_present);
    let root_keys: u32 = root_keys.sum();
    let failing = Tile {
        label: "Accounts failing",
        value: grouped(fares.failing as u64),
        note: format!("of {}", grouped(fares.total as u64)),
        tone: if fares.failing > 0 { "critical" } else { "calm" },
        href: Some("#accounts".to_owned()),
    };
    vec![
        tile(OVERDUE, all.overdue, unread, entries).of(Show::Overdue, "critical"),
        tile("Due soon", all.due_soon, unread, entries).of(Show::DueSoon, "warning"),
        tile("Quarantined", all.quarantined, uncounted, entries).of(Show::Quarantined, "critical"),
        tile("Root keys", root_keys as usize, unsummed, entries).of(Show::Root, "critical"),
        failing,
        freshness(entries, fares, now),
    ]
}

/// How old the oldest data is that anything on the page rests on.
fn freshness(entries: &[Entry], fares: &Fares, now: Timestamp) -> Tile {
    let accounts = || entries.iter().filter_map(|entry| entry.state.account.as_deref());
    let age = |at: Option<Timestamp>| at.map(|at| span(now.saturating_sub(at)));
    let due_keys = age(accounts().filter_map(|account| account.due_keys_at).min());
    let census = age(accounts().filter_map(|account| account.census.complete_at).min());
    let is_fresh = fares.failing + fares.old + fares.not_yet == 0 && due_keys.is_some();
    Tile {
        label: "Data age",
        value: due_keys.unwrap_or_else(|| "?".to_owned()),
        note: census.map_or_else(|| "no list of keys yet".to_owned(), |census| format!("list of keys {census}")),
        tone: if is_fresh { "calm" } else { "warning" },
        href: Some("#accounts".to_owned()),
    }
}

fn plain(entries: &[Entry], all: Counts) -> Vec<String> {
    let mut told = vec![counted(entries.len(), "account", "accounts")];
    let missing = missing(entries, |account| account.census.complete_at.is_some());
    if missing == entries.len() {
        told.push("users and keys not known yet".to_owned());
        return told;
    }
    let users = entries.iter().filter_map(|entry| entry.state.account.as_ref()).map(|account| account.users.len());
    told.extend([
        counted(users.sum(), "user", "users"),
        counted(all.active, "active key", "active keys"),
        counted(all.inactive, "inactive key", "inactive keys"),
        format!("{} exempt", grouped(all.exempt as u64)),
    ]);
    if missing > 0 {
        told.push(format!("{} not counted yet", counted(missing, "account", "accounts")));
    }
    told
}

fn troubles<'a>(entries: &'a [Entry], light: Light<'_>) -> Vec<Trouble<'a>> {
    let now = light.now;
    let faring = |fare| entries.iter().filter(move |entry| entry.fare(light) == fare);
    let failing = faring(Fare::Failing).map(|entry| (entry, "cannot be read", FAILING));
    let old = faring(Fare::Old).map(|entry| (entry, "has old data, although no reading failed", OLD));
    let told = failing.chain(old).take(TROUBLES);
    told.map(|(entry, what, runbook)| Trouble {
        account: &entry.id,
        name: entry.name(),
        href: format!("{}#keys", Query::of_account(&entry.id).href()),
        what,
        data: data(entry, now),
        errors: entry.health().map(|health| &*health.errors).unwrap_or_default(),
        tried: entry.health().map(|health| Moment::ago(health.tried_at, now)),
        runbook,
    })
    .collect()
}

fn data(entry: &Entry, now: Timestamp) -> String {
    let account = entry.state.account.as_deref();
    let at = account.and_then(|account| account.due_keys_at.or(account.census.complete_at));
    match (account, at) {
        (Some(_), Some(at)) => format!("What is shown of it is {} old.", span(now.saturating_sub(at))),
        (Some(_), None) => "It has never been read whole.".to_owned(),
        (None, _) => "Nothing is known of it.".to_owned(),
    }
}

fn nothing(entries: &[Entry], query: &Query) -> &'static str {
    if query.is_filtered() {
        "No key fits these filters."
    } else if entries.iter().any(|entry| entry.judged.is_some()) {
        "There are no access keys."
    } else {
        "No keys are known yet."
    }
}
