//! What a site does next, and why: one pure function of everything that is known.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::message::Standing;
use super::promises::Bar;
use super::reason::{Obstacle, Reason, Trouble};
use crate::domain::configuration::Mode;
use crate::domain::site::{Epoch, Site};

/// Everything a decision hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The site that decides.
    pub site: Site,
    /// Its right to be live.
    pub held: Held,
    /// The epoch in which the other site has become live after us.
    pub displaced: Option<Epoch>,
    /// How long this machine stood still at least, if that was just noticed.
    pub stood_still: Option<Duration>,
    /// Whether its own vote is free for itself.
    pub own_vote: Bar,
    /// The site that was live last.
    pub ordered: Site,
    /// How the other site is; `None`: it is not heard.
    pub peer: Option<Standing>,
    /// Its control addresses.
    pub control: Control,
    /// Its call server.
    pub health: Health,
    /// How often in a row its gate could not be opened, where that is too often.
    pub unopened: Option<u32>,
    /// The data it would go live with.
    pub data: Data,
    /// Whether the takeover that makes this site live waits for a person.
    pub mode_here: Mode,
    /// Whether the takeover that makes the other site live does.
    pub mode_there: Mode,
    /// How long nothing moves by itself.
    pub hold: Option<Duration>,
    /// How long the last automatic takeover stops the next.
    pub guard: Option<Duration>,
    /// How long this site gives way to one that asks and is well, or holds off.
    pub give_way: Option<Duration>,
    /// What the other site gave back, if it did just now.
    pub handed: Handed,
    /// Whether a person ordered this site to hand over.
    pub person: bool,
    /// How long until the traffic goes back to the primary by itself; `None`: it does not.
    pub back: Option<Duration>,
    /// How long a hand-over is not tried again after one that failed.
    pub retry: Option<Duration>,
}

/// A site's right to be live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// None; it is blocked.
    Nothing,
    /// It ends by time unless it is renewed.
    Until(Duration),
    /// It has ended.
    Ended,
    /// It does not end by time.
    Standing,
}

/// How a site reaches its control addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Not probed yet.
    Unknown,
    /// Enough of them answer.
    Reached {
        /// How many answer.
        answering: u8,
        /// How many there are.
        of: u8,
    },
    /// Too few answer, but not long enough to act on it.
    Missed {
        /// How many answer.
        answering: u8,
        /// How many there are.
        of: u8,
        /// How many must.
        needed: u8,
    },
    /// Too few have answered for several probes in a row.
    Lost {
        /// How many answer.
        answering: u8,
        /// How many there are.
        of: u8,
        /// How many must.
        needed: u8,
    },
}

/// How a call server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Well.
    Well,
    /// It failed several probes in a row.
    Ill {
        /// How many.
        failures: u32,
    },
}

/// How old the data is that a site would go live with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// The primary's own.
    Own,
    /// New enough.
    Fresh {
        /// Its age.
        age: Duration,
    },
    /// Too old.
    Old {
        /// Its age.
        age: Duration,
        /// The limit.
        limit: Duration,
    },
    /// Nothing is known to be loaded.
    Unknown,
}

/// Whether the other site gave its right back just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Handed {
    /// It did not.
    No,
    /// It did, by its rules.
    ByRule,
    /// It did, because a person ordered it.
    ByPerson,
}

/// What a site does, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// What it does.
    pub what: What,
    /// Why.
    pub because: Reason,
}

/// What a site does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Stay live; the right does not end by time.
    Stay,
    /// Stay live by asking for the promises anew.
    Renew,
    /// Block at once.
    Close,
    /// Block, read that back, and give the right to the other site.
    HandOver,
    /// Ask for promises to become live.
    Ask,
    /// Look again after this time.
    Wait(Duration),
    /// Stay blocked.
    Nothing,
}

/// Decides what a site does next. Safety does not hang on it: whatever it says, a site needs two promises to be live.
#[must_use]
pub fn decide(inputs: &Inputs) -> Decision {
    let (what, because) = match inputs.held {
        Held::Nothing => blocked(inputs),
        Held::Ended => (What::Close, Reason::RightEnded),
        Held::Until(left) => live(inputs, (What::Renew, Some(left))),
        Held::Standing => live(inputs, (What::Stay, None)),
    };
    Decision { what, because }
}

/// A live site stays so unless it must not, or the other one would serve better.
fn live(inputs: &Inputs, (stay, left): (What, Option<Duration>)) -> (What, Reason) {
    if let Some(epoch) = inputs.displaced {
        return (What::Close, Reason::Displaced { epoch });
    }
    if let Some(at_least) = inputs.stood_still {
        return (What::Close, Reason::StoodStill { at_least });
    }
    if inputs.person {
        return match inputs.peer {
            Some(_) => (What::HandOver, Reason::Person),
            None => (stay, Reason::Hindered { trouble: Trouble::Ordered, obstacle: Obstacle::PeerSilent }),
        };
    }
    let trouble = match (inputs.unopened, inputs.control, inputs.health, inputs.back) {
        (Some(times), _, _, _) => Trouble::NotOpened { times },
        (None, Control::Lost { answering, of, needed }, _, _) => Trouble::ControlLost { answering, of, needed },
        (None, _, Health::Ill { failures }, _) => Trouble::Ill { failures },
        (None, _, Health::Well, Some(Duration::ZERO)) => Trouble::Back,
        (None, _, Health::Well, Some(left)) => return (stay, Reason::BackLater { left }),
        (None, _, Health::Well, None) => return (stay, left.map_or(Reason::Standing, |left| Reason::Right { left })),
    };
    match obstacle_to_handing_over(inputs) {
        Some(obstacle) => (stay, Reason::Hindered { trouble, obstacle }),
        None => (What::HandOver, Reason::Troubled { trouble }),
    }
}

/// Why a site in trouble stays live all the same.
fn obstacle_to_handing_over(inputs: &Inputs) -> Option<Obstacle> {
    if inputs.mode_there == Mode::Manual {
        return Some(Obstacle::Manual { to: inputs.site.other() });
    }
    if let Some(left) = inputs.hold {
        return Some(Obstacle::Hold { left });
    }
    if let Some(left) = inputs.guard {
        return Some(Obstacle::Guard { left });
    }
    if let Some(left) = inputs.retry {
        return Some(Obstacle::Retry { left });
    }
    match inputs.peer {
        None => Some(Obstacle::PeerSilent),
        Some(peer) if !peer.control => Some(Obstacle::PeerControl),
        Some(peer) if !peer.healthy => Some(Obstacle::PeerIll),
        Some(peer) if !peer.data => Some(Obstacle::PeerData),
        Some(_) => None,
    }
}

/// A blocked site asks if it was live last and nobody else is, or if it may take over.
fn blocked(inputs: &Inputs) -> (What, Reason) {
    match inputs.own_vote {
        Bar::Free => {}
        Bar::Until(left) => return (What::Wait(left), Reason::Promised { to: inputs.site.other(), left }),
        Bar::Standing => return (What::Nothing, Reason::PromisedForGood { to: inputs.site.other() }),
        Bar::Blank => return (What::Nothing, Reason::Blank),
    }
    if let Some(Standing { live: Some(epoch), .. }) = inputs.peer {
        return (What::Nothing, Reason::PeerLive { epoch });
    }
    if inputs.handed == Handed::ByPerson {
        return (What::Ask, Reason::HandedByPerson);
    }
    if inputs.ordered == inputs.site {
        return resume(inputs);
    }
    take_over(inputs)
}

/// The site that was live last becomes live again, if nobody serves better.
fn resume(inputs: &Inputs) -> (What, Reason) {
    match inputs.control {
        // Nobody else may serve, so the site is better live without terminals than blocked.
        Control::Lost { .. } if inputs.mode_there == Mode::Automatic => no_control(inputs.control),
        Control::Unknown | Control::Reached { .. } | Control::Missed { .. } | Control::Lost { .. } => {
            (What::Ask, Reason::Resume)
        }
    }
}

/// The other site was live last; this one takes over if it may and can serve.
fn take_over(inputs: &Inputs) -> (What, Reason) {
    let handed = inputs.handed == Handed::ByRule;
    if inputs.mode_here == Mode::Manual {
        return (What::Nothing, Reason::Manual { to: inputs.site });
    }
    if let Some(left) = inputs.hold {
        return (What::Wait(left), Reason::Hold { left });
    }
    if let Some(left) = inputs.guard {
        return (What::Wait(left), Reason::Guard { left });
    }
    if !matches!(inputs.control, Control::Reached { .. }) {
        return no_control(inputs.control);
    }
    if let Health::Ill { failures } = inputs.health {
        return (What::Nothing, Reason::Ill { failures });
    }
    match inputs.data {
        Data::Old { age, limit } => return (What::Nothing, Reason::DataOld { age, limit }),
        Data::Unknown => return (What::Nothing, Reason::DataUnknown),
        Data::Own | Data::Fresh { .. } => {}
    }
    match inputs.give_way {
        Some(left) if !handed => (What::Wait(left), Reason::GiveWay { left }),
        Some(_) | None if handed => (What::Ask, Reason::Handed),
        Some(_) | None => (What::Ask, Reason::TakeOver),
    }
}

const fn no_control(control: Control) -> (What, Reason) {
    match control {
        Control::Lost { answering, of, needed } | Control::Missed { answering, of, needed } => {
            (What::Nothing, Reason::NoControl { answering, of, needed })
        }
        Control::Unknown | Control::Reached { .. } => (What::Nothing, Reason::ControlUnknown),
    }
}
