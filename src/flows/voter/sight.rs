//! What a site sees of itself, asked of its own LIM 1.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::domain::site::{ServerId, Site};
use crate::ports::call_server::{Answer, CallServer, CallServerError, Condition};
use crate::ports::clock::Clock;
use crate::ports::echo::Echo;
use crate::ports::host::HostError;
use crate::ports::journal::Journal;
use crate::ports::voter::Sight;

/// A call server that has not answered by then is not well.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// What a site sees of itself.
pub struct OwnSight {
    /// Which site.
    pub site: Site,
    /// Its control addresses.
    pub addresses: Vec<IpAddr>,
    /// How these are asked.
    pub echo: Arc<dyn Echo>,
    /// Its telephony software.
    pub call_server: Arc<dyn CallServer>,
    /// What was loaded, where that is kept.
    pub journal: Arc<dyn Journal>,
    /// The wall clock, in which the age of data counts.
    pub clock: Arc<dyn Clock>,
}

/// A command about its health that has said nothing by then has said no.
const SAYS_WITHIN: Duration = Duration::from_secs(2);

impl OwnSight {
    async fn reaches(&self, address: IpAddr) -> bool {
        match self.echo.answers(address).await {
            Ok(answers) => answers,
            // `ping` may be allowed what this process is not.
            Err(_) => matches!(self.call_server.reaches(self.site, address).await, Ok(true)),
        }
    }
}

#[async_trait]
impl Sight for OwnSight {
    async fn control(&self) -> (u8, u8) {
        let asked = self.addresses.iter().map(|address| self.reaches(*address));
        let answering = join_all(asked).await.into_iter().filter(|reached| *reached).count();
        let small = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
        (small(answering), small(self.addresses.len()))
    }

    async fn health(&self, open: bool) -> Option<bool> {
        let first = ServerId::first_of(self.site);
        let asked = async { if open { self.call_server.answers(first, ANSWERS_WITHIN).await } else { None } };
        let holds = timeout(SAYS_WITHIN, self.call_server.holds(self.site, Condition::Healthy));
        let (answer, holds) = tokio::join!(asked, holds);
        let answers = answer.map(|answer| matches!(answer, Answer::Answered(_)));
        let is_well = match holds {
            Ok(Ok(holds)) => holds,
            // A command that says no with its status, or nothing that can be understood; one that is not there says
            // nothing about telephony.
            Ok(Err(CallServerError::Host { source: HostError::NotStarted { .. }, .. })) => None,
            Ok(Err(_)) | Err(_) => Some(false),
        };
        [answers, is_well].into_iter().flatten().reduce(|one, other| one && other)
    }

    async fn data(&self) -> Option<Duration> {
        let loaded = self.journal.memory().ok()?.loaded?;
        let from = loaded.generation.backup.taken_at.unwrap_or(loaded.generation.taken_at);
        Some((self.clock.now().fixed_offset() - from).to_std().unwrap_or_default())
    }
}
