//! A service address: an IP address that moves with the live site, for sites in one network.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::address::names_one_host;

/// The kernel looks for addresses whose life is over four times a second, so that one may live so much too long; a
/// right is written as so much less.
const LATE: Duration = Duration::from_millis(300);

/// After the site became live, and after the other site is heard again, the address is announced at these times: a
/// switch may still be learning, and a broadcast may be lost.
pub const ANNOUNCED_AFTER: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10)];

/// An address with the length of its network, and where LIM 1 of the live site holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAddress {
    /// The address, `192.0.2.50/24`.
    pub address: IpNet,
    /// The network interface, the same at both sites.
    pub interface: Interface,
}

impl ServiceAddress {
    /// The address without the length.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.address.addr()
    }

    /// What is wrong with it, where these addresses are in use otherwise.
    #[must_use]
    pub fn fault(&self, mut in_use: impl Iterator<Item = IpAddr>) -> Option<String> {
        let ip = self.ip();
        if !names_one_host(ip) || self.address.prefix_len() == 0 {
            return Some(format!("{} is not the address of one host with the length of its network", self.address));
        }
        in_use.any(|other| other == ip).then(|| {
            format!("{ip} is the address of a server or a network control address; a service address is one that no machine has")
        })
    }
}

impl fmt::Display for ServiceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.address, self.interface)
    }
}

/// The name of a network interface, as Linux allows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interface(String);

impl Interface {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Interface {
    type Err = InterfaceError;

    fn from_str(text: &str) -> Result<Self, InterfaceError> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
        let is_name = (1..=15).contains(&text.len()) && text.bytes().all(known) && !text.starts_with(['-', '.']);
        if is_name { Ok(Self(text.to_owned())) } else { Err(InterfaceError(text.to_owned())) }
    }
}

impl TryFrom<String> for Interface {
    type Error = InterfaceError;

    fn try_from(text: String) -> Result<Self, InterfaceError> {
        text.parse()
    }
}

impl From<Interface> for String {
    fn from(interface: Interface) -> Self {
        interface.0
    }
}

/// A text that is no name of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{0}\" is not the name of a network interface")]
pub struct InterfaceError(String);

/// How long a kernel keeps an address if nobody says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// So many seconds; never 0.
    Seconds(u64),
    /// For ever: the gates are not armed.
    ForEver,
}

impl Lifetime {
    /// What is left of a right, in whole seconds and less by what the kernel is late; `None` where that is nothing.
    #[must_use]
    pub const fn of(right: Duration) -> Option<Self> {
        match right.saturating_sub(LATE).as_secs() {
            0 => None,
            seconds => Some(Self::Seconds(seconds)),
        }
    }
}

/// As `ip address` reads it.
impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds}"),
            Self::ForEver => f.write_str("forever"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lives_for_less_than_the_right_also_when_the_kernel_is_late() {
        let of = |ms| Lifetime::of(Duration::from_millis(ms));
        assert_eq!(of(1_450), Some(Lifetime::Seconds(1)), "what `fast` has left at each renewal");
        assert_eq!(of(1_299), None);
        assert_eq!(of(6_000), Some(Lifetime::Seconds(5)));
        assert_eq!(of(0), None);
    }

    #[test]
    fn a_name_that_is_an_option_or_a_path_is_no_interface() {
        for name in ["eth0", "bond0.17", "br-lan", "enp0s31f6"] {
            assert_eq!(name.parse::<Interface>().unwrap().name(), name);
        }
        for name in ["", "-f", "..", "a/b", "a b", "sixteen-letters-", "eth0\n"] {
            assert!(name.parse::<Interface>().is_err(), "{name}");
        }
    }

    #[test]
    fn an_address_that_a_machine_has_is_refused() {
        let service = |address: &str| ServiceAddress {
            address: address.parse().unwrap(),
            interface: Interface("eth0".to_owned()),
        };
        let in_use: [IpAddr; 1] = ["192.0.2.11".parse().unwrap()];
        let fault = |address| service(address).fault(in_use.into_iter());
        assert_eq!(fault("192.0.2.50/24"), None);
        assert_eq!(fault("2001:db8::50/64"), None);
        assert!(fault("192.0.2.11/24").unwrap().contains("is the address of a server"));
        assert!(fault("0.0.0.0/24").is_some() && fault("192.0.2.50/0").is_some());
    }
}
