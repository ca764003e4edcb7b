//! What a voter must not forget: the highest epoch, its promise, and who was live last.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::agreed::Agreed;
use crate::domain::site::{Epoch, Order, Site};

/// What a voter keeps on disk. It is written before any message that follows from it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Memory {
    /// How often this machine was started; part of every [`Stamp`].
    pub starts: u64,
    /// The highest epoch this voter promised or heard to be held.
    pub highest: Epoch,
    /// The last promise, also after it ended; `None` once it was released.
    pub promise: Option<Promise>,
    /// The site that was live last, as far as is known here.
    pub order: Order,
    /// What both sites go by.
    pub agreed: Agreed,
}

impl Memory {
    /// What a voter of a pair remembers that was never switched.
    #[must_use]
    pub fn first(active: Site, agreed: Agreed) -> Self {
        Self::beginning_with(Order { active, epoch: Epoch(1) }, agreed)
    }

    /// What a voter remembers that is set up where the servers keep this order: the active site holds a standing
    /// promise in its epoch. A lower one would lead to orders that no server takes.
    #[must_use]
    pub fn beginning_with(order: Order, agreed: Agreed) -> Self {
        let Order { active, epoch } = order;
        let promise =
            Promise { to: active, epoch, kind: Kind::Standing, length: Duration::ZERO, stamp: Stamp::default() };
        Self { starts: 0, highest: epoch, promise: Some(promise), order, agreed }
    }

    /// Whether `other` would be the same file for our purposes.
    ///
    /// The stamp of a promise may be older on disk: a promise that ends counts anew from the start of the voter, so a
    /// renewal changes nothing that must outlive it.
    #[must_use]
    pub fn is_kept_as(&self, other: &Self) -> bool {
        let essence = |memory: &Self| memory.promise.as_ref().map(|p| (p.to, p.epoch, p.kind, p.length));
        (self.starts, self.highest, self.order) == (other.starts, other.highest, other.order)
            && self.agreed == other.agreed
            && essence(self) == essence(other)
    }
}

/// A voter's word that it backs one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Promise {
    /// The site.
    pub to: Site,
    /// In which epoch.
    pub epoch: Epoch,
    /// Whether it ends by time.
    pub kind: Kind,
    /// How long it holds from the moment the request was heard, if it ends.
    pub length: Duration,
    /// The newest request it answers; older ones that come late are refused.
    pub stamp: Stamp,
}

/// Whether a promise ends by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It ends. The site is armed: its kernels block by themselves.
    Lease,
    /// It does not end; takeover from the site waits for a person.
    Standing,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lease => "lease",
            Self::Standing => "standing",
        })
    }
}

/// Which of two messages of one machine is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// Which start of the machine's monitor.
    pub start: u64,
    /// The sender's clock in nanoseconds when it sent; it grows within a start.
    pub sent: u64,
}

/// What was found on disk at the start.
#[expect(clippy::large_enum_variant, reason = "a voter has one, and reads it once")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// The memory, whole.
    Whole(Memory),
    /// Missing or damaged.
    Lost,
}
