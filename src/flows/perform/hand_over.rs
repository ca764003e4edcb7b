//! A switch while automatic takeover is in force: the voters are told, and do it.

use std::time::Duration;

use futures_util::future::join_all;

use super::Performer;
use crate::domain::lease::Command as Order;
use crate::domain::site::{ServerId, Site};
use crate::domain::traffic::{Origin, Traffic};
use crate::flows::Stopped;
use crate::ports::host::Command;
use crate::ports::traffic_control::TrafficError;
use crate::ports::voter::State;

/// The program as every LIM 1 has it that takes part in automatic takeover.
const PROGRAM: &str = "mxone_system_redundancy";

/// How the program ends there when the order is refused (DESIGN §4).
const REFUSED: i32 = 3;

/// A hand-over waits for a block that is read back and for a round of promises; this is beyond the slowest profile.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(60);

/// An order that led to nothing is given again after this: longer than the slowest proof of a block.
const ORDERED_AGAIN_AFTER: Duration = Duration::from_secs(25);

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Performer<'_> {
    /// Tells the voter that is to give the traffic, or with a person's word the one that takes it, and waits until
    /// the site is live and its packet filter says so.
    pub(super) async fn hand_over(&self, to: Site, vouched: bool, reason: Option<&str>) -> Result<String, Stopped> {
        let begun = self.ports.clock.now();
        let waited = || (self.ports.clock.now() - begun).to_std().unwrap_or_default();
        let mut ordered = 0;
        let lifted = self.lift_blocks_by_hand(to).await?;
        loop {
            // A block that was not proved in time is taken back, and the order with it: it is given again.
            if waited() >= ORDERED_AGAIN_AFTER * ordered {
                ordered += 1;
                match self.order_voter(to, vouched, reason).await {
                    // An order given again may be under way already, and a site that a person blocked may be live.
                    Err(Stopped::NotAllowed(_)) if ordered > 1 || lifted => {}
                    told => told?,
                }
            }
            if self.serves(to).await {
                return Ok("live by the voters, read back".to_owned());
            }
            if waited() > HANDED_OVER_WITHIN {
                return Err(Stopped::NotProved(format!(
                    "the {to} system did not become live{}",
                    self.told_here().await
                )));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What a person blocked by hand at the new side its monitor leaves alone. From here on it is an ordinary block, which
    /// the monitor opens when the site is live. Whether there was any.
    async fn lift_blocks_by_hand(&self, to: Site) -> Result<bool, Stopped> {
        let traffic = &self.systems.traffic;
        let lift = async |server| match traffic.read(server).await {
            Traffic::Blocked { origin: Origin::Maintenance, .. } => {
                traffic.block(server, Origin::Order).await.map(|()| true)
            }
            Traffic::Blocked { .. } | Traffic::Allowed | Traffic::Partial { .. } | Traffic::Unknown { .. } => Ok(false),
        };
        let lifted = join_all(self.configuration.membership.of_site(to).map(lift)).await;
        let lifted: Vec<bool> = lifted.into_iter().collect::<Result<_, TrafficError>>()?;
        Ok(lifted.contains(&true))
    }

    async fn order_voter(&self, to: Site, vouched: bool, reason: Option<&str>) -> Result<(), Stopped> {
        match (to, vouched) {
            (Site::Alternate, true) => self.order_here(Order::Force).await,
            (Site::Primary, false) => self.order_here(Order::HandOver).await,
            (Site::Alternate, false) => self.order_there(&["hand-over"]).await,
            (Site::Primary, true) => self.order_there(&["force", "--reason", reason.unwrap_or("none given")]).await,
        }
    }

    /// What the voter here decides, for whoever wonders why nothing moved.
    async fn told_here(&self) -> String {
        let state = self.ports.voter.ask(None).await.ok().flatten();
        let why = state.and_then(|state| state.why);
        why.map_or_else(String::new, |why| format!("; the monitor here: {}: {}", why.what, why.because))
    }

    async fn order_here(&self, order: Order) -> Result<(), Stopped> {
        match self.ports.voter.ask(Some(order)).await {
            Ok(Some(State { refused: Some(because), .. })) => Err(Stopped::NotAllowed(because)),
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Stopped::NotProved("the monitor does not work here".to_owned())),
            Err(error) => Err(Stopped::NotProved(format!("the monitor here cannot be told: {error}"))),
        }
    }

    async fn order_there(&self, words: &[&str]) -> Result<(), Stopped> {
        let host = self.systems.hosts.host(ServerId::first_of(Site::Primary));
        let output = host.run(Command::new([&[PROGRAM, "lease"], words].concat())).await?;
        match output.status {
            0 => Ok(()),
            REFUSED => {
                let told = output.complaint();
                let because = told.strip_prefix("error: ").unwrap_or(&told);
                Err(Stopped::NotAllowed(format!("the primary's monitor refuses: {because}")))
            }
            _ => Err(Stopped::NotProved(format!("the primary's monitor cannot be told: {}", output.complaint()))),
        }
    }

    async fn serves(&self, site: Site) -> bool {
        let is_live = match site {
            Site::Alternate => matches!(self.ports.voter.ask(None).await, Ok(Some(state)) if state.live.is_some()),
            // What the primary's packet filter says is said below; its monitor is the only one to open it.
            Site::Primary => true,
        };
        is_live && matches!(self.systems.traffic.read(ServerId::first_of(site)).await, Traffic::Allowed)
    }
}
