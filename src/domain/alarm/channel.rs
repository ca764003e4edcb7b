//! The ways people are told, as they are set up.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Kind, Notice, Severity};

/// Everything that is set up for telling people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotifySettings {
    /// The ways, in the order of the file.
    pub channels: Vec<ChannelSettings>,
    /// Where Prometheus finds numbers.
    pub metrics: Metrics,
}

/// Where Prometheus finds numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics {
    /// A file, for the text-file collector of the node exporter.
    pub file: Option<PathBuf>,
    /// An address of this machine's loopback at which they are served over HTTP.
    pub listen: Option<SocketAddr>,
}

/// One way of telling people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSettings {
    /// Its name, for tests and alarms.
    pub name: String,
    /// What is told through it.
    pub wants: Notification,
    /// How.
    pub kind: ChannelKind,
}

/// What is told through a channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notification {
    /// Nothing that is less bad.
    pub severity: Severity,
    /// Only these kinds; none: all.
    pub on: BTreeSet<Kind>,
}

impl Notification {
    /// Whether a notice is told. A test always is.
    #[must_use]
    pub fn wants(&self, notice: &Notice) -> bool {
        let is_of_kind = self.on.is_empty() || self.on.contains(&notice.kind);
        notice.kind == Kind::Test || (is_of_kind && notice.severity >= self.severity)
    }
}

/// How people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelKind {
    /// The system log.
    Syslog(SyslogPlace),
    /// Mail.
    Mail(MailSettings),
    /// SNMP traps.
    Snmp(SnmpSettings),
    /// An HTTP POST.
    Webhook {
        /// Where to.
        url: String,
        /// What signs the body (HMAC-SHA256).
        secret: Option<String>,
        /// Certificates to go by beside the system's, a PEM file.
        ca: Option<PathBuf>,
    },
    /// A program of the site's own.
    Command {
        /// The program.
        path: PathBuf,
    },
}

/// Where the system log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogPlace {
    /// A socket of this machine, in the form of RFC 3164.
    Socket(PathBuf),
    /// A server reached by UDP, in the form of RFC 5424.
    Address(String),
}

/// Mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// The mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// User and password, where the server asks for them.
    pub login: Option<(String, String)>,
    /// The sender.
    pub from: String,
    /// The receivers.
    pub to: Vec<String>,
    /// Certificates to go by beside the system's, a PEM file.
    pub ca: Option<PathBuf>,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    None,
    /// After the greeting; a server that cannot is refused.
    Starttls,
    /// From the beginning.
    Tls,
}

/// SNMP traps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnmpSettings {
    /// Where to: `host:port`.
    pub target: String,
    /// How they are proved and hidden.
    pub auth: TrapAuth,
    /// By what a receiver of v3 traps knows the sender; without it, by the name of the machine.
    pub engine: Option<Vec<u8>>,
    /// The arc below which the traps and their values are.
    pub oid: Vec<u32>,
}

/// How a trap is proved and hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrapAuth {
    /// SNMP v2c.
    Community(String),
    /// SNMP v3 with its user security.
    User {
        /// The user.
        user: String,
        /// What proves the trap, and the password for it.
        auth: (TrapHash, String),
        /// The password that hides it (AES-128), where it is to be hidden.
        privacy: Option<String>,
    },
}

/// What proves a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrapHash {
    /// SHA-1.
    Sha,
    /// SHA-256.
    Sha256,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_told_what_is_bad_enough_and_of_its_kinds_and_every_test() {
        let at = chrono::DateTime::parse_from_rfc3339("2026-11-21T02:00:00+01:00").unwrap();
        let role = Notice::of(Kind::RoleChanged, "alternate", at, "is live");
        let small = Notice { severity: Severity::Warning, ..Notice::of(Kind::AlarmRaised, "alternate", at, "late") };
        let test = Notice::of(Kind::Test, "root", at, "a test");
        let all = Notification::default();
        assert!(all.wants(&role) && all.wants(&small) && all.wants(&test));
        let bad = Notification { severity: Severity::Major, ..Notification::default() };
        assert!(bad.wants(&role) && !bad.wants(&small) && bad.wants(&test));
        let only_roles = Notification { on: BTreeSet::from([Kind::RoleChanged]), ..Notification::default() };
        assert!(only_roles.wants(&role) && !only_roles.wants(&small) && only_roles.wants(&test));
    }
}
