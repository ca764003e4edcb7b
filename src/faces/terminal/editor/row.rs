//! One line of the editor: an address or network, what it is, what becomes of it and whether that is right.

use ipnet::IpNet;
use ratatui::style::Style;

use crate::domain::translation::TranslationProblem;
use crate::faces::terminal::look::Look;

/// An address or network of the scan or of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) primary: IpNet,
    pub(super) kind: Kind,
    /// Whether the table has an entry for exactly this, not only one that covers it.
    pub(super) has_entry: bool,
    /// What it becomes; nothing when no entry covers it.
    pub(super) becomes: Option<IpNet>,
    /// How often it occurs; of a rule, how many scanned addresses follow it.
    pub(super) count: u64,
    pub(super) state: State,
    /// Its place in what the scan lists.
    pub(super) place: Option<usize>,
}

/// Which row: the same address may occur both in listed fields and elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    primary: IpNet,
    elsewhere: bool,
}

impl Key {
    /// The row of an address or network that can be translated.
    pub(super) const fn of(primary: IpNet) -> Self {
        Self { primary, elsewhere: false }
    }
}

impl Row {
    pub(super) fn key(&self) -> Key {
        Key { primary: self.primary, elsewhere: self.kind == Kind::Elsewhere }
    }

    /// Whether it speaks of a whole network.
    pub(super) fn is_network(&self) -> bool {
        self.primary.prefix_len() < self.primary.max_prefix_len()
    }
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The primary's.
    Own,
    /// Somebody else's.
    Foreign,
    /// A network of the table that does not occur as such in the data.
    Rule,
    /// A host of the table that does not occur in the data.
    Entry,
    /// A server of the primary where the profile does not list addresses.
    Elsewhere,
}

impl Kind {
    /// As it is shown.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Foreign => "foreign",
            Self::Rule => "rule",
            Self::Entry => "entry",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// Whether a row is right, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// The primary's, and nothing translates it.
    MustMap,
    /// The primary's, and kept.
    OwnKept,
    /// Becomes an address of the primary.
    Chain,
    /// Becomes the same as another one.
    Conflict,
    /// Becomes the same as another one that stays as it is.
    Shared,
    /// Becomes something outside of the alternate's networks.
    Outside,
    /// Stands where nothing is translated.
    Untranslated,
    /// Somebody else's, and nobody said that it stays.
    Unconfirmed,
    /// Translated.
    Translated,
    /// Stays on purpose.
    Kept,
    /// An entry that nothing in the data follows.
    Unused,
}

impl State {
    /// The state of a row that has a problem; nothing for a problem of the whole table.
    pub(super) const fn of(problem: &TranslationProblem) -> Option<Self> {
        match problem {
            TranslationProblem::OwnUnmapped { .. } => Some(Self::MustMap),
            TranslationProblem::OwnKept { .. } => Some(Self::OwnKept),
            TranslationProblem::Chain { .. } => Some(Self::Chain),
            TranslationProblem::TwoToOne { own: true, .. } => Some(Self::Conflict),
            TranslationProblem::TwoToOne { own: false, .. } => Some(Self::Shared),
            TranslationProblem::OutsideAlternate { .. } => Some(Self::Outside),
            TranslationProblem::TooMany { .. } => None,
        }
    }

    /// As it is shown: `!` must be mended, `?` should be looked at.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::MustMap => "! MUST MAP",
            Self::OwnKept => "! own, kept",
            Self::Chain => "! chain",
            Self::Conflict => "! conflict",
            Self::Shared => "? shared",
            Self::Outside => "? outside",
            Self::Untranslated => "? untranslated",
            Self::Unconfirmed => "? unconfirmed",
            Self::Translated => "ok",
            Self::Kept => "kept",
            Self::Unused => "unused",
        }
    }

    /// Whether a person should look at it; an unconfirmed foreign address has a filter of its own.
    pub(super) const fn is_problem(self) -> bool {
        self.is_must() || matches!(self, Self::Shared | Self::Outside | Self::Untranslated)
    }

    /// Whether the table cannot be used before this is mended.
    pub(super) const fn is_must(self) -> bool {
        matches!(self, Self::MustMap | Self::OwnKept | Self::Chain | Self::Conflict)
    }

    /// Its style where the row is not chosen.
    pub(super) fn style(self, look: Look) -> Style {
        match self {
            Self::MustMap | Self::OwnKept | Self::Chain | Self::Conflict => look.bad(),
            Self::Shared | Self::Outside | Self::Untranslated | Self::Unconfirmed => look.warning(),
            Self::Translated | Self::Kept => look.good(),
            Self::Unused => look.quiet(),
        }
    }
}
