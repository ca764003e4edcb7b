//! What the editor knows besides the table: the scanned data, made ready for listing and searching.

use ipnet::IpNet;

use super::Given;
use super::row::Kind;
use crate::domain::scan::{Class, Found, Scan};
use crate::ports::host::printable;

/// The scanned data, which does not change while the editor is open.
pub(super) struct Knowledge {
    pub(super) scan: Scan,
    /// Whether there was a mirror to scan; if not, [`Self::scan`] is empty.
    pub(super) scanned: bool,
    pub(super) alternate: Vec<IpNet>,
    pub(super) mirror: Option<String>,
    /// What the scan lists, in the order of addresses.
    pub(super) places: Vec<Place>,
}

/// One address or network of the scan.
pub(super) struct Place {
    pub(super) primary: IpNet,
    pub(super) kind: Kind,
    /// How often it occurs.
    pub(super) total: u64,
    /// Files and fields in small letters, each once, for the search.
    words: String,
}

impl Knowledge {
    pub(super) fn new(given: Given) -> Self {
        let scanned = given.scan.is_some();
        let scan = given.scan.unwrap_or_default();
        let listed = scan.addresses.iter().map(|(address, found)| (IpNet::from(*address), kind_of(found.class), found));
        let networks = scan.networks.iter().map(|(network, found)| (*network, kind_of(found.class), found));
        let elsewhere = scan.elsewhere.iter().map(|(address, found)| (IpNet::from(*address), Kind::Elsewhere, found));
        let mut places: Vec<Place> = listed
            .chain(networks)
            .chain(elsewhere)
            .map(|(primary, kind, found)| Place::new(primary, kind, found))
            .collect();
        places.sort_by_key(|place| (place.primary, place.kind));
        let mirror = given.mirror.map(|mirror| printable(&mirror));
        Self { scan, scanned, alternate: given.alternate, mirror, places }
    }

    /// Whether addresses of the primary occur in a network.
    pub(super) fn has_own_in(&self, network: IpNet) -> bool {
        let mut within = self.scan.addresses.range(network.network()..=network.broadcast());
        within.any(|(_, found)| found.class == Class::Own)
    }

    /// What was found of an address or network.
    pub(super) fn found(&self, primary: IpNet, kind: Kind) -> Option<&Found> {
        match kind {
            Kind::Elsewhere => self.scan.elsewhere.get(&primary.addr()),
            Kind::Own | Kind::Foreign if is_host(primary) => self.scan.addresses.get(&primary.addr()),
            Kind::Own | Kind::Foreign => self.scan.networks.get(&primary),
            Kind::Rule | Kind::Entry => None,
        }
    }
}

impl Place {
    fn new(primary: IpNet, kind: Kind, found: &Found) -> Self {
        let mut words: Vec<String> = Vec::new();
        for occurrence in &found.occurrences {
            for word in [Some(&occurrence.file), occurrence.field.as_ref()].into_iter().flatten() {
                let word = word.to_lowercase();
                if !words.contains(&word) {
                    words.push(word);
                }
            }
        }
        Self { primary, kind, total: found.total, words: words.join("\n") }
    }

    /// Whether a file or field has a text, given in small letters.
    pub(super) fn has(&self, find: &str) -> bool {
        self.words.contains(find)
    }
}

/// Whether a network is one address.
pub(super) fn is_host(network: IpNet) -> bool {
    network.prefix_len() == network.max_prefix_len()
}

const fn kind_of(class: Class) -> Kind {
    match class {
        Class::Own => Kind::Own,
        Class::Foreign => Kind::Foreign,
    }
}
