//! The mirrors on this server: how old their data is, which one is loaded, and what can be done with each.

use chrono::{DateTime, Local};
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::draw;
use super::job::Invocation;
use super::look::Look;
use crate::domain::preflight::{size, span};
use crate::flows::mirrors::{Listed, Use};

/// The screen; the mirrors themselves are handed in, as they are read anew all the time.
#[derive(Debug, Default)]
pub struct Mirrors {
    chosen: usize,
}

/// What a key leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// A command runs.
    Run(Invocation),
    /// The screen is left.
    Leave,
    /// The page of the help.
    Help,
}

impl Mirrors {
    /// Acts on a key.
    pub fn on_key(&mut self, key: KeyEvent, mirrors: &[Listed]) -> Option<Wish> {
        let chosen = mirrors.get(self.chosen).or(mirrors.last()).map(|listed| listed.generation.name.to_string());
        let of_chosen = |word| chosen.map(|name| Wish::Run(Invocation::of(&["data", "mirrors", word, &name])));
        match key.code {
            KeyCode::Esc | KeyCode::Char('q') => Some(Wish::Leave),
            KeyCode::F(1) => Some(Wish::Help),
            KeyCode::Char('c') => Some(Wish::Run(Invocation::of(&["data", "copy"]))),
            KeyCode::Char('r') => Some(Wish::Run(Invocation::of(&["data", "mirrors", "roll-back"]))),
            KeyCode::Char('v') => of_chosen("verify"),
            KeyCode::Char('l') | KeyCode::Enter => of_chosen("load"),
            code => {
                let by = draw::lines_of(code)?;
                self.chosen = self.chosen.saturating_add_signed(by).min(mirrors.len().saturating_sub(1));
                None
            }
        }
    }

    /// Draws it.
    pub fn view(&self, frame: &mut Frame<'_>, area: Rect, mirrors: &[Listed], now: DateTime<Local>, look: Look) {
        let [body, footer] = Layout::vertical([Constraint::Min(3), Constraint::Length(1)]).areas(area);
        let block = draw::framed("data › mirrors", look);
        let inner = block.inner(body);
        frame.render_widget(block, body);
        draw::keys(
            frame,
            footer,
            &[("Esc", "back"), ("l", "load"), ("v", "verify"), ("r", "roll-back"), ("c", "copy"), ("F1", "help")],
            look,
        );
        let columns = usize::from(inner.width);
        if mirrors.is_empty() {
            return frame.render_widget(" There is no mirror yet; c copies the primary's backup.", inner);
        }
        let mut lines = vec![Line::styled(
            draw::padded(&format!("   {:<22} {:<17} {:>9}  {}", "mirror, copied", "data of", "size", "use"), columns),
            look.title(),
        )];
        for (i, listed) in mirrors.iter().enumerate() {
            let (sign, style) =
                if i == self.chosen.min(mirrors.len() - 1) { ("▸", look.chosen()) } else { (" ", Style::new()) };
            lines.push(Line::styled(draw::padded(&format!(" {sign} {}", row(listed)), columns), style));
            lines.push(Line::styled(draw::fitted(&format!("     {}", details(listed, now)), columns), look.quiet()));
        }
        frame.render_widget(Paragraph::new(lines), inner);
    }
}

fn row(listed: &Listed) -> String {
    let generation = &listed.generation;
    let of = generation.backup.taken_at.unwrap_or(generation.taken_at);
    let using = match listed.using {
        Use::Loaded => "✓ LOADED",
        Use::Former => "loaded before",
        Use::Kept => "kept",
    };
    format!(
        "{:<22} {:<17} {:>9}  {using}",
        generation.name.to_string(),
        of.format("%Y-%m-%d %H:%M").to_string(),
        size(generation.manifest.bytes()),
    )
}

/// A mirror as one of several to choose from: its name, and what a person reads about it.
#[must_use]
pub fn choice(listed: &Listed) -> (String, String) {
    (listed.generation.name.to_string(), row(listed))
}

fn details(listed: &Listed, now: DateTime<Local>) -> String {
    let generation = &listed.generation;
    let of = generation.backup.taken_at.unwrap_or(generation.taken_at);
    let version = generation.backup.version.as_deref().unwrap_or("not told");
    format!(
        "{} old, copied {}, {} files, version {version}",
        span(now.fixed_offset() - of),
        generation.taken_at.format("%m-%d %H:%M"),
        generation.manifest.files.len(),
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::backup::{Backup, Generation, GenerationName, Manifest};
    use crate::domain::site::Epoch;
    use crate::faces::terminal::dashboard::tests::now;

    /// Mirrors of the last three nights; the newest is loaded.
    pub(in crate::faces::terminal) fn three() -> Vec<Listed> {
        let of = |night: i64, using| {
            let at = now().fixed_offset() - chrono::Duration::hours(24 * night);
            let backup = Backup {
                id: at.format("%Y%m%d%H%M%S").to_string(),
                path: "/var/opt/backup".to_owned(),
                taken_at: Some(at - chrono::Duration::minutes(30)),
                version: Some("7.4.1".to_owned()),
            };
            let name = GenerationName(format!("{}-4", backup.id));
            let generation =
                Generation { name, backup, taken_at: at, epoch: Epoch(4), manifest: Manifest { files: Vec::new() } };
            Listed { generation, using }
        };
        vec![of(0, Use::Loaded), of(1, Use::Former), of(2, Use::Kept)]
    }

    fn press(mirrors: &mut Mirrors, code: KeyCode) -> Option<Wish> {
        mirrors.on_key(KeyEvent::from(code), &three())
    }

    #[test]
    fn each_key_runs_the_command_for_the_mirror_under_the_cursor() {
        let mut screen = Mirrors::default();
        let name = |i: usize| three()[i].generation.name.to_string();
        let wish = |words: &[&str]| Some(Wish::Run(Invocation::of(words)));
        assert_eq!(press(&mut screen, KeyCode::Char('v')), wish(&["data", "mirrors", "verify", &name(0)]));
        assert_eq!(press(&mut screen, KeyCode::Down), None);
        assert_eq!(press(&mut screen, KeyCode::Char('l')), wish(&["data", "mirrors", "load", &name(1)]));
        for _ in 0..5 {
            press(&mut screen, KeyCode::Down);
        }
        assert_eq!(press(&mut screen, KeyCode::Char('v')), wish(&["data", "mirrors", "verify", &name(2)]));
        assert_eq!(press(&mut screen, KeyCode::Char('r')), wish(&["data", "mirrors", "roll-back"]));
        assert_eq!(press(&mut screen, KeyCode::Char('c')), wish(&["data", "copy"]));
        assert_eq!(press(&mut screen, KeyCode::Esc), Some(Wish::Leave));
    }

    #[test]
    fn without_mirrors_nothing_is_loaded_or_verified() {
        let mut screen = Mirrors::default();
        for letter in ['l', 'v'] {
            assert_eq!(screen.on_key(KeyEvent::from(KeyCode::Char(letter)), &[]), None);
        }
    }
}
