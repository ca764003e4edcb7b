//! What each form asks, refuses and starts.

use super::*;
use crate::faces::terminal::dashboard::tests::now;

fn present() -> Present {
    Present {
        mirrors: vec![
            ("20261121-2".to_owned(), "20261121-2  LOADED".to_owned()),
            ("20261120-1".to_owned(), "20261120-1".to_owned()),
        ],
        addresses: vec!["203.0.113.1".to_owned()],
        auto_copy: None,
        zone: chrono_tz::Europe::Stockholm,
    }
}

fn press(form: &mut Form, codes: &[KeyCode]) -> Option<Wish> {
    codes.iter().map(|code| form.on_key(KeyEvent::from(*code))).last().flatten()
}

fn replace(form: &mut Form, text: &str) -> Option<Wish> {
    let erase = [KeyCode::Backspace; 40];
    press(form, &erase);
    let typed: Vec<KeyCode> = text.chars().map(KeyCode::Char).collect();
    press(form, &typed);
    press(form, &[KeyCode::Enter])
}

fn words(wish: Option<Wish>) -> Vec<String> {
    match wish {
        Some(Wish::Run(invocation)) => invocation.words,
        other => panic!("no command but {other:?}"),
    }
}

#[test]
fn a_reason_may_be_left_out_but_not_that_of_a_forced_takeover() {
    let takeover = ["manual-takeover", "traffic-in-alternate"];
    let mut form = Form::new(&takeover, Asks::Reason, "manual-takeover", &present());
    assert_eq!(form.on_key(KeyEvent::from(KeyCode::Enter)), Some(Wish::Run(Invocation::of(&takeover))));
    let mut form = Form::of_overruling(&Invocation { force: true, ..Invocation::of(&takeover) });
    assert_eq!(form.on_key(KeyEvent::from(KeyCode::Enter)), None);
    let skips = Invocation { skip: vec!["version".to_owned()], ..Invocation::of(&["data", "copy"]) };
    assert_eq!(Form::of_overruling(&skips).on_key(KeyEvent::from(KeyCode::Enter)), None);
    let wish = replace(&mut form, "fire");
    let expected = Invocation { force: true, reason: Some("fire".to_owned()), ..Invocation::of(&takeover) };
    assert_eq!(wish, Some(Wish::Run(expected)));
}

#[test]
fn a_schedule_is_judged_while_it_is_typed_and_its_next_runs_are_told() {
    let create = ["data", "auto", "create"];
    let mut form = Form::new(&create, Asks::Schedule, "data", &present());
    let told = form.told(now()).join("\n");
    assert!(told.contains("every day at 02:00") && told.lines().count() == 7, "{told}");
    for wrong in ["", "x", "0 25 * * *", "0 2 30 2 *", "0 2 * *"] {
        assert_eq!(replace(&mut form, wrong), None, "{wrong}");
        assert!(form.wrong.is_some(), "{wrong}");
    }
    assert_eq!(words(replace(&mut form, "30 3 * * 7"))[3..], ["--schedule", "30 3 * * 7"]);
    assert_eq!(words(replace(&mut form, "03:05"))[3..], ["--schedule", "5 3 * * *"]);
}

#[test]
fn addresses_are_proposed_and_judged() {
    let set = ["settings", "network-control-address"];
    let mut form = Form::new(&set, Asks::Addresses, "settings", &present());
    assert_eq!(words(press(&mut form, &[KeyCode::Enter]))[2..], ["203.0.113.1"]);
    assert_eq!(replace(&mut form, "203.0.113.1 router"), None);
    assert_eq!(form.wrong.as_deref(), Some("\"router\" is not an IP address"));
    assert_eq!(words(replace(&mut form, "203.0.113.1, 203.0.113.2"))[2..], ["203.0.113.1", "203.0.113.2"]);
}

#[test]
fn a_service_address_comes_with_its_prefix_and_its_interface() {
    let set = ["settings", "service-address"];
    let mut form = Form::new(&set, Asks::ServiceAddress, "settings", &present());
    assert_eq!(replace(&mut form, "192.0.2.50/24"), None);
    assert_eq!(form.wrong.as_deref(), Some("an address and an interface, with a blank between"));
    assert_eq!(replace(&mut form, "router eth0"), None);
    assert_eq!(form.wrong.as_deref(), Some("\"router\" is not written as 192.0.2.50/24"));
    assert_eq!(words(replace(&mut form, "192.0.2.50/24 eth0"))[2..], ["192.0.2.50/24", "--interface", "eth0"]);
}

#[test]
fn a_mirror_is_chosen_from_those_there_are() {
    let load = ["data", "mirrors", "load"];
    let mut form = Form::new(&load, Asks::Mirror, "data", &present());
    assert_eq!(words(press(&mut form, &[KeyCode::Down, KeyCode::Down, KeyCode::Enter]))[3..], ["20261120-1"]);
    assert_eq!(words(press(&mut form, &[KeyCode::Up, KeyCode::Enter]))[3..], ["20261121-2"]);
    let mut none = Form::new(&load, Asks::Mirror, "data", &Present { mirrors: Vec::new(), ..present() });
    assert_eq!(press(&mut none, &[KeyCode::Enter]), None);
}
