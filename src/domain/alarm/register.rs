//! Which alarms are raised since when, so that each is told once when it begins and once when it ends.

use std::collections::BTreeSet;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::notice::SCHEMA;
use super::{Alarm, Kind, Notice};
use crate::domain::site::{Epoch, Order};

/// The alarms that are raised, and what else must not be told twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The format of this document.
    pub schema: u32,
    /// The alarms, in the order in which they began.
    pub raised: Vec<Raised>,
    /// The order that was told last.
    #[serde(default)]
    pub order: Option<Order>,
    /// How often a site became live.
    #[serde(default)]
    pub takeovers: u64,
    /// The epochs of the two sites, for each time that was told at which both were live.
    #[serde(default)]
    pub overlaps: Vec<(Epoch, Epoch)>,
}

/// An alarm that is raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// Which.
    pub alarm: Alarm,
    /// What it is about, where there can be several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Since when.
    pub since: DateTime<FixedOffset>,
    /// What a person reads.
    pub text: String,
}

/// What somebody who looks found of one alarm. Who could not look finds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The alarm.
    pub alarm: Alarm,
    /// What it is about, where there can be several.
    pub about: String,
    /// What is wrong; `None`: it is right.
    pub wrong: Option<String>,
}

impl Finding {
    /// Something is wrong where this says what, and right otherwise.
    #[must_use]
    pub fn of(alarm: Alarm, wrong: Option<impl Into<String>>) -> Self {
        Self { alarm, about: String::new(), wrong: wrong.map(Into::into) }
    }

    /// The same about one of several.
    #[must_use]
    pub fn about(self, about: impl Into<String>) -> Self {
        Self { about: about.into(), ..self }
    }
}

impl Default for Register {
    fn default() -> Self {
        Self { schema: SCHEMA, raised: Vec::new(), order: None, takeovers: 0, overlaps: Vec::new() }
    }
}

impl Register {
    /// Takes a finding in; what is news, if it changes anything.
    pub fn take(&mut self, finding: &Finding, from: &str, at: DateTime<FixedOffset>) -> Option<Notice> {
        let known =
            self.raised.iter().position(|raised| raised.alarm == finding.alarm && raised.about == finding.about);
        let (kind, text) = match (known, &finding.wrong) {
            (None, Some(text)) => {
                let raised =
                    Raised { alarm: finding.alarm, about: finding.about.clone(), since: at, text: text.clone() };
                self.raised.push(raised);
                (Kind::AlarmRaised, text.clone())
            }
            (Some(known), None) => (Kind::AlarmCleared, self.raised.remove(known).text),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let (alarm, about) = (Some(finding.alarm), finding.about.clone());
        Some(Notice { alarm, about, severity: finding.alarm.severity(), ..Notice::of(kind, from, at, text) })
    }

    /// Takes in everything that is wrong of one kind at one place, each by its own text; what is not among it any more is
    /// over.
    pub fn take_all(
        &mut self,
        (alarm, place): (Alarm, &str),
        texts: &BTreeSet<String>,
        (from, at): (&str, DateTime<FixedOffset>),
    ) -> Vec<Notice> {
        let about = |text: &str| format!("{place}: {text}");
        let is_there = |raised: &Raised| texts.iter().any(|text| about(text) == raised.about);
        let is_of_place =
            |about: &str| about.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
        let is_over = |raised: &Raised| raised.alarm == alarm && is_of_place(&raised.about) && !is_there(raised);
        let mut news = self.end(is_over, from, at);
        let found = texts.iter().map(|text| Finding::of(alarm, Some(text.clone())).about(about(text)));
        news.extend(found.filter_map(|finding| self.take(&finding, from, at)));
        news
    }

    /// Ends the alarms of which this says so.
    pub fn end(&mut self, is_over: impl Fn(&Raised) -> bool, from: &str, at: DateTime<FixedOffset>) -> Vec<Notice> {
        let over: Vec<Raised> = self.raised.iter().filter(|raised| is_over(raised)).cloned().collect();
        let ended = over.into_iter().map(|raised| Finding::of(raised.alarm, None::<String>).about(raised.about));
        ended.filter_map(|finding| self.take(&finding, from, at)).collect()
    }

    /// Takes in that both sites were live at the same time once; news where nobody was told so far.
    pub fn take_overlap(
        &mut self,
        (epochs, text): ((Epoch, Epoch), &str),
        (from, at): (&str, DateTime<FixedOffset>),
    ) -> Option<Notice> {
        if self.overlaps.contains(&epochs) {
            return None;
        }
        self.overlaps.push(epochs);
        Some(Notice::of(Kind::Overlap, from, at, text))
    }

    /// Takes in the order that both sites go by; whether another site is active than was known.
    pub fn follow(&mut self, order: Order) -> bool {
        let before = self.order.replace(order);
        before.is_some_and(|before| before.active != order.active)
    }

    /// The alarms, the worst first.
    #[must_use]
    pub fn worst_first(&self) -> Vec<&Raised> {
        let mut raised: Vec<&Raised> = self.raised.iter().collect();
        raised.sort_by_key(|raised| raised.alarm);
        raised
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::site::{Epoch, Site};

    fn at(minute: u32) -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339(&format!("2026-11-21T02:{minute:02}:00+01:00")).unwrap()
    }

    #[test]
    fn an_alarm_is_news_when_it_begins_and_when_it_ends_and_not_in_between() {
        let mut register = Register::default();
        let lost = Finding::of(Alarm::WitnessLost, Some("it is not heard"));
        let begun = register.take(&lost, "alternate", at(0)).unwrap();
        assert_eq!((begun.kind, begun.alarm), (Kind::AlarmRaised, Some(Alarm::WitnessLost)));
        assert_eq!(begun.line(), "alarm-raised witness-lost (major): it is not heard");
        assert_eq!(register.take(&lost, "alternate", at(1)), None);
        let otherwise = Finding::of(Alarm::WitnessLost, Some("for 61 s"));
        assert_eq!(register.take(&otherwise, "alternate", at(1)), None, "other words are no other alarm");
        assert_eq!(register.raised[0].since, at(0));
        let ended = register.take(&Finding::of(Alarm::WitnessLost, None::<String>), "alternate", at(2)).unwrap();
        assert_eq!((ended.kind, ended.text.as_str()), (Kind::AlarmCleared, "it is not heard"));
        assert_eq!(register.take(&Finding::of(Alarm::WitnessLost, None::<String>), "alternate", at(3)), None);
    }

    #[test]
    fn what_was_raised_before_a_restart_is_neither_forgotten_nor_told_again() {
        let mut register = Register::default();
        let late = Finding::of(Alarm::CopyLate, Some("no copy since yesterday"));
        assert!(register.take(&late, "alternate", at(0)).is_some());
        let kept = serde_json::to_string(&register).unwrap();
        let mut again: Register = serde_json::from_str(&kept).unwrap();
        assert_eq!(again.take(&late, "alternate", at(5)), None);
        assert_eq!(again.raised[0].since, at(0));
        assert!(again.take(&Finding::of(Alarm::CopyLate, None::<String>), "alternate", at(6)).is_some());
    }

    #[test]
    fn one_alarm_about_two_things_is_two() {
        let mut register = Register::default();
        let of = |about: &str| Finding::of(Alarm::ChannelFailed, Some("no answer")).about(about);
        assert!(register.take(&of("mail"), "alternate", at(0)).is_some());
        assert!(register.take(&of("traps"), "alternate", at(0)).is_some());
        let mended = Finding { wrong: None, ..of("mail") };
        assert_eq!(register.take(&mended, "alternate", at(1)).unwrap().about, "mail");
        assert_eq!(register.raised.len(), 1);
    }

    #[test]
    fn each_text_of_a_system_is_an_alarm_of_its_own_and_ends_when_it_is_gone() {
        let mut register = Register::default();
        let mut take = |site: &str, texts: &[&str]| -> Vec<String> {
            let texts = texts.iter().map(|text| (*text).to_owned()).collect();
            let news = register.take_all((Alarm::SystemAlarm, site), &texts, ("alternate", at(0)));
            news.iter().map(|notice| format!("{} {}", notice.kind, notice.about)).collect()
        };
        assert_eq!(take("primary", &["Licence expiring"]), ["alarm-raised primary: Licence expiring"]);
        assert_eq!(take("alternate", &["Disk full"]), ["alarm-raised alternate: Disk full"]);
        assert_eq!(take("primary", &["Disk full", "Licence expiring"]), ["alarm-raised primary: Disk full"]);
        assert_eq!(take("primary", &["Disk full"]), ["alarm-cleared primary: Licence expiring"]);
        assert_eq!(take("primary", &[]), ["alarm-cleared primary: Disk full"]);
        assert_eq!(register.raised.len(), 1, "{register:?}");
    }

    #[test]
    fn a_time_at_which_both_were_live_is_told_once_also_after_a_restart_and_beside_the_alarm() {
        let mut register = Register::default();
        register.take(&Finding::of(Alarm::DualLive, Some("both systems let traffic in")), "alternate", at(0));
        let found = ((Epoch(9), Epoch(7)), "BOTH SITES WERE LIVE for 38.0 s");
        let told = register.take_overlap(found, ("alternate", at(1))).unwrap();
        assert_eq!((told.kind, told.severity), (Kind::Overlap, crate::domain::alarm::Severity::Critical));
        assert_eq!(told.text, found.1);
        let mut again: Register = serde_json::from_str(&serde_json::to_string(&register).unwrap()).unwrap();
        assert_eq!(again.take_overlap(found, ("alternate", at(2))), None);
        assert!(again.take_overlap(((Epoch(9), Epoch(8)), "another"), ("alternate", at(2))).is_some());
    }

    #[test]
    fn the_worst_stands_first_whichever_began_first() {
        let mut register = Register::default();
        for alarm in [Alarm::CopyLate, Alarm::DualLive, Alarm::PeerLost] {
            register.take(&Finding::of(alarm, Some("x")), "alternate", at(0));
        }
        let order: Vec<Alarm> = register.worst_first().iter().map(|raised| raised.alarm).collect();
        assert_eq!(order, [Alarm::DualLive, Alarm::PeerLost, Alarm::CopyLate]);
    }

    #[test]
    fn another_active_site_is_news_and_the_first_order_that_is_seen_is_not() {
        let mut register = Register::default();
        let order = |active, epoch| Order { active, epoch: Epoch(epoch) };
        assert!(!register.follow(order(Site::Primary, 3)));
        assert!(!register.follow(order(Site::Primary, 4)));
        assert!(register.follow(order(Site::Alternate, 5)));
        assert!(!register.follow(order(Site::Alternate, 5)));
    }
}
