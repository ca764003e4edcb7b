//! The keys of the dashboard, and how it looks.

use std::collections::BTreeSet;

use chrono::TimeZone;
use crossterm::event::KeyModifiers;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::domain::configuration::{Mode, TakeoverSettings};
use crate::domain::journal::{Event, Line, Outcome, Person};
use crate::domain::plan::Action;
use crate::domain::report::{self, Guarantee, Promise};
use crate::domain::traffic::Traffic;
use crate::faces::terminal::look::Look;

/// The moment at which every picture here is taken.
pub(crate) fn now() -> DateTime<Local> {
    Local.with_ymd_and_hms(2026, 11, 21, 2, 14, 7).unwrap()
}

fn blocked() -> Traffic {
    report::tests::blocked(now().fixed_offset())
}

/// Facts of two systems whose servers are in these states.
pub(crate) fn facts(primary: &[Traffic], alternate: &[Traffic]) -> Facts {
    let at = now().fixed_offset();
    let status = report::tests::status_of(primary, alternate, at);
    let line = |minutes: i64, id: &str, action, event| Line {
        schema: 1,
        at: at - chrono::Duration::minutes(minutes),
        id: id.to_owned(),
        action,
        person: Person { who: "mxone_admin".to_owned(), from: "pts/3".to_owned() },
        reason: None,
        event,
    };
    let ended = |outcome| Event::Ended { milliseconds: 900, outcome };
    let because = "LIM 2 of the primary system does not answer".to_owned();
    Facts {
        status: Some(Ok(status)),
        configuration: None,
        history: vec![
            line(600, "a", Action::TrafficInAlternate, ended(Outcome::WentBack { because })),
            line(11, "b", Action::DataCopy, ended(Outcome::Done { found: String::new() })),
        ],
        mirrors: Vec::new(),
        read_at: Some(now()),
    }
}

fn normal() -> Facts {
    facts(&[Traffic::Allowed, Traffic::Allowed], &[blocked(), blocked()])
}

/// The normal pair with automatic takeover to the alternate written down, and this promise in force.
fn automatic(promise: Promise) -> Facts {
    let mut facts = normal();
    let takeover = TakeoverSettings {
        alternate_from_primary: Mode::Automatic,
        primary_from_alternate: Mode::Manual,
        ..TakeoverSettings::default()
    };
    facts.status =
        facts.status.map(|read| read.map(|status| Status { takeover: Some(takeover), ..status }.with(promise)));
    facts
}

fn press(dashboard: &mut Dashboard, codes: &[KeyCode]) -> Option<Wish> {
    codes.iter().map(|code| dashboard.on_key(KeyEvent::new(*code, KeyModifiers::NONE), &normal())).last().flatten()
}

fn drawn(dashboard: &Dashboard, facts: &Facts, (columns, lines): (u16, u16)) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal.draw(|frame| dashboard.view(frame, frame.area(), facts, "mxone_admin", now(), Look::new(true))).unwrap();
    terminal.backend().clone()
}

fn text(backend: &TestBackend) -> String {
    backend.to_string()
}

#[test]
fn every_leaf_of_the_menu_is_reached_by_arrows_and_escape_leads_all_the_way_back() {
    let mut reached = BTreeSet::new();
    let mut ways: Vec<Vec<KeyCode>> = vec![Vec::new()];
    while let Some(way) = ways.pop() {
        let mut dashboard = Dashboard::default();
        press(&mut dashboard, &way);
        for i in 0..dashboard.items().len() {
            let down = [way.clone(), vec![KeyCode::Down; i], vec![KeyCode::Enter]].concat();
            let mut dashboard = Dashboard::default();
            match press(&mut dashboard, &down) {
                Some(Wish::Open(item)) => {
                    reached.insert(std::ptr::from_ref(item) as usize);
                }
                Some(Wish::Leave) => {}
                None => ways.push(down),
                Some(other) => panic!("{other:?}"),
            }
            press(&mut dashboard, &[KeyCode::Esc; 4]);
            assert!(dashboard.breadcrumbs().is_empty());
        }
    }
    // All but "exit".
    assert_eq!(reached.len(), menu::leaves().len() - 1);
}

#[test]
fn a_letter_goes_to_the_next_word_that_begins_with_it() {
    let mut dashboard = Dashboard::default();
    let mut word_at = |letter| {
        press(&mut dashboard, &[KeyCode::Char(letter)]);
        dashboard.items()[dashboard.chosen].word
    };
    assert_eq!([word_at('m'), word_at('m'), word_at('M')], ["manual-takeover", "monitor", "manual-takeover"]);
    assert_eq!([word_at('s'), word_at('s'), word_at('z')], ["status", "settings", "settings"]);
}

#[test]
fn a_found_action_is_shown_at_its_place_in_the_menu() {
    let mut dashboard = Dashboard::default();
    dashboard.go_to(menu::find(menu::TOP, "failback")[0].1);
    assert_eq!(dashboard.breadcrumbs(), ["manual-takeover"]);
    assert_eq!(dashboard.items()[dashboard.chosen].word, "traffic-in-primary");
}

#[test]
fn the_deepest_menu_says_which_direction_it_is_about_on_every_terminal() {
    for size in [(60, 20), (80, 24), (160, 50)] {
        let mut dashboard = Dashboard::default();
        dashboard.go_to(menu::find(menu::TOP, "alternate-from-primary automatic")[0].1);
        let shown = text(&drawn(&dashboard, &normal(), size));
        assert!(shown.contains("› alternate-from-primary "), "{shown}");
    }
}

#[test]
fn the_live_site_is_told_in_words_and_shape() {
    for size in [(80, 24), (160, 50), (60, 20)] {
        let shown = text(&drawn(&Dashboard::default(), &normal(), size));
        for wanted in ["PRIMARY", "LIVE ██", "ALTERNATE", "blocked ··", "Safe to switch to the alternate now?", "YES"]
        {
            assert!(shown.contains(wanted), "{wanted} at {size:?}:\n{shown}");
        }
    }
}

#[test]
fn what_was_not_read_for_a_while_is_unknown_and_shows_its_age() {
    let mut facts = normal();
    facts.read_at = Some(now() - chrono::Duration::seconds(9));
    assert!(text(&drawn(&Dashboard::default(), &facts, (80, 24))).contains("read 9 s ago"));
    facts.read_at = Some(now() - chrono::Duration::seconds(40));
    let shown = text(&drawn(&Dashboard::default(), &facts, (80, 24)));
    assert!(shown.contains("unknown ??") && !shown.contains("LIVE") && shown.contains("now?  UNKNOWN"), "{shown}");
}

#[test]
fn the_odd_ones_among_124_servers_are_named_first() {
    let mut primary = vec![Traffic::Allowed; 124];
    primary[6] = Traffic::Unknown { because: "192.0.2.16 does not answer".to_owned() };
    let facts = facts(&primary, &vec![blocked(); 124]);
    for size in [(80, 24), (160, 50)] {
        let shown = text(&drawn(&Dashboard::default(), &facts, size));
        assert!(shown.contains("LIM 7 unknown") && shown.contains("123 of 124 LIM answer"), "{shown}");
        assert!(shown.contains("NO") && shown.contains("1 of 124 LIM of the"), "{shown}");
    }
}

#[test]
fn a_lost_primary_is_told_with_what_to_press_and_f1_opens_its_page() {
    let silent = Traffic::Unknown { because: "no answer".to_owned() };
    let facts = facts(&[silent.clone(), silent], &[blocked(), blocked()]);
    let shown = text(&drawn(&Dashboard::default(), &facts, (120, 30)));
    assert!(
        shown.contains("Is the primary lost? Ring the site. If so: manual-takeover › traffic-in-alternate"),
        "{shown}"
    );
    for size in [(80, 24), (60, 20)] {
        let shown = text(&drawn(&Dashboard::default(), &facts, size));
        assert!(shown.contains("F1: help"), "what to press is cut off:\n{shown}");
    }
    let wish = Dashboard::default().on_key(KeyEvent::from(KeyCode::F(1)), &facts);
    assert!(matches!(wish, Some(Wish::Help("lost-primary"))));
}

#[test]
fn a_monitor_that_does_not_run_is_told() {
    let mut facts = normal();
    if let Some(Ok(status)) = &mut facts.status {
        status.monitor_running = false;
    }
    let shown = text(&drawn(&Dashboard::default(), &facts, (120, 30)));
    assert!(shown.contains("the monitor does not run: no daily copy runs"), "{shown}");
}

#[test]
fn two_live_sites_are_the_first_thing_that_is_seen() {
    let facts = facts(&[Traffic::Allowed], &[Traffic::Allowed]);
    let shown = text(&drawn(&Dashboard::default(), &facts, (80, 24)));
    assert!(shown.lines().nth(1).unwrap().contains("DUAL ACTIVE"), "{shown}");
    let Some(Ok(status)) = &facts.status else { unreachable!() };
    assert_eq!(status.guarantee, Guarantee::Lost);
}

#[test]
fn an_unfinished_action_is_told_with_the_keys_that_end_it() {
    let mut facts = normal();
    if let Some(Ok(status)) = &mut facts.status {
        status.unfinished = Some("data copy of 2026-11-21 (root on pts/0)".to_owned());
    }
    let mut dashboard = Dashboard::default();
    let shown = text(&drawn(&dashboard, &facts, (80, 24)));
    assert!(shown.contains("UNFINISHED: data copy") && shown.contains("F6 finish"), "{shown}");
    assert!(matches!(dashboard.on_key(KeyEvent::from(KeyCode::F(6)), &facts), Some(Wish::Resume)));
    assert!(matches!(dashboard.on_key(KeyEvent::from(KeyCode::F(7)), &facts), Some(Wish::Abandon)));
    assert!(dashboard.on_key(KeyEvent::from(KeyCode::F(6)), &normal()).is_none());
}

#[test]
fn the_dashboard_looks_like_this() {
    insta::assert_snapshot!("dashboard_80x24", drawn(&Dashboard::default(), &normal(), (80, 24)));
    insta::assert_snapshot!("dashboard_160x50", drawn(&Dashboard::default(), &normal(), (160, 50)));
    insta::assert_snapshot!("dashboard_60x20", drawn(&Dashboard::default(), &normal(), (60, 20)));
}

#[test]
fn the_promise_in_force_is_told_in_words_on_every_terminal() {
    let by_lease = automatic(report::tests::by_lease());
    for size in [(60, 20), (80, 24)] {
        let shown = text(&drawn(&Dashboard::default(), &by_lease, size));
        assert!(shown.lines().next().unwrap().contains("AT MOST ONE LIVE, 1.2 s left"), "{shown}");
    }
    let shown = text(&drawn(&Dashboard::default(), &by_lease, (120, 30)));
    for wanted in ["AT MOST ONE LIVE (lease,", "witness heard 0.2", "1.2 s left", "order: primary, epoch 3"] {
        assert!(shown.contains(wanted), "{wanted}:\n{shown}");
    }
    assert!(shown.contains("alternate ← primary auto"), "{shown}");
    let by_people = text(&drawn(&Dashboard::default(), &automatic(Promise::by_people()), (80, 24)));
    assert!(by_people.contains("MANUAL; auto NOT in force"), "{by_people}");
    let conditional = Promise { guarantee: Guarantee::Conditional, lease: None, ..report::tests::by_lease() };
    assert!(text(&drawn(&Dashboard::default(), &automatic(conditional), (80, 24))).contains("promise: CONDITIONAL"));
}

#[test]
fn a_right_that_was_read_long_ago_is_not_told() {
    let mut facts = automatic(report::tests::by_lease());
    facts.read_at = Some(now() - chrono::Duration::seconds(40));
    let shown = text(&drawn(&Dashboard::default(), &facts, (80, 24)));
    assert!(shown.contains("promise: unknown") && !shown.contains("AT MOST ONE"), "{shown}");
    let wide = text(&drawn(&Dashboard::default(), &facts, (120, 30)));
    assert!(wide.contains("unknown: not read lately") && !wide.contains("AT MOST ONE"), "{wide}");
}

#[test]
fn voters_of_which_none_works_here_are_an_alarm_and_not_called_two_live_sites() {
    let facts = automatic(Promise::of_silent_voters(None));
    let shown = text(&drawn(&Dashboard::default(), &facts, (80, 24)));
    assert!(shown.contains("the promise is LOST (voters are set up and none works here)"), "{shown}");
    assert!(!shown.contains("DUAL ACTIVE") && shown.contains("no voter works here"), "{shown}");
}

#[test]
fn a_dashboard_with_a_lease_looks_like_this() {
    let facts = automatic(report::tests::by_lease());
    insta::assert_snapshot!("by_lease_80x24", drawn(&Dashboard::default(), &facts, (80, 24)));
    insta::assert_snapshot!("by_lease_160x50", drawn(&Dashboard::default(), &facts, (160, 50)));
}
