//! The editor as a person meets it: keys in, table and picture out.

use std::net::{IpAddr, Ipv4Addr};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ipnet::IpNet;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::domain::scan::{Class, Found, Occurrence, OwnNetworks};
use crate::domain::translation::{TranslationEntry, side_text};

mod changes;
mod pictures;
mod properties;
mod searching;
mod typed;
mod wishes;

/// Presses keys: each word is one key by its name, or letters to type.
fn press(editor: &mut Editor, keys: &str) -> Option<Wish> {
    let mut wish = None;
    for word in keys.split_whitespace() {
        let named = match word {
            "Enter" => Some(KeyEvent::from(KeyCode::Enter)),
            "Esc" => Some(KeyCode::Esc.into()),
            "Tab" => Some(KeyCode::Tab.into()),
            "BackTab" => Some(KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT)),
            "Up" => Some(KeyCode::Up.into()),
            "Down" => Some(KeyCode::Down.into()),
            "Left" => Some(KeyCode::Left.into()),
            "Right" => Some(KeyCode::Right.into()),
            "Home" => Some(KeyCode::Home.into()),
            "End" => Some(KeyCode::End.into()),
            "PageUp" => Some(KeyCode::PageUp.into()),
            "PageDown" => Some(KeyCode::PageDown.into()),
            "Delete" => Some(KeyCode::Delete.into()),
            "Backspace" => Some(KeyCode::Backspace.into()),
            "F1" => Some(KeyCode::F(1).into()),
            "F10" => Some(KeyCode::F(10).into()),
            "Ctrl-R" => Some(KeyEvent::new(KeyCode::Char('r'), KeyModifiers::CONTROL)),
            "Ctrl-U" => Some(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)),
            _ => None,
        };
        match named {
            Some(key) => wish = editor.on_key(key),
            None => {
                for letter in word.chars() {
                    wish = editor.on_key(KeyCode::Char(letter).into());
                }
            }
        }
    }
    wish
}

/// What is on the screen, without the blanks at the ends of lines.
fn picture(editor: &Editor, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| editor.view(frame, frame.area(), Look::new(false))).unwrap();
    let text = terminal.backend().to_string();
    // Behind wide letters the backend adds what they cover.
    let shown = |line: &str| line.split("\" Hidden by").next().unwrap().trim_matches('"').trim_end().to_owned();
    let lines = text.lines().map(shown);
    lines.collect::<Vec<_>>().join("\n")
}

/// The address of the chosen row.
fn chosen(editor: &Editor) -> String {
    editor.chosen().map(|row| side_text(row.primary)).unwrap_or_default()
}

fn note(editor: &Editor) -> &str {
    editor.note.as_deref().unwrap_or_default()
}

fn entries(editor: &Editor) -> Vec<String> {
    editor.table().entries().map(|entry| entry.to_string()).collect()
}

/// What the state column says of an address.
fn state(editor: &Editor, primary: &str) -> &'static str {
    let primary = crate::domain::translation::parse_side(primary).unwrap();
    editor.rows.all.iter().find(|row| row.key() == Key::of(primary)).map_or("not there", |row| row.state.text())
}

/// A system of two servers: most is mapped, and one of each problem is left.
fn small() -> Editor {
    Editor::new(small_given(), Purpose::Settings)
}

fn small_given() -> Given {
    let own = ["192.0.2.10/32", "192.0.2.11/32", "192.0.2.0/24"].map(net);
    let mut scan = Scan::of(&OwnNetworks(own.to_vec()));
    for (address, class, total, file, field) in [
        ("192.0.2.10", Class::Own, 14, "lim_server.csv", "address"),
        ("192.0.2.11", Class::Own, 9, "lim_server.csv", "address"),
        ("192.0.2.21", Class::Own, 3, "media_gateway.csv", "ip"),
        ("192.0.2.22", Class::Own, 3, "media_gateway.csv", "ip"),
        ("192.0.2.23", Class::Own, 1, "媒体网关计划.csv", "ip"),
        ("203.0.113.25", Class::Foreign, 2, "sip_route.csv", "uri0"),
        ("203.0.113.53", Class::Foreign, 40, "sip_route.csv", "proxyip"),
        ("10.1.7.7", Class::Foreign, 1, "snmp.csv", "manager"),
        ("2001:db8::53", Class::Foreign, 1, "dns.csv", "server"),
    ] {
        scan.addresses.insert(address.parse().unwrap(), found(class, total, file, Some(field)));
    }
    scan.networks.insert(net("172.16.8.0/24"), found(Class::Foreign, 1, "routes.csv", Some("network")));
    scan.elsewhere.insert("192.0.2.10".parse().unwrap(), found(Class::Own, 2, "scripts/start.sh", None));
    let table = table(&[
        "192.0.2.10 -> 198.51.100.10",
        "192.0.2.11 -> 198.51.100.11",
        "192.0.2.21 -> 198.51.100.21",
        "192.0.2.23 -> 198.51.100.21",
        "192.0.2.99 -> 198.51.100.99",
        "203.0.113.25 -> 203.0.113.25",
        "10.1.0.0/16 -> 10.2.0.0/16",
    ]);
    let alternate = vec![net("198.51.100.0/24")];
    Given { scan: Some(scan), table, alternate, mirror: Some("20261121-0130".to_owned()) }
}

/// 5,000 scanned addresses and 5,000 entries, most of which are right.
fn large() -> Editor {
    Editor::new(large_given(), Purpose::Settings)
}

fn large_given() -> Given {
    let mut scan = Scan::of(&OwnNetworks(vec![net("10.1.0.0/16")]));
    let mut table = TranslationTable::default();
    for number in 0..2_500_u32 {
        let own = Ipv4Addr::from(0x0a01_0000 + number + 1);
        let file = format!("lim_{}_gateway.csv", number % 124 + 1);
        scan.addresses.insert(own.into(), found(Class::Own, u64::from(number % 7 + 1), &file, Some("ip")));
        if number % 1_000 != 999 {
            table.set(host(own, Ipv4Addr::from(0x0a02_0000 + number + 1)));
        }
        let foreign = Ipv4Addr::from(0xac10_0000 + number * 3);
        scan.addresses.insert(foreign.into(), found(Class::Foreign, 1, "ip_extension.csv", Some("terminal")));
        table.set(host(foreign, foreign));
    }
    table.set("172.31.0.1 -> 172.31.0.1".parse().unwrap());
    table.set("172.31.0.2 -> 172.31.0.2".parse().unwrap());
    Given { scan: Some(scan), table, alternate: vec![net("10.2.0.0/16")], mirror: Some("20261121-0130".to_owned()) }
}

fn host(primary: Ipv4Addr, alternate: Ipv4Addr) -> TranslationEntry {
    TranslationEntry::host(IpAddr::V4(primary), IpAddr::V4(alternate)).unwrap()
}

fn table(rules: &[&str]) -> TranslationTable {
    rules.iter().map(|rule| rule.parse().unwrap()).collect()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn found(class: Class, total: u64, file: &str, field: Option<&str>) -> Found {
    let place = |line| Occurrence { file: file.to_owned(), line, field: field.map(str::to_owned) };
    Found { class, total, occurrences: (1..=total.min(20)).map(|number| place(number * 4)).collect() }
}
