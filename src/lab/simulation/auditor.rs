//! Looks at the gates of the servers at every instant, and knows nothing of why they are open.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Excuse, Finding};
use crate::domain::site::{Epoch, Site};

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
    /// Openings in an epoch that is not one's own or not the newest, which are repeated with every renewal.
    wrong: BTreeSet<(Site, Epoch)>,
    findings: Vec<Finding>,
}

impl Auditor {
    /// Looks at who is live now; a sentence when that has changed. Two sites that are live for longer than there is an
    /// excuse have none.
    pub(super) fn look(&mut self, live: Live, excuse: Option<Excuse>, now: u64) -> Option<&'static str> {
        if live == self.live {
            if let (None, Some((_, before))) = (excuse, &mut self.two) {
                *before = None;
            }
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

    /// When both sites became live, if they are.
    pub(super) fn both_since(&self) -> Option<u64> {
        self.two.map(|(since, _)| since)
    }

    /// Looks at an opening: the epoch it is for. Epochs only grow, whichever site uses them.
    pub(super) fn opened(&mut self, site: Site, epoch: Epoch, excuse: Option<Excuse>, now: u64) {
        let at_millis = millis(now);
        let newest = self.epochs.keys().next_back().copied();
        let holder = *self.epochs.entry(epoch).or_insert(site);
        let fell = newest.filter(|newest| epoch < *newest);
        if (fell.is_none() && holder == site) || !self.wrong.insert((site, epoch)) {
            return;
        }
        if let Some(from) = fell {
            self.note(Finding::EpochFell { at_millis, site, from, to: epoch, excuse });
        }
        if holder != site {
            self.note(Finding::EpochShared { at_millis, epoch, excuse });
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
