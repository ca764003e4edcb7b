//! A line to type into, and a list to choose an answer from.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;
use unicode_width::UnicodeWidthChar;

use super::draw;
use super::look::Look;

/// What stands before the text.
const MARK: &str = "▸ ";

/// A line to type into. What is proposed in it stays until another text is typed over it.
#[derive(Debug, Clone, Default)]
pub struct Field {
    input: Input,
    /// Nothing was typed yet: the first letter takes the place of what is proposed.
    is_proposed: bool,
}

impl Field {
    /// A field with a proposal.
    #[must_use]
    pub fn proposing(text: impl Into<String>) -> Self {
        let input = Input::new(text.into());
        let is_proposed = !input.value().is_empty();
        Self { input, is_proposed }
    }

    /// What stands in it.
    #[must_use]
    pub fn value(&self) -> &str {
        self.input.value()
    }

    /// Acts on a key; whether the text is another one then.
    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        let before = self.input.value().to_owned();
        let types = matches!(key.code, KeyCode::Char(_)) && key.modifiers.difference(KeyModifiers::SHIFT).is_empty();
        let erases = matches!(key.code, KeyCode::Backspace | KeyCode::Delete);
        if self.is_proposed && (types || erases) {
            self.input = Input::default();
        }
        self.is_proposed = false;
        self.input.handle_event(&Event::Key(key));
        self.input.value() != before
    }

    /// The line as it is drawn. A proposal looks chosen, as it goes when a letter comes.
    #[must_use]
    pub fn line<'a>(&self, columns: usize, look: Look) -> Line<'a> {
        let style = if self.is_proposed { look.chosen() } else { look.title() };
        Line::from(vec![Span::styled(MARK, look.key()), Span::styled(self.visible(columns).0, style)])
    }

    /// The column of the cursor in that line.
    #[must_use]
    pub fn cursor(&self, columns: usize) -> u16 {
        u16::try_from(self.visible(columns).1 + 2).unwrap_or(u16::MAX)
    }

    /// The part that is seen, and the column of the cursor in it.
    fn visible(&self, columns: usize) -> (String, usize) {
        let room = columns.saturating_sub(4).max(1);
        let scroll = self.input.visual_scroll(room);
        let (mut skipped, mut text) = (0, String::new());
        for c in self.input.value().chars() {
            if skipped < scroll { skipped += c.width().unwrap_or(0) } else { text.push(c) }
        }
        (draw::fitted(&text, room + 1), self.input.visual_cursor().saturating_sub(skipped))
    }
}

/// A list of the only answers there are, one of them under the cursor.
#[derive(Debug, Clone)]
pub struct Choices {
    choices: &'static [(&'static str, &'static str)],
    chosen: usize,
}

impl Choices {
    /// A list with its words and what each means; the proposed word is under the cursor.
    #[must_use]
    pub fn proposing(choices: &'static [(&'static str, &'static str)], word: &str) -> Self {
        let chosen = choices.iter().position(|(choice, _)| *choice == word).unwrap_or(0);
        Self { choices, chosen }
    }

    /// The word under the cursor.
    #[must_use]
    pub fn value(&self) -> &'static str {
        self.choices.get(self.chosen).map_or("", |(word, _)| *word)
    }

    /// Moves by an arrow, or to the word that begins with a letter.
    pub fn on_key(&mut self, key: KeyEvent) {
        match key.code {
            KeyCode::Up | KeyCode::BackTab => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab => self.chosen = (self.chosen + 1).min(self.choices.len().saturating_sub(1)),
            KeyCode::Char(letter) => {
                let begins = |(word, _): &(&str, &str)| word.starts_with(letter.to_ascii_lowercase());
                self.chosen = self.choices.iter().position(begins).unwrap_or(self.chosen);
            }
            _ => {}
        }
    }

    /// A line for each word.
    #[must_use]
    pub fn lines<'a>(&self, columns: usize, look: Look) -> Vec<Line<'a>> {
        let widest = self.choices.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
        let line = |(i, (word, means)): (usize, &(&str, &str))| {
            let (sign, style) = if i == self.chosen { (MARK, look.chosen()) } else { ("  ", Style::new()) };
            Line::styled(draw::padded(&format!("{sign}{word:<widest$}  {means}"), columns), style)
        };
        self.choices.iter().enumerate().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(field: &mut Field, codes: &[KeyCode]) {
        for code in codes {
            field.on_key(KeyEvent::from(*code));
        }
    }

    #[test]
    fn the_first_letter_takes_the_place_of_what_is_proposed() {
        let mut field = Field::proposing("02:00");
        press(&mut field, &[KeyCode::Char('3')]);
        assert_eq!(field.value(), "3");
        press(&mut field, &[KeyCode::Char(':')]);
        assert_eq!(field.value(), "3:");
    }

    #[test]
    fn after_an_arrow_a_proposal_is_changed_where_the_cursor_is() {
        let mut field = Field::proposing("10.0.0.1");
        press(&mut field, &[KeyCode::Left, KeyCode::Char('2')]);
        assert_eq!(field.value(), "10.0.0.21");
        let mut field = Field::proposing("10.0.0.1");
        press(&mut field, &[KeyCode::End, KeyCode::Backspace]);
        assert_eq!(field.value(), "10.0.0.");
        let mut field = Field::proposing("10.0.0.1");
        press(&mut field, &[KeyCode::Backspace]);
        assert_eq!(field.value(), "", "what looks chosen goes whole");
    }

    #[test]
    fn an_answer_is_chosen_by_arrows_or_its_first_letter() {
        const MODES: &[(&str, &str)] = &[("manual", "a person"), ("automatic", "by itself")];
        let mut choices = Choices::proposing(MODES, "automatic");
        assert_eq!(choices.value(), "automatic");
        choices.on_key(KeyEvent::from(KeyCode::Up));
        assert_eq!(choices.value(), "manual");
        choices.on_key(KeyEvent::from(KeyCode::Char('a')));
        assert_eq!(choices.value(), "automatic");
        choices.on_key(KeyEvent::from(KeyCode::Char('x')));
        assert_eq!(choices.value(), "automatic");
    }
}
