//! What people are told of who are not looking: alarms that begin and end, and changes of role.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod channel;
mod notice;
mod numbers;
mod post;
mod register;
mod system;

pub use channel::{
    ChannelKind, ChannelSettings, MailSettings, Metrics, NotifySettings, SnmpSettings, SyslogPlace, Tls,
};
pub use channel::{Notification, TrapAuth, TrapHash};
pub use notice::{Kind, Notice};
pub use numbers::Numbers;
pub use post::Post;
pub use register::{Finding, Raised, Register};
pub use system::{ExpectedAlarms, Reading, Standing, SystemAlarm};

/// Something that is wrong and lasts until it is right again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alarm {
    /// Both sites let traffic in.
    DualLive,
    /// A server could not be read back as blocked.
    BlockNotVerified,
    /// The promises cannot be written to disk.
    PromisesNotKept,
    /// Another program changed the rules.
    RulesTampered,
    /// A site is live by a person's word, not by two promises.
    LiveByWord,
    /// Not every gate ends by itself.
    NotArmed,
    /// The gate of a site that is to be live cannot be opened.
    GateNotOpened,
    /// The other site is not heard.
    PeerLost,
    /// The witness is not heard.
    WitnessLost,
    /// Too few control addresses answer.
    ControlAddressLost,
    /// The call server of the live site does not answer.
    CallServerUnwell,
    /// No takeover happens by itself for now.
    TakeoverSuspended,
    /// This machine stood still, or its clock did.
    ClockDoubtful,
    /// The loaded data is too old for a takeover by itself.
    DataStale,
    /// The last copy failed.
    CopyFailed,
    /// No copy was made when one was due.
    CopyLate,
    /// The systems of the two sites have different versions.
    VersionsDiffer,
    /// The telephony system itself has alarms that are not expected of it.
    SystemAlarm,
    /// A way of telling people does not work.
    ChannelFailed,
}

impl Alarm {
    /// Every alarm, the worst first.
    pub const ALL: [Self; 19] = [
        Self::DualLive,
        Self::BlockNotVerified,
        Self::PromisesNotKept,
        Self::RulesTampered,
        Self::LiveByWord,
        Self::NotArmed,
        Self::GateNotOpened,
        Self::PeerLost,
        Self::WitnessLost,
        Self::ControlAddressLost,
        Self::CallServerUnwell,
        Self::TakeoverSuspended,
        Self::ClockDoubtful,
        Self::DataStale,
        Self::CopyFailed,
        Self::CopyLate,
        Self::VersionsDiffer,
        Self::SystemAlarm,
        Self::ChannelFailed,
    ];

    /// Its name, as it is written everywhere.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::DualLive => "dual-live",
            Self::BlockNotVerified => "block-not-verified",
            Self::PromisesNotKept => "promises-not-kept",
            Self::RulesTampered => "rules-tampered",
            Self::LiveByWord => "live-by-word",
            Self::NotArmed => "not-armed",
            Self::GateNotOpened => "gate-not-opened",
            Self::PeerLost => "peer-lost",
            Self::WitnessLost => "witness-lost",
            Self::ControlAddressLost => "control-address-lost",
            Self::CallServerUnwell => "call-server-unwell",
            Self::TakeoverSuspended => "takeover-suspended",
            Self::ClockDoubtful => "clock-doubtful",
            Self::DataStale => "data-stale",
            Self::CopyFailed => "copy-failed",
            Self::CopyLate => "copy-late",
            Self::VersionsDiffer => "versions-differ",
            Self::SystemAlarm => "system-alarm",
            Self::ChannelFailed => "channel-failed",
        }
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::DualLive | Self::BlockNotVerified => Severity::Critical,
            Self::PromisesNotKept
            | Self::RulesTampered
            | Self::LiveByWord
            | Self::NotArmed
            | Self::GateNotOpened
            | Self::PeerLost
            | Self::WitnessLost
            | Self::ControlAddressLost
            | Self::CallServerUnwell => Severity::Major,
            Self::TakeoverSuspended
            | Self::ClockDoubtful
            | Self::DataStale
            | Self::CopyFailed
            | Self::CopyLate
            | Self::VersionsDiffer
            | Self::SystemAlarm
            | Self::ChannelFailed => Severity::Warning,
        }
    }

    /// What to do about it, in a sentence; the help page about alarms says more.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::DualLive => {
                "block one site now: `status`, then `manual-takeover`, or `mxone_maintenance` at the site"
            }
            Self::BlockNotVerified => "block that server with `mxone_maintenance`, or take its network cable out",
            Self::PromisesNotKept => "make room on the disk of this machine, or mend it",
            Self::RulesTampered => "find the program that changes iptables or nft, and stop it",
            Self::LiveByWord => "bring the other site or the witness back",
            Self::GateNotOpened => "see in `history` what the packet filter of LIM 1 refuses, and mend it",
            Self::NotArmed => "see that nft and SSH work on every server of this site",
            Self::PeerLost => "see whether the other site, its monitor and the line to it work",
            Self::WitnessLost => "see whether the witness and the line to it work; one more fault stops the service",
            Self::ControlAddressLost => "see whether this site still reaches the users' network",
            Self::CallServerUnwell => "look at the telephony software of this site",
            Self::TakeoverSuspended => "see `lease`; end a hold with `lease hold 0`, a guard with `lease acknowledge`",
            Self::ClockDoubtful => "see whether this machine was paused, moved or starved of processor time",
            Self::DataStale => "run `data copy`",
            Self::CopyFailed => "see `history`, mend the cause, run `data copy`",
            Self::CopyLate => "see whether the monitor runs and nobody holds the lock; run `data copy`",
            Self::VersionsDiffer => "bring both systems to the same version; copies are refused until then",
            Self::SystemAlarm => "look at the alarms of the telephony system itself",
            Self::ChannelFailed => "run `notify test`, and mend what it tells of that channel",
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How bad something is; each is worse than those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    #[default]
    Info,
    /// The service runs; something is to be mended within the day.
    Warning,
    /// A takeover happened or may not work when it is needed: mend it now.
    Major,
    /// What this product promises is broken, or cannot be proved.
    Critical,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Info, Self::Warning, Self::Major, Self::Critical];
        let found = all.into_iter().find(|severity| severity.word() == text);
        found.ok_or_else(|| format!("\"{text}\" is none of info, warning, major, critical"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alarm_is_written_as_it_is_read_and_the_worst_comes_first() {
        for alarm in Alarm::ALL {
            assert_eq!(serde_json::to_value(alarm).unwrap(), alarm.word());
        }
        assert!(Alarm::ALL.is_sorted_by_key(|alarm| std::cmp::Reverse(alarm.severity())));
    }

    #[test]
    fn a_severity_is_written_as_it_is_read() {
        for severity in [Severity::Info, Severity::Warning, Severity::Major, Severity::Critical] {
            assert_eq!(severity.to_string().parse(), Ok(severity));
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.word());
        }
        assert!("bad".parse::<Severity>().is_err());
    }
}
