//! What the caller is asked for, and when nothing is asked.

use super::*;

#[test]
fn s_asks_to_save_with_what_changed() {
    let mut editor = small();
    assert_eq!(press(&mut editor, "s"), None);
    assert_eq!(note(&editor), "nothing has changed, so there is nothing to save");
    press(&mut editor, "/ 192.0.2.22 Enter g");
    let table = editor.table().clone();
    let what = "set 192.0.2.22 -> 198.51.100.22".to_owned();
    assert_eq!(press(&mut editor, "s"), Some(Wish::Save { table, what, then_leave: false }));
    assert!(editor.is_changed());
    editor.saved();
    assert!(!editor.is_changed());
    assert_eq!(note(&editor), "saved; it counts from the next load on");
}

#[test]
fn many_changes_are_told_by_the_first_and_a_number() {
    let mut editor = small();
    press(&mut editor, "/ 192.0.2.22 Enter g / Esc K");
    let Some(Wish::Save { what, .. }) = press(&mut editor, "F10") else { panic!("no wish to save") };
    assert_eq!(what, "keep 172.16.8.0/24, 3 more");
    let mut editor = small();
    press(&mut editor, "d");
    let Some(Wish::Save { what, .. }) = press(&mut editor, "s") else { panic!("no wish to save") };
    assert_eq!(what, "remove 10.1.0.0/16");
}

#[test]
fn esc_leaves_at_once_when_nothing_changed() {
    assert_eq!(press(&mut small(), "Esc"), Some(Wish::Leave));
    assert_eq!(press(&mut small(), "K u Esc"), Some(Wish::Leave));
}

#[test]
fn esc_asks_when_something_changed_and_enter_stays() {
    let mut editor = small();
    assert_eq!(press(&mut editor, "K Esc Enter"), None);
    assert!(matches!(editor.mode, Mode::Browse));
    assert_eq!(press(&mut editor, "Esc Esc"), None);
    assert!(matches!(editor.mode, Mode::Browse));
    assert_eq!(press(&mut editor, "Esc t"), Some(Wish::Leave));
    assert_eq!(press(&mut editor, "Esc Left Enter"), Some(Wish::Leave));
    let table = editor.table().clone();
    let save = Wish::Save { table, what: "keep 172.16.8.0/24, 2 more".to_owned(), then_leave: true };
    assert_eq!(press(&mut editor, "Esc s"), Some(save.clone()));
    assert_eq!(press(&mut editor, "Esc Right Enter"), Some(save.clone()));
    assert_eq!(press(&mut editor, "Esc Tab Tab BackTab Enter"), Some(save));
}

#[test]
fn import_and_export_ask_for_a_file() {
    let mut editor = small();
    assert_eq!(press(&mut editor, "i Ctrl-U Enter"), None);
    assert_eq!(note(&editor), "type the name of a file, or Esc");
    assert_eq!(press(&mut editor, "mine.yaml Enter"), Some(Wish::Import(PathBuf::from("mine.yaml"))));
    let table = editor.table().clone();
    assert_eq!(press(&mut editor, "x Enter"), Some(Wish::Export { table, file: PathBuf::from("mine.yaml") }));
    assert_eq!(press(&mut editor, "x Esc"), None);
    assert!(matches!(editor.mode, Mode::Browse));
}

#[test]
fn p_asks_for_the_preview_of_the_table_as_it_is_now() {
    let mut editor = small();
    press(&mut editor, "K");
    assert_eq!(press(&mut editor, "p"), Some(Wish::Preview(editor.table().clone())));
}

#[test]
fn help_is_there_everywhere() {
    for before in ["", "/", "a", "e", "i", "w", "K Esc"] {
        let mut editor = small();
        press(&mut editor, before);
        assert_eq!(press(&mut editor, "F1"), Some(Wish::Help("settings")), "{before}");
    }
}

#[test]
fn a_wizard_gets_its_table_only_when_nothing_must_be_mended() {
    let mut editor = Editor::new(small_given(), Purpose::Wizard);
    assert_eq!(press(&mut editor, "s"), None);
    assert_eq!(note(&editor), "2 problems marked ! must be mended first; here is the next");
    assert_eq!(chosen(&editor), "192.0.2.21");
    press(&mut editor, "/ 192.0.2.2 Enter Home e Ctrl-U 198.51.100.31 Enter Down g");
    let table = editor.table().clone();
    let what = "set 192.0.2.21 -> 198.51.100.31, 1 more".to_owned();
    assert_eq!(press(&mut editor, "F10"), Some(Wish::Save { table, what, then_leave: true }));
}

#[test]
fn a_wizard_goes_on_with_a_table_that_was_right_from_the_start() {
    let table = table(&["192.0.2.0/24 -> 198.51.100.0/24"]);
    let mut editor = Editor::new(Given { table: table.clone(), ..Given::default() }, Purpose::Wizard);
    let wish = Wish::Save { table, what: "no change".to_owned(), then_leave: true };
    assert_eq!(press(&mut editor, "s"), Some(wish));
}

#[test]
fn what_the_scan_could_not_list_is_told_with_every_row() {
    let mut given = small_given();
    given.scan.as_mut().unwrap().unlisted = 1_204;
    let shown = picture(&Editor::new(given, Purpose::Settings), 100, 24);
    assert!(shown.contains("7 entries · 1,204 not judged"), "{shown}");
    assert!(shown.contains("! the data has more addresses than can be listed"), "{shown}");
}

#[test]
fn what_the_caller_tells_stays_until_the_next_key() {
    let mut editor = small();
    editor.tell("the file\x1b[2J cannot be read");
    assert!(picture(&editor, 80, 24).contains("» the file[2J cannot be read"));
    press(&mut editor, "Down");
    assert!(!picture(&editor, 80, 24).contains("cannot be read"));
}
