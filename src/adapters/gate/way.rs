//! The two ways to keep a gate in a server's kernel, and which of them works there.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::by_ipset::{self, ByIpset};
use super::by_nft::ByNft;
use super::nft::{Asked, ask_nft};
use crate::domain::traffic::{GateRules, GateTable};
use crate::ports::gate::GateError;
use crate::ports::host::{Command, Host, HostError};

/// How a gate is kept in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateForm {
    /// A table of nft: rights to the millisecond.
    Nft,
    /// A set of ipset and chains of iptables: rights in whole seconds.
    Ipset,
}

impl fmt::Display for GateForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nft => "nft",
            Self::Ipset => "ipset with iptables",
        })
    }
}

/// What is done with a gate, whatever it is made of.
#[async_trait]
pub(super) trait Way: Send {
    /// Makes ready what takes longer than a write: it is not to be counted as one.
    async fn start(&mut self) -> Result<(), GateError>;

    /// How long the right lasts once it is written; `None` where that is too little to be written.
    fn written(&self, right: Duration) -> Option<Duration>;

    /// Makes the gate, whole, in place of whatever is there, and open for `right` if any is given.
    async fn load(&mut self, right: Option<Duration>) -> Result<(), GateError>;

    /// Makes the right of a gate that is there end after so long; whether it is there.
    async fn prolong(&mut self, right: Duration) -> Result<bool, GateError>;

    /// Ends every right, if there are any.
    async fn close(&mut self) -> Result<(), GateError>;

    /// What is there; `None` where nothing is.
    async fn read(&mut self) -> Result<Option<Read>, GateError>;

    /// Takes all of it out.
    async fn delete(&mut self) -> Result<(), GateError>;
}

/// A gate as it was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    /// Its rules are ours, where they ought to be.
    pub(super) whole: bool,
    /// Telephony passes in no family.
    pub(super) closed: bool,
    /// Every right of it ends by itself.
    pub(super) ends: bool,
}

/// The form that works on a server. A gate that is there is gone on with, or it would stay: with ipset unless there is
/// a table of nft as well.
///
/// An nft that is there and fails is no reason for ipset: its table may be there, and nobody would open it any more.
///
/// # Errors
/// [`GateError`] when neither works, or the server cannot be asked.
pub async fn form_of(host: &dyn Host) -> Result<GateForm, GateError> {
    let (tables, is_ipset_there) = tokio::try_join!(ask_nft(host, "list tables"), by_ipset::is_there(host))?;
    let nft = match tables {
        Asked::Done(tables) if is_ipset_there && !has_ours(&tables) => return Ok(GateForm::Ipset),
        Asked::Done(_) => return Ok(GateForm::Nft),
        Asked::Failed(because) => return Err(GateError::Refused(format!("nft: {because}"))),
        Asked::Absent | Asked::NoNft(_) if is_ipset_there => return Ok(GateForm::Ipset),
        Asked::Absent => "it knows no tables".to_owned(),
        Asked::NoNft(because) => because,
    };
    match by_ipset::tried(host).await? {
        Ok(()) => Ok(GateForm::Ipset),
        Err(ipset) => Err(GateError::Refused(format!("nft: {nft}; ipset with iptables: {ipset}"))),
    }
}

fn has_ours(tables: &str) -> bool {
    tables.lines().any(|line| GateTable::LIST.strip_prefix("list ") == Some(line.trim()))
}

pub(super) async fn chosen(host: &Arc<dyn Host>, rules: &GateRules) -> Result<Box<dyn Way>, GateError> {
    Ok(match form_of(host.as_ref()).await? {
        GateForm::Nft => {
            // It was made while there was no nft, and would stay closed.
            if by_ipset::is_there(host.as_ref()).await? {
                by_ipset::remove_ipset_gate(host.as_ref()).await?;
            }
            Box::new(ByNft::new(Arc::clone(host), rules.table.clone()))
        }
        GateForm::Ipset => Box::new(ByIpset::new(Arc::clone(host), rules.chains.clone())),
    })
}

/// Whether a program is there and does this; if not, why.
pub(super) async fn works(host: &dyn Host, command: Command) -> Result<Result<(), String>, HostError> {
    match host.run(command).await {
        Ok(output) if output.success() => Ok(Ok(())),
        Ok(output) => Ok(Err(output.complaint())),
        Err(error @ HostError::NotStarted { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}
