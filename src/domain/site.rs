//! The two sites, their numbered servers, and the order that says which site is meant to be active.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One of the two sites; the role is fixed by configuration and never changes with a takeover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Site {
    /// The site that serves the users in normal times.
    Primary,
    /// The site that stands ready with the primary's exchange data.
    Alternate,
}

impl Site {
    /// Both sites, primary first.
    pub const BOTH: [Self; 2] = [Self::Primary, Self::Alternate];

    /// The site across.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Primary => Self::Alternate,
            Self::Alternate => Self::Primary,
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::Alternate => "alternate",
        })
    }
}

impl FromStr for Site {
    type Err = SiteError;

    fn from_str(text: &str) -> Result<Self, SiteError> {
        match text {
            "primary" => Ok(Self::Primary),
            "alternate" => Ok(Self::Alternate),
            _ => Err(SiteError::NoSuchSite(text.to_owned())),
        }
    }
}

/// The number of a server within its system, from 1 to [`LimNumber::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct LimNumber(u8);

impl LimNumber {
    /// LIM 1, where the utility and the monitor run.
    pub const FIRST: Self = Self(1);
    /// A system has at most 124 LIMs (MX-ONE HLR redundancy overview, 58/1551-ANF 901 14).
    pub const MAX: u8 = 124;

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u16> for LimNumber {
    type Error = SiteError;

    fn try_from(number: u16) -> Result<Self, SiteError> {
        u8::try_from(number)
            .ok()
            .filter(|number| (1..=Self::MAX).contains(number))
            .map(Self)
            .ok_or_else(|| SiteError::NoSuchLim(number.to_string()))
    }
}

impl From<LimNumber> for u16 {
    fn from(lim: LimNumber) -> Self {
        Self::from(lim.0)
    }
}

impl fmt::Display for LimNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LimNumber {
    type Err = SiteError;

    fn from_str(text: &str) -> Result<Self, SiteError> {
        let number: u16 = text.parse().map_err(|_| SiteError::NoSuchLim(text.to_owned()))?;
        Self::try_from(number)
    }
}

/// One server of one site; written `primary/2`, read aloud "LIM 2 of the primary system".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerId {
    /// The site the server stands at.
    pub site: Site,
    /// Its number in the system of that site.
    pub lim: LimNumber,
}

impl ServerId {
    /// LIM 1 of a site.
    #[must_use]
    pub const fn first_of(site: Site) -> Self {
        Self { site, lim: LimNumber::FIRST }
    }

    /// The short written form, `primary/2`; [`FromStr`] reads it.
    #[must_use]
    pub fn key(self) -> String {
        format!("{}/{}", self.site, self.lim)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LIM {} of the {} system", self.lim, self.site)
    }
}

impl FromStr for ServerId {
    type Err = SiteError;

    fn from_str(text: &str) -> Result<Self, SiteError> {
        let (site, lim) = text.split_once('/').ok_or_else(|| SiteError::NoSuchServer(text.to_owned()))?;
        Ok(Self { site: site.parse()?, lim: lim.parse()? })
    }
}

impl TryFrom<String> for ServerId {
    type Error = SiteError;

    fn try_from(text: String) -> Result<Self, SiteError> {
        text.parse()
    }
}

impl From<ServerId> for String {
    fn from(server: ServerId) -> Self {
        server.key()
    }
}

/// A number that grows with every change of the active site, and never falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// No pair gets here by switching once a second for a million years; an epoch beyond was not written by us.
    pub const LAST: Self = Self(1 << 45);

    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which site is meant to be active. Of two orders the one with the higher epoch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order {
    /// The site that is to handle the traffic.
    pub active: Site,
    /// How new the order is.
    pub epoch: Epoch,
}

impl Order {
    /// The order that makes `site` active after this one.
    #[must_use]
    pub const fn succeeded_by(self, site: Site) -> Self {
        Self { active: site, epoch: self.epoch.next() }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} active, epoch {}", self.active, self.epoch)
    }
}

/// A text that names no site or no server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SiteError {
    /// Neither of the two site names.
    #[error("\"{0}\" is not a site; the sites are primary and alternate")]
    NoSuchSite(String),
    /// Not a LIM number.
    #[error("\"{0}\" is not a LIM number; LIMs are numbered from 1 to 124")]
    NoSuchLim(String),
    /// Not `site/lim`.
    #[error("\"{0}\" is not a server; servers are written like primary/2")]
    NoSuchServer(String),
}
