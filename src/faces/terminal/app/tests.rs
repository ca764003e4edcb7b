//! Whole ways through the terminal UI, as pure updates.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::domain::plan::{Action, Plan, Step};
use crate::domain::preflight::{Check, Finding, Verdict};
use crate::domain::site::{Epoch, Order, Site};
use crate::domain::traffic::Traffic;
use crate::faces::failure::{Exit, Failure};
use crate::faces::terminal::conversation::Told;
use crate::faces::terminal::dashboard::tests::{facts, now};
use crate::ports::dialog::Question;

fn app() -> App {
    let mut app = App::new("mxone_admin".to_owned(), chrono_tz::UTC, Look::new(false), now());
    let blocked = Traffic::Blocked { origin: crate::domain::traffic::Origin::Order, since: None, turned_away: 0 };
    app.update(Happened::Read(Box::new(facts(&[Traffic::Allowed], &[blocked]))), now());
    app
}

fn press(app: &mut App, codes: &[KeyCode]) -> Vec<Effect> {
    codes.iter().flat_map(|code| app.update(Happened::Key(KeyEvent::from(*code)), now())).collect()
}

fn type_in(app: &mut App, text: &str) -> Vec<Effect> {
    press(app, &text.chars().map(KeyCode::Char).collect::<Vec<_>>())
}

fn control(app: &mut App, letter: char) -> Vec<Effect> {
    app.update(Happened::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL)), now())
}

fn shown(app: &App, columns: u16, lines: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal.draw(|frame| app.view(frame)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn a_takeover_is_found_by_another_name_and_asks_for_its_reason_first() {
    let mut app = app();
    assert!(press(&mut app, &[KeyCode::Char('/')]).is_empty());
    type_in(&mut app, "failover");
    assert!(press(&mut app, &[KeyCode::Enter]).is_empty(), "nothing is started before the reason");
    type_in(&mut app, "core switch");
    let wanted = Invocation {
        reason: Some("core switch".to_owned()),
        ..Invocation::of(&["manual-takeover", "traffic-in-alternate"])
    };
    assert_eq!(press(&mut app, &[KeyCode::Enter]), [Effect::Start(wanted)]);
}

#[test]
fn where_nothing_is_configured_a_takeover_is_refused_before_it_asks_why() {
    let mut app = app();
    if let Some(Ok(status)) = &mut app.facts.status {
        status.configured = false;
    }
    press(&mut app, &[KeyCode::Char('/')]);
    type_in(&mut app, "failover");
    let wanted = Invocation::of(&["manual-takeover", "traffic-in-alternate"]);
    assert_eq!(press(&mut app, &[KeyCode::Enter]), [Effect::Start(wanted)]);
    let over = Said::Over { printed: String::new(), result: Err(Failure::from(crate::flows::Stopped::NotConfigured)) };
    app.update(Happened::Said(over), now());
    assert!(shown(&app, 80, 24).contains("open configure"), "what to do is told in the words of the menu");
}

#[test]
fn a_page_of_the_help_is_found_where_actions_are() {
    let mut app = app();
    press(&mut app, &[KeyCode::Char('/')]);
    type_in(&mut app, "moving");
    assert!(shown(&app, 80, 24).contains("help › moving-a-site"));
    press(&mut app, &[KeyCode::Enter]);
    assert!(matches!(app.over.last(), Some(Over::Help(help)) if help.page() == "moving-a-site"));
}

#[test]
fn escape_before_the_confirmation_cancels_and_leads_back_to_the_menu() {
    let mut app = app();
    type_in(&mut app, "d");
    press(&mut app, &[KeyCode::Enter]);
    assert_eq!(press(&mut app, &[KeyCode::Enter]), [Effect::Start(Invocation::of(&["data", "copy"]))]);
    assert_eq!(press(&mut app, &[KeyCode::Esc]), [Effect::Cancel]);
    assert!(shown(&app, 80, 24).contains("Menu › data"));
}

#[test]
fn nobody_leaves_or_suspends_while_a_change_is_under_way() {
    let mut app = app();
    app.start(Invocation::of(&["remove"]));
    let plan = crate::domain::plan::Plan {
        action: crate::domain::plan::Action::Remove,
        steps: Vec::new(),
        way_back: Vec::new(),
        warnings: Vec::new(),
    };
    app.update(Happened::Said(Said::Asked(Asked::Plan { plan: Box::new(plan), word: None })), now());
    assert_eq!(press(&mut app, &[KeyCode::Tab, KeyCode::Enter]), [Effect::Reply(Reply::Yes)]);
    assert!(app.is_changing());
    assert_eq!((control(&mut app, 'c'), control(&mut app, 'z')), (Vec::new(), Vec::new()));
    assert!(shown(&app, 80, 24).contains("a change is under way"));
    let over = Said::Over { printed: "done\n".to_owned(), result: Ok(()) };
    assert_eq!(app.update(Happened::Said(over), now()), [Effect::ReadAgain]);
    assert_eq!(control(&mut app, 'z'), [Effect::Suspend]);
    assert_eq!(control(&mut app, 'c'), [Effect::Leave]);
}

#[test]
fn a_forced_takeover_begins_with_its_reason() {
    let mut app = app();
    app.start(Invocation::of(&["manual-takeover", "traffic-in-alternate"]));
    let refusal = Failure::new(Exit::Refused, "the primary does not answer").hint("add --force --reason");
    app.update(Happened::Said(Said::Over { printed: String::new(), result: Err(refusal) }), now());
    assert!(shown(&app, 80, 24).contains("force it, with a reason"));
    assert!(press(&mut app, &[KeyCode::Char('f')]).is_empty());
    assert!(press(&mut app, &[KeyCode::Enter]).is_empty(), "no reason, no takeover");
    type_in(&mut app, "fire");
    let effects = press(&mut app, &[KeyCode::Enter]);
    assert!(matches!(&effects[..], [Effect::Start(invocation)] if invocation.force && invocation.reason.is_some()));
}

#[test]
fn a_copy_that_is_broken_off_is_taken_back_in_view() {
    let mut app = app();
    app.start(Invocation::of(&["data", "copy"]));
    app.job_mut().unwrap().confirmed = true;
    app.update(Happened::Said(Said::Told(Told::Copying { bytes: 1, of: 2, rate: 1 })), now());
    assert_eq!(press(&mut app, &[KeyCode::Esc, KeyCode::Tab, KeyCode::Enter]), [Effect::BreakOff]);
    assert!(shown(&app, 80, 24).contains("take back what was begun"));
}

#[test]
fn a_terminal_that_is_too_small_says_what_is_needed() {
    assert!(shown(&app(), 59, 20).contains("60 x 20"));
    assert!(shown(&app(), 60, 20).contains("Menu"));
    for size in [(1, 1), (10, 2), (300, 100)] {
        shown(&app(), size.0, size.1);
    }
}

/// Everything that can lie over the dashboard, by its name.
fn screens() -> Vec<(&'static str, App)> {
    let checks = |app: &mut App| {
        let good = Verdict::Good("all 4 servers answer".to_owned());
        let bad = Verdict::Bad("7.4.1 and 7.5 differ; update one of the systems before you go on".to_owned());
        for (check, verdict) in [(Check::Reachable, good), (Check::Version, bad), (Check::Capacity, Verdict::NotTold)] {
            app.update(Happened::Said(Said::Told(Told::Checked(Finding { check, verdict }))), now());
        }
    };
    let said = |app: &mut App, said| app.update(Happened::Said(said), now());
    let ask = || {
        let question = Question {
            key: "network_control_address",
            flag: "--network-control-address",
            prompt: "Network control address (several with commas)".to_owned(),
            default: None,
            choices: &[],
            refused: None,
            help: "configure",
        };
        Asked::Question { question, proposed: Some("203.0.113.1".to_owned()), from: "from the answers file" }
    };
    let mut screens = Vec::new();
    let mut app = self::app();
    app.facts.mirrors = crate::faces::terminal::mirrors::tests::three();
    press(&mut app, &[KeyCode::Char('/')]);
    type_in(&mut app, "mirrors list");
    press(&mut app, &[KeyCode::Enter]);
    screens.push(("mirrors", app));

    let mut app = self::app();
    press(&mut app, &[KeyCode::Char('/')]);
    type_in(&mut app, "fail");
    screens.push(("finder", app));

    let mut app = self::app();
    press(&mut app, &[KeyCode::Char('/')]);
    type_in(&mut app, "auto create");
    press(&mut app, &[KeyCode::Enter]);
    screens.push(("schedule", app));

    let mut app = self::app();
    app.start(Invocation::of(&["configure"]));
    let answered = Told::Answered { prompt: "Platform of both systems".to_owned(), answer: "mxone".to_owned() };
    said(&mut app, Said::Told(answered));
    said(&mut app, Said::Asked(ask()));
    type_in(&mut app, "x");
    let because = "\"203.0.113.1x\" is not an IP address".to_owned();
    said(&mut app, Said::Judged { text: "203.0.113.1x".to_owned(), verdict: Err(because) });
    screens.push(("question", app));

    let mut app = self::app();
    app.start(Invocation {
        reason: Some("core switch upgrade".to_owned()),
        ..Invocation::of(&["manual-takeover", "traffic-in-alternate"])
    });
    checks(&mut app);
    said(&mut app, Said::Asked(Asked::Plan { plan: Box::new(takeover()), word: None }));
    screens.push(("plan", app));

    let mut app = self::app();
    app.start(Invocation::of(&["manual-takeover", "traffic-in-alternate"]));
    let word = Some("alternate".to_owned());
    said(&mut app, Said::Asked(Asked::Plan { plan: Box::new(takeover()), word }));
    type_in(&mut app, "alter");
    screens.push(("forced", app));

    let mut app = self::app();
    app.start(Invocation::of(&["data", "copy"]));
    said(&mut app, Said::Asked(Asked::Plan { plan: Box::new(takeover()), word: None }));
    press(&mut app, &[KeyCode::Right, KeyCode::Enter]);
    let begins = Told::StepBegins { number: 1, step: String::new(), expected: std::time::Duration::ZERO };
    said(&mut app, Said::Told(begins));
    said(&mut app, Said::Told(Told::Copying { bytes: 400 << 20, of: 812 << 20, rate: 100 << 20 }));
    screens.push(("copying", app));

    let mut app = self::app();
    app.start(Invocation::of(&["manual-takeover", "traffic-in-alternate"]));
    let failure = Failure {
        error: "LIM 1 and LIM 2 of the primary system do not answer".to_owned(),
        because: vec!["192.0.2.11 does not answer".to_owned()],
        hint: Some("if the site is lost, add --force and --reason".to_owned()),
        exit: Exit::Refused,
    };
    said(&mut app, Said::Over { printed: String::new(), result: Err(failure) });
    screens.push(("refused", app));

    let mut app = self::app();
    press(&mut app, &[KeyCode::Char('h'), KeyCode::Enter]);
    screens.push(("history", app));
    screens
}

fn takeover() -> Plan {
    let servers = |site: &str| [1, 2].map(|lim| format!("{site}/{lim}").parse().unwrap()).into_iter().collect();
    let order = Order { active: Site::Alternate, epoch: Epoch(4) };
    Plan {
        action: Action::TrafficInAlternate,
        steps: vec![
            Step::Block { servers: servers("primary") },
            Step::ConfirmBlocked { servers: servers("primary") },
            Step::Order { servers: servers("alternate"), order },
            Step::Allow { servers: servers("alternate") },
        ],
        way_back: Vec::new(),
        warnings: vec!["212 calls are up; calls in progress are not carried over".to_owned()],
    }
}

#[test]
fn every_screen_looks_like_this() {
    for (name, app) in screens() {
        for (columns, lines) in [(80, 24), (160, 50), (60, 20)] {
            insta::assert_snapshot!(format!("{name}_{columns}x{lines}"), shown(&app, columns, lines));
        }
    }
}

#[test]
fn every_screen_names_the_key_of_its_help_and_the_key_that_leads_back() {
    for (name, app) in screens() {
        let last = shown(&app, 80, 24).lines().last().unwrap_or_default().to_owned();
        let footer = if ["finder", "schedule"].contains(&name) { shown(&app, 80, 24) } else { last };
        assert!(footer.contains("Esc") || footer.contains("Enter back"), "{name}: {footer}");
        assert!(footer.contains("F1 help") || name == "finder", "{name}: {footer}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    #[test]
    fn no_key_starts_a_change_without_its_confirmation(keys in proptest::collection::vec(0_usize..18, 1..120)) {
        const KEYS: [KeyCode; 18] = [
            KeyCode::Up, KeyCode::Down, KeyCode::Enter, KeyCode::Enter, KeyCode::Enter, KeyCode::Esc, KeyCode::Left,
            KeyCode::Right, KeyCode::Tab, KeyCode::Backspace, KeyCode::Char('/'), KeyCode::Char('f'), KeyCode::Char('y'),
            KeyCode::Char('a'), KeyCode::Char('d'), KeyCode::F(1), KeyCode::F(5), KeyCode::Char('q'),
        ];
        let mut app = app();
        for key in keys {
            let before = shown(&app, 80, 24);
            for effect in press(&mut app, &[KEYS[key]]) {
                match effect {
                    // Every command shows a plan at first, whatever it is.
                    Effect::Start(_) => {
                        let asked = Asked::Plan { plan: Box::new(takeover()), word: None };
                        app.update(Happened::Said(Said::Asked(asked)), now());
                    }
                    Effect::Reply(Reply::Yes) => {
                        proptest::prop_assert!(before.contains("[▸Do it◂]"), "confirmed unseen:\n{before}");
                    }
                    _ => {}
                }
            }
        }
    }
}
