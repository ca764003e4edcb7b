//! The help screen by its keys, and as it looks.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;

#[test]
fn it_scrolls_no_further_than_the_page() {
    let mut screen = HelpScreen::open("data");
    press(&mut screen, [KeyCode::Up, KeyCode::PageUp, KeyCode::Home]);
    assert_eq!(top(&screen), 0);
    press(&mut screen, [KeyCode::Down]);
    assert_eq!(top(&screen), 1);
    press(&mut screen, [KeyCode::PageDown]);
    assert_eq!(top(&screen), 22, "a line of the screen before stays");
    press(&mut screen, [KeyCode::Up]);
    assert_eq!(top(&screen), 21);
    press(&mut screen, [KeyCode::End]);
    let end = screen.lines().len() - 22;
    assert_eq!(top(&screen), end);
    press(&mut screen, [KeyCode::Down, KeyCode::PageDown]);
    assert_eq!(top(&screen), end);
    for line in (0..end).rev() {
        press(&mut screen, [KeyCode::Up]);
        assert_eq!(top(&screen), line, "no line is skipped or stuck at");
    }
}

#[test]
fn links_are_chosen_in_their_order_and_followed_and_left_again() {
    let mut screen = HelpScreen::open(START);
    press(&mut screen, [KeyCode::Enter]);
    assert_eq!(screen.page(), START, "nothing is chosen yet");
    press(&mut screen, [KeyCode::Tab, KeyCode::Tab, KeyCode::Enter]);
    assert_eq!(screen.page(), "lost-alternate");
    press(&mut screen, [KeyCode::Tab, KeyCode::Enter]);
    assert_eq!(screen.page(), "terminating");
    press(&mut screen, [KeyCode::Left]);
    assert_eq!(screen.page(), "lost-alternate");
    press(&mut screen, [KeyCode::Backspace]);
    assert_eq!((screen.page(), screen.here.link), (START, Some(1)));
    press(&mut screen, [KeyCode::Backspace]);
    assert_eq!(screen.page(), START);
    press(&mut screen, [KeyCode::BackTab, KeyCode::BackTab, KeyCode::Enter]);
    assert_eq!(screen.page(), "lab", "before the first link comes the last");
}

#[test]
fn the_chosen_link_is_always_on_the_screen() {
    let mut screen = HelpScreen::open(START);
    let count = screen.here.page.document.links().count();
    for number in 0..=count {
        press(&mut screen, [KeyCode::Tab]);
        assert_eq!(screen.chosen(&screen.lines()), Some(number % count));
    }
    press(&mut screen, [KeyCode::End]);
    assert_eq!(screen.chosen(&screen.lines()), None);
    press(&mut screen, [KeyCode::Enter]);
    assert_eq!(screen.page(), START, "a link that cannot be seen is not followed");
    press(&mut screen, [KeyCode::BackTab]);
    assert_eq!(screen.chosen(&screen.lines()), Some(count - 1));
}

#[test]
fn escape_closes_the_search_first_and_then_the_screen() {
    let mut screen = HelpScreen::open("status");
    press(&mut screen, [KeyCode::Char('/'), KeyCode::Char('q'), KeyCode::Char('i')]);
    assert!(screen.finder.is_some());
    assert_eq!(screen.on_key(KeyCode::Esc.into()), None);
    assert!(screen.finder.is_none());
    assert_eq!(screen.on_key(KeyCode::Esc.into()), Some(HelpWish::Close));
    assert_eq!(HelpScreen::open("status").on_key(KeyCode::Char('q').into()), Some(HelpWish::Close));
    let released = KeyEvent::new_with_kind(KeyCode::Esc, KeyModifiers::NONE, KeyEventKind::Release);
    assert_eq!(screen.on_key(released), None);
}

#[test]
fn a_search_opens_the_place_that_was_found() {
    let mut screen = HelpScreen::open(START);
    press(&mut screen, [KeyCode::Char('/')]);
    type_words(&mut screen, "roll-back");
    press(&mut screen, [KeyCode::Enter]);
    assert_eq!(screen.page(), "data");
    let marked = screen.marked.unwrap();
    assert!(screen.here.page.document.blocks[marked].text().contains("roll-back"));
    press(&mut screen, [KeyCode::Left]);
    assert_eq!((screen.page(), screen.marked), (START, None));
}

#[test]
fn a_search_that_finds_nothing_opens_nothing() {
    let mut screen = HelpScreen::open(START);
    press(&mut screen, [KeyCode::Char('/')]);
    type_words(&mut screen, "frobnicate");
    press(&mut screen, [KeyCode::Down, KeyCode::PageDown, KeyCode::Up, KeyCode::Enter]);
    assert!(screen.finder.is_some());
    assert_eq!(screen.page(), START);
}

#[test]
fn the_index_opens_any_page_and_leads_on_to_a_search() {
    let mut screen = HelpScreen::open("data");
    press(&mut screen, [KeyCode::Char('i'), KeyCode::End, KeyCode::Enter]);
    assert_eq!(screen.page(), pages().last().unwrap().name);
    press(&mut screen, [KeyCode::Char('i'), KeyCode::Down, KeyCode::Enter]);
    assert_eq!(screen.page(), pages()[1].name);
    press(&mut screen, [KeyCode::Char('i'), KeyCode::Char('/')]);
    type_words(&mut screen, "keys");
    press(&mut screen, [KeyCode::Enter]);
    assert_eq!(screen.page(), "keys");
}

#[test]
fn a_page_that_is_not_there_opens_the_first() {
    assert_eq!(HelpScreen::open("frobnicate").page(), START);
}

#[test]
fn the_mouse_scrolls_follows_links_and_opens_what_was_found() {
    let mut screen = HelpScreen::open(START);
    drawn(&screen, 80, 24);
    let lines = screen.lines();
    let row = u16::try_from(line_of(&lines, 0).unwrap()).unwrap() + 1;
    assert_eq!(screen.on_mouse(mouse(MouseEventKind::Down(MouseButton::Left), 40, row)), None);
    assert_eq!(screen.page(), START, "beside the link");
    let _stays = screen.on_mouse(mouse(MouseEventKind::Down(MouseButton::Left), 8, row));
    assert_eq!(screen.page(), "lost-primary");
    let _stays = screen.on_mouse(mouse(MouseEventKind::ScrollDown, 8, row));
    assert_eq!(top(&screen), WHEEL);
    press(&mut screen, [KeyCode::Char('i')]);
    let _stays = screen.on_mouse(mouse(MouseEventKind::Down(MouseButton::Left), 8, 1 + 3));
    assert_eq!(screen.page(), pages()[3].name);
}

#[test]
fn a_wider_terminal_shows_the_same_place() {
    let mut screen = HelpScreen::open("settings");
    drawn(&screen, 60, 20);
    press(&mut screen, [KeyCode::PageDown, KeyCode::PageDown]);
    let before = screen.lines()[top(&screen)].block;
    drawn(&screen, 140, 20);
    assert_eq!(screen.lines()[top(&screen)].block, before);
}

#[test]
fn any_size_can_be_drawn() {
    let mut screen = HelpScreen::open(START);
    for keys in [&[][..], &[KeyCode::Tab], &[KeyCode::End], &[KeyCode::Char('i')], &[KeyCode::Char('/')]] {
        press(&mut screen, keys.iter().copied());
        for (width, height) in [(1, 1), (2, 3), (5, 5), (20, 4), (200, 60)] {
            drawn(&screen, width, height);
        }
    }
}

#[test]
fn a_page_at_the_usual_size() {
    let mut screen = HelpScreen::open("lost-primary");
    press(&mut screen, [KeyCode::Down, KeyCode::Tab]);
    insta::assert_snapshot!(drawn(&screen, 80, 24));
}

#[test]
fn a_page_on_a_small_terminal() {
    let mut screen = HelpScreen::open("start");
    drawn(&screen, 60, 20);
    press(&mut screen, [KeyCode::PageDown]);
    insta::assert_snapshot!(drawn(&screen, 60, 20));
}

#[test]
fn code_on_a_small_terminal() {
    let mut screen = HelpScreen::open("lost-primary");
    drawn(&screen, 60, 20);
    press(&mut screen, [KeyCode::PageDown]);
    insta::assert_snapshot!(drawn(&screen, 60, 20));
}

#[test]
fn a_search_at_the_usual_size() {
    let mut screen = HelpScreen::open("start");
    press(&mut screen, [KeyCode::Char('/')]);
    type_words(&mut screen, "boot guard");
    press(&mut screen, [KeyCode::Down]);
    insta::assert_snapshot!(drawn(&screen, 80, 24));
}

#[test]
fn the_place_that_was_found_is_marked() {
    let mut screen = HelpScreen::open("start");
    press(&mut screen, [KeyCode::Char('/')]);
    type_words(&mut screen, "--abandon goes the way back");
    press(&mut screen, [KeyCode::Enter]);
    insta::assert_snapshot!(drawn(&screen, 60, 20));
}

#[test]
fn the_index_on_a_small_terminal() {
    let mut screen = HelpScreen::open("start");
    press(&mut screen, [KeyCode::Char('i'), KeyCode::End]);
    insta::assert_snapshot!(drawn(&screen, 60, 20));
}

fn press(screen: &mut HelpScreen, keys: impl IntoIterator<Item = KeyCode>) {
    for key in keys {
        assert_eq!(screen.on_key(key.into()), None, "{key:?} closes the screen");
    }
}

fn type_words(screen: &mut HelpScreen, words: &str) {
    press(screen, words.chars().map(KeyCode::Char));
}

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> MouseEvent {
    MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }
}

fn top(screen: &HelpScreen) -> usize {
    screen.here.top(&screen.lines(), screen.height())
}

fn drawn(screen: &HelpScreen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.view(frame, frame.area(), Look::new(false))).unwrap();
    terminal.backend().to_string()
}
