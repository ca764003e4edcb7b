//! Why a site does what it does, in one plain sentence with its numbers, and what would change it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::moment::Spoken;
use crate::domain::site::{Epoch, Site};

/// Why a site does what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// Live by a lease.
    Right {
        /// How long it lasts still.
        left: Duration,
    },
    /// Live by standing promises.
    Standing,
    /// Live, and the traffic goes back later.
    BackLater {
        /// How much later.
        left: Duration,
    },
    /// In trouble, but the other site is not to take over.
    Hindered {
        /// The trouble.
        trouble: Trouble,
        /// Why the other site is not to take over.
        obstacle: Obstacle,
    },
    /// In trouble, and the other site is to take over.
    Troubled {
        /// The trouble.
        trouble: Trouble,
    },
    /// A person ordered it.
    Person,
    /// The lease ended.
    RightEnded,
    /// Another program changed the rules of a site that is blocked already.
    RulesChanged,
    /// The other site is live in a higher epoch.
    Displaced {
        /// The epoch.
        epoch: Epoch,
    },
    /// This machine stood still.
    StoodStill {
        /// For how long at least.
        at_least: Duration,
    },
    /// The own vote is the other site's.
    Promised {
        /// The other site.
        to: Site,
        /// For how long.
        left: Duration,
    },
    /// The own vote is the other site's until a person changes that.
    PromisedForGood {
        /// The other site.
        to: Site,
    },
    /// The own vote is lost with the disk.
    Blank,
    /// The other site is live.
    PeerLive {
        /// In which epoch.
        epoch: Epoch,
    },
    /// The other site gave the traffic to this one, as a person ordered.
    HandedByPerson,
    /// The other site gave the traffic to this one by its rules.
    Handed,
    /// This site was live last.
    Resume,
    /// The other site is not live any more.
    TakeOver,
    /// A person decides.
    Manual {
        /// The site that would become live.
        to: Site,
    },
    /// Nothing moves by itself now.
    Hold {
        /// For how long.
        left: Duration,
    },
    /// There was an automatic takeover.
    Guard {
        /// How long it stops the next.
        left: Duration,
    },
    /// Too few control addresses answer.
    NoControl {
        /// How many answer.
        answering: u8,
        /// How many there are.
        of: u8,
        /// How many must.
        needed: u8,
    },
    /// The control addresses were not probed yet.
    ControlUnknown,
    /// The call server is ill.
    Ill {
        /// Failed probes in a row.
        failures: u32,
    },
    /// The data is too old.
    DataOld {
        /// Its age.
        age: Duration,
        /// The limit.
        limit: Duration,
    },
    /// Nothing is known to be loaded.
    DataUnknown,
    /// The other site asks and is well, or this one holds off.
    GiveWay {
        /// For how long.
        left: Duration,
    },
}

/// Why a live site would rather have the other one live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "trouble", rename_all = "kebab-case")]
pub enum Trouble {
    /// It lost its control addresses.
    ControlLost {
        /// How many answer.
        answering: u8,
        /// How many there are.
        of: u8,
        /// How many must.
        needed: u8,
    },
    /// Its call server is ill.
    Ill {
        /// Failed probes in a row.
        failures: u32,
    },
    /// Its gate cannot be opened.
    NotOpened {
        /// How often in a row it could not.
        times: u32,
    },
    /// The primary has been well for long enough.
    Back,
    /// A person ordered it.
    Ordered,
}

/// Why it stays live all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "obstacle", rename_all = "kebab-case")]
pub enum Obstacle {
    /// A person decides.
    Manual {
        /// The site that would become live.
        to: Site,
    },
    /// Nothing moves by itself now.
    Hold {
        /// For how long.
        left: Duration,
    },
    /// There was an automatic takeover.
    Guard {
        /// How long it stops the next.
        left: Duration,
    },
    /// The last hand-over failed.
    Retry {
        /// How long until the next.
        left: Duration,
    },
    /// The other site is not heard.
    PeerSilent,
    /// The other site does not reach its control addresses.
    PeerControl,
    /// The other site's call server is ill.
    PeerIll,
    /// The other site's data is too old.
    PeerData,
}

impl Reason {
    /// What would change the decision, for `status --why`.
    #[must_use]
    pub fn would_change(&self) -> String {
        match self {
            Self::Right { .. } => {
                "two voters that no longer answer, a lost control address, or an ill call server".into()
            }
            Self::Standing => "a person, or takeover from this site set to automatic".into(),
            Self::BackLater { left } => format!("the primary stays well for {} more", Spoken(*left)),
            Self::Hindered { obstacle, .. } => obstacle.would_change(),
            Self::Troubled { .. } | Self::Person | Self::HandedByPerson | Self::Handed => {
                "nothing; it is being done".into()
            }
            Self::RulesChanged => "nothing; the block is made anew at once".into(),
            Self::RightEnded | Self::Resume | Self::TakeOver => "two voters that promise".into(),
            Self::Displaced { .. } | Self::PeerLive { .. } => "the other system stops being live".into(),
            Self::StoodStill { .. } => "two voters that promise anew".into(),
            Self::Promised { left, .. } => format!("nothing renews the promise for {}", Spoken(*left)),
            Self::PromisedForGood { to } => {
                format!("a person, or takeover from the {to} system set to automatic while it answers")
            }
            Self::Blank => "both other voters answer, or a person forces a takeover".into(),
            Self::Manual { to } => format!("a person, or takeover to the {to} system set to automatic"),
            Self::Hold { left } => format!("the hold ends in {}, or a person ends it", Spoken(*left)),
            Self::Guard { left } => {
                format!("a person acknowledges the last automatic takeover, or {} pass", Spoken(*left))
            }
            Self::NoControl { needed, .. } => format!("{needed} control addresses answer"),
            Self::ControlUnknown => "the control addresses are probed".into(),
            Self::Ill { .. } => "the call server answers its probe".into(),
            Self::DataOld { .. } | Self::DataUnknown => "a copy of the primary's backup is loaded".into(),
            Self::GiveWay { left } => format!("{} pass", Spoken(*left)),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right { left } => write!(f, "two voters promised; the right lasts {} more", Spoken(*left)),
            Self::Standing => f.write_str("two voters promised, and takeover from this system waits for a person"),
            Self::BackLater { left } => {
                write!(f, "the primary is well again and gets the traffic back in {}", Spoken(*left))
            }
            Self::Hindered { trouble, obstacle } => write!(f, "{trouble}, but {obstacle}"),
            Self::Troubled { trouble } => write!(f, "{trouble}, and the other system is ready"),
            Self::Person => f.write_str("a person ordered it"),
            Self::RightEnded => f.write_str("the right ended: two voters did not promise anew in time"),
            Self::RulesChanged => f.write_str("another program changed the rules of the block"),
            Self::Displaced { epoch } => write!(f, "the other system is live in epoch {epoch}, which is higher"),
            Self::StoodStill { at_least } => write!(
                f,
                "this machine stood still for at least {}: the clocks of the others moved on",
                Spoken(*at_least)
            ),
            Self::Promised { to, left } => {
                write!(f, "the own promise to the {to} system stands for {} more", Spoken(*left))
            }
            Self::PromisedForGood { to } => write!(f, "the own promise to the {to} system does not end by time"),
            Self::Blank => f.write_str("the memory of promises is lost, and the others have not told theirs yet"),
            Self::PeerLive { epoch } => write!(f, "the other system is live in epoch {epoch}"),
            Self::HandedByPerson => f.write_str("the other system gave the traffic to this one, as a person ordered"),
            Self::Handed => f.write_str("the other system gave the traffic to this one"),
            Self::Resume => f.write_str("this system was live last"),
            Self::TakeOver => f.write_str("the promise to the other system ended and was not renewed"),
            Self::Manual { to } => write!(f, "a takeover to the {to} system waits for a person"),
            Self::Hold { left } => write!(f, "a person holds everything for {} more", Spoken(*left)),
            Self::Guard { left } => {
                write!(f, "the last automatic takeover is not acknowledged; it stops the next for {}", Spoken(*left))
            }
            Self::NoControl { answering, of, needed } => {
                write!(f, "{answering} of {of} control addresses answer here, {needed} must")
            }
            Self::ControlUnknown => f.write_str("the control addresses have not been probed here yet"),
            Self::Ill { failures } => write!(f, "the call server here failed {failures} probes in a row"),
            Self::DataOld { age, limit } => {
                write!(f, "the data here is {} old, the limit is {}", Spoken(*age), Spoken(*limit))
            }
            Self::DataUnknown => f.write_str("nothing is known to be loaded here"),
            Self::GiveWay { left } => write!(f, "it waits {} more for the other system", Spoken(*left)),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlLost { answering, of, needed } => {
                write!(f, "{answering} of {of} control addresses answer here, {needed} must")
            }
            Self::Ill { failures } => write!(f, "the call server here failed {failures} probes in a row"),
            Self::NotOpened { times } => write!(f, "the gate here could not be opened {times} times in a row"),
            Self::Back => f.write_str("the primary has been well for long enough to get the traffic back"),
            Self::Ordered => f.write_str("a person ordered a hand-over"),
        }
    }
}

impl Obstacle {
    fn would_change(&self) -> String {
        match self {
            Self::Manual { to } => format!("a person, or takeover to the {to} system set to automatic"),
            Self::Hold { left } => format!("the hold ends in {}, or a person ends it", Spoken(*left)),
            Self::Guard { left } => {
                format!("a person acknowledges the last automatic takeover, or {} pass", Spoken(*left))
            }
            Self::Retry { left } => format!("{} pass", Spoken(*left)),
            Self::PeerSilent => "the other system answers".into(),
            Self::PeerControl => "the other system reaches its control addresses".into(),
            Self::PeerIll => "the other system's call server is well".into(),
            Self::PeerData => "a copy of the primary's backup is loaded".into(),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual { to } => write!(f, "a takeover to the {to} system waits for a person"),
            Self::Hold { left } => write!(f, "a person holds everything for {} more", Spoken(*left)),
            Self::Guard { left } => {
                write!(f, "the last automatic takeover is not acknowledged; it stops the next for {}", Spoken(*left))
            }
            Self::Retry { left } => {
                write!(f, "the last hand-over failed; it is tried again in {}", Spoken(*left))
            }
            Self::PeerSilent => f.write_str("the other system does not answer"),
            Self::PeerControl => f.write_str("the other system does not reach its control addresses either"),
            Self::PeerIll => f.write_str("the call server of the other system is ill too"),
            Self::PeerData => f.write_str("the data of the other system is too old"),
        }
    }
}
