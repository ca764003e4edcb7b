//! `config.yaml`: the settings of a pair, as a person may write them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_yaml::Spanned;

use super::document::{self, Problem};
use crate::domain::configuration::{
    BootPolicy, Configuration, CopyLimits, Membership, ServerCard, SshAccess, TakeoverSettings, WithoutPeer,
};
use crate::domain::platform::Platform;
use crate::domain::schedule::{AutoCopy, CronSchedule};
use crate::domain::site::{LimNumber, ServerId, Site};
use crate::domain::traffic::TurnAway;
use crate::domain::translation::TranslationTable;

/// The format of `config.yaml`.
const SCHEMA: u32 = 1;

/// The file as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Spanned<u32>,
    platform: Spanned<String>,
    primary: Spanned<BTreeMap<LimNumber, ServerCard>>,
    alternate: Spanned<BTreeMap<LimNumber, ServerCard>>,
    network_control_address: Spanned<Vec<IpAddr>>,
    #[serde(default)]
    takeover: TakeoverSettings,
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

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ssh {
    user: String,
    port: u16,
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
            user: access.user.clone(),
            port: access.port,
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
    grace_seconds: u64,
}

impl Default for Boot {
    fn default() -> Self {
        Self::from(&BootPolicy::default())
    }
}

impl From<&BootPolicy> for Boot {
    fn from(boot: &BootPolicy) -> Self {
        Self { without_peer: boot.without_peer, grace_seconds: boot.grace.as_secs() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AutoCopyPart {
    schedule: Spanned<String>,
    zone: Spanned<String>,
    #[serde(default)]
    random_delay_seconds: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Copy {
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_second: Option<Spanned<u64>>,
}

/// Finds a platform profile by its name.
pub type Platforms<'a> = &'a (dyn Fn(&str) -> Result<Platform, Vec<String>> + 'a);

/// Reads `config.yaml` whole; `translation` is the table of the file beside it.
///
/// # Errors
/// Everything that is wrong, each with its place.
pub fn read(
    file: &Path,
    text: &str,
    platforms: Platforms<'_>,
    translation: TranslationTable,
) -> Result<Configuration, Vec<Problem>> {
    let written: File = document::parse(file, text)?;
    let mut problems = Vec::new();
    check_schema(file, &written, &mut problems);
    check_servers(file, &written, &mut problems);
    check_values(file, &written, &mut problems);
    let platform = platforms(&written.platform.value).map_err(|because| {
        problems.extend(because.into_iter().map(|because| Problem::at(file, &written.platform, because)));
    });
    let auto_copy = written.auto_copy.as_ref().map(|part| auto_copy(file, part, &mut problems));
    if let (Ok(platform), true) = (platform, problems.is_empty()) {
        return Ok(settings(written, platform, auto_copy.flatten(), translation));
    }
    problems.sort();
    Err(problems)
}

fn check_schema(file: &Path, written: &File, problems: &mut Vec<Problem>) {
    if written.schema.value != SCHEMA {
        let message = format!("schema {} is not known", written.schema.value);
        problems.push(Problem::at(file, &written.schema, message).write(SCHEMA.to_string()));
    }
}

/// LIM 1 on both sides, the same numbers, no address twice, a host key for every server but this one.
fn check_servers(file: &Path, written: &File, problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<IpAddr, String> = BTreeMap::new();
    for (site, part) in [(Site::Primary, &written.primary), (Site::Alternate, &written.alternate)] {
        if !part.value.contains_key(&LimNumber::FIRST) {
            problems.push(Problem::at(file, part, format!("the {site} has no LIM 1")).write("1: {address: ...}"));
        }
        for (lim, card) in &part.value {
            let server = ServerId { site, lim: *lim };
            if card.host_key.is_none() && server != ServerId::first_of(Site::Alternate) {
                let message = format!("{server} has no host_key");
                problems.push(Problem::at(file, part, message).write("host_key: \"ssh-ed25519 AAAA...\""));
            }
            if let Some(other) = seen.insert(card.address, server.to_string()) {
                problems.push(Problem::at(file, part, format!("{server} has the address of {other}")));
            }
        }
    }
    if !written.primary.value.keys().eq(written.alternate.value.keys()) {
        let message = "the two systems do not have the same LIM numbers";
        problems.push(Problem::at(file, &written.alternate, message).write("the numbers of the primary"));
    }
}

fn check_values(file: &Path, written: &File, problems: &mut Vec<Problem>) {
    if written.network_control_address.value.is_empty() {
        let message = "at least one network control address is needed";
        problems.push(Problem::at(file, &written.network_control_address, message).write("[192.0.2.1]"));
    }
    for seconds in [&written.ssh.connect_timeout_seconds, &written.ssh.authenticate_timeout_seconds] {
        if !(1..=120).contains(&seconds.value) {
            let message = format!("{} s is no usable time-out", seconds.value);
            problems.push(Problem::at(file, seconds, message).write("1 to 120"));
        }
    }
    if let Some(rate) = written.copy.bytes_per_second.as_ref().filter(|rate| rate.value == 0) {
        let message = "a copy at 0 bytes a second never ends";
        problems.push(Problem::at(file, rate, message).write("a larger number, or leave it out"));
    }
}

fn auto_copy(file: &Path, part: &AutoCopyPart, problems: &mut Vec<Problem>) -> Option<AutoCopy> {
    let schedule: Result<CronSchedule, _> = part.schedule.value.parse();
    let zone: Result<chrono_tz::Tz, _> = part.zone.value.parse();
    if let Err(error) = &schedule {
        problems.push(Problem::at(file, &part.schedule, error.to_string()));
    }
    if zone.is_err() {
        let message = format!("\"{}\" is no time zone", part.zone.value);
        problems.push(Problem::at(file, &part.zone, message).write("a name such as Europe/Stockholm"));
    }
    let random_delay = Duration::from_secs(part.random_delay_seconds);
    Some(AutoCopy { schedule: schedule.ok()?, zone: zone.ok()?, random_delay })
}

fn settings(
    written: File,
    platform: Platform,
    auto_copy: Option<AutoCopy>,
    translation: TranslationTable,
) -> Configuration {
    let of = |site, part: Spanned<BTreeMap<LimNumber, ServerCard>>| {
        part.value.into_iter().map(move |(lim, card)| (ServerId { site, lim }, card))
    };
    let servers = of(Site::Primary, written.primary).chain(of(Site::Alternate, written.alternate)).collect();
    let control = written.network_control_address.value;
    let mut never_block = written.traffic.never_block;
    never_block.extend(control.iter().copied());
    Configuration {
        membership: Membership {
            platform,
            ssh: SshAccess {
                user: written.ssh.user,
                port: written.ssh.port,
                identity: written.ssh.identity,
                connect_timeout: Duration::from_secs(written.ssh.connect_timeout_seconds.value),
                authenticate_timeout: Duration::from_secs(written.ssh.authenticate_timeout_seconds.value),
            },
            servers,
            never_block,
            turn_away: written.traffic.turn_away,
        },
        network_control_address: control,
        takeover: written.takeover,
        boot: BootPolicy {
            without_peer: written.boot.without_peer,
            grace: Duration::from_secs(written.boot.grace_seconds),
        },
        auto_copy,
        copy: CopyLimits { bytes_per_second: written.copy.bytes_per_second.map(|rate| rate.value) },
        topology: written.topology,
        translation,
    }
}

/// Writes `config.yaml`; [`read`] reads it back.
#[must_use]
pub fn write(configuration: &Configuration) -> String {
    let membership = &configuration.membership;
    let of = |site| {
        let cards = membership.servers.iter().filter(move |(server, _)| server.site == site);
        here(cards.map(|(server, card)| (server.lim, card.clone())).collect())
    };
    let control = &configuration.network_control_address;
    let file = File {
        schema: here(SCHEMA),
        platform: here(membership.platform.name.clone()),
        primary: of(Site::Primary),
        alternate: of(Site::Alternate),
        network_control_address: here(control.clone()),
        takeover: configuration.takeover,
        ssh: Ssh::from(&membership.ssh),
        traffic: TrafficPart {
            turn_away: membership.turn_away,
            never_block: membership.never_block.iter().filter(|address| !control.contains(address)).copied().collect(),
        },
        boot: Boot::from(&configuration.boot),
        auto_copy: configuration.auto_copy.as_ref().map(|auto_copy| AutoCopyPart {
            schedule: here(auto_copy.schedule.to_string()),
            zone: here(auto_copy.zone.to_string()),
            random_delay_seconds: auto_copy.random_delay.as_secs(),
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

/// A value that was not read from a file.
fn here<T>(value: T) -> Spanned<T> {
    Spanned::new(value, serde_yaml::Location::UNKNOWN, serde_yaml::Location::UNKNOWN)
}
