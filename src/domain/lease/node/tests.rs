//! The monitor's state machine, step by step.

use super::*;
use crate::domain::configuration::Mode;
use crate::domain::lease::agreed::{Agreed, Hold};
use crate::domain::lease::memory::Stamp;
use crate::domain::lease::message::{Ask, Beat, Clock, Echo, Grant, Release, Standing};
use crate::domain::site::Order;

#[test]
fn a_site_that_is_blocked_in_the_step_that_made_it_live_is_not_opened() {
    let (mut node, ask) = asking();
    let baseline = Echo { stamp: ask.stamp, clock: clock(100), order: ask.order, highest: Epoch(1) };
    node.step(heard(Message::Echo(baseline)), at(2));
    // The witness's clock moved a hundred seconds, ours a few milliseconds: this machine stood still.
    let effects = node.step(heard(grant(ask, 200)), at(3));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Close { .. })), "{effects:?}");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Open { .. })), "{effects:?}");
}

#[test]
fn the_own_vote_is_written_down_before_the_gates_are_opened() {
    let (mut node, ask) = asking();
    let effects = node.step(heard(grant(ask, 100)), at(2));
    let keeps = effects.iter().position(|effect| matches!(effect, Effect::Keep(_))).unwrap();
    let opens = effects.iter().position(|effect| matches!(effect, Effect::Open { .. })).unwrap();
    assert!(keeps < opens, "{effects:?}");
    assert_eq!(node.live(), Some(Epoch(2)));
}

#[test]
fn a_vote_that_cannot_be_written_down_makes_nobody_live() {
    let (mut node, ask) = asking();
    node.step(heard(grant(ask, 100)), at(2));
    node.step(Event::NotKept, at(2));
    assert_eq!(node.live(), None);
    assert_eq!(node.memory().promise, None);
    assert_eq!(node.guarantee(at(3)).word(), "lost");
}

#[test]
fn the_gates_are_opened_for_what_remains_since_the_request() {
    let (mut node, ask) = asking();
    let effects = node.step(heard(grant(ask, 100)), at(2_001));
    let rights = effects.iter().find_map(|effect| {
        let Effect::Open { right: Right::For(left), .. } = effect else { return None };
        Some(*left)
    });
    assert_eq!(rights, Some(Duration::from_secs(4)));
}

#[test]
fn a_block_that_is_not_proved_is_followed_by_no_release() {
    for verified in [false, true] {
        let (mut node, ask) = asking();
        node.step(heard(grant(ask, 100)), at(2));
        let stamp = Stamp { start: 1, sent: 5 };
        let order = Order { active: Site::Primary, epoch: Epoch(1) };
        let standing = Standing { live: None, asks: false, control: true, healthy: true, data: true };
        let beat = Beat { stamp, order, standing, agreed: node.memory().agreed.clone() };
        let from = Voter::Monitor(Site::Primary);
        node.step(Event::Heard { from, message: Message::Beat(Box::new(beat)) }, at(3));
        let effects = node.step(Event::Ordered(Command::HandOver), at(4));
        let Some(Effect::Close { ticket, .. }) = effects.first() else { panic!("{effects:?}") };
        let effects = node.step(Event::Closed { ticket: *ticket, verified }, at(5));
        let released = |effect: &Effect| {
            matches!(
                effect,
                Effect::Send { message: Message::Release(Release { epoch: Epoch(2), by_person: true }), .. }
            )
        };
        assert_eq!(effects.iter().any(released), verified, "{effects:?}");
    }
}

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

/// The alternate, asking, a millisecond after its start; with what it asks the witness.
fn asking() -> (Node, Ask) {
    let takeover = TakeoverSettings {
        alternate_from_primary: Mode::Automatic,
        primary_from_alternate: Mode::Automatic,
        ..TakeoverSettings::default()
    };
    let memory = Memory { promise: None, ..Memory::first(Site::Primary, Agreed::first(takeover)) };
    let (timing, third) = (Timing::STANDARD, ThirdVote::Witness);
    let setup = Setup { site: Site::Alternate, timing, third };
    let (mut node, _) = Node::start(setup, Stored::Whole(memory.clone()), memory, GateSeen::Closed, at(0));
    node.step(Event::Data { age: Some(Duration::from_secs(60)) }, at(1));
    let effects = node.step(Event::Control { answering: 2, of: 2 }, at(1));
    let ask = effects.iter().find_map(|effect| {
        let Effect::Send { to: Voter::Witness, message: Message::Ask(ask) } = effect else { return None };
        Some(*ask)
    });
    (node, ask.unwrap())
}

fn grant(ask: Ask, seconds: u64) -> Message {
    let Ask { epoch, kind, stamp, order, .. } = ask;
    Message::Grant(Grant { epoch, kind, stamp, clock: clock(seconds), order })
}

fn heard(message: Message) -> Event {
    Event::Heard { from: Voter::Witness, message }
}

fn clock(seconds: u64) -> Clock {
    Clock { start: 1, now: at(seconds * 1000) }
}

fn at(millis: u64) -> Moment {
    Moment::from_nanos(millis * 1_000_000)
}

#[test]
fn a_site_whose_gates_could_not_all_be_armed_stays_open_and_tries_again_later() {
    let (mut node, ticket, sent) = arming();
    let effects = node.step(Event::NotArmed { ticket }, at(sent));
    let opens = |effect: &Effect| matches!(effect, Effect::Open { right: Right::Standing, .. });
    assert!(effects.iter().any(opens), "some gates end by themselves already: {effects:?}");
    assert_eq!(node.guarantee(at(sent)).word(), "lost", "what was promised is not in force");
    let arms = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Arm { .. }));
    let mut armed_at = None;
    for second in 1..60 {
        let now = at(sent + second * 1000);
        let effects = node.step(Event::Tick, now);
        if arms(&effects) {
            armed_at = Some(second);
            break;
        }
        answered(&mut node, &effects, now);
    }
    assert!(armed_at.is_some_and(|second| (29..35).contains(&second)), "{armed_at:?}");
}

/// The primary, live by standing promises, told to be automatic, about to arm; with the ticket and the millisecond.
fn arming() -> (Node, u64, u64) {
    let takeover = TakeoverSettings {
        alternate_from_primary: Mode::Automatic,
        primary_from_alternate: Mode::Manual,
        ..TakeoverSettings::default()
    };
    let memory = Memory::first(Site::Primary, Agreed::first(takeover));
    let (timing, third) = (Timing::STANDARD, ThirdVote::Witness);
    let setup = Setup { site: Site::Primary, timing, third };
    let (mut node, mut effects) = Node::start(setup, Stored::Whole(memory.clone()), memory, GateSeen::Unarmed, at(0));
    for second in 0..20 {
        let now = second * 1000 + 1;
        effects.extend(node.step(Event::Tick, at(now)));
        let armed = effects.iter().find_map(|effect| {
            let Effect::Arm { ticket, .. } = effect else { return None };
            Some(*ticket)
        });
        if let Some(ticket) = armed {
            return (node, ticket, now);
        }
        answered(&mut node, &effects, at(now));
        effects.clear();
    }
    panic!("it never armed");
}

/// The witness grants what it is asked for, at once.
fn answered(node: &mut Node, effects: &[Effect], now: Moment) {
    for effect in effects {
        if let Effect::Send { to: Voter::Witness, message: Message::Ask(ask) } = effect {
            let Ask { epoch, kind, stamp, order, .. } = *ask;
            let clock = Clock { start: 1, now };
            let message = Message::Grant(Grant { epoch, kind, stamp, clock, order });
            node.step(heard(message), now);
        }
    }
}
