//! How things look. Colour only helps: every state has its word and its sign as well.
//!
//! Only the sixteen named colours are used, so that a terminal shows them in the palette its owner chose; blue and
//! yellow carry the difference that red and green would not carry for everybody.

use ratatui::style::{Color, Modifier, Style};

/// The styles of one terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    colour: bool,
}

impl Look {
    /// With colours, or without where `NO_COLOR` is set to anything (<https://no-color.org>).
    #[must_use]
    pub fn new(colour: bool) -> Self {
        Self { colour }
    }

    /// Frames and what matters less.
    #[must_use]
    pub fn quiet(self) -> Style {
        self.of(Color::DarkGray, Modifier::empty(), Modifier::DIM)
    }

    /// Titles.
    #[must_use]
    pub fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The line, button or field that the keys act on.
    #[must_use]
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    /// A key to press.
    #[must_use]
    pub fn key(self) -> Style {
        self.of(Color::Cyan, Modifier::BOLD, Modifier::BOLD)
    }

    /// The site that is live.
    #[must_use]
    pub fn live(self) -> Style {
        self.of(Color::LightBlue, Modifier::BOLD, Modifier::BOLD)
    }

    /// What is as it should be.
    #[must_use]
    pub fn good(self) -> Style {
        self.of(Color::Blue, Modifier::empty(), Modifier::empty())
    }

    /// What a person should look at.
    #[must_use]
    pub fn warning(self) -> Style {
        self.of(Color::Yellow, Modifier::empty(), Modifier::BOLD)
    }

    /// What is wrong.
    #[must_use]
    pub fn bad(self) -> Style {
        self.of(Color::LightRed, Modifier::BOLD, Modifier::BOLD | Modifier::UNDERLINED)
    }

    fn of(self, colour: Color, with: Modifier, without: Modifier) -> Style {
        if self.colour { Style::new().fg(colour).add_modifier(with) } else { Style::new().add_modifier(without) }
    }
}
