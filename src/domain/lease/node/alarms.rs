//! Which alarms a monitor finds raised or not. Of what it cannot tell yet it finds nothing.

use std::time::Duration;

use super::{Node, ThirdVote, Worry};
use crate::domain::alarm::{Alarm, Finding};
use crate::domain::lease::decide::{Control, Data, Health};
use crate::domain::lease::message::Voter;
use crate::domain::lease::moment::{Moment, Spoken};

/// A voter that was not heard for less is not lost: a line that flaps would tell of nothing else.
const LOST_AFTER: Duration = Duration::from_secs(3);

impl Node {
    /// What is wrong now and what is right; `runs` says for how long this monitor runs.
    #[must_use]
    pub fn findings(&self, now: Moment, runs: Duration) -> Vec<Finding> {
        let is_wrong = |one: Worry| self.worries.contains_key(&one).then(|| one.to_string());
        let worries = Worry::ALL.map(|one| Finding::of(one.alarm(), is_wrong(one)));
        let mut found = worries.to_vec();
        let other = self.setup.site.other();
        found.extend(self.silence(Voter::Monitor(other), Alarm::PeerLost, (now, runs)));
        if self.setup.third == ThirdVote::Witness {
            found.extend(self.silence(Voter::Witness, Alarm::WitnessLost, (now, runs)));
        }
        found.extend(self.control_found());
        found.push(self.health_found());
        found.extend(self.data_found(now));
        found.push(Finding::of(Alarm::TakeoverSuspended, self.suspended(now)));
        found
    }

    /// Whether another voter is silent. At the start nobody was heard yet, which is no alarm and no end of one.
    fn silence(&self, voter: Voter, alarm: Alarm, (now, runs): (Moment, Duration)) -> Option<Finding> {
        let limit = self.setup.timing.promise().max(LOST_AFTER);
        if self.senses.silence(voter, now) > limit {
            let name = match voter {
                Voter::Monitor(site) => format!("the monitor of the {site}"),
                Voter::Witness => "the witness".to_owned(),
            };
            return Some(Finding::of(alarm, Some(format!("{name} is not heard"))));
        }
        (runs > limit).then(|| Finding::of(alarm, None::<String>))
    }

    fn control_found(&self) -> Option<Finding> {
        let wrong = match self.senses.control_seen(&self.setup.policy) {
            Control::Unknown | Control::Missed { .. } => return None,
            Control::Reached { .. } => None,
            Control::Lost { of, needed, .. } => {
                Some(format!("fewer than {needed} of {of} control addresses answer the {}", self.setup.site))
            }
        };
        Some(Finding::of(Alarm::ControlAddressLost, wrong))
    }

    /// The call server is asked only while the site is live.
    fn health_found(&self) -> Finding {
        let wrong = match self.senses.health_seen(&self.setup.policy) {
            Health::Ill { .. } if self.live().is_some() => {
                Some(format!("the call server of the {} does not answer", self.setup.site))
            }
            Health::Ill { .. } | Health::Well => None,
        };
        Finding::of(Alarm::CallServerUnwell, wrong)
    }

    fn data_found(&self, now: Moment) -> Option<Finding> {
        let wrong = match self.senses.data_seen(self.setup.site, &self.setup.policy, now) {
            Data::Own | Data::Unknown => return None,
            // While the alternate is live no data is copied, and nothing is to be taken over.
            Data::Fresh { .. } => None,
            Data::Old { .. } if self.live().is_some() => None,
            Data::Old { limit, .. } => Some(format!("the data of the alternate is older than {}", Spoken(limit))),
        };
        Some(Finding::of(Alarm::DataStale, wrong))
    }

    /// Why nothing moves by itself now, although it is to.
    fn suspended(&self, now: Moment) -> Option<String> {
        let lasts = |until: Option<Moment>| until.is_some_and(|until| until > now);
        if lasts(self.hold_until) {
            return Some("a person holds every takeover".to_owned());
        }
        if lasts(self.guard.map(|(_, until)| until)) {
            return Some("there was an automatic takeover that nobody acknowledged".to_owned());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::configuration::{Mode, TakeoverSettings};
    use crate::domain::lease::node::{Effect, Event, GateSeen, Setup, Told};
    use crate::domain::lease::{Agreed, Hold, Memory, Policy, Stored, Timing};
    use crate::domain::site::Site;

    fn node(site: Site) -> Node {
        let takeover =
            TakeoverSettings { alternate_from_primary: Mode::Automatic, primary_from_alternate: Mode::Manual };
        let setup = Setup { site, timing: Timing::FAST, policy: Policy::default(), third: ThirdVote::Witness };
        let nothing = Memory::first(Site::Primary, Agreed::first(takeover));
        Node::start(setup, Stored::Lost, nothing, GateSeen::Closed, Moment::from_nanos(0)).0
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }

    fn raised(node: &Node, now: Moment) -> Vec<Alarm> {
        node.findings(now, now.since(at(0)))
            .into_iter()
            .filter(|found| found.wrong.is_some())
            .map(|found| found.alarm)
            .collect()
    }

    #[test]
    fn whoever_was_never_heard_is_neither_lost_nor_back_at_the_start_and_lost_later() {
        let node = node(Site::Alternate);
        let found = node.findings(at(0), Duration::ZERO);
        let tells = |alarm| found.iter().any(|finding| finding.alarm == alarm);
        assert!(!tells(Alarm::PeerLost) && !tells(Alarm::WitnessLost), "{found:?}");
        assert_eq!(raised(&node, at(60)), [Alarm::PeerLost, Alarm::WitnessLost]);
    }

    #[test]
    fn a_control_address_that_is_missed_once_is_no_alarm_and_five_times_is() {
        let mut node = node(Site::Alternate);
        let tells = |node: &Node| {
            let found =
                node.findings(at(0), Duration::ZERO).into_iter().find(|found| found.alarm == Alarm::ControlAddressLost);
            found.map(|found| found.wrong.is_some())
        };
        assert_eq!(tells(&node), None, "it was not asked yet");
        node.step(Event::Control { answering: 1, of: 1 }, at(0));
        assert_eq!(tells(&node), Some(false));
        node.step(Event::Control { answering: 0, of: 1 }, at(0));
        assert_eq!(tells(&node), None);
        for _ in 0..4 {
            node.step(Event::Control { answering: 0, of: 1 }, at(0));
        }
        assert_eq!(tells(&node), Some(true));
    }

    #[test]
    fn old_data_and_a_hold_are_alarms_and_end() {
        let mut node = node(Site::Alternate);
        node.step(Event::Data { age: Some(Duration::from_secs(49 * 3600)) }, at(0));
        assert!(raised(&node, at(0)).contains(&Alarm::DataStale));
        node.step(Event::Data { age: Some(Duration::from_secs(3600)) }, at(0));
        assert!(!raised(&node, at(0)).contains(&Alarm::DataStale));
        let hold = Hold { left: Duration::from_secs(600), reason: "work".to_owned() };
        node.step(Event::Ordered(crate::domain::lease::Command::Hold(Some(hold))), at(1));
        assert!(raised(&node, at(2)).contains(&Alarm::TakeoverSuspended));
        assert!(!raised(&node, at(700)).contains(&Alarm::TakeoverSuspended));
    }

    #[test]
    fn a_second_worry_does_not_hide_the_first_and_each_ends_by_itself() {
        let mut node = node(Site::Alternate);
        node.step(Event::GateChanged, at(0));
        node.step(Event::NotKept, at(0));
        assert_eq!(raised(&node, at(0)), [Alarm::RulesTampered, Alarm::PromisesNotKept]);
        let effects = node.step(Event::GateWhole, at(0));
        let told = Told::Cleared { worry: Worry::RulesChanged };
        assert!(effects.contains(&Effect::Tell(told)), "{effects:?}");
        assert_eq!(raised(&node, at(0)), [Alarm::PromisesNotKept]);
    }

    #[test]
    fn a_worry_is_raised_and_all_others_are_found_right() {
        let mut node = node(Site::Alternate);
        node.step(Event::GateChanged, at(0));
        assert!(raised(&node, at(0)).contains(&Alarm::RulesTampered));
        node.step(Event::GateWhole, at(0));
        let right = |found: &Finding| found.alarm == Alarm::RulesTampered && found.wrong.is_none();
        assert!(node.findings(at(0), Duration::ZERO).iter().any(right));
    }
}
