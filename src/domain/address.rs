//! Addresses of servers and the keys by which we know them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Reads an address that may carry a prefix length, as `serverConfigTool getMasterAddress` prints it.
///
/// Returns the bare address, and whether a `/len` was stripped (so that it can be said).
///
/// # Errors
/// [`AddressError`] when the text is no IPv4 or IPv6 address, or the prefix length does not fit it.
pub fn parse_bare(text: &str) -> Result<(IpAddr, bool), AddressError> {
    let text = text.trim();
    let (address, len) = match text.split_once('/') {
        Some((address, len)) => (address, Some(len)),
        None => (text, None),
    };
    let parsed: IpAddr = address.parse().map_err(|_| AddressError::NotAnAddress(text.to_owned()))?;
    let longest = if parsed.is_ipv4() { 32 } else { 128 };
    match len {
        None => Ok((parsed, false)),
        Some(len) if len.parse::<u8>().is_ok_and(|len| len <= longest) => Ok((parsed, true)),
        Some(_) => Err(AddressError::NotAnAddress(text.to_owned())),
    }
}

/// Whether an address can be that of one server or router: not 0.0.0.0 or ::, not multicast, not broadcast.
#[must_use]
pub fn names_one_host(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || is_broadcast)
}

/// A server's public SSH host key in the form of `ssh-keyscan`: algorithm, blank, base64, without a comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostKey {
    algorithm: String,
    base64: String,
}

impl HostKey {
    /// The algorithm's name, such as `ssh-ed25519`.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The fingerprint as `ssh-keygen -l` prints it, `SHA256:...`, to be compared by a person.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let key = STANDARD.decode(&self.base64).unwrap_or_default();
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)))
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.base64)
    }
}

impl FromStr for HostKey {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut words = text.split_whitespace();
        let (Some(algorithm), Some(base64)) = (words.next(), words.next()) else {
            return Err(AddressError::NotAHostKey(text.to_owned()));
        };
        let known = ["ssh-", "ecdsa-", "rsa-"].iter().any(|prefix| algorithm.starts_with(prefix));
        let is_base64 = base64.len() >= 16 && STANDARD.decode(base64).is_ok();
        if !known || !is_base64 {
            return Err(AddressError::NotAHostKey(text.to_owned()));
        }
        Ok(Self { algorithm: algorithm.to_owned(), base64: base64.to_owned() })
    }
}

impl TryFrom<String> for HostKey {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<HostKey> for String {
    fn from(key: HostKey) -> Self {
        key.to_string()
    }
}

/// A text that is no address or no host key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not an IP address.
    #[error("\"{0}\" is not an IP address")]
    NotAnAddress(String),
    /// Not a public host key.
    #[error("\"{0}\" is not an SSH host key; it looks like \"ssh-ed25519 AAAA...\"")]
    NotAHostKey(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_key_has_the_fingerprint_that_ssh_keygen_prints() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAy81KeYmYZxx3gVYOm5pdEqYXmVgArvxtvuVOy2N+Dx a comment";
        let key: HostKey = key.parse().unwrap();
        assert_eq!(key.fingerprint(), "SHA256:DfvrCsUQ88hktSX5eoznyVl9Duu+qMMTT6usX7p2BJg");
        assert!("ssh-ed25519 not-base64-at-all!".parse::<HostKey>().is_err());
    }

    #[test]
    fn a_master_address_is_taken_with_its_prefix_length_and_says_so() {
        assert_eq!(parse_bare("192.0.2.10/24"), Ok(("192.0.2.10".parse().unwrap(), true)));
        assert_eq!(parse_bare(" 2001:db8::1 "), Ok(("2001:db8::1".parse().unwrap(), false)));
        for bad in ["", "192.0.2", "192.0.2.10/33", "192.0.2.10/x", "010.0.0.1", "host.example"] {
            assert!(parse_bare(bad).is_err(), "{bad}");
        }
    }
}
