//! An entry while it is typed, judged at every key.

use crossterm::event::{Event, KeyEvent};
use ipnet::IpNet;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::knowledge::{Knowledge, is_host};
use super::row::{Key, State};
use super::rows::spoken_of;
use super::suggestion::Suggestion;
use crate::domain::translation::{
    TranslationEntry, TranslationError, TranslationProblem, TranslationTable, parse_side, side_text,
};

/// An entry that is edited or added.
pub(super) struct Form {
    /// The left side where it is given: an entry that is edited in its row.
    target: Option<IpNet>,
    pub(super) primary: Input,
    pub(super) alternate: Input,
    pub(super) field: Field,
    pub(super) judged: Judged,
    /// What Tab takes over.
    pub(super) suggestion: Option<Suggestion>,
}

/// The field that is typed into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Primary,
    Alternate,
}

/// What is thought of the text so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    /// Something is still to be typed.
    Unfinished,
    /// No entry.
    Wrong(TranslationError),
    /// An entry.
    Entry {
        /// The entry.
        entry: TranslationEntry,
        /// What would be wrong with it, the worst first.
        problems: Vec<TranslationProblem>,
        /// What it takes the place of.
        replaces: Option<TranslationEntry>,
    },
}

impl Form {
    /// Edits what an address or network becomes, beginning with what it becomes now.
    pub(super) fn edit(primary: IpNet, becomes: Option<IpNet>, suggestion: Option<Suggestion>) -> Self {
        let alternate = becomes.map(side_text).unwrap_or_default();
        Self {
            target: Some(primary),
            primary: Input::new(side_text(primary)),
            alternate: Input::new(alternate),
            field: Field::Alternate,
            judged: Judged::Unfinished,
            suggestion,
        }
    }

    /// Adds an entry from nothing.
    pub(super) fn add() -> Self {
        Self {
            target: None,
            primary: Input::default(),
            alternate: Input::default(),
            field: Field::Primary,
            judged: Judged::Unfinished,
            suggestion: None,
        }
    }

    /// Whether both sides are typed.
    pub(super) const fn is_adding(&self) -> bool {
        self.target.is_none()
    }

    /// The row that is edited.
    pub(super) fn row(&self) -> Option<Key> {
        self.target.map(Key::of)
    }

    /// Types a key into the field.
    pub(super) fn type_key(&mut self, key: KeyEvent, table: &TranslationTable, knowledge: &Knowledge) {
        let input = match self.field {
            Field::Primary => &mut self.primary,
            Field::Alternate => &mut self.alternate,
        };
        if input.handle_event(&Event::Key(key)).is_some_and(|changed| changed.value) {
            self.judge(table, knowledge);
        }
    }

    /// Goes to the other field.
    pub(super) const fn turn(&mut self) {
        self.field = match self.field {
            Field::Primary => Field::Alternate,
            Field::Alternate => Field::Primary,
        };
    }

    /// Takes the suggestion over; whether there is one.
    pub(super) fn take_suggestion(&mut self, table: &TranslationTable, knowledge: &Knowledge) -> bool {
        let Some(suggestion) = self.suggestion else {
            return false;
        };
        self.alternate = Input::new(side_text(suggestion.alternate));
        self.judge(table, knowledge);
        true
    }

    /// Judges the text so far.
    pub(super) fn judge(&mut self, table: &TranslationTable, knowledge: &Knowledge) {
        self.judged = match self.read() {
            None => Judged::Unfinished,
            Some(Err(error)) => Judged::Wrong(error),
            Some(Ok(entry)) => {
                let replaces = table.entry(entry.primary());
                Judged::Entry { entry, problems: problems_with(entry, table, knowledge), replaces }
            }
        };
    }

    /// What is typed as an entry; nothing while a side is empty.
    fn read(&self) -> Option<Result<TranslationEntry, TranslationError>> {
        let primary = match self.target {
            Some(primary) => primary,
            None if self.primary.value().trim().is_empty() => return None,
            None => match parse_side(self.primary.value()) {
                Ok(primary) => primary,
                Err(error) => return Some(Err(error)),
            },
        };
        let alternate = self.alternate.value().trim();
        if alternate.is_empty() {
            return None;
        }
        Some(with_length(alternate, primary).and_then(|alternate| TranslationEntry::network(primary, alternate)))
    }
}

impl Judged {
    /// For the state column.
    pub(super) fn text(&self) -> &'static str {
        match self {
            Self::Unfinished => "",
            Self::Wrong(error) => match error {
                TranslationError::NotAnEntry(_) | TranslationError::NotAnAddress(_) => "! no address",
                TranslationError::MixedFamilies(..) => "! IPv4 or IPv6",
                TranslationError::LengthsDiffer(..) => "! length",
                TranslationError::HostBits { .. } => "! host part",
                TranslationError::NeverTranslated(_) => "! never",
            },
            Self::Entry { .. } => self.state().map_or("", State::text),
        }
    }

    /// The state the row would have.
    pub(super) fn state(&self) -> Option<State> {
        match self {
            Self::Unfinished | Self::Wrong(_) => None,
            Self::Entry { entry, problems, .. } => {
                let without = if entry.keeps() { State::Kept } else { State::Translated };
                Some(problems.iter().filter_map(State::of).min().unwrap_or(without))
            }
        }
    }
}

/// Reads the alternate side; of a network the length may be left out, because it is the same.
fn with_length(text: &str, primary: IpNet) -> Result<IpNet, TranslationError> {
    let alternate = parse_side(text)?;
    let same_family = alternate.addr().is_ipv4() == primary.addr().is_ipv4();
    if is_host(primary) || text.contains('/') || !same_family {
        return Ok(alternate);
    }
    Ok(IpNet::new(alternate.addr(), primary.prefix_len()).unwrap_or(alternate))
}

/// What would be wrong with the addresses that follow an entry, were it in the table.
fn problems_with(entry: TranslationEntry, table: &TranslationTable, knowledge: &Knowledge) -> Vec<TranslationProblem> {
    let mut with = table.clone();
    with.set(entry);
    let follows = |address: IpNet| with.rule_for(address) == Some(entry);
    let problems = with.problems_within(&knowledge.scan, &knowledge.alternate);
    problems.into_iter().filter(|problem| spoken_of(problem).into_iter().any(follows)).collect()
}
