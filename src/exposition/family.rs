//! Every family of series that is read from AWS: name and HELP, in the order of the page.

/// A metric family. All of them are gauges.
#[derive(Debug)]
pub struct Family {
    /// The metric's name.
    pub name: &'static str,
    /// A sentence for an operator at night.
    pub help: &'static str,
}

/// One per published key: what describes it.
pub const KEY_INFO: usize = 0;
/// One per key.
pub const KEY_CREATED: usize = 1;
/// One per key, computed at scrape.
pub const KEY_AGE: usize = 2;
/// One per key that was used.
pub const KEY_LAST_USED: usize = 3;
/// One per key that was used.
pub const KEY_LAST_USED_INFO: usize = 4;
/// One per key.
pub const KEY_ACTIVE: usize = 5;
/// One per active key.
pub const KEY_ROTATION_DUE: usize = 6;
/// One per account.
pub const ACCOUNT_INFO: usize = 7;
/// One per account.
pub const ACCOUNT_UP: usize = 8;
/// One per account and kind of data.
pub const ACCOUNT_DATA: usize = 9;
/// One per account.
pub const ACCOUNT_CENSUS: usize = 10;
/// One per account.
pub const ACCOUNT_USERS: usize = 11;
/// Two per account.
pub const ACCOUNT_KEYS: usize = 12;
/// One per account, computed at scrape.
pub const ACCOUNT_OVERDUE: usize = 13;
/// One per account.
pub const POLL_DURATION: usize = 14;
/// One per key of a quarantined user.
pub const KEY_QUARANTINED: usize = 15;
/// One per account.
pub const ACCOUNT_ROOT_KEYS: usize = 16;
/// One per exempt key, while the exemption lasts.
pub const KEY_EXEMPT_UNTIL: usize = 17;
/// One per user and tag.
pub const TAG_INVALID: usize = 18;
/// One per configured exemption.
pub const EXEMPTION_KEYS: usize = 19;
/// One per user whose key is being replaced.
pub const USER_ROTATION: usize = 20;

/// The page, family by family; the constants of this module are places in it.
pub const FAMILIES: [Family; 21] = [
    Family {
        name: "aws_iam_access_key_info",
        help: "An access key as last read from AWS (polled): its status, whether it was ever used, its user's path. Always 1.",
    },
    Family {
        name: "aws_iam_access_key_created_timestamp_seconds",
        help: "When the access key was created, Unix time. Polled from AWS.",
    },
    Family {
        name: "aws_iam_access_key_age_seconds",
        help: "How old the access key is now. The creation date is polled from AWS, the age is computed at every scrape.",
    },
    Family {
        name: "aws_iam_access_key_last_used_timestamp_seconds",
        help: "When the access key was last used, Unix time, as far as AWS tells. Absent for keys never used or of unknown use. Polled.",
    },
    Family {
        name: "aws_iam_access_key_last_used_info",
        help: "Which service in which region the access key was last used for. Absent for keys never used. Polled. Always 1.",
    },
    Family {
        name: "aws_iam_access_key_active",
        help: "1 if AWS accepts requests signed with the access key, 0 if it is inactive. Polled.",
    },
    Family {
        name: "aws_iam_access_key_rotation_due_timestamp_seconds",
        help: "When the active access key must have been rotated, Unix time: its creation plus the maximum age. Absent for inactive and exempt keys. Polled.",
    },
    Family { name: "aws_iam_account_info", help: "An account that is read, and its partition. Always 1." },
    Family {
        name: "aws_iam_account_up",
        help: "1 if the last poll read everything it set out to read, 0 if the account's data is now as last known.",
    },
    Family {
        name: "aws_iam_account_data_timestamp_seconds",
        help: "When AWS said what is shown of the account, Unix time. Absent until a first poll was complete.",
    },
    Family {
        name: "aws_iam_account_census_info",
        help: "How the account's users and access keys were obtained. Always 1.",
    },
    Family { name: "aws_iam_account_users", help: "IAM users in the account, with or without access keys. Polled." },
    Family {
        name: "aws_iam_account_access_keys",
        help: "Access keys of the account by status, root's among them. Polled.",
    },
    Family {
        name: "aws_iam_account_access_keys_overdue",
        help: "Active access keys of the account that are past their rotation date now. The keys are polled, the count is computed at every scrape.",
    },
    Family {
        name: "iam_key_exporter_poll_duration_seconds",
        help: "How long the last poll of the account took, failed or not.",
    },
    Family {
        name: "aws_iam_access_key_quarantined",
        help: "1 where AWS attached its compromised-key quarantine policy to the key's user: the key has leaked. Polled.",
    },
    Family {
        name: "aws_iam_account_root_access_keys",
        help: "Access keys of the account's root user, as counted by AWS. There should be none. Polled.",
    },
    Family {
        name: "aws_iam_access_key_exempt_until_timestamp_seconds",
        help: "Until when the active access key need not be rotated, Unix time. Absent for keys that are not exempt. Polled; it ends by itself.",
    },
    Family {
        name: "aws_iam_user_tag_invalid",
        help: "1 where the policy reads this tag of the user and does not understand its value, which then counts as absent. Polled.",
    },
    Family {
        name: "iam_key_exporter_exemption_keys",
        help: "Access keys that this exemption of the configuration holds for. 0 means a slip of the pen, or an entry that can go.",
    },
    Family {
        name: "aws_iam_user_rotation_info",
        help: "How far iam-key-rotate is with the user's access key, from the user's tags; do not begin a second rotation. Polled. Always 1.",
    },
];

impl Family {
    /// The two lines that open the family.
    #[must_use]
    pub fn header(&self) -> String {
        let Self { name, help } = self;
        format!("# HELP {name} {help}\n# TYPE {name} gauge\n")
    }
}
