//! Exchange data on their way from the primary into the alternate.

use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::lab::Flavour;
use super::lab::exchange::{DATA, GATEWAY_NUMBER, TRUNK_NUMBER};
use super::lab::host::wait_until;
use super::lab::sip;
use super::pair::Filter::Open;
use super::pair::{Pair, Wish, lim1};

const NEW_NUMBER: &str = "1002";

#[test]
fn a_change_at_the_primary_is_at_the_alternate_after_a_copy_and_counts_after_a_takeover() {
    let pair = Pair::configured();
    pair.add_number(NEW_NUMBER);
    pair.must(&["data", "copy"]);
    for lim in [1, 2] {
        let loaded = pair.lab.server(Alternate, lim).read(&format!("{DATA}/extensions.csv"));
        assert!(loaded.contains("1002,Carla,198.51.100.20"), "LIM {lim}: {loaded}");
        assert!(!loaded.contains("192.0.2."), "LIM {lim}: {loaded}");
    }
    assert_eq!(pair.traffic(), ["allowed", "blocked"]);
    let mirrors = pair.must(&["data", "mirrors", "list"]).stdout;
    assert_eq!(mirrors.lines().count(), 2, "{mirrors}");

    pair.must(&["manual-takeover", "traffic-in-alternate"]);
    for number in [NEW_NUMBER, GATEWAY_NUMBER, TRUNK_NUMBER] {
        sip::call(pair.client(), lim1(Alternate), number).unwrap();
    }

    // The alternate is active now: that nothing is copied is an outcome, and it is written down.
    let copied = pair.must(&["data", "copy"]);
    assert!(copied.stdout.contains("not done: the alternate is active"), "{copied:?}");
    assert!(pair.must(&["history"]).stdout.contains("not done: the alternate is active"));
}

#[test]
fn a_wrong_translation_is_a_call_that_fails_after_the_takeover() {
    let wrong = r#"{192.0.2.20: 198.51.100.21, 192.0.2.0/24: 198.51.100.0/24, "2001:db8:1::/64": "2001:db8:2::/64"}"#;
    let pair = Pair::configured_as(&Wish { translation: wrong, ..Wish::default() });
    pair.must(&["manual-takeover", "traffic-in-alternate"]);
    sip::call(pair.client(), lim1(Alternate), TRUNK_NUMBER).unwrap();
    sip::call(pair.client(), lim1(Alternate), GATEWAY_NUMBER).expect_err("nobody is at that address");

    // Set right, it counts from the next load on.
    pair.must(&["manual-takeover", "traffic-in-primary"]);
    pair.must(&["settings", "translation", "set", "192.0.2.20=198.51.100.20"]);
    pair.must(&["data", "mirrors", "load"]);
    pair.must(&["manual-takeover", "traffic-in-alternate"]);
    sip::call(pair.client(), lim1(Alternate), GATEWAY_NUMBER).unwrap();
}

#[test]
fn own_addresses_without_translation_are_named_and_nothing_is_changed() {
    let pair = Pair::new(Flavour::Kamailio);
    let wish = Wish { translation: "{192.0.2.10/31: 198.51.100.10/31}", ..Wish::default() };
    let refused = pair.configure(&wish).ended_with(3);
    assert!(refused.stderr.contains("192.0.2.20"), "{refused:?}");
    assert_eq!(pair.run(&["status"]).code(), 5);
    assert_eq!((pair.filters(Primary), pair.filters(Alternate)), ([Open; 2], [Open; 2]));
    assert_eq!(pair.lab.server(Alternate, 1).must(&["lab-status"]), "load 0 backup none\n");
}

#[test]
fn the_monitor_copies_once_at_its_time_and_not_while_the_alternate_is_active() {
    let pair = Pair::configured();
    pair.add_number(NEW_NUMBER);
    let outcomes = |what: &str| pair.must(&["history", "--last", "1000"]).stdout.matches(what).count();
    let copies = || outcomes("  data copy  by monitor");
    let _monitor = pair.monitor();

    pair.must(&["data", "auto", "create", "--schedule", &in_seconds(&pair, 4), "--zone", "UTC"]);
    let status = pair.status();
    assert!(status["auto_copy"]["next"].is_string(), "{status:#}");
    wait_until("the copy is over", || pair.status()["auto_copy"]["last_result"].is_string());
    let told = pair.status()["auto_copy"]["last_result"].clone();
    assert!(told.as_str().unwrap().starts_with("done"), "{told}");
    assert!(pair.seat().read(&format!("{DATA}/extensions.csv")).contains("1002,Carla,198.51.100.20"));
    assert_eq!(copies(), 1);
    wait_until("the monitor has seen its end", || pair.status()["running"].is_null());

    pair.must(&["manual-takeover", "traffic-in-alternate"]);
    pair.must(&["data", "auto", "change", "--schedule", &in_seconds(&pair, 4)]);
    wait_until("the next time has come", || copies() == 2);
    assert_eq!(outcomes("not done: the alternate is active"), 1);
    let told = pair.status()["auto_copy"]["last_result"].clone();
    assert!(told.as_str().unwrap().starts_with("not done"), "{told}");
    assert_eq!(pair.seat().must(&["lab-status"]).lines().count(), 2, "configure and one copy have loaded");
}

#[test]
fn an_mxone_pair_is_configured_copied_and_taken_over_with_the_built_in_profile() {
    let pair = Pair::new(Flavour::Mxone);
    let wish = Wish { platform: "mxone", user: "mxone_admin", ..Wish::default() };
    pair.seat_key_for_mxone_admin();
    let _configured = pair.configure(&wish).ok();
    let status = pair.status();
    assert!(status["verdict"].as_str().unwrap().starts_with("normal"), "{status:#}");
    assert_eq!(status["primary"]["version"], status["alternate"]["version"]);

    pair.back_up(Flavour::Mxone);
    pair.must(&["data", "copy"]);
    let rows = pair.seat().must(&["status", "-system"]);
    assert!(rows.lines().filter(|line| line.starts_with("Data Reload  ")).count() >= 2, "{rows}");
    pair.must(&["manual-takeover", "traffic-in-alternate"]);
    for number in [GATEWAY_NUMBER, TRUNK_NUMBER] {
        sip::call(pair.client(), lim1(Alternate), number).unwrap();
    }
    pair.must(&["manual-takeover", "traffic-in-primary"]);
    assert_eq!(pair.traffic(), ["allowed", "blocked"]);
}

/// A cron expression with seconds for a moment this much later, once a day.
fn in_seconds(pair: &Pair, later: u64) -> String {
    let then = Duration::from_secs(later).as_secs();
    pair.seat().must(&["date", "-u", "-d", &format!("now + {then} seconds"), "+%-S %-M %-H * * *"]).trim().to_owned()
}
