//! Taking redundancy apart: `remove` in each of its cases, and the three examples of `help terminating`.

use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};

use super::lab::exchange::GATEWAY_NUMBER;
use super::lab::host::{Done, Host};
use super::lab::sip;
use super::pair::Filter::{Blocked, Open};
use super::pair::{Pair, lim1};

const GUARD: &str = "/etc/systemd/system/sysinit.target.wants/mxone-redundancy-guard.service";
const ORDER: &str = "/var/lib/mxone_system_redundancy/order.json";
const BURNED: &[&str] = &["--override", "--reason", "the alternate site burned down", "--yes"];

#[test]
fn removing_with_the_primary_active_leaves_it_serving_and_the_alternate_blocked_until_it_boots() {
    let pair = Pair::configured();
    let planned = pair.run(&["remove", "--dry-run"]).ok();
    assert!(planned.stdout.contains("take the boot guard off"), "{planned:?}");
    let removed = pair.must(&["remove"]);
    assert!(!removed.stderr.contains("reload the active system"), "{removed:?}");
    assert!(removed.stderr.contains("alternate LIM 1-2 stay blocked"), "{removed:?}");
    nothing_is_left(&pair, &[Primary, Alternate]);
    assert_eq!((pair.filters(Primary), pair.filters(Alternate)), ([Open; 2], [Blocked; 2]));
    sip::call(pair.client(), lim1(Primary), GATEWAY_NUMBER).unwrap();

    pair.lab.restart(pair.lab.server(Primary, 1));
    pair.lab.restart(pair.lab.server(Alternate, 2));
    assert_eq!((pair.filters(Primary), pair.filters(Alternate)), ([Open; 2], [Blocked, Open]));
}

#[test]
fn removing_with_the_alternate_active_warns_of_configuring_again() {
    let pair = Pair::configured();
    pair.must(&["manual-takeover", "traffic-in-alternate"]);
    let removed = pair.must(&["remove"]);
    assert!(removed.stderr.contains("would reload the active system"), "{removed:?}");
    assert!(removed.stderr.contains("primary LIM 1-2 stay blocked"), "{removed:?}");
    nothing_is_left(&pair, &[Primary, Alternate]);
    assert_eq!((pair.filters(Primary), pair.filters(Alternate)), ([Blocked; 2], [Open; 2]));
    sip::call(pair.client(), lim1(Alternate), GATEWAY_NUMBER).unwrap();
}

#[test]
fn removing_with_both_open_is_refused_until_one_is_blocked() {
    let pair = Pair::configured();
    for lim in [1, 2] {
        let _allowed = allow_by_hand(pair.lab.server(Alternate, lim)).ok();
    }
    assert!(pair.status()["verdict"].as_str().unwrap().starts_with("DUAL ACTIVE"));
    assert_eq!(pair.status()["guarantee"], "lost");
    let refused = pair.run(&["remove", "--yes"]).ended_with(3);
    assert!(refused.stderr.contains("both systems let traffic in"), "{refused:?}");
    assert!(pair.lab.server(Primary, 1).has(GUARD));
    pair.must(&["manual-takeover", "traffic-in-primary"]);
    assert_eq!(pair.traffic(), ["allowed", "blocked"]);
    pair.must(&["remove"]);
    nothing_is_left(&pair, &[Primary, Alternate]);
}

#[test]
fn removing_with_the_primary_gone_says_what_stays_there() {
    let pair = Pair::configured();
    pair.power_off(Primary);
    pair.must(&["manual-takeover", "traffic-in-alternate", "--force", "--reason", "fire"]);
    let removed = pair.must(&["remove"]);
    assert!(removed.stderr.contains("primary LIM 1-2 do not answer and keep the boot guard"), "{removed:?}");
    nothing_is_left(&pair, &[Alternate]);
    assert_eq!(pair.filters(Alternate), [Open; 2]);

    // What stayed there is what it was said to be, and goes as it was said to go.
    pair.power_on(Primary);
    assert_eq!(pair.filters(Primary), [Blocked; 2]);
    for lim in [1, 2] {
        let why = ["uninstall", "--override", "--reason", "redundancy was removed", "--yes"];
        let _done = Pair::maintenance(pair.lab.server(Primary, lim), &why).ok();
    }
    nothing_is_left(&pair, &[Primary]);
    assert_eq!(pair.filters(Primary), [Open; 2]);
}

#[test]
fn example_1_both_systems_are_up_and_the_primary_stays() {
    let pair = Pair::configured();
    pair.must(&["manual-takeover", "traffic-in-alternate"]);
    for direction in ["alternate-from-primary", "primary-from-alternate"] {
        pair.must(&["settings", "takeover", direction, "manual"]);
    }
    pair.must(&["manual-takeover", "traffic-in-primary"]);
    pair.must(&["remove"]);
    // Its telephony is stopped for good before our rules, which are all that keeps callers out, are taken away.
    for lim in [1, 2] {
        let server = pair.lab.server(Alternate, lim);
        server.sh("kill $(cat /run/kamailio/lab.pid)");
        let _done = Pair::maintenance(server, &["uninstall", "--reason", "redundancy is terminated", "--yes"]).ok();
    }
    assert_eq!(pair.filters(Alternate), [Open; 2]);
    nothing_is_left(&pair, &[Alternate, Primary]);
    assert_eq!(pair.filters(Primary), [Open; 2]);
    sip::call(pair.client(), lim1(Primary), GATEWAY_NUMBER).unwrap();
}

#[test]
fn a_passive_server_that_is_uninstalled_too_early_lets_traffic_in_and_holds_the_removal_up() {
    let pair = Pair::configured();
    let why = ["uninstall", "--override", "--reason", "too early", "--yes"];
    let _done = Pair::maintenance(pair.lab.server(Alternate, 2), &why).ok();
    let refused = pair.run(&["remove", "--yes"]).ended_with(3);
    assert!(refused.stderr.contains("both systems let traffic in"), "{refused:?}");
    pair.must(&["manual-takeover", "traffic-in-primary"]);
    pair.must(&["remove"]);
    nothing_is_left(&pair, &[Primary, Alternate]);
}

#[test]
fn example_2_the_alternate_is_destroyed_and_the_blocked_primary_is_opened_by_hand() {
    let pair = Pair::configured();
    pair.must(&["manual-takeover", "traffic-in-alternate"]);
    pair.power_off(Alternate);
    sip::call(pair.client(), lim1(Primary), GATEWAY_NUMBER).expect_err("it is blocked");
    for lim in [1, 2] {
        let server = pair.lab.server(Primary, lim);
        let plain = Pair::maintenance(server, &["more_configuration", "iptables", "remove", "--yes"]).ended_with(3);
        assert!(plain.stderr.contains("--override"), "{plain:?}");
        let listed = Pair::maintenance(server, &["more_configuration", "iptables", "list"]).ok();
        assert!(listed.stdout.to_lowercase().contains("block"), "{listed:?}");
        let _done = Pair::maintenance(server, &[&["more_configuration", "iptables", "remove"], BURNED].concat()).ok();
    }
    assert_eq!(pair.filters(Primary), [Open; 2]);
    sip::call(pair.client(), lim1(Primary), GATEWAY_NUMBER).unwrap();
    // Its guard is still there, so it boots blocked; the alternate never comes back, so all of ours goes.
    pair.lab.restart(pair.lab.server(Primary, 2));
    assert_eq!(pair.filters(Primary), [Open, Blocked]);
    for lim in [1, 2] {
        let _done = Pair::maintenance(pair.lab.server(Primary, lim), &[&["uninstall"], BURNED].concat()).ok();
    }
    nothing_is_left(&pair, &[Primary]);
    pair.lab.restart(pair.lab.server(Primary, 1));
    assert_eq!(pair.filters(Primary), [Open; 2]);
    let history = pair.lab.server(Primary, 1).read("/var/log/mxone_system_redundancy/history.jsonl");
    assert!(history.contains("the alternate site burned down"), "{history}");
}

#[test]
fn example_3_the_primary_is_destroyed_and_the_alternate_stays() {
    let pair = Pair::configured();
    pair.power_off(Primary);
    for direction in ["alternate-from-primary", "primary-from-alternate"] {
        pair.must(&["settings", "takeover", direction, "manual"]);
    }
    pair.must(&["manual-takeover", "traffic-in-alternate", "--force", "--reason", "the primary burned down"]);
    pair.must(&["remove"]);
    nothing_is_left(&pair, &[Alternate]);
    for lim in [1, 2] {
        pair.lab.restart(pair.lab.server(Alternate, lim));
    }
    assert_eq!(pair.filters(Alternate), [Open; 2]);
    sip::call(pair.client(), lim1(Alternate), GATEWAY_NUMBER).unwrap();
}

fn allow_by_hand(server: &Host) -> Done {
    let words = ["more_configuration", "iptables", "remove", "--override", "--reason", "a person knows", "--yes"];
    Pair::maintenance(server, &words)
}

/// Neither guard nor order is on the servers of these sites, nor a configuration at the seat.
fn nothing_is_left(pair: &Pair, sites: &[Site]) {
    for site in sites {
        for lim in [1, 2] {
            let server = pair.lab.server(*site, lim);
            let ours = server.sh("find /etc/systemd /etc/mxone_system_redundancy -name '*mxone*redundancy*' -type l -o -name '*guard*' -path '*redundancy*' 2>/dev/null; true");
            assert_eq!(ours, "", "LIM {lim} of the {site}");
            assert!(!server.has(GUARD) && !server.has(ORDER), "LIM {lim} of the {site}");
        }
    }
    if sites.contains(&Alternate) {
        assert_eq!(pair.run(&["status"]).code(), 5);
    }
}
