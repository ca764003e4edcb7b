//! Primary addresses to alternate addresses.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::scan::Scan;

mod entry;
mod lookup;
mod preview;
mod problem;
mod rewriter;

pub use entry::{TranslationEntry, TranslationError, is_translatable, parse_side, side_text};
pub use lookup::Lookup;
pub use preview::{Change, Preview, Previewer};
pub use problem::{Severity, TranslationProblem};
pub use rewriter::Rewriter;

/// Which primary address becomes which alternate address: single hosts and whole networks, the longest match counts.
///
/// Rules are never chained: what a rule produces is not looked up again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TranslationTable {
    rules: BTreeMap<IpNet, IpNet>,
}

impl TranslationTable {
    /// Puts a rule in, in place of the one for the same host or network, which is returned.
    pub fn set(&mut self, entry: TranslationEntry) -> Option<TranslationEntry> {
        let before = self.rules.insert(entry.primary(), entry.alternate());
        before.and_then(|alternate| TranslationEntry::network(entry.primary(), alternate).ok())
    }

    /// Takes the rule for a host (a network of full length) or network out, and returns it.
    pub fn remove(&mut self, primary: IpNet) -> Option<TranslationEntry> {
        let alternate = self.rules.remove(&primary)?;
        TranslationEntry::network(primary, alternate).ok()
    }

    /// The rules, in the order of their left sides, IPv4 first.
    pub fn entries(&self) -> impl Iterator<Item = TranslationEntry> + '_ {
        self.rules.iter().filter_map(|(primary, alternate)| TranslationEntry::network(*primary, *alternate).ok())
    }

    /// A number that tells this table from another one, the same in every version of the program.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        // FNV-1a, 64 bits (draft-eastlake-fnv): nobody gains by making two tables look alike.
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let lines = self.rules.iter().map(|(primary, alternate)| format!("{primary} -> {alternate}\n"));
        let add = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(PRIME);
        lines.fold(OFFSET, |sum, line| line.bytes().fold(sum, add))
    }

    /// The rule for exactly this host (a network of full length) or network.
    #[must_use]
    pub fn entry(&self, primary: IpNet) -> Option<TranslationEntry> {
        let alternate = self.rules.get(&primary)?;
        TranslationEntry::network(primary, *alternate).ok()
    }

    /// The longest rule that covers all of a network; a host is one of full length.
    ///
    /// Goes backwards from rule to rule. Rules stand in the order of their addresses, so one that covers the network
    /// stands before it, and covers whatever stands between: what the last looked at has in common with the network
    /// is the longest that can still come.
    #[must_use]
    pub fn rule_for(&self, network: IpNet) -> Option<TranslationEntry> {
        let network = network.trunc();
        let mut longest = network;
        loop {
            let (primary, alternate) = self.rules.range(..=longest).next_back()?;
            if primary.contains(&network) {
                return TranslationEntry::network(*primary, *alternate).ok();
            }
            longest = in_common(*primary, network)?;
        }
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What an address becomes; `None` when no rule covers it. A kept address becomes itself.
    #[must_use]
    pub fn translate(&self, address: IpAddr) -> Option<IpAddr> {
        self.translate_network(IpNet::from(address.to_canonical()))
    }

    /// The network address that a network becomes by a rule that covers all of it; a host is one of full length.
    #[must_use]
    pub fn translate_network(&self, network: IpNet) -> Option<IpAddr> {
        self.rule_for(network).map(|entry| entry.apply(network.addr()))
    }

    /// Which rule speaks of an address, and what it becomes.
    #[must_use]
    pub fn explain(&self, address: IpAddr) -> Explanation {
        let address = address.to_canonical();
        if !is_translatable(address) {
            return Explanation::Never { address };
        }
        match self.rule_for(IpNet::from(address)) {
            None => Explanation::NoRule { address },
            Some(rule) if rule.keeps() => Explanation::Kept { address, rule },
            Some(rule) => Explanation::Becomes { address, becomes: rule.apply(address), rule },
        }
    }

    /// What is wrong with the table for scanned data, the worst first.
    #[must_use]
    pub fn problems(&self, scan: &Scan) -> Vec<TranslationProblem> {
        problem::judge(self, scan, &[])
    }

    /// The same, with warnings for own addresses that would leave the alternate's networks.
    #[must_use]
    pub fn problems_within(&self, scan: &Scan, alternate: &[IpNet]) -> Vec<TranslationProblem> {
        problem::judge(self, scan, alternate)
    }

    /// Whether the table can be used for scanned data: none of its problems is a [`Severity::Must`].
    #[must_use]
    pub fn is_complete_for(&self, scan: &Scan) -> bool {
        self.problems(scan).iter().all(|problem| problem.severity() != Severity::Must)
    }
}

impl FromIterator<TranslationEntry> for TranslationTable {
    fn from_iter<I: IntoIterator<Item = TranslationEntry>>(entries: I) -> Self {
        Self { rules: entries.into_iter().map(|entry| (entry.primary(), entry.alternate())).collect() }
    }
}

/// The longest network that holds the addresses of both; `None` for two families.
fn in_common(one: IpNet, other: IpNet) -> Option<IpNet> {
    let bits = match (one.addr(), other.addr()) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u32::from(one) ^ u32::from(other)).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (u128::from(one) ^ u128::from(other)).leading_zeros(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    };
    let network = IpNet::new(other.addr(), u8::try_from(bits).ok()?).ok()?;
    Some(network.trunc())
}

/// What the table says about one address, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explanation {
    /// No rule speaks of it: it stays as it is.
    NoRule {
        /// The address.
        address: IpAddr,
    },
    /// It names no host of a site, so it is neither listed nor translated.
    Never {
        /// The address.
        address: IpAddr,
    },
    /// A rule says that it stays as it is.
    Kept {
        /// The address.
        address: IpAddr,
        /// The rule.
        rule: TranslationEntry,
    },
    /// A rule translates it.
    Becomes {
        /// The address.
        address: IpAddr,
        /// The rule.
        rule: TranslationEntry,
        /// What it becomes.
        becomes: IpAddr,
    },
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRule { address } => write!(f, "{address} stays: no rule covers it"),
            Self::Never { address } => write!(f, "{address} stays: it does not name one host of a site"),
            Self::Kept { address, rule } => write!(f, "{address} stays by the rule {rule}"),
            Self::Becomes { address, rule, becomes } => write!(f, "{address} becomes {becomes} by the rule {rule}"),
        }
    }
}

/// What translating a mirror did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Translated {
    /// Files written.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Addresses that became another one.
    pub replaced: u64,
}

impl Translated {
    /// Adds what was done to other files.
    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.replaced += other.replaced;
    }
}

#[cfg(test)]
mod tests;
