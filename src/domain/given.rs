//! What was given to an action beforehand, by flags or an answers file.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use super::address::HostKey;
use super::configuration::{CopyLimits, ServerList};
use super::traffic::TurnAway;
use super::translation::TranslationTable;

/// Answers given beforehand. What is not given is asked, where somebody is there to be asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// Answers of one word or line, by the key of their question.
    pub words: BTreeMap<String, String>,
    /// The user to log in as, on every server.
    pub ssh_user: Option<String>,
    /// The SSH port of every server.
    pub ssh_port: Option<u16>,
    /// A private key file.
    pub ssh_identity: Option<PathBuf>,
    /// Host keys that are right, by address.
    pub host_keys: BTreeMap<IpAddr, HostKey>,
    /// The host key of the primary's LIM 1, whatever its address.
    pub primary_host_key: Option<HostKey>,
    /// The primary's servers, where the platform does not tell them.
    pub primary_servers: ServerList,
    /// The alternate's servers, where the platform does not tell them.
    pub alternate_servers: ServerList,
    /// Translations.
    pub translation: TranslationTable,
    /// Addresses that are never blocked.
    pub never_block: BTreeSet<IpAddr>,
    /// Reject or drop.
    pub turn_away: TurnAway,
    /// Limits of the copy.
    pub copy: CopyLimits,
    /// The UDP port of the two monitors.
    pub lease_port: Option<u16>,
}
