//! When a live site has its gates end by themselves.

use std::ops::Range;

use super::*;

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
        let mut effects = node.step(beat_of(Site::Alternate, &node, sent + second, None), now);
        effects.extend(node.step(Event::Tick, now));
        if arms(&effects) {
            armed_at = Some(second);
            break;
        }
        answered(&mut node, &effects, now);
    }
    assert!(armed_at.is_some_and(|second| (29..35).contains(&second)), "{armed_at:?}");
}

#[test]
fn a_site_is_armed_only_while_it_hears_the_one_that_could_take_over() {
    let mut node = unarmed();
    assert_eq!(armed_within(&mut node, 1..60, |_| false), None, "the witness alone is heard");
    assert_eq!(armed_within(&mut node, 60..120, |second| second < 62).map(|(_, at)| at / 1000), Some(60));
    let mut lost = unarmed();
    lost.step(beat_of(Site::Alternate, &lost, 1, None), at(1));
    assert_eq!(armed_within(&mut lost, 10..60, |_| false), None, "that was heard once, and is silent");
}

/// The primary, live by standing promises, told to be automatic, about to arm; with the ticket and the millisecond.
fn arming() -> (Node, u64, u64) {
    let mut node = unarmed();
    let (ticket, sent) = armed_within(&mut node, 0..20, |_| true).unwrap();
    (node, ticket, sent)
}

/// The same before anybody was heard.
fn unarmed() -> Node {
    let takeover = TakeoverSettings {
        alternate_from_primary: Mode::Automatic,
        primary_from_alternate: Mode::Manual,
        ..TakeoverSettings::default()
    };
    let memory = Memory::first(Site::Primary, Agreed::first(takeover));
    let (timing, third) = (Timing::STANDARD, ThirdVote::Witness);
    let setup = Setup { site: Site::Primary, timing, third };
    Node::start(setup, Stored::Whole(memory.clone()), memory, GateSeen::Unarmed, at(0)).0
}

/// The ticket and the millisecond with which it arms in one of these seconds; the witness answers, and in some of them the
/// alternate is heard.
fn armed_within(node: &mut Node, seconds: Range<u64>, is_heard: impl Fn(u64) -> bool) -> Option<(u64, u64)> {
    for second in seconds {
        let now = second * 1000 + 1;
        let mut effects = Vec::new();
        if is_heard(second) {
            effects.extend(node.step(beat_of(Site::Alternate, node, now, None), at(now)));
        }
        effects.extend(node.step(Event::Tick, at(now)));
        let armed = effects.iter().find_map(|effect| {
            let Effect::Arm { ticket, .. } = effect else { return None };
            Some(*ticket)
        });
        if let Some(ticket) = armed {
            return Some((ticket, now));
        }
        answered(node, &effects, at(now));
    }
    None
}
