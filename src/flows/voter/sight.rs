//! What a site sees of itself, asked of its own LIM 1.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use crate::domain::site::{ServerId, Site};
use crate::ports::call_server::{Answer, CallServer};
use crate::ports::clock::Clock;
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
    /// Its telephony software.
    pub call_server: Arc<dyn CallServer>,
    /// What was loaded, where that is kept.
    pub journal: Arc<dyn Journal>,
    /// The wall clock, in which the age of data counts.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Sight for OwnSight {
    async fn control(&self) -> (u8, u8) {
        let asked = self.addresses.iter().map(|address| self.call_server.reaches(self.site, *address));
        let answering = join_all(asked).await.into_iter().filter(|reached| matches!(reached, Ok(true))).count();
        let small = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
        (small(answering), small(self.addresses.len()))
    }

    async fn health(&self) -> Option<bool> {
        let answer = self.call_server.answers(ServerId::first_of(self.site), ANSWERS_WITHIN).await?;
        Some(matches!(answer, Answer::Answered(_)))
    }

    async fn data(&self) -> Option<Duration> {
        let loaded = self.journal.memory().ok()?.loaded?;
        let from = loaded.generation.backup.taken_at.unwrap_or(loaded.generation.taken_at);
        Some((self.clock.now().fixed_offset() - from).to_std().unwrap_or_default())
    }
}
