//! What the values of `config.yaml` must be, beyond their kinds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use serde_yaml::Spanned;

use super::{AutoCopyPart, Cards, File, SCHEMA};
use crate::config::document::{Problem, Reading};
use crate::domain::address::names_one_host;
use crate::domain::configuration::LONGEST_GRACE;
use crate::domain::schedule::{AutoCopy, CronSchedule, LONGEST_RANDOM_DELAY};
use crate::domain::site::{LimNumber, ServerId, Site};

/// Seconds a connection or a log-in may be allowed to take: nobody waits longer for a status.
const TIMEOUTS: RangeInclusive<u64> = 1..=120;

/// Tells everything that is wrong with the values; the daily copy, where it is right.
pub(super) fn check(file: &Path, written: &File, reading: &mut Reading<File>) -> Option<AutoCopy> {
    check_presence(file, written, reading);
    if let Some(schema) = written.schema.as_ref().filter(|schema| schema.value != SCHEMA) {
        let message = format!("schema {} is not known", schema.value);
        reading.problems.push(Problem::at(file, schema, message).write(SCHEMA.to_string()));
    }
    if reading.is_sound("primary") && reading.is_sound("alternate") {
        check_servers(file, written, &mut reading.problems);
    }
    check_control_addresses(file, written, reading);
    check_service_addresses(file, written, &mut reading.problems);
    check_values(file, written, &mut reading.problems);
    written.auto_copy.as_ref().and_then(|part| auto_copy(file, part, &mut reading.problems))
}

fn check_presence(file: &Path, written: &File, reading: &mut Reading<File>) {
    let presence = [
        ("schema", written.schema.is_some()),
        ("platform", written.platform.is_some()),
        ("primary", written.primary.is_some()),
        ("alternate", written.alternate.is_some()),
        ("network_control_address", written.network_control_address.is_some()),
    ];
    for (key, _) in presence.into_iter().filter(|(_, is_there)| !is_there) {
        reading.miss(file, key);
    }
}

/// LIM 1 on both sides, the same numbers, no address twice, a host key for every server but this one.
fn check_servers(file: &Path, written: &File, problems: &mut Vec<Problem>) {
    let (Some(primary), Some(alternate)) = (&written.primary, &written.alternate) else { return };
    let mut seen: BTreeMap<IpAddr, String> = BTreeMap::new();
    for (site, part) in [(Site::Primary, primary), (Site::Alternate, alternate)] {
        if !part.value.contains_key(&LimNumber::FIRST) {
            let problem = Problem::at(file, part, format!("the {site} system has no LIM 1"));
            problems.push(problem.write("1: {address: ..., host_key: ...}"));
        }
        for (lim, card) in &part.value {
            let server = ServerId { site, lim: *lim };
            let address = &card.value.address;
            if card.value.host_key.is_none() && server != ServerId::first_of(Site::Alternate) {
                let message = format!("{server} has no host_key");
                problems.push(Problem::at(file, card, message).write("host_key: \"ssh-ed25519 AAAA...\""));
            }
            check_address(file, address, problems);
            if let Some(other) = seen.insert(address.value, server.to_string()) {
                let message = format!("{server} has the address of {other}");
                problems.push(Problem::at(file, address, message).write("its own address"));
            }
        }
    }
    check_numbers(file, (primary, alternate), problems);
}

fn check_numbers(file: &Path, (primary, alternate): (&Cards, &Cards), problems: &mut Vec<Problem>) {
    if primary.value.keys().eq(alternate.value.keys()) {
        return;
    }
    let numbers = |part: &Cards| part.value.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let message =
        format!("the alternate system has LIM {} and the primary system LIM {}", numbers(alternate), numbers(primary));
    problems.push(Problem::at(file, alternate, message).write("the same numbers at both sites"));
}

fn check_control_addresses(file: &Path, written: &File, reading: &mut Reading<File>) {
    let Some(part) = &written.network_control_address else { return };
    if part.value.is_empty() && reading.is_sound("network_control_address") {
        let message = "at least one network control address is needed";
        reading.problems.push(Problem::at(file, part, message).write("[192.0.2.1]"));
    }
    for (i, address) in part.value.iter().enumerate() {
        check_address(file, address, &mut reading.problems);
        if part.value.iter().take(i).any(|before| before.value == address.value) {
            let message = format!("{} stands here a second time", address.value);
            reading.problems.push(Problem::at(file, address, message).write("it once"));
        }
    }
}

fn check_service_addresses(file: &Path, written: &File, problems: &mut Vec<Problem>) {
    for (i, address) in written.service_address.iter().enumerate() {
        let cards = [&written.primary, &written.alternate].into_iter().flatten().flat_map(|part| part.value.values());
        let servers = cards.map(|card| card.value.address.value);
        let control = written.network_control_address.iter().flat_map(|part| part.value.iter().map(|of| of.value));
        if let Some(fault) = address.value.fault(servers.chain(control)) {
            problems.push(Problem::at(file, address, fault).write("{address: 192.0.2.50/24, interface: eth0}"));
        }
        if written.service_address.iter().take(i).any(|before| before.value.ip() == address.value.ip()) {
            let message = format!("{} stands here a second time", address.value.ip());
            problems.push(Problem::at(file, address, message).write("it once"));
        }
    }
}

fn check_address(file: &Path, address: &Spanned<IpAddr>, problems: &mut Vec<Problem>) {
    if !names_one_host(address.value) {
        let message = format!("{} is not the address of one host", address.value);
        problems.push(Problem::at(file, address, message).write("an address like 192.0.2.10 or 2001:db8::10"));
    }
}

fn check_values(file: &Path, written: &File, problems: &mut Vec<Problem>) {
    let ssh = &written.ssh;
    for seconds in [&ssh.connect_timeout_seconds, &ssh.authenticate_timeout_seconds] {
        check_seconds(file, seconds, &TIMEOUTS, problems);
    }
    if ssh.port.value == 0 {
        problems.push(Problem::at(file, &ssh.port, "0 is not a port").write("1 to 65535"));
    }
    let control_addresses = written.network_control_address.as_ref().map_or(0, |part| part.value.len());
    if let Some(fault) = written.takeover.value.limits.fault(control_addresses) {
        problems.push(Problem::at(file, &written.takeover, fault).write("as many as there are, or fewer"));
    }
    check_seconds(file, &written.boot.grace_seconds, &(0..=LONGEST_GRACE.as_secs()), problems);
    let is_name_byte = |b: u8| b.is_ascii_alphanumeric() || b"._-@\\$+".contains(&b);
    let user = &ssh.user.value;
    if user.is_empty() || user.starts_with('-') || !user.bytes().all(is_name_byte) {
        problems
            .push(Problem::at(file, &ssh.user, "this is not the name of a user").write("a name such as mxone_admin"));
    }
    if let Some(rate) = written.copy.bytes_per_second.as_ref().filter(|rate| rate.value == 0) {
        let message = "a copy at 0 bytes a second never ends";
        problems.push(Problem::at(file, rate, message).write("a larger number, or leave it out"));
    }
}

fn check_seconds(file: &Path, seconds: &Spanned<u64>, range: &RangeInclusive<u64>, problems: &mut Vec<Problem>) {
    if !range.contains(&seconds.value) {
        let message = format!("{} seconds is out of range", seconds.value);
        problems.push(Problem::at(file, seconds, message).write(format!("{} to {}", range.start(), range.end())));
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
    let delay = &part.random_delay_seconds;
    check_seconds(file, delay, &(0..=LONGEST_RANDOM_DELAY.as_secs()), problems);
    let copy = AutoCopy { schedule: schedule.ok()?, zone: zone.ok()?, random_delay: Duration::from_secs(delay.value) };
    if copy.never_comes() {
        problems.push(Problem::at(file, &part.schedule, "this time never comes").write("a day that every year has"));
    }
    Some(copy)
}
