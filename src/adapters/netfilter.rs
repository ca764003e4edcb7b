//! Blocks and allows telephony with iptables: one `iptables-restore` a family, read back with `iptables-save`.
//!
//! Everything on a server is done by argument lists through its [`Host`]. What is there is asked of the packet filter
//! each time; what was looked at beforehand to save time is a guess, used once and judged by reading back.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::configuration::{BootPolicy, Membership};
use crate::domain::site::{Order, ServerId, Site};
use crate::domain::traffic::{Family, Mark, Origin, RuleSet, Spared, TelephonyPort, Traffic};
use crate::ports::clock::Clock;
use crate::ports::host::{Host, HostError};
use crate::ports::systems::Hosts;
use crate::ports::traffic_control::{CONFIRM_WITHIN, TrafficControl, TrafficError};

mod boot_guard;
mod closed_gate;
mod confirmation;
mod established;
mod filter;
mod order_file;
mod places;
mod ready;

use filter::Both;
use places::Places;
use ready::Ready;

/// The packet filters of all servers, worked on with iptables.
pub struct Netfilter {
    hosts: Arc<dyn Hosts>,
    clock: Arc<dyn Clock>,
    rules: RuleSet,
    telephony: Vec<TelephonyPort>,
    places: Places,
    local: ServerId,
    confirm_within: Duration,
    ready: Ready,
}

impl Netfilter {
    /// The packet filters of the servers of a membership, with the rules that follow from it.
    #[must_use]
    pub fn new(hosts: Arc<dyn Hosts>, membership: &Membership, clock: Arc<dyn Clock>) -> Self {
        let platform = &membership.platform;
        let rules = RuleSet::new(&platform.telephony, &spared(membership), membership.turn_away, platform.probe);
        Self::with_rules(hosts, rules, platform.telephony.clone(), clock)
    }

    /// Packet filters with rules that come from elsewhere, and the ports whose established flows are cut.
    #[must_use]
    pub fn with_rules(
        hosts: Arc<dyn Hosts>,
        rules: RuleSet,
        telephony: Vec<TelephonyPort>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let local = ServerId::first_of(Site::Alternate);
        let places = Places::below(Path::new("/"));
        Self { hosts, clock, rules, telephony, places, local, confirm_within: CONFIRM_WITHIN, ready: Ready::default() }
    }

    /// The same with all files below another folder.
    #[must_use]
    pub fn below(mut self, root: &Path) -> Self {
        self.places = Places::below(root);
        self
    }

    /// The same on LIM 1 of another site than the alternate.
    #[must_use]
    pub const fn on(mut self, site: Site) -> Self {
        self.local = ServerId::first_of(site);
        self
    }

    /// The same with another time for the confirmation of a first application.
    #[must_use]
    pub const fn confirmed_within(mut self, time: Duration) -> Self {
        self.confirm_within = time;
        self
    }

    fn server(&self, id: ServerId) -> Server {
        Server { id, host: self.hosts.host(id), places: self.places.clone() }
    }

    /// Whether a first application has to be confirmed: not on the machine we run on, where nothing can cut us off.
    async fn needs_confirmation(&self, server: &Server) -> Result<bool, TrafficError> {
        if server.id == self.local {
            return Ok(false);
        }
        Ok(confirmation::confirmed(server).await? != Some(self.rules.fingerprint()))
    }

    fn wanted(&self, mark: Mark) -> Both {
        let [v4, v6] = Family::BOTH.map(|family| self.rules.in_force(family, mark));
        Both { v4, v6 }
    }

    async fn put_in_force(&self, server: &Server, found: &Both, mark: Mark) -> Result<(), TrafficError> {
        let wanted = self.wanted(mark);
        filter::reach(server, found, &wanted, "blocking", |there| match self.rules.judge(&there.v4, &there.v6) {
            Traffic::Blocked { origin, .. } if origin == mark.origin => Vec::new(),
            Traffic::Blocked { origin, .. } => vec![format!("blocked by {origin}")],
            Traffic::Allowed => vec!["none of our rules are there".to_owned()],
            Traffic::Partial { differences } => differences,
            Traffic::Unknown { because } => vec![because],
        })
        .await
    }
}

#[async_trait]
impl TrafficControl for Netfilter {
    async fn prepare(&self, server: ServerId, order: Option<Order>) -> Result<(), TrafficError> {
        self.ready.forget(server);
        let server = self.server(server);
        let look = async {
            let (found, confirm) = tokio::try_join!(filter::found(&server), self.needs_confirmation(&server))?;
            self.ready.keep_found(server.id, found, confirm);
            Ok(())
        };
        let lay = async {
            if let Some(order) = order {
                order_file::lay_ready(&server, order).await?;
                self.ready.keep_order(server.id, order);
            }
            Ok(())
        };
        tokio::try_join!(look, lay).map(drop)
    }

    async fn read(&self, server: ServerId) -> Traffic {
        let server = self.server(server);
        let read = async {
            let (found, gate) = filter::found_with_gate(&server).await?;
            let judged = self.rules.judge(&found.v4, &found.v6);
            // Asked only where all hangs on it: what iptables block is blocked whatever the gate does. What they block
            // in part lets nothing in either while the gate is closed.
            let may_let_in = matches!(judged, Traffic::Allowed | Traffic::Partial { .. });
            let is_held = may_let_in && closed_gate::holds_back(&server, &gate, &self.telephony).await?;
            Ok(if is_held { Traffic::BY_GATE } else { judged })
        };
        read.await.unwrap_or_else(|error: TrafficError| Traffic::Unknown { because: because(&error) })
    }

    async fn block(&self, server: ServerId, origin: Origin) -> Result<(), TrafficError> {
        let server = self.server(server);
        let (mut found, confirm) = match self.ready.take_found(server.id) {
            // A guess may only lead to work, never to the belief that nothing is to be done.
            Some((found, confirm)) if !matches!(self.rules.judge(&found.v4, &found.v6), Traffic::Blocked { .. }) => {
                (found, confirm)
            }
            Some(_) | None => tokio::try_join!(filter::found(&server), self.needs_confirmation(&server))?,
        };
        let now = Mark { origin, since: Some(self.clock.now().fixed_offset()) };
        if confirm && matches!(self.rules.judge(&found.v4, &found.v6), Traffic::Blocked { .. }) {
            // Somebody was cut off between the block and its confirmation: the server would still take it back.
            confirmation::confirm_earlier(&server, self.confirm_within).await?;
            found = filter::found(&server).await?;
        }
        match self.rules.judge(&found.v4, &found.v6) {
            Traffic::Blocked { origin: present, since, .. } => {
                if present != origin {
                    self.put_in_force(&server, &found, Mark { origin, since }).await?;
                }
                Ok(())
            }
            Traffic::Allowed | Traffic::Partial { .. } | Traffic::Unknown { .. } if confirm => {
                let in_force = self.put_in_force(&server, &found, now);
                let undo = confirmation::Undo { found: &found, wanted: &self.wanted(now), after: self.confirm_within };
                confirmation::confirm(&server, &undo, in_force).await
            }
            Traffic::Allowed | Traffic::Partial { .. } | Traffic::Unknown { .. } => {
                self.put_in_force(&server, &found, now).await
            }
        }
    }

    async fn allow(&self, server: ServerId) -> Result<(), TrafficError> {
        let server = self.server(server);
        let found = match self.ready.take_found(server.id) {
            Some((found, _)) if !found.is_empty() => found,
            Some(_) | None => filter::found(&server).await?,
        };
        if found.is_empty() {
            return Ok(());
        }
        filter::reach(&server, &found, &Both::default(), "allowing", |there| {
            if there.is_empty() { Vec::new() } else { vec!["some of our rules are still there".to_owned()] }
        })
        .await
    }

    async fn remove_gate(&self, server: ServerId) -> Result<(), TrafficError> {
        closed_gate::remove(&self.server(server)).await
    }

    async fn cut_established(&self, server: ServerId) -> Result<Option<u64>, TrafficError> {
        established::cut(&self.server(server), &self.telephony).await
    }

    async fn install_guard(&self, server: ServerId, boot: BootPolicy) -> Result<(), TrafficError> {
        boot_guard::install(&self.server(server), &self.rules, boot).await
    }

    async fn remove_guard(&self, server: ServerId) -> Result<(), TrafficError> {
        boot_guard::remove(&self.server(server)).await
    }

    async fn guard_installed(&self, server: ServerId) -> Result<bool, TrafficError> {
        boot_guard::installed(&self.server(server), &self.rules).await
    }

    async fn order(&self, server: ServerId) -> Result<Option<Order>, TrafficError> {
        order_file::read(&self.server(server)).await
    }

    async fn write_order(&self, server: ServerId, order: Order) -> Result<(), TrafficError> {
        let is_ready = self.ready.take_order(server) == Some(order);
        let server = self.server(server);
        if is_ready && order_file::put_in_place(&server).await.is_ok() {
            return Ok(());
        }
        order_file::write(&server, order).await
    }

    async fn forget_order(&self, server: ServerId) -> Result<(), TrafficError> {
        order_file::forget(&self.server(server)).await
    }
}

/// A server being worked on.
struct Server {
    id: ServerId,
    host: Arc<dyn Host>,
    places: Places,
}

impl Server {
    /// Turns an error of the host into one of ours that says what was being done.
    fn failed(&self, doing: &'static str) -> impl Fn(HostError) -> TrafficError + use<> {
        let server = self.id;
        move |source| TrafficError::Host { server, doing, source }
    }

    fn unreadable(&self, what: &'static str, because: &dyn ToString) -> TrafficError {
        TrafficError::Unreadable { server: self.id, what, because: because.to_string() }
    }
}

/// The rule set that the boot guard of a host holds; `None` when there is no boot guard.
///
/// Whoever knows no configuration finds here what was configured.
///
/// # Errors
/// [`GuardRulesError`] when the guard files cannot be read, or do not hold what they were written with.
pub async fn guard_rules(host: Arc<dyn Host>, root: &Path) -> Result<Option<RuleSet>, GuardRulesError> {
    boot_guard::rules(host.as_ref(), &Places::below(root)).await
}

/// The rule set that is in force on a host, if it is whole.
///
/// # Errors
/// [`TrafficError`] when the packet filter cannot be read.
pub async fn rules_in_force(host: Arc<dyn Host>) -> Result<Option<RuleSet>, TrafficError> {
    let id = ServerId::first_of(Site::Alternate);
    let found = filter::found(&Server { id, host, places: Places::below(Path::new("/")) }).await?;
    Ok(RuleSet::of_found(&found.v4, &found.v6).ok())
}

pub use boot_guard::GuardRulesError;

/// Whom a membership never blocks.
#[must_use]
pub fn spared(membership: &Membership) -> Spared {
    let servers = membership.servers.values().map(|card| card.address);
    let addresses: BTreeSet<IpAddr> = servers.chain(membership.never_block.iter().copied()).collect();
    Spared { addresses, ssh_port: membership.ssh.port }
}

/// Why a server's packet filter could not be read, without the server's name.
fn because(error: &TrafficError) -> String {
    match error {
        TrafficError::Host { source, .. } | TrafficError::NotConfirmed { source, .. } => source.to_string(),
        TrafficError::Unreadable { what, because, .. } => format!("{what} cannot be understood: {because}"),
        TrafficError::NotInForce { .. } | TrafficError::NewerOrder { .. } => error.to_string(),
    }
}
