//! Whole ways through the screen, as pure updates, and what it looks like.

use chrono::{Duration, TimeZone as _};
use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::domain::traffic::{Origin, Traffic};
use crate::faces::maintenance::OpenError;
use crate::flows::maintenance::MaintenanceError;

fn now() -> DateTime<Local> {
    Local.with_ymd_and_hms(2026, 11, 21, 2, 14, 7).unwrap()
}

fn reading(traffic: Traffic, configured: bool) -> Reading {
    Reading { traffic, configured, running: None, monitored: false }
}

fn blocked() -> Traffic {
    let since = DateTime::parse_from_rfc3339("2026-11-20T23:14:00+00:00").ok();
    Traffic::Blocked { origin: Origin::Maintenance, since, turned_away: 1_204 }
}

fn looked(reading: Reading) -> Looked {
    Looked { at: now(), seen: Ok(Seen { reading, notes: Vec::new() }) }
}

fn app_of(reading: Reading) -> App {
    let mut app = App::new("root on mx1".to_owned(), (false, None), Look::new(false), now());
    app.update(Happened::Read(Box::new(looked(reading))), now());
    app
}

fn app() -> App {
    app_of(reading(Traffic::Allowed, false))
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

fn wanted(action: Action) -> Wanted {
    Wanted { action, overriding: false, reason: None }
}

fn refused() -> Failure {
    Failure::from(OpenError::Machine(MaintenanceError::Configured))
}

/// At the confirmation of `add (block)`.
fn confirming() -> App {
    let mut app = app();
    press(&mut app, &[KeyCode::Char('m'), KeyCode::Enter, KeyCode::Enter, KeyCode::Enter]);
    app.update(Happened::Planned(wanted(Action::Add), Ok(vec![Change::Block])), now());
    app
}

#[test]
fn a_server_is_blocked_by_keys_and_only_after_a_yes() {
    let mut app = app();
    let keys = [KeyCode::Enter, KeyCode::Right, KeyCode::Char('a'), KeyCode::Enter];
    assert_eq!(press(&mut app, &keys), [Effect::Plan(wanted(Action::Add))]);
    app.update(Happened::Planned(wanted(Action::Add), Ok(vec![Change::Block])), now());
    let asked = shown(&app, 80, 24);
    assert!(asked.contains("Calls in progress end") && asked.contains("[▸Cancel◂]"), "{asked}");
    let effects = press(&mut app, &[KeyCode::Right, KeyCode::Enter]);
    assert_eq!(effects, [Effect::CarryOut(wanted(Action::Add), vec![Change::Block])]);
    let done = Done { reading: reading(blocked(), false), unwritten: Vec::new(), left: Vec::new() };
    let ended = Happened::Ended(wanted(Action::Add), Ok(Box::new(done)));
    assert_eq!(app.update(ended, now()), [Effect::ReadAgain]);
    let told = shown(&app, 80, 24);
    assert!(told.contains("BLOCKED ··") && told.contains("✓ done; this is what was read back"), "{told}");
    press(&mut app, &[KeyCode::Enter]);
    assert!(shown(&app, 80, 24).contains("Menu › more_configuration › iptables"));
}

#[test]
fn enter_at_once_cancels_and_so_does_escape() {
    for key in [KeyCode::Enter, KeyCode::Esc] {
        let mut app = confirming();
        assert_eq!(press(&mut app, &[key]), []);
        assert!(shown(&app, 80, 24).contains("cancelled; nothing was changed"));
    }
}

#[test]
fn a_refusal_leads_to_the_action_only_by_an_override_with_a_reason() {
    let mut app = app_of(reading(blocked(), true));
    press(&mut app, &[KeyCode::Char('u'), KeyCode::Enter]);
    app.update(Happened::Planned(wanted(Action::Uninstall), Err(refused())), now());
    assert!(shown(&app, 80, 24).contains("[▸Leave it◂]"));
    assert_eq!(press(&mut app, &[KeyCode::Right, KeyCode::Enter, KeyCode::Enter]), [], "no reason, no override");
    assert!(shown(&app, 80, 24).contains("not right: this needs a reason"));
    type_in(&mut app, "fire");
    let overriding = Wanted { overriding: true, reason: Some("fire".to_owned()), ..wanted(Action::Uninstall) };
    assert_eq!(press(&mut app, &[KeyCode::Enter]), [Effect::Plan(overriding.clone())]);
    app.update(Happened::Planned(overriding, Err(refused())), now());
    assert!(!shown(&app, 80, 24).contains("Override"), "what is overridden already is not offered again");
}

#[test]
fn a_plan_that_nobody_waits_for_any_more_is_not_shown() {
    let mut app = app();
    press(&mut app, &[KeyCode::Char('u'), KeyCode::Enter, KeyCode::Esc]);
    app.update(Happened::Planned(wanted(Action::Uninstall), Ok(vec![Change::Allow])), now());
    assert!(!shown(&app, 80, 24).contains("Do it"));
}

#[test]
fn nobody_leaves_or_suspends_while_a_change_is_under_way() {
    let mut app = confirming();
    press(&mut app, &[KeyCode::Right, KeyCode::Enter]);
    assert_eq!((control(&mut app, 'c'), control(&mut app, 'z')), (Vec::new(), Vec::new()));
    assert_eq!(press(&mut app, &[KeyCode::Esc, KeyCode::Char('q')]), []);
    assert!(shown(&app, 80, 24).contains("a change is under way"));
    let failure = Failure::new(Exit::Failed, "blocking failed on this server");
    app.update(Happened::Ended(wanted(Action::Add), Err(failure)), now());
    assert!(shown(&app, 80, 24).contains("✗ error: blocking failed on this server"));
    assert_eq!((control(&mut app, 'z'), control(&mut app, 'c')), (vec![Effect::Suspend], vec![Effect::Leave]));
}

#[test]
fn escape_goes_one_step_back_and_leaves_at_the_top() {
    let mut app = app();
    press(&mut app, &[KeyCode::Enter, KeyCode::Enter]);
    assert_eq!(press(&mut app, &[KeyCode::Esc]), []);
    assert!(shown(&app, 80, 24).contains("Menu › more_configuration ─"));
    assert_eq!(press(&mut app, &[KeyCode::Esc, KeyCode::Esc]), [Effect::Leave]);
    assert_eq!(press(&mut self::app(), &[KeyCode::Char('q')]), [Effect::Leave]);
}

#[test]
fn list_reads_afresh_and_shows_it() {
    let mut app = app();
    type_in(&mut app, "/state");
    assert_eq!(press(&mut app, &[KeyCode::Enter]), [Effect::List]);
    app.update(Happened::Listed(Box::new(looked(reading(blocked(), false)))), now());
    let told = shown(&app, 80, 24);
    assert!(told.contains("iptables › list") && told.contains("BLOCKED ··"), "{told}");
}

#[test]
fn what_was_read_too_long_ago_is_unknown() {
    let mut app = app_of(reading(blocked(), false));
    app.update(Happened::Passed, now() + Duration::seconds(6));
    assert!(shown(&app, 80, 24).contains("read back from the packet filter 6 s ago"));
    app.update(Happened::Passed, now() + Duration::seconds(16));
    let told = shown(&app, 80, 24);
    assert!(told.contains("unknown ??") && !told.contains("BLOCKED"), "{told}");
}

#[test]
fn help_lies_over_everything_and_leads_back_to_it() {
    let mut app = confirming();
    press(&mut app, &[KeyCode::F(1)]);
    assert!(shown(&app, 80, 24).contains("help: maintenance"));
    press(&mut app, &[KeyCode::Esc]);
    assert!(shown(&app, 80, 24).contains("[▸Cancel◂]"));
}

/// Everything there is to see, by its name.
fn screens() -> Vec<(&'static str, App)> {
    let differences = ["IPv4 INPUT: 2 is the place of our jump, not the first", "IPv6 MXONE_REDUNDANCY_IN: missing"];
    let partial = Traffic::Partial { differences: differences.map(str::to_owned).to_vec() };
    let running = Some("mxone_admin on pts/3, remove since 2026-11-21 02:14:00".to_owned());
    let mut screens = vec![
        ("menu", app()),
        ("partial", app_of(Reading { running, monitored: true, ..reading(partial, true) })),
        ("confirm", confirming()),
    ];

    let mut app = app_of(reading(blocked(), true));
    press(&mut app, &[KeyCode::Char('u'), KeyCode::Enter]);
    app.update(Happened::Planned(wanted(Action::Uninstall), Err(refused())), now());
    screens.push(("refused", app));

    let mut app = app_of(reading(blocked(), true));
    press(&mut app, &[KeyCode::Char('u'), KeyCode::Enter]);
    app.update(Happened::Planned(wanted(Action::Uninstall), Err(refused())), now());
    press(&mut app, &[KeyCode::Right, KeyCode::Enter]);
    type_in(&mut app, "the alternate site burned down");
    screens.push(("reason", app));

    let mut app = self::app();
    app.given = (true, Some("the alternate site burned down".to_owned()));
    press(&mut app, &[KeyCode::Char('u'), KeyCode::Enter]);
    let overriding = Wanted { overriding: true, reason: app.given.1.clone(), ..wanted(Action::Uninstall) };
    let folders = ["/etc", "/var/lib", "/run"].map(|above| format!("{above}/mxone_system_redundancy").into());
    let unit = "/etc/systemd/system/mxone-system-redundancy-monitor.service".into();
    let mut changes = vec![Change::RemoveMonitor { unit }, Change::RemoveGuard, Change::ForgetOrder, Change::Allow];
    changes.extend(folders.map(|folder| Change::RemoveFolder { folder }));
    app.update(Happened::Planned(overriding, Ok(changes)), now());
    screens.push(("uninstall", app));
    screens
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
fn every_screen_names_the_key_of_its_help_and_what_a_yes_means_is_never_cut_off() {
    for (name, app) in screens() {
        for (columns, lines) in [(80, 24), (60, 20)] {
            let told = shown(&app, columns, lines);
            let last = told.lines().last().unwrap_or_default();
            assert!(last.contains("F1 help") && last.contains("Esc"), "{name}: {last}");
            assert!(!told.contains("[▸Cancel◂]") || told.contains("║ ! "), "{told}");
        }
    }
    for size in [(59, 20), (60, 19), (1, 1), (10, 2)] {
        assert!(!shown(&app(), size.0, size.1).contains("THIS SERVER"));
    }
    assert!(shown(&app(), 59, 20).contains("60 x 20"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_is_changed_without_its_confirmation(keys in proptest::collection::vec(0_usize..16, 1..120)) {
        const KEYS: [KeyCode; 16] = [
            KeyCode::Up, KeyCode::Down, KeyCode::Enter, KeyCode::Enter, KeyCode::Enter, KeyCode::Esc, KeyCode::Left,
            KeyCode::Right, KeyCode::Tab, KeyCode::Char('/'), KeyCode::Char('u'), KeyCode::Char('y'),
            KeyCode::Char('a'), KeyCode::F(1), KeyCode::F(5), KeyCode::Char('n'),
        ];
        let mut app = app_of(reading(blocked(), true));
        app.given = (true, Some("fire".to_owned()));
        for key in keys {
            let before = shown(&app, 80, 24);
            for effect in press(&mut app, &[KEYS[key]]) {
                match effect {
                    Effect::Plan(wanted) => {
                        app.update(Happened::Planned(wanted, Ok(vec![Change::Allow])), now());
                    }
                    Effect::CarryOut(wanted, _) => {
                        let seen = before.contains("[▸Do it◂]") && before.contains("! overridden: ");
                        proptest::prop_assert!(seen, "changed unseen:\n{before}");
                        app.update(Happened::Ended(wanted, Err(refused())), now());
                    }
                    Effect::List | Effect::ReadAgain | Effect::Suspend | Effect::Leave => {}
                }
            }
        }
    }
}
