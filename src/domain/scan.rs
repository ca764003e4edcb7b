//! Every address of a mirror, with where it occurs and whose it is.

use ipnet::IpNet;

/// The addresses that belong to the primary: its servers, and the networks its servers stand in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnNetworks(pub Vec<IpNet>);

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {}
