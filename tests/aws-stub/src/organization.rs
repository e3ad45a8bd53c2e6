//! The organization that the accounts are in.

use std::collections::BTreeSet;

use crate::account::Account;

/// An organization. An account says itself whether it is a member and which unit it is in.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Whether there is an organization at all.
    pub in_use: bool,
    /// `o-…`.
    pub id: String,
    /// `r-…`.
    pub root_id: String,
    /// The management account.
    pub management: String,
    /// Accounts that may list the others as well.
    pub delegated: BTreeSet<String>,
    /// Organizational units.
    pub units: Vec<Unit>,
    /// Puts an empty page with a token before every page.
    pub empty_pages: bool,
    /// Fields of an account that are not told, such as `Status` or `Paths`.
    pub hidden: BTreeSet<String>,
}

/// An organizational unit.
#[derive(Debug, Clone)]
pub struct Unit {
    /// `ou-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The unit above it, or the root.
    pub parent: String,
}

impl Organization {
    pub(crate) fn new(management: &str) -> Self {
        Self {
            in_use: true,
            id: "o-exampleorgid".to_owned(),
            root_id: "r-ab12".to_owned(),
            management: management.to_owned(),
            delegated: BTreeSet::new(),
            units: Vec::new(),
            empty_pages: false,
            hidden: BTreeSet::new(),
        }
    }

    /// Adds a unit under the root or another unit.
    pub fn unit(&mut self, id: &str, name: &str, parent: Option<&str>) {
        let parent = parent.unwrap_or(&self.root_id).to_owned();
        self.units.push(Unit { id: id.to_owned(), name: name.to_owned(), parent });
    }

    pub(crate) fn knows(&self, parent: &str) -> bool {
        parent == self.root_id || self.units.iter().any(|unit| unit.id == parent)
    }

    /// The unit that an account is in, or the root.
    pub(crate) fn parent_of<'a>(&'a self, account: &'a Account) -> &'a str {
        account.parent.as_deref().unwrap_or(&self.root_id)
    }

    /// `o-…/r-…/ou-…/` down to a unit, or to the root.
    pub(crate) fn path(&self, unit: &str) -> String {
        let mut ids = Vec::new();
        let mut at = unit;
        while let Some(found) = self.units.iter().find(|known| known.id == at) {
            if ids.len() > self.units.len() {
                break;
            }
            ids.push(found.id.as_str());
            at = &found.parent;
        }
        ids.extend([self.root_id.as_str(), self.id.as_str()]);
        ids.reverse();
        ids.join("/") + "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_runs_from_the_organization_down() {
        let mut organization = Organization::new("1");
        organization.unit("ou-ab12-upper", "Upper", None);
        organization.unit("ou-ab12-lower", "Lower", Some("ou-ab12-upper"));
        assert_eq!(organization.path("ou-ab12-lower"), "o-exampleorgid/r-ab12/ou-ab12-upper/ou-ab12-lower/");
        assert_eq!(organization.path("r-ab12"), "o-exampleorgid/r-ab12/");
    }
}
