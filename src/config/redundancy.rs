//! `config.yaml`: the settings of a pair, as a person may write them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_yaml::Spanned;

use super::document::{self, Problem, here};
use crate::domain::address::HostKey;
use crate::domain::configuration::{
    BootPolicy, Configuration, CopyLimits, Membership, ServerCard, SshAccess, TakeoverSettings, WithoutPeer,
};
use crate::domain::platform::Platform;
use crate::domain::schedule::AutoCopy;
use crate::domain::service_address::ServiceAddress;
use crate::domain::site::{LimNumber, ServerId, Site};
use crate::domain::traffic::TurnAway;
use crate::domain::translation::TranslationTable;

mod checks;

/// The format of `config.yaml`.
const SCHEMA: u32 = 1;

/// The servers of a site as they are written.
type Cards = Spanned<BTreeMap<LimNumber, Spanned<Card>>>;

/// The file as it is written. What must be there is optional here, so that all that is missing is told at once.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Option<Spanned<u32>>,
    platform: Option<Spanned<String>>,
    primary: Option<Cards>,
    alternate: Option<Cards>,
    network_control_address: Option<Spanned<Vec<Spanned<IpAddr>>>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    service_address: Vec<Spanned<ServiceAddress>>,
    #[serde(default = "by_hand")]
    takeover: Spanned<TakeoverSettings>,
    #[serde(default)]
    ssh: Ssh,
    #[serde(default)]
    traffic: TrafficPart,
    #[serde(default)]
    boot: Boot,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auto_copy: Option<AutoCopyPart>,
    #[serde(default)]
    copy: Copy,
    #[serde(default)]
    topology: BTreeSet<String>,
}

/// A server as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Card {
    address: Spanned<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host_key: Option<HostKey>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ssh {
    user: Spanned<String>,
    port: Spanned<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<PathBuf>,
    connect_timeout_seconds: Spanned<u64>,
    authenticate_timeout_seconds: Spanned<u64>,
}

impl Default for Ssh {
    fn default() -> Self {
        Self::from(&SshAccess::default())
    }
}

impl From<&SshAccess> for Ssh {
    fn from(access: &SshAccess) -> Self {
        Self {
            user: here(access.user.clone()),
            port: here(access.port),
            identity: access.identity.clone(),
            connect_timeout_seconds: here(access.connect_timeout.as_secs()),
            authenticate_timeout_seconds: here(access.authenticate_timeout.as_secs()),
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TrafficPart {
    turn_away: TurnAway,
    never_block: BTreeSet<IpAddr>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Boot {
    without_peer: WithoutPeer,
    grace_seconds: Spanned<u64>,
}

impl Default for Boot {
    fn default() -> Self {
        Self::from(&BootPolicy::default())
    }
}

impl From<&BootPolicy> for Boot {
    fn from(boot: &BootPolicy) -> Self {
        Self { without_peer: boot.without_peer, grace_seconds: here(boot.grace.as_secs()) }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AutoCopyPart {
    schedule: Spanned<String>,
    zone: Spanned<String>,
    #[serde(default = "no_delay")]
    random_delay_seconds: Spanned<u64>,
}

fn by_hand() -> Spanned<TakeoverSettings> {
    here(TakeoverSettings::default())
}

fn no_delay() -> Spanned<u64> {
    here(0)
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Copy {
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_second: Option<Spanned<u64>>,
}

/// Finds a platform profile by its name.
pub type Platforms<'a> = &'a (dyn Fn(&str) -> Result<Platform, Vec<String>> + 'a);

/// Reads `config.yaml` whole; the translation table, which has a file of its own, is empty.
///
/// # Errors
/// Everything that is wrong, each with its place.
pub fn read(file: &Path, text: &str, platforms: Platforms<'_>) -> Result<Configuration, Vec<Problem>> {
    let mut reading = document::read_on::<File>(file, text);
    let Some(written) = reading.value.take() else { return Err(reading.problems) };
    let auto_copy = checks::check(file, &written, &mut reading);
    let platform = written.platform.as_ref().and_then(|name| {
        let tell = |because: Vec<String>| {
            reading.problems.extend(because.into_iter().map(|because| Problem::at(file, name, because)));
        };
        platforms(&name.value).map_err(tell).ok()
    });
    if let (Some(platform), true) = (platform, reading.problems.is_empty()) {
        return Ok(settings(written, platform, auto_copy));
    }
    reading.problems.sort();
    Err(reading.problems)
}

/// Settings of a file in which nothing is wrong.
fn settings(written: File, platform: Platform, auto_copy: Option<AutoCopy>) -> Configuration {
    let of = |site, part: Option<Cards>| {
        let cards = part.into_iter().flat_map(|part| part.value);
        cards.map(move |(lim, card)| {
            let card = ServerCard { address: card.value.address.value, host_key: card.value.host_key };
            (ServerId { site, lim }, card)
        })
    };
    let servers = of(Site::Primary, written.primary).chain(of(Site::Alternate, written.alternate)).collect();
    let control = written.network_control_address.into_iter().flat_map(|part| part.value);
    let control: Vec<IpAddr> = control.map(|address| address.value).collect();
    let mut never_block = written.traffic.never_block;
    never_block.extend(control.iter().copied());
    Configuration {
        membership: Membership {
            platform,
            ssh: SshAccess {
                user: written.ssh.user.value,
                port: written.ssh.port.value,
                identity: written.ssh.identity,
                connect_timeout: Duration::from_secs(written.ssh.connect_timeout_seconds.value),
                authenticate_timeout: Duration::from_secs(written.ssh.authenticate_timeout_seconds.value),
            },
            servers,
            never_block,
            turn_away: written.traffic.turn_away,
        },
        network_control_address: control,
        service_address: written.service_address.into_iter().map(|address| address.value).collect(),
        takeover: written.takeover.value,
        boot: BootPolicy {
            without_peer: written.boot.without_peer,
            grace: Duration::from_secs(written.boot.grace_seconds.value),
        },
        auto_copy,
        copy: CopyLimits { bytes_per_second: written.copy.bytes_per_second.map(|rate| rate.value) },
        topology: written.topology,
        translation: TranslationTable::default(),
    }
}

/// Writes `config.yaml`; [`read`] reads it back.
#[must_use]
pub fn write(configuration: &Configuration) -> String {
    let membership = &configuration.membership;
    let of = |site| {
        let cards = membership.servers.iter().filter(move |(server, _)| server.site == site);
        let written = |card: &ServerCard| Card { address: here(card.address), host_key: card.host_key.clone() };
        Some(here(cards.map(|(server, card)| (server.lim, here(written(card)))).collect()))
    };
    let control = &configuration.network_control_address;
    let file = File {
        schema: Some(here(SCHEMA)),
        platform: Some(here(membership.platform.name.clone())),
        primary: of(Site::Primary),
        alternate: of(Site::Alternate),
        network_control_address: Some(here(control.iter().copied().map(here).collect())),
        service_address: configuration.service_address.iter().cloned().map(here).collect(),
        takeover: here(configuration.takeover),
        ssh: Ssh::from(&membership.ssh),
        traffic: TrafficPart {
            turn_away: membership.turn_away,
            never_block: membership.never_block.iter().filter(|address| !control.contains(address)).copied().collect(),
        },
        boot: Boot::from(&configuration.boot),
        auto_copy: configuration.auto_copy.as_ref().map(|auto_copy| AutoCopyPart {
            schedule: here(auto_copy.schedule.to_string()),
            zone: here(auto_copy.zone.to_string()),
            random_delay_seconds: here(auto_copy.random_delay.as_secs()),
        }),
        copy: Copy { bytes_per_second: configuration.copy.bytes_per_second.map(here) },
        topology: configuration.topology.clone(),
    };
    // Plain maps, lists, texts and numbers always have a YAML form.
    let body = serde_yaml::to_string(&file).unwrap_or_default();
    format!(
        "# Settings of mxone_system_redundancy. Check after a change with: mxone_system_redundancy config check\n{body}"
    )
}

#[cfg(test)]
mod tests;
