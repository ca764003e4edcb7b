//! The right of each site, worked out from the requests it sent and the promises that reached it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::lease::message::{Ask, Grant};
use crate::domain::lease::{Kind, Moment, Stamp};
use crate::domain::site::{Epoch, Site};

/// What the auditor knows of the rights; it counts by itself, and never asks the core.
///
/// A site has its own vote at best, so one promise of another makes two: a right counts from the request that the newest
/// of them answers.
#[derive(Debug, Default)]
pub(super) struct Rights {
    asked: BTreeMap<(Site, Epoch, Stamp), Moment>,
    from: BTreeMap<(Site, Epoch), Moment>,
    standing: BTreeSet<Site>,
}

impl Rights {
    /// A site asks when its clock shows `at`.
    pub(super) fn asks(&mut self, site: Site, ask: &Ask, at: Moment) {
        self.asked.entry((site, ask.epoch, ask.stamp)).or_insert(at);
    }

    /// A promise reached a site.
    pub(super) fn granted(&mut self, site: Site, grant: &Grant) {
        self.promised(site, grant.epoch, (grant.stamp, grant.kind));
    }

    /// The control addresses vote for whoever asks, where there is no witness.
    pub(super) fn conceded(&mut self, site: Site, ask: &Ask) {
        self.promised(site, ask.epoch, (ask.stamp, ask.kind));
    }

    /// A person vouches for a site.
    pub(super) fn vouched(&mut self, site: Site) {
        self.standing.insert(site);
    }

    /// A monitor starts: what was promised to it before counts no more.
    pub(super) fn starts(&mut self, site: Site) {
        self.asked.retain(|(of, _, _), _| *of != site);
        self.from.retain(|(of, _), _| *of != site);
    }

    /// Until when a site may be live by its clock.
    pub(super) fn until(&self, site: Site, epoch: Epoch, lease: Duration) -> Moment {
        self.from.get(&(site, epoch)).map_or_else(Moment::default, |from| *from + lease)
    }

    /// Whether anybody has promised it without an end.
    pub(super) fn stands(&self, site: Site) -> bool {
        self.standing.contains(&site)
    }

    fn promised(&mut self, site: Site, epoch: Epoch, (stamp, kind): (Stamp, Kind)) {
        let Some(asked) = self.asked.get(&(site, epoch, stamp)).copied() else { return };
        let from = self.from.entry((site, epoch)).or_default();
        *from = (*from).max(asked);
        if kind == Kind::Standing {
            self.standing.insert(site);
        }
    }
}
