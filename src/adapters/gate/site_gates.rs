//! The gates of all servers of a site, worked on from LIM 1.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::far::{Far, Known, Right, What};
use super::server_gate::ServerGate;
use crate::domain::lease::GateSeen;
use crate::domain::traffic::GateRules;
use crate::ports::gate::{Change, GateError, Gates, Until, Whole};
use crate::ports::host::{Command, Host};

/// A close of this server's own gate that is not read back within this time counts as not done: the kernel's own end is
/// then waited for.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// The gate of this server, and holders on the others. Holders are kept until this is dropped.
pub struct SiteGates {
    own: ServerGate,
    others: Vec<Other>,
    right: watch::Sender<Right>,
    every: Duration,
}

struct Other {
    known: watch::Sender<Known>,
    keeping: JoinHandle<()>,
}

impl Drop for Other {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

impl SiteGates {
    /// The gates of `own`, which is this server, and of `others`, where `hold` starts a holder. `every` is how often
    /// holders ask: as often as rights are renewed.
    ///
    /// Holders are started at once, so this is called within a runtime.
    #[must_use]
    pub fn new(
        own: Arc<dyn Host>,
        others: Vec<Arc<dyn Host>>,
        rules: &GateRules,
        (hold, every): (Command, Duration),
    ) -> Self {
        let right = watch::Sender::new(Right { what: What::Undecided, change: 0 });
        let keep = |host: Arc<dyn Host>| {
            let known = watch::Sender::new(Known::default());
            let (rules, command) = (rules.clone(), hold.clone());
            let far = Far { host, command, rules, every, right: right.subscribe(), known: known.clone() };
            Other { known, keeping: tokio::spawn(far.run()) }
        };
        let others = others.into_iter().map(keep).collect();
        Self { own: ServerGate::new(own, rules.clone()), others, right, every }
    }

    /// Tells all holders what the site may do from now on; the number of this change.
    fn tell(&self, what: What) -> u64 {
        let mut change = 0;
        self.right.send_modify(|right| {
            // A renewal is no news; a second close is, for it has to be read back again.
            if !matches!((right.what, what), (What::Until(_), What::Until(_)) | (What::Standing, What::Standing)) {
                right.change += 1;
            }
            right.what = what;
            change = right.change;
        });
        change
    }
}

#[async_trait]
impl Gates for SiteGates {
    async fn seen(&self) -> Result<GateSeen, GateError> {
        // A right that goes on is not to end for a server that is slow: the others are made as this one is anyway.
        let within = self.every / 2;
        let heard = join_all(self.others.iter().map(|other| first_word(other.known.subscribe(), within)));
        let (own, heard) = tokio::join!(self.own.seen(), heard);
        let seen: Vec<GateSeen> = heard.into_iter().flatten().chain([own?]).collect();
        Ok(if seen.contains(&GateSeen::Closed) {
            GateSeen::Closed
        } else if seen.contains(&GateSeen::Timed) {
            GateSeen::Timed
        } else {
            GateSeen::Unarmed
        })
    }

    async fn open(&self, until: Until) -> Result<Change, GateError> {
        let number = match until {
            Until::Moment(end) => {
                let number = self.tell(What::Until(end));
                self.own.open(end).await?;
                number
            }
            Until::Standing => {
                let number = self.tell(What::Standing);
                self.own.disarm().await?;
                number
            }
        };
        Ok(Change { number, is_own_done: true })
    }

    async fn close(&self) -> Change {
        let number = self.tell(What::Closed);
        let is_own_done = matches!(timeout(CLOSED_WITHIN, self.own.close()).await, Ok(Ok(())));
        Change { number, is_own_done }
    }

    async fn carried_out(&self, change: Change, within: Duration) -> bool {
        let others = self.others.iter().map(|other| async move {
            let mut known = other.known.subscribe();
            let is_done = |known: &Known| known.carried_out >= change.number && known.heard.is_some();
            matches!(timeout(within, known.wait_for(is_done)).await, Ok(Ok(_)))
        });
        change.is_own_done && join_all(others).await.into_iter().all(|is_done| is_done)
    }

    async fn whole(&self) -> Whole {
        let own = self.own.is_whole().await;
        let mut changed = false;
        for other in &self.others {
            // That something was changed is told once.
            other.known.send_if_modified(|known| {
                changed |= std::mem::take(&mut known.changed);
                false
            });
        }
        let right = *self.right.borrow();
        let silent = self.others.iter().any(|other| {
            let known = other.known.borrow();
            // A block that was not carried out there yet is not as it was told to be.
            !known.speaks(self.every) || (right.what == What::Closed && known.carried_out < right.change)
        });
        match own {
            _ if changed => Whole::No,
            Ok(false) => Whole::No,
            Ok(true) if !silent => Whole::Yes,
            Ok(true) | Err(_) => Whole::Unknown,
        }
    }
}

/// What another server's gate is, if its holder says so in time.
async fn first_word(mut known: watch::Receiver<Known>, within: Duration) -> Option<GateSeen> {
    let seen = timeout(within, known.wait_for(|known| known.gate.is_some())).await;
    seen.ok().and_then(|known| known.ok().and_then(|known| known.gate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_start_waits_half_a_renewal_for_a_server_that_is_down_and_no_longer() {
        let within = Duration::from_millis(250) / 2;
        let silent = watch::Sender::new(Known::default());
        let begun = tokio::time::Instant::now();
        assert_eq!(first_word(silent.subscribe(), within).await, None);
        assert_eq!(begun.elapsed(), within);
        let speaks = watch::Sender::new(Known { gate: Some(GateSeen::Closed), ..Known::default() });
        assert_eq!(first_word(speaks.subscribe(), within).await, Some(GateSeen::Closed));
    }
}
