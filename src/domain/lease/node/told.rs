//! What a monitor tells people.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::alarm::Alarm;
use crate::domain::lease::decide::{Decision, What};
use crate::domain::lease::memory::Kind;
use crate::domain::lease::moment::Spoken;
use crate::domain::site::{Epoch, Site};

/// Something people are told; it goes into the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub enum Told {
    /// It decided something else than before.
    Decided {
        /// What and why.
        decision: Decision,
    },
    /// Two voters promised; the site is live.
    Won {
        /// In which epoch.
        epoch: Epoch,
        /// Whether the promises end by time.
        kind: Kind,
    },
    /// The gates end by themselves from now on.
    Armed,
    /// The gates do not end by themselves any more.
    Disarmed,
    /// The site is blocked and gave its right back.
    Released {
        /// The epoch that is over.
        epoch: Epoch,
        /// The site that may take it.
        to: Site,
    },
    /// A person vouched for a takeover.
    Forced {
        /// The new epoch.
        epoch: Epoch,
    },
    /// A person's order was refused.
    Refused {
        /// Why.
        because: String,
    },
    /// What both sites go by changed.
    Agreed {
        /// The new version.
        version: u64,
        /// Where it was changed.
        by: Site,
    },
    /// A memory that was lost has been learned again from the others.
    Recalled,
    /// The guarantee is in doubt.
    Worry {
        /// Why.
        worry: Worry,
    },
    /// It is not any more.
    Cleared {
        /// What it was.
        worry: Worry,
    },
}

/// Why the guarantee, or the service, is in doubt; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worry {
    /// This site is live by a person's word.
    Vouched,
    /// A server could not be read back as blocked.
    BlockNotVerified,
    /// Another program changed the rules.
    RulesChanged,
    /// The promises cannot be written to disk.
    NotKept,
    /// Not every gate could be made to end by itself.
    NotArmed,
    /// The gate could not be opened, several times in a row.
    NotOpened,
}

impl Worry {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Vouched, Self::BlockNotVerified, Self::RulesChanged, Self::NotKept, Self::NotArmed, Self::NotOpened];

    /// Whether two sites could be live while it lasts, or none could be kept from it. A gate that does not open keeps
    /// its own site from being live and no more.
    #[must_use]
    pub const fn breaks_guarantee(self) -> bool {
        match self {
            Self::Vouched | Self::BlockNotVerified | Self::RulesChanged | Self::NotKept | Self::NotArmed => true,
            Self::NotOpened => false,
        }
    }

    /// The alarm that it is.
    #[must_use]
    pub const fn alarm(self) -> Alarm {
        match self {
            Self::RulesChanged => Alarm::RulesTampered,
            Self::NotKept => Alarm::PromisesNotKept,
            Self::BlockNotVerified => Alarm::BlockNotVerified,
            Self::NotArmed => Alarm::NotArmed,
            Self::Vouched => Alarm::LiveByWord,
            Self::NotOpened => Alarm::GateNotOpened,
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided { decision } => write!(f, "{}: {}", decision.what, decision.because),
            Self::Won { epoch, kind: Kind::Lease } => write!(f, "is live in epoch {epoch}, by a lease"),
            Self::Won { epoch, kind: Kind::Standing } => write!(f, "is live in epoch {epoch}, by standing promises"),
            Self::Armed => f.write_str("is armed: its gates end by themselves"),
            Self::Disarmed => f.write_str("is not armed any more: a person decides about a takeover"),
            Self::Released { epoch, to } => write!(f, "is blocked and gave epoch {epoch} back for the {to} system"),
            Self::Forced { epoch } => write!(f, "takes the traffic in epoch {epoch}: a person vouches for it"),
            Self::Refused { because } => write!(f, "refuses the order: {because}"),
            Self::Agreed { version, by } => {
                write!(f, "goes by version {version} of the settings, made at the {by} system")
            }
            Self::Recalled => f.write_str("has learned from the others what it had lost"),
            Self::Worry { worry } => write!(f, "ALARM: {worry}"),
            Self::Cleared { worry } => write!(f, "no alarm any more: {worry}"),
        }
    }
}

impl fmt::Display for Worry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RulesChanged => "another program changed the rules",
            Self::NotKept => "the promises cannot be written to disk",
            Self::BlockNotVerified => "not every server could be read back as blocked",
            Self::NotArmed => "not every gate could be armed, so takeover from here waits for a person",
            Self::Vouched => "it is live by a person's word, not by two promises",
            Self::NotOpened => "the gate cannot be opened, so telephony does not pass although the site is to be live",
        })
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stay => f.write_str("stays live"),
            Self::Renew => f.write_str("stays live and renews"),
            Self::Close => f.write_str("blocks"),
            Self::HandOver => f.write_str("hands over"),
            Self::Ask => f.write_str("asks to become live"),
            Self::Wait(left) => write!(f, "waits {}", Spoken(*left)),
            Self::Nothing => f.write_str("stays blocked"),
        }
    }
}
