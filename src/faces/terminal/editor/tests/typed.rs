//! What is said of an entry while it is typed.

use super::*;

/// What is shown in the state column while an address becomes something.
fn judged(primary: &str, becomes: &str) -> &'static str {
    let mut editor = small();
    press(&mut editor, &format!("/ {primary} Enter e Ctrl-U {becomes}"));
    match &editor.mode {
        Mode::Form(form) => form.judged.text(),
        Mode::Browse | Mode::Find(_) | Mode::File(_) | Mode::Places(_) | Mode::Leaving(_) => "no form",
    }
}

#[test]
fn an_entry_is_judged_at_every_key() {
    for (primary, becomes, said) in [
        ("192.0.2.22", "198.51.100.22", "ok"),
        ("192.0.2.22", "198.51.100.", "! no address"),
        ("192.0.2.22", "2001:db8::1", "! IPv4 or IPv6"),
        ("192.0.2.22", "198.51.100.0/24", "! length"),
        ("192.0.2.22", "198.51.100.9/24", "! host part"),
        ("192.0.2.22", "127.0.0.1", "! never"),
        ("192.0.2.22", "192.0.2.22", "! chain"),
        ("192.0.2.22", "192.0.2.11", "! chain"),
        ("192.0.2.22", "198.51.100.10", "! conflict"),
        ("192.0.2.22", "203.0.113.25", "? shared"),
        ("192.0.2.22", "203.0.113.99", "? outside"),
        ("203.0.113.53", "203.0.113.53", "kept"),
        ("172.16.8.0", "198.51.100.0", "ok"),
        ("172.16.8.0", "198.51.100.0/25", "! length"),
    ] {
        let said = if becomes == primary && said == "! chain" { "! own, kept" } else { said };
        assert_eq!(judged(primary, becomes), said, "{primary} -> {becomes}");
    }
}

#[test]
fn a_rule_is_judged_by_the_addresses_that_would_follow_it() {
    let mut editor = small();
    press(&mut editor, "a 192.0.2.0/24 Enter 203.0.113.0/24");
    let shown = picture(&editor, 100, 30);
    assert!(shown.contains("192.0.2.22 would become 203.0.113.22, which is in none"), "{shown}");
    assert!(!shown.contains("192.0.2.10 would"), "{shown}");
}

#[test]
fn enter_does_not_take_what_is_no_entry() {
    let mut editor = small();
    press(&mut editor, "/ 192.0.2.22 Enter e 198.51. Enter");
    assert_eq!(note(&editor), "\"198.51.\" is neither an IP address nor a network");
    press(&mut editor, "Ctrl-U Enter");
    assert_eq!(note(&editor), "type what it becomes at the alternate, or Esc");
    press(&mut editor, "198.51.100.22 Enter");
    assert_eq!(state(&editor, "192.0.2.22"), "ok");
}

#[test]
fn tab_takes_the_suggestion_over() {
    let mut editor = small();
    press(&mut editor, "/ 192.0.2.22 Enter e Tab Enter");
    assert!(entries(&editor).contains(&"192.0.2.22 -> 198.51.100.22".to_owned()));
    press(&mut editor, "/ Ctrl-U 203.0.113.53 Enter e Tab");
    assert_eq!(note(&editor), "there is no suggestion for this row");
}

#[test]
fn enter_goes_from_the_empty_side_to_the_other_when_adding() {
    let mut editor = small();
    press(&mut editor, "a Enter 192.0.2.50 Down 198.51.100.50 Up Backspace 1 Enter");
    assert!(entries(&editor).contains(&"192.0.2.51 -> 198.51.100.50".to_owned()));
}

#[test]
fn an_entry_that_is_there_already_changes_nothing() {
    let mut editor = small();
    press(&mut editor, "/ 192.0.2.11 Enter e Enter");
    assert_eq!(note(&editor), "192.0.2.11 -> 198.51.100.11 is there already");
    assert!(!editor.is_changed());
}

#[test]
fn letters_that_are_keys_elsewhere_are_only_typed() {
    let mut editor = small();
    let before = editor.table().clone();
    assert_eq!(press(&mut editor, "a dKsuxp Esc"), None);
    assert_eq!(press(&mut editor, "/ dKsuxp Esc"), None);
    assert_eq!(editor.table(), &before);
}
