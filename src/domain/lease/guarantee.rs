//! Which guarantee is in force, for the first line of `status`.

use std::fmt;
use std::time::Duration;

use super::moment::{Moment, Spoken};
use super::node::Worry;
use crate::domain::site::Epoch;

/// Which guarantee is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarantee {
    /// Two promises are needed to be live.
    AtMostOneLive {
        /// The last epoch in which a site was live.
        epoch: Epoch,
        /// When the witness was last heard.
        witness: Duration,
        /// How long the right of this site lasts still, if it has one that ends.
        left: Option<Duration>,
    },
    /// There is no witness: two sites that both reach their control addresses, but not each other, can both be live.
    Conditional {
        /// How many control addresses answer here.
        answering: u8,
        /// How many there are.
        of: u8,
    },
    /// A person decides about every takeover.
    Manual,
    /// None, until the cause is gone.
    Lost {
        /// The cause.
        why: Worry,
        /// Since when, by this machine's clock.
        since: Moment,
    },
}

impl Guarantee {
    /// The word of `status --json`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::AtMostOneLive { .. } => "at-most-one-live",
            Self::Conditional { .. } => "conditional",
            Self::Manual => "manual",
            Self::Lost { .. } => "lost",
        }
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMostOneLive { epoch, witness, left } => {
                write!(f, "AT MOST ONE LIVE (lease, epoch {epoch}, witness heard {} ago", Spoken(*witness))?;
                match left {
                    Some(left) => write!(f, "; armed, {} left)", Spoken(*left)),
                    None => f.write_str(")"),
                }
            }
            Self::Conditional { answering, of } => {
                write!(f, "CONDITIONAL (no witness; {answering} of {of} control addresses answer)")
            }
            Self::Manual => f.write_str("MANUAL (takeover manual both ways; nothing is armed)"),
            Self::Lost { why, .. } => write!(f, "LOST ({why})"),
        }
    }
}
