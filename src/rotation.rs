//! How far the rotation of a user's key has come: a noun that `rotate` writes as tags of the
//! user and `exposition` shows, so that nobody begins a second one.

/// The tag of a user that says the stage.
pub const STAGE_TAG: &str = "iam-key-rotate:stage";

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A second key is about to be made, or was made and is not yet known to be in the sink.
    Creating,
    /// The sink has the new secret; it was not yet seen to work.
    Verifying,
    /// The new secret is the current one; the old key still works.
    Promoted,
    /// The old key is Inactive.
    Deactivated,
    /// The rotation is being taken back.
    BackingOut,
    /// The old key is Active and current again, the new one Inactive.
    BackedOut,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
        [Self::Creating, Self::Verifying, Self::Promoted, Self::Deactivated, Self::BackingOut, Self::BackedOut];

    /// The value of the tag, and of the label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Verifying => "verifying",
            Self::Promoted => "promoted",
            Self::Deactivated => "deactivated",
            Self::BackingOut => "backing-out",
            Self::BackedOut => "backed-out",
        }
    }

    /// The stage of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }
}
