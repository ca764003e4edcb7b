//! Bringing servers back to the order in force: what is done at each contact with servers that rebooted, were away
//! during a takeover, or were changed by somebody else.

use std::collections::{BTreeMap, BTreeSet};

use super::site::{Order, ServerId, Site};
use super::traffic::{Origin, Traffic};

/// What one contact with a server told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Its traffic state, read just now.
    pub traffic: Traffic,
    /// The order it keeps, if it answered and keeps one.
    pub order: Option<Order>,
}

impl Contact {
    /// Whether it told its state.
    #[must_use]
    pub fn answered(&self) -> bool {
        !matches!(self.traffic, Traffic::Unknown { .. })
    }
}

/// What is to be done, in this order: block, tell, open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrections {
    /// The order in force: the one with the highest epoch that anybody keeps.
    pub order: Option<Order>,
    /// Servers of the passive site that let traffic in.
    pub block: BTreeSet<ServerId>,
    /// Servers that answered and keep no order, or an older one.
    pub tell: BTreeSet<ServerId>,
    /// Servers of the active site that wait for a confirmation and have it now.
    pub open: BTreeSet<ServerId>,
    /// Servers of the active site that wait for a confirmation nobody can give now.
    pub waiting: BTreeSet<ServerId>,
    /// Whether both sites let traffic in.
    pub together: Together,
}

/// Whether both sites let traffic in at one contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Together {
    /// LIM 1 of the active site does, and a server of the passive one.
    Yes,
    /// Every server of the passive site answered and is blocked.
    No,
    /// It cannot be told.
    #[default]
    Unknown,
}

impl Corrections {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.block.is_empty() && self.tell.is_empty() && self.open.is_empty()
    }

    /// Judges one round of contacts.
    ///
    /// A server is opened only when its site is the ordered one, nothing of the other site lets traffic in, and one
    /// of two confirms it: LIM 1 of the other site answered (it would know of a newer order), or LIM 1 of its own
    /// site is live already. What a person blocked with `mxone_maintenance` stays blocked.
    #[must_use]
    pub fn judge(contacts: &BTreeMap<ServerId, Contact>) -> Self {
        let order = contacts.values().filter_map(|contact| contact.order).max_by_key(|order| order.epoch);
        let mut corrections = Self {
            order,
            block: BTreeSet::new(),
            tell: BTreeSet::new(),
            open: BTreeSet::new(),
            waiting: BTreeSet::new(),
            together: Together::Unknown,
        };
        let Some(order) = order else { return corrections };
        let passive = order.active.other();
        corrections.together = together(contacts, order.active);
        for (server, contact) in contacts.iter().filter(|(_, contact)| contact.answered()) {
            // A gate alone may be opened again by its voter.
            if server.site == passive && !contact.traffic.is_blocked_for_good() {
                corrections.block.insert(*server);
            }
            if contact.order.is_none_or(|kept| kept.epoch < order.epoch) {
                corrections.tell.insert(*server);
            }
        }
        let confirmed_across = corrections.block.is_empty() && answered(contacts, ServerId::first_of(passive));
        let live_already = corrections.block.is_empty() && is_live(contacts, order.active);
        for (server, contact) in contacts.iter().filter(|(server, _)| server.site == order.active) {
            match contact.traffic {
                Traffic::Blocked { origin: Origin::Boot, .. } if confirmed_across || live_already => {
                    corrections.open.insert(*server);
                }
                Traffic::Blocked { origin: Origin::Boot, .. } => {
                    corrections.waiting.insert(*server);
                }
                Traffic::Blocked { origin: Origin::Order, .. } if live_already => {
                    corrections.open.insert(*server);
                }
                Traffic::Blocked { .. } | Traffic::Allowed | Traffic::Partial { .. } | Traffic::Unknown { .. } => {}
            }
        }
        corrections
    }
}

fn together(contacts: &BTreeMap<ServerId, Contact>, active: Site) -> Together {
    let mut passive = contacts.iter().filter(|(server, _)| server.site != active).map(|(_, contact)| &contact.traffic);
    if is_live(contacts, active) && passive.clone().any(|traffic| *traffic == Traffic::Allowed) {
        Together::Yes
    } else if passive.all(|traffic| matches!(traffic, Traffic::Blocked { .. })) {
        Together::No
    } else {
        Together::Unknown
    }
}

fn answered(contacts: &BTreeMap<ServerId, Contact>, server: ServerId) -> bool {
    contacts.get(&server).is_some_and(Contact::answered)
}

fn is_live(contacts: &BTreeMap<ServerId, Contact>, site: Site) -> bool {
    contacts.get(&ServerId::first_of(site)).is_some_and(|contact| matches!(contact.traffic, Traffic::Allowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::site::Epoch;

    #[test]
    fn a_primary_that_was_taken_over_while_away_is_blocked_and_told_at_the_next_contact() {
        let judged = Corrections::judge(&round([
            ("primary/1", Traffic::Allowed, Some((Site::Primary, 1))),
            ("alternate/1", Traffic::Allowed, Some((Site::Alternate, 2))),
        ]));
        assert_eq!(judged.block, ids(["primary/1"]));
        assert_eq!(judged.together, Together::Yes);
        assert_eq!(judged.tell, ids(["primary/1"]));
        assert_eq!(judged.open, ids([]));
    }

    #[test]
    fn an_active_primary_that_rebooted_is_opened_when_the_alternate_confirms_it() {
        let judged = Corrections::judge(&round([
            ("primary/1", blocked(Origin::Boot), Some((Site::Primary, 1))),
            ("primary/2", blocked(Origin::Boot), Some((Site::Primary, 1))),
            ("alternate/1", blocked(Origin::Order), Some((Site::Primary, 1))),
        ]));
        assert_eq!(judged.open, ids(["primary/1", "primary/2"]));
    }

    #[test]
    fn a_rebooted_alternate_waits_while_the_primary_cannot_be_asked() {
        let judged = Corrections::judge(&round([
            ("primary/1", unknown(), None),
            ("alternate/1", blocked(Origin::Boot), Some((Site::Alternate, 2))),
        ]));
        assert_eq!(judged.open, ids([]));
        assert_eq!(judged.waiting, ids(["alternate/1"]));
    }

    #[test]
    fn a_rebooted_server_of_a_site_that_is_live_is_opened_even_with_the_other_site_gone() {
        let judged = Corrections::judge(&round([
            ("primary/1", unknown(), None),
            ("alternate/1", Traffic::Allowed, Some((Site::Alternate, 2))),
            ("alternate/2", blocked(Origin::Boot), Some((Site::Alternate, 2))),
            ("alternate/3", blocked(Origin::Order), Some((Site::Primary, 1))),
        ]));
        assert_eq!(judged.open, ids(["alternate/2", "alternate/3"]));
        assert_eq!(judged.tell, ids(["alternate/3"]));
    }

    #[test]
    fn nothing_is_opened_while_a_server_of_the_other_site_lets_traffic_in() {
        let judged = Corrections::judge(&round([
            ("primary/1", blocked(Origin::Boot), Some((Site::Primary, 3))),
            ("alternate/1", blocked(Origin::Order), Some((Site::Primary, 3))),
            ("alternate/2", Traffic::Partial { differences: vec![] }, Some((Site::Primary, 3))),
        ]));
        assert_eq!(judged.block, ids(["alternate/2"]));
        assert_eq!(judged.open, ids([]));
    }

    #[test]
    fn what_a_person_blocked_stays_blocked() {
        let judged = Corrections::judge(&round([
            ("primary/1", blocked(Origin::Maintenance), Some((Site::Primary, 1))),
            ("alternate/1", blocked(Origin::Order), Some((Site::Primary, 1))),
        ]));
        assert!(judged.is_empty());
    }

    #[test]
    fn a_passive_server_that_only_its_gate_blocks_is_blocked_for_good_and_an_active_one_is_not_called_live() {
        let judged = Corrections::judge(&round([
            ("primary/1", blocked(Origin::Gate), Some((Site::Primary, 1))),
            ("primary/2", blocked(Origin::Order), Some((Site::Primary, 1))),
            ("alternate/1", blocked(Origin::Gate), Some((Site::Primary, 1))),
        ]));
        assert_eq!((judged.block, judged.open), (ids(["alternate/1"]), ids([])));
    }

    #[test]
    fn no_combination_of_two_servers_and_their_orders_opens_a_site_beside_a_live_one() {
        let states = [Traffic::Allowed, Traffic::Partial { differences: vec![] }, unknown()];
        let blocks = [Origin::Order, Origin::Boot, Origin::Maintenance, Origin::Gate].map(blocked);
        let states: Vec<Traffic> = states.into_iter().chain(blocks).collect();
        let orders = [None, Some((Site::Primary, 1)), Some((Site::Alternate, 2)), Some((Site::Primary, 3))];
        let mut rounds = 0;
        for primary in &states {
            for alternate in &states {
                for kept_there in orders {
                    for kept_here in orders {
                        let contacts = round([
                            ("primary/1", primary.clone(), kept_there),
                            ("alternate/1", alternate.clone(), kept_here),
                        ]);
                        let judged = Corrections::judge(&contacts);
                        for opened in &judged.open {
                            let across = &contacts[&ServerId::first_of(opened.site.other())];
                            assert!(!across.answered() || across.traffic.is_blocked_for_good(), "{contacts:?}");
                            assert_eq!(judged.order.map(|order| order.active), Some(opened.site), "{contacts:?}");
                        }
                        rounds += 1;
                    }
                }
            }
        }
        assert_eq!(rounds, 7 * 7 * 4 * 4);
    }

    type Told<'a> = (&'a str, Traffic, Option<(Site, u64)>);

    fn round<const N: usize>(told: [Told<'_>; N]) -> BTreeMap<ServerId, Contact> {
        told.into_iter()
            .map(|(id, traffic, order)| {
                let order = order.map(|(active, epoch)| Order { active, epoch: Epoch(epoch) });
                (id.parse().unwrap(), Contact { traffic, order })
            })
            .collect()
    }

    fn ids<const N: usize>(ids: [&str; N]) -> BTreeSet<ServerId> {
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    fn blocked(origin: Origin) -> Traffic {
        Traffic::Blocked { origin, since: None, turned_away: 0 }
    }

    fn unknown() -> Traffic {
        Traffic::Unknown { because: "no answer".into() }
    }
}
