//! A site without a witness, whose third vote is that of its control addresses: after it was frozen it listens first.

use super::*;

const RENEWAL: u64 = 1000;
/// It is frozen after so many milliseconds, and goes on after so many.
const FROZEN: u64 = 20_000;
const THAWED: u64 = 80_000;

#[test]
fn a_live_site_that_was_frozen_is_not_opened_by_its_control_addresses_before_it_has_listened() {
    let mut node = alone(Site::Primary);
    run(&mut node, 1, FROZEN);
    assert!(node.live().is_some(), "its own vote and that of the control addresses are two");
    let effects = node.step(Event::Tick, at(THAWED));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Close { .. })), "{effects:?}");
    assert!(!opens(&effects), "{effects:?}");
    node.step(beat_of(Site::Alternate, &node, node.sent, Some(Epoch(9))), at(THAWED + 5));
    assert!(!run(&mut node, THAWED + 10, THAWED + 2_000), "the other site is live");
}

#[test]
fn a_blocked_site_that_was_frozen_is_not_opened_by_its_control_addresses_before_it_has_listened() {
    for is_other_live in [true, false] {
        let mut node = alone(Site::Alternate);
        for second in 0..FROZEN / 1000 {
            node.step(beat_of(Site::Primary, &node, node.sent, Some(Epoch(4))), at(second * 1000 + 10));
            assert!(!run(&mut node, second * 1000 + 20, second * 1000 + 1000), "the other site is live");
        }
        assert!(!opens(&node.step(Event::Tick, at(THAWED))), "what the other site said meanwhile is not read yet");
        if is_other_live {
            node.step(beat_of(Site::Primary, &node, node.sent, Some(Epoch(4))), at(THAWED + 5));
            assert!(!run(&mut node, THAWED + 10, THAWED + 2_000), "the other site is live");
        } else {
            assert!(run(&mut node, THAWED + 10, THAWED + 10_000), "it has listened, and the other site is gone");
        }
    }
}

#[test]
fn a_site_that_was_frozen_while_its_gates_were_being_armed_is_not_prolonged_before_it_has_listened() {
    let mut node = found(Site::Primary, GateSeen::Unarmed);
    let ticket = (1..FROZEN).step_by(250).find_map(|millis| {
        let mut effects = node.step(beat_of(Site::Alternate, &node, node.sent, None), at(millis));
        effects.extend(node.step(Event::Tick, at(millis)));
        effects.iter().find_map(|effect| {
            let Effect::Arm { ticket, .. } = effect else { return None };
            Some(*ticket)
        })
    });
    let effects = node.step(Event::Armed { ticket: ticket.unwrap() }, at(THAWED));
    assert!(!opens(&effects), "the kernels have blocked meanwhile: {effects:?}");
}

/// Steps four times a renewal, each time to its end; whether the gates were opened.
fn run(node: &mut Node, from: u64, until: u64) -> bool {
    let steps = (from..until).step_by(usize::try_from(RENEWAL / 4).unwrap());
    steps.filter(|millis| opens(&node.step(Event::Tick, at(*millis)))).count() > 0
}

fn opens(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Open { .. }))
}

/// A blocked site, with nobody's promise, whose control addresses answer.
fn alone(site: Site) -> Node {
    found(site, GateSeen::Closed)
}

/// The same, whose gates were found so.
fn found(site: Site, gate: GateSeen) -> Node {
    let takeover = TakeoverSettings {
        alternate_from_primary: Mode::Automatic,
        primary_from_alternate: Mode::Automatic,
        ..TakeoverSettings::default()
    };
    let first = Memory::first(Site::Primary, Agreed::first(takeover));
    // An open gate goes with the promise that it was opened for.
    let promise = first.promise.filter(|_| gate == GateSeen::Unarmed);
    let memory = Memory { promise, ..first };
    let setup = Setup { site, timing: Timing::STANDARD, third: ThirdVote::ControlAddress };
    let (mut node, _) = Node::start(setup, Stored::Whole(memory.clone()), memory, gate, at(0));
    node.step(Event::Data { age: Some(Duration::from_secs(60)) }, at(1));
    node.step(Event::Control { answering: 2, of: 2 }, at(1));
    node
}
