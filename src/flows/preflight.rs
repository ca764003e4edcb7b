//! Makes the checks of DESIGN §7 and gathers their verdicts.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::Ports;
use super::carry_out::describe;
use crate::domain::backup::Backup;
use crate::domain::configuration::{Configuration, Mode};
use crate::domain::preflight::{self, Check, Finding, Verdict};
use crate::domain::site::{ServerId, Site};
use crate::domain::traffic::Traffic;
use crate::ports::call_server::{CallServerError, Capacity, Condition};
use crate::ports::dialog::{Dialog, News};
use crate::ports::systems::SystemPorts;

/// Makes checks and tells each verdict as it comes.
pub struct Preflight<'a> {
    /// The world.
    pub ports: &'a Ports,
    /// The servers.
    pub systems: &'a SystemPorts,
    /// The settings, or those that are about to be.
    pub configuration: &'a Configuration,
    /// Who asks.
    pub who: &'a str,
}

impl Preflight<'_> {
    /// Makes every check of `checks`; `backup` is the current backup with its size, where it is known already.
    pub async fn check(
        &self,
        checks: &[Check],
        backup: Option<(&Backup, u64)>,
        dialog: &mut dyn Dialog,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for check in checks {
            let finding = Finding { check: *check, verdict: self.verdict(*check, backup).await };
            dialog.tell(News::Checked(&finding));
            findings.push(finding);
        }
        findings
    }

    async fn verdict(&self, check: Check, backup: Option<(&Backup, u64)>) -> Verdict {
        let found = match check {
            Check::User => Ok(self.user()),
            Check::Reachable => Ok(self.reachable().await),
            Check::Version => self.version().await,
            Check::Capacity => self.capacity().await,
            Check::Disk => Ok(self.disk(backup)),
            Check::Topology => self.topology().await,
            Check::RegularServer => self.holds(Condition::RegularServer, "LIM 1 of the primary").await,
            Check::AutomaticFallback => self.automatic_fallback().await,
            Check::Backup => self.backup(backup).await,
            Check::PacketFilter => self.packet_filter().await,
            Check::Clock => self.clock().await,
            Check::ControlAddress => self.control_address().await,
        };
        found.unwrap_or_else(|error| Verdict::Bad(describe(&error.into())))
    }

    fn user(&self) -> Verdict {
        let expected = ["root", self.configuration.membership.ssh.user.as_str()];
        let text = format!("running as {}", self.who);
        if expected.contains(&self.who) { Verdict::Good(text) } else { Verdict::Warning(text) }
    }

    async fn reachable(&self) -> Verdict {
        let servers: Vec<ServerId> = self.servers().collect();
        let reads = join_all(servers.iter().map(|server| self.systems.traffic.read(*server))).await;
        let silent: Vec<String> = servers
            .iter()
            .zip(reads)
            .filter_map(|(server, traffic)| match traffic {
                Traffic::Unknown { because } => Some(format!("{server}: {because}")),
                Traffic::Allowed | Traffic::Blocked { .. } | Traffic::Partial { .. } => None,
            })
            .collect();
        if silent.is_empty() {
            Verdict::Good(format!("all {} servers answer", servers.len()))
        } else {
            Verdict::Bad(silent.join("; "))
        }
    }

    async fn version(&self) -> Result<Verdict, CallServerError> {
        let call_server = &self.systems.call_server;
        let (primary, alternate) =
            tokio::join!(call_server.version(Site::Primary), call_server.version(Site::Alternate));
        Ok(preflight::versions(primary?.as_deref(), alternate?.as_deref()))
    }

    /// Each alternate server has at least the processors, memory and disk of its primary twin.
    async fn capacity(&self) -> Result<Verdict, CallServerError> {
        let mut smaller = Vec::new();
        let twins: Vec<(ServerId, ServerId)> = self
            .configuration
            .membership
            .of_site(Site::Primary)
            .map(|primary| (primary, ServerId { site: Site::Alternate, lim: primary.lim }))
            .filter(|(_, alternate)| self.configuration.membership.servers.contains_key(alternate))
            .collect();
        let call_server = &self.systems.call_server;
        let pairs = join_all(twins.iter().map(async |(primary, alternate)| {
            tokio::join!(call_server.capacity(*primary), call_server.capacity(*alternate))
        }))
        .await;
        for ((_, alternate), (needed, there)) in twins.iter().zip(pairs) {
            smaller.extend(lacking(needed?, there?).map(|what| format!("{alternate} has {what}")));
        }
        if smaller.is_empty() {
            Ok(Verdict::Good("every alternate server has at least what its primary twin has".to_owned()))
        } else {
            Ok(Verdict::Bad(smaller.join("; ")))
        }
    }

    fn disk(&self, backup: Option<(&Backup, u64)>) -> Verdict {
        let Some((_, bytes)) = backup else { return Verdict::NotTold };
        match self.ports.mirrors.free_bytes() {
            Ok(free) => preflight::room(bytes, free),
            Err(error) => Verdict::Bad(error.to_string()),
        }
    }

    async fn topology(&self) -> Result<Verdict, CallServerError> {
        let membership = &self.configuration.membership;
        let lims = |site| membership.of_site(site).map(|server| server.lim).collect::<BTreeSet<_>>();
        if lims(Site::Primary) != lims(Site::Alternate) {
            return Ok(Verdict::Bad("the two systems do not have the same LIM numbers".to_owned()));
        }
        let now = self.systems.call_server.topology(Site::Primary).await?;
        if self.configuration.topology.is_empty() {
            return Ok(self.twin_topology(&now).await);
        }
        Ok(preflight::topology(&self.configuration.topology, &now))
    }

    /// At configure the alternate is compared with the primary; an alternate without data may tell nothing yet.
    async fn twin_topology(&self, primary: &BTreeSet<String>) -> Verdict {
        match self.systems.call_server.topology(Site::Alternate).await {
            Ok(alternate) if alternate == *primary => Verdict::Good(format!("{} parts on both sides", primary.len())),
            Ok(alternate) => {
                let missing: Vec<&str> = primary.difference(&alternate).map(String::as_str).collect();
                Verdict::Warning(format!("the alternate does not list {}", missing.join(", ")))
            }
            Err(error) => Verdict::Warning(describe(&error.into())),
        }
    }

    async fn holds(&self, condition: Condition, what: &str) -> Result<Verdict, CallServerError> {
        Ok(match self.systems.call_server.holds(Site::Primary, condition).await? {
            Some(true) => Verdict::Good(format!("{what} is as it must be")),
            Some(false) => Verdict::Bad(format!("{what} is not as it must be")),
            None => Verdict::NotTold,
        })
    }

    async fn automatic_fallback(&self) -> Result<Verdict, CallServerError> {
        match self.configuration.takeover.primary_from_alternate {
            Mode::Manual => Ok(Verdict::Good("not needed: primary-from-alternate is manual".to_owned())),
            Mode::Automatic => self.holds(Condition::AutomaticFallback, "fallback of the primary's clusters").await,
        }
    }

    async fn backup(&self, known: Option<(&Backup, u64)>) -> Result<Verdict, CallServerError> {
        let now = self.ports.clock.now().fixed_offset();
        let call_server = &self.systems.call_server;
        let complete = call_server.holds(Site::Primary, Condition::BackupComplete).await?;
        let current = match known {
            Some((backup, _)) => Some(backup.clone()),
            None => call_server.current_backup(Site::Primary).await?,
        };
        Ok(preflight::backup(current.as_ref(), complete, now))
    }

    async fn packet_filter(&self) -> Result<Verdict, CallServerError> {
        let servers: Vec<ServerId> = self.servers().collect();
        let answers = join_all(servers.iter().map(|server| self.systems.call_server.filter_usable(*server))).await;
        let mut unusable = Vec::new();
        for (server, answer) in servers.iter().zip(answers) {
            if let Err(because) = answer? {
                unusable.push(format!("{server}: {because}"));
            }
        }
        if unusable.is_empty() {
            Ok(Verdict::Good("iptables and ip6tables can be used on every server".to_owned()))
        } else {
            Ok(Verdict::Bad(unusable.join("; ")))
        }
    }

    async fn clock(&self) -> Result<Verdict, CallServerError> {
        let mut largest = chrono::Duration::zero();
        let servers: Vec<ServerId> = self.servers().collect();
        for difference in join_all(servers.iter().map(|id| self.systems.call_server.clock_difference(*id))).await {
            let difference = difference?.abs();
            largest = largest.max(difference);
        }
        Ok(preflight::clocks(largest))
    }

    async fn control_address(&self) -> Result<Verdict, CallServerError> {
        let mut silent = Vec::new();
        for address in &self.configuration.network_control_address {
            for site in Site::BOTH {
                if !self.systems.call_server.reaches(site, *address).await? {
                    silent.push(format!("{address} does not answer the {site} system"));
                }
            }
        }
        if silent.is_empty() {
            Ok(Verdict::Good("reached from both sites".to_owned()))
        } else {
            Ok(Verdict::Bad(silent.join("; ")))
        }
    }

    fn servers(&self) -> impl Iterator<Item = ServerId> + '_ {
        self.configuration.membership.servers.keys().copied()
    }
}

/// What `there` has less of than `needed`, in words. A tenth less disk or memory is no other machine, only another
/// partition table or firmware.
fn lacking(needed: Capacity, there: Capacity) -> impl Iterator<Item = String> {
    let enough = |needed: u64, there: u64| there >= needed - needed / 10;
    let cores = (there.cores < needed.cores).then(|| format!("{} cores, its twin {}", there.cores, needed.cores));
    let memory = (!enough(needed.memory, there.memory))
        .then(|| format!("{} of memory, its twin {}", preflight::size(there.memory), preflight::size(needed.memory)));
    let disk = (!enough(needed.disk, there.disk))
        .then(|| format!("{} of disk, its twin {}", preflight::size(there.disk), preflight::size(needed.disk)));
    [cores, memory, disk].into_iter().flatten()
}
