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
use crate::domain::site::Order;

/// What is wished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Who has the third vote.
    pub third: Third,
    /// The UDP port of the two monitors.
    pub port: u16,
    /// The times of the lease.
    pub timing: Timing,
}

/// Who has the third vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Third {
    /// A witness.
    Witness {
        /// Where it listens.
        address: SocketAddr,
        /// Where its file is written.
        file: PathBuf,
    },
    /// An etcd cluster.
    Etcd(EtcdWish),
    /// The control addresses stand in for one: a weaker promise.
    ControlAddress,
}

impl fmt::Display for Third {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Witness { address, .. } => write!(f, "the witness at {address}"),
            Self::Etcd(etcd) => {
                let members: Vec<String> = etcd.endpoints.iter().map(ToString::to_string).collect();
                write!(f, "the etcd cluster at {}", members.join(", "))
            }
            Self::ControlAddress => f.write_str("the control addresses instead of a witness"),
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
    /// The certificate that the monitors show, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The user that they log in as.
    pub user: Option<String>,
    /// The first line of this file is that user's password; without it a variable of the environment is.
    pub password_file: Option<PathBuf>,
}

/// Where the password of etcd's user may stand; the words of a command are seen by everybody on the machine.
pub const ETCD_PASSWORD: &str = "MXONE_REDUNDANCY_ETCD_PASSWORD";

/// Sets voters up, from LIM 1 of the alternate.
#[async_trait]
pub trait VoterSetup: Send + Sync {
    /// Whether voters are set up here.
    fn is_set_up(&self) -> bool;

    /// What is wrong with the file of the voter here, a line each; nothing where there is none.
    fn problems(&self) -> Vec<String>;

    /// Whether what is wished can be set up: nothing is changed.
    ///
    /// # Errors
    /// [`SetupError::Unfit`] with what is missing and where.
    async fn check(&self, configuration: &Configuration, hosts: &dyn Hosts, wish: &Wish) -> Result<(), SetupError>;

    /// Installs program, files and unit on LIM 1 of the primary, writes the witness's file, and the own one last. The
    /// voters go on from `order`, which the servers keep.
    /// What was done and what a person has to do still, a line each.
    ///
    /// # Errors
    /// [`SetupError`]; what was written on the primary is then taken away again as far as it can be.
    async fn set_up(
        &self,
        settings: (&Configuration, &Material),
        hosts: &dyn Hosts,
        order: Order,
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
    /// Something that was not given.
    #[error("{0}")]
    Missing(String),
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
