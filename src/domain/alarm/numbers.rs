//! Numbers about this machine's part, as Prometheus reads them.

use std::fmt;
use std::time::Duration;

use super::{Alarm, Register};
use crate::domain::site::Epoch;

/// What is told in numbers; what is not known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numbers {
    /// The site or voter that tells them.
    pub from: String,
    /// Whether its site is live.
    pub live: Option<bool>,
    /// The word of the guarantee in force.
    pub guarantee: Option<String>,
    /// The last epoch.
    pub epoch: Option<Epoch>,
    /// How long its right lasts still.
    pub right: Option<Duration>,
    /// Who was heard how long ago.
    pub heard: Vec<(&'static str, Duration)>,
    /// How many control addresses answer, and how many there are.
    pub control: Option<(u8, u8)>,
    /// How old the loaded data is.
    pub data: Option<Duration>,
    /// Datagrams that were not taken, by why.
    pub dropped: Vec<(&'static str, u64)>,
    /// The alarms.
    pub register: Register,
}

impl Numbers {
    fn is_raised(&self, alarm: Alarm) -> bool {
        self.register.raised.iter().any(|raised| raised.alarm == alarm)
    }
}

impl fmt::Display for Numbers {
    /// The text format of Prometheus, version 0.0.4.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let site = format!("site=\"{}\"", self.from);
        let mut of = |name: &str, kind: &str, help: &str, values: Vec<(String, String)>| {
            if values.is_empty() {
                return Ok(());
            }
            writeln!(f, "# HELP mxone_redundancy_{name} {help}\n# TYPE mxone_redundancy_{name} {kind}")?;
            for (labels, value) in values {
                let labels = if labels.is_empty() { site.clone() } else { format!("{site},{labels}") };
                writeln!(f, "mxone_redundancy_{name}{{{labels}}} {value}")?;
            }
            Ok(())
        };
        let plain = |value: Option<String>| value.map(|value| (String::new(), value)).into_iter().collect();
        let seconds = |time: Duration| format!("{:.3}", time.as_secs_f64());
        let flag = |is: bool| u8::from(is).to_string();
        let heard = self.heard.iter().map(|(who, ago)| (format!("voter=\"{who}\""), seconds(*ago))).collect();
        let dropped = self.dropped.iter().map(|(why, count)| (format!("why=\"{why}\""), count.to_string())).collect();
        let word = self.guarantee.iter().map(|word| (format!("word=\"{word}\""), "1".to_owned())).collect();
        let alarms = Alarm::ALL
            .into_iter()
            .map(|alarm| (format!("alarm=\"{alarm}\",severity=\"{}\"", alarm.severity()), flag(self.is_raised(alarm))));
        of("site_live", "gauge", "Whether this site is live.", plain(self.live.map(flag)))?;
        of("guarantee", "gauge", "The guarantee in force, as a label.", word)?;
        of("epoch", "gauge", "The last epoch in which a site was live.", plain(self.epoch.map(|e| e.to_string())))?;
        of("right_seconds", "gauge", "How long the right to be live lasts still.", plain(self.right.map(seconds)))?;
        of("heard_seconds", "gauge", "How long ago another voter was heard.", heard)?;
        let [answering, all] = [|(answering, _): (u8, u8)| answering, |(_, all)| all];
        of(
            "control_answering",
            "gauge",
            "Control addresses that answer.",
            plain(self.control.map(answering).map(text)),
        )?;
        of("control_addresses", "gauge", "Control addresses there are.", plain(self.control.map(all).map(text)))?;
        of("data_age_seconds", "gauge", "How old the loaded data is.", plain(self.data.map(seconds)))?;
        of("alarm_raised", "gauge", "Whether an alarm is raised.", alarms.collect())?;
        of("datagrams_dropped_total", "counter", "Datagrams that were not taken.", dropped)?;
        let takeovers = plain(Some(self.register.takeovers.to_string()));
        of("became_live_total", "counter", "How often a site was seen to become live.", takeovers)
    }
}

fn text(number: u8) -> String {
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alarm::Finding;

    #[test]
    fn what_is_known_is_told_in_the_format_of_prometheus_and_what_is_not_is_left_out() {
        let at = chrono::DateTime::parse_from_rfc3339("2026-11-21T02:00:00+01:00").unwrap();
        let mut register = Register { takeovers: 2, ..Register::default() };
        register.take(&Finding::of(Alarm::PeerLost, Some("x")), "alternate", at);
        let numbers = Numbers {
            from: "alternate".into(),
            live: Some(true),
            guarantee: Some("at-most-one-live".into()),
            epoch: Some(Epoch(7)),
            heard: vec![("witness", Duration::from_millis(250))],
            control: Some((1, 2)),
            dropped: vec![("forged", 3)],
            register,
            ..Numbers::default()
        };
        let told = numbers.to_string();
        for line in [
            "# TYPE mxone_redundancy_site_live gauge",
            "mxone_redundancy_site_live{site=\"alternate\"} 1",
            "mxone_redundancy_guarantee{site=\"alternate\",word=\"at-most-one-live\"} 1",
            "mxone_redundancy_epoch{site=\"alternate\"} 7",
            "mxone_redundancy_heard_seconds{site=\"alternate\",voter=\"witness\"} 0.250",
            "mxone_redundancy_control_answering{site=\"alternate\"} 1",
            "mxone_redundancy_control_addresses{site=\"alternate\"} 2",
            "mxone_redundancy_alarm_raised{site=\"alternate\",alarm=\"peer-lost\",severity=\"major\"} 1",
            "mxone_redundancy_alarm_raised{site=\"alternate\",alarm=\"dual-live\",severity=\"critical\"} 0",
            "mxone_redundancy_datagrams_dropped_total{site=\"alternate\",why=\"forged\"} 3",
            "mxone_redundancy_became_live_total{site=\"alternate\"} 2",
        ] {
            assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
        }
        assert!(!told.contains("right_seconds") && !told.contains("data_age"), "{told}");
    }
}
