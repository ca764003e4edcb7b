//! What of ours is in one family's packet filter, read from `iptables-save`, and the one change that leads elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use thiserror::Error;

use super::{Block, Chain, Signed};

/// Our chains in the table `filter` of one family, and every rule that calls one of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    block: Block,
    chains: BTreeMap<Chain, Vec<FoundRule>>,
    calls: Vec<Call>,
    /// Where the gate's call has to stand second, for the block by order is called first.
    second: BTreeSet<Chain>,
}

/// A rule of one of our chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundRule {
    /// The rule, in the form of [`super::RuleSet`].
    pub(super) text: String,
    /// How many packets it matched.
    pub(super) packets: u64,
}

/// A rule outside our chains that calls one of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    /// The chain it stands in.
    pub(super) from: String,
    /// Its place there, from 1.
    pub(super) place: usize,
    /// The rule.
    pub(super) rule: String,
    /// Which of ours it calls.
    pub(super) chain: Chain,
}

impl Call {
    /// Whether it is a hook as we write it; any other call is somebody else's.
    pub(super) fn is_hook(&self, block: Block) -> bool {
        self.from == self.chain.hook() && self.rule == block.jump(self.chain)
    }
}

impl Found {
    /// Reads what `iptables-save -c -t filter` or `ip6tables-save -c -t filter` printed, or a text written by us.
    ///
    /// No output at all is a packet filter that was never used.
    ///
    /// # Errors
    /// [`FoundError`] when it is no such text, or not to its end.
    pub fn parse(text: &str) -> Result<Self, FoundError> {
        Self::parse_of(Block::ByOrder, text)
    }

    /// The same of another block. Where the block by order is called first, the gate's place counts from behind it.
    ///
    /// # Errors
    /// As [`Found::parse`].
    pub fn parse_of(block: Block, text: &str) -> Result<Self, FoundError> {
        let mut reading = Reading { found: Self::nothing_of(block), ..Reading::default() };
        // A comment may hold line ends: a line goes on until its quotes are closed.
        let mut begun = String::new();
        for (number, line) in text.lines().enumerate() {
            begun.push_str(line);
            if in_quotes(&begun) {
                begun.push('\n');
                continue;
            }
            reading.line(&begun).map_err(|()| FoundError::NotARule { line: number + 1 })?;
            begun.clear();
        }
        if !begun.is_empty() {
            return Err(FoundError::CutOff);
        }
        reading.found.calls.sort();
        if reading.table.is_some() { Err(FoundError::CutOff) } else { Ok(reading.found) }
    }

    /// Nothing of this block.
    #[must_use]
    pub fn nothing_of(block: Block) -> Self {
        Self { block, ..Self::default() }
    }

    /// The three chains of a block with these rules, each called first by its built-in chain.
    pub(super) fn hooked_first(block: Block, rules: impl Fn(Chain) -> Vec<String>) -> Self {
        let rule = |text| FoundRule { text, packets: 0 };
        let call = |chain: Chain| Call { from: chain.hook().to_owned(), place: 1, rule: block.jump(chain), chain };
        let mut calls = Chain::ALL.map(call);
        calls.sort();
        Self {
            block,
            second: BTreeSet::new(),
            chains: Chain::ALL.map(|chain| (chain, rules(chain).into_iter().map(rule).collect())).into(),
            calls: calls.into(),
        }
    }

    /// Whether nothing of ours is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty() && self.calls.is_empty()
    }

    /// How many packets our rules have turned away.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        let turns_away = |rule: &&FoundRule| rule.text.ends_with("-j DROP") || rule.text.contains("-j REJECT");
        self.chains.values().flatten().filter(turns_away).fold(0, |sum, rule| sum.saturating_add(rule.packets))
    }

    /// The first marker rule.
    #[must_use]
    pub fn signed(&self) -> Option<Signed> {
        self.chains.values().find_map(|rules| Signed::of_rule(&rules.first()?.text))
    }

    /// The rules of one of our chains; `None` when there is no such chain.
    pub(super) fn rules(&self, chain: Chain) -> Option<&[FoundRule]> {
        self.chains.get(&chain).map(Vec::as_slice)
    }

    /// The rules after the marker rules.
    pub(super) fn rules_without_mark(&self) -> BTreeMap<Chain, Vec<String>> {
        let texts = |rules: &Vec<FoundRule>| rules.iter().skip(1).map(|rule| rule.text.clone()).collect();
        self.chains.iter().map(|(chain, rules)| (*chain, texts(rules))).collect()
    }

    /// The first place at which the built-in chain calls our chain.
    pub(super) fn hook_place(&self, chain: Chain) -> Option<usize> {
        self.calls.iter().filter(|call| call.chain == chain && call.is_hook(self.block)).map(|call| call.place).min()
    }

    /// The input for `iptables-restore --noflush` that makes this `target`, in one change; nothing to do is `None`.
    ///
    /// Chains that are as they ought to be keep their counters. A rule of somebody else that calls a chain of ours is
    /// left alone unless that chain goes: a chain that is called cannot be taken out.
    #[must_use]
    pub fn becoming(&self, target: &Self) -> Option<String> {
        let same = |chain: &Chain| self.texts(*chain) == target.texts(*chain);
        let changed: Vec<Chain> = target.chains.keys().copied().filter(|chain| !same(chain)).collect();
        let gone: Vec<Chain> = self.chains.keys().copied().filter(|chain| !target.chains.contains_key(chain)).collect();
        let (uncall, call) = self.calls_to_change(target);

        let mut lines = Vec::new();
        let (marked, rewritten): (Vec<Chain>, Vec<Chain>) =
            changed.into_iter().partition(|chain| self.differs_in_its_mark_only(target, *chain));
        lines.extend(rewritten.iter().map(|chain| format!(":{} - [0:0]", self.block.chain(*chain))));
        lines.extend(uncall.iter().map(|call| format!("-D {} {}", call.from, call.rule)));
        for chain in marked {
            let mark = target.texts(chain).and_then(|texts| texts.first().copied()).unwrap_or_default();
            lines.push(format!("-R {} 1 {mark}", self.block.chain(chain)));
        }
        for chain in rewritten {
            let rules = target.texts(chain).unwrap_or_default();
            lines.extend(rules.iter().map(|rule| format!("-A {} {rule}", self.block.chain(chain))));
        }
        let place = |call: &Call| call.place + usize::from(self.second.contains(&call.chain));
        lines.extend(call.iter().map(|call| format!("-I {} {} {}", call.from, place(call), call.rule)));
        lines.extend(gone.iter().map(|chain| format!("-F {}", self.block.chain(*chain))));
        lines.extend(gone.iter().map(|chain| format!("-X {}", self.block.chain(*chain))));
        (!lines.is_empty()).then(|| format!("*filter\n{}\nCOMMIT\n", lines.join("\n")))
    }

    pub(super) fn texts(&self, chain: Chain) -> Option<Vec<&str>> {
        self.chains.get(&chain).map(|rules| rules.iter().map(|rule| rule.text.as_str()).collect())
    }

    fn differs_in_its_mark_only(&self, target: &Self, chain: Chain) -> bool {
        match (self.texts(chain).as_deref(), target.texts(chain).as_deref()) {
            (Some([here, rest @ ..]), Some([there, wanted @ ..])) => {
                rest == wanted && Signed::of_rule(here).is_some() && Signed::of_rule(there).is_some()
            }
            _ => false,
        }
    }

    /// The calls to delete and the calls to insert. Rules are deleted by their text, so of calls with the same text
    /// either none is touched or all are.
    fn calls_to_change<'a>(&'a self, target: &'a Self) -> (Vec<&'a Call>, Vec<&'a Call>) {
        let alike = |calls: &'a [Call], like: &'a Call| {
            let alike = move |call: &&'a Call| call.from == like.from && call.rule == like.rule;
            calls.iter().filter(alike).map(|call| call.place).collect::<BTreeSet<usize>>()
        };
        let differs = |call: &&'a Call| alike(&self.calls, call) != alike(&target.calls, call);
        let ours_to_delete = |call: &&'a Call| {
            call.is_hook(self.block)
                || !target.chains.contains_key(&call.chain)
                || !alike(&target.calls, call).is_empty()
        };
        let uncall = self.calls.iter().filter(differs).filter(ours_to_delete).collect();
        let mut call: Vec<&Call> = target.calls.iter().filter(differs).collect();
        call.sort_by_key(|call| call.place);
        (uncall, call)
    }
}

/// The state of reading a text line by line.
#[derive(Default)]
struct Reading {
    found: Found,
    /// The table being read, from its `*` line to its `COMMIT`.
    table: Option<String>,
    /// How many rules of each chain have been read.
    places: BTreeMap<String, usize>,
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), ()> {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        match (&self.table, line.strip_prefix('*')) {
            (None, Some(table)) => self.table = Some(table.to_owned()),
            (None, None) | (Some(_), Some(_)) => return Err(()),
            (Some(_), None) if line == "COMMIT" => self.table = None,
            (Some(table), None) if table != "filter" => {}
            (Some(_), None) => return self.line_of_filter(line),
        }
        Ok(())
    }

    fn line_of_filter(&mut self, line: &str) -> Result<(), ()> {
        if let Some(declaration) = line.strip_prefix(':') {
            let name = declaration.split(' ').next().unwrap_or_default();
            if let Some(chain) = self.found.block.chain_named(name) {
                self.found.chains.entry(chain).or_default();
            }
            return Ok(());
        }
        let (packets, line) = counter(line)?;
        let (command, rest) = line.split_once(' ').ok_or(())?;
        let (from, rule) = rest.split_once(' ').unwrap_or((rest, ""));
        let place = match command {
            "-A" => None,
            // Only in texts of our own: the hooks of the boot guard.
            "-I" => Some(rule.split_once(' ').and_then(|(place, _)| place.parse().ok()).ok_or(())?),
            _ => return Err(()),
        };
        let rule = if place.is_some() { rule.split_once(' ').map_or("", |(_, rule)| rule) } else { rule };
        self.rule(from, place, rule, packets);
        Ok(())
    }

    fn rule(&mut self, from: &str, place: Option<usize>, rule: &str, packets: u64) {
        if let Some(chain) = self.found.block.chain_named(from) {
            self.found.chains.entry(chain).or_default().push(FoundRule { text: canonical(rule), packets });
            return;
        }
        if !self.places.contains_key(from) && self.found.block == Block::Gate && self.is_passed_over(from, rule) {
            return;
        }
        let count = self.places.entry(from.to_owned()).or_default();
        *count += 1;
        let place = place.unwrap_or(*count);
        if let Some(chain) = called(self.found.block, rule) {
            self.found.calls.push(Call { from: from.to_owned(), place, rule: rule.to_owned(), chain });
        }
    }
}

impl Reading {
    /// Whether a rule that would be the first of its chain calls the block by order, for the first time.
    fn is_passed_over(&mut self, from: &str, rule: &str) -> bool {
        let by_order = Chain::ALL.into_iter().find(|chain| from == chain.hook() && rule == Block::ByOrder.jump(*chain));
        by_order.is_some_and(|chain| self.found.second.insert(chain))
    }
}

/// Whether a rule ends within quotes; a backslash there takes the meaning from the next character.
fn in_quotes(line: &str) -> bool {
    if line.starts_with('#') {
        return false;
    }
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    quoted
}

/// Which chain of a block a rule jumps or goes to.
fn called(block: Block, rule: &str) -> Option<Chain> {
    let (rest, last) = rule.rsplit_once(' ')?;
    let calls = ["-j", "-g"].iter().any(|word| rest == *word || rest.ends_with(&format!(" {word}")));
    block.chain_named(last).filter(|_| calls)
}

/// Takes `[packets:bytes] ` off the beginning of a line.
fn counter(line: &str) -> Result<(u64, &str), ()> {
    let Some(rest) = line.strip_prefix('[') else {
        return Ok((0, line));
    };
    let (counters, line) = rest.split_once("] ").ok_or(())?;
    let (packets, _bytes) = counters.split_once(':').ok_or(())?;
    Ok((packets.parse().map_err(|_| ())?, line))
}

/// The same rule with the protocol's name where some versions print its number or its other name.
fn canonical(rule: &str) -> String {
    let Some(rest) = rule.strip_prefix("-p ") else {
        return rule.to_owned();
    };
    let (protocol, rest) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
    let name = match protocol {
        "1" => "icmp",
        "6" => "tcp",
        "17" => "udp",
        "132" => "sctp",
        "58" | "icmpv6" => "ipv6-icmp",
        name => name,
    };
    let mut text = String::with_capacity(rule.len());
    // Writing to a String cannot fail.
    let _ = write!(text, "-p {name}{rest}");
    text
}

/// Why a text is not the output of `iptables-save`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FoundError {
    /// A line that is none of its.
    #[error("line {line} is no line of iptables-save")]
    NotARule {
        /// The line, from 1.
        line: usize,
    },
    /// A table without its end.
    #[error("it ends in the middle of a table")]
    CutOff,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::traffic::{Family, Mark, RuleSet, Spared, TurnAway};

    #[test]
    fn a_filter_that_was_never_used_holds_nothing_of_ours() {
        assert!(Found::parse("").unwrap().is_empty());
        assert!(Found::parse("# Generated\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n").unwrap().is_empty());
    }

    #[test]
    fn an_output_that_was_cut_off_is_not_taken_for_an_empty_filter() {
        assert_eq!(Found::parse("*filter\n:INPUT ACCEPT [0:0]\n"), Err(FoundError::CutOff));
        assert_eq!(Found::parse("*filter\nrubbish\nCOMMIT"), Err(FoundError::NotARule { line: 2 }));
        assert_eq!(Found::parse("iptables: no such thing"), Err(FoundError::NotARule { line: 1 }));
    }

    #[test]
    fn our_own_text_is_read_as_what_it_makes() {
        let wanted = in_force();
        let text = Found::default().becoming(&wanted).unwrap();
        assert_eq!(Found::parse(&text).unwrap(), wanted);
    }

    #[test]
    fn what_is_as_it_ought_to_be_is_not_touched() {
        assert_eq!(in_force().becoming(&in_force()), None);
        assert_eq!(Found::default().becoming(&Found::default()), None);
    }

    #[test]
    fn a_jump_that_is_not_first_is_moved_to_the_front() {
        let mut behind = in_force();
        behind.calls[1].place = 3;
        let text = behind.becoming(&in_force()).unwrap();
        assert_eq!(text, "*filter\n-D INPUT -j MXONE_REDUNDANCY_IN\n-I INPUT 1 -j MXONE_REDUNDANCY_IN\nCOMMIT\n");
        let back = in_force().becoming(&behind).unwrap();
        assert_eq!(back, "*filter\n-D INPUT -j MXONE_REDUNDANCY_IN\n-I INPUT 3 -j MXONE_REDUNDANCY_IN\nCOMMIT\n");
    }

    #[test]
    fn a_second_jump_goes_without_moving_the_first_away() {
        let mut twice = in_force();
        let again = Call { place: 5, ..twice.calls[1].clone() };
        twice.calls.push(again);
        let text = twice.becoming(&in_force()).unwrap();
        assert_eq!(text.matches("-D INPUT").count(), 2, "{text}");
        assert_eq!(text.matches("-I INPUT 1").count(), 1, "{text}");
    }

    #[test]
    fn another_origin_replaces_the_marker_rules_only() {
        let ordered = rules().in_force(Family::V4, Mark { origin: crate::domain::traffic::Origin::Order, since: None });
        let text = in_force().becoming(&ordered).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("-R ")).count(), 3, "{text}");
        assert_eq!(text.lines().count(), 5, "{text}");
    }

    #[test]
    fn a_call_of_somebody_else_stays_until_its_chain_goes() {
        let mut called = in_force();
        let rule = "-i eth1 -j MXONE_REDUNDANCY_FWD".to_owned();
        called.calls.push(Call { from: "DOCKER-USER".to_owned(), place: 2, rule, chain: Chain::Fwd });
        assert_eq!(called.becoming(&in_force()), None);
        let text = called.becoming(&Found::default()).unwrap();
        assert!(text.contains("-D DOCKER-USER -i eth1 -j MXONE_REDUNDANCY_FWD\n"), "{text}");
        let back = Found::default().becoming(&called).unwrap();
        assert!(back.contains("-I DOCKER-USER 2 -i eth1 -j MXONE_REDUNDANCY_FWD\n"), "{back}");
    }

    #[test]
    fn a_comment_that_speaks_of_our_chain_is_no_call() {
        let text = "*filter\n[1:2] -A INPUT -m comment --comment \"-j MXONE_REDUNDANCY_IN\" -j ACCEPT\nCOMMIT\n";
        assert!(Found::parse(text).unwrap().is_empty());
    }

    #[test]
    fn a_comment_with_line_ends_hides_no_rules_and_makes_none() {
        let comment = "[0:0] -A INPUT -m comment --comment \"a\n-A INPUT -j MXONE_REDUNDANCY_IN\nb \\\" c\" -j ACCEPT";
        let text = format!("*filter\n{comment}\n[0:0] -A OUTPUT -j MXONE_REDUNDANCY_OUT\nCOMMIT\n");
        let found = Found::parse(&text).unwrap();
        assert_eq!(found.hook_place(Chain::In), None);
        assert_eq!(found.hook_place(Chain::Out), Some(1));
        assert_eq!(Found::parse("*filter\n-A INPUT -m comment --comment \"a\nCOMMIT\n"), Err(FoundError::CutOff));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Found::parse(&text);
            let _ = Found::parse(&format!("*filter\n{text}\nCOMMIT\n"));
        }

        #[test]
        fn no_line_makes_it_panic(
            lines in proptest::collection::vec(
                "(\\[[0-9:]{0,22}\\] |)(-[AIDX:]|:|\\*|) ?(INPUT|MXONE_REDUNDANCY_IN|)( [0-9]+|)( -[pjg] [a-zA-Z_]*|)", 0..8)
        ) {
            let text = format!("*filter\n{}\nCOMMIT\n", lines.join("\n"));
            if let Ok(found) = Found::parse(&text) {
                let _ = found.becoming(&in_force());
                let _ = in_force().becoming(&found);
                let _ = found.turned_away();
            }
        }
    }

    fn rules() -> RuleSet {
        RuleSet::new(&[], &Spared::default(), TurnAway::Drop, None)
    }

    fn in_force() -> Found {
        rules().in_force(Family::V4, Mark::BOOT)
    }
}
