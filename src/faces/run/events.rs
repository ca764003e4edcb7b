//! `events` and `notify`: the alarms that are raised, what people were told, and whether it reaches them.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Run, SCHEMA};
use crate::domain::alarm::{Kind, Notice, Register};
use crate::faces::failure::{Exit, Failure};
use crate::flows::herald::{describe, send};
use crate::ports::notifier::Channel;

impl Run<'_> {
    pub(super) fn events(&mut self, raised_only: bool, last: usize) -> Result<(), Failure> {
        let unreadable =
            |error: std::io::Error| Failure::new(Exit::Failed, format!("the alarms cannot be read: {error}"));
        let register = self.ports.events.register().map_err(unreadable)?;
        let past = if raised_only { Vec::new() } else { self.ports.events.past().map_err(unreadable)? };
        let past = past.get(past.len().saturating_sub(last)..).unwrap_or_default();
        let mut document = json!({"schema": SCHEMA, "raised": raised(&register)});
        if !raised_only {
            document["events"] = json!(past);
        }
        self.emit(&document, &text(&register, (!raised_only).then_some(past)))
    }

    /// Sends a notice, so that a mail server that refuses is known before it matters.
    pub(super) async fn notify_test(&mut self, channel: Option<&str>) -> Result<(), Failure> {
        let channels = self.ports.notifier.channels();
        if !channels.problems.is_empty() {
            return Err(Failure::new(Exit::BadInput, channels.problems.join("\n")));
        }
        let names: Vec<String> = channels.usable.iter().map(|channel| channel.name().to_owned()).collect();
        if let Some(name) = channel.filter(|name| !names.iter().any(|known| known == name)) {
            let error = format!("there is no channel \"{name}\"");
            return Err(Failure::new(Exit::BadInput, error).hint(format!("the channels are: {}", names.join(", "))));
        }
        if names.is_empty() {
            return Err(Failure::new(Exit::NotConfigured, "nobody is told: no channel is set up")
                .hint("write /etc/mxone_system_redundancy/notify.yaml; see `help alarms`"));
        }
        let chosen: Vec<_> =
            channels.usable.iter().filter(|one| channel.is_none_or(|name| name == one.name())).collect();
        if self.common.dry_run {
            let names: Vec<&str> = chosen.iter().map(|channel| channel.name()).collect();
            let would = format!("a notice would be sent through: {}", names.join(", "));
            let document = json!({"schema": SCHEMA, "outcome": "planned", "would": would});
            return self.emit(&document, &format!("{would}\nnothing was changed\n"));
        }
        let text = "this is a test of mxone_system_redundancy; nothing happened";
        let notice = Notice::of(Kind::Test, &self.person.who, self.ports.clock.now().fixed_offset(), text);
        let tests = join_all(chosen.iter().map(|channel| test(&***channel, &notice))).await;
        self.tell_tests(&tests)
    }

    fn tell_tests(&mut self, tests: &[Tested]) -> Result<(), Failure> {
        let failed = tests.iter().filter(|test| test.failed.is_some()).count();
        let outcome = match failed {
            0 => "done",
            some if some == tests.len() => "failed",
            _ => "done-in-part",
        };
        let channels: Vec<Value> = tests.iter().map(Tested::document).collect();
        let text: String = tests.iter().map(Tested::line).collect();
        self.emit(&json!({"schema": SCHEMA, "outcome": outcome, "channels": channels}), &text)?;
        if failed == 0 {
            return Ok(());
        }
        let exit = if failed == tests.len() { Exit::Failed } else { Exit::Unknown };
        Err(Failure::new(exit, format!("{failed} of {} channels did not take the notice", tests.len())))
    }
}

/// How the test of a channel ended.
struct Tested {
    name: String,
    failed: Option<String>,
}

impl Tested {
    fn document(&self) -> Value {
        let outcome = if self.failed.is_some() { "refused" } else { "sent" };
        json!({"name": self.name, "outcome": outcome, "because": self.failed})
    }

    fn line(&self) -> String {
        match &self.failed {
            None => format!("{:<20} sent\n", self.name),
            Some(because) => format!("{:<20} REFUSED: {because}\n", self.name),
        }
    }
}

async fn test(channel: &dyn Channel, notice: &Notice) -> Tested {
    let failed = send(channel, notice).await.err().map(|error| describe(&error));
    Tested { name: channel.name().to_owned(), failed }
}

fn raised(register: &Register) -> Vec<Value> {
    let of = |raised: &&crate::domain::alarm::Raised| {
        json!({
            "alarm": raised.alarm,
            "about": raised.about,
            "severity": raised.alarm.severity(),
            "since": raised.since,
            "text": raised.text,
            "advice": raised.alarm.advice(),
        })
    };
    register.worst_first().iter().map(of).collect()
}

/// What is raised now, the worst first, and then what happened, the newest last.
fn text(register: &Register, past: Option<&[Notice]>) -> String {
    let mut lines = Vec::new();
    for raised in register.worst_first() {
        let about = if raised.about.is_empty() { String::new() } else { format!(" ({})", raised.about) };
        let since = raised.since.format("%Y-%m-%d %H:%M:%S");
        lines.push(format!("{:<8} {}{about}, since {since}: {}", raised.alarm.severity(), raised.alarm, raised.text));
        lines.push(format!("         {}", raised.alarm.advice()));
    }
    if lines.is_empty() {
        lines.push("no alarm is raised".to_owned());
    }
    if let Some(past) = past {
        lines.push(String::new());
        lines.extend(past.iter().map(|notice| format!("{} {}", notice.at.format("%Y-%m-%d %H:%M:%S"), notice.line())));
        if past.is_empty() {
            lines.push("no event is kept".to_owned());
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alarm::{Alarm, Finding};

    #[test]
    fn what_is_raised_stands_first_with_what_to_do_and_the_newest_event_last() {
        let at = chrono::DateTime::parse_from_rfc3339("2026-11-21T02:14:07+01:00").unwrap();
        let mut register = Register::default();
        let past: Vec<Notice> = [Alarm::CopyLate, Alarm::WitnessLost]
            .into_iter()
            .filter_map(|alarm| register.take(&Finding::of(alarm, Some("it is so")), "alternate", at))
            .collect();
        assert_eq!(
            text(&register, Some(&past)),
            "major    witness-lost, since 2026-11-21 02:14:07: it is so\n\
             \x20        see whether the witness and the line to it work; one more fault stops the service\n\
             warning  copy-late, since 2026-11-21 02:14:07: it is so\n\
             \x20        see whether the monitor runs and nobody holds the lock; run `data copy`\n\
             \n\
             2026-11-21 02:14:07 alarm-raised copy-late (warning): it is so\n\
             2026-11-21 02:14:07 alarm-raised witness-lost (major): it is so\n"
        );
        assert_eq!(text(&Register::default(), None), "no alarm is raised\n");
    }
}
