//! Pictures at the sizes people work at.

use super::*;

fn look(name: &str, editor: &Editor) {
    for (width, height) in [(80, 24), (160, 50), (60, 20)] {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), picture(editor, width, height));
    }
}

#[test]
fn a_small_table_is_seen_whole() {
    look("small", &small());
}

#[test]
fn five_thousand_entries_are_seen_a_screen_at_a_time() {
    look("large", &large());
}

#[test]
fn five_thousand_entries_searched_and_gone_down() {
    let mut editor = large();
    press(&mut editor, "f / lim_4_ PageDown PageDown");
    look("large_find", &editor);
}

#[test]
fn an_own_address_without_an_entry_is_told_what_it_could_be() {
    let mut editor = small();
    press(&mut editor, "/ 2.22 Enter");
    look("unmapped", &editor);
}

#[test]
fn an_entry_is_typed_in_its_row_and_judged_meanwhile() {
    let mut editor = small();
    press(&mut editor, "n n e Ctrl-U 198.51.100.10");
    look("edit_conflict", &editor);
    press(&mut editor, "Ctrl-U 198.51.");
    look("edit_no_address", &editor);
}

#[test]
fn an_entry_is_added_from_both_sides() {
    let mut editor = small();
    press(&mut editor, "a");
    look("add_empty", &editor);
    press(&mut editor, "203.0.113.0/24 Enter 198.51.100.0");
    look("add_rule", &editor);
}

#[test]
fn leaving_with_changes_asks() {
    let mut editor = small();
    press(&mut editor, "K d Esc");
    look("leaving", &editor);
}

#[test]
fn all_places_of_an_address_are_listed() {
    let mut editor = small();
    press(&mut editor, "/ 203.0.113.53 Enter w Down");
    look("places", &editor);
}

#[test]
fn a_file_is_named() {
    let mut editor = small();
    press(&mut editor, "x");
    look("export", &editor);
    press(&mut editor, "Esc i");
    editor.tell("translation.csv line 3, column 9: \"198.51.100.300\" is neither an IP address nor a network");
    look("import_failed", &editor);
}

#[test]
fn what_stands_elsewhere_says_why_it_is_not_translated() {
    let mut editor = small();
    press(&mut editor, "f f f f f f Home e");
    look("elsewhere", &editor);
}

#[test]
fn a_wizard_asks_for_a_complete_table() {
    let mut given = small_given();
    given.table = TranslationTable::default();
    let mut editor = Editor::new(given, Purpose::Wizard);
    press(&mut editor, "s");
    look("wizard", &editor);
}

#[test]
fn without_a_mirror_there_are_only_the_entries() {
    let table = table(&["192.0.2.0/24 -> 198.51.100.0/24", "203.0.113.25 -> 203.0.113.25"]);
    look("no_mirror", &Editor::new(Given { table, ..Given::default() }, Purpose::Settings));
    look("empty", &Editor::new(Given::default(), Purpose::Settings));
}

#[test]
fn long_addresses_of_ipv6_are_cut_and_shown_whole_below() {
    let mut given = small_given();
    given
        .table
        .set("2001:db8:1111:2222:3333:4444:5555:6666 -> 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff".parse().unwrap());
    let mut editor = Editor::new(given, Purpose::Settings);
    press(&mut editor, "End");
    look("ipv6", &editor);
}
