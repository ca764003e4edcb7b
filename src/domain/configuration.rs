//! The checked settings of a pair of systems.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::address::HostKey;
use super::lease::Limits;
use super::platform::Platform;
use super::schedule::AutoCopy;
use super::service_address::ServiceAddress;
use super::site::{LimNumber, ServerId, Site};
use super::traffic::TurnAway;
use super::translation::TranslationTable;

/// What the redundancy feature was configured with; `config.yaml` and `translation.yaml` hold it.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// The servers of both systems and how to get at them.
    pub membership: Membership,
    /// Addresses that prove that a site reaches the users' network.
    pub network_control_address: Vec<IpAddr>,
    /// Addresses that move with the live site, for sites in one network.
    pub service_address: Vec<ServiceAddress>,
    /// Whether each direction of takeover is manual or automatic.
    pub takeover: TakeoverSettings,
    /// What a server does at boot when nobody can be asked.
    pub boot: BootPolicy,
    /// The daily copy, if it is set up.
    pub auto_copy: Option<AutoCopy>,
    /// Limits of the copy.
    pub copy: CopyLimits,
    /// LIMs, gateways, media servers and clusters of the primary when it was configured, one line each.
    pub topology: BTreeSet<String>,
    /// Primary address to alternate address.
    pub translation: TranslationTable,
}

/// The servers of both systems, how to get at them, and what they run.
#[derive(Debug, Clone, PartialEq)]
pub struct Membership {
    /// What the systems run.
    pub platform: Platform,
    /// How to log in.
    pub ssh: SshAccess,
    /// Every server of both systems; always holds LIM 1 of each.
    pub servers: BTreeMap<ServerId, ServerCard>,
    /// Addresses that are never blocked beside the servers: control addresses, a witness, a management station.
    pub never_block: BTreeSet<IpAddr>,
    /// How telephony packets are turned away.
    pub turn_away: TurnAway,
}

impl Membership {
    /// The servers of one site, by their numbers.
    pub fn of_site(&self, site: Site) -> impl Iterator<Item = ServerId> + '_ {
        self.servers.keys().copied().filter(move |server| server.site == site)
    }
}

/// How a server is reached and known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerCard {
    /// Its address.
    pub address: IpAddr,
    /// Its pinned host key; `None` only for this machine itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<HostKey>,
}

/// How to log in to the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAccess {
    /// The user, on every server.
    pub user: String,
    /// The port, on every server.
    pub port: u16,
    /// A private key file; without one the agent is asked.
    pub identity: Option<PathBuf>,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long logging in may take.
    pub authenticate_timeout: Duration,
}

impl Default for SshAccess {
    fn default() -> Self {
        Self {
            user: "mxone_admin".to_owned(),
            port: 22,
            identity: None,
            connect_timeout: Duration::from_secs(5),
            authenticate_timeout: Duration::from_secs(5),
        }
    }
}

/// One direction of takeover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The alternate takes over at a failure of the primary.
    AlternateFromPrimary,
    /// The primary takes over again at its recovery.
    PrimaryFromAlternate,
}

/// Whether a direction of takeover waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A person decides.
    #[default]
    Manual,
    /// The monitors decide, once voters are set up.
    Automatic,
}

/// The mode of each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TakeoverSettings {
    /// At a failure of the primary.
    pub alternate_from_primary: Mode,
    /// At its recovery.
    pub primary_from_alternate: Mode,
    /// What both go by.
    #[serde(default, skip_serializing_if = "Limits::are_usual")]
    pub limits: Limits,
}

impl TakeoverSettings {
    /// Whether any direction is automatic: a site may then be armed.
    #[must_use]
    pub fn is_any_automatic(&self) -> bool {
        [self.alternate_from_primary, self.primary_from_alternate].contains(&Mode::Automatic)
    }
}

/// A server that waits longer than a day for its peer has been forgotten.
pub const LONGEST_GRACE: Duration = Duration::from_secs(24 * 3600);

/// What a server that booted blocked does while nobody can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootPolicy {
    /// Stay blocked, or open.
    pub without_peer: WithoutPeer,
    /// How long to wait for the peer before opening.
    pub grace: Duration,
}

impl Default for BootPolicy {
    fn default() -> Self {
        Self { without_peer: WithoutPeer::StayBlocked, grace: Duration::from_secs(120) }
    }
}

/// The two answers to "and if nobody can be asked?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutPeer {
    /// Never two sites live, at the price of perhaps none.
    StayBlocked,
    /// Never none live, at the price of perhaps two.
    Open,
}

/// Limits of the copy of exchange data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopyLimits {
    /// Bytes a second at most; `None` is as fast as it goes.
    pub bytes_per_second: Option<u64>,
}

/// LIM number and address pairs as a platform or a person lists them.
pub type ServerList = BTreeMap<LimNumber, IpAddr>;
