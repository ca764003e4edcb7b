//! All rows of the editor for one table, made anew when the table changes and never for a frame.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::columns;
use super::knowledge::{Knowledge, Place, is_host};
use super::row::{Kind, Row, State};
use crate::domain::translation::{Severity, TranslationEntry, TranslationProblem, TranslationTable};

/// The rows of a table, in the order of addresses, with what is wrong with them.
pub(super) struct Rows {
    pub(super) all: Vec<Row>,
    /// The worst first.
    pub(super) problems: Vec<TranslationProblem>,
    /// Which problems speak of an address or network.
    of_primary: BTreeMap<IpNet, Vec<usize>>,
    pub(super) tally: Tally,
    /// Screen columns that the widest primary and the widest alternate side take.
    pub(super) widest: (usize, usize),
}

/// How much there is to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) entries: usize,
    pub(super) own_unmapped: usize,
    pub(super) own_kept: usize,
    pub(super) chains: usize,
    pub(super) conflicts: usize,
    pub(super) warnings: usize,
    pub(super) unconfirmed: usize,
    /// Occurrences of addresses that the scan could not list.
    pub(super) not_judged: usize,
}

impl Rows {
    pub(super) fn new(knowledge: &Knowledge, table: &TranslationTable) -> Self {
        let problems = table.problems_within(&knowledge.scan, &knowledge.alternate);
        let mut of_primary: BTreeMap<IpNet, Vec<usize>> = BTreeMap::new();
        for (index, problem) in problems.iter().enumerate() {
            for primary in spoken_of(problem) {
                of_primary.entry(primary).or_default().push(index);
            }
        }
        let mut rows = Self { all: Vec::new(), problems, of_primary, tally: Tally::default(), widest: (0, 0) };
        let covered = rows.add_places(knowledge, table);
        rows.add_entries(knowledge, table, &covered);
        rows.all.sort_by_key(|row| (row.primary, row.kind));
        rows.tally = rows.count(table);
        rows.widest = rows.measure();
        rows
    }

    /// What is wrong with the whole table.
    pub(super) fn problems_of_all(&self) -> impl Iterator<Item = &TranslationProblem> {
        self.problems.iter().filter(|problem| State::of(problem).is_none())
    }

    /// What is wrong with a row.
    pub(super) fn problems_of(&self, row: &Row) -> impl Iterator<Item = &TranslationProblem> {
        let listed = if row.kind == Kind::Elsewhere { None } else { self.of_primary.get(&row.primary) };
        listed.into_iter().flatten().filter_map(|index| self.problems.get(*index))
    }

    /// Adds what the scan lists; how many addresses follow each network of the table.
    fn add_places(&mut self, knowledge: &Knowledge, table: &TranslationTable) -> BTreeMap<IpNet, u64> {
        let mut covered = BTreeMap::new();
        for (index, place) in knowledge.places.iter().enumerate() {
            let rule = table.rule_for(place.primary);
            if let Some(rule) = rule
                && !rule.is_host()
                && is_host(place.primary)
                && place.kind != Kind::Elsewhere
            {
                *covered.entry(rule.primary()).or_default() += 1;
            }
            let row = self.row_of_place(place, index, rule);
            self.all.push(row);
        }
        covered
    }

    fn row_of_place(&self, place: &Place, index: usize, rule: Option<TranslationEntry>) -> Row {
        let &Place { primary, kind, total, .. } = place;
        let becomes = rule.and_then(|rule| IpNet::new(rule.apply(primary.addr()), primary.prefix_len()).ok());
        let state = match (kind, becomes) {
            (Kind::Elsewhere, _) => State::Untranslated,
            (_, None) => State::Unconfirmed,
            (_, Some(becomes)) if becomes == primary => State::Kept,
            (_, Some(_)) => State::Translated,
        };
        Row {
            primary,
            kind,
            has_entry: kind != Kind::Elsewhere && rule.is_some_and(|rule| rule.primary() == primary),
            becomes,
            count: total,
            state: self.worst(primary, state),
            place: Some(index),
        }
    }

    /// Adds the entries of the table that the scan does not list.
    fn add_entries(&mut self, knowledge: &Knowledge, table: &TranslationTable, covered: &BTreeMap<IpNet, u64>) {
        let there: BTreeSet<IpNet> =
            self.all.iter().filter(|row| row.kind != Kind::Elsewhere).map(|row| row.primary).collect();
        for entry in table.entries().filter(|entry| !there.contains(&entry.primary())) {
            let primary = entry.primary();
            let count = covered.get(&primary).copied().unwrap_or_default();
            let state = match (entry.keeps(), count) {
                (_, 0) if knowledge.scanned => State::Unused,
                (true, _) => State::Kept,
                (false, _) => State::Translated,
            };
            self.all.push(Row {
                primary,
                kind: if entry.is_host() { Kind::Entry } else { Kind::Rule },
                has_entry: true,
                becomes: Some(entry.alternate()),
                count,
                state: self.worst(primary, state),
                place: None,
            });
        }
    }

    /// The state of the worst problem that speaks of an address, or the one it has without problems.
    fn worst(&self, primary: IpNet, without: State) -> State {
        if without == State::Untranslated {
            return without;
        }
        let listed = self.of_primary.get(&primary).into_iter().flatten();
        let states = listed.filter_map(|index| self.problems.get(*index).and_then(State::of));
        states.min().unwrap_or(without)
    }

    fn count(&self, table: &TranslationTable) -> Tally {
        let mut tally = Tally { entries: table.len(), ..Tally::default() };
        for problem in &self.problems {
            match problem {
                TranslationProblem::OwnUnmapped { .. } => tally.own_unmapped += 1,
                TranslationProblem::OwnKept { .. } => tally.own_kept += 1,
                TranslationProblem::Chain { .. } => tally.chains += 1,
                TranslationProblem::TwoToOne { own: true, .. } => tally.conflicts += 1,
                TranslationProblem::TwoToOne { own: false, .. } | TranslationProblem::OutsideAlternate { .. } => {
                    tally.warnings += 1;
                }
                TranslationProblem::TooMany { unlisted } => {
                    tally.not_judged = usize::try_from(*unlisted).unwrap_or(usize::MAX);
                }
            }
        }
        tally.warnings += self.all.iter().filter(|row| row.kind == Kind::Elsewhere).count();
        tally.unconfirmed = self.all.iter().filter(|row| row.state == State::Unconfirmed).count();
        tally
    }

    fn measure(&self) -> (usize, usize) {
        self.all.iter().fold((0, 0), |(primary, alternate), row| {
            let becomes = row.becomes.map_or(0, columns::width_of);
            (primary.max(columns::width_of(row.primary)), alternate.max(becomes))
        })
    }
}

impl Tally {
    /// How many problems can be mended here and keep the table from being used.
    pub(super) const fn must(&self) -> usize {
        self.own_unmapped + self.own_kept + self.chains + self.conflicts
    }
}

/// The addresses and networks a problem speaks of.
pub(super) fn spoken_of(problem: &TranslationProblem) -> Vec<IpNet> {
    match problem {
        TranslationProblem::OwnUnmapped { address, .. } | TranslationProblem::OwnKept { address } => vec![*address],
        TranslationProblem::Chain { address, .. } | TranslationProblem::OutsideAlternate { address, .. } => {
            vec![IpNet::from(*address)]
        }
        TranslationProblem::TwoToOne { first, second, .. } => vec![IpNet::from(*first), IpNet::from(*second)],
        TranslationProblem::TooMany { .. } => Vec::new(),
    }
}

/// The sign before a problem.
pub(super) const fn sign(problem: &TranslationProblem) -> &'static str {
    match problem.severity() {
        Severity::Must => "!",
        Severity::Warning => "?",
    }
}
