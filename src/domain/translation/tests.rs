//! Translating whole texts, against a slow reference.

use std::convert::Infallible;

use super::*;
use crate::domain::platform::{Fields, Layout};
use crate::domain::scan::{Class, Found, Occurrence, OwnNetworks, Scan, Window};

#[test]
fn a_rule_is_read_as_it_is_written() {
    for text in [
        "192.0.2.10 -> 198.51.100.10",
        "192.0.2.0/24 -> 198.51.100.0/24",
        "2001:db8::10 -> 2001:db8:1::10",
        "2001:db8::/64 -> 2001:db8:1::/64",
        "203.0.113.7 -> 203.0.113.7",
    ] {
        assert_eq!(text.parse::<TranslationEntry>().unwrap().to_string(), text);
    }
    assert!("203.0.113.7 -> 203.0.113.7".parse::<TranslationEntry>().unwrap().keeps());
    assert_eq!(rule("192.0.2.1/32->198.51.100.1").to_string(), "192.0.2.1 -> 198.51.100.1");
}

#[test]
fn what_is_no_rule_says_why() {
    for (text, why) in [
        ("192.0.2.10", "is not a translation"),
        ("010.0.2.10 -> 198.51.100.10", "neither an IP address nor a network"),
        ("192.0.2.0/024 -> 198.51.100.0/24", "neither an IP address nor a network"),
        ("192.0.2.10 -> host", "neither an IP address nor a network"),
        ("192.0.2.10 -> 2001:db8::1", "not both IPv4 or both IPv6"),
        ("192.0.2.0/24 -> 198.51.100.0/25", "same prefix length"),
        ("192.0.2.0/24 -> 198.51.100.1", "same prefix length"),
        ("192.0.2.10/24 -> 198.51.100.0/24", "the network is 192.0.2.0/24"),
        ("0.0.0.0 -> 198.51.100.1", "never translated"),
        ("0.0.0.0/0 -> 0.0.0.0/0", "never translated"),
        ("192.0.2.1 -> 127.0.0.1", "never translated"),
    ] {
        let error = text.parse::<TranslationEntry>().unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn the_longest_rule_counts_and_nothing_is_chained() {
    let table = table(&[
        "192.0.2.0/24 -> 198.51.100.0/24",
        "192.0.2.128/25 -> 203.0.113.0/25",
        "192.0.2.10 -> 198.51.100.99",
        "198.51.100.99 -> 10.9.9.9",
        "192.0.2.11 -> 192.0.2.11",
        "2001:db8::/64 -> 2001:db8:1::/64",
    ]);
    let lookup = Lookup::new(&table);
    for (from, to) in [
        ("192.0.2.10", Some("198.51.100.99")),
        ("192.0.2.11", Some("192.0.2.11")),
        ("192.0.2.12", Some("198.51.100.12")),
        ("192.0.2.130", Some("203.0.113.2")),
        ("192.0.3.1", None),
        ("2001:db8::abcd", Some("2001:db8:1::abcd")),
        ("::ffff:192.0.2.10", Some("198.51.100.99")),
    ] {
        let to = to.map(|to| to.parse().unwrap());
        let from: IpAddr = from.parse().unwrap();
        assert_eq!(table.translate(from), to, "{from}");
        assert_eq!(lookup.address(from.to_canonical()), to, "{from}");
    }
    assert_eq!(lookup.network("192.0.2.0/24".parse().unwrap()), Some("198.51.100.0".parse().unwrap()));
    assert_eq!(lookup.network("192.0.2.0/23".parse().unwrap()), None);
    assert_eq!(
        table.explain("192.0.2.130".parse().unwrap()).to_string(),
        "192.0.2.130 becomes 203.0.113.2 by the rule 192.0.2.128/25 -> 203.0.113.0/25"
    );
    assert_eq!(
        table.explain("192.0.2.11".parse().unwrap()).to_string(),
        "192.0.2.11 stays by the rule 192.0.2.11 -> 192.0.2.11"
    );
    assert_eq!(table.explain("10.0.0.1".parse().unwrap()).to_string(), "10.0.0.1 stays: no rule covers it");
    assert!(matches!(table.explain("0.0.0.0".parse().unwrap()), Explanation::Never { .. }));
}

#[test]
fn a_rule_is_set_once_and_taken_out_again() {
    let mut table = TranslationTable::default();
    assert_eq!(table.set(rule("192.0.2.1 -> 198.51.100.1")), None);
    assert_eq!(table.set(rule("192.0.2.1 -> 198.51.100.2")), Some(rule("192.0.2.1 -> 198.51.100.1")));
    assert_eq!(table.len(), 1);
    assert_eq!(table.remove("192.0.2.1/32".parse().unwrap()), Some(rule("192.0.2.1 -> 198.51.100.2")));
    assert!(table.is_empty());
}

#[test]
fn a_table_that_was_changed_has_another_fingerprint_and_one_changed_back_the_same() {
    let mut table = TranslationTable::default();
    assert_eq!(table.fingerprint(), 0xcbf2_9ce4_8422_2325, "the same in every version");
    table.set("192.0.2.1 -> 198.51.100.1".parse().unwrap());
    let one = table.fingerprint();
    table.set("192.0.2.1 -> 198.51.100.2".parse().unwrap());
    assert_ne!(table.fingerprint(), one);
    table.set("192.0.2.1 -> 198.51.100.1".parse().unwrap());
    assert_eq!(table.fingerprint(), one);
}

#[test]
fn problems_are_found_before_anything_is_loaded() {
    let scan = scan_of(&["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13"], &["203.0.113.1", "203.0.113.2"]);
    assert!(!TranslationTable::default().is_complete_for(&scan));
    let wrong = table(&[
        "192.0.2.10 -> 192.0.2.11",
        "192.0.2.11 -> 192.0.2.11",
        "192.0.2.13 -> 10.0.0.1",
        "203.0.113.1 -> 203.0.113.2",
    ]);
    let alternate = ["198.51.100.0/24".parse().unwrap()];
    let told: Vec<String> = wrong.problems_within(&scan, &alternate).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "192.0.2.11 belongs to the primary and must not be kept",
            "192.0.2.12 belongs to the primary and has no translation (found at data:1)",
            "192.0.2.10 would become 192.0.2.11, which belongs to the primary",
            "192.0.2.10 would become 192.0.2.11, which is in none of the alternate's networks",
            "192.0.2.10 and 192.0.2.11 would both be 192.0.2.11",
            "192.0.2.13 would become 10.0.0.1, which is in none of the alternate's networks",
            "203.0.113.1 and 203.0.113.2 would both be 203.0.113.2",
        ]
    );
    assert!(!wrong.is_complete_for(&scan));
    let one = table(&["192.0.2.10 -> 198.51.100.1", "192.0.2.11 -> 198.51.100.1", "192.0.2.12 -> 203.0.113.1"]);
    let severities: Vec<Severity> = one
        .problems(&scan)
        .iter()
        .filter(|problem| matches!(problem, TranslationProblem::TwoToOne { .. }))
        .map(TranslationProblem::severity)
        .collect();
    assert_eq!(severities, [Severity::Must, Severity::Warning]);
    let right = table(&["192.0.2.0/24 -> 198.51.100.0/24", "203.0.113.1 -> 203.0.113.1"]);
    assert_eq!(right.problems_within(&scan, &alternate), []);
    assert!(right.is_complete_for(&scan));
}

#[test]
fn an_own_network_needs_a_rule_for_the_whole_of_it() {
    let mut scan = scan_of(&[], &[]);
    scan.networks.insert("192.0.2.0/24".parse().unwrap(), found(Class::Own));
    assert!(!table(&["192.0.2.0/25 -> 198.51.100.0/25"]).is_complete_for(&scan));
    assert!(table(&["192.0.2.0/24 -> 198.51.100.0/24"]).is_complete_for(&scan));
}

#[test]
fn addresses_of_listed_fields_are_translated_in_their_place_and_nothing_else_is() {
    let table = table(&[
        "192.0.2.0/24 -> 198.51.100.0/24",
        "192.0.2.10 -> 198.51.100.110",
        "198.51.100.110 -> 10.1.1.1",
        "2001:db8::10 -> 2001:db8:1::10",
    ]);
    let before = "proxyip = 192.0.2.10\nnote = 192.0.2.10\nversion = 192.0.2.10\nproxyip = sip:a@192.0.2.1:5060\n\
                  proxyip = 192.0.2.10/24 192.0.2.0/24 192.0.2.0/16 v192.0.2.1 192.0.2.1.5\n\
                  proxyip = [2001:db8::10]:5060 ::ffff:192.0.2.1 010.0.0.1 0.0.0.0\n";
    let after = "proxyip = 198.51.100.110\nnote = 192.0.2.10\nversion = 192.0.2.10\nproxyip = sip:a@198.51.100.1:5060\n\
                 proxyip = 198.51.100.110/24 198.51.100.0/24 198.51.100.0/16 v192.0.2.1 192.0.2.1.5\n\
                 proxyip = [2001:db8:1::10]:5060 ::ffff:198.51.100.1 010.0.0.1 0.0.0.0\n";
    let layout = Layout::KeyValue(Fields { own: Vec::new(), foreign: vec!["proxyip".to_owned()] });
    assert_eq!(translated(before, Some(&layout), &table, &[7]).0, after);
    assert_eq!(translated(before, None, &table, &[7]), (before.to_owned(), 0));
}

#[test]
fn a_preview_shows_lines_before_and_after() {
    let table = table(&["192.0.2.0/24 -> 198.51.100.0/24"]);
    let lookup = Lookup::new(&table);
    let text = format!("first\na 192.0.2.1 b 192.0.2.2\x1b[2J c\n{}192.0.2.3\nlast 192.0.2.4\n", "x ".repeat(5000));
    let mut previewer = Previewer::new("f", Some(&Layout::Text), &lookup, 2);
    for chunk in text.as_bytes().chunks(1000) {
        previewer.space()[..chunk.len()].copy_from_slice(chunk);
        previewer.take(chunk.len());
    }
    previewer.take(0);
    let preview = previewer.finish();
    assert_eq!((preview.replaced, preview.more, preview.changes.len()), (4, true, 2));
    assert_eq!(preview.changes[0].line, 2);
    assert_eq!(preview.changes[0].before, "a 192.0.2.1 b 192.0.2.2[2J c");
    assert_eq!(preview.changes[0].after, "a 198.51.100.1 b 198.51.100.2[2J c");
    assert_eq!(preview.changes[1].line, 3);
    assert!(preview.changes[1].after.ends_with("x x 198.51.100.3") && preview.changes[1].after.len() < 100);
}

proptest::proptest! {
    #[test]
    fn an_empty_table_changes_no_byte(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600),
        cuts in proptest::collection::vec(1_usize..300, 1..9),
    ) {
        let none = TranslationTable::default();
        proptest::prop_assert_eq!(rewritten(&bytes, Some(&Layout::Text), &none, &cuts).0, bytes);
    }

    #[test]
    fn translating_does_not_depend_on_how_the_text_is_cut(
        parts in proptest::collection::vec(proptest::sample::select(crate::domain::scan::tests::PARTS.to_vec()), 0..60),
        cuts in proptest::collection::vec(1_usize..40, 1..20),
    ) {
        let table = table(&["192.0.2.0/24 -> 198.51.100.0/24", "10.0.0.1 -> 203.0.113.200", "2001:db8::/32 -> fd00::/32"]);
        let text = parts.concat();
        let whole = translated(&text, Some(&Layout::Text), &table, &[100_000]);
        proptest::prop_assert_eq!(translated(&text, Some(&Layout::Text), &table, &cuts), whole);
    }

    #[test]
    fn going_back_from_rule_to_rule_finds_what_trying_every_length_finds(
        rules in proptest::collection::vec((0_u32..64, 24_u8..=32), 0..20),
        asked in (0_u32..64, 24_u8..=32),
    ) {
        let v4 = |(last, len): (u32, u8)| IpNet::new(std::net::Ipv4Addr::from(0xc000_0200 | last).into(), len).unwrap().trunc();
        let v6 = |(last, len): (u32, u8)| {
            let address = std::net::Ipv6Addr::from((0x2001_0db8_u128 << 96) | u128::from(last));
            IpNet::new(address.into(), len + 96).unwrap().trunc()
        };
        let both = rules.iter().flat_map(|rule| [v4(*rule), v6(*rule)]);
        let table: TranslationTable = both.map(|rule| TranslationEntry::network(rule, rule).unwrap()).collect();
        for asked in [v4(asked), v6(asked)] {
            let slow = (0..=asked.prefix_len()).rev().find_map(|len| table.entry(IpNet::new(asked.addr(), len).unwrap().trunc()));
            proptest::prop_assert_eq!(table.rule_for(asked), slow);
        }
    }

    #[test]
    fn no_text_makes_a_rule_panic_and_what_is_read_is_written_the_same(text in "[0-9a-f.:/ >-]{0,40}") {
        if let Ok(entry) = text.parse::<TranslationEntry>() {
            proptest::prop_assert_eq!(entry.to_string().parse::<TranslationEntry>(), Ok(entry));
        }
    }
}

fn rewritten(text: &[u8], layout: Option<&Layout>, table: &TranslationTable, cuts: &[usize]) -> (Vec<u8>, u64) {
    let lookup = Lookup::new(table);
    let mut rewriter = Rewriter::with_window(layout, &lookup, Window::with_block(100_000));
    let (mut out, mut rest) = (Vec::new(), text);
    for cut in cuts.iter().cycle() {
        let count = rest.len().min(*cut);
        rewriter.space()[..count].copy_from_slice(&rest[..count]);
        let taken = rewriter.take::<Infallible>(count, |piece| {
            out.extend_from_slice(piece);
            Ok(())
        });
        assert!(taken.is_ok());
        if count == 0 {
            break;
        }
        rest = &rest[count..];
    }
    (out, rewriter.replaced())
}

fn translated(text: &str, layout: Option<&Layout>, table: &TranslationTable, cuts: &[usize]) -> (String, u64) {
    let (out, replaced) = rewritten(text.as_bytes(), layout, table, cuts);
    (String::from_utf8(out).unwrap(), replaced)
}

fn rule(text: &str) -> TranslationEntry {
    text.parse().unwrap()
}

fn table(rules: &[&str]) -> TranslationTable {
    rules.iter().map(|text| rule(text)).collect()
}

fn scan_of(own: &[&str], foreign: &[&str]) -> Scan {
    let mut scan = Scan::of(&OwnNetworks::default());
    for address in own {
        scan.addresses.insert(address.parse().unwrap(), found(Class::Own));
    }
    for address in foreign {
        scan.addresses.insert(address.parse().unwrap(), found(Class::Foreign));
    }
    scan
}

fn found(class: Class) -> Found {
    Found { class, total: 1, occurrences: vec![Occurrence { file: "data".to_owned(), line: 1, field: None }] }
}
