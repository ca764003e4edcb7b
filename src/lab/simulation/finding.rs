//! What is held against a simulated pair, and what explains it without a fault of the product.

use std::fmt;

use serde::Serialize;

use crate::domain::lease::node::Worry;
use crate::domain::site::{Epoch, Site};

/// Something that is held against the pair.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// Two sites were live.
    TwoLive {
        /// When it began, in milliseconds.
        from_millis: u64,
        /// For how long.
        millis: f64,
        /// What outside of the product's promise explains it.
        excuse: Option<Excuse>,
    },
    /// A gate was opened for longer than the site had a right to.
    OpenedTooLong {
        /// When, in milliseconds.
        at_millis: u64,
        /// The site.
        site: Site,
        /// By how much.
        millis: f64,
    },
    /// A gate was open after a boot, before anything opened it.
    OpenAtBoot {
        /// When, in milliseconds.
        at_millis: u64,
        /// The site.
        site: Site,
    },
    /// A site opened its gates without an end, and no voter had promised it so.
    OpenedForGood {
        /// When, in milliseconds.
        at_millis: u64,
        /// The site.
        site: Site,
    },
    /// A site opened its gates in a lower epoch than one of the two had before.
    EpochFell {
        /// When, in milliseconds.
        at_millis: u64,
        /// The site.
        site: Site,
        /// Before.
        from: Epoch,
        /// Now.
        to: Epoch,
        /// What explains it.
        excuse: Option<Excuse>,
    },
    /// Both sites opened their gates in one epoch.
    EpochShared {
        /// When, in milliseconds.
        at_millis: u64,
        /// The epoch.
        epoch: Epoch,
        /// What explains it.
        excuse: Option<Excuse>,
    },
    /// Rules that another program threw away were not restored although the monitor ran.
    LeftFlushed {
        /// When they should have been, in milliseconds.
        at_millis: u64,
        /// The site.
        site: Site,
    },
    /// A site became live or stopped being live, and neither a fault nor a word of its monitor says why.
    Unexplained {
        /// When, in milliseconds.
        at_millis: u64,
        /// The site.
        site: Site,
        /// Whether it became live.
        is_live: bool,
    },
    /// An alarm was never taken back although nothing is wrong any more.
    AlarmLeft {
        /// When it was raised, in milliseconds.
        at_millis: u64,
        /// Who raised it.
        who: String,
        /// The alarm.
        worry: Worry,
    },
}

/// What explains two live sites without a fault of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Excuse {
    /// A virtual machine stood still and has just gone on; no lease covers that, it can only be made short.
    Paused,
    /// A person forced a takeover.
    Forced,
    /// Another program threw the rules away; they are restored within one renewal and a block.
    Flushed,
    /// Another program threw the rules away while no monitor ran that could restore them.
    Unwatched,
    /// There is no witness.
    Conditional,
    /// A clock runs further off than the times were made for.
    Clock,
}

impl Finding {
    /// What explains it.
    #[must_use]
    pub const fn excuse(&self) -> Option<Excuse> {
        match self {
            Self::TwoLive { excuse, .. } | Self::EpochFell { excuse, .. } | Self::EpochShared { excuse, .. } => *excuse,
            Self::OpenedTooLong { .. }
            | Self::OpenAtBoot { .. }
            | Self::OpenedForGood { .. }
            | Self::LeftFlushed { .. }
            | Self::Unexplained { .. }
            | Self::AlarmLeft { .. } => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoLive { from_millis, millis, excuse } => {
                write!(f, "from {:.3} s on both sites were live for {millis:.0} ms", seconds(*from_millis))?;
                excused(*excuse, f)
            }
            Self::OpenedTooLong { at_millis, site, millis } => write!(
                f,
                "at {:.3} s a gate of the {site} was opened for {millis:.0} ms longer than its right",
                seconds(*at_millis)
            ),
            Self::OpenAtBoot { at_millis, site } => {
                write!(f, "at {:.3} s a gate of the {site} was open after a boot", seconds(*at_millis))
            }
            Self::OpenedForGood { at_millis, site } => write!(
                f,
                "at {:.3} s a gate of the {site} was opened without an end, and nobody had promised so",
                seconds(*at_millis)
            ),
            Self::EpochFell { at_millis, site, from, to, excuse } => {
                write!(f, "at {:.3} s the {site} opened in epoch {to} after epoch {from}", seconds(*at_millis))?;
                excused(*excuse, f)
            }
            Self::EpochShared { at_millis, epoch, excuse } => {
                write!(f, "at {:.3} s both sites had opened in epoch {epoch}", seconds(*at_millis))?;
                excused(*excuse, f)
            }
            Self::LeftFlushed { at_millis, site } => write!(
                f,
                "at {:.3} s the rules of the {site} that another program threw away were not restored yet",
                seconds(*at_millis)
            ),
            Self::Unexplained { at_millis, site, is_live } => write!(
                f,
                "at {:.3} s the {site} {}, and nobody says why",
                seconds(*at_millis),
                if *is_live { "became live" } else { "was not live any more" }
            ),
            Self::AlarmLeft { at_millis, who, worry } => {
                write!(f, "the alarm of the {who} from {:.3} s on was never taken back: {worry}", seconds(*at_millis))
            }
        }
    }
}

fn excused(excuse: Option<Excuse>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    excuse.map_or(Ok(()), |excuse| write!(f, "; {excuse}"))
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a simulated day")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

impl fmt::Display for Excuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Paused => "a virtual machine had stood still, which no lease covers",
            Self::Forced => "a person forced the takeover and vouched for it",
            Self::Flushed => "another program had thrown the rules away",
            Self::Unwatched => "another program had thrown the rules away, and no monitor ran to restore them",
            Self::Conditional => "there is no witness, so the guarantee is conditional",
            Self::Clock => "a clock ran further off than the times are made for",
        })
    }
}
