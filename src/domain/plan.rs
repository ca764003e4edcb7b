//! The typed, ordered list of changes an action makes.
//!
//! What `--dry-run` prints, what is confirmed, what the journal records and what is carried out are the same value.
//! Every step can be begun again after it was cut off, so a plan is resumed by carrying it out from its first step.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::backup::{Backup, GenerationName};
use super::site::{LimNumber, Order, ServerId, Site};

/// An action that changes something; its words are the menu's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Set the pair up.
    #[serde(rename = "configure")]
    Configure,
    /// Take the pair apart.
    #[serde(rename = "remove")]
    Remove,
    /// Make the alternate active.
    #[serde(rename = "manual-takeover traffic-in-alternate")]
    TrafficInAlternate,
    /// Make the primary active.
    #[serde(rename = "manual-takeover traffic-in-primary")]
    TrafficInPrimary,
    /// Copy the primary's current backup and load it.
    #[serde(rename = "data copy")]
    DataCopy,
    /// Load a mirror.
    #[serde(rename = "data mirrors load")]
    MirrorLoad,
    /// Load the mirror before the loaded one.
    #[serde(rename = "data mirrors roll-back")]
    MirrorRollBack,
    /// Change settings.
    #[serde(rename = "settings")]
    Settings,
    /// An order to the voters of automatic takeover.
    #[serde(rename = "lease")]
    Lease,
    /// Bring servers back to the order in force, as the monitor does.
    #[serde(rename = "monitor")]
    Monitor,
    /// Block this server by hand.
    #[serde(rename = "more_configuration iptables add")]
    IptablesAdd,
    /// Allow this server by hand.
    #[serde(rename = "more_configuration iptables remove")]
    IptablesRemove,
    /// Take everything of ours off this server.
    #[serde(rename = "uninstall")]
    Uninstall,
}

impl Action {
    /// The action that makes `site` active.
    #[must_use]
    pub const fn takeover_to(site: Site) -> Self {
        match site {
            Site::Primary => Self::TrafficInPrimary,
            Site::Alternate => Self::TrafficInAlternate,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configure => "configure",
            Self::Remove => "remove",
            Self::TrafficInAlternate => "manual-takeover traffic-in-alternate",
            Self::TrafficInPrimary => "manual-takeover traffic-in-primary",
            Self::DataCopy => "data copy",
            Self::MirrorLoad => "data mirrors load",
            Self::MirrorRollBack => "data mirrors roll-back",
            Self::Settings => "settings",
            Self::Lease => "lease",
            Self::Monitor => "monitor",
            Self::IptablesAdd => "more_configuration iptables add",
            Self::IptablesRemove => "more_configuration iptables remove",
            Self::Uninstall => "uninstall",
        })
    }
}

/// The changes of one action, in their order, and how they are taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The action.
    pub action: Action,
    /// What is done, one after another.
    pub steps: Vec<Step>,
    /// What is done instead from the first failure on, or by `--abandon`.
    pub way_back: Vec<Step>,
    /// What the person should know before confirming.
    pub warnings: Vec<String>,
}

/// One change; servers named in one step are worked on at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Cut servers off from terminals, trunks and applications, and read their rules back.
    Block {
        /// The servers.
        servers: BTreeSet<ServerId>,
    },
    /// Prove by reading the rules again, and by a call server that no longer answers, that servers are cut off.
    ConfirmBlocked {
        /// The servers.
        servers: BTreeSet<ServerId>,
    },
    /// Write down which site is meant to be active.
    Order {
        /// The servers that are told.
        servers: BTreeSet<ServerId>,
        /// The order.
        order: Order,
    },
    /// Let terminals, trunks and applications reach servers.
    Allow {
        /// The servers.
        servers: BTreeSet<ServerId>,
    },
    /// Prove by reading the rules back, and by a call server that answers, that servers can be reached.
    ConfirmAllowed {
        /// The servers.
        servers: BTreeSet<ServerId>,
    },
    /// Forget the established flows of servers that were cut off.
    CutEstablished {
        /// The servers.
        servers: BTreeSet<ServerId>,
    },
    /// Install the boot guard, so that servers boot blocked.
    InstallGuard {
        /// The servers.
        servers: BTreeSet<ServerId>,
    },
    /// Take the boot guard out.
    RemoveGuard {
        /// The servers.
        servers: BTreeSet<ServerId>,
    },
    /// Take the order off servers.
    ForgetOrder {
        /// The servers.
        servers: BTreeSet<ServerId>,
    },
    /// Keep the mirror that was fetched into the scratch folder.
    KeepMirror {
        /// The mirror.
        mirror: GenerationName,
    },
    /// Write the configuration that was checked.
    SaveConfiguration,
    /// Take the configuration away.
    RemoveConfiguration,
    /// Copy a backup and verify it.
    Copy {
        /// The backup.
        backup: Backup,
    },
    /// Translate a mirror, restore it into the alternate, reload it and prove it.
    Load {
        /// The mirror; `None` is the one that a copy step of the same plan makes.
        mirror: Option<GenerationName>,
    },
    /// Load the mirror that was loaded before, if there was one; else put back what lay there.
    LoadFormer {
        /// The mirror loaded before.
        mirror: Option<GenerationName>,
    },
    /// Throw away the oldest mirrors.
    Prune,
    /// Throw away what an unfinished copy left.
    DiscardIncoming,
    /// Throw away a mirror.
    DropMirror {
        /// The mirror.
        mirror: GenerationName,
    },
    /// Set the three voters of automatic takeover up. What they need is not kept, so it is not resumed, only taken back.
    SetUpVoters {
        /// Who has the third vote.
        third: String,
        /// The order that the servers keep then: its site is live, and the voters go on from its epoch.
        #[serde(flatten)]
        order: Order,
    },
    /// Take the voters of automatic takeover out, and their gates.
    TakeOutVoters,
    /// Have the voters of automatic takeover make a site live.
    HandOver {
        /// The site.
        to: Site,
        /// A person vouches that the other site is not live, so the promises are not waited for.
        vouched: bool,
    },
}

impl Step {
    /// How long the step is expected to take; from measurements in a lab, for a person who waits.
    #[must_use]
    pub const fn expected(&self) -> Duration {
        match self {
            Self::Block { .. } | Self::Allow { .. } | Self::ConfirmBlocked { .. } | Self::ConfirmAllowed { .. } => {
                Duration::from_millis(100)
            }
            Self::Order { .. } | Self::ForgetOrder { .. } | Self::CutEstablished { .. } => Duration::from_millis(50),
            Self::InstallGuard { .. } | Self::RemoveGuard { .. } => Duration::from_millis(300),
            Self::KeepMirror { .. }
            | Self::SaveConfiguration
            | Self::RemoveConfiguration
            | Self::Prune
            | Self::DiscardIncoming
            | Self::DropMirror { .. } => Duration::from_millis(20),
            Self::HandOver { .. } => Duration::from_secs(2),
            Self::SetUpVoters { .. } | Self::TakeOutVoters => Duration::from_secs(5),
            Self::Copy { .. } => Duration::from_secs(60),
            Self::Load { .. } | Self::LoadFormer { .. } => Duration::from_secs(300),
        }
    }

    /// The short name, as the journal and `--json` write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Block { .. } => "block",
            Self::ConfirmBlocked { .. } => "confirm-blocked",
            Self::Order { .. } => "order",
            Self::Allow { .. } => "allow",
            Self::ConfirmAllowed { .. } => "confirm-allowed",
            Self::CutEstablished { .. } => "cut-established",
            Self::InstallGuard { .. } => "install-guard",
            Self::RemoveGuard { .. } => "remove-guard",
            Self::ForgetOrder { .. } => "forget-order",
            Self::KeepMirror { .. } => "keep-mirror",
            Self::SaveConfiguration => "save-configuration",
            Self::RemoveConfiguration => "remove-configuration",
            Self::Copy { .. } => "copy",
            Self::Load { .. } => "load",
            Self::LoadFormer { .. } => "load-former",
            Self::Prune => "prune",
            Self::DiscardIncoming => "discard-incoming",
            Self::DropMirror { .. } => "drop-mirror",
            Self::SetUpVoters { .. } => "set-up-voters",
            Self::TakeOutVoters => "take-out-voters",
            Self::HandOver { .. } => "hand-over",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block { servers } => write!(f, "block {}", Servers(servers)),
            Self::ConfirmBlocked { servers } => write!(f, "prove that {} cannot be reached", Servers(servers)),
            Self::Order { servers, order } => write!(f, "order: {order}; told to {}", Servers(servers)),
            Self::Allow { servers } => write!(f, "allow {}", Servers(servers)),
            Self::ConfirmAllowed { servers } => write!(f, "prove that {} can be reached", Servers(servers)),
            Self::CutEstablished { servers } => write!(f, "forget established flows of {}", Servers(servers)),
            Self::InstallGuard { servers } => write!(f, "install the boot guard on {}", Servers(servers)),
            Self::RemoveGuard { servers } => write!(f, "take the boot guard off {}", Servers(servers)),
            Self::ForgetOrder { servers } => write!(f, "take the order off {}", Servers(servers)),
            Self::KeepMirror { mirror } => write!(f, "keep mirror {mirror}"),
            Self::SaveConfiguration => f.write_str("write the configuration"),
            Self::RemoveConfiguration => f.write_str("take the configuration away"),
            Self::Copy { backup } => write!(f, "copy backup {} from the primary and verify it", backup.id),
            Self::Load { mirror: Some(mirror) } => write!(f, "load mirror {mirror} into the alternate and prove it"),
            Self::Load { mirror: None } => f.write_str("load the new mirror into the alternate and prove it"),
            Self::LoadFormer { mirror: Some(mirror) } => write!(f, "load mirror {mirror} again"),
            Self::LoadFormer { mirror: None } => f.write_str("put back what the load replaced"),
            Self::Prune => f.write_str("throw away the oldest mirrors beyond three"),
            Self::DiscardIncoming => f.write_str("throw away what the copy left behind"),
            Self::DropMirror { mirror } => write!(f, "throw away mirror {mirror}"),
            Self::SetUpVoters { third, .. } => {
                write!(f, "put a monitor on LIM 1 of the primary, and have both monitors vote with {third}")
            }
            Self::TakeOutVoters => f.write_str("take the voters and their gates out"),
            Self::HandOver { to, vouched: false } => {
                write!(f, "have the monitors hand over to the {to} system: blocked first, then live by two promises")
            }
            Self::HandOver { to, vouched: true } => {
                write!(f, "have the {to} system's monitor go live without two promises, as a person vouches for it")
            }
        }
    }
}

/// Servers as a person writes them: `primary LIM 1-4, 7`.
pub struct Servers<'a>(pub &'a BTreeSet<ServerId>);

impl fmt::Display for Servers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "";
        for site in Site::BOTH {
            let lims: Vec<LimNumber> = self.0.iter().filter(|id| id.site == site).map(|id| id.lim).collect();
            if !lims.is_empty() {
                write!(f, "{before}{site} LIM {}", runs(&lims))?;
                before = " and ";
            }
        }
        if before.is_empty() { f.write_str("no server") } else { Ok(()) }
    }
}

/// Sorted numbers with runs of them joined: `1-4, 7`.
#[must_use]
pub fn runs(lims: &[LimNumber]) -> String {
    let mut parts: Vec<(u8, u8)> = Vec::new();
    for lim in lims.iter().map(|lim| lim.get()) {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == lim => *last = lim,
            Some(_) | None => parts.push((lim, lim)),
        }
    }
    let texts: Vec<String> = parts
        .into_iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_by_site_with_runs_joined() {
        let ids = ["primary/1", "primary/2", "primary/3", "primary/7", "alternate/1"];
        let servers: BTreeSet<ServerId> = ids.iter().map(|id| id.parse().unwrap()).collect();
        assert_eq!(Servers(&servers).to_string(), "primary LIM 1-3, 7 and alternate LIM 1");
    }

    #[test]
    fn a_plan_reads_back_from_the_journal_as_it_was_written() {
        let servers: BTreeSet<ServerId> = [ServerId::first_of(Site::Primary)].into();
        let plan = Plan {
            action: Action::TrafficInAlternate,
            steps: vec![Step::Block { servers }, Step::Load { mirror: None }, Step::Prune],
            way_back: vec![Step::DiscardIncoming],
            warnings: vec!["one".into()],
        };
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }
}
