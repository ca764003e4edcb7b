//! Asks the telephony software of both sites, and loads exchange data into the alternate, as its platform profile says.

mod backup;
mod load;
mod machine;
mod place;
mod sip_probe;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::address::parse_bare;
use crate::domain::backup::Backup;
use crate::domain::configuration::{Membership, ServerList};
use crate::domain::platform::placeholders::Placeholders;
use crate::domain::platform::reader::{Row, holds};
use crate::domain::platform::{Platform, Query};
use crate::domain::site::{LimNumber, ServerId, Site};
use crate::ports::call_server::{Answer, CallServer, CallServerError, Capacity, Condition, Proved, RawAlarm, Usage};
use crate::ports::clock::Clock;
use crate::ports::host::{Command, Host, HostError, run_checked};
use crate::ports::systems::Hosts;

/// The telephony software of both sites, reached through its platform profile.
pub struct ProfiledCallServer {
    hosts: Arc<dyn Hosts>,
    clock: Arc<dyn Clock>,
    platform: Platform,
    addresses: BTreeMap<ServerId, IpAddr>,
    probe_routes: BTreeMap<IpAddr, SocketAddr>,
}

impl ProfiledCallServer {
    /// The telephony software of these servers. `probe_routes` says where a server's SIP probe goes when it is not
    /// the server's own address (the embedded lab has all its servers on one machine).
    #[must_use]
    pub fn new(
        hosts: Arc<dyn Hosts>,
        membership: &Membership,
        clock: Arc<dyn Clock>,
        probe_routes: BTreeMap<IpAddr, SocketAddr>,
    ) -> Self {
        let addresses = membership.servers.iter().map(|(server, card)| (*server, card.address)).collect();
        Self { hosts, clock, platform: membership.platform.clone(), addresses, probe_routes }
    }

    fn host(&self, server: ServerId) -> Arc<dyn Host> {
        self.hosts.host(server)
    }

    /// Runs a query on LIM 1 of a site and reads its output.
    async fn ask(&self, site: Site, what: &'static str, query: &Query) -> Result<Vec<Row>, CallServerError> {
        let server = ServerId::first_of(site);
        let output = run_checked(&*self.host(server), command(&query.run, query.as_root, query.timeout))
            .await
            .map_err(|source| CallServerError::Host { server, what, source })?;
        query.read.read(&output.text()).map_err(|error| not_understood(server, what, error.to_string()))
    }

    /// As [`Self::ask`], and `None` where the profile has no such query.
    async fn ask_if(
        &self,
        site: Site,
        what: &'static str,
        query: Option<&Query>,
    ) -> Result<Option<Vec<Row>>, CallServerError> {
        match query {
            Some(query) => self.ask(site, what, query).await.map(Some),
            None => Ok(None),
        }
    }

    /// Rows of a query that not every installation can answer: a command that fails because a module is not loaded
    /// does not tell, and that is no fault. A server that cannot be asked is one.
    async fn ask_where_told(
        &self,
        site: Site,
        what: &'static str,
        query: Option<&Query>,
    ) -> Result<Option<Vec<Row>>, CallServerError> {
        match self.ask_if(site, what, query).await {
            Err(CallServerError::Host { source: HostError::Failed { .. }, .. }) => Ok(None),
            other => other,
        }
    }
}

#[async_trait]
impl CallServer for ProfiledCallServer {
    async fn master_address(&self, site: Site) -> Result<Option<IpAddr>, CallServerError> {
        const WHAT: &str = "the master IP address";
        let Some(rows) = self.ask_if(site, WHAT, self.platform.facts.master_address.as_ref()).await? else {
            return Ok(None);
        };
        let text = first_value(site, WHAT, &rows, "address")?;
        let parsed =
            parse_bare(text).map_err(|error| not_understood(ServerId::first_of(site), WHAT, error.to_string()))?;
        Ok(Some(parsed.0))
    }

    async fn version(&self, site: Site) -> Result<Option<String>, CallServerError> {
        const WHAT: &str = "the system version";
        match self.ask_if(site, WHAT, self.platform.facts.version.as_ref()).await? {
            Some(rows) => first_value(site, WHAT, &rows, "version").map(|version| Some(version.to_owned())),
            None => Ok(None),
        }
    }

    async fn servers(&self, site: Site) -> Result<Option<ServerList>, CallServerError> {
        const WHAT: &str = "the list of servers";
        let Some(rows) = self.ask_if(site, WHAT, self.platform.facts.servers.as_ref()).await? else {
            return Ok(None);
        };
        server_list(&rows).map(Some).map_err(|because| not_understood(ServerId::first_of(site), WHAT, because))
    }

    async fn topology(&self, site: Site) -> Result<BTreeSet<String>, CallServerError> {
        let mut lines = BTreeSet::new();
        for (name, query) in &self.platform.facts.topology {
            let rows = self.ask(site, "the topology", query).await?;
            lines.extend(rows.iter().map(|row| topology_line(name, row)));
        }
        Ok(lines)
    }

    async fn current_backup(&self, site: Site) -> Result<Option<Backup>, CallServerError> {
        self.newest_backup(site).await
    }

    async fn holds(&self, site: Site, condition: Condition) -> Result<Option<bool>, CallServerError> {
        let (what, check) = match condition {
            Condition::BackupComplete => {
                ("whether the newest backup is complete", &self.platform.facts.backup_complete)
            }
            Condition::RegularServer => ("whether LIM 1 is its regular server", &self.platform.facts.regular_server),
            Condition::AutomaticFallback => ("whether clusters fall back", &self.platform.facts.automatic_fallback),
            Condition::Healthy => ("whether it is well", &self.platform.facts.healthy),
        };
        let Some(check) = check else { return Ok(None) };
        let rows = self.ask(site, what, &check.query).await?;
        Ok(Some(!rows.is_empty() && rows.iter().all(|row| holds(row, &check.expect))))
    }

    async fn load_now(&self, site: Site) -> Result<Usage, CallServerError> {
        const CALLS: &str = "the number of calls";
        let facts = &self.platform.facts;
        let (calls, registrations) = tokio::join!(
            self.ask_where_told(site, CALLS, facts.calls.as_ref()),
            self.ask_where_told(site, "the number of registrations", facts.registrations.as_ref()),
        );
        let calls = match calls? {
            Some(rows) => sum(&rows).map_err(|because| not_understood(ServerId::first_of(site), CALLS, because))?,
            None => None,
        };
        Ok(Usage { calls, registrations: registrations?.map(|rows| rows.len() as u64) })
    }

    async fn alarms(&self, site: Site) -> Result<Option<Vec<RawAlarm>>, CallServerError> {
        let Some(query) = &self.platform.facts.alarms else { return Ok(Some(Vec::new())) };
        let rows = self.ask_where_told(site, "the alarms", Some(query)).await?;
        let alarm = |mut row: Row| {
            let mut field = |name: &str| row.remove(name).unwrap_or_default();
            RawAlarm { text: field("text"), lim: field("lim"), severity: field("severity") }
        };
        let is_one = |alarm: &RawAlarm| !alarm.text.is_empty() && !alarm.severity.starts_with('0');
        Ok(rows.map(|rows| rows.into_iter().map(alarm).filter(is_one).collect()))
    }

    async fn capacity(&self, server: ServerId) -> Result<Capacity, CallServerError> {
        machine::capacity(&*self.host(server), server).await
    }

    async fn clock_difference(&self, server: ServerId) -> Result<chrono::Duration, CallServerError> {
        machine::clock_difference(&*self.host(server), server, &*self.clock).await
    }

    async fn reaches(&self, site: Site, address: IpAddr) -> Result<bool, CallServerError> {
        let server = ServerId::first_of(site);
        machine::reaches(&*self.host(server), server, address).await
    }

    async fn filter_usable(&self, server: ServerId) -> Result<Result<(), String>, CallServerError> {
        machine::filter_usable(&*self.host(server), server).await
    }

    async fn answers(&self, server: ServerId, within: Duration) -> Option<Answer> {
        let probe = self.platform.probe?;
        let named = SocketAddr::new(*self.addresses.get(&server)?, probe.port);
        let route = self.probe_routes.get(&named.ip()).copied().unwrap_or(named);
        sip_probe::ask(named, route, within).await
    }

    async fn load(&self, backup: &Backup, from: &Path) -> Result<Proved, CallServerError> {
        let place = self.load_place(backup);
        self.put_in_place(from, &place).await?;
        let proved = self.load_and_prove(backup, Path::new(&place)).await?;
        self.forget_what_was_before(&place).await?;
        Ok(proved)
    }

    async fn put_back(&self, backup: &Backup) -> Result<(), CallServerError> {
        let place = self.load_place(backup);
        if self.take_from_place(&place).await? { self.run_load_commands(backup, &place).await } else { Ok(()) }
    }

    async fn put_away(&self, others: &[Backup], backup: &Backup) -> Result<(), CallServerError> {
        let place = self.load_place(backup);
        let others: BTreeSet<String> = others.iter().map(|other| self.load_place(other)).collect();
        for other in others.iter().filter(|other| **other != place) {
            self.clear_place(other).await?;
        }
        Ok(())
    }
}

/// A command of a profile.
fn command(run: &[String], as_root: bool, timeout: Duration) -> Command {
    let command = Command::new(run.iter().cloned()).within(timeout);
    if as_root { command } else { command.as_user() }
}

fn placeholders<'a>(backup: &'a Backup, place: &'a str) -> Placeholders<'a> {
    Placeholders { id: &backup.id, version: backup.version.as_deref().unwrap_or_default(), place }
}

fn not_understood(server: ServerId, what: &'static str, because: impl Into<String>) -> CallServerError {
    CallServerError::NotUnderstood { server, what, because: because.into() }
}

/// A field of the first row.
fn first_value<'a>(site: Site, what: &'static str, rows: &'a [Row], field: &str) -> Result<&'a str, CallServerError> {
    let value = rows.first().and_then(|row| row.get(field)).filter(|value| !value.is_empty());
    value
        .map(String::as_str)
        .ok_or_else(|| not_understood(ServerId::first_of(site), what, "it is not in what the command printed"))
}

/// LIM numbers and their addresses; a LIM that is listed twice or not at all is a listing that was not understood.
fn server_list(rows: &[Row]) -> Result<ServerList, String> {
    let mut list = ServerList::new();
    for row in rows {
        let field = |name: &str| row.get(name).map_or("", String::as_str);
        let lim: LimNumber = field("lim").parse().map_err(|error: crate::domain::site::SiteError| error.to_string())?;
        let (address, _) = parse_bare(field("address")).map_err(|error| format!("LIM {lim}: {error}"))?;
        if list.insert(lim, address).is_some() {
            return Err(format!("LIM {lim} is listed twice"));
        }
    }
    if list.contains_key(&LimNumber::FIRST) { Ok(list) } else { Err("LIM 1 is not listed".to_owned()) }
}

/// `gateways: identity 1A, type MGU2`. Addresses are left out: they differ between the sites.
fn topology_line(name: &str, row: &Row) -> String {
    let values = row.iter().filter(|(_, value)| !value.is_empty() && parse_bare(value).is_err());
    let shown: Vec<String> = values.map(|(field, value)| format!("{field} {value}")).collect();
    format!("{name}: {}", shown.join(", "))
}

/// The sum of the rows' `calls`; `None` when no row tells.
fn sum(rows: &[Row]) -> Result<Option<u64>, String> {
    let told: Vec<&String> = rows.iter().filter_map(|row| row.get("calls")).filter(|calls| !calls.is_empty()).collect();
    let numbers = told.iter().map(|calls| calls.parse::<u64>().map_err(|_| format!("\"{calls}\" is no number")));
    let numbers = numbers.collect::<Result<Vec<u64>, String>>()?;
    Ok((!numbers.is_empty()).then(|| numbers.iter().fold(0_u64, |sum, calls| sum.saturating_add(*calls))))
}
