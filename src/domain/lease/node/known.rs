//! What a decision hangs on, line by line, for a person who asks why.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Node;
use crate::domain::configuration::Mode;
use crate::domain::lease::ThirdVote;
use crate::domain::lease::decide::{Control, Data, Health, Held, Inputs};
use crate::domain::lease::message::{Standing, Voter};
use crate::domain::lease::moment::{Moment, Spoken};
use crate::domain::lease::promises::Bar;
use crate::domain::site::Site;

/// Something that a decision hangs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// What.
    pub what: String,
    /// How it is now.
    pub is: String,
}

impl Node {
    /// Everything that the decision hangs on now; `witness` is how the third voter is called, where there is one.
    #[must_use]
    pub fn known(&self, now: Moment, witness: &str) -> Vec<Known> {
        let inputs = self.clone().inputs(now);
        let limits = self.limits();
        let data = match inputs.data {
            Data::Own => "the primary's own".to_owned(),
            Data::Fresh { age } => format!("{} old; the limit is {}", Spoken(age), Spoken(limits.data_limit)),
            Data::Old { age, limit } => format!("{} old, beyond the limit of {}", Spoken(age), Spoken(limit)),
            Data::Unknown => "nothing is known to be loaded".to_owned(),
        };
        let takeover = &self.promises.memory().agreed.takeover;
        let lines = [
            ("this site", self.this_site(&inputs)),
            ("other site", self.other_site(&inputs, now)),
            ("third vote", self.third_vote(now, witness)),
            ("control addresses", control(inputs.control, limits.control_needed)),
            ("call server", health(inputs.health, limits.health_fall)),
            ("data", data),
            (
                "takeover",
                format!(
                    "to the alternate {}, to the primary {}",
                    mode(takeover.alternate_from_primary),
                    mode(takeover.primary_from_alternate)
                ),
            ),
            ("waits", self.waits(&inputs)),
            ("times", self.times()),
        ];
        lines.map(|(what, is)| Known { what: what.to_owned(), is }).into()
    }

    fn this_site(&self, inputs: &Inputs) -> String {
        match (inputs.held, inputs.own_vote) {
            (Held::Until(left), _) => format!("live by a lease, {} left", Spoken(left)),
            (Held::Ended, _) => "its lease has ended".to_owned(),
            (Held::Standing, _) => "live by standing promises".to_owned(),
            (Held::Nothing, Bar::Free) => "not live; its vote is free".to_owned(),
            (Held::Nothing, Bar::Until(left)) => {
                format!("not live; its vote is the {}'s for {} more", self.setup.site.other(), Spoken(left))
            }
            (Held::Nothing, Bar::Standing) => {
                format!("not live; its vote is the {}'s until a person changes that", self.setup.site.other())
            }
            (Held::Nothing, Bar::Blank) => "not live; its vote was lost with the disk".to_owned(),
        }
    }

    fn other_site(&self, inputs: &Inputs, now: Moment) -> String {
        let silence = self.senses.silence(Voter::Monitor(self.setup.site.other()), now);
        let Some(standing) = inputs.peer else { return format!("not heard{}", for_so_long(silence)) };
        let Standing { live, control, healthy, data, .. } = standing;
        let live = live.map_or_else(|| "not live".to_owned(), |epoch| format!("live in epoch {epoch}"));
        let or_not = |is, good: &'static str, bad: &'static str| if is { good } else { bad };
        let mut words = vec![
            live.as_str(),
            or_not(control, "reaches its control addresses", "does not reach its control addresses"),
            or_not(healthy, "call server well", "call server not well"),
        ];
        if self.setup.site == Site::Primary {
            words.push(or_not(data, "data new enough", "data too old"));
        }
        format!("heard {} ago: {}", Spoken(silence), words.join(", "))
    }

    fn third_vote(&self, now: Moment, witness: &str) -> String {
        if self.setup.third == ThirdVote::ControlAddress {
            return "the control addresses stand in for a witness".to_owned();
        }
        let silence = self.senses.silence(Voter::Witness, now);
        if silence <= self.setup.timing.silent_after() {
            format!("{witness}, heard {} ago", Spoken(silence))
        } else {
            format!("{witness}, not heard{}", for_so_long(silence))
        }
    }

    fn waits(&self, inputs: &Inputs) -> String {
        let hold = self.promises.memory().agreed.hold.as_ref();
        let hold = hold.map_or_else(String::new, |hold| format!("a person's hold ({})", hold.reason));
        let timers = [
            (hold.as_str(), inputs.hold),
            ("the flap guard", inputs.guard),
            ("the hold-off, or a site that asks", inputs.give_way),
            ("the traffic goes back", inputs.back),
            ("a hand-over that failed is tried again", inputs.retry),
        ];
        let running = timers.into_iter().filter_map(|(what, left)| Some(format!("{what}: {} more", Spoken(left?))));
        let running: Vec<String> = running.collect();
        if running.is_empty() { "for nothing".to_owned() } else { running.join("; ") }
    }

    fn times(&self) -> String {
        let timing = &self.setup.timing;
        let (renewal, lease, promise) = (Spoken(timing.renewal()), Spoken(timing.lease()), Spoken(timing.promise()));
        format!("renewed every {renewal}, a right lasts {lease}, a promise {promise}")
    }
}

/// Nobody was heard before the start.
fn for_so_long(silence: Duration) -> String {
    if silence == Duration::MAX { String::new() } else { format!(" for {}", Spoken(silence)) }
}

fn control(control: Control, needed: u8) -> String {
    match control {
        Control::Unknown => "not asked yet".to_owned(),
        Control::Reached { answering, of } => format!("{answering} of {of} answer, {needed} must"),
        Control::Missed { answering, of, .. } => {
            format!("{answering} of {of} answer, {needed} must; not yet for long enough to act on it")
        }
        Control::Lost { answering, of, .. } => format!("{answering} of {of} answer, {needed} must: lost"),
    }
}

fn health(health: Health, limit: u32) -> String {
    match health {
        Health::Well => "no fault known".to_owned(),
        Health::Ill { failures } => format!("{failures} bad probes in a row; {limit} are a fault"),
    }
}

const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Manual => "manual",
        Mode::Automatic => "automatic",
    }
}
