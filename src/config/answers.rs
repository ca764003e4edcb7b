//! Answers files: everything a flow asks, given beforehand.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_yaml::Spanned;

use super::document::{self, Problem};
use crate::domain::address::HostKey;
use crate::domain::configuration::{CopyLimits, ServerList};
use crate::domain::given::Given;
use crate::domain::traffic::TurnAway;
use crate::domain::translation::{TranslationEntry, TranslationTable};

/// The file as it is written; every key may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    platform: Option<String>,
    primary_master_address: Option<String>,
    primary_host_key: Option<HostKey>,
    alternate_master_address: Option<String>,
    host_keys: BTreeMap<IpAddr, HostKey>,
    primary_servers: ServerList,
    alternate_servers: ServerList,
    network_control_address: Option<OneOrMore>,
    translation: Option<Spanned<BTreeMap<String, String>>>,
    takeover: Takeover,
    boot_without_peer: Option<String>,
    boot_grace: Option<u64>,
    ssh: Ssh,
    never_block: BTreeSet<IpAddr>,
    turn_away: TurnAway,
    bytes_per_second: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Takeover {
    alternate_from_primary: Option<String>,
    primary_from_alternate: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ssh {
    user: Option<String>,
    port: Option<u16>,
    identity: Option<PathBuf>,
}

/// Reads an answers file.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn read(file: &Path, text: &str) -> Result<Given, Vec<Problem>> {
    let written: File = if text.trim().is_empty() { File::default() } else { document::parse(file, text)? };
    let translation = written.translation.as_ref().map(|part| translation(file, part)).transpose()?;
    let words = [
        ("platform", written.platform),
        ("primary_master_address", written.primary_master_address),
        ("alternate_master_address", written.alternate_master_address),
        ("network_control_address", written.network_control_address.map(joined)),
        ("takeover.alternate-from-primary", written.takeover.alternate_from_primary),
        ("takeover.primary-from-alternate", written.takeover.primary_from_alternate),
        ("boot_without_peer", written.boot_without_peer),
        ("boot_grace", written.boot_grace.map(|seconds| seconds.to_string())),
    ];
    Ok(Given {
        words: words.into_iter().filter_map(|(key, word)| Some((key.to_owned(), word?))).collect(),
        ssh_user: written.ssh.user,
        ssh_port: written.ssh.port,
        ssh_identity: written.ssh.identity,
        host_keys: written.host_keys,
        primary_host_key: written.primary_host_key,
        primary_servers: written.primary_servers,
        alternate_servers: written.alternate_servers,
        translation: translation.unwrap_or_default(),
        never_block: written.never_block,
        turn_away: written.turn_away,
        copy: CopyLimits { bytes_per_second: written.bytes_per_second },
    })
}

fn joined(addresses: OneOrMore) -> String {
    match addresses {
        OneOrMore::One(address) => address,
        OneOrMore::More(addresses) => addresses.join(","),
    }
}

fn translation(file: &Path, written: &Spanned<BTreeMap<String, String>>) -> Result<TranslationTable, Vec<Problem>> {
    let mut table = TranslationTable::default();
    let mut problems = Vec::new();
    for (primary, alternate) in &written.value {
        match format!("{primary} -> {alternate}").parse::<TranslationEntry>() {
            Ok(entry) => {
                table.set(entry);
            }
            Err(error) => problems.push(Problem::at(file, written, error.to_string())),
        }
    }
    if problems.is_empty() { Ok(table) } else { Err(problems) }
}
