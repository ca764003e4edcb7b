//! What is asked of, and done with, the telephony software of a site.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, FixedOffset};
use thiserror::Error;

use crate::domain::backup::Backup;
use crate::domain::configuration::ServerList;
use crate::domain::site::{ServerId, Site};
use crate::ports::host::HostError;

/// The telephony software of both sites.
#[async_trait]
pub trait CallServer: Send + Sync {
    /// The site's master IP address; `None` where the platform has no command for it.
    ///
    /// # Errors
    /// [`CallServerError`] when LIM 1 cannot be asked or its answer cannot be understood.
    async fn master_address(&self, site: Site) -> Result<Option<IpAddr>, CallServerError>;

    /// The system version, as text; `None` where the platform has no command for it.
    ///
    /// # Errors
    /// As [`CallServer::master_address`].
    async fn version(&self, site: Site) -> Result<Option<String>, CallServerError>;

    /// The site's servers; `None` where the platform has no command for it.
    ///
    /// # Errors
    /// As [`CallServer::master_address`].
    async fn servers(&self, site: Site) -> Result<Option<ServerList>, CallServerError>;

    /// LIM numbers, gateways, media servers and clusters, one line each, without addresses.
    ///
    /// # Errors
    /// As [`CallServer::master_address`].
    async fn topology(&self, site: Site) -> Result<BTreeSet<String>, CallServerError>;

    /// The current backup; `None` when there is none.
    ///
    /// # Errors
    /// As [`CallServer::master_address`].
    async fn current_backup(&self, site: Site) -> Result<Option<Backup>, CallServerError>;

    /// Whether the newest backup is complete, LIM 1 runs on its regular server, every cluster falls back
    /// automatically; `None` where the platform has no command for it.
    ///
    /// # Errors
    /// As [`CallServer::master_address`].
    async fn holds(&self, site: Site, condition: Condition) -> Result<Option<bool>, CallServerError>;

    /// Calls that are up and terminals that are registered, where the platform tells.
    ///
    /// # Errors
    /// As [`CallServer::master_address`].
    async fn load_now(&self, site: Site) -> Result<Usage, CallServerError>;

    /// The alarms that the system itself has raised, and none where the platform does not tell of any; `None` when it
    /// does not tell now.
    ///
    /// # Errors
    /// As [`CallServer::master_address`].
    async fn alarms(&self, site: Site) -> Result<Option<Vec<RawAlarm>>, CallServerError>;

    /// What a server's hardware offers.
    ///
    /// # Errors
    /// As [`CallServer::master_address`].
    async fn capacity(&self, server: ServerId) -> Result<Capacity, CallServerError>;

    /// The server's clock minus ours.
    ///
    /// # Errors
    /// As [`CallServer::master_address`].
    async fn clock_difference(&self, server: ServerId) -> Result<chrono::Duration, CallServerError>;

    /// Whether an address answers a ping sent by LIM 1 of the site.
    ///
    /// # Errors
    /// As [`CallServer::master_address`].
    async fn reaches(&self, site: Site, address: IpAddr) -> Result<bool, CallServerError>;

    /// Whether the server's packet filter commands of both families can be used; what is wrong if not.
    ///
    /// # Errors
    /// As [`CallServer::master_address`].
    async fn filter_usable(&self, server: ServerId) -> Result<Result<(), String>, CallServerError>;

    /// Asks LIM 1 of a site for SIP OPTIONS from this machine, along the path that the block rules treat as a
    /// terminal's; `None` where the platform is not probed.
    async fn answers(&self, server: ServerId, within: Duration) -> Option<Answer>;

    /// Puts the translated files of a backup, which lie in the folder `from` of the alternate's LIM 1, in their place
    /// there, restores them, reloads the system and proves it. What lay in that place is kept for
    /// [`CallServer::put_back`].
    ///
    /// # Errors
    /// [`CallServerError`] when a command fails or the proof is missing. The caller then loads the generation before.
    async fn load(&self, backup: &Backup, from: &Path) -> Result<Proved, CallServerError>;

    /// Puts back what the first load of `backup` replaced and reloads it; where nothing lay there, takes away what
    /// was put there.
    ///
    /// # Errors
    /// [`CallServerError`] when a command fails.
    async fn put_back(&self, backup: &Backup) -> Result<(), CallServerError>;

    /// Takes away what loads of `others` put in their places, where these are not the place of `backup` as well.
    ///
    /// Some software restores the newest backup that lies there, whichever is meant; so a newer one must not lie there
    /// while an older one is loaded.
    ///
    /// # Errors
    /// [`CallServerError`] when a command fails.
    async fn put_away(&self, others: &[Backup], backup: &Backup) -> Result<(), CallServerError>;
}

/// Conditions a platform can be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The newest backup is complete.
    BackupComplete,
    /// LIM 1 runs on its regular server, not on a standby.
    RegularServer,
    /// Every cluster falls back automatically.
    AutomaticFallback,
    /// The telephony software is well, by the platform's own word.
    Healthy,
}

/// An alarm as the system tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RawAlarm {
    /// What it says.
    pub text: String,
    /// On which server, where it tells.
    pub lim: String,
    /// How bad it is, in the system's own words.
    pub severity: String,
}

/// How a call server met a SIP OPTIONS request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// With a SIP response of this status.
    Answered(u16),
    /// Not at all, or its packet filter turned the request away.
    Silent,
}

/// What a system is doing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Calls that are up.
    pub calls: Option<u64>,
    /// Registered terminals.
    pub registrations: Option<u64>,
}

/// What a server's hardware offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Processors.
    pub cores: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of the file system that holds `/var`.
    pub disk: u64,
}

/// A load that was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// What proves it, in a line.
    pub by: String,
    /// When.
    pub at: DateTime<FixedOffset>,
}

/// Why the telephony software could not be asked, or did not do it.
#[derive(Debug, Error)]
pub enum CallServerError {
    /// The server could not be asked, or a command failed.
    #[error("{what} of {server} cannot be told")]
    Host {
        /// The server asked.
        server: ServerId,
        /// The fact, as a noun.
        what: &'static str,
        /// What happened.
        #[source]
        source: HostError,
    },
    /// The answer cannot be understood.
    #[error("{what} of {server} cannot be understood: {because}")]
    NotUnderstood {
        /// The server asked.
        server: ServerId,
        /// The fact, as a noun.
        what: &'static str,
        /// What is wrong with it.
        because: String,
    },
    /// A command of the load failed.
    #[error("{command} failed: {because}")]
    LoadFailed {
        /// The command.
        command: String,
        /// What it said.
        because: String,
    },
    /// The load ran, but what would prove it is not there.
    #[error("the load is not proved: {0}")]
    NotProved(String),
}
