//! The monitor's state machine, step by step.

use super::*;
use crate::domain::configuration::Mode;
use crate::domain::lease::agreed::Agreed;
use crate::domain::lease::guarantee::Guarantee;
use crate::domain::lease::memory::{Kind, Promise, Stamp};
use crate::domain::lease::message::{Ask, Beat, Clock, Echo, Grant, Release, Standing};
use crate::domain::lease::reason::{Reason, Trouble};
use crate::domain::site::Order;

mod arms;
mod asked;
mod listens;

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
        let standing = Standing { live: None, asks: false, control: true, healthy: true, data: true, doubted: false };
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

#[test]
fn a_call_server_that_was_ill_before_the_block_does_not_keep_its_site_from_ever_being_live_again() {
    let mut node = ill_and_handed_over();
    // A probe that was begun while the site was live ends after the block.
    node.step(Event::Health { is_well: false }, at(6));
    let standing = standing_told(&mut node, at(1_001));
    assert!(standing.healthy && standing.doubted, "{standing:?}");
    // The primary was live since, and is gone.
    node.step(beat_of_the_primary(&node, 9, Some(Epoch(3))), at(2_000));
    let decision = node.why(at(60_000));
    assert_eq!(decision.what, super::super::decide::What::Ask, "{decision:?}");
}

#[test]
fn a_call_server_that_was_ill_gets_nothing_back_by_itself_before_it_was_seen_well() {
    let mut node = ill_and_handed_over();
    let doubted = standing_told(&mut node, at(1_001));
    node.step(Event::HealthWhileBlocked { is_well: false }, at(1_002));
    let still_ill = standing_told(&mut node, at(2_001));
    assert!(still_ill.doubted && !still_ill.healthy, "{still_ill:?}");
    node.step(Event::HealthWhileBlocked { is_well: true }, at(2_002));
    let mended = standing_told(&mut node, at(3_001));
    assert!(mended.healthy && !mended.doubted, "{mended:?}");

    let well_for = |standing: Standing| {
        let mut senses = Senses::at_start(Voter::Monitor(Site::Alternate), at(0));
        for second in 0..700 {
            let Event::Heard { message: Message::Beat(mut beat), .. } = beat_of_the_primary(&node, second + 10, None)
            else {
                panic!("no beat")
            };
            beat.standing = standing;
            senses.peer(&beat, at(second * 1000), Duration::from_secs(3));
        }
        senses.peer_well_for(at(699_000), Duration::from_secs(3))
    };
    assert_eq!(well_for(doubted), None);
    assert_eq!(well_for(still_ill), None);
    assert_eq!(well_for(mended), Some(Duration::from_secs(699)));
}

#[test]
fn a_call_server_that_failed_once_before_a_block_for_another_reason_is_not_doubted() {
    let mut node = live_beside_the_primary();
    node.step(Event::Health { is_well: false }, at(4));
    let effects = node.step(Event::Ordered(Command::HandOver), at(4));
    node.step(Event::Closed { ticket: ticket(&effects), verified: true }, at(5));
    let standing = standing_told(&mut node, at(1_001));
    assert!(standing.healthy && !standing.doubted, "{standing:?}");
}

#[test]
fn a_persons_word_that_could_not_be_written_down_is_in_force_nowhere() {
    let (mut node, _) = asking();
    node.step(Event::Ordered(Command::Force), at(60_000));
    node.step(Event::NotKept, at(60_000));
    assert_eq!((node.live(), raised(&node)), (None, vec![Worry::NotKept]));
}

#[test]
fn a_block_that_was_not_proved_in_time_is_proved_by_the_next_look_that_finds_it_whole() {
    for live_again in [false, true] {
        let mut node = live_beside_the_primary();
        let effects = node.step(Event::Ordered(Command::HandOver), at(4));
        node.step(Event::Closed { ticket: ticket(&effects), verified: false }, at(1_005));
        assert_eq!(raised(&node), [Worry::BlockNotVerified]);
        if live_again {
            let effects = node.step(Event::Tick, at(20_000));
            answered(&mut node, &effects, at(20_000));
            assert!(node.live().is_some(), "{effects:?}");
        } else {
            node.step(Event::GateWhole, at(3_000));
        }
        assert_eq!(raised(&node), []);
    }
}

#[test]
fn a_gate_that_is_whole_while_it_is_open_proves_no_block() {
    let (mut node, ask) = asking();
    node.step(heard(grant(ask, 100)), at(2));
    let mut effects = Vec::new();
    node.worry(Worry::BlockNotVerified, at(3), &mut effects);
    node.step(Event::GateWhole, at(4));
    assert_eq!(raised(&node), [Worry::BlockNotVerified]);
}

#[test]
fn a_block_that_is_made_anew_says_that_the_rules_were_changed() {
    let (mut node, _) = asking();
    let effects = node.step(Event::GateChanged, at(2));
    let because = effects.iter().find_map(|effect| {
        let Effect::Close { because, .. } = effect else { return None };
        Some(*because)
    });
    assert_eq!(because, Some(Reason::RulesChanged));
}

#[test]
fn a_monitor_that_is_restarted_within_its_right_tells_of_no_victory_and_later_it_does() {
    for (answered_at, tells) in [(100, false), (6_100, true)] {
        let takeover = TakeoverSettings { alternate_from_primary: Mode::Automatic, ..TakeoverSettings::default() };
        let order = Order { active: Site::Primary, epoch: Epoch(4) };
        let (length, stamp) = (Timing::STANDARD.promise(), Stamp { start: 0, sent: 5 });
        let promise = Promise { to: Site::Primary, epoch: Epoch(4), kind: Kind::Lease, length, stamp };
        let first = Memory::first(Site::Primary, Agreed::first(takeover));
        let memory = Memory { promise: Some(promise), order, highest: Epoch(4), ..first };
        let setup = Setup { site: Site::Primary, timing: Timing::STANDARD, third: ThirdVote::Witness };
        let (mut node, effects) = Node::start(setup, Stored::Whole(memory.clone()), memory, GateSeen::Timed, at(0));
        let mut told = Vec::new();
        for effects in [effects, node.step(Event::Tick, at(answered_at))] {
            for effect in effects {
                if let Effect::Send { to: Voter::Witness, message: Message::Ask(ask) } = effect {
                    told.extend(node.step(heard(grant(ask, 100)), at(answered_at + 1)));
                }
            }
        }
        assert_eq!(node.live(), Some(Epoch(4)), "{told:?}");
        let won = |effect: &Effect| matches!(effect, Effect::Tell(Told::Won { .. }));
        assert_eq!(told.iter().any(won), tells, "{told:?}");
    }
}

#[test]
fn a_gate_that_cannot_be_opened_is_told_once_and_handed_over_once() {
    let mut node = live_beside_the_primary();
    let mut all = Vec::new();
    for millis in 4..7 {
        assert!(node.live().is_some(), "a filter that is held for a moment does no harm");
        all.extend(node.step(Event::NotOpened, at(millis)));
    }
    let hands = Reason::Troubled { trouble: Trouble::NotOpened { times: 3 } };
    assert!(all.iter().any(|effect| matches!(effect, Effect::Close { because, .. } if *because == hands)), "{all:?}");
    node.step(Event::Closed { ticket: ticket(&all), verified: true }, at(8));
    assert!(standing_told(&mut node, at(1_001)).doubted, "nothing comes back to it by itself");
    assert_eq!(raised(&node), [Worry::NotOpened]);
    assert_ne!(node.guarantee(at(1_001)).word(), "lost", "at most one site is live all the same");

    // Nobody took it, so it is asked for anew; it still fails, and stays where it is.
    let effects = node.step(Event::Tick, at(20_000));
    answered(&mut node, &effects, at(20_000));
    assert!(node.live().is_some(), "{effects:?}");
    node.step(beat_of_the_primary(&node, 90, None), at(20_001));
    for millis in 20_002..20_010 {
        let effects = node.step(Event::NotOpened, at(millis));
        let again = |effect: &Effect| matches!(effect, Effect::Close { .. } | Effect::Tell(Told::Worry { .. }));
        assert!(!effects.iter().any(again), "{effects:?}");
    }
    node.step(Event::Opened, at(20_011));
    assert_eq!(raised(&node), []);
}

/// The alternate, live, with the primary well beside it, and nothing that stops a hand-over.
fn live_beside_the_primary() -> Node {
    let (mut node, ask) = asking();
    node.step(heard(grant(ask, 100)), at(2));
    node.step(Event::Ordered(Command::Acknowledge), at(2));
    node.step(beat_of_the_primary(&node, 5, None), at(3));
    node
}

/// The same, after its call server was ill.
fn ill_and_handed_over() -> Node {
    let mut node = live_beside_the_primary();
    let mut effects = Vec::new();
    for _ in 0..3 {
        effects.extend(node.step(Event::Health { is_well: false }, at(4)));
    }
    let effects = node.step(Event::Closed { ticket: ticket(&effects), verified: true }, at(5));
    let released = |effect: &Effect| matches!(effect, Effect::Tell(Told::Released { .. }));
    assert!(effects.iter().any(released), "{effects:?}");
    node
}

/// The alternate, live by a person's word.
fn forced() -> Node {
    let (mut node, _) = asking();
    node.step(Event::Ordered(Command::Force), at(60_000));
    node
}

fn beat_of_the_primary(node: &Node, sent: u64, live: Option<Epoch>) -> Event {
    beat_of(Site::Primary, node, sent, live)
}

fn beat_of(site: Site, node: &Node, sent: u64, live: Option<Epoch>) -> Event {
    let order = live.map_or(Order { active: Site::Primary, epoch: Epoch(1) }, |epoch| Order { active: site, epoch });
    let standing = Standing { live, asks: false, control: true, healthy: true, data: true, doubted: false };
    let (stamp, agreed) = (Stamp { start: 1, sent }, node.memory().agreed.clone());
    let message = Message::Beat(Box::new(Beat { stamp, order, standing, agreed }));
    Event::Heard { from: Voter::Monitor(site), message }
}

/// How the node tells the other site that it is, at its next beat.
fn standing_told(node: &mut Node, now: Moment) -> Standing {
    let effects = node.step(Event::Tick, now);
    let told = effects.iter().find_map(|effect| {
        let Effect::Send { message: Message::Beat(beat), .. } = effect else { return None };
        Some(beat.standing)
    });
    told.unwrap()
}

fn ticket(effects: &[Effect]) -> u64 {
    let ticket = effects.iter().find_map(|effect| {
        let Effect::Close { ticket, .. } = effect else { return None };
        Some(*ticket)
    });
    ticket.unwrap()
}

fn raised(node: &Node) -> Vec<Worry> {
    node.worries.keys().copied().collect()
}
