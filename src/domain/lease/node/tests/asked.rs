//! What people set, and what they are told when they ask.

use super::*;
use crate::domain::lease::agreed::Hold;

#[test]
fn a_new_limit_is_gone_by_at_once_and_the_other_site_is_told() {
    let (mut node, _) = asking();
    let mut takeover = node.memory().agreed.takeover;
    takeover.limits.control_needed = 3;
    let mut effects = node.step(Event::Ordered(Command::Takeover(takeover)), at(2));
    let because = node.why(at(2)).because;
    assert!(matches!(because, Reason::NoControl { answering: 2, needed: 3, .. }), "{because:?}");
    effects.extend(node.step(Event::Tick, at(2000)));
    let tells = |effect: &Effect| {
        let Effect::Send { to: Voter::Monitor(Site::Primary), message: Message::Beat(beat) } = effect else {
            return false;
        };
        beat.agreed.takeover == takeover
    };
    assert!(effects.iter().any(tells), "{effects:?}");
}

#[test]
fn who_asks_why_is_told_all_that_the_decision_hangs_on() {
    let (mut node, _) = asking();
    let hold = Hold { left: Duration::from_secs(1800), reason: "work on the network".to_owned() };
    node.step(Event::Ordered(Command::Hold(Some(hold))), at(2));
    let known = node.known(at(2), "etcd").into_iter();
    let lines: Vec<String> = known.map(|known| format!("{}: {}", known.what, known.is)).collect();
    let told = [
        "this site: not live; its vote is free",
        "other site: not heard for 0 s",
        "third vote: etcd, heard 0 s ago",
        "control addresses: 2 of 2 answer, 1 must",
        "call server: no fault known",
        "data: 60 s old; the limit is 48 h",
        "takeover: to the alternate automatic, to the primary automatic",
        "waits: a person's hold (work on the network): 30 min more",
        "times: renewed every 1 s, a right lasts 6 s, a promise 8 s",
    ];
    assert_eq!(lines, told);
}

#[test]
fn a_worry_that_comes_later_hides_none_that_is_still_true() {
    let mut node = forced();
    let epoch = node.live().unwrap();
    node.step(Event::Ordered(Command::Hold(None)), at(60_001));
    node.step(Event::NotKept, at(60_001));
    assert_eq!(raised(&node), [Worry::Vouched, Worry::NotKept]);
    node.step(Event::Ordered(Command::Hold(None)), at(60_002));
    node.step(Event::Tick, at(60_003));
    assert_eq!(raised(&node), [Worry::Vouched], "it is live by a person's word all the time");
    assert!(matches!(node.guarantee(at(60_003)), Guarantee::Lost { why: Worry::Vouched, .. }));
    assert_eq!((node.live(), node.live_without_end()), (Some(epoch), Some(epoch)));
}
