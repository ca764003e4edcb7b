//! Planning a takeover: which site is to be live, and in which order servers are blocked and allowed.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::plan::{Action, Plan, Step};
use super::site::{LimNumber, Order, ServerId, Site};
use super::traffic::Traffic;

/// What is known of both systems when a plan is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// The order in force: of all orders read, the one with the highest epoch.
    pub order: Order,
    /// Every server of both systems as it was read just now.
    pub servers: BTreeMap<ServerId, Traffic>,
    /// Whether a mirror has been loaded into the alternate and proved.
    pub loaded: bool,
}

impl Situation {
    /// The servers of a site that answered.
    #[must_use]
    pub fn answering(&self, site: Site) -> BTreeSet<ServerId> {
        self.of_site(site).filter(|(_, traffic)| answers(traffic)).map(|(server, _)| server).collect()
    }

    /// The servers of a site that did not answer.
    #[must_use]
    pub fn silent(&self, site: Site) -> BTreeSet<ServerId> {
        self.of_site(site).filter(|(_, traffic)| !answers(traffic)).map(|(server, _)| server).collect()
    }

    /// Whether every server of a site was read as allowed.
    #[must_use]
    pub fn is_allowed(&self, site: Site) -> bool {
        self.of_site(site).all(|(_, traffic)| matches!(traffic, Traffic::Allowed))
    }

    /// Whether every server of a site was read as blocked, and not by its gate alone.
    #[must_use]
    pub fn is_blocked(&self, site: Site) -> bool {
        self.of_site(site).all(|(_, traffic)| traffic.is_blocked_for_good())
    }

    fn of_site(&self, site: Site) -> impl Iterator<Item = (ServerId, &Traffic)> {
        self.servers.iter().filter(move |(server, _)| server.site == site).map(|(server, traffic)| (*server, traffic))
    }
}

fn answers(traffic: &Traffic) -> bool {
    match traffic {
        Traffic::Allowed | Traffic::Blocked { .. } | Traffic::Partial { .. } => true,
        Traffic::Unknown { .. } => false,
    }
}

/// A person's word that a side which does not answer is not live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// Why.
    pub reason: String,
}

impl Plan {
    /// Plans a switch in which no two sites are ever live.
    ///
    /// Every server of the old side is blocked and read back before the first server of the new side is allowed. A
    /// server of the old side that does not answer is left out only if `forced` says that a person vouches for it.
    ///
    /// # Errors
    /// [`Refusal`] when the switch cannot be made so, or need not be made.
    pub fn switch_to(site: Site, situation: &Situation, forced: Option<&Vouched>) -> Result<Self, Refusal> {
        let old = site.other();
        let in_place = situation.order.active == site && situation.is_allowed(site);
        if in_place && situation.is_blocked(old) {
            return Err(Refusal::AlreadyActive(site));
        }
        let first = ServerId::first_of(site);
        let unreachable_new = situation.silent(site);
        if unreachable_new.contains(&first) || (forced.is_none() && !unreachable_new.is_empty()) {
            let lim = unreachable_new.first().map_or(LimNumber::FIRST, |server| server.lim);
            return Err(Refusal::CannotAllow { site, lim });
        }
        if let (Some(server), None) = (situation.silent(old).first(), forced) {
            return Err(Refusal::CannotProveBlocked { site: old, lim: server.lim });
        }
        if site == Site::Alternate && !situation.loaded && forced.is_none() {
            return Err(Refusal::NothingLoaded);
        }
        let order = situation.order.succeeded_by(site);
        let back = order.succeeded_by(old);
        let warnings = Self::takeover_warnings(site, situation);
        Ok(Self {
            action: Action::takeover_to(site),
            steps: Self::switch_steps(situation.answering(old), situation.answering(site), order),
            way_back: Self::switch_steps(situation.answering(site), situation.answering(old), back),
            warnings,
        })
    }

    /// Plans a switch by the voters of automatic takeover: they block, read back and go live by two promises.
    ///
    /// # Errors
    /// As [`Plan::switch_to`].
    pub fn hand_over_to(site: Site, situation: &Situation, forced: Option<&Vouched>) -> Result<Self, Refusal> {
        let switch = Self::switch_to(site, situation, forced)?;
        let vouched = forced.is_some() && !situation.silent(site.other()).is_empty();
        let steps = vec![Step::HandOver { to: site, vouched }];
        Ok(Self { steps, way_back: Vec::new(), ..switch })
    }

    /// Break before make: block, prove, order, allow, prove; then forget the flows of the side that was cut off.
    fn switch_steps(old: BTreeSet<ServerId>, new: BTreeSet<ServerId>, order: Order) -> Vec<Step> {
        let told: BTreeSet<ServerId> = old.union(&new).copied().collect();
        let mut steps = Vec::new();
        if !old.is_empty() {
            steps.push(Step::Block { servers: old.clone() });
            steps.push(Step::ConfirmBlocked { servers: old.clone() });
        }
        steps.push(Step::Order { servers: told, order });
        if !new.is_empty() {
            steps.push(Step::Allow { servers: new.clone() });
            steps.push(Step::ConfirmAllowed { servers: new });
        }
        if !old.is_empty() {
            steps.push(Step::CutEstablished { servers: old });
        }
        steps
    }

    fn takeover_warnings(site: Site, situation: &Situation) -> Vec<String> {
        let mut warnings = Vec::new();
        for server in situation.silent(site.other()) {
            warnings.push(format!(
                "{server} does not answer and is not blocked by this; the monitor blocks it at the next contact"
            ));
        }
        for server in situation.silent(site) {
            warnings.push(format!("{server} does not answer and stays as it is"));
        }
        if site == Site::Alternate && !situation.loaded {
            warnings.push("no mirror has been loaded into the alternate system".to_owned());
        }
        if site == Site::Primary {
            warnings.push(
                "what users changed on the alternate (diversions, log-ons) is not carried back to the primary"
                    .to_owned(),
            );
        }
        warnings
    }
}

/// Why a switch is not planned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Nothing to do.
    #[error("the {0} system is already active, and the other one is blocked")]
    AlreadyActive(Site),
    /// A server of the old side does not answer.
    #[error("LIM {lim} of the {site} system does not answer, so it cannot be proved blocked")]
    CannotProveBlocked {
        /// Its site.
        site: Site,
        /// Its number.
        lim: LimNumber,
    },
    /// A server of the new side does not answer.
    #[error("LIM {lim} of the {site} system does not answer, so it cannot take the traffic")]
    CannotAllow {
        /// Its site.
        site: Site,
        /// Its number.
        lim: LimNumber,
    },
    /// The alternate has no exchange data of the primary.
    #[error("no mirror has been loaded into the alternate system")]
    NothingLoaded,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::site::Epoch;
    use crate::domain::traffic::Origin;

    #[test]
    fn every_old_server_is_blocked_and_proved_before_a_new_one_is_allowed() {
        let plan = Plan::switch_to(Site::Alternate, &normal(), None).unwrap();
        let names: Vec<&str> = plan.steps.iter().map(Step::name).collect();
        assert_eq!(names, ["block", "confirm-blocked", "order", "allow", "confirm-allowed", "cut-established"]);
        let Step::Block { servers } = &plan.steps[0] else { panic!("{:?}", plan.steps[0]) };
        assert_eq!(servers, &normal().answering(Site::Primary));
    }

    #[test]
    fn a_silent_old_server_stops_a_planned_switch_and_is_left_out_of_a_forced_one() {
        let mut situation = normal();
        situation.servers.insert("primary/2".parse().unwrap(), unknown());
        let refusal = Plan::switch_to(Site::Alternate, &situation, None).unwrap_err();
        assert_eq!(refusal.to_string(), "LIM 2 of the primary system does not answer, so it cannot be proved blocked");
        let vouched = Vouched { reason: "fire".into() };
        let plan = Plan::switch_to(Site::Alternate, &situation, Some(&vouched)).unwrap();
        let Step::Block { servers } = &plan.steps[0] else { panic!("{:?}", plan.steps[0]) };
        assert_eq!(servers.len(), 1);
        assert!(plan.warnings[0].contains("LIM 2 of the primary system does not answer"));
    }

    #[test]
    fn a_site_that_is_lost_whole_is_not_touched_and_the_epoch_grows() {
        let mut situation = normal();
        for lim in ["primary/1", "primary/2"] {
            situation.servers.insert(lim.parse().unwrap(), unknown());
        }
        let plan = Plan::switch_to(Site::Alternate, &situation, Some(&Vouched { reason: "fire".into() })).unwrap();
        let Step::Order { servers, order } = &plan.steps[0] else { panic!("{:?}", plan.steps[0]) };
        assert_eq!(order.epoch, Epoch(8));
        assert!(servers.iter().all(|server| server.site == Site::Alternate));
    }

    #[test]
    fn the_way_back_blocks_the_new_side_before_it_opens_the_old_one() {
        let plan = Plan::switch_to(Site::Alternate, &normal(), None).unwrap();
        let Step::Block { servers } = &plan.way_back[0] else { panic!("{:?}", plan.way_back[0]) };
        assert!(servers.iter().all(|server| server.site == Site::Alternate));
        let orders: Vec<Epoch> = plan.way_back.iter().filter_map(epoch_of).collect();
        assert_eq!(orders, [Epoch(9)], "the way back is a newer order than the way there");
    }

    #[test]
    fn an_active_site_that_booted_blocked_can_be_opened_again() {
        let mut situation = normal();
        for lim in ["primary/1", "primary/2"] {
            situation.servers.insert(lim.parse().unwrap(), blocked());
        }
        assert!(Plan::switch_to(Site::Primary, &situation, None).is_ok());
        assert_eq!(Plan::switch_to(Site::Primary, &normal(), None), Err(Refusal::AlreadyActive(Site::Primary)));
    }

    #[test]
    fn an_alternate_without_exchange_data_does_not_take_over_by_plan() {
        let situation = Situation { loaded: false, ..normal() };
        assert_eq!(Plan::switch_to(Site::Alternate, &situation, None), Err(Refusal::NothingLoaded));
    }

    fn epoch_of(step: &Step) -> Option<Epoch> {
        if let Step::Order { order, .. } = step { Some(order.epoch) } else { None }
    }

    fn normal() -> Situation {
        let servers = [
            ("primary/1", Traffic::Allowed),
            ("primary/2", Traffic::Allowed),
            ("alternate/1", blocked()),
            ("alternate/2", blocked()),
        ];
        Situation {
            order: Order { active: Site::Primary, epoch: Epoch(7) },
            servers: servers.into_iter().map(|(id, traffic)| (id.parse().unwrap(), traffic)).collect(),
            loaded: true,
        }
    }

    fn blocked() -> Traffic {
        Traffic::Blocked { origin: Origin::Order, since: None, turned_away: 0 }
    }

    fn unknown() -> Traffic {
        Traffic::Unknown { because: "no answer".into() }
    }
}
