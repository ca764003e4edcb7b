//! Two sites and a witness in virtual time, run by the same core as the monitors, with faults by schedule or by chance.
//!
//! A [`Scenario`] says what happens when; [`Simulation::run`] plays it and tells the story. The auditor knows nothing of
//! the core: it looks at the gates of the servers at every instant, and works out by itself who may be live.

mod auditor;
pub mod dice;
pub mod fault;
pub mod finding;
mod gates;
pub mod histories;
mod machine;
mod network;
mod rights;
mod runner;
pub mod scenario;
mod watch;
mod words;
mod world;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

pub use fault::Fault;
pub use finding::{Excuse, Finding};
pub use scenario::{Scenario, ScenarioError};
pub use world::Mutation;

use world::World;

/// A scenario played to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Simulation {
    /// What happened, in order.
    pub story: Vec<Line>,
    /// What the auditor holds against it.
    pub findings: Vec<Finding>,
    /// How long no site was live.
    pub none_live_seconds: f64,
    /// How often another site became live than the one before.
    pub takeovers: usize,
}

/// A line of the story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Milliseconds since the beginning.
    pub millis: u64,
    /// Who tells it: a site, the witness, `fault`, or `auditor`.
    pub who: String,
    /// What.
    pub says: String,
}

impl Simulation {
    /// Plays a scenario; the same seed tells the same story.
    #[must_use]
    pub fn run(scenario: &Scenario, seed: u64) -> Self {
        Self::run_with(scenario, seed, &[])
    }

    /// Plays a scenario in a world that breaks the core's rules on purpose, to see that the auditor notices.
    #[must_use]
    pub fn run_with(scenario: &Scenario, seed: u64, mutations: &[Mutation]) -> Self {
        let mut world = World::new(scenario, seed, mutations);
        world.play();
        world.end()
    }

    /// What breaks the promise of the product; what a person vouched for and what no lease covers does not count.
    #[must_use]
    pub fn violations(&self) -> Vec<&Finding> {
        self.findings.iter().filter(|finding| finding.excuse().is_none()).collect()
    }

    /// The story as a person reads it.
    #[must_use]
    pub fn told(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { millis, who, says } in &self.story {
            writeln!(f, "{:>9.3}  {who:<9}  {says}", Duration::from_millis(*millis).as_secs_f64())?;
        }
        writeln!(f)?;
        for finding in &self.findings {
            writeln!(f, "auditor: {finding}")?;
        }
        if self.violations().is_empty() {
            writeln!(f, "auditor: never were two sites live by our doing")?;
        }
        writeln!(f, "no site was live for {:.1} s in all; takeovers: {}", self.none_live_seconds, self.takeovers)
    }
}
