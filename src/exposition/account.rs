//! One account's series, rendered once and completed with the time at every scrape.

use super::{
    Judgement,
    family::{
        ACCOUNT_CENSUS, ACCOUNT_DATA, ACCOUNT_INFO, ACCOUNT_KEYS, ACCOUNT_OVERDUE, ACCOUNT_ROOT_KEYS, ACCOUNT_UP,
        ACCOUNT_USERS, FAMILIES, KEY_ACTIVE, KEY_AGE, KEY_CREATED, KEY_EXEMPT_UNTIL, KEY_INFO, KEY_LAST_USED,
        KEY_LAST_USED_INFO, KEY_QUARANTINED, KEY_ROTATION_DUE, POLL_DURATION, TAG_INVALID, USER_ROTATION,
    },
    lines::{Families, Lines, Scratch},
    part::Parts,
    text,
};
use crate::{
    inventory::{AccessKey, Account, LastUse, Status, Timestamp, User},
    policy::{self, Verdict},
    rotation::{STAGE_TAG, Stage},
    snapshot::AccountState,
};

/// What one account contributes to the page.
#[derive(Debug)]
pub(super) struct Rendered {
    families: Families,
    overdue: Option<Overdue>,
    exempt: Vec<Exempt>,
    /// How many keys each configured exemption holds for.
    pub(super) exempted: Vec<usize>,
}

/// The lines of a key whose rotation date counts again once its exemption is over.
#[derive(Debug)]
struct Exempt {
    until: Timestamp,
    line: Box<str>,
    rotation_due: Box<str>,
}

#[derive(Debug)]
struct Overdue {
    series: Box<str>,
    due_times: Vec<Timestamp>,
}

/// The parts under construction.
struct Draft<'a> {
    lines: Lines<'a>,
    exempt: Vec<Exempt>,
    exempted: Vec<usize>,
    account_id: &'a str,
    judgement: &'a Judgement,
}

impl Rendered {
    /// What is the same as `before` is shared with it.
    pub(super) fn new(
        (id, state): (&str, &AccountState),
        judgement: &Judgement,
        before: Option<&Self>,
        scratch: &mut Scratch,
    ) -> Self {
        let exempted = vec![0; judgement.exemptions.len()];
        let lines = Lines::new(scratch, before.map(|before| &before.families));
        let mut draft = Draft { lines, exempt: Vec::new(), exempted, account_id: id, judgement };
        draft.health(state);
        if let Some(account) = &state.account {
            draft.account(account);
            account.users.iter().chain([&account.root]).for_each(|user| draft.user(user));
        }
        let Draft { lines, exempt, exempted, .. } = draft;
        let known = state.account.as_deref().filter(|account| account.due_keys_at.is_some());
        let overdue = known.map(|account| Overdue {
            series: series(ACCOUNT_OVERDUE, &[("account_id", id)]),
            due_times: judgement.policy.due_times(account),
        });
        Self { families: lines.finish(), overdue, exempt, exempted }
    }

    /// Writes the lines of the family at this place.
    pub(super) fn write(&self, place: usize, now: Timestamp, parts: &mut Parts) {
        self.families[place].iter().for_each(|part| parts.push(part));
        match place {
            KEY_AGE => self.ages(now, parts),
            ACCOUNT_OVERDUE => self.overdue(now, parts.loose()),
            KEY_ROTATION_DUE => {
                // An exemption ends by itself, even while nothing is read.
                let over = self.exempt.iter().filter(|exempt| exempt.until <= now);
                over.for_each(|exempt| parts.loose().extend_from_slice(exempt.rotation_due.as_bytes()));
            }
            KEY_EXEMPT_UNTIL => {
                let held = self.exempt.iter().filter(|exempt| exempt.until > now);
                held.for_each(|exempt| parts.loose().extend_from_slice(exempt.line.as_bytes()));
            }
            _ => {}
        }
    }

    fn ages(&self, now: Timestamp, parts: &mut Parts) {
        for created in &self.families[KEY_CREATED] {
            let out = parts.loose();
            out.reserve(created.text().len());
            created.as_str().lines().for_each(|line| age(line, now, out));
        }
    }

    fn overdue(&self, now: Timestamp, out: &mut Vec<u8>) {
        if let Some(Overdue { series, due_times }) = &self.overdue {
            out.extend_from_slice(series.as_bytes());
            out.extend_from_slice(itoa::Buffer::new().format(policy::overdue(due_times, now)).as_bytes());
            out.push(b'\n');
        }
    }
}

impl Draft<'_> {
    fn add(&mut self, place: usize, labels: &[(&str, &str)], value: i64) {
        let mut all = Vec::with_capacity(labels.len() + 1);
        all.push(("account_id", self.account_id));
        all.extend_from_slice(labels);
        text::integer(self.lines.of(place), FAMILIES[place].name, &all, value);
    }

    fn health(&mut self, state: &AccountState) {
        let Some(health) = &state.health else { return };
        self.add(ACCOUNT_UP, &[], i64::from(health.is_up));
        let labels = [("account_id", self.account_id)];
        text::float(self.lines.of(POLL_DURATION), FAMILIES[POLL_DURATION].name, &labels, health.seconds);
    }

    fn account(&mut self, account: &Account) {
        let alias = account.alias.as_deref().unwrap_or_default();
        let name = account.name.as_deref().unwrap_or_default();
        let names = [("account_name", name), ("account_alias", alias), ("partition", &*account.partition)];
        self.add(ACCOUNT_INFO, &names, 1);
        self.add(ACCOUNT_CENSUS, &[("source", account.census.source.as_str())], 1);
        if let Some(at) = account.census.complete_at {
            self.add(ACCOUNT_DATA, &[("data", "census")], at);
        }
        if let Some(at) = account.due_keys_at {
            self.add(ACCOUNT_DATA, &[("data", "due_keys")], at);
        }
        if let Some(at) = account.details_at {
            self.add(ACCOUNT_DATA, &[("data", "details")], at);
        }
        if let Some(present) = account.root_keys_present {
            self.add(ACCOUNT_ROOT_KEYS, &[], i64::from(present));
        }
        if account.census.complete_at.is_some() {
            self.counts(account);
        }
    }

    /// Counts of what is there: wrong before everything was read once.
    fn counts(&mut self, account: &Account) {
        self.add(ACCOUNT_USERS, &[], count(account.users.len()));
        for status in [Status::Active, Status::Inactive] {
            let keys = account.keys().filter(|(_, key)| key.status == status).count();
            self.add(ACCOUNT_KEYS, &[("status", status.as_str())], count(keys));
        }
    }

    fn user(&mut self, user: &User) {
        let verdict = self.judgement.policy.of(self.account_id, user);
        for place in self.judgement.policy.exemptions_of(self.account_id, user) {
            self.exempted[place] += user.keys.len();
        }
        for tag in &verdict.invalid_tags {
            self.add(TAG_INVALID, &[("user_name", &user.name), ("tag_key", tag)], 1);
        }
        if let Some(stage) = user.tag(STAGE_TAG) {
            let stage = Stage::parse(stage).map_or("unknown", Stage::as_str);
            self.add(USER_ROTATION, &[("user_name", &user.name), ("stage", stage)], 1);
        }
        let ids = self.judgement.key_ids.of(user);
        for (key, id) in user.keys.iter().zip(&ids) {
            self.key(user, (key, id), &verdict);
        }
        self.lines.after(&user.name);
    }

    fn key(&mut self, user: &User, (key, id): (&AccessKey, &str), verdict: &Verdict<'_>) {
        let identity = [("user_name", &*user.name), ("access_key_id", id)];
        self.info(identity, user, key);
        self.add(KEY_CREATED, &identity, key.created);
        self.add(KEY_ACTIVE, &identity, i64::from(key.status.is_active()));
        if user.is_quarantined {
            self.add(KEY_QUARANTINED, &identity, 1);
        }
        if key.status.is_active() {
            self.rotation(identity, verdict.due(key.created), verdict.exempt_until());
        }
        self.last_use(identity, &key.last_use);
    }

    fn info(&mut self, identity: [(&str, &str); 2], user: &User, key: &AccessKey) {
        let (status, usage) = (key.status.as_str(), key.last_use.as_str());
        let mut info = vec![identity[0], identity[1], ("status", status), ("usage", usage), ("user_path", &user.path)];
        let tags = &self.judgement.tags;
        info.extend(tags.iter().filter_map(|(key, label)| Some((label.as_str(), user.tag(key)?))));
        self.add(KEY_INFO, &info, 1);
    }

    fn rotation(&mut self, identity: [(&str, &str); 2], due: Timestamp, exempt_until: Option<Timestamp>) {
        let Some(until) = exempt_until else { return self.add(KEY_ROTATION_DUE, &identity, due) };
        let labels = [("account_id", self.account_id), identity[0], identity[1]];
        let line = |place: usize, value| {
            let mut line = String::new();
            text::integer(&mut line, FAMILIES[place].name, &labels, value);
            line.into_boxed_str()
        };
        let (exempt_until, rotation_due) = (line(KEY_EXEMPT_UNTIL, until), line(KEY_ROTATION_DUE, due));
        self.exempt.push(Exempt { until, line: exempt_until, rotation_due });
    }

    fn last_use(&mut self, identity: [(&str, &str); 2], last_use: &LastUse) {
        if let LastUse::Used(last) = last_use {
            self.add(KEY_LAST_USED, &identity, last.at);
            let place = [("last_used_service", &*last.service), ("last_used_region", &*last.region)];
            self.add(KEY_LAST_USED_INFO, &[identity[0], identity[1], place[0], place[1]], 1);
        }
    }
}

/// The line of a key's age is that of its creation with another name and another value.
fn age(created: &str, now: Timestamp, out: &mut Vec<u8>) {
    let (series, created) = created.rsplit_once(' ').expect("a value stands behind its series");
    let created: Timestamp = created.parse().expect("times are written as whole numbers");
    out.extend_from_slice(FAMILIES[KEY_AGE].name.as_bytes());
    out.extend_from_slice(&series.as_bytes()[FAMILIES[KEY_CREATED].name.len()..]);
    out.push(b' ');
    out.extend_from_slice(itoa::Buffer::new().format(now - created).as_bytes());
    out.push(b'\n');
}

fn series(place: usize, labels: &[(&str, &str)]) -> Box<str> {
    let mut out = String::new();
    text::series(&mut out, FAMILIES[place].name, labels);
    out.into_boxed_str()
}

fn count(things: usize) -> i64 {
    i64::try_from(things).unwrap_or(i64::MAX)
}
