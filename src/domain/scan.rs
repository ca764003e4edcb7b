//! Every address of a mirror, with where it occurs and whose it is.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::platform::AddressPlace;

mod field;
mod lines;
mod surveyor;
mod token;
mod window;

pub use field::{FieldFinder, Whose};
pub use lines::LineCounter;
pub use surveyor::Surveyor;
pub use token::{Meaning, Token};
pub use window::Window;

/// Places listed for one address: enough for a person to see what it is for.
pub const OCCURRENCES_LISTED: usize = 20;

/// Different addresses listed; the exchange data of a system of 124 servers has some thousands. Beyond it a scan only
/// counts, so that hostile data cannot fill the memory.
pub const ADDRESSES_LISTED: usize = 100_000;

/// The addresses that belong to the primary: its servers, and the networks its servers stand in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnNetworks(pub Vec<IpNet>);

impl OwnNetworks {
    /// Whether an address is one of the primary's servers or lies in one of their networks.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether a whole network lies in one of the primary's.
    #[must_use]
    pub fn covers(&self, network: IpNet) -> bool {
        self.0.iter().any(|own| own.contains(&network))
    }

    /// Whether an address is one of the primary's servers itself.
    #[must_use]
    pub fn is_server(&self, address: IpAddr) -> bool {
        self.0.iter().any(|own| own.prefix_len() == own.max_prefix_len() && own.addr() == address)
    }
}

/// The first place whose pattern matches a file of a backup; `None` for a file that is copied as it is.
#[must_use]
pub fn place_of<'p>(places: &'p [AddressPlace], file: &str) -> Option<&'p AddressPlace> {
    places.iter().find(|place| place.files.is_match(file))
}

/// Whose an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The primary's: the alternate cannot use it, so it must be translated.
    Own,
    /// Somebody else's: it may be translated.
    Foreign,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "own",
            Self::Foreign => "foreign",
        })
    }
}

/// One place in exchange data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Occurrence {
    /// The file, as the manifest names it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The field, where the file has fields with names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        match &self.field {
            Some(field) => write!(f, " ({field})"),
            None => Ok(()),
        }
    }
}

/// What was found of one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Whose it is; own when any of its places says so.
    pub class: Class,
    /// How often it occurs.
    pub total: u64,
    /// The first [`OCCURRENCES_LISTED`] places, in the order of files and lines.
    pub occurrences: Vec<Occurrence>,
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scan {
    /// The primary's servers and networks that were known at the scan.
    pub own: OwnNetworks,
    /// Addresses in fields that hold addresses.
    pub addresses: BTreeMap<IpAddr, Found>,
    /// Networks (addresses with a length and no host part) in such fields.
    pub networks: BTreeMap<IpNet, Found>,
    /// Addresses of the primary's servers in fields and files that the profile does not list: they are not
    /// translated, and a person should know.
    pub elsewhere: BTreeMap<IpAddr, Found>,
    /// Occurrences of addresses beyond [`ADDRESSES_LISTED`].
    pub unlisted: u64,
}

impl Scan {
    /// An empty scan that knows the primary's addresses.
    #[must_use]
    pub fn of(own: &OwnNetworks) -> Self {
        Self { own: own.clone(), ..Self::default() }
    }

    /// The addresses that are the primary's, and so must be translated.
    pub fn own_addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses.iter().filter(|(_, found)| found.class == Class::Own).map(|(address, _)| *address)
    }

    /// The addresses that are others', and so may be translated.
    pub fn foreign_addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses.iter().filter(|(_, found)| found.class == Class::Foreign).map(|(address, _)| *address)
    }

    /// Adds what was found in other files.
    pub fn merge(&mut self, other: Self) {
        self.unlisted += other.unlisted;
        for (address, found) in other.addresses {
            self.unlisted += merge_into(&mut self.addresses, address, found);
        }
        for (network, found) in other.networks {
            self.unlisted += merge_into(&mut self.networks, network, found);
        }
        for (address, found) in other.elsewhere {
            self.unlisted += merge_into(&mut self.elsewhere, address, found);
        }
    }
}

/// Adds a finding to a map; how many occurrences were not listed because the map is full.
fn merge_into<K: Ord>(map: &mut BTreeMap<K, Found>, key: K, found: Found) -> u64 {
    let full = map.len() >= ADDRESSES_LISTED;
    match map.entry(key) {
        Entry::Occupied(mut there) => {
            let there = there.get_mut();
            there.class = there.class.min(found.class);
            there.total += found.total;
            there.occurrences.extend(found.occurrences);
            there.occurrences.sort();
            there.occurrences.truncate(OCCURRENCES_LISTED);
            0
        }
        Entry::Vacant(_) if full => found.total,
        Entry::Vacant(free) => {
            free.insert(found);
            0
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
