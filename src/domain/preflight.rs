//! Checks made before a change, with a verdict each.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Duration, FixedOffset};
use serde::Serialize;

use super::backup::Backup;

/// The checks of DESIGN §7; the words are those of `--skip-check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The user is root or `mxone_admin`, on LIM 1 of the alternate.
    User,
    /// Every server answers, with the pinned host key.
    Reachable,
    /// Both systems have the same version, compared as text.
    Version,
    /// Each alternate server has at least what its primary twin has.
    Capacity,
    /// Room for three mirrors.
    Disk,
    /// The same LIM numbers on both sides, and nothing changed since configure.
    Topology,
    /// The primary's LIM 1 runs on its regular server.
    RegularServer,
    /// Clusters fall back automatically where the primary takes over automatically.
    AutomaticFallback,
    /// There is a complete backup, not too old.
    Backup,
    /// Packet filters can be used on every server.
    PacketFilter,
    /// Clocks agree.
    Clock,
    /// The control addresses answer from both sites.
    ControlAddress,
}

impl Check {
    /// All checks in the order in which they are made.
    pub const ALL: [Self; 12] = [
        Self::User,
        Self::Reachable,
        Self::Version,
        Self::Capacity,
        Self::Disk,
        Self::Topology,
        Self::RegularServer,
        Self::AutomaticFallback,
        Self::Backup,
        Self::PacketFilter,
        Self::Clock,
        Self::ControlAddress,
    ];

    /// The word by which it is skipped.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Reachable => "reachable",
            Self::Version => "version",
            Self::Capacity => "capacity",
            Self::Disk => "disk",
            Self::Topology => "topology",
            Self::RegularServer => "regular-server",
            Self::AutomaticFallback => "automatic-fallback",
            Self::Backup => "backup",
            Self::PacketFilter => "packet-filter",
            Self::Clock => "clock",
            Self::ControlAddress => "control-address",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Check {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|check| check.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|check| check.name()).collect();
            format!("\"{text}\" is not a check; the checks are {}", names.join(", "))
        })
    }
}

/// How a check came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "because", rename_all = "kebab-case")]
pub enum Verdict {
    /// As it must be.
    Good(String),
    /// Worth knowing, no hindrance.
    Warning(String),
    /// A hindrance.
    Bad(String),
    /// The platform does not tell.
    NotTold,
}

/// A check and its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// How it came out.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// The hindrances among findings that are not skipped.
#[must_use]
pub fn hindrances(findings: &[Finding], skipped: &BTreeSet<Check>) -> Vec<Finding> {
    let bad = |finding: &&Finding| matches!(finding.verdict, Verdict::Bad(_)) && !skipped.contains(&finding.check);
    findings.iter().filter(bad).cloned().collect()
}

/// A backup older than this is warned about: a backup is expected once a day (171/15431-ANF 901 14 §6.6).
const OLD_BACKUP: Duration = Duration::hours(24);

/// Clocks that differ by more than this make times in logs and schedules hard to compare.
const CLOCK_DIFFERENCE: Duration = Duration::seconds(5);

/// How many times the size of a backup must be free: three mirrors are kept (171/15431-ANF 901 14 §3).
const MIRRORS: u64 = 3;

/// Compares the versions of both systems as text.
#[must_use]
pub fn versions(primary: Option<&str>, alternate: Option<&str>) -> Verdict {
    match (primary, alternate) {
        (Some(primary), Some(alternate)) if primary.trim() == alternate.trim() => {
            Verdict::Good(format!("both run {}", primary.trim()))
        }
        (Some(primary), Some(alternate)) => {
            Verdict::Bad(format!("the primary runs {}, the alternate {}", primary.trim(), alternate.trim()))
        }
        (None, _) | (_, None) => Verdict::NotTold,
    }
}

/// Judges the room for mirrors of a backup of `bytes`.
#[must_use]
pub fn room(bytes: u64, free: u64) -> Verdict {
    let needed = bytes.saturating_mul(MIRRORS);
    let text = format!("{} free, {} needed for three mirrors", size(free), size(needed));
    if free >= needed { Verdict::Good(text) } else { Verdict::Bad(text) }
}

/// Judges the current backup by its age.
#[must_use]
pub fn backup(backup: Option<&Backup>, complete: Option<bool>, now: DateTime<FixedOffset>) -> Verdict {
    let Some(backup) = backup else {
        return Verdict::Bad("the primary has no backup; make a data backup there first".to_owned());
    };
    if complete == Some(false) {
        return Verdict::Bad(format!("the newest backup of the primary ({}) is not complete", backup.id));
    }
    match backup.taken_at.map(|taken| now.signed_duration_since(taken)) {
        Some(age) if age > OLD_BACKUP => {
            Verdict::Warning(format!("backup {} is {} old; what changed since is not in it", backup.id, span(age)))
        }
        Some(age) => Verdict::Good(format!("backup {} is {} old", backup.id, span(age))),
        None => Verdict::Good(format!("backup {}; its age is not told", backup.id)),
    }
}

/// Compares the LIM numbers and all else that must be the same, with what was there at configure.
#[must_use]
pub fn topology(at_configure: &BTreeSet<String>, now: &BTreeSet<String>) -> Verdict {
    if at_configure == now {
        return Verdict::Good(format!("{} parts, as configured", now.len()));
    }
    let added: Vec<String> = now.difference(at_configure).map(|part| format!("+ {part}")).collect();
    let gone: Vec<String> = at_configure.difference(now).map(|part| format!("- {part}")).collect();
    let changes = [added, gone].concat().join(", ");
    Verdict::Bad(format!("changed since configure: {changes}; remove, change both systems, then configure again"))
}

/// Judges the largest difference between this machine's clock and the servers'.
#[must_use]
pub fn clocks(largest: Duration) -> Verdict {
    let text = format!("they differ by at most {} s", largest.num_milliseconds().abs() / 1000);
    if largest.abs() <= CLOCK_DIFFERENCE { Verdict::Good(text) } else { Verdict::Warning(text) }
}

/// A number of bytes for a person.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}

/// A span of time for a person: `44 min`, `9 h 14 min`, `3 days 2 h`.
#[must_use]
pub fn span(duration: Duration) -> String {
    let minutes = duration.num_minutes();
    match minutes {
        ..1 => format!("{} s", duration.num_seconds().max(0)),
        1..60 => format!("{minutes} min"),
        60..2880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} days {} h", minutes / 1440, minutes % 1440 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_text_after_trimming() {
        assert!(matches!(versions(Some("7.4.1 "), Some("7.4.1")), Verdict::Good(_)));
        assert!(matches!(versions(Some("5.0 SP6 build17"), Some("5.0 SP6 build18")), Verdict::Bad(_)));
        assert_eq!(versions(None, Some("1")), Verdict::NotTold);
    }

    #[test]
    fn an_old_backup_is_a_warning_and_an_incomplete_one_a_hindrance() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T02:00:00+01:00").unwrap();
        let made = |hours: i64| Backup {
            id: "1".into(),
            taken_at: Some(now - Duration::hours(hours)),
            version: None,
            path: "/b".into(),
        };
        assert!(matches!(backup(Some(&made(23)), Some(true), now), Verdict::Good(_)));
        assert!(matches!(backup(Some(&made(25)), Some(true), now), Verdict::Warning(_)));
        assert!(matches!(backup(Some(&made(1)), Some(false), now), Verdict::Bad(_)));
        assert!(matches!(backup(None, None, now), Verdict::Bad(_)));
    }

    #[test]
    fn a_skipped_check_is_no_hindrance() {
        let bad = Finding { check: Check::Version, verdict: Verdict::Bad("x".into()) };
        assert_eq!(hindrances(std::slice::from_ref(&bad), &BTreeSet::new()).len(), 1);
        assert!(hindrances(&[bad], &[Check::Version].into()).is_empty());
    }

    #[test]
    fn spans_and_sizes_read_as_a_person_writes_them() {
        assert_eq!(span(Duration::minutes(554)), "9 h 14 min");
        assert_eq!(span(Duration::hours(74)), "3 days 2 h");
        assert_eq!(size(851_443_712), "812.0 MiB");
        assert_eq!(size(17), "17 B");
    }
}
