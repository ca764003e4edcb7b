//! Setting the three voters of automatic takeover up, and taking them out again.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use thiserror::Error;

use super::host::HostError;
use super::systems::Hosts;
use crate::domain::configuration::Configuration;
use crate::domain::journal::Material;
use crate::domain::lease::{Endpoint, Timing};
use crate::domain::site::Site;

/// What is wished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The witness and where its file is written; `None`: the control addresses stand in for it.
    pub witness: Option<(SocketAddr, PathBuf)>,
    /// The etcd cluster that is the witness instead.
    pub etcd: Option<EtcdWish>,
    /// The UDP port of the two monitors.
    pub port: u16,
    /// The times of the lease.
    pub timing: Timing,
}

impl Wish {
    /// Who has the third vote, in a word for the history.
    #[must_use]
    pub fn third(&self) -> String {
        match (&self.etcd, &self.witness) {
            (Some(etcd), _) => {
                let members: Vec<String> = etcd.endpoints.iter().map(ToString::to_string).collect();
                format!("etcd {}", members.join(","))
            }
            (None, Some((address, _))) => address.to_string(),
            (None, None) => "control addresses".to_owned(),
        }
    }
}

/// An etcd cluster as the witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdWish {
    /// Its members.
    pub endpoints: Vec<Endpoint>,
    /// What its certificates are proved by, if not by what the machines trust anyway.
    pub ca: Option<PathBuf>,
    /// The certificate that the monitors show.
    pub cert: Option<PathBuf>,
    /// The key of that certificate.
    pub key: Option<PathBuf>,
    /// The user that they log in as.
    pub login: Option<EtcdLogin>,
}

/// A user of etcd.
#[derive(Clone, PartialEq, Eq)]
pub struct EtcdLogin {
    /// The name.
    pub user: String,
    /// The password, which is never shown.
    pub password: String,
}

impl fmt::Debug for EtcdLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdLogin").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Sets voters up, from LIM 1 of the alternate.
#[async_trait]
pub trait VoterSetup: Send + Sync {
    /// Whether voters are set up here.
    fn is_set_up(&self) -> bool;

    /// What [`VoterSetup::set_up`] would do, a line each.
    fn would_set_up(&self, wish: &Wish) -> Vec<String>;

    /// Installs program, files and unit on LIM 1 of the primary, writes the witness's file, and the own one last.
    /// What was done and what a person has to do still, a line each.
    ///
    /// # Errors
    /// [`SetupError`]; what was written on the primary is then taken away again as far as it can be.
    async fn set_up(
        &self,
        settings: (&Configuration, &Material),
        hosts: &dyn Hosts,
        active: Site,
        wish: &Wish,
    ) -> Result<Vec<String>, SetupError>;

    /// Takes files and unit off both sites. What was done, a line each.
    ///
    /// # Errors
    /// [`SetupError`] when the own files cannot be removed; a primary that does not answer is only told.
    async fn take_out(&self, hosts: &dyn Hosts) -> Result<Vec<String>, SetupError>;
}

/// Why voters could not be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// LIM 1 of the primary could not be worked on.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A file that was named.
    #[error("{file} cannot be read")]
    Unread {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of this machine.
    #[error("{file} cannot be written")]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The primary cannot run this program.
    #[error("{0}")]
    Unfit(String),
}
