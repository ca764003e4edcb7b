//! Small things that every screen draws with: frames, lines that fit, buttons, the line of keys.

use crossterm::event::KeyCode;
use ratatui::Frame;
use ratatui::layout::{Constraint, Flex, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::look::Look;
use crate::domain::traffic::TrafficWord;

/// A frame with a title.
#[must_use]
pub fn framed(title: &str, look: Look) -> Block<'_> {
    Block::bordered()
        .border_type(BorderType::Plain)
        .border_style(look.quiet())
        .title(Span::styled(format!(" {title} "), look.title()))
}

/// How a traffic state is shown beside its word: its sign, its style, and the frame around it.
#[must_use]
pub fn traffic(word: TrafficWord, look: Look) -> (&'static str, Style, BorderType) {
    match word {
        TrafficWord::Allowed => ("██", look.live(), BorderType::Thick),
        TrafficWord::Blocked => ("··", look.quiet(), BorderType::Plain),
        TrafficWord::Partial => ("▚▚", look.bad(), BorderType::Double),
        TrafficWord::Unknown => ("??", look.warning(), BorderType::Plain),
    }
}

/// A text of at most so many columns; what is cut off is shown as an ellipsis.
#[must_use]
pub fn fitted(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        short.push(c);
    }
    if columns > 0 {
        short.push('…');
    }
    short
}

/// A text filled up to so many columns, or cut to them.
#[must_use]
pub fn padded(text: &str, columns: usize) -> String {
    let short = fitted(text, columns);
    let missing = columns.saturating_sub(short.width());
    short + &" ".repeat(missing)
}

/// A text broken into lines of at most so many columns, at blanks where there are any.
#[must_use]
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let options = textwrap::Options::new(columns.max(1)).word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

/// How many lines a key goes down in a list or a text; `None` for a key that moves nothing.
#[must_use]
pub fn lines_of(key: KeyCode) -> Option<isize> {
    Some(match key {
        KeyCode::Up => -1,
        KeyCode::Down => 1,
        KeyCode::PageUp => -10,
        KeyCode::PageDown => 10,
        KeyCode::Home => isize::MIN / 2,
        KeyCode::End => isize::MAX / 2,
        _ => return None,
    })
}

/// The line at the bottom: keys and what they do. Where they do not fit, they are told in fewer words.
pub fn keys(frame: &mut Frame<'_>, area: Rect, keys: &[(&str, &str)], look: Look) {
    let columns = usize::from(area.width);
    let first_word = |does: &str| does.split([' ', ',']).next().unwrap_or_default().to_owned();
    let whole: Vec<(&str, String)> = keys.iter().map(|(key, does)| (*key, (*does).to_owned())).collect();
    let short: Vec<(&str, String)> = keys.iter().map(|(key, does)| (*key, first_word(does))).collect();
    let width = |keys: &[(&str, String)], gap: usize| {
        keys.iter().map(|(key, does)| key.width() + 1 + does.width() + gap).sum::<usize>().saturating_sub(gap) + 1
    };
    let (told, gap) = [(whole, 3), (short.clone(), 3)]
        .into_iter()
        .find(|(keys, gap)| width(keys, *gap) <= columns)
        .unwrap_or((short, 1));
    let mut spans = vec![Span::raw(" ")];
    for (key, does) in told {
        spans.extend([Span::styled(key.to_owned(), look.key()), Span::raw(format!(" {does}{}", " ".repeat(gap)))]);
    }
    frame.render_widget(Line::from(spans), area);
}

/// Buttons side by side, the chosen one marked by `▸ ◂` as well.
#[must_use]
pub fn buttons<'a>(texts: &[&str], chosen: usize, look: Look) -> Line<'a> {
    let button = |(i, text): (usize, &&str)| {
        let (text, style) = if i == chosen {
            (format!("[▸{text}◂]"), look.chosen())
        } else {
            (format!("[ {text} ]"), Style::new())
        };
        [Span::styled(text, style), Span::raw("   ")]
    };
    Line::from(texts.iter().enumerate().flat_map(button).collect::<Vec<_>>())
}

/// A place in the middle, of at most so many columns and lines.
#[must_use]
pub fn middle(area: Rect, columns: u16, lines: u16) -> Rect {
    let [row] = Layout::vertical([Constraint::Length(lines.min(area.height))]).flex(Flex::Center).areas(area);
    let [place] = Layout::horizontal([Constraint::Length(columns.min(area.width))]).flex(Flex::Center).areas(row);
    place
}

/// A framed box over everything else; the place inside it.
pub fn overlay(frame: &mut Frame<'_>, area: Rect, title: &str, look: Look) -> Rect {
    let block = framed(title, look).border_style(look.title()).border_type(BorderType::Double);
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inner
}

/// Lines from `scroll` on, as many as fit, with a hint of what is above and below in the last column.
pub fn scrolled(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'_>>, scroll: usize, look: Look) {
    let (there, fit) = (lines.len(), usize::from(area.height));
    let from = scroll.min(there.saturating_sub(fit));
    frame.render_widget(Paragraph::new(lines.into_iter().skip(from).take(fit).collect::<Vec<_>>()), area);
    let mark = |frame: &mut Frame<'_>, sign: &'static str, y: u16| {
        let place = Rect { x: area.right().saturating_sub(1), y, width: 1, height: 1 };
        frame.render_widget(Span::styled(sign, look.key()), place);
    };
    if area.is_empty() {
        return;
    }
    if from > 0 {
        mark(frame, "↑", area.y);
    }
    if from + fit < there {
        mark(frame, "↓", area.bottom() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_columns_not_by_letters() {
        assert_eq!(fitted("primary", 7), "primary");
        assert_eq!(fitted("alternate", 5), "alte…");
        assert_eq!(fitted("日本語電話", 5), "日本…");
        assert_eq!(padded("日本", 6), "日本  ");
        assert_eq!(fitted("x", 0), "");
    }

    #[test]
    fn a_text_is_broken_at_blanks_and_long_words_anywhere() {
        assert_eq!(wrapped("block the primary now", 9), ["block the", "primary", "now"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("one\n\ntwo", 10), ["one", "", "two"]);
        assert_eq!(wrapped("", 10), [""]);
    }

    #[test]
    fn on_a_narrow_terminal_keys_are_told_in_fewer_words_and_none_is_left_out() {
        let told = [("Enter", "back"), ("f", "force it, with a reason"), ("a", "again"), ("F1", "help")];
        for (columns, wanted) in [
            (80, " Enter back   f force it, with a reason   a again   F1 help"),
            (50, " Enter back   f force   a again   F1 help"),
            (37, " Enter back f force a again F1 help"),
        ] {
            let backend = ratatui::backend::TestBackend::new(columns, 1);
            let mut terminal = ratatui::Terminal::new(backend).unwrap();
            terminal.draw(|frame| keys(frame, frame.area(), &told, Look::new(false))).unwrap();
            assert_eq!(terminal.backend().to_string().trim_matches(['"', '\n']).trim_end(), wanted);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_wider_than_asked_for(text in "[ a-z日\n]{0,80}", columns in 2_usize..20) {
            for line in wrapped(&text, columns) {
                proptest::prop_assert!(line.width() <= columns, "{line:?} in {columns}");
            }
        }
    }
}
