//! What both sites go by and pass on to each other: takeover settings, a hold, the flap guard.

use std::cmp::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::configuration::{Mode, TakeoverSettings};
use crate::domain::site::{Epoch, Site};

/// Which of two versions is newer; when both sites changed something at once, the alternate's holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Grows with every change.
    pub number: u64,
    /// Where the change was made.
    pub by: Site,
}

/// What both sites go by. The higher [`Version`] replaces the lower as a whole.
///
/// Nothing here is needed for safety: a site that goes by an old version still needs two promises.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Agreed {
    /// How new it is.
    pub version: Version,
    /// Which direction of takeover waits for a person.
    pub takeover: TakeoverSettings,
    /// Nothing moves by itself while it lasts.
    pub hold: Option<Hold>,
    /// The epoch of the last takeover that no person ordered.
    pub automatic: Option<Epoch>,
    /// The automatic takeover that a person has seen.
    pub acknowledged: Epoch,
}

/// A time during which nothing moves by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hold {
    /// How long it lasted still when this was written; each machine counts by itself.
    pub left: Duration,
    /// Why.
    pub reason: String,
}

impl Agreed {
    /// What holds from the beginning.
    #[must_use]
    pub fn first(takeover: TakeoverSettings) -> Self {
        let version = Version { number: 1, by: Site::Primary };
        Self { version, takeover, hold: None, automatic: None, acknowledged: Epoch::default() }
    }

    /// Whether the takeover that makes `site` live waits for a person.
    #[must_use]
    pub const fn mode_to(&self, site: Site) -> Mode {
        match site {
            Site::Alternate => self.takeover.alternate_from_primary,
            Site::Primary => self.takeover.primary_from_alternate,
        }
    }

    /// The automatic takeover that nobody has acknowledged yet.
    #[must_use]
    pub fn unseen_automatic(&self) -> Option<Epoch> {
        self.automatic.filter(|epoch| *epoch > self.acknowledged)
    }

    /// Whether `other` is to replace this.
    #[must_use]
    pub fn is_older_than(&self, other: &Self) -> bool {
        self.version.cmp(&other.version) == Ordering::Less
    }

    /// The same with a change, made at `by`.
    #[must_use]
    pub fn changed(&self, by: Site, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed.version = Version { number: self.version.number.saturating_add(1), by };
        changed
    }
}
