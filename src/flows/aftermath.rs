//! After the line between the sites was lost and comes back: were both live? Asked from LIM 1 of the alternate, which
//! reaches the primary over SSH.

use std::fmt;

use chrono::TimeDelta;
use serde::Deserialize;

use super::configured::Configured;
use super::{Ports, Stopped};
use crate::domain::lease::reigns::{Offset, Overlap, Reign, overlaps};
use crate::domain::site::{Epoch, ServerId, Site};
use crate::ports::host::{Command, HostError, run_checked};

/// The program as LIM 1 of the primary has it.
const PROGRAM: &str = "mxone_system_redundancy";

/// What was found so far.
#[derive(Debug, Clone, Default)]
pub struct Aftermath {
    was_away: bool,
    /// The last epochs in which either site was live, when both were compared last.
    compared: Option<[Option<Epoch>; 2]>,
    told: Vec<(Epoch, Epoch)>,
}

/// What one comparison told.
#[derive(Debug, Clone, PartialEq)]
pub enum Compared {
    /// Both sites were live at the same time, and nobody was told so far.
    Overlap(Overlap),
    /// The primary answers again after it did not, or the traffic moved; and as far as the clocks tell the two were
    /// never live at the same time.
    Apart {
        /// A time that is no longer than this they cannot tell.
        within: TimeDelta,
    },
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlap(overlap) => overlap.fmt(f),
            Self::Apart { within } => write!(
                f,
                "both systems were compared: as far as their clocks tell, to within {:.1} s, they were never live at once",
                (within.as_seconds_f64() * 10.0).ceil() / 10.0
            ),
        }
    }
}

/// What the primary's program tells of itself.
#[derive(Debug, Deserialize)]
struct Told {
    reigns: Vec<Reign>,
    at: chrono::DateTime<chrono::FixedOffset>,
}

impl Aftermath {
    /// Holds the reigns of both sites against each other. Nothing is found where no voter works here, or while the
    /// primary does not answer.
    ///
    /// # Errors
    /// [`Stopped`] when the configuration or the voter here cannot be read.
    pub async fn compare(&mut self, ports: &Ports) -> Result<Vec<Compared>, Stopped> {
        let systems = Configured::open(ports)?.systems;
        let asked = ports.clock.now().fixed_offset();
        let host = systems.hosts.host(ServerId::first_of(Site::Primary));
        let command = Command::new([PROGRAM, "lease", "--json"]);
        let told = match run_checked(&*host, command).await {
            Ok(output) => serde_json::from_str::<Told>(&output.text()).ok(),
            Err(HostError::Failed { .. }) => None,
            Err(_unreached) => {
                self.was_away = true;
                None
            }
        };
        let answered = ports.clock.now().fixed_offset();
        let Some(theirs) = told else { return Ok(Vec::new()) };
        let Some(ours) = ports.voter.ask(None).await.map_err(Stopped::Voter)? else { return Ok(Vec::new()) };
        let offset = Offset::measured(asked, theirs.at, answered);
        let found = overlaps(&ours.reigns, &theirs.reigns, offset);
        let epochs = [&ours.reigns, &theirs.reigns].map(|reigns| reigns.last().map(|reign| reign.epoch));
        Ok(self.news(epochs, found, offset.within))
    }

    /// What of it nobody was told so far.
    fn news(&mut self, epochs: [Option<Epoch>; 2], found: Vec<Overlap>, within: TimeDelta) -> Vec<Compared> {
        let came_back = std::mem::take(&mut self.was_away);
        let has_moved = self.compared.replace(epochs).is_some_and(|before| before != epochs);
        if found.is_empty() {
            return if came_back || has_moved { vec![Compared::Apart { within }] } else { Vec::new() };
        }
        let new: Vec<Overlap> = found.into_iter().filter(|overlap| !self.told.contains(&overlap.epochs)).collect();
        self.told.extend(new.iter().map(|overlap| overlap.epochs));
        new.into_iter().map(Compared::Overlap).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn an_overlap_is_told_once_and_a_clean_heal_or_takeover_once() {
        let from = DateTime::UNIX_EPOCH.fixed_offset();
        let overlap =
            Overlap { epochs: (Epoch(9), Epoch(7)), from, length: TimeDelta::seconds(38), within: TimeDelta::zero() };
        let mut aftermath = Aftermath { was_away: true, ..Aftermath::default() };
        let (before, after) = ([Some(Epoch(7)), Some(Epoch(5))], [Some(Epoch(7)), Some(Epoch(9))]);
        let within = TimeDelta::milliseconds(120);
        let apart = Compared::Apart { within };
        assert_eq!(aftermath.news(before, Vec::new(), within), vec![apart.clone()]);
        assert_eq!(aftermath.news(before, Vec::new(), within), []);
        assert_eq!(aftermath.news(after, Vec::new(), within), [apart]);
        assert_eq!(aftermath.news(after, vec![overlap], within), [Compared::Overlap(overlap)]);
        assert_eq!(aftermath.news(after, vec![overlap], within), []);
    }

    #[test]
    fn what_the_clocks_cannot_tell_is_not_said_to_have_never_been() {
        assert_eq!(
            Compared::Apart { within: TimeDelta::milliseconds(120) }.to_string(),
            "both systems were compared: as far as their clocks tell, to within 0.2 s, they were never live at once"
        );
    }
}
