//! Answers files: everything a flow asks, given beforehand.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_yaml::Spanned;

use super::document::{self, Problem, Reading};
use super::translation::{Pairs, from_pairs};
use crate::domain::address::{HostKey, names_one_host, parse_bare};
use crate::domain::configuration::{CopyLimits, LONGEST_GRACE, ServerList};
use crate::domain::given::Given;
use crate::domain::traffic::TurnAway;

/// The file as it is written; every key may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Answers {
    platform: Option<Spanned<String>>,
    primary_master_address: Option<Spanned<String>>,
    primary_host_key: Option<HostKey>,
    alternate_master_address: Option<Spanned<String>>,
    host_keys: BTreeMap<IpAddr, HostKey>,
    primary_servers: ServerList,
    alternate_servers: ServerList,
    network_control_address: Option<Spanned<OneOrMore>>,
    translation: Pairs,
    third_vote: Option<Spanned<String>>,
    accept_conditional: bool,
    witness_address: Option<Spanned<String>>,
    witness_file: Option<Spanned<String>>,
    etcd: Option<Spanned<OneOrMore>>,
    etcd_ca: Option<Spanned<String>>,
    etcd_cert: Option<Spanned<String>>,
    etcd_key: Option<Spanned<String>>,
    etcd_user: Option<Spanned<String>>,
    etcd_password_file: Option<Spanned<String>>,
    timing: Option<Spanned<String>>,
    lease_port: Option<u16>,
    takeover: Takeover,
    boot_without_peer: Option<Spanned<String>>,
    boot_grace: Option<Spanned<u64>>,
    ssh: Ssh,
    never_block: BTreeSet<IpAddr>,
    turn_away: TurnAway,
    bytes_per_second: Option<Spanned<u64>>,
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
    alternate_from_primary: Option<Spanned<String>>,
    primary_from_alternate: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ssh {
    user: Option<String>,
    port: Option<Spanned<u16>>,
    identity: Option<PathBuf>,
}

/// Reads an answers file.
///
/// # Errors
/// Everything that is wrong with it, each with its place. Whether a platform of that name is there is told by the
/// question itself.
pub fn read(file: &Path, text: &str) -> Result<Given, Vec<Problem>> {
    if text.trim().is_empty() {
        return Ok(Given::default());
    }
    let mut reading = document::read_on::<Answers>(file, text);
    let Some(written) = reading.value.take() else { return Err(reading.problems) };
    check(file, &written, &mut reading);
    let translation = from_pairs(file, &written.translation).map_err(|more| reading.problems.extend(more));
    reading.problems.sort();
    let (Ok(translation), true) = (translation, reading.problems.is_empty()) else { return Err(reading.problems) };
    let text = |word: Option<Spanned<String>>| word.map(|word| word.value);
    let words = [
        ("platform", text(written.platform)),
        ("primary_master_address", text(written.primary_master_address)),
        ("alternate_master_address", text(written.alternate_master_address)),
        ("network_control_address", written.network_control_address.map(|addresses| joined(&addresses.value))),
        ("third_vote", text(written.third_vote)),
        ("witness_address", text(written.witness_address)),
        ("witness_file", text(written.witness_file)),
        ("etcd", written.etcd.map(|members| joined(&members.value))),
        ("etcd_ca", text(written.etcd_ca)),
        ("etcd_cert", text(written.etcd_cert)),
        ("etcd_key", text(written.etcd_key)),
        ("etcd_user", text(written.etcd_user)),
        ("etcd_password_file", text(written.etcd_password_file)),
        ("timing", text(written.timing)),
        ("takeover.alternate-from-primary", text(written.takeover.alternate_from_primary)),
        ("takeover.primary-from-alternate", text(written.takeover.primary_from_alternate)),
        ("boot_without_peer", text(written.boot_without_peer)),
        ("boot_grace", written.boot_grace.map(|seconds| seconds.value.to_string())),
    ];
    Ok(Given {
        words: words.into_iter().filter_map(|(key, word)| Some((key.to_owned(), word?))).collect(),
        ssh_user: written.ssh.user,
        ssh_port: written.ssh.port.map(|port| port.value),
        ssh_identity: written.ssh.identity,
        host_keys: written.host_keys,
        primary_host_key: written.primary_host_key,
        primary_servers: written.primary_servers,
        alternate_servers: written.alternate_servers,
        translation,
        never_block: written.never_block,
        turn_away: written.turn_away,
        lease_port: written.lease_port,
        copy: CopyLimits { bytes_per_second: written.bytes_per_second.map(|rate| rate.value) },
    })
}

/// Tells answers that no question will take.
fn check(file: &Path, written: &Answers, reading: &mut Reading<Answers>) {
    let problems = &mut reading.problems;
    for address in [&written.primary_master_address, &written.alternate_master_address].into_iter().flatten() {
        if !is_address(&address.value) {
            problems.push(Problem::at(file, address, not_an_address(&address.value)).write(AN_ADDRESS));
        }
    }
    if let Some(addresses) = &written.network_control_address {
        let joined = joined(&addresses.value);
        let words: Vec<&str> = joined.split([',', ' ']).filter(|word| !word.is_empty()).collect();
        for word in words.iter().filter(|word| !is_address(word)) {
            problems.push(Problem::at(file, addresses, not_an_address(word)).write(AN_ADDRESS));
        }
        if words.is_empty() {
            let message = "at least one network control address is needed";
            problems.push(Problem::at(file, addresses, message).write(AN_ADDRESS));
        }
    }
    let takeover = [&written.takeover.alternate_from_primary, &written.takeover.primary_from_alternate];
    for mode in takeover.into_iter().flatten() {
        check_word(file, mode, &["manual", "automatic"], problems);
    }
    check_third_vote(file, written, problems);
    if let Some(choice) = &written.boot_without_peer {
        check_word(file, choice, &["stay-blocked", "open"], problems);
    }
    if let Some(grace) = written.boot_grace.as_ref().filter(|grace| grace.value > LONGEST_GRACE.as_secs()) {
        let message = format!("{} seconds is out of range", grace.value);
        problems.push(Problem::at(file, grace, message).write(format!("0 to {}", LONGEST_GRACE.as_secs())));
    }
    if let Some(port) = written.ssh.port.as_ref().filter(|port| port.value == 0) {
        problems.push(Problem::at(file, port, "0 is not a port").write("1 to 65535"));
    }
    if let Some(rate) = written.bytes_per_second.as_ref().filter(|rate| rate.value == 0) {
        let message = "a copy at 0 bytes a second never ends";
        problems.push(Problem::at(file, rate, message).write("a larger number, or leave it out"));
    }
}

const AN_ADDRESS: &str = "an address like 192.0.2.10 or 2001:db8::10";

fn is_address(text: &str) -> bool {
    parse_bare(text).is_ok_and(|(address, _)| names_one_host(address))
}

fn not_an_address(text: &str) -> String {
    format!("\"{text}\" is not the address of one host")
}

/// What is told of a third vote goes with who has it, and the weaker promise is accepted in so many words.
fn check_third_vote(file: &Path, written: &Answers, problems: &mut Vec<Problem>) {
    let third = written.third_vote.as_ref();
    if let Some(third) = third {
        check_word(file, third, &["later", "witness", "etcd", "control-address"], problems);
        if third.value == "control-address" && !written.accept_conditional {
            let message = "without a witness two sites can both be live when their line is cut";
            problems.push(Problem::at(file, third, message).write("`accept_conditional: true` beside it as well"));
        }
    }
    let third = third.map(|third| third.value.as_str());
    for word in [&written.witness_address, &written.witness_file] {
        check_goes_with(file, word.as_ref(), third, ("witness", "a witness"), problems);
    }
    let etcd = ("etcd", "etcd");
    check_goes_with(file, written.etcd.as_ref(), third, etcd, problems);
    let (ca, cert, key) = (&written.etcd_ca, &written.etcd_cert, &written.etcd_key);
    for word in [ca, cert, key, &written.etcd_user, &written.etcd_password_file] {
        check_goes_with(file, word.as_ref(), third, etcd, problems);
    }
}

/// Tells an answer to a question that is asked only where `who` has the third vote.
fn check_goes_with<T>(
    file: &Path,
    answer: Option<&Spanned<T>>,
    third: Option<&str>,
    (who, told): (&str, &str),
    problems: &mut Vec<Problem>,
) {
    if let Some(answer) = answer.filter(|_| third != Some(who)) {
        let message = format!("this is asked only where {told} has the third vote");
        problems.push(Problem::at(file, answer, message).write(format!("`third_vote: {who}`, or leave this out")));
    }
}

fn check_word(file: &Path, word: &Spanned<String>, known: &[&str], problems: &mut Vec<Problem>) {
    if !known.contains(&word.value.as_str()) {
        let message = format!("\"{}\" is neither {}", word.value, known.join(" nor "));
        problems.push(Problem::at(file, word, message).write(known.join(" or ")));
    }
}

fn joined(addresses: &OneOrMore) -> String {
    match addresses {
        OneOrMore::One(address) => address.clone(),
        OneOrMore::More(addresses) => addresses.join(","),
    }
}
