//! What every Linux server can be asked, whatever telephony software it runs.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::not_understood;
use crate::domain::site::ServerId;
use crate::ports::call_server::{CallServerError, Capacity};
use crate::ports::clock::Clock;
use crate::ports::host::{Command, Host, HostError, Output, run_checked};

/// Seconds that `ping` waits for its one answer: more than any round trip between two sites.
const PING_WAIT: &str = "2";

/// What a server's hardware offers.
pub(super) async fn capacity(host: &dyn Host, server: ServerId) -> Result<Capacity, CallServerError> {
    const WHAT: &str = "the capacity";
    let run = |arguments: &'static [&'static str]| async move {
        let command = Command::new(arguments.iter().copied()).as_user();
        let output = run_checked(host, command).await;
        output.map(|output| output.text()).map_err(|source| CallServerError::Host { server, what: WHAT, source })
    };
    let (cores, memory, disk) = tokio::join!(
        run(&["nproc"]),
        run(&["cat", "/proc/meminfo"]),
        run(&["df", "-B1", "--output=size,avail", "/var"]),
    );
    let told = |what: &str, number: Option<u64>| {
        number.ok_or_else(|| not_understood(server, WHAT, format!("the {what} cannot be told")))
    };
    Ok(Capacity {
        cores: told("number of processors", cores?.trim().parse().ok())?,
        memory: told("size of the memory", memory_of(&memory?))?,
        disk: told("size of /var", disk_of(&disk?))?,
    })
}

/// `MemTotal:       24039876 kB`, in bytes.
fn memory_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The size in the second line of `df -B1 --output=size,avail`.
fn disk_of(df: &str) -> Option<u64> {
    df.lines().nth(1)?.split_whitespace().next()?.parse().ok()
}

/// The server's clock minus ours, taken at the middle of the round trip.
pub(super) async fn clock_difference(
    host: &dyn Host,
    server: ServerId,
    clock: &dyn Clock,
) -> Result<chrono::Duration, CallServerError> {
    const WHAT: &str = "the clock";
    let asked = clock.now();
    let output = run_checked(host, Command::new(["date", "+%s.%N"]).as_user())
        .await
        .map_err(|source| CallServerError::Host { server, what: WHAT, source })?;
    let round_trip = clock.now() - asked;
    let theirs =
        epoch_time(output.text().trim()).ok_or_else(|| not_understood(server, WHAT, "date +%s.%N printed no time"))?;
    Ok(theirs - (asked.to_utc() + round_trip / 2))
}

/// Seconds since 1970 with up to nine decimals, as `date +%s.%N` and `find -printf %T@` print them.
pub(super) fn epoch_time(text: &str) -> Option<DateTime<Utc>> {
    let (seconds, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits: String = decimals.chars().take_while(char::is_ascii_digit).take(9).collect();
    let nanoseconds: u32 = format!("{digits:0<9}").parse().ok()?;
    DateTime::from_timestamp(seconds.parse().ok()?, nanoseconds)
}

/// Whether an address answers a ping sent by the server.
pub(super) async fn reaches(host: &dyn Host, server: ServerId, address: IpAddr) -> Result<bool, CallServerError> {
    let command = Command::new(["ping", "-c", "1", "-W", PING_WAIT, &address.to_string()]).as_user();
    let line = command.quoted();
    let failed = |source| CallServerError::Host { server, what: "what is reachable", source };
    let output = host.run(command).await.map_err(failed)?;
    // ping ends with 1 when nothing answers, and with 2 for all else, also when there is no way to the address.
    match output.status {
        0 => Ok(true),
        1 => Ok(false),
        2 if output.complaint().to_lowercase().contains("unreachable") => Ok(false),
        status => {
            let complaint = output.complaint();
            Err(failed(HostError::Failed { host: host.name(), command: line, status, complaint }))
        }
    }
}

/// Whether the packet filter commands of both families can be used; what is wrong if not.
pub(super) async fn filter_usable(host: &dyn Host, server: ServerId) -> Result<Result<(), String>, CallServerError> {
    let commands = [
        Command::new(["iptables", "-V"]),
        Command::new(["ip6tables", "-V"]),
        Command::new(["iptables-save", "-t", "filter"]),
        Command::new(["ip6tables-save", "-t", "filter"]),
    ];
    for command in commands {
        let line = command.quoted();
        match host.run(command).await {
            Ok(output) if output.success() => {}
            Ok(output) => return Ok(Err(format!("{line} ends with status {}: {}", output.status, reason(&output)))),
            Err(HostError::NotStarted { because, .. }) => {
                return Ok(Err(format!("{line} cannot be started: {because}")));
            }
            Err(source) => {
                return Err(CallServerError::Host { server, what: "whether the packet filter can be used", source });
            }
        }
    }
    Ok(Ok(()))
}

/// What a command said last, on either of its outputs.
pub(super) fn reason(output: &Output) -> String {
    let complaint = output.complaint();
    if !complaint.is_empty() {
        return complaint;
    }
    let said = Output { stderr: output.stdout.clone(), ..Output::default() }.complaint();
    if said.is_empty() { "it says nothing".to_owned() } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_prints_is_understood() {
        assert_eq!(memory_of("MemTotal:       24039876 kB\nMemFree: 1 kB\n"), Some(24_039_876 * 1024));
        assert_eq!(disk_of("       1B-blocks        Avail\n    270553174016 229284376576\n"), Some(270_553_174_016));
        assert_eq!(epoch_time("1763739224.250000000").unwrap().to_rfc3339(), "2025-11-21T15:33:44.250+00:00");
        assert_eq!(epoch_time("1763739224.5"), epoch_time("1763739224.500000000"));
        assert_eq!(epoch_time("1763739224"), epoch_time("1763739224.N"));
        for odd in ["", "x", ".", "99999999999999999999", "-"] {
            assert!(epoch_time(odd).is_none() && memory_of(odd).is_none() && disk_of(odd).is_none(), "{odd}");
        }
    }
}
