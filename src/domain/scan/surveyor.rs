//! Lists the addresses of one file as it passes by.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{
    ADDRESSES_LISTED, Class, FieldFinder, Found, LineCounter, Meaning, OCCURRENCES_LISTED, Occurrence, OwnNetworks,
    Scan, Token, Whose, Window,
};
use crate::domain::platform::Layout;

/// Reads one file in blocks: fill [`Surveyor::space`], say with [`Surveyor::take`] how much came, end with 0.
#[derive(Debug)]
pub struct Surveyor<'p> {
    file: String,
    window: Window,
    fields: FieldFinder<'p>,
    lines: LineCounter,
    scan: Scan,
}

impl<'p> Surveyor<'p> {
    /// A surveyor for a file with this layout; without one, only addresses of the primary's servers are told.
    #[must_use]
    pub fn new(file: &str, layout: Option<&'p Layout>, own: &OwnNetworks) -> Self {
        Self {
            file: file.to_owned(),
            window: Window::default(),
            fields: FieldFinder::new(layout),
            lines: LineCounter::default(),
            scan: Scan::of(own),
        }
    }

    /// Where the next bytes of the file are to be put.
    pub fn space(&mut self) -> &mut [u8] {
        self.window.space()
    }

    /// Takes in the bytes that were put into [`Surveyor::space`]; 0 is the end of the file.
    pub fn take(&mut self, bytes: usize) {
        self.window.accept(bytes);
        while let Some(token) = self.window.next_token() {
            self.record(&token);
        }
        let settled = self.window.settle().end;
        let (text, base) = (self.window.text(), self.window.base());
        self.fields.follow(text, base, settled);
        self.lines.line_at(text, base, settled);
    }

    /// What was found, after the end of the file.
    #[must_use]
    pub fn finish(self) -> Scan {
        self.scan
    }

    fn record(&mut self, token: &Token) {
        let (text, base) = (self.window.text(), self.window.base());
        self.fields.follow(text, base, token.range.start);
        let line = self.lines.line_at(text, base, token.range.start);
        let own_server = self.scan.own.is_server(token.meaning.address());
        let class = match self.fields.whose() {
            Whose::Listed(_) if own_server => Class::Own,
            Whose::Listed(class) => class,
            Whose::ByAddress => self.class_by_address(token.meaning),
            Whose::Unlisted if own_server => {
                let place = Place { file: &self.file, line, fields: &self.fields };
                self.scan.unlisted += note(&mut self.scan.elsewhere, token.meaning.address(), Class::Own, &place);
                return;
            }
            Whose::Unlisted => return,
        };
        let place = Place { file: &self.file, line, fields: &self.fields };
        self.scan.unlisted += match token.meaning {
            Meaning::Host(address) => note(&mut self.scan.addresses, address, class, &place),
            Meaning::Network(network) => note(&mut self.scan.networks, network, class, &place),
        };
    }

    fn class_by_address(&self, meaning: Meaning) -> Class {
        let own = match meaning {
            Meaning::Host(address) => self.scan.own.contains(address),
            Meaning::Network(network) => self.scan.own.covers(network),
        };
        if own { Class::Own } else { Class::Foreign }
    }
}

/// Where an address was found; made into text only when it is listed.
struct Place<'a> {
    file: &'a str,
    line: u64,
    fields: &'a FieldFinder<'a>,
}

/// Notes a finding; 1 when it could not be listed because the map is full.
fn note<K: Ord>(map: &mut BTreeMap<K, Found>, key: K, class: Class, place: &Place<'_>) -> u64 {
    let full = map.len() >= ADDRESSES_LISTED;
    let found = match map.entry(key) {
        Entry::Vacant(_) if full => return 1,
        Entry::Vacant(free) => free.insert(Found { class, total: 0, occurrences: Vec::new() }),
        Entry::Occupied(there) => there.into_mut(),
    };
    found.class = found.class.min(class);
    found.total += 1;
    if found.occurrences.len() < OCCURRENCES_LISTED {
        let file = place.file.to_owned();
        found.occurrences.push(Occurrence { file, line: place.line, field: place.fields.name() });
    }
    0
}
