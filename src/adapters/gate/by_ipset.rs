//! The gate as a set of ipset and chains of iptables, each worked on by a process of its own: 2 ms for a renewal.
//!
//! `iptables -F` by another program takes the jumps away and lets telephony pass: it is seen when the gate is next
//! looked at, and the gate is made anew then. A table of nft is touched by no iptables, which is why it comes first.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::way::{Read, Way, works};
use crate::domain::traffic::{Block, Family, Found, GateChains, RIGHT_SETS, RightSet};
use crate::ports::gate::GateError;
use crate::ports::host::{COMMAND_TIMEOUT, Command, Host, HostError, Output, printable};

/// How long a process may take: a hundred times what it takes, and short enough that a close is still in time.
const ENDS_WITHIN: Duration = Duration::from_millis(400);

/// How ipset says that a set is not there.
const ABSENT: &str = "does not exist";

/// A set for a trial, made and taken out again, and a rule that asks it, which is only read.
const TRIAL: [(&str, &str, &str); 2] =
    [("iptables-restore", "inet", "MXONE_REDUNDANCY_TRY_4"), ("ip6tables-restore", "inet6", "MXONE_REDUNDANCY_TRY_6")];

/// See the module.
pub(super) struct ByIpset {
    host: Arc<dyn Host>,
    chains: GateChains,
}

impl ByIpset {
    pub(super) fn new(host: Arc<dyn Host>, chains: GateChains) -> Self {
        Self { host, chains }
    }

    fn server(&self) -> Server<'_> {
        Server { host: &*self.host, within: ENDS_WITHIN }
    }

    fn wanted(&self) -> [Found; 2] {
        Family::BOTH.map(|family| self.chains.in_force(family))
    }
}

#[async_trait]
impl Way for ByIpset {
    async fn start(&mut self) -> Result<(), GateError> {
        Ok(())
    }

    fn written(&self, right: Duration) -> Option<Duration> {
        RightSet::written(right)
    }

    async fn load(&mut self, right: Option<Duration>) -> Result<(), GateError> {
        // The sets first: no rule may ask one that is not there.
        let mut lines = RightSet::make();
        lines.extend(right.and_then(RightSet::prolong));
        let server = self.server();
        done(&server.ipset(lines).await?)?;
        server.lead(&server.found().await?, &self.wanted()).await
    }

    async fn prolong(&mut self, right: Duration) -> Result<bool, GateError> {
        let lines = RightSet::prolong(right).ok_or(GateError::TooLate)?;
        done(&self.server().ipset(lines).await?)
    }

    async fn close(&mut self) -> Result<(), GateError> {
        done(&self.server().ipset(RightSet::close()).await?).map(drop)
    }

    async fn read(&mut self) -> Result<Option<Read>, GateError> {
        let server = self.server();
        let (found, sets) = tokio::try_join!(server.found(), server.sets())?;
        let entries = match sets {
            None if found.iter().all(Found::is_empty) => return Ok(None),
            None => return Ok(Some(Read { whole: false, closed: false, ends: false })),
            Some(entries) => entries,
        };
        let whole = found.iter().zip(&self.wanted()).all(|(found, wanted)| found.becoming(wanted).is_none());
        Ok(Some(Read { whole, closed: entries.is_empty(), ends: !entries.contains(&0) }))
    }

    async fn delete(&mut self) -> Result<(), GateError> {
        self.server().clear().await
    }
}

/// Whether every right of the gate with ipset has ended; `None` where its sets are not there.
///
/// # Errors
/// [`GateError`] when that cannot be told.
pub async fn is_ipset_gate_closed(host: &dyn Host) -> Result<Option<bool>, GateError> {
    let sets = Server { host, within: COMMAND_TIMEOUT }.sets().await?;
    Ok(sets.map(|entries| entries.is_empty()))
}

/// Takes the gate with ipset out of a server, as far as it is there.
///
/// # Errors
/// [`GateError`] when some of it is still there.
pub async fn remove_ipset_gate(host: &dyn Host) -> Result<(), GateError> {
    Server { host, within: COMMAND_TIMEOUT }.clear().await
}

/// Whether a server has the sets of a gate. Where there is no ipset there are none.
pub(super) async fn is_there(host: &dyn Host) -> Result<bool, HostError> {
    let list = host.run(Command::new(["ipset", "list", "-n"])).await;
    match list {
        Ok(output) => {
            let text = output.text();
            Ok(output.success() && text.lines().any(|line| RIGHT_SETS.iter().any(|set| set.name() == line.trim())))
        }
        Err(HostError::NotStarted { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Tries whether this kernel has such sets, and iptables can ask them; if not, why.
pub(super) async fn tried(host: &dyn Host) -> Result<Result<(), String>, HostError> {
    let mut outcome = Ok(());
    for (restore, family, set) in TRIAL {
        let make = Command::new(["ipset", "-exist", "create", set, "hash:net", "family", family, "timeout", "1"]);
        let rule = format!("*filter\n-A INPUT -m set --match-set {set} src -j RETURN\nCOMMIT\n");
        let read = Command::new([restore, "--noflush", "--test"]).with_input(rule);
        for command in [make, read] {
            if outcome.is_ok() {
                outcome = works(host, command).await?;
            }
        }
        // Where it was not made there is nothing to take out.
        let _ = works(host, Command::new(["ipset", "destroy", set])).await?;
    }
    Ok(outcome)
}

/// A server, and how long a process there may take.
#[derive(Clone, Copy)]
struct Server<'a> {
    host: &'a dyn Host,
    within: Duration,
}

impl Server<'_> {
    /// The chains of the gate in both families.
    async fn found(&self) -> Result<[Found; 2], GateError> {
        let one = async |save: &str| {
            let output = self.ran(Command::new([save, "-t", "filter"])).await?;
            if !output.success() {
                return Err(other(&output.complaint()));
            }
            Found::parse_of(Block::Gate, &output.text()).map_err(|error| other(&error.to_string()))
        };
        let (v4, v6) = tokio::try_join!(one("iptables-save"), one("ip6tables-save"))?;
        Ok([v4, v6])
    }

    /// Leads the chains of both families from what was found to what is wanted, each all at once.
    async fn lead(&self, found: &[Found; 2], wanted: &[Found; 2]) -> Result<(), GateError> {
        let one = async |restore: &str, text: Option<String>| {
            let Some(text) = text else { return Ok(()) };
            let output = self.ran(Command::new([restore, "--noflush", "-w", "1"]).with_input(text)).await?;
            if output.success() { Ok(()) } else { Err(other(&output.complaint())) }
        };
        let [v4, v6] = found;
        let [wanted_v4, wanted_v6] = wanted;
        let (v4, v6) = (v4.becoming(wanted_v4), v6.becoming(wanted_v6));
        tokio::try_join!(one("iptables-restore", v4), one("ip6tables-restore", v6)).map(drop)
    }

    /// What is left of the entries of both sets; `None` where one is not there, or not as we make it.
    async fn sets(&self) -> Result<Option<Vec<u64>>, GateError> {
        let one = async |set: RightSet| {
            let output = self.ran(Command::new(["ipset", "save", set.name()])).await?;
            if output.success() {
                return Ok(set.entries(&output.text()));
            }
            let complaint = output.complaint();
            if complaint.contains(ABSENT) { Ok(None) } else { Err(other(&complaint)) }
        };
        let [v4, v6] = RIGHT_SETS;
        let (v4, v6) = tokio::try_join!(one(v4), one(v6))?;
        Ok(v4.zip(v6).map(|(v4, v6)| [v4, v6].concat()))
    }

    /// Takes chains and sets out. A set that a rule asks cannot be taken out, so they go last.
    async fn clear(&self) -> Result<(), GateError> {
        let nothing = Family::BOTH.map(|_| Found::nothing_of(Block::Gate));
        self.lead(&self.found().await?, &nothing).await?;
        if is_there(self.host).await? {
            for line in RightSet::destroy().lines() {
                done(&self.ipset(line.to_owned()).await?)?;
            }
        }
        Ok(())
    }

    async fn ipset(&self, lines: String) -> Result<Output, GateError> {
        self.ran(Command::new(["ipset", "restore"]).with_input(lines)).await
    }

    async fn ran(&self, command: Command) -> Result<Output, GateError> {
        self.host.run(command.within(self.within)).await.map_err(|error| {
            if matches!(error, HostError::NotStarted { .. }) {
                return GateError::Host(error);
            }
            // What it was told may have been done, and at any moment until it ended.
            other(&error.to_string())
        })
    }
}

/// Whether what lines name was there; where it was, they are done.
fn done(output: &Output) -> Result<bool, GateError> {
    if output.success() {
        return Ok(true);
    }
    let complaint = output.complaint();
    if complaint.contains(ABSENT) { Ok(false) } else { Err(other(&complaint)) }
}

/// Some of what was to be done may be done.
fn other(because: &str) -> GateError {
    GateError::Io(io::Error::other(printable(because)))
}
