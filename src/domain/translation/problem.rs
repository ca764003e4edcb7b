//! What is wrong with a translation table for the data that was scanned.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::{TranslationTable, side_text};
use crate::domain::scan::{Class, Scan};

/// Something that is, or may be, wrong with a translation table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum TranslationProblem {
    /// An address of the primary that no rule covers.
    OwnUnmapped {
        /// The address, or network.
        address: IpNet,
        /// Where it occurs first, `file:line`.
        at: String,
    },
    /// An address of the primary that a rule keeps: the alternate would use the primary's address.
    OwnKept {
        /// The address, or network.
        address: IpNet,
    },
    /// An address that becomes an address of the primary.
    Chain {
        /// The address.
        address: IpAddr,
        /// What it becomes.
        becomes: IpAddr,
    },
    /// Two addresses that become one.
    TwoToOne {
        /// One of them.
        first: IpAddr,
        /// The other.
        second: IpAddr,
        /// What both become.
        becomes: IpAddr,
        /// Whether one of the two belongs to the primary and both are changed. Where one stays as it is, the data
        /// may speak of the alternate on purpose, as a route between the two systems does.
        own: bool,
    },
    /// More addresses than a scan lists, so that nobody can say whether all own ones are mapped.
    TooMany {
        /// Occurrences of addresses that are not listed.
        unlisted: u64,
    },
    /// An own address that becomes one outside the alternate's networks.
    OutsideAlternate {
        /// The address.
        address: IpAddr,
        /// What it becomes.
        becomes: IpAddr,
    },
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The table cannot be used for this data.
    Must,
    /// A person should look at it.
    Warning,
}

impl TranslationProblem {
    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::OwnUnmapped { .. }
            | Self::OwnKept { .. }
            | Self::Chain { .. }
            | Self::TooMany { .. }
            | Self::TwoToOne { own: true, .. } => Severity::Must,
            Self::TwoToOne { own: false, .. } | Self::OutsideAlternate { .. } => Severity::Warning,
        }
    }
}

impl fmt::Display for TranslationProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnUnmapped { address, at } => {
                write!(f, "{} belongs to the primary and has no translation (found at {at})", side_text(*address))
            }
            Self::OwnKept { address } => {
                write!(f, "{} belongs to the primary and must not be kept", side_text(*address))
            }
            Self::Chain { address, becomes } => {
                write!(f, "{address} would become {becomes}, which belongs to the primary")
            }
            Self::TooMany { unlisted } => {
                write!(f, "the data has more addresses than can be listed; {unlisted} occurrences were not judged")
            }
            Self::TwoToOne { first, second, becomes, .. } => write!(f, "{first} and {second} would both be {becomes}"),
            Self::OutsideAlternate { address, becomes } => {
                write!(f, "{address} would become {becomes}, which is in none of the alternate's networks")
            }
        }
    }
}

/// Judges a table for scanned data; `alternate` are the alternate's networks, none when they are not known.
pub(super) fn judge(table: &TranslationTable, scan: &Scan, alternate: &[IpNet]) -> Vec<TranslationProblem> {
    let own = own_addresses(scan);
    let of_primary: BTreeSet<IpAddr> = own.iter().copied().chain(servers(scan)).collect();
    let mut problems = unmapped(table, scan);
    // What every address that occurs, and every host of the table, will be; an address without a rule stays.
    let mut becomes: BTreeMap<IpAddr, IpAddr> = BTreeMap::new();
    let hosts = table.entries().filter(super::TranslationEntry::is_host).map(|entry| entry.primary().addr());
    for address in scan.addresses.keys().copied().chain(hosts) {
        becomes.insert(address, table.translate(address).unwrap_or(address));
    }
    let mut taken: BTreeMap<IpAddr, IpAddr> = BTreeMap::new();
    for (&address, &target) in &becomes {
        if address != target {
            if of_primary.contains(&target) {
                problems.push(TranslationProblem::Chain { address, becomes: target });
            }
            let outside = !alternate.is_empty() && !alternate.iter().any(|network| network.contains(&target));
            if own.contains(&address) && outside {
                problems.push(TranslationProblem::OutsideAlternate { address, becomes: target });
            }
        }
        if let Some(&first) = taken.get(&target) {
            let own = (own.contains(&first) || own.contains(&address)) && first != target && address != target;
            problems.push(TranslationProblem::TwoToOne { first, second: address, becomes: target, own });
        } else {
            taken.insert(target, address);
        }
    }
    if scan.unlisted > 0 {
        problems.push(TranslationProblem::TooMany { unlisted: scan.unlisted });
    }
    problems.sort_by_key(TranslationProblem::severity);
    problems
}

/// Own addresses and networks that have no rule, or are kept.
fn unmapped(table: &TranslationTable, scan: &Scan) -> Vec<TranslationProblem> {
    let addresses = scan.addresses.iter().map(|(address, found)| (IpNet::from(*address), found));
    let networks = scan.networks.iter().map(|(network, found)| (*network, found));
    let mut problems = Vec::new();
    for (address, found) in addresses.chain(networks).filter(|(_, found)| found.class == Class::Own) {
        match table.translate_network(address) {
            None => {
                let at = found.occurrences.first().map(ToString::to_string).unwrap_or_default();
                problems.push(TranslationProblem::OwnUnmapped { address, at });
            }
            Some(target) if target == address.addr() => problems.push(TranslationProblem::OwnKept { address }),
            Some(_) => {}
        }
    }
    problems
}

fn own_addresses(scan: &Scan) -> BTreeSet<IpAddr> {
    scan.addresses.iter().filter(|(_, found)| found.class == Class::Own).map(|(address, _)| *address).collect()
}

/// The primary's servers, also where the data does not speak of them.
fn servers(scan: &Scan) -> impl Iterator<Item = IpAddr> + '_ {
    scan.own.0.iter().filter(|own| own.prefix_len() == own.max_prefix_len()).map(IpNet::addr)
}
