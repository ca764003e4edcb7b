//! Keys that change the table, and taking changes back.

use super::*;

#[test]
fn e_changes_what_an_address_becomes_in_its_row() {
    let mut editor = small();
    press(&mut editor, "/ 192.0.2.11 Enter e Backspace 2 Enter");
    assert!(entries(&editor).contains(&"192.0.2.11 -> 198.51.100.12".to_owned()));
    assert_eq!(chosen(&editor), "192.0.2.11");
    assert!(editor.is_changed());
}

#[test]
fn esc_leaves_an_entry_as_it_was() {
    let mut editor = small();
    let before = editor.table().clone();
    assert_eq!(press(&mut editor, "Enter 9 Esc"), None);
    assert_eq!((editor.table(), editor.is_changed()), (&before, false));
}

#[test]
fn a_adds_a_host_and_goes_to_its_row() {
    let mut editor = small();
    press(&mut editor, "a 192.0.2.77 Enter 198.51.100.77 Enter");
    assert!(entries(&editor).contains(&"192.0.2.77 -> 198.51.100.77".to_owned()));
    assert_eq!(chosen(&editor), "192.0.2.77");
    assert_eq!(state(&editor, "192.0.2.77"), "unused");
}

#[test]
fn a_adds_a_network_whose_length_need_not_be_typed_twice() {
    let mut editor = small();
    press(&mut editor, "a 192.0.2.0/24 Tab 198.51.100.0 Enter");
    assert!(entries(&editor).contains(&"192.0.2.0/24 -> 198.51.100.0/24".to_owned()));
    assert_eq!(state(&editor, "192.0.2.22"), "ok");
}

#[test]
fn d_takes_an_entry_out_and_says_so_where_there_is_none() {
    let mut editor = small();
    press(&mut editor, "/ 192.0.2.11 Enter d");
    assert_eq!(note(&editor), "removed 192.0.2.11 -> 198.51.100.11; u brings it back");
    assert_eq!(state(&editor, "192.0.2.11"), "! MUST MAP");
    press(&mut editor, "Delete");
    assert_eq!(note(&editor), "192.0.2.11 has no entry");
    press(&mut editor, "/ Ctrl-U 10.1.7.7 Enter d");
    assert_eq!(note(&editor), "10.1.7.7 has no entry of its own; it follows 10.1.0.0/16 -> 10.2.0.0/16");
}

#[test]
fn k_keeps_a_foreign_address_and_no_other() {
    let mut editor = small();
    press(&mut editor, "/ 203.0.113.53 Enter k");
    assert_eq!(state(&editor, "203.0.113.53"), "kept");
    press(&mut editor, "/ Ctrl-U 192.0.2.22 Enter k");
    assert!(note(&editor).contains("belongs to the primary, so it must not be kept"), "{}", note(&editor));
    assert_eq!(state(&editor, "192.0.2.22"), "! MUST MAP");
    press(&mut editor, "/ Ctrl-U 192.0.2.99 Enter k");
    assert!(note(&editor).contains("no foreign address"), "{}", note(&editor));
}

#[test]
fn k_is_not_needed_where_a_rule_keeps_an_address() {
    let mut editor = small();
    press(&mut editor, "a 203.0.113.0/24 Enter 203.0.113.0/24 Enter");
    let before = editor.table().clone();
    press(&mut editor, "/ 203.0.113.53 Enter k");
    assert!(note(&editor).contains("is not needed"), "{}", note(&editor));
    assert_eq!(editor.table(), &before);
}

#[test]
fn all_unconfirmed_foreign_addresses_are_kept_and_given_back_at_once() {
    let mut editor = small();
    let before = editor.table().clone();
    press(&mut editor, "K");
    assert_eq!(note(&editor), "3 foreign addresses kept, u takes that back");
    assert_eq!(editor.rows.tally.unconfirmed, 0);
    press(&mut editor, "K");
    assert_eq!(note(&editor), "no foreign address is unconfirmed");
    press(&mut editor, "u");
    assert_eq!((editor.table(), editor.is_changed()), (&before, false));
}

#[test]
fn a_foreign_network_with_addresses_of_the_primary_in_it_is_not_kept_with_the_others() {
    let mut given = small_given();
    let scan = given.scan.as_mut().unwrap();
    scan.networks.insert(net("192.0.2.0/25"), found(Class::Foreign, 1, "routes.csv", None));
    let mut editor = Editor::new(given, Purpose::Settings);
    press(&mut editor, "K");
    assert_eq!(state(&editor, "192.0.2.0/25"), "? unconfirmed");
    assert!(note(&editor).ends_with("; 1 network left, addresses of the primary stand there"), "{}", note(&editor));
}

#[test]
fn g_gives_an_own_address_the_same_host_in_the_alternates_network() {
    let mut editor = small();
    press(&mut editor, "/ 192.0.2.22 Enter g");
    assert!(entries(&editor).contains(&"192.0.2.22 -> 198.51.100.22".to_owned()));
    press(&mut editor, "g");
    assert_eq!(note(&editor), "there is no suggestion for this row");
}

#[test]
fn g_lets_a_rule_speak_in_place_of_an_entry() {
    let mut editor = small();
    press(&mut editor, "a 192.0.2.0/24 Enter 198.51.100.0 Enter / 192.0.2.23 Enter");
    assert_eq!(state(&editor, "192.0.2.23"), "! conflict");
    press(&mut editor, "g");
    assert_eq!(state(&editor, "192.0.2.23"), "ok");
    assert!(!entries(&editor).iter().any(|entry| entry.starts_with("192.0.2.23 ")));
}

#[test]
fn nothing_is_suggested_where_two_networks_would_fit() {
    let mut given = small_given();
    given.alternate.push(net("203.0.113.0/24"));
    let mut editor = Editor::new(given, Purpose::Settings);
    press(&mut editor, "/ 192.0.2.22 Enter g");
    assert_eq!(note(&editor), "there is no suggestion for this row");
}

#[test]
fn u_takes_back_and_ctrl_r_or_capital_u_make_again() {
    let mut editor = small();
    press(&mut editor, "/ 192.0.2.22 Enter g");
    press(&mut editor, "u");
    assert_eq!(note(&editor), "taken back: set 192.0.2.22 -> 198.51.100.22");
    assert_eq!((state(&editor, "192.0.2.22"), editor.is_changed()), ("! MUST MAP", false));
    press(&mut editor, "u");
    assert_eq!(note(&editor), "there is nothing to take back");
    press(&mut editor, "Ctrl-R");
    assert_eq!(note(&editor), "made again: set 192.0.2.22 -> 198.51.100.22");
    press(&mut editor, "u U");
    assert_eq!(state(&editor, "192.0.2.22"), "ok");
    press(&mut editor, "U");
    assert_eq!(note(&editor), "there is nothing to make again");
}

#[test]
fn a_new_change_forgets_what_was_taken_back() {
    let mut editor = small();
    press(&mut editor, "K u / 192.0.2.22 Enter g U");
    assert_eq!(note(&editor), "there is nothing to make again");
}

#[test]
fn taking_back_goes_on_behind_a_save() {
    let mut editor = small();
    let first = editor.table().clone();
    press(&mut editor, "K s");
    editor.saved();
    assert!(!editor.is_changed());
    press(&mut editor, "u");
    assert_eq!((editor.table(), editor.is_changed()), (&first, true));
}

#[test]
fn an_import_is_one_change() {
    let mut editor = small();
    let before = editor.table().clone();
    editor.imported(table(&["192.0.2.0/24 -> 198.51.100.0/24"]));
    assert_eq!(entries(&editor), ["192.0.2.0/24 -> 198.51.100.0/24"]);
    assert_eq!(note(&editor), "import of 1 entry");
    press(&mut editor, "u");
    assert_eq!(editor.table(), &before);
    editor.imported(before);
    assert_eq!(note(&editor), "the file has just the entries that are here");
}

#[test]
fn a_row_that_a_filter_takes_away_leaves_the_next_one_chosen() {
    let mut given = small_given();
    given.table = TranslationTable::default();
    let mut editor = Editor::new(given, Purpose::Settings);
    press(&mut editor, "f f f f Home");
    assert_eq!(chosen(&editor), "192.0.2.10");
    press(&mut editor, "g");
    assert_eq!(chosen(&editor), "192.0.2.11");
    press(&mut editor, "g g g g");
    assert_eq!(editor.rows.tally.must(), 0);
}
