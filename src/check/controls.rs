//! Which control of which benchmark a finding breaks.
//!
//! Numbers differ from version to version, so they stand in one table and nowhere else. A limit of a
//! benchmark is its own: a key that our policy calls overdue at 30 days breaks no control of 90.

use super::finding::Kind;
use crate::cli::Benchmark::{
    self, Cis12, Cis14, Cis15, Cis20, Cis30, Cis40, Cis50, Cis60, Cis70, CisControls7, CisControls8, Config, Nist80053,
    Nist800171, Pci321, Pci401, SecurityHub,
};

/// A control that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Control {
    /// In which catalogue.
    pub benchmark: Benchmark,
    /// Its number there.
    pub id: &'static str,
}

/// What a control is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// Keys are rotated.
    Rotation,
    /// The root user has no key.
    RootKey,
    /// Unused keys are disabled.
    Unused,
    /// A user has one active key at most.
    OneActiveKey,
}

/// A row of the table: whose, about what, beyond how many days, the numbers.
pub(super) type Row = (Benchmark, Topic, i64, &'static [&'static str]);

/// CIS: the benchmarks' own numbering. Security Hub: its control pages; NIST and PCI as those pages
/// relate them. CIS Controls: the mapping of the rotation control.
pub(super) const TABLE: [Row; 51] = [
    (Cis12, Topic::Rotation, 90, &["1.4"]),
    (Cis14, Topic::Rotation, 90, &["1.14"]),
    (Cis15, Topic::Rotation, 90, &["1.14"]),
    (Cis20, Topic::Rotation, 90, &["1.14"]),
    (Cis30, Topic::Rotation, 90, &["1.14"]),
    (Cis40, Topic::Rotation, 90, &["1.14"]),
    (Cis50, Topic::Rotation, 90, &["1.13"]),
    (Cis60, Topic::Rotation, 90, &["2.13"]),
    (Cis70, Topic::Rotation, 90, &["2.12"]),
    (CisControls7, Topic::Rotation, 90, &["4.4"]),
    (CisControls8, Topic::Rotation, 90, &["4.5", "4.6"]),
    (SecurityHub, Topic::Rotation, 90, &["IAM.3"]),
    (Config, Topic::Rotation, 90, &["access-keys-rotated"]),
    (Nist80053, Topic::Rotation, 90, &["AC-2(1)", "AC-2(3)", "AC-3(15)"]),
    (Pci401, Topic::Rotation, 90, &["8.3.9", "8.6.3"]),
    (Cis12, Topic::RootKey, 0, &["1.12"]),
    (Cis14, Topic::RootKey, 0, &["1.4"]),
    (Cis15, Topic::RootKey, 0, &["1.4"]),
    (Cis20, Topic::RootKey, 0, &["1.4"]),
    (Cis30, Topic::RootKey, 0, &["1.4"]),
    (Cis40, Topic::RootKey, 0, &["1.4"]),
    (Cis50, Topic::RootKey, 0, &["1.3"]),
    (Cis60, Topic::RootKey, 0, &["2.3"]),
    (Cis70, Topic::RootKey, 0, &["2.4"]),
    (SecurityHub, Topic::RootKey, 0, &["IAM.4"]),
    (Config, Topic::RootKey, 0, &["iam-root-access-key-check"]),
    (Nist80053, Topic::RootKey, 0, &["AC-2(1)", "AC-3(15)", "AC-3(7)", "AC-6", "AC-6(10)", "AC-6(2)"]),
    (Pci321, Topic::RootKey, 0, &["2.1", "2.2", "7.2.1"]),
    (Cis12, Topic::Unused, 90, &["1.3"]),
    (Cis14, Topic::Unused, 45, &["1.12"]),
    (Cis15, Topic::Unused, 45, &["1.12"]),
    (Cis20, Topic::Unused, 45, &["1.12"]),
    (Cis30, Topic::Unused, 45, &["1.12"]),
    (Cis40, Topic::Unused, 45, &["1.12"]),
    (Cis50, Topic::Unused, 45, &["1.11"]),
    (Cis60, Topic::Unused, 45, &["2.11"]),
    (Cis70, Topic::Unused, 45, &["2.11"]),
    (SecurityHub, Topic::Unused, 45, &["IAM.22"]),
    (SecurityHub, Topic::Unused, 90, &["IAM.8"]),
    (Config, Topic::Unused, 90, &["iam-user-unused-credentials-check"]),
    (Nist80053, Topic::Unused, 90, &["AC-2", "AC-2(1)", "AC-2(3)", "AC-3", "AC-3(15)", "AC-3(7)", "AC-6"]),
    (Nist800171, Topic::Unused, 45, &["3.1.2"]),
    (Pci321, Topic::Unused, 90, &["8.1.4"]),
    (Pci401, Topic::Unused, 90, &["8.2.6"]),
    (Cis14, Topic::OneActiveKey, 0, &["1.13"]),
    (Cis15, Topic::OneActiveKey, 0, &["1.13"]),
    (Cis20, Topic::OneActiveKey, 0, &["1.13"]),
    (Cis30, Topic::OneActiveKey, 0, &["1.13"]),
    (Cis40, Topic::OneActiveKey, 0, &["1.13"]),
    (Cis50, Topic::OneActiveKey, 0, &["1.12"]),
    (Cis60, Topic::OneActiveKey, 0, &["2.12"]),
];

const DAY: i64 = 86_400;

/// The controls that a finding of this kind breaks, after so many seconds of age or idleness.
pub(super) fn broken(kind: Kind, seconds: i64, benchmarks: &[Benchmark]) -> Vec<Control> {
    let Some(topic) = topic(kind) else { return Vec::new() };
    let is_wanted = |benchmark: &Benchmark| benchmarks.is_empty() || benchmarks.contains(benchmark);
    let rows = TABLE.iter().filter(|(benchmark, about, ..)| *about == topic && is_wanted(benchmark));
    let rows = rows.filter(|(_, _, days, _)| *days == 0 || seconds > days * DAY);
    rows.flat_map(|(benchmark, _, _, ids)| ids.iter().map(|id| Control { benchmark: *benchmark, id })).collect()
}

/// What a finding bears on; what may yet be mended breaks nothing.
pub(super) fn topic(kind: Kind) -> Option<Topic> {
    match kind {
        Kind::Overdue => Some(Topic::Rotation),
        Kind::RootKey => Some(Topic::RootKey),
        Kind::Unused | Kind::NeverUsed => Some(Topic::Unused),
        Kind::TwoActiveKeys => Some(Topic::OneActiveKey),
        Kind::Quarantined | Kind::DueSoon | Kind::ExemptionEndsSoon | Kind::InvalidTag => None,
    }
}

impl Benchmark {
    /// Its full name.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Cis12 => "CIS AWS Foundations Benchmark 1.2.0",
            Cis14 => "CIS AWS Foundations Benchmark 1.4.0",
            Cis15 => "CIS AWS Foundations Benchmark 1.5.0",
            Cis20 => "CIS AWS Foundations Benchmark 2.0.0",
            Cis30 => "CIS AWS Foundations Benchmark 3.0.0",
            Cis40 => "CIS AWS Foundations Benchmark 4.0.1",
            Cis50 => "CIS AWS Foundations Benchmark 5.0.0",
            Cis60 => "CIS AWS Foundations Benchmark 6.0.0",
            Cis70 => "CIS AWS Foundations Benchmark 7.0.0",
            CisControls7 => "CIS Controls 7",
            CisControls8 => "CIS Controls 8",
            SecurityHub => "AWS Security Hub",
            Config => "AWS Config",
            Nist80053 => "NIST SP 800-53 r5",
            Nist800171 => "NIST SP 800-171 r2",
            Pci321 => "PCI DSS 3.2.1",
            Pci401 => "PCI DSS 4.0.1",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    fn ids(kind: Kind, days: i64, benchmark: Benchmark) -> Vec<&'static str> {
        broken(kind, days * DAY + 1, &[benchmark]).iter().map(|control| control.id).collect()
    }

    #[test]
    fn a_number_is_that_of_its_version() {
        let versions =
            [(Cis12, "1.4"), (Cis14, "1.14"), (Cis40, "1.14"), (Cis50, "1.13"), (Cis60, "2.13"), (Cis70, "2.12")];
        for (benchmark, id) in versions {
            assert_eq!(ids(Kind::Overdue, 90, benchmark), [id], "{benchmark:?}");
        }
        assert_eq!(ids(Kind::TwoActiveKeys, 0, Cis70), Vec::<&str>::new());
    }

    #[test]
    fn a_benchmark_is_broken_by_its_own_limit_and_not_by_ours() {
        assert_eq!(ids(Kind::Overdue, 89, Cis50), Vec::<&str>::new());
        assert!(broken(Kind::Overdue, 90 * DAY, &[]).is_empty(), "within 90 days");
        assert_eq!(ids(Kind::Unused, 45, SecurityHub), ["IAM.22"]);
        assert_eq!(ids(Kind::NeverUsed, 90, SecurityHub), ["IAM.22", "IAM.8"]);
        assert_eq!(ids(Kind::DueSoon, 1_000, Cis50), Vec::<&str>::new());
    }

    #[test]
    fn without_a_choice_every_benchmark_is_named_once_for_each_topic() {
        assert_eq!(broken(Kind::RootKey, 0, &[]).len(), 20);
        let mut rows: Vec<_> =
            TABLE.iter().map(|(benchmark, topic, days, _)| (benchmark, format!("{topic:?}"), days)).collect();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), TABLE.len());
    }

    fn row(benchmark: Benchmark) -> String {
        let ids = |about: Topic| {
            let rows = TABLE.iter().filter(|(of, topic, ..)| *of == benchmark && *topic == about);
            let ids: Vec<&str> = rows.flat_map(|(.., ids)| ids.iter().copied()).collect();
            if ids.is_empty() { "-".to_owned() } else { ids.join(", ") }
        };
        let [rotation, root, unused, one] =
            [Topic::Rotation, Topic::RootKey, Topic::Unused, Topic::OneActiveKey].map(ids);
        format!("| `{}` | {} | {rotation} | {root} | {unused} | {one} |\n", benchmark.word(), benchmark.title())
    }

    #[test]
    fn the_document_has_the_numbers_that_are_named() {
        let document = include_str!("../../docs/check.md");
        let rows: String = Benchmark::value_variants().iter().copied().map(row).collect();
        assert!(document.contains(&rows), "docs/check.md should have\n{rows}");
    }
}
