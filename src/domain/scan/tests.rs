//! Which texts are addresses, wherever the blocks are cut.

use globset::Glob;

use super::*;
use crate::domain::platform::{Fields, Layout};

#[test]
fn addresses_are_found_in_every_way_they_are_written() {
    for (text, expected) in [
        ("192.0.2.10", "192.0.2.10"),
        ("at 192.0.2.10. Then", "192.0.2.10"),
        ("192.0.2.10:5060", "192.0.2.10"),
        ("192.0.2.10 :5060", "192.0.2.10"),
        ("sip:user@192.0.2.25;transport=udp", "192.0.2.25"),
        ("sip:?@192.0.2.25", "192.0.2.25"),
        ("udp:192.0.2.25:5060", "192.0.2.25"),
        ("'192.0.2.1','192.0.2.2'", "192.0.2.1 192.0.2.2"),
        ("192.0.2.1-192.0.2.9", "192.0.2.1 192.0.2.9"),
        ("192.0.2.10/24", "192.0.2.10"),
        ("192.0.2.10/255.255.255.0", "192.0.2.10"),
        ("192.0.2.10/32 192.0.2.10/31 192.0.2.10/33 192.0.2.10/x", "192.0.2.10 192.0.2.10 192.0.2.10 192.0.2.10"),
        ("192.0.2.0/24, 192.0.2.0/24.", "192.0.2.0/24 192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("192.0.2.0/255.0.255.0", "192.0.2.0"),
        ("[2001:db8::1]:5060", "2001:db8::1"),
        ("sip:user@[2001:db8::25];lr", "2001:db8::25"),
        ("sip:2001:db8::25", "2001:db8::25"),
        ("2001:DB8:0:0:0:0:0:1: text", "2001:db8::1"),
        ("2001:db8::. 2001:db8::/32 2001:db8::5/64", "2001:db8:: 2001:db8::/32 2001:db8::5"),
        ("::ffff:192.0.2.10", "192.0.2.10"),
        ("64:ff9b::192.0.2.10", "64:ff9b::c000:20a"),
        ("fd00::1 (unique local)", "fd00::1"),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
}

#[test]
fn what_only_looks_like_an_address_is_none() {
    for text in [
        "v10.0.0.1",
        "10.0.0.1a",
        "10.0.0.1_",
        "x_10.0.0.1",
        "16.3.1.4.5",
        "1.3.6.1.4.1.10.0.0.1",
        "192.0.2",
        "192.0.2.256",
        "010.0.0.1",
        "192.0.2.01",
        "1.2.0.192.in-addr.arpa",
        ".192.0.2.1",
        "192..0.2.1",
        "0.0.0.0",
        "0.0.0.255",
        "127.0.0.1",
        "169.254.1.1",
        "224.0.1.75",
        "255.255.255.0",
        "255.255.255.255",
        "::1 :: fe80::1 fe80::1%eth0 ff02::1",
        "12:34:56",
        "00:11:22:33:44:55",
        "00:11:22:33:44:55:66:77",
        "std::dead::beef g2001:db8::1 2001:db8::1g 2001:db8:::1",
        "sip:user@0.0.0.0",
    ] {
        assert_eq!(found(text), "", "{text}");
    }
}

#[test]
fn a_field_is_found_by_its_key() {
    let text = "# proxyip = 192.0.2.9\nroute : 10\n  proxyip        = 192.0.2.1\n  note = 192.0.2.2\n\
                listen udp:192.0.2.3:5060 192.0.2.4\nDefault gateway: 192.0.2.5\nuristring3=sip:?@192.0.2.6\n";
    let fields = Fields { own: names(&["listen", "default gateway"]), foreign: names(&["proxyip", "uristring*"]) };
    assert_eq!(
        listed(text, &Layout::KeyValue(fields)),
        [
            "192.0.2.1 foreign 3 proxyip",
            "192.0.2.3 own 5 listen",
            "192.0.2.4 own 5 listen",
            "192.0.2.5 own 6 Default gateway",
            "192.0.2.6 foreign 7 uristring3",
        ]
    );
}

#[test]
fn a_column_is_found_by_its_heading() {
    let text = "id,\"server, address\",note,peer\n\
                1,192.0.2.1,192.0.2.2,192.0.2.3\n\
                2,\"192.0.2.4, 192.0.2.5\",\"say \"\"192.0.2.6, x\"\"\",sip:a@192.0.2.7\n\
                3,192.0.2.8,5\" disk,192.0.2.9\n\
                4, \"a\nb,192.0.2.10\",\"\",192.0.2.11\n\
                5,,,192.0.2.12,192.0.2.13\n";
    let fields = Fields { own: names(&["server, address"]), foreign: names(&["peer"]) };
    assert_eq!(
        listed(text, &Layout::Csv(fields)),
        [
            "192.0.2.1 own 2 server, address",
            "192.0.2.3 foreign 2 peer",
            "192.0.2.4 own 3 server, address",
            "192.0.2.5 own 3 server, address",
            "192.0.2.7 foreign 3 peer",
            "192.0.2.8 own 4 server, address",
            "192.0.2.9 foreign 4 peer",
            "192.0.2.10 own 6 server, address",
            "192.0.2.11 foreign 6 peer",
            "192.0.2.12 foreign 7 peer",
        ]
    );
}

#[test]
fn without_fields_an_address_is_own_when_it_lies_in_the_primarys_networks() {
    let own = OwnNetworks(vec!["192.0.2.0/24".parse().unwrap(), "203.0.113.5/32".parse().unwrap()]);
    let scan = survey("192.0.2.77 203.0.113.5\n203.0.113.6 192.0.2.0/25 10.0.0.0/8", Some(&Layout::Text), &own);
    let own: Vec<String> = scan.own_addresses().map(|address| address.to_string()).collect();
    assert_eq!(own, ["192.0.2.77", "203.0.113.5"]);
    assert_eq!(scan.foreign_addresses().count(), 1);
    let classes: Vec<Class> = scan.networks.values().map(|found| found.class).collect();
    assert_eq!(classes, [Class::Foreign, Class::Own]);
}

#[test]
fn a_server_of_the_primary_in_an_unlisted_place_is_told() {
    let own = OwnNetworks(vec!["192.0.2.0/24".parse().unwrap(), "192.0.2.10/32".parse().unwrap()]);
    let layout = Layout::KeyValue(Fields { own: Vec::new(), foreign: names(&["peer"]) });
    let text = "note = 192.0.2.10\nnote = 192.0.2.11\npeer = 192.0.2.10\n";
    let scan = survey(text, Some(&layout), &own);
    assert_eq!(scan.elsewhere.keys().map(ToString::to_string).collect::<Vec<_>>(), ["192.0.2.10"]);
    assert_eq!(scan.elsewhere.values().next().unwrap().occurrences[0].to_string(), "data.txt:1 (note)");
    assert_eq!(scan.own_addresses().count(), 1, "a server of the primary is own in a foreign field, too");
    let scan = survey(text, None, &own);
    assert_eq!((scan.addresses.len(), scan.elsewhere.len()), (0, 1));
}

#[test]
fn scans_of_files_are_added_and_own_anywhere_is_own() {
    let fields = |own: &[&str], foreign: &[&str]| Layout::KeyValue(Fields { own: names(own), foreign: names(foreign) });
    let none = OwnNetworks::default();
    let mut scan = survey("a = 192.0.2.1\n".repeat(30).as_str(), Some(&fields(&[], &["a"])), &none);
    scan.merge(survey("a = 192.0.2.1\n", Some(&fields(&["a"], &[])), &none));
    let found = &scan.addresses[&"192.0.2.1".parse().unwrap()];
    assert_eq!((found.class, found.total, found.occurrences.len()), (Class::Own, 31, OCCURRENCES_LISTED));
    let json = serde_json::to_string(&scan).unwrap();
    assert_eq!(serde_json::from_str::<Scan>(&json).unwrap(), scan);
}

#[test]
fn the_first_place_whose_pattern_matches_a_file_counts() {
    let place = |glob: &str, layout| AddressPlace { files: Glob::new(glob).unwrap().compile_matcher(), layout };
    let places = [place("*.csv", Layout::Csv(Fields::default())), place("**", Layout::Text)];
    assert!(matches!(place_of(&places, "a/b.csv").unwrap().layout, Layout::Csv(_)));
    assert!(matches!(place_of(&places, "a/b.txt").unwrap().layout, Layout::Text));
    assert!(place_of(&places[..1], "a/b.txt").is_none());
}

#[test]
fn a_number_that_never_ends_takes_no_time_and_hides_nothing_behind_it() {
    let text = format!("{} 192.0.2.1 {}\n192.0.2.2", "1.1".repeat(2_000_000), ":1".repeat(2_000_000));
    assert_eq!(found(&text), "192.0.2.1 192.0.2.2");
}

proptest::proptest! {
    #[test]
    fn what_is_found_does_not_depend_on_how_the_text_is_cut(
        parts in proptest::collection::vec(proptest::sample::select(PARTS.to_vec()), 0..60),
        cuts in proptest::collection::vec(1_usize..40, 1..20),
    ) {
        let text = format!("id,a\nx,{}", parts.concat());
        for layout in [
            Layout::Text,
            Layout::KeyValue(Fields { own: names(&["x*"]), foreign: names(&["*"]) }),
            Layout::Csv(Fields { own: names(&["a"]), foreign: names(&["id"]) }),
        ] {
            let whole = survey(&text, Some(&layout), &OwnNetworks::default());
            let cut = survey_in(&text, &cuts, Some(&layout));
            proptest::prop_assert_eq!(whole, cut, "{}", text);
        }
    }

    #[test]
    fn no_bytes_make_the_scanner_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let mut window = Window::default();
        window.space()[..bytes.len()].copy_from_slice(&bytes);
        window.accept(bytes.len());
        while window.next_token().is_some() {}
        window.accept(0);
        while let Some(token) = window.next_token() {
            proptest::prop_assert!(token.range.end <= bytes.len());
        }
    }

    #[test]
    fn the_scanner_finds_what_a_slow_reading_finds(
        parts in proptest::collection::vec(proptest::sample::select(PARTS.to_vec()), 0..40),
    ) {
        let text = parts.concat();
        proptest::prop_assert_eq!(found(&text), slowly_found(&text).join(" "), "{}", text);
    }
}

/// Pieces of which near misses of every kind come together.
pub(crate) const PARTS: &[&str] = &[
    "192.0.2.10",
    "10.0.0.1",
    "192.0.2.0/24",
    "2001:db8::1",
    "2001:db8::",
    "::ffff:192.0.2.1",
    "::",
    ":",
    ".",
    "..",
    "/",
    "/24",
    "/255.255.255.0",
    "1",
    "25",
    "255",
    "0",
    "256",
    "01",
    "a",
    "f",
    "g",
    "v",
    "_",
    "-",
    "[",
    "]",
    " ",
    "\n",
    ",",
    "\"",
    "=",
    "@",
    "sip:",
    "fe80::1",
    "1.2.3.4.5",
    "16.3.1.4",
    "12:34:56",
    "é",
    "%eth0",
    "0.0.0.0",
    "dead:beef",
    "1111111111111111111111111111111111111111",
    "1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1",
];

/// The same rules, written with regular expressions over the whole text.
fn slowly_found(text: &str) -> Vec<String> {
    use crate::domain::translation::is_translatable;
    use regex::Regex;
    let wide = Regex::new("[0-9A-Fa-f:.]+").unwrap();
    let narrow = Regex::new("[0-9.]+").unwrap();
    let length = Regex::new(r"^/(\d{1,3})\.*(?:[^0-9A-Za-z_.]|$)").unwrap();
    let mask = Regex::new(r"^/(\d+\.\d+\.\d+\.\d+)\.*(?:[^0-9A-Za-z_.]|$)").unwrap();
    let ascii_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut all = Vec::new();
    let tell = |address: IpAddr, rest: &str, all: &mut Vec<String>| {
        let canonical = address.to_canonical();
        if !is_translatable(canonical) {
            return;
        }
        let by_mask = mask.captures(rest).filter(|_| address.is_ipv4()).and_then(|c| {
            let bits = u32::from(c[1].parse::<std::net::Ipv4Addr>().ok()?);
            (bits.leading_ones() + bits.trailing_zeros() == 32).then(|| bits.leading_ones())
        });
        let by_length = length.captures(rest).filter(|c| c[1].len() == 1 || !c[1].starts_with('0'));
        let len = by_mask.or_else(|| by_length.and_then(|c| c[1].parse().ok()));
        let network = len.and_then(|len| IpNet::new(address, u8::try_from(len).ok()?).ok());
        match network.filter(|n| n.trunc() == *n && n.prefix_len() + 1 < n.max_prefix_len() && canonical == address) {
            Some(network) => all.push(network.to_string()),
            None => all.push(canonical.to_string()),
        }
    };
    for run in wide.find_iter(text) {
        let after = text[run.end()..].chars().next();
        let led = run.as_str().starts_with(':') && !run.as_str().starts_with("::");
        let before = text[..run.start()].chars().next_back().filter(|_| !led);
        let mut core = run.as_str()[usize::from(led)..].trim_end_matches('.');
        if core.ends_with(':') && !core.ends_with("::") {
            core = &core[..core.len() - 1];
        }
        let v6 = core.parse::<std::net::Ipv6Addr>().ok().filter(|_| run.len() <= token::RUN_LIMIT);
        if let Some(address) = v6.filter(|_| !ascii_word(before) && !ascii_word(after)) {
            tell(address.into(), &text[run.start() + usize::from(led) + core.len()..], &mut all);
            continue;
        }
        for part in narrow.find_iter(run.as_str()) {
            let (start, end) = (run.start() + part.start(), run.start() + part.end());
            let before = text[..start].chars().next_back();
            let after = text[end..].chars().next();
            let core = part.as_str().trim_end_matches('.');
            let Ok(address) = core.parse::<std::net::Ipv4Addr>() else { continue };
            if part.len() <= token::RUN_LIMIT && !ascii_word(before) && !ascii_word(after) {
                tell(address.into(), &text[start + core.len()..], &mut all);
            }
        }
    }
    all
}

fn found(text: &str) -> String {
    let mut window = Window::default();
    let mut all = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        let space = window.space();
        let count = rest.len().min(space.len());
        space[..count].copy_from_slice(&rest[..count]);
        rest = &rest[count..];
        window.accept(count);
        while let Some(token) = window.next_token() {
            all.push(match token.meaning {
                Meaning::Host(address) => address.to_string(),
                Meaning::Network(network) => network.to_string(),
            });
        }
        window.settle();
        if count == 0 {
            return all.join(" ");
        }
    }
}

fn survey(text: &str, layout: Option<&Layout>, own: &OwnNetworks) -> Scan {
    let mut surveyor = Surveyor::new("data.txt", layout, own);
    surveyor.space()[..text.len()].copy_from_slice(text.as_bytes());
    surveyor.take(text.len());
    surveyor.take(0);
    surveyor.finish()
}

fn survey_in(text: &str, cuts: &[usize], layout: Option<&Layout>) -> Scan {
    let mut surveyor = Surveyor::new("data.txt", layout, &OwnNetworks::default());
    let mut rest = text.as_bytes();
    for cut in cuts.iter().cycle() {
        let count = rest.len().min(*cut);
        surveyor.space()[..count].copy_from_slice(&rest[..count]);
        surveyor.take(count);
        if count == 0 {
            break;
        }
        rest = &rest[count..];
    }
    surveyor.finish()
}

fn listed(text: &str, layout: &Layout) -> Vec<String> {
    let scan = survey(text, Some(layout), &OwnNetworks::default());
    let line = |(address, found): (&IpAddr, &Found)| {
        let place = &found.occurrences[0];
        format!("{address} {} {} {}", found.class, place.line, place.field.clone().unwrap_or_default())
    };
    scan.addresses.iter().map(line).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
