//! Translation tables as files, right and wrong.

use super::*;

const YAML: &str = "schema: 1\nhosts:\n  \"192.0.2.10\": \"198.51.100.10\"\n  \"2001:db8::10\": \"2001:db8:1::10\"\n\
                    networks:\n  \"192.0.2.0/24\": \"198.51.100.0/24\"\n";
const CSV: &str = "primary,alternate\n192.0.2.0/24,198.51.100.0/24\n192.0.2.10,198.51.100.10\n\
                   2001:db8::10,2001:db8:1::10\n";

#[test]
fn both_forms_are_read_as_they_are_written() {
    let table = from_yaml(Path::new("t.yaml"), YAML).unwrap();
    assert_eq!(to_yaml(&table), YAML);
    assert_eq!(to_csv(&table), CSV);
    assert_eq!(from_csv(Path::new("t.csv"), CSV).unwrap(), table);
    let by_hand = "schema: 1\n# comment\nhosts:\n  192.0.2.10: 198.51.100.10\n  2001:db8::10: 2001:db8:1::10\n\
                   networks: {192.0.2.0/24: 198.51.100.0/24}\n";
    assert_eq!(from_yaml(Path::new("t.yaml"), by_hand).unwrap(), table);
    let by_hand = "\u{feff}\"2001:db8::10\"; 2001:db8:1::10\r\n\r\n# comment\n192.0.2.0/24 ,198.51.100.0/24\n\
                   192.0.2.10,198.51.100.10";
    assert_eq!(from_csv(Path::new("t.csv"), by_hand).unwrap(), table);
    let none = TranslationTable::default();
    assert_eq!(from_yaml(Path::new("t.yaml"), &to_yaml(&none)).unwrap(), none);
    assert_eq!(from_yaml(Path::new("t.yaml"), "schema: 1\nhosts:\n").unwrap(), none);
}

#[test]
fn all_problems_of_a_yaml_table_are_told_with_what_to_write() {
    let text = "schema: 2\nhosts:\n  192.0.2.300: 198.51.100.1\n  192.0.2.1: 2001:db8::1\n  192.0.2.2: 198.51.100.2\n\
                \x20 192.0.2.2/32: 198.51.100.3\n  192.0.2.0/24: 198.51.100.0/24\n  0.0.0.0: 198.51.100.1\n\
                networks:\n  192.0.2.10/24: 198.51.100.0/24\n  10.0.0.0/8: 10.1.0.0/16\n  192.0.2.9: 198.51.100.9\n";
    assert_eq!(
        told(from_yaml(Path::new("t.yaml"), text)),
        [
            "t.yaml:1:9: this program reads schema 1, not 2; write schema: 1",
            "t.yaml:3:3: \"192.0.2.300\" is not an IP address; write one like 192.0.2.10 or 2001:db8::10",
            "t.yaml:4:14: 192.0.2.1/32 and 2001:db8::1/128 are not both IPv4 or both IPv6; write an IPv4 address on both sides",
            "t.yaml:6:3: 192.0.2.2 is already translated in line 5; write it once",
            "t.yaml:7:3: \"192.0.2.0/24\" is not an IP address; write one like 192.0.2.10 or 2001:db8::10",
            "t.yaml:7:17: \"198.51.100.0/24\" is not an IP address; write one like 192.0.2.10 or 2001:db8::10",
            "t.yaml:8:3: 0.0.0.0 is never translated: it does not name one host or network of a site; write the address of a host or of a network of one site",
            "t.yaml:10:3: 192.0.2.10/24 has a host part; the network is 192.0.2.0/24; write 192.0.2.0/24",
            "t.yaml:11:15: 10.0.0.0/8 and 10.1.0.0/16 do not have the same prefix length; write a network of length /8 on both sides",
            "t.yaml:12:3: \"192.0.2.9\" is not a network; write one like 192.0.2.0/24 or 2001:db8::/64",
            "t.yaml:12:14: \"198.51.100.9\" is not a network; write one like 192.0.2.0/24 or 2001:db8::/64",
        ]
    );
    assert_eq!(
        told(from_yaml(Path::new("t.yaml"), "schema: 1\nhost:\n  192.0.2.1: 198.51.100.1\n")),
        ["t.yaml:2:1: \"host\" is not known here; write hosts"]
    );
    assert_eq!(
        told(from_yaml(Path::new("t.yaml"), "schema: 1\nhosts: [192.0.2.1]\n")),
        ["t.yaml:2:8: this is not a mapping; write keys with values, a line each, indented"]
    );
    let twice = "schema: 1\nhosts:\n  192.0.2.1: 198.51.100.1\n  192.0.2.1: 198.51.100.2\n";
    assert!(told(from_yaml(Path::new("t.yaml"), twice))[0].starts_with("t.yaml:4:3: "));
}

#[test]
fn all_problems_of_a_csv_table_are_told_with_what_to_write() {
    let text =
        "Primary,Alternate\n192.0.2.1\n192.0.2.1,  x\n192.0.2.2,198.51.100.2\n192.0.2.2,198.51.100.3\na,b\n1,2,3\n";
    assert_eq!(
        told(from_csv(Path::new("t.csv"), text)),
        [
            "t.csv:2:1: here are 1 values, not two; write 192.0.2.10,198.51.100.10",
            "t.csv:3:13: \"x\" is not an IP address or a network; write one like 192.0.2.10 or 192.0.2.0/24",
            "t.csv:5:1: 192.0.2.2 is already translated in line 4; write it once",
            "t.csv:6:1: \"a\" is not an IP address or a network; write one like 192.0.2.10 or 192.0.2.0/24",
            "t.csv:6:3: \"b\" is not an IP address or a network; write one like 192.0.2.10 or 192.0.2.0/24",
            "t.csv:7:1: here are 3 values, not two; write 192.0.2.10,198.51.100.10",
        ]
    );
}

#[test]
fn a_table_of_a_hundred_thousand_hosts_is_read() {
    let host = |network: u32, n: u32| IpAddr::from(std::net::Ipv4Addr::from(network + n));
    let table: TranslationTable =
        (1..=100_000).map(|n| TranslationEntry::host(host(0x0a00_0000, n), host(0x0b00_0000, n)).unwrap()).collect();
    assert_eq!(from_yaml(Path::new("t.yaml"), &to_yaml(&table)).unwrap(), table);
    assert_eq!(from_csv(Path::new("t.csv"), &to_csv(&table)).unwrap(), table);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reading_panic(text in "[a-z0-9.:/,; \n\"#{}\\[\\]-]{0,200}") {
        drop(from_csv(Path::new("t.csv"), &text));
        drop(from_yaml(Path::new("t.yaml"), &format!("schema: 1\nhosts:\n  {text}")));
    }
}

fn told(read: Result<TranslationTable, Vec<Problem>>) -> Vec<String> {
    read.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_rule_that_leads_to_a_server_of_the_primary_is_told_where_it_stands() {
    let text = "schema: 1\nhosts:\n  192.0.2.11: 192.0.2.12\n  203.0.113.1: 192.0.2.11\n  192.0.2.12: 198.51.100.12\n\
                networks:\n  192.0.2.0/24: 192.0.2.0/24\n  192.0.2.13/32: 192.0.2.13/32\n";
    let primary = ["192.0.2.11", "192.0.2.12", "192.0.2.14"].map(|address| address.parse().unwrap()).into();
    assert_eq!(
        told(from_yaml_beside(Path::new("t.yaml"), text, &primary)),
        [
            "t.yaml:3:15: 192.0.2.11 would become 192.0.2.12, a server of the primary; write an address of the alternate",
            "t.yaml:4:16: 203.0.113.1 would become 192.0.2.11, a server of the primary; write an address of the alternate",
            "t.yaml:7:17: 192.0.2.14 would become 192.0.2.14, a server of the primary; write an address of the alternate",
        ]
    );
}
