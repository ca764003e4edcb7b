//! Every combination of what a site's decision hangs on: what comes out, and that it keeps rules written down apart.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mxone_system_redundancy::domain::configuration::Mode;
use mxone_system_redundancy::domain::lease::decide::{Control, Data, Handed, Health, Held, Inputs, What};
use mxone_system_redundancy::domain::lease::message::Standing;
use mxone_system_redundancy::domain::lease::promises::Bar;
use mxone_system_redundancy::domain::lease::{Decision, decide};
use mxone_system_redundancy::domain::site::{Epoch, Site};

#[test]
fn the_decisions_of_a_live_site_are_as_before() {
    insta::assert_snapshot!("live", summary(&live()));
}

#[test]
fn the_decisions_of_a_blocked_site_are_as_before() {
    insta::assert_snapshot!("blocked", summary(&blocked()));
}

#[test]
fn every_decision_keeps_the_rules() {
    for inputs in live().into_iter().chain(blocked()) {
        let decision = decide(&inputs);
        for (rule, is_kept) in rules(&inputs, &decision) {
            assert!(is_kept, "{rule}: {decision:?} from {inputs:#?}");
        }
    }
}

#[test]
fn every_reason_is_a_sentence_and_says_what_would_change_it() {
    let mut sentences = BTreeMap::new();
    for inputs in live().into_iter().chain(blocked()) {
        let Decision { because, .. } = decide(&inputs);
        sentences.insert(because.to_string(), because.would_change());
    }
    for (sentence, change) in &sentences {
        assert!(sentence.split(' ').count() >= 4 && !sentence.ends_with('.'), "{sentence}");
        assert!(change.split(' ').count() >= 3, "{sentence}: {change}");
    }
    let told: Vec<String> = sentences.iter().map(|(sentence, change)| format!("{sentence}\n    {change}\n")).collect();
    insta::assert_snapshot!("sentences", told.concat());
}

/// What must hold whatever `decide` thinks; written without looking at it.
fn rules(inputs: &Inputs, decision: &Decision) -> Vec<(&'static str, bool)> {
    let what = decision.what;
    let is_live = inputs.held != Held::Nothing;
    let (asks, hands) = (what == What::Ask, what == What::HandOver);
    let by_person = inputs.handed == Handed::ByPerson;
    let takes_over = asks && inputs.ordered != inputs.site && !by_person;
    let must_block =
        is_live && (inputs.displaced.is_some() || inputs.stood_still.is_some() || inputs.held == Held::Ended);
    let is_reached = matches!(inputs.control, Control::Reached { .. });
    let is_ready = |peer: Standing| peer.control && peer.healthy && peer.data;
    vec![
        (
            "a live site stays, hands over or blocks",
            !is_live || matches!(what, What::Stay | What::Renew | What::HandOver | What::Close),
        ),
        (
            "a blocked site asks, waits or stays blocked",
            is_live || matches!(what, What::Ask | What::Wait(_) | What::Nothing),
        ),
        ("who must block blocks", must_block == (what == What::Close)),
        ("manual never moves to here", !(takes_over && inputs.mode_here == Mode::Manual)),
        ("manual never moves from here", !hands || inputs.person || inputs.mode_there == Mode::Automatic),
        ("a hold never moves", inputs.hold.is_none() || !(takes_over || (hands && !inputs.person))),
        ("a guard never moves", inputs.guard.is_none() || !(takes_over || (hands && !inputs.person))),
        ("who has no control address takes nothing over", !takes_over || is_reached),
        (
            "who lost its control addresses does not ask while another may serve",
            !asks || by_person || !matches!(inputs.control, Control::Lost { .. }) || inputs.mode_there == Mode::Manual,
        ),
        ("nobody asks while its own promise is the other's", !asks || inputs.own_vote == Bar::Free),
        ("nobody asks while the other is live", !asks || inputs.peer.is_none_or(|peer| peer.live.is_none())),
        ("an ill call server takes nothing over", !takes_over || inputs.health == Health::Well),
        ("old data takes nothing over", !takes_over || !matches!(inputs.data, Data::Old { .. } | Data::Unknown)),
        ("nothing is handed to one that is not heard", !hands || inputs.peer.is_some()),
        (
            "nothing is handed by rule to one that is not ready",
            !hands || inputs.person || inputs.peer.is_some_and(is_ready),
        ),
        (
            "a gate that cannot be opened stays only where another site must not or cannot serve",
            !stays_in_vain(inputs, what),
        ),
        ("a wait ends with what is waited for", is_end_of_something(inputs, what)),
        ("who may and can takes over", takes_over || is_live || !may_take_over(inputs)),
    ]
}

/// A site whose gate cannot be opened stays although nothing speaks against handing over.
fn stays_in_vain(inputs: &Inputs, what: What) -> bool {
    let is_ready = |peer: Standing| peer.control && peer.healthy && peer.data;
    let must_block = inputs.displaced.is_some()
        || inputs.stood_still.is_some()
        || matches!(inputs.held, Held::Ended | Held::Nothing);
    inputs.unopened.is_some()
        && !must_block
        && what != What::HandOver
        && inputs.mode_there == Mode::Automatic
        && [inputs.hold, inputs.guard, inputs.retry].iter().all(Option::is_none)
        && inputs.peer.is_some_and(is_ready)
}

/// Whether a site that waits does so for as long as something lasts that stops it.
fn is_end_of_something(inputs: &Inputs, what: What) -> bool {
    let What::Wait(left) = what else { return true };
    let promised = if let Bar::Until(left) = inputs.own_vote { Some(left) } else { None };
    [promised, inputs.hold, inputs.guard, inputs.give_way].contains(&Some(left))
}

/// Nothing at all speaks against a takeover.
fn may_take_over(inputs: &Inputs) -> bool {
    inputs.own_vote == Bar::Free
        && inputs.ordered != inputs.site
        && inputs.peer.is_none()
        && inputs.mode_here == Mode::Automatic
        && inputs.hold.is_none()
        && inputs.guard.is_none()
        && matches!(inputs.control, Control::Reached { .. })
        && inputs.health == Health::Well
        && matches!(inputs.data, Data::Own | Data::Fresh { .. })
        && inputs.give_way.is_none()
        && inputs.handed == Handed::No
}

/// What comes out for which reason, how often, and what of each input leads there; an input of which everything does is
/// left out. And a sum that changes with each decision.
fn summary(all: &[Inputs]) -> String {
    let mut table: BTreeMap<String, (usize, Seen)> = BTreeMap::new();
    let mut seen = Seen::new();
    let mut sum: u64 = 0;
    for inputs in all {
        let decision = decide(inputs);
        let because = format!("{:?}", decision.because);
        let what = format!("{:?}", decision.what);
        let name = |text: &str| text.split([' ', '(']).next().unwrap_or_default().to_owned();
        let line = format!("{:<9} {}", name(&what), name(&because));
        sum = line.bytes().fold(sum, |sum, byte| sum.wrapping_mul(1_099_511_628_211) ^ u64::from(byte));
        let (count, row) = table.entry(line).or_default();
        *count += 1;
        for (input, word) in words(inputs) {
            row.entry(input).or_default().insert(word);
            seen.entry(input).or_default().insert(word);
        }
    }
    let mut told = Vec::new();
    for (line, (count, row)) in &table {
        told.push(format!("{line:<32} {count:>7}\n"));
        for (input, words) in row.iter().filter(|(input, words)| *words != &seen[*input]) {
            let words: Vec<&str> = words.iter().copied().collect();
            told.push(format!("    {input}: {}\n", words.join(", ")));
        }
    }
    format!("{}all {:>36}\nsum {sum:>36x}\n", told.concat(), all.len())
}

/// Which words an input was told with.
type Seen = BTreeMap<&'static str, BTreeSet<&'static str>>;

/// Each input as one word.
fn words(inputs: &Inputs) -> [(&'static str, &'static str); 18] {
    let yes = |is: bool| if is { "yes" } else { "no" };
    let site = |site: Site| if site == Site::Primary { "primary" } else { "alternate" };
    let mode = |mode: Mode| if mode == Mode::Manual { "manual" } else { "automatic" };
    [
        ("site", site(inputs.site)),
        ("ordered", if inputs.ordered == inputs.site { "this one" } else { "the other" }),
        (
            "held",
            match inputs.held {
                Held::Nothing => "nothing",
                Held::Until(_) => "until",
                Held::Ended => "ended",
                Held::Standing => "standing",
            },
        ),
        ("displaced", yes(inputs.displaced.is_some())),
        ("stood still", yes(inputs.stood_still.is_some())),
        (
            "own vote",
            match inputs.own_vote {
                Bar::Free => "free",
                Bar::Until(_) => "the other's until",
                Bar::Standing => "the other's for good",
                Bar::Blank => "blank",
            },
        ),
        (
            "peer",
            match inputs.peer {
                None => "silent",
                Some(Standing { live: Some(_), .. }) => "live",
                Some(Standing { asks: true, .. }) => "asks",
                Some(Standing { control: false, .. }) => "no control",
                Some(Standing { healthy: false, .. }) => "ill",
                Some(Standing { data: false, .. }) => "old data",
                Some(_) => "ready",
            },
        ),
        (
            "control",
            match inputs.control {
                Control::Unknown => "unknown",
                Control::Reached { .. } => "reached",
                Control::Missed { .. } => "missed",
                Control::Lost { .. } => "lost",
            },
        ),
        ("healthy", yes(inputs.health == Health::Well)),
        (
            "data",
            match inputs.data {
                Data::Own => "own",
                Data::Fresh { .. } => "fresh",
                Data::Old { .. } => "old",
                Data::Unknown => "unknown",
            },
        ),
        ("takeover to here", mode(inputs.mode_here)),
        ("takeover to there", mode(inputs.mode_there)),
        ("hold", yes(inputs.hold.is_some())),
        ("guard", yes(inputs.guard.is_some())),
        ("gives way", yes(inputs.give_way.is_some())),
        (
            "handed",
            match inputs.handed {
                Handed::No => "no",
                Handed::ByRule => "by rule",
                Handed::ByPerson => "by a person",
            },
        ),
        ("a person ordered", yes(inputs.person)),
        (
            "back, retry",
            match (inputs.back, inputs.retry) {
                (None, None) => "no, no",
                (None, Some(_)) => "no, later",
                (Some(Duration::ZERO), None) => "now, no",
                (Some(Duration::ZERO), Some(_)) => "now, later",
                (Some(_), None) => "later, no",
                (Some(_), Some(_)) => "later, later",
            },
        ),
    ]
}

/// Every combination that a live site can be in.
fn live() -> Vec<Inputs> {
    let mut all = sites();
    vary(&mut all, &Site::BOTH, |inputs, ordered| inputs.ordered = ordered);
    vary(&mut all, &[Held::Until(seconds(5)), Held::Ended, Held::Standing], |inputs, held| inputs.held = held);
    vary(&mut all, &[None, Some(Epoch(9))], |inputs, epoch| inputs.displaced = epoch);
    vary(&mut all, &[None, Some(seconds(20))], |inputs, still| inputs.stood_still = still);
    vary(&mut all, &peers(), |inputs, peer| inputs.peer = peer);
    vary(&mut all, &controls(), |inputs, control| inputs.control = control);
    vary(&mut all, &[Health::Well, Health::Ill { failures: 3 }], |inputs, health| inputs.health = health);
    vary(&mut all, &[Mode::Manual, Mode::Automatic], |inputs, mode| inputs.mode_there = mode);
    vary(&mut all, &[None, Some(seconds(600))], |inputs, hold| inputs.hold = hold);
    vary(&mut all, &[None, Some(seconds(1800))], |inputs, guard| inputs.guard = guard);
    vary(&mut all, &[false, true], |inputs, person| inputs.person = person);
    vary(&mut all, &[None, Some(Duration::ZERO), Some(seconds(90))], |inputs, back| inputs.back = back);
    vary(&mut all, &[None, Some(seconds(300))], |inputs, retry| inputs.retry = retry);
    vary(&mut all, &[None, Some(3)], |inputs, unopened| inputs.unopened = unopened);
    all
}

/// Every combination that a blocked site can be in.
fn blocked() -> Vec<Inputs> {
    let mut all = sites();
    vary(&mut all, &DATA, |inputs, data| {
        if inputs.site == Site::Alternate {
            inputs.data = data;
        }
    });
    all.dedup();
    let bars = [Bar::Free, Bar::Until(seconds(4)), Bar::Standing, Bar::Blank];
    vary(&mut all, &bars, |inputs, bar| inputs.own_vote = bar);
    vary(&mut all, &Site::BOTH, |inputs, ordered| inputs.ordered = ordered);
    vary(&mut all, &peers(), |inputs, peer| inputs.peer = peer);
    vary(&mut all, &controls(), |inputs, control| inputs.control = control);
    vary(&mut all, &[Health::Well, Health::Ill { failures: 3 }], |inputs, health| inputs.health = health);
    vary(&mut all, &[Mode::Manual, Mode::Automatic], |inputs, mode| inputs.mode_here = mode);
    vary(&mut all, &[Mode::Manual, Mode::Automatic], |inputs, mode| inputs.mode_there = mode);
    vary(&mut all, &[None, Some(seconds(600))], |inputs, hold| inputs.hold = hold);
    vary(&mut all, &[None, Some(seconds(1800))], |inputs, guard| inputs.guard = guard);
    vary(&mut all, &[None, Some(seconds(3))], |inputs, way| inputs.give_way = way);
    vary(&mut all, &[Handed::No, Handed::ByRule, Handed::ByPerson], |inputs, handed| inputs.handed = handed);
    all
}

/// What is loaded into the alternate; the primary's data is its own.
const DATA: [Data; 3] =
    [Data::Fresh { age: seconds(7200) }, Data::Old { age: seconds(180_000), limit: seconds(172_800) }, Data::Unknown];

/// Both sites.
fn sites() -> Vec<Inputs> {
    vec![Inputs { site: Site::Primary, data: Data::Own, ..base() }, base()]
}

fn vary<T: Copy>(all: &mut Vec<Inputs>, values: &[T], set: impl Fn(&mut Inputs, T)) {
    let varied = all.iter().flat_map(|inputs| {
        values.iter().map(|value| {
            let mut inputs = inputs.clone();
            set(&mut inputs, *value);
            inputs
        })
    });
    *all = varied.collect();
}

fn peers() -> Vec<Option<Standing>> {
    let ready = Standing { live: None, asks: false, control: true, healthy: true, data: true, doubted: false };
    vec![
        None,
        Some(ready),
        Some(Standing { live: Some(Epoch(7)), ..ready }),
        Some(Standing { asks: true, ..ready }),
        Some(Standing { control: false, ..ready }),
        Some(Standing { healthy: false, ..ready }),
        Some(Standing { data: false, ..ready }),
    ]
}

fn controls() -> [Control; 4] {
    [
        Control::Unknown,
        Control::Reached { answering: 2, of: 2 },
        Control::Missed { answering: 0, of: 2, needed: 1 },
        Control::Lost { answering: 0, of: 2, needed: 1 },
    ]
}

fn base() -> Inputs {
    Inputs {
        site: Site::Alternate,
        held: Held::Nothing,
        displaced: None,
        stood_still: None,
        own_vote: Bar::Free,
        ordered: Site::Primary,
        peer: None,
        control: Control::Unknown,
        health: Health::Well,
        unopened: None,
        data: Data::Fresh { age: seconds(7200) },
        mode_here: Mode::Automatic,
        mode_there: Mode::Automatic,
        hold: None,
        guard: None,
        give_way: None,
        handed: Handed::No,
        person: false,
        back: None,
        retry: None,
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
