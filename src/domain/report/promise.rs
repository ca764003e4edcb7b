//! Which promise about two live sites is in force, and who says so.

use std::time::Duration;

use serde::Serialize;

use crate::domain::lease::Known;

/// What is promised about two live sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guarantee {
    /// Two of three voters have to promise before a site is live.
    AtMostOneLive,
    /// Control addresses stand in for a witness.
    Conditional,
    /// People switch, and no switch makes two live.
    Manual,
    /// Two are live, or may be, or nobody keeps what was set up.
    Lost,
}

impl Guarantee {
    /// The guarantee of this word; a word that nobody knows promises nothing.
    #[must_use]
    pub fn of_word(word: &str) -> Self {
        match word {
            "at-most-one-live" => Self::AtMostOneLive,
            "conditional" => Self::Conditional,
            "manual" => Self::Manual,
            _ => Self::Lost,
        }
    }

    /// The word as people read it, big enough not to be missed.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::AtMostOneLive => "AT MOST ONE LIVE",
            Self::Conditional => "CONDITIONAL",
            Self::Manual => "MANUAL",
            Self::Lost => "LOST",
        }
    }
}

/// The voters of automatic takeover, as they are found on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Voters {
    /// None are set up.
    NotSetUp,
    /// One works here.
    Working,
    /// They are set up, and none works here or can be asked.
    Silent,
}

/// What the site decides now, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// What it does.
    pub decides: String,
    /// Why.
    pub because: String,
    /// What would change it.
    pub would_change: String,
    /// What it hangs on, as the voter of this site knows it.
    pub known: Vec<Known>,
}

/// The lease as the voter here knows it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LeaseStatus {
    /// How long the right of this site lasts still, where it has one that ends.
    pub right_seconds: Option<f64>,
    /// When the witness was last heard.
    pub witness_heard_seconds: f64,
}

impl LeaseStatus {
    /// From what a voter tells.
    #[must_use]
    pub fn new(right: Option<Duration>, witness_heard: Duration) -> Self {
        Self { right_seconds: right.map(|left| left.as_secs_f64()), witness_heard_seconds: witness_heard.as_secs_f64() }
    }
}

/// The promise in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Promise {
    /// The promise.
    pub guarantee: Guarantee,
    /// The same in a line.
    pub told: String,
    /// Who says so.
    pub voters: Voters,
    /// What is decided now, and why.
    pub why: Why,
    /// The lease, where there is one.
    pub lease: Option<LeaseStatus>,
}

impl Promise {
    /// Without voters.
    #[must_use]
    pub fn by_people() -> Self {
        Self {
            guarantee: Guarantee::Manual,
            told: "MANUAL (no voters are set up; a person decides about every takeover)".to_owned(),
            voters: Voters::NotSetUp,
            why: Why {
                decides: "moves nothing by itself".to_owned(),
                because: "no voters are set up, so a person decides about every takeover".to_owned(),
                would_change: "`settings witness`, and then `settings takeover ... automatic`".to_owned(),
                known: Vec::new(),
            },
            lease: None,
        }
    }

    /// With voters of which none works here, or cannot be asked because of this.
    #[must_use]
    pub fn of_silent_voters(because: Option<&str>) -> Self {
        let told = because.map_or_else(
            || "voters are set up and none works here".to_owned(),
            |because| format!("voters are set up and the one here cannot be asked: {because}"),
        );
        Self {
            guarantee: Guarantee::Lost,
            told: format!("LOST ({told})"),
            voters: Voters::Silent,
            why: Why {
                decides: "moves nothing by itself".to_owned(),
                because: told,
                would_change: "a monitor that works on this server (see monitor --install), asked as root".to_owned(),
                known: Vec::new(),
            },
            lease: None,
        }
    }

    /// The same where both systems were read as letting traffic in: then nothing is promised, whoever says so.
    #[must_use]
    pub fn where_both_are_live(self) -> Self {
        let by = match self.voters {
            Voters::Working => format!("; the voter here says: {}", self.told),
            Voters::Silent => "; voters are set up and none works here".to_owned(),
            Voters::NotSetUp => String::new(),
        };
        Self { guarantee: Guarantee::Lost, told: format!("LOST (both systems let traffic in{by})"), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_nobody_knows_promises_nothing() {
        for guarantee in [Guarantee::AtMostOneLive, Guarantee::Conditional, Guarantee::Manual, Guarantee::Lost] {
            let word = serde_json::to_value(guarantee).unwrap();
            assert_eq!(Guarantee::of_word(word.as_str().unwrap()), guarantee);
        }
        assert_eq!(Guarantee::of_word(""), Guarantee::Lost);
    }
}
