//! What works on a machine, and so which alarms somebody goes on looking for there.

use super::{Alarm, Raised};
use crate::domain::lease::ThirdVote;

/// What works on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// The monitor of the alternate, without voters.
    Alone,
    /// The monitor of a site, with its voter.
    Voter(ThirdVote),
    /// The witness.
    Witness,
}

impl Post {
    /// Whether somebody tells of an alarm, after a start of this program, when it is over. What nobody looks for any
    /// more would stay raised for good.
    #[must_use]
    pub fn looks_for(self, raised: &Raised) -> bool {
        match raised.alarm {
            Alarm::DualLive
            | Alarm::PeerLost
            | Alarm::CopyFailed
            | Alarm::CopyLate
            | Alarm::VersionsDiffer
            | Alarm::SystemAlarm => self != Self::Witness,
            // One about a single server is ended by whoever saw it opened, and begins anew where it is opened still.
            Alarm::RulesTampered => self != Self::Witness && raised.about.is_empty(),
            Alarm::WitnessLost => self == Self::Voter(ThirdVote::Witness),
            Alarm::BlockNotVerified
            | Alarm::PromisesNotKept
            | Alarm::LiveByWord
            | Alarm::NotArmed
            | Alarm::GateNotOpened
            | Alarm::ControlAddressLost
            | Alarm::CallServerUnwell
            | Alarm::TakeoverSuspended
            | Alarm::ClockDoubtful
            | Alarm::DataStale => matches!(self, Self::Voter(_)),
            Alarm::ChannelFailed => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_voters_nobody_looks_for_what_only_voters_tell_and_without_a_witness_nobody_for_it() {
        let looked_for = |post: Post, about: &str| -> Vec<Alarm> {
            let since = chrono::DateTime::UNIX_EPOCH.fixed_offset();
            let raised = |alarm| Raised { alarm, about: about.to_owned(), since, text: String::new() };
            Alarm::ALL.into_iter().filter(|alarm| post.looks_for(&raised(*alarm))).collect()
        };
        let alone = looked_for(Post::Alone, "");
        assert!(!alone.contains(&Alarm::WitnessLost) && !alone.contains(&Alarm::TakeoverSuspended), "{alone:?}");
        assert!(alone.contains(&Alarm::PeerLost) && alone.contains(&Alarm::CopyLate), "{alone:?}");
        assert_eq!(looked_for(Post::Voter(ThirdVote::Witness), ""), Alarm::ALL);
        assert!(!looked_for(Post::Voter(ThirdVote::Witness), "a blocked server").contains(&Alarm::RulesTampered));
        assert!(!looked_for(Post::Voter(ThirdVote::ControlAddress), "").contains(&Alarm::WitnessLost));
        assert_eq!(looked_for(Post::Witness, ""), [Alarm::ChannelFailed]);
    }
}
