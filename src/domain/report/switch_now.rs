//! Whether it is safe to switch now, and why.

use super::{Active, Guarantee, Status, Voters};
use crate::domain::preflight::span;
use crate::domain::site::Site;
use crate::domain::traffic::TrafficWord as Word;

/// Data older than this is worth a word before a switch: the daily copy has missed a day.
const OLD_DATA_SECONDS: i64 = 26 * 3600;

/// Whether a planned takeover to the other site would go well, as far as can be told from a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchNow {
    /// The site that would become active; `None` when redundancy is not configured.
    pub to: Option<Site>,
    /// What stands in the way.
    pub hindrances: Vec<String>,
    /// What a person should know, and what does not stand in the way.
    pub cautions: Vec<String>,
}

impl SwitchNow {
    /// Judges a status.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        let to = match status.active {
            Active::Primary => Some(Site::Alternate),
            Active::Alternate => Some(Site::Primary),
            Active::None => None,
        };
        let mut judged = Self { to, hindrances: Vec::new(), cautions: Vec::new() };
        judged.judge(status);
        judged
    }

    /// Whether nothing stands in the way.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.to.is_some() && self.hindrances.is_empty()
    }

    fn judge(&mut self, status: &Status) {
        let (Some(to), Some(primary), Some(alternate)) = (self.to, &status.primary, &status.alternate) else {
            self.hindrances.push("redundancy is not configured".to_owned());
            return;
        };
        let (new, old) = match to {
            Site::Primary => (primary, alternate),
            Site::Alternate => (alternate, primary),
        };
        if let Some(running) = &status.running {
            self.hindrances.push(format!("another action is running: {running}"));
        }
        if let Some(unfinished) = &status.unfinished {
            self.hindrances.push(format!("unfinished: {unfinished}"));
        }
        if status.is_dual_live() {
            self.hindrances.push("both systems let traffic in".to_owned());
        } else if status.guarantee == Guarantee::Lost && status.voters == Voters::Working {
            self.cautions.push(format!("the promise is {}", status.guarantee_told));
        }
        if status.voters == Voters::Silent {
            self.hindrances.push("no voter works here that could do it".to_owned());
        }
        for (site, system) in [(to.other(), old), (to, new)] {
            let silent = system.servers.iter().filter(|server| !server.reachable).count();
            if silent > 0 {
                self.hindrances.push(format!("{silent} of {} LIM of the {site} do not answer", system.servers.len()));
            }
        }
        if old.traffic == Word::Blocked {
            self.hindrances.push(format!("the {} is blocked although it is meant to be active", to.other()));
        }
        for address in &status.network_control_address {
            let reached = match to {
                Site::Primary => address.from_primary,
                Site::Alternate => address.from_alternate,
            };
            if reached == Some(false) {
                self.hindrances.push(format!("{} does not answer the {to}", address.address));
            }
        }
        self.judge_data(status, to);
        if let (Some(there), Some(here)) = (&primary.version, &alternate.version)
            && there != here
        {
            self.cautions.push(format!("versions differ: {there} and {here}"));
        }
        if let Some(calls) = old.calls.filter(|calls| *calls > 0) {
            self.cautions.push(format!("{calls} calls are up and would end"));
        }
    }

    fn judge_data(&mut self, status: &Status, to: Site) {
        if to == Site::Alternate && status.mirror.as_ref().is_some_and(|mirror| mirror.table_changed) {
            self.cautions
                .push("the translation table was changed since the last load; the next load uses it".to_owned());
        }
        match (&status.mirror, to) {
            (None, Site::Alternate) => self.hindrances.push("no data is loaded in the alternate".to_owned()),
            (Some(mirror), Site::Alternate) if mirror.age_seconds < 60 => {}
            (Some(mirror), Site::Alternate) => {
                let age = span(chrono::Duration::seconds(mirror.age_seconds));
                let old = if mirror.age_seconds > OLD_DATA_SECONDS { "OLD data: " } else { "" };
                self.cautions.push(format!("{old}what changed in the last {age} is not in the alternate"));
            }
            (_, Site::Primary) => {
                self.cautions.push("what users changed on the alternate is not carried back".to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::report::Promise;
    use crate::domain::report::tests::status;

    fn judged(change: impl FnOnce(&mut Status)) -> SwitchNow {
        let mut status = status();
        change(&mut status);
        SwitchNow::of(&status)
    }

    #[test]
    fn a_normal_pair_can_be_switched_and_the_age_of_the_data_is_told() {
        let judged = judged(|_| {});
        assert!(judged.is_safe(), "{judged:?}");
        assert_eq!(judged.cautions, ["what changed in the last 44 min is not in the alternate"]);
    }

    #[test]
    fn a_table_that_was_changed_since_the_last_load_is_told() {
        let judged = judged(|status| status.mirror.as_mut().unwrap().table_changed = true);
        assert!(judged.is_safe());
        assert!(judged.cautions[0].contains("changed since the last load"), "{judged:?}");
    }

    #[test]
    fn each_thing_that_would_stop_a_takeover_is_named() {
        type Change = fn(&mut Status);
        let cases: [(Change, &str); 8] = [
            (|s| s.running = Some("root on pts/0, remove".to_owned()), "another action is running: root on pts/0"),
            (|s| s.unfinished = Some("data copy".to_owned()), "unfinished: data copy"),
            (|s| s.alternate.as_mut().unwrap().servers[0].traffic = Word::Partial, "both systems let traffic in"),
            (|s| *s = s.clone().with(Promise::of_silent_voters(None)), "no voter works here"),
            (|s| s.primary.as_mut().unwrap().servers[0].reachable = false, "1 of 1 LIM of the primary do not answer"),
            (|s| s.primary.as_mut().unwrap().traffic = Word::Blocked, "the primary is blocked although"),
            (
                |s| s.network_control_address[0].from_alternate = Some(false),
                "203.0.113.1 does not answer the alternate",
            ),
            (|s| s.mirror = None, "no data is loaded in the alternate"),
        ];
        for (change, because) in cases {
            let judged = judged(change);
            assert!(!judged.is_safe() && judged.hindrances[0].starts_with(because), "{because}: {judged:?}");
        }
    }

    #[test]
    fn old_data_other_versions_and_calls_are_told_and_do_not_stop_anybody() {
        let judged = judged(|s| {
            s.mirror.as_mut().unwrap().age_seconds = 3 * 86_400;
            s.alternate.as_mut().unwrap().version = Some("7.5".to_owned());
            s.primary.as_mut().unwrap().calls = Some(3);
        });
        assert!(judged.is_safe());
        let told = judged.cautions.join("; ");
        assert!(told.contains("OLD data") && told.contains("versions differ") && told.contains("3 calls"), "{told}");
    }

    #[test]
    fn back_to_the_primary_what_is_on_the_alternate_stays_there() {
        let judged = judged(|s| s.active = Active::Alternate);
        assert_eq!(judged.to, Some(Site::Primary));
        assert!(judged.cautions.contains(&"what users changed on the alternate is not carried back".to_owned()));
    }

    #[test]
    fn without_a_configuration_nothing_can_be_switched() {
        let judged = judged(|s| s.active = Active::None);
        assert!(!judged.is_safe());
        assert_eq!(judged.hindrances, ["redundancy is not configured"]);
    }
}
