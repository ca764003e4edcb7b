//! What monitors and the witness say to each other. How it becomes bytes, and who may say it, is the network's.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::agreed::Agreed;
use super::memory::{Kind, Memory, Stamp};
use super::moment::{Moment, Spoken};
use crate::domain::site::{Epoch, Order, Site};

/// One of the three that vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Voter {
    /// The monitor on LIM 1 of a site.
    Monitor(Site),
    /// The third, at neither site.
    Witness,
}

impl Voter {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Monitor(Site::Primary), Self::Monitor(Site::Alternate), Self::Witness];

    /// The two others.
    pub fn others(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |voter| *voter != self)
    }
}

impl fmt::Display for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Monitor(site) => site.fmt(f),
            Self::Witness => f.write_str("witness"),
        }
    }
}

impl FromStr for Voter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "witness" => Ok(Self::Witness),
            "primary" => Ok(Self::Monitor(Site::Primary)),
            "alternate" => Ok(Self::Monitor(Site::Alternate)),
            _ => Err(format!("\"{text}\" is none of primary, alternate, witness")),
        }
    }
}

/// A message. Its sender is known from the key it was signed with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "kebab-case")]
pub enum Message {
    /// A site asks a voter for its promise.
    Ask(Ask),
    /// The voter promised.
    Grant(Grant),
    /// The voter did not.
    Refuse(Refuse),
    /// A site is blocked, that was read back, and it will never use the epoch again.
    Release(Release),
    /// A person vouches for a takeover against the promises there are.
    Force(Force),
    /// A site tells how it is, every renewal.
    Beat(Box<Beat>),
    /// The witness answers a beat.
    Echo(Echo),
    /// A voter that lost its memory asks what the others remember.
    Recall {
        /// The answer repeats it.
        nonce: u64,
    },
    /// The answer; a voter that lost its own memory has none.
    Remember {
        /// From the question.
        nonce: u64,
        /// What the voter remembers.
        memory: Option<Box<Memory>>,
    },
}

/// A request for a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ask {
    /// In which epoch.
    pub epoch: Epoch,
    /// Whether the promise is to end by time.
    pub kind: Kind,
    /// How long the voter is to keep it, if it ends. The holder asks for what its own lease needs.
    pub length: Duration,
    /// When it was sent.
    pub stamp: Stamp,
    /// Who is live, as far as the sender knows.
    pub order: Order,
}

/// A promise made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// In which epoch.
    pub epoch: Epoch,
    /// Whether it ends by time.
    pub kind: Kind,
    /// The request it answers.
    pub stamp: Stamp,
    /// The voter's clock.
    pub clock: Clock,
    /// Who is live, as far as the voter knows.
    pub order: Order,
}

/// A promise not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refuse {
    /// Why.
    pub because: Refused,
    /// The highest epoch the voter knows of; a new request needs a higher one.
    pub highest: Epoch,
    /// The request it answers.
    pub stamp: Stamp,
    /// The voter's clock.
    pub clock: Clock,
    /// Who is live, as far as the voter knows.
    pub order: Order,
}

/// Why a voter did not promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "refused", rename_all = "kebab-case")]
pub enum Refused {
    /// Its promise to the other site stands.
    Promised {
        /// The other site.
        to: Site,
        /// In which epoch.
        epoch: Epoch,
        /// How long it lasts still; `None` when it does not end by time.
        left: Option<Duration>,
    },
    /// It knows of a higher epoch.
    LowEpoch {
        /// The epoch it knows of.
        highest: Epoch,
    },
    /// A newer request of the same site was answered already.
    Late,
    /// It lost its memory and stays silent until it has learned from both others.
    Blank,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Promised { to, epoch, left: Some(left) } => {
                write!(f, "its promise to the {to} system in epoch {epoch} stands for {} more", Spoken(*left))
            }
            Self::Promised { to, epoch, left: None } => {
                write!(f, "its promise to the {to} system in epoch {epoch} does not end by time")
            }
            Self::LowEpoch { highest } => write!(f, "it knows of epoch {highest}"),
            Self::Late => f.write_str("it answered a newer request"),
            Self::Blank => f.write_str("it lost its memory and learns from the others"),
        }
    }
}

/// A right given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Release {
    /// The epoch that is over for the sender.
    pub epoch: Epoch,
    /// Whether a person ordered it; then the other site takes over in any case.
    pub by_person: bool,
}

/// A takeover that a person vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Force {
    /// Far above every epoch there was.
    pub epoch: Epoch,
    /// When it was sent.
    pub stamp: Stamp,
}

/// How a site is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Beat {
    /// When it was sent.
    pub stamp: Stamp,
    /// Who is live, as far as the sender knows.
    pub order: Order,
    /// How the sender is.
    pub standing: Standing,
    /// What the sender goes by.
    pub agreed: Agreed,
}

/// How a site is, in what the other one must know for its decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts, told as yes or no")]
pub struct Standing {
    /// The epoch in which it is live.
    pub live: Option<Epoch>,
    /// Whether it asks for promises.
    pub asks: bool,
    /// Whether it reaches enough of its control addresses.
    pub control: bool,
    /// Whether the last probe of its call server was good.
    pub healthy: bool,
    /// Whether its data is new enough to go live with.
    pub data: bool,
    /// Whether it handed over because it could not serve, and was not seen to be mended since: the traffic does not go
    /// back to it by itself.
    #[serde(default)]
    pub doubted: bool,
}

/// The witness's answer to a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Echo {
    /// The beat it answers.
    pub stamp: Stamp,
    /// The witness's clock.
    pub clock: Clock,
    /// Who is live, as far as the witness knows.
    pub order: Order,
    /// The highest epoch it knows of.
    pub highest: Epoch,
}

/// A voter's clock, by which others notice that they stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Clock {
    /// Which start of the voter; clocks of two starts are not compared.
    pub start: u64,
    /// Its time.
    pub now: Moment,
}

impl Clock {
    /// Of a voter that has no clock to compare: it never moves, so no standstill follows from it.
    pub const NONE: Self = Self { start: 0, now: Moment::from_nanos(0) };
}
