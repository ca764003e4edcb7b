//! Flags and answers file together: a flag goes before the file.

use std::net::IpAddr;
use std::path::PathBuf;

use super::Run;
use crate::domain::address::HostKey;
use crate::domain::configuration::ServerList;
use crate::domain::given::Given;
use crate::domain::site::LimNumber;
use crate::domain::traffic::TurnAway;
use crate::domain::translation::TranslationEntry;
use crate::faces::cli::{Configure, ThirdVote, WitnessWish};
use crate::faces::failure::{Exit, Failure};

impl Run<'_> {
    pub(super) fn given(&self, flags: &Configure) -> Result<Given, Failure> {
        let mut given = self.answers()?;
        add_words(&mut given, flags);
        add_values(&mut given, flags)?;
        Ok(given)
    }

    /// The same for `settings witness`.
    pub(super) fn given_of_voters(&self, flags: WitnessWish) -> Result<Given, Failure> {
        let mut given = self.answers()?;
        given.words.extend(third_vote(flags.address, &flags.third_vote));
        given.lease_port = flags.third_vote.lease_port.or(given.lease_port);
        Ok(given)
    }

    fn answers(&self) -> Result<Given, Failure> {
        let Some(file) = &self.common.answers else { return Ok(Given::default()) };
        self.ports.documents.answers(file).map_err(|problems| {
            Failure::new(Exit::BadInput, format!("the answers file is not right:\n{}", problems.join("\n")))
        })
    }
}

fn add_words(given: &mut Given, flags: &Configure) {
    let words = [
        ("platform", flags.platform.clone()),
        ("primary_master_address", flags.primary_master_address.clone()),
        ("alternate_master_address", flags.alternate_master_address.clone()),
        ("network_control_address", flags.network_control_address.clone()),
        ("takeover.alternate-from-primary", flags.takeover_alternate_from_primary.clone()),
        ("takeover.primary-from-alternate", flags.takeover_primary_from_alternate.clone()),
        ("boot_without_peer", flags.boot_without_peer.clone()),
        ("boot_grace", flags.boot_grace.map(|seconds| seconds.to_string())),
    ];
    for (key, word) in words {
        if let Some(word) = word {
            given.words.insert(key.to_owned(), word);
        }
    }
    given.words.extend(third_vote(flags.witness.clone(), &flags.third_vote));
}

/// What the flags answer of who has the third vote; `witness` is where one listens.
fn third_vote(witness: Option<String>, flags: &ThirdVote) -> impl Iterator<Item = (String, String)> {
    let third = match (flags, &witness) {
        (ThirdVote { no_witness: true, .. }, _) => Some("control-address"),
        (_, Some(_)) => Some("witness"),
        (ThirdVote { etcd: Some(_), .. }, None) => Some("etcd"),
        (_, None) => None,
    };
    let file = |file: &Option<PathBuf>| file.as_ref().map(|file| file.display().to_string());
    let words = [
        ("third_vote", third.map(str::to_owned)),
        ("witness_address", witness),
        ("witness_file", file(&flags.witness_file)),
        ("etcd", flags.etcd.clone()),
        ("etcd_ca", file(&flags.etcd_ca)),
        ("etcd_cert", file(&flags.etcd_cert)),
        ("etcd_key", file(&flags.etcd_key)),
        ("etcd_user", flags.etcd_user.clone()),
        ("etcd_password_file", file(&flags.etcd_password_file)),
        ("timing", flags.timing.clone()),
    ];
    words.into_iter().filter_map(|(key, word)| Some((key.to_owned(), word?)))
}

fn add_values(given: &mut Given, flags: &Configure) -> Result<(), Failure> {
    given.ssh_user = flags.ssh_user.clone().or(given.ssh_user.take());
    given.ssh_port = flags.ssh_port.or(given.ssh_port);
    given.lease_port = flags.third_vote.lease_port.or(given.lease_port);
    given.ssh_identity = flags.ssh_identity.clone().or(given.ssh_identity.take());
    given.never_block.extend(flags.never_block.iter().copied());
    given.copy.bytes_per_second = flags.bytes_per_second.or(given.copy.bytes_per_second);
    if let Some(key) = &flags.primary_host_key {
        given.primary_host_key = Some(parse("--primary-host-key", key, key)?);
    }
    for pair in &flags.host_key {
        let (address, key) = halves("--host-key", pair)?;
        let address: IpAddr = parse("--host-key", pair, address)?;
        given.host_keys.insert(address, parse::<HostKey>("--host-key", pair, key)?);
    }
    add_servers("--primary-server", &flags.primary_server, &mut given.primary_servers)?;
    add_servers("--alternate-server", &flags.alternate_server, &mut given.alternate_servers)?;
    for pair in &flags.translate {
        given.translation.set(entry("--translate", pair)?);
    }
    match flags.turn_away.as_deref() {
        None => {}
        Some("reject") => given.turn_away = TurnAway::Reject,
        Some("drop") => given.turn_away = TurnAway::Drop,
        Some(other) => {
            return Err(Failure::new(Exit::BadInput, format!("--turn-away {other}: it is reject or drop")));
        }
    }
    Ok(())
}

fn add_servers(flag: &str, pairs: &[String], servers: &mut ServerList) -> Result<(), Failure> {
    for pair in pairs {
        let (lim, address) = halves(flag, pair)?;
        servers.insert(parse::<LimNumber>(flag, pair, lim)?, parse(flag, pair, address)?);
    }
    Ok(())
}

/// Reads `PRIMARY=ALTERNATE` as a translation.
pub(super) fn entry(flag: &str, pair: &str) -> Result<TranslationEntry, Failure> {
    let (primary, alternate) = halves(flag, pair)?;
    parse(flag, pair, &format!("{primary} -> {alternate}"))
}

fn halves<'a>(flag: &str, pair: &'a str) -> Result<(&'a str, &'a str), Failure> {
    pair.split_once('=')
        .ok_or_else(|| Failure::new(Exit::BadInput, format!("{flag} {pair}: it needs an = between its two parts")))
}

fn parse<T>(flag: &str, whole: &str, text: &str) -> Result<T, Failure>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.trim().parse().map_err(|error: T::Err| Failure::new(Exit::BadInput, format!("{flag} {whole}: {error}")))
}
