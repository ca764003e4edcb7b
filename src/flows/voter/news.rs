//! Which news of a voter people are told who are not looking: changes of role and alarms.

use crate::domain::alarm::Finding;
use crate::domain::lease::node::Told;
use crate::flows::herald::Herald;

/// Passes a voter's news to the herald: each finding when it changes.
pub struct News {
    herald: Herald,
    found: Vec<Finding>,
}

impl News {
    /// News that this herald tells.
    #[must_use]
    pub const fn of(herald: Herald) -> Self {
        Self { herald, found: Vec::new() }
    }

    /// Passes on what is worth it of what the voter tells.
    pub(super) fn told(&mut self, told: &Told) {
        match told {
            Told::Won { .. } | Told::Forced { .. } => {
                self.herald.role(told.to_string(), matches!(told, Told::Won { .. }));
            }
            Told::Released { .. } => self.herald.role(told.to_string(), false),
            Told::Worry { worry } => self.told_of(Finding::of(worry.alarm(), Some(worry.to_string()))),
            Told::Cleared { worry } => self.told_of(Finding::of(worry.alarm(), None::<String>)),
            Told::Decided { .. }
            | Told::Armed
            | Told::Disarmed
            | Told::Refused { .. }
            | Told::Agreed { .. }
            | Told::Recalled => {}
        }
    }

    /// What was found of an alarm before it was told of is no longer what was passed on last.
    fn told_of(&mut self, finding: Finding) {
        self.found.retain(|found| found.alarm != finding.alarm);
        self.herald.found(finding);
    }

    /// The site blocks.
    pub(super) fn blocks(&self, told: &str) {
        self.herald.role(told, false);
    }

    /// Passes on what is found now, where it is another thing than before.
    pub(super) fn found(&mut self, found: Vec<Finding>) {
        for finding in &found {
            if !self.found.contains(finding) {
                self.herald.found(finding.clone());
            }
        }
        self.found = found;
    }
}
