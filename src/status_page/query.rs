//! What a reader asks for, as it stands behind the question mark of the address.
//!
//! Whatever stands there leads to a page: what is not understood is left out and said.

use form_urlencoded::Serializer;

/// How much of a value that is not understood is told back.
const SHOWN: usize = 60;

/// The keys and pages that a reader wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// An account's id, name or alias; empty for all.
    pub(super) account: String,
    /// An owner; empty for all.
    pub(super) owner: String,
    /// Which keys.
    pub(super) show: Show,
    /// The page of keys, from 1.
    pub(super) page: usize,
    /// The page of accounts, from 1.
    pub(super) accounts_page: usize,
    /// What was not understood, for people.
    pub(super) notices: Vec<String>,
}

/// Which keys are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Show {
    #[default]
    All,
    Overdue,
    DueSoon,
    InTime,
    Exempt,
    Inactive,
    Quarantined,
    Root,
    Unowned,
}

impl Show {
    pub(super) const CHOICES: [Self; 9] = [
        Self::All,
        Self::Overdue,
        Self::DueSoon,
        Self::InTime,
        Self::Exempt,
        Self::Inactive,
        Self::Quarantined,
        Self::Root,
        Self::Unowned,
    ];

    /// The word in the address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Overdue => "overdue",
            Self::DueSoon => "due-soon",
            Self::InTime => "in-time",
            Self::Exempt => "exempt",
            Self::Inactive => "inactive",
            Self::Quarantined => "quarantined",
            Self::Root => "root",
            Self::Unowned => "unowned",
        }
    }

    /// The words on the page.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::All => "All keys",
            Self::Overdue => "Overdue",
            Self::DueSoon => "Due soon",
            Self::InTime => "In time",
            Self::Exempt => "Exempt",
            Self::Inactive => "Inactive",
            Self::Quarantined => "Quarantined",
            Self::Root => "Of root users",
            Self::Unowned => "Without an owner",
        }
    }
}

impl Default for Query {
    fn default() -> Self {
        Self {
            account: String::new(),
            owner: String::new(),
            show: Show::All,
            page: 1,
            accounts_page: 1,
            notices: Vec::new(),
        }
    }
}

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            query.take(&name, value.trim());
        }
        query.notices.dedup();
        query.notices.truncate(5);
        query
    }

    fn take(&mut self, name: &str, value: &str) {
        match name {
            "account" => value.clone_into(&mut self.account),
            "owner" => value.clone_into(&mut self.owner),
            "state" => self.show = self.show_of(value),
            "page" => self.page = self.number(value),
            "accounts_page" => self.accounts_page = self.number(value),
            _ => self.notices.push(format!("There is nothing to choose by the name “{}”.", shortened(name))),
        }
    }

    fn show_of(&mut self, value: &str) -> Show {
        let found = Show::CHOICES.into_iter().find(|show| show.word() == value);
        found.unwrap_or_else(|| {
            let all = Show::CHOICES.map(Show::word)[1..].join(", ");
            let told = format!("“{}” is not a state of keys, so all are shown. There are: {all}.", shortened(value));
            self.notices.push(told);
            Show::All
        })
    }

    fn number(&mut self, value: &str) -> usize {
        let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            self.notices.push(format!("“{}” is not the number of a page; the first is shown.", shortened(value)));
            return 1;
        }
        value.parse().unwrap_or(usize::MAX)
    }

    /// Whether not all keys are meant.
    pub(super) fn is_filtered(&self) -> bool {
        self.show != Show::All || !self.account.is_empty() || !self.owner.is_empty()
    }

    /// The address that asks for this, relative to the page.
    pub(super) fn href(&self) -> String {
        let mut out = Serializer::for_suffix("?".to_owned(), 1);
        let pages = [self.page, self.accounts_page].map(|page| if page > 1 { page.to_string() } else { String::new() });
        let all = [
            ("account", self.account.as_str()),
            ("owner", &self.owner),
            ("state", self.show.word()),
            ("page", &pages[0]),
            ("accounts_page", &pages[1]),
        ];
        all.iter().filter(|(_, value)| !value.is_empty()).for_each(|(name, value)| {
            out.append_pair(name, value);
        });
        out.finish()
    }

    /// The same, of another page of keys.
    pub(super) fn of_page(&self, page: usize) -> Self {
        Self { page, ..self.clone() }
    }

    /// The same, of another page of accounts.
    pub(super) fn of_accounts_page(&self, accounts_page: usize) -> Self {
        Self { accounts_page, ..self.clone() }
    }

    /// All keys of an owner.
    pub(super) fn of_owner(owner: &str) -> Self {
        Self { owner: owner.to_owned(), ..Self::default() }
    }

    /// All keys of an account.
    pub(super) fn of_account(account: &str) -> Self {
        Self { account: account.to_owned(), ..Self::default() }
    }

    /// All keys in a state.
    pub(super) fn of(show: Show) -> Self {
        Self { show, ..Self::default() }
    }
}

/// Enough of a value to know it again.
pub(super) fn shortened(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_asked_for_and_back() {
        let query = Query::parse("account=prod+%26+more&owner=%3Cb%3E&state=due-soon&page=3&accounts_page=2");
        assert_eq!((query.account.as_str(), query.owner.as_str()), ("prod & more", "<b>"));
        assert_eq!((query.show, query.page, query.accounts_page), (Show::DueSoon, 3, 2));
        assert_eq!(query.notices, Vec::<String>::new());
        assert_eq!(query.href(), "?account=prod+%26+more&owner=%3Cb%3E&state=due-soon&page=3&accounts_page=2");
        assert_eq!(Query::parse(query.href().trim_start_matches('?')), query);
        assert_eq!(Query::default().href(), "?");
        for show in Show::CHOICES {
            assert_eq!(Query::parse(&format!("state={}", show.word())).show, show);
        }
    }

    #[test]
    fn an_empty_form_asks_for_everything() {
        assert_eq!(Query::parse("account=&owner=+&state="), Query::default());
    }

    #[test]
    fn what_is_not_understood_is_said_and_left_out() {
        let long = "x".repeat(100_000);
        let lost =
            ["state=late", "page=-1", "page=", "page=1e3", "accounts_page=%ff", "%=%zz", "&&=&", "page=½", &long];
        for text in lost {
            let query = Query::parse(text);
            assert_eq!(query.notices.len(), 1, "{text}: {query:?}");
            assert!(query.notices[0].len() < 300);
            assert_eq!(Query { notices: vec![], ..query }, Query::default());
        }
        assert_eq!(Query::parse(&"a&b&".repeat(10_000)).notices.len(), 5);
    }

    #[test]
    fn a_number_beyond_all_pages_is_a_number() {
        assert_eq!(Query::parse(&format!("page={}", "9".repeat(1_000))).page, usize::MAX);
        assert_eq!(Query::parse("page=0").page, 0);
    }
}
