//! One rule of a translation table: a host or a network of the primary, and what it is at the alternate.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;

/// One rule: `192.0.2.10 -> 198.51.100.10`, or `192.0.2.0/24 -> 198.51.100.0/24`, which keeps the host part.
///
/// Both sides are of one family and one prefix length; a host is a network of full length. A rule that maps an
/// address to itself says that it is kept on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TranslationEntry {
    primary: IpNet,
    alternate: IpNet,
}

impl TranslationEntry {
    /// A rule for one address.
    ///
    /// # Errors
    /// [`TranslationError`] when the two are not of one family, or one of them means no host.
    pub fn host(primary: IpAddr, alternate: IpAddr) -> Result<Self, TranslationError> {
        Self::network(IpNet::from(primary), IpNet::from(alternate))
    }

    /// A rule for a network.
    ///
    /// # Errors
    /// [`TranslationError`] when the two are not of one family and length, have host bits, or mean no hosts.
    pub fn network(primary: IpNet, alternate: IpNet) -> Result<Self, TranslationError> {
        for side in [primary, alternate] {
            if side != side.trunc() {
                return Err(TranslationError::HostBits { written: side, network: side.trunc() });
            }
            if !is_translatable(side.addr()) {
                return Err(TranslationError::NeverTranslated(side.addr()));
            }
        }
        if primary.addr().is_ipv4() != alternate.addr().is_ipv4() {
            return Err(TranslationError::MixedFamilies(primary, alternate));
        }
        if primary.prefix_len() != alternate.prefix_len() {
            return Err(TranslationError::LengthsDiffer(primary, alternate));
        }
        Ok(Self { primary, alternate })
    }

    /// What is translated; a host as a network of full length.
    #[must_use]
    pub const fn primary(&self) -> IpNet {
        self.primary
    }

    /// What it becomes.
    #[must_use]
    pub const fn alternate(&self) -> IpNet {
        self.alternate
    }

    /// Whether it speaks of one address.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.primary.prefix_len() == self.primary.max_prefix_len()
    }

    /// Whether it says that an address or network is kept.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.primary == self.alternate
    }

    /// What an address of the left side becomes: the network of the right side with the same host part.
    #[must_use]
    pub fn apply(&self, address: IpAddr) -> IpAddr {
        match (address, self.alternate) {
            (IpAddr::V4(address), IpNet::V4(network)) => {
                let host = u32::from(address) & u32::from(network.hostmask());
                IpAddr::V4((u32::from(network.network()) | host).into())
            }
            (IpAddr::V6(address), IpNet::V6(network)) => {
                let host = u128::from(address) & u128::from(network.hostmask());
                IpAddr::V6((u128::from(network.network()) | host).into())
            }
            (IpAddr::V4(_), IpNet::V6(_)) | (IpAddr::V6(_), IpNet::V4(_)) => address,
        }
    }
}

impl fmt::Display for TranslationEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", side_text(self.primary), side_text(self.alternate))
    }
}

impl FromStr for TranslationEntry {
    type Err = TranslationError;

    fn from_str(text: &str) -> Result<Self, TranslationError> {
        let (primary, alternate) =
            text.split_once("->").ok_or_else(|| TranslationError::NotAnEntry(text.to_owned()))?;
        Self::network(parse_side(primary)?, parse_side(alternate)?)
    }
}

/// Writes one side of a rule: an address, or a network with its length.
#[must_use]
pub fn side_text(side: IpNet) -> String {
    if side.prefix_len() == side.max_prefix_len() { side.addr().to_string() } else { side.to_string() }
}

/// Reads one side of a rule: an address, or a network with its length.
///
/// # Errors
/// [`TranslationError`] when it is neither, also for numbers with leading zeros, which some read as octal.
pub fn parse_side(text: &str) -> Result<IpNet, TranslationError> {
    let text = text.trim();
    let refused = || TranslationError::NotAnAddress(text.to_owned());
    let (address, len) = match text.split_once('/') {
        Some((address, len)) => (address, Some(len)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| refused())?;
    match len {
        None => Ok(IpNet::from(address)),
        Some(len)
            if !len.is_empty()
                && len.bytes().all(|b| b.is_ascii_digit())
                && !(len.len() > 1 && len.starts_with('0')) =>
        {
            let len = len.parse().map_err(|_| refused())?;
            IpNet::new(address, len).map_err(|_| refused())
        }
        Some(_) => Err(refused()),
    }
}

/// Whether an address means one host that could stand elsewhere at the other site.
///
/// Never: `0.0.0.0` (virtual extensions use it on purpose) and all of 0/8, loopback, link-local, multicast, broadcast
/// and all of 240/4 (netmasks look like addresses there); of IPv6 only global unicast, unique local and NAT64
/// addresses count (RFC 4291, 4193, 6052), so that eight-byte hardware addresses are none.
#[must_use]
pub fn is_translatable(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let first = v4.octets()[0];
            !(first == 0 || first >= 224 || v4.is_loopback() || v4.is_link_local())
        }
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            matches!(segments[0], 0x2000..=0x3fff | 0xfc00..=0xfdff) || segments[..2] == [0x64, 0xff9b]
        }
    }
}

/// Why a text is no rule of a translation table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TranslationError {
    /// No arrow.
    #[error("\"{0}\" is not a translation; it looks like \"192.0.2.10 -> 198.51.100.10\"")]
    NotAnEntry(String),
    /// Neither address nor network.
    #[error("\"{0}\" is neither an IP address nor a network")]
    NotAnAddress(String),
    /// IPv4 on one side, IPv6 on the other.
    #[error("{0} and {1} are not both IPv4 or both IPv6")]
    MixedFamilies(IpNet, IpNet),
    /// A host on one side and a network on the other, or networks of different size.
    #[error("{0} and {1} do not have the same prefix length")]
    LengthsDiffer(IpNet, IpNet),
    /// A network with a host part.
    #[error("{written} has a host part; the network is {network}")]
    HostBits {
        /// As it was written.
        written: IpNet,
        /// Without the host part.
        network: IpNet,
    },
    /// An address that means no host.
    #[error("{0} is never translated: it does not name one host or network of a site")]
    NeverTranslated(IpAddr),
}
