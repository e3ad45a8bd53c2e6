//! Which keys there are.

use super::{
    Config, Exemption, Limits, PolicyLimits, Whom, accounts,
    document::Node,
    error::Mistake,
    labels,
    section::Section,
    value::{COUNT, DURATION, FOLDER, RATE, TAG_KEY, YES_NO},
};

/// The defaults with what is written over them.
pub(super) fn config(document: &Node, mistakes: &mut Vec<Mistake>) -> Config {
    let mut config = Config::default();
    let mut root = Section::new(String::new(), document, mistakes);
    root.set("poll_interval", &DURATION, &mut config.poll_interval);
    root.section("policy", |section| policy(section, &mut config.policy));
    config.overrides = root.sections("overrides", super::policy::other_age);
    config.exemptions = exemptions(&mut root);
    root.section("limits", |section| limits(section, &mut config.limits));
    root.section("labels", |section| config.labels = labels::read(section));
    root.set("own_account", &YES_NO, &mut config.own_account);
    config.accounts = root.sections("accounts", accounts::listed);
    root.section("organization", |section| config.organization = accounts::organization(section));
    refuse_nothing_to_read(&config, &mut root);
    root.set_some("state_dir", &FOLDER, &mut config.state_dir);
    root.finish();
    config
}

/// An exporter that reads nothing would look healthy.
fn refuse_nothing_to_read(config: &Config, root: &mut Section<'_>) {
    let has_others = root.place(&["accounts", "organization"]).is_some();
    if let (false, false, Some(place)) = (config.own_account, has_others, root.place(&["own_account"])) {
        root.refuse(
            place,
            "own_account",
            "found false, allowed only beside accounts or organization: nothing would be read",
        );
    }
}

/// Each is shown as a series of its own, so none may be there twice.
fn exemptions(root: &mut Section<'_>) -> Vec<Exemption> {
    let mut kept: Vec<Exemption> = Vec::new();
    for exemption in root.sections("exemptions", super::policy::exemption) {
        if kept.contains(&exemption) {
            let place = root.place(&["exemptions"]).unwrap_or_default();
            let Whom { account, user } = &exemption.whom;
            root.refuse(place, "exemptions", &format!("found the one for account {account:?}, user {user:?} twice"));
        } else {
            kept.push(exemption);
        }
    }
    kept
}

fn policy(section: &mut Section<'_>, policy: &mut PolicyLimits) {
    section.set("max_age", &DURATION, &mut policy.max_age);
    section.set("warn_before", &DURATION, &mut policy.warn_before);
    section.set("max_idle", &DURATION, &mut policy.max_idle);
    section.set_some("max_age_tag", &TAG_KEY, &mut policy.max_age_tag);
    section.set_some("exempt_until_tag", &TAG_KEY, &mut policy.exempt_until_tag);
    let Some(place) = section.place(&["warn_before", "max_age"]) else { return };
    if policy.warn_before >= policy.max_age {
        let [warn_before, max_age] = [policy.warn_before, policy.max_age].map(humantime::format_duration);
        let what = format!("found {warn_before}, allowed is less than policy.max_age, which is {max_age}");
        section.refuse(place, "warn_before", &what);
    }
}

fn limits(section: &mut Section<'_>, limits: &mut Limits) {
    section.set("requests_per_second", &RATE, &mut limits.requests_per_second);
    section.set("concurrent_accounts", &COUNT, &mut limits.concurrent_accounts);
    section.set("attempt_timeout", &DURATION, &mut limits.attempt_timeout);
    section.set("poll_timeout", &DURATION, &mut limits.poll_timeout);
}
