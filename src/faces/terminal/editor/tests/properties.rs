//! Whatever is pressed: nothing panics, and everything can be taken back.

use crossterm::event::{KeyEventKind, KeyEventState};
use proptest::prelude::*;

use super::*;

/// Keys that change something, among others.
const KEYS: [&str; 30] = [
    "e",
    "a",
    "d",
    "k",
    "K",
    "g",
    "u",
    "U",
    "Enter",
    "Esc",
    "Tab",
    "Up",
    "Down",
    "End",
    "Home",
    "PageDown",
    "n",
    "N",
    "f",
    "o",
    "/",
    "w",
    "i",
    "x",
    "s",
    "198.51.100.7",
    "192.0.2.0/24",
    "2001:db8::7",
    "Ctrl-U",
    "Backspace",
];

fn any_key() -> impl Strategy<Value = KeyEvent> {
    let code = prop_oneof![
        any::<char>().prop_map(KeyCode::Char),
        "[a-zA-Z0-9./:]".prop_map(|text| KeyCode::Char(text.chars().next().unwrap())),
        prop::sample::select(vec![
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Tab,
            KeyCode::BackTab,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Left,
            KeyCode::Right,
            KeyCode::Home,
            KeyCode::End,
            KeyCode::PageUp,
            KeyCode::PageDown,
            KeyCode::Backspace,
            KeyCode::Delete,
            KeyCode::F(10),
        ]),
    ];
    let modifiers = prop::sample::select(vec![KeyModifiers::NONE, KeyModifiers::NONE, KeyModifiers::CONTROL]);
    let event = |(code, modifiers)| KeyEvent { code, modifiers, kind: KeyEventKind::Press, state: KeyEventState::NONE };
    (code, modifiers).prop_map(event)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn random_keys_and_sizes_never_panic(
        keys in prop::collection::vec(any_key(), 0..120),
        width in 1_u16..120,
        height in 1_u16..40,
    ) {
        let mut editor = small();
        for key in keys {
            editor.on_key(key);
            picture(&editor, width, height);
        }
    }

    #[test]
    fn taking_everything_back_gives_the_table_from_the_start(
        keys in prop::collection::vec(prop::sample::select(KEYS.to_vec()), 0..80),
    ) {
        let mut editor = small();
        let start = editor.table().clone();
        for key in keys {
            press(&mut editor, key);
        }
        let end = editor.table().clone();
        press(&mut editor, "Esc Esc");
        editor.mode = Mode::Browse;
        let mut taken = 0;
        while editor.history.can_undo() {
            press(&mut editor, "u");
            taken += 1;
        }
        prop_assert_eq!(editor.table(), &start);
        prop_assert!(!editor.is_changed());
        for _ in 0..taken {
            press(&mut editor, "U");
        }
        prop_assert_eq!(editor.table(), &end);
    }

    #[test]
    fn a_wheel_anywhere_never_panics(turns in prop::collection::vec((any::<bool>(), 1_u16..50, 1_u16..50), 0..30)) {
        let mut editor = small();
        for (down, column, row) in turns {
            let kind = if down { MouseEventKind::ScrollDown } else { MouseEventKind::Down(MouseButton::Left) };
            let area = Rect::new(0, 0, column, row);
            editor.on_mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }, area);
            picture(&editor, column, row);
        }
    }
}
