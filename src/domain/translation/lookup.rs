//! A translation table made ready for the pass over exchange data: a lookup takes the same time with 10 or 10,000 rules.

use std::net::IpAddr;

use ipnet::IpNet;
use rustc_hash::FxHashMap;

use super::{TranslationEntry, TranslationTable};

/// Rules by prefix length, the longest first, each length a map from network to network.
#[derive(Debug, Default)]
pub struct Lookup {
    v4: Vec<(u32, FxHashMap<u32, u32>)>,
    v6: Vec<(u128, FxHashMap<u128, u128>)>,
}

impl Lookup {
    /// Makes a table ready.
    #[must_use]
    pub fn new(table: &TranslationTable) -> Self {
        let mut lookup = Self::default();
        let mut entries: Vec<TranslationEntry> = table.entries().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.primary().prefix_len()));
        for entry in entries {
            match (entry.primary(), entry.alternate()) {
                (IpNet::V4(from), IpNet::V4(to)) => {
                    let mask = u32::from(from.netmask());
                    insert(&mut lookup.v4, mask, from.network().into(), to.network().into());
                }
                (IpNet::V6(from), IpNet::V6(to)) => {
                    let mask = u128::from(from.netmask());
                    insert(&mut lookup.v6, mask, from.network().into(), to.network().into());
                }
                // An entry cannot be made with two families.
                (IpNet::V4(_), IpNet::V6(_)) | (IpNet::V6(_), IpNet::V4(_)) => {}
            }
        }
        lookup
    }

    /// Whether there are no rules at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// What an address becomes by the longest rule that covers it; `None` when none does.
    #[must_use]
    pub fn address(&self, address: IpAddr) -> Option<IpAddr> {
        match address {
            IpAddr::V4(v4) => find(&self.v4, v4.into(), u32::MAX).map(|v4| IpAddr::V4(v4.into())),
            IpAddr::V6(v6) => find(&self.v6, v6.into(), u128::MAX).map(|v6| IpAddr::V6(v6.into())),
        }
    }

    /// What a network becomes by the longest rule that covers all of it; `None` when none does.
    #[must_use]
    pub fn network(&self, network: IpNet) -> Option<IpAddr> {
        match network {
            IpNet::V4(v4) => find(&self.v4, v4.network().into(), v4.netmask().into()).map(|v4| IpAddr::V4(v4.into())),
            IpNet::V6(v6) => find(&self.v6, v6.network().into(), v6.netmask().into()).map(|v6| IpAddr::V6(v6.into())),
        }
    }
}

fn insert<N: Copy + Eq + std::hash::Hash>(lengths: &mut Vec<(N, FxHashMap<N, N>)>, mask: N, from: N, to: N) {
    match lengths.last_mut() {
        Some((last, rules)) if *last == mask => {
            rules.insert(from, to);
        }
        Some(_) | None => lengths.push((mask, FxHashMap::from_iter([(from, to)]))),
    }
}

/// Looks through the lengths, the longest first; masks longer than `widest` do not cover the whole network asked for.
fn find<N>(lengths: &[(N, FxHashMap<N, N>)], asked: N, widest: N) -> Option<N>
where
    N: Copy
        + Eq
        + Ord
        + std::hash::Hash
        + std::ops::BitAnd<Output = N>
        + std::ops::BitOr<Output = N>
        + std::ops::Not<Output = N>,
{
    lengths
        .iter()
        .filter(|(mask, _)| *mask <= widest)
        .find_map(|(mask, rules)| rules.get(&(asked & *mask)).map(|to| *to | (asked & !*mask)))
}
