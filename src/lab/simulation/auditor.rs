//! Looks at the gates of the servers at every instant, and knows nothing of why they are open.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

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
    /// A site opened its gates in a lower epoch than before.
    EpochFell {
        /// When, in milliseconds.
        at_millis: u64,
        /// The site.
        site: Site,
        /// Before.
        from: Epoch,
        /// Now.
        to: Epoch,
    },
    /// Both sites opened their gates in one epoch.
    EpochShared {
        /// When, in milliseconds.
        at_millis: u64,
        /// The epoch.
        epoch: Epoch,
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
    /// Another program threw the rules away; they are restored within one renewal.
    Flushed,
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
            Self::TwoLive { excuse, .. } => *excuse,
            Self::OpenedTooLong { .. }
            | Self::OpenAtBoot { .. }
            | Self::EpochFell { .. }
            | Self::EpochShared { .. } => None,
        }
    }
}

/// Who is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Live {
    pub(super) primary: bool,
    pub(super) alternate: bool,
}

/// The auditor's book.
#[derive(Debug, Default)]
pub(super) struct Auditor {
    live: Live,
    since: u64,
    none_live: u64,
    last_live: Option<Site>,
    takeovers: usize,
    two: Option<(u64, Option<Excuse>)>,
    epochs: BTreeMap<Epoch, Site>,
    newest: BTreeMap<Site, Epoch>,
    findings: Vec<Finding>,
}

impl Auditor {
    /// Looks at who is live now; a sentence when that has changed.
    pub(super) fn look(&mut self, live: Live, excuse: Option<Excuse>, now: u64) -> Option<&'static str> {
        if live == self.live {
            return None;
        }
        self.close_book(now);
        self.live = live;
        match (live.primary, live.alternate) {
            (true, true) => {
                self.two = Some((now, excuse));
                Some("BOTH sites are live")
            }
            (true, false) => Some(self.only(Site::Primary, "the primary is live")),
            (false, true) => Some(self.only(Site::Alternate, "the alternate is live")),
            (false, false) => Some("no site is live"),
        }
    }

    /// Two sites that are live longer than their excuse covers have none.
    pub(super) fn withdraw(&mut self, is_over: bool) {
        if let (true, Some((_, excuse @ Some(Excuse::Paused)))) = (is_over, &mut self.two) {
            *excuse = None;
        }
    }

    /// Looks at an opening: the epoch it is for.
    pub(super) fn opened(&mut self, site: Site, epoch: Epoch, now: u64) {
        let before = self.newest.get(&site).copied().unwrap_or_default();
        if epoch < before {
            self.note(Finding::EpochFell { at_millis: millis(now), site, from: before, to: epoch });
        }
        self.newest.insert(site, epoch.max(before));
        if *self.epochs.entry(epoch).or_insert(site) != site {
            self.note(Finding::EpochShared { at_millis: millis(now), epoch });
        }
    }

    pub(super) fn note(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Findings, how long none was live in seconds, and takeovers.
    pub(super) fn end(mut self, now: u64) -> (Vec<Finding>, f64, usize) {
        self.close_book(now);
        (self.findings, exact_millis(self.none_live) / 1000.0, self.takeovers)
    }

    fn only(&mut self, site: Site, says: &'static str) -> &'static str {
        if self.last_live.replace(site).is_some_and(|last| last != site) {
            self.takeovers += 1;
        }
        says
    }

    fn close_book(&mut self, now: u64) {
        if self.live == Live::default() && self.last_live.is_some() {
            self.none_live += now - self.since;
        }
        if let Some((from, excuse)) = self.two.take() {
            let millis_long = exact_millis(now - from);
            self.findings.push(Finding::TwoLive { from_millis: millis(from), millis: millis_long, excuse });
        }
        self.since = now;
    }
}

/// Whole milliseconds of a true time.
pub(super) const fn millis(nanos: u64) -> u64 {
    nanos / 1_000_000
}

#[expect(clippy::cast_precision_loss, reason = "a simulated day in nanoseconds has 47 bits; a float holds 53")]
fn exact_millis(nanos: u64) -> f64 {
    (nanos / 1000) as f64 / 1000.0
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoLive { from_millis, millis, excuse } => {
                write!(f, "from {:.3} s on both sites were live for {millis:.0} ms", seconds(*from_millis))?;
                match excuse {
                    Some(excuse) => write!(f, "; {excuse}"),
                    None => Ok(()),
                }
            }
            Self::OpenedTooLong { at_millis, site, millis } => write!(
                f,
                "at {:.3} s a gate of the {site} was opened for {millis:.0} ms longer than its right",
                seconds(*at_millis)
            ),
            Self::OpenAtBoot { at_millis, site } => {
                write!(f, "at {:.3} s a gate of the {site} was open after a boot", seconds(*at_millis))
            }
            Self::EpochFell { at_millis, site, from, to } => {
                write!(f, "at {:.3} s the {site} opened in epoch {to} after epoch {from}", seconds(*at_millis))
            }
            Self::EpochShared { at_millis, epoch } => {
                write!(f, "at {:.3} s both sites had opened in epoch {epoch}", seconds(*at_millis))
            }
        }
    }
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
            Self::Conditional => "there is no witness, so the guarantee is conditional",
            Self::Clock => "a clock ran further off than the times are made for",
        })
    }
}
