//! The system log: a socket of this machine (RFC 3164), or a server reached by UDP (RFC 5424).

use std::path::Path;

use tokio::net::{UdpSocket, UnixDatagram, lookup_host};

use super::{host_name, not_taken};
use crate::domain::alarm::{Kind, Notice, Severity, SyslogPlace};
use crate::ports::host::visible;
use crate::ports::notifier::NotifyError;

/// `daemon`, RFC 5424 table 1.
const FACILITY: u8 = 3;

/// The name by which our lines are found.
const TAG: &str = "mxone_system_redundancy";

pub(super) async fn send(place: &SyslogPlace, notice: &Notice) -> Result<(), NotifyError> {
    match place {
        SyslogPlace::Socket(path) => {
            to_socket(path, &local(notice)).await.map_err(|error| not_taken(path.display().to_string())(&error))
        }
        SyslogPlace::Address(address) => {
            to_address(address, &remote(notice)).await.map_err(|error| not_taken(address)(&error))
        }
    }
}

async fn to_socket(path: &Path, line: &str) -> std::io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.send(line.as_bytes()).await.map(drop)
}

async fn to_address(address: &str, line: &str) -> std::io::Result<()> {
    let target = lookup_host(address).await?.next();
    let target = target.ok_or_else(|| std::io::Error::other(format!("{address} has no address")))?;
    let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(target).await?;
    socket.send(line.as_bytes()).await.map(drop)
}

/// Facility and severity, RFC 5424 section 6.2.1.
fn priority(notice: &Notice) -> u8 {
    let severity = match (notice.kind, notice.severity) {
        (Kind::AlarmCleared, _) => 5,
        (_, Severity::Critical) => 2,
        (_, Severity::Major) => 3,
        (_, Severity::Warning) => 4,
        (_, Severity::Info) => 6,
    };
    FACILITY * 8 + severity
}

/// `<27>Nov 21 02:14:07 mxone_system_redundancy[812]: alarm-raised ...`
fn local(notice: &Notice) -> String {
    let at = notice.at.format("%b %e %H:%M:%S");
    format!("<{}>{at} {TAG}[{}]: {}", priority(notice), std::process::id(), text(notice))
}

/// `<27>1 2026-11-21T02:14:07+01:00 host mxone_system_redundancy 812 alarm-raised - ...`
fn remote(notice: &Notice) -> String {
    let at = notice.at.to_rfc3339();
    let process = std::process::id();
    format!("<{}>1 {at} {} {TAG} {process} {} - {}", priority(notice), host_name(), notice.kind, text(notice))
}

/// A line of the log is one line.
fn text(notice: &Notice) -> String {
    visible(&notice.line()).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alarm::Alarm;

    fn notice() -> Notice {
        let at = chrono::DateTime::parse_from_rfc3339("2026-11-05T02:14:07+01:00").unwrap();
        let plain = Notice::of(Kind::AlarmRaised, "alternate", at, "it is not\nheard");
        Notice { alarm: Some(Alarm::WitnessLost), severity: Severity::Major, ..plain }
    }

    #[test]
    fn a_line_has_its_priority_its_time_and_no_line_break() {
        let process = std::process::id();
        assert_eq!(
            local(&notice()),
            format!(
                "<27>Nov  5 02:14:07 mxone_system_redundancy[{process}]: \
                 alarm-raised witness-lost (major): it is not heard"
            )
        );
        let told = remote(&notice());
        assert!(told.starts_with("<27>1 2026-11-05T02:14:07+01:00 "), "{told}");
        assert!(told.ends_with(" alarm-raised - alarm-raised witness-lost (major): it is not heard"), "{told}");
    }

    #[test]
    fn the_priority_follows_the_severity_and_an_alarm_that_ends_is_a_notice() {
        let of = |severity, kind| priority(&Notice { kind, severity, ..notice() }) - FACILITY * 8;
        assert_eq!(of(Severity::Critical, Kind::AlarmRaised), 2);
        assert_eq!(of(Severity::Warning, Kind::AlarmRaised), 4);
        assert_eq!(of(Severity::Critical, Kind::AlarmCleared), 5);
        assert_eq!(of(Severity::Info, Kind::Test), 6);
    }
}
