//! Searching, filtering, sorting and moving, by keys and by mouse.

use crossterm::event::MouseEvent;

use super::*;

fn shown(editor: &Editor) -> Vec<String> {
    editor.listing.on_screen(&editor.rows, 100).map(|(row, _)| side_text(row.primary)).collect()
}

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> MouseEvent {
    MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }
}

#[test]
fn a_search_finds_addresses_of_both_sides_files_and_fields() {
    let mut editor = small();
    for (find, found) in [
        ("2.22", vec!["192.0.2.22"]),
        ("100.99", vec!["192.0.2.99"]),
        ("SIP_ROUTE", vec!["203.0.113.25", "203.0.113.53"]),
        ("proxyip", vec!["203.0.113.53"]),
        ("nowhere", vec![]),
    ] {
        press(&mut editor, &format!("/ Ctrl-U {find}"));
        assert_eq!(shown(&editor), found, "{find}");
        press(&mut editor, "Enter");
    }
    press(&mut editor, "/ Esc");
    assert_eq!(shown(&editor).len(), 13);
}

#[test]
fn filters_go_round_forwards_and_backwards() {
    let mut editor = small();
    let mut seen = Vec::new();
    for key in ["f", "Tab", "f", "f", "Tab", "f", "f", "BackTab", "F"] {
        press(&mut editor, key);
        seen.push((editor.listing.filter.text(), shown(&editor).len()));
    }
    assert_eq!(
        seen,
        [
            ("own", 5),
            ("foreign", 5),
            ("rules", 1),
            ("unmapped own", 1),
            ("unconfirmed foreign", 3),
            ("problems", 4),
            ("all", 13),
            ("problems", 4),
            ("unconfirmed foreign", 3),
        ]
    );
}

#[test]
fn o_sorts_by_state_and_by_occurrences_and_by_address_again() {
    let mut editor = small();
    let by_address = shown(&editor);
    press(&mut editor, "o");
    assert_eq!(shown(&editor)[..2], ["192.0.2.22", "192.0.2.21"]);
    press(&mut editor, "o");
    assert_eq!(shown(&editor)[..2], ["203.0.113.53", "192.0.2.10"]);
    press(&mut editor, "o");
    assert_eq!(shown(&editor), by_address);
}

#[test]
fn n_goes_to_the_next_problem_and_round() {
    let mut editor = small();
    let mut seen = Vec::new();
    for key in ["n", "n", "n", "n", "n", "N"] {
        press(&mut editor, key);
        seen.push(chosen(&editor));
    }
    assert_eq!(seen, ["192.0.2.10", "192.0.2.21", "192.0.2.22", "192.0.2.23", "192.0.2.10", "192.0.2.23"]);
    press(&mut editor, "/ sip_route Enter n");
    assert_eq!(note(&editor), "none of the rows shown has a problem; f shows others");
    let mut right = Editor::new(Given::default(), Purpose::Settings);
    press(&mut right, "n N");
    assert_eq!(note(&right), "no row has a problem");
}

#[test]
fn the_keys_that_move_keep_the_chosen_row_on_the_screen() {
    let mut editor = large();
    for keys in ["End", "PageUp", "PageUp", "Up", "Home", "Down", "PageDown", "PageDown", "PageDown", "Up"] {
        press(&mut editor, keys);
        let shown = picture(&editor, 60, 20);
        let marked = shown.lines().find(|line| line.contains('▸')).unwrap_or_default();
        assert!(marked.contains(&chosen(&editor)), "{keys}: {shown}");
    }
}

#[test]
fn the_chosen_row_stays_chosen_while_more_is_shown() {
    let mut editor = large();
    press(&mut editor, "/ 10.1.8.188 Enter");
    let row = chosen(&editor);
    press(&mut editor, "/ Esc f");
    assert_eq!(chosen(&editor), row);
}

#[test]
fn a_click_chooses_the_row_under_it_and_elsewhere_does_nothing() {
    let mut editor = small();
    let area = Rect::new(0, 0, 80, 24);
    picture(&editor, 80, 24);
    editor.on_mouse(mouse(MouseEventKind::Down(MouseButton::Left), 10, 5), area);
    assert_eq!(chosen(&editor), "172.16.8.0/24");
    for (column, row) in [(0, 6), (10, 0), (10, 2), (10, 20), (79, 6), (200, 200)] {
        editor.on_mouse(mouse(MouseEventKind::Down(MouseButton::Left), column, row), area);
        assert_eq!(chosen(&editor), "172.16.8.0/24");
    }
}

#[test]
fn the_wheel_scrolls_and_takes_the_chosen_row_along() {
    let mut editor = large();
    let area = Rect::new(0, 0, 80, 24);
    picture(&editor, 80, 24);
    editor.on_mouse(mouse(MouseEventKind::ScrollDown, 5, 5), area);
    assert_eq!(chosen(&editor), "10.1.0.4");
    assert!(picture(&editor, 80, 24).lines().nth(3).unwrap().contains("10.1.0.4 "));
    editor.on_mouse(mouse(MouseEventKind::ScrollUp, 5, 5), area);
    assert_eq!(chosen(&editor), "10.1.0.4");
}

#[test]
fn w_lists_every_place_and_whoever_follows_a_rule() {
    let mut editor = small();
    press(&mut editor, "/ 203.0.113.53 Enter w End");
    let whole = picture(&editor, 80, 24);
    assert!(whole.contains("203.0.113.53 occurs 40 times"), "{whole}");
    assert!(whole.contains("and 20 more that the scan does not list"), "{whole}");
    press(&mut editor, "Esc / Ctrl-U 10.1.0.0 Enter w");
    let follow = picture(&editor, 80, 24);
    assert!(follow.contains("1 address of the mirror follows 10.1.0.0/16"), "{follow}");
    assert!(follow.contains("10.1.7.7 -> 10.2.7.7  ok"), "{follow}");
    press(&mut editor, "w / Ctrl-U 192.0.2.99 Enter w");
    assert_eq!(note(&editor), "192.0.2.99 does not occur in the mirror");
}
