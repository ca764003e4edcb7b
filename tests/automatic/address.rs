//! The service address: held by the live site, never by both, and known to the others at once.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};

use super::TAKEN_OVER_WITHIN;
use super::lab::Lab;
use super::lab::host::{Host, wait_until};
use super::pair::Pair;
use super::trio::{Trio, Wanted};

/// Each with the length of its network.
const SERVICE: [&str; 2] = ["10.99.0.50/24", "2001:db8:99::50/64"];

#[test]
fn the_service_address_is_where_the_live_site_is_and_never_at_both() {
    let trio = Trio::of(&Wanted { service_address: SERVICE.to_vec(), ..Wanted::default() });
    let (lab, client) = (&trio.pair.lab, trio.pair.lab.client());
    client.sh("ip address add 10.99.0.9/24 dev svc0; ip -6 address add 2001:db8:99::9/64 dev svc0 nodad");
    let watch = Watch::over(lab);
    wait_until("the primary holds it", || held(lab, Primary) == 2);
    let shown = trio.first(Primary).must(&["ip", "address", "show", "dev", "svc0"]);
    assert!(shown.matches("valid_lft 1sec").count() == 2, "it ends: {shown}");
    known_at(client, trio.first(Primary), "at first", || {
        let _answered_or_not = client.run(&["ping", "-c", "1", "-W", "1", "10.99.0.50"]);
        let _answered_or_not = client.run(&["ping", "-c", "1", "-W", "1", "2001:db8:99::50"]);
    });

    let story = trio.pair.audited(|| {
        trio.monitor(Primary).signal("STOP");
        lab.cut(trio.first(Primary));
        lab.joined(trio.first(Primary), "down");
        let taken = wait_until("the alternate holds it", || held(lab, Alternate) == 2);
        eprintln!("held by the alternate after {taken:?}");
        assert!(taken < TAKEN_OVER_WITHIN, "{taken:?}");
        assert_eq!(held(lab, Primary), 0, "no process is needed to give it up");
        known_at(client, trio.first(Alternate), "after the takeover", || {});

        // Whoever learnt a wrong place meanwhile is told after the heal.
        trio.monitor(Primary).signal("CONT");
        std::thread::sleep(Duration::from_secs(12));
        mislead(client);
        lab.heal(trio.first(Primary));
        lab.joined(trio.first(Primary), "up");
        trio.wait_agreed();
        known_at(client, trio.first(Alternate), "after the heal", || {});
        assert_eq!((held(lab, Primary), held(lab, Alternate)), (0, 2));

        trio.brought_back();
        wait_until("the primary holds it", || held(lab, Primary) == 2 && held(lab, Alternate) == 0);
        known_at(client, trio.first(Primary), "after the hand-over", || {});
    });
    story.live_in_turn(&[Primary, Alternate, Primary]);
    let (looks, both) = watch.end();
    eprintln!("looked {looks} times");
    assert!(looks > 200 && both == 0, "held by both in {both} of {looks} looks");

    let refused = trio.pair.run(&["settings", "service-address", "--remove"]);
    assert_eq!(refused.status.code(), Some(3), "each monitor goes by the file that it was started with");
}

#[test]
fn a_takeover_by_hand_moves_the_service_address_and_removing_it_takes_it_from_both() {
    let pair = Pair::configured_with(1);
    let lab = &pair.lab;
    lab.join(&[lab.server(Primary, 1), lab.server(Alternate, 1), lab.client()]);
    let refused = |words: &[&str], because: &str| {
        let done = pair.run(&[&["settings", "service-address"], words].concat());
        assert_eq!(done.status.code(), Some(2), "{words:?} {}", done.stderr);
        assert!(done.stderr.contains(because), "{words:?} {}", done.stderr);
    };
    refused(&["192.0.2.10/24", "--interface", "svc0"], "192.0.2.10 is the address of a server");
    refused(&["203.0.113.1/24", "--interface", "svc0"], "203.0.113.1 is the address of a server or a network control");
    refused(&["10.99.0.50/24", "--interface", "svc7"], "has no network interface svc7");
    refused(&["10.99.0.50/24"], "--interface is missing");

    let set = |address| pair.must(&["settings", "service-address", address, "--interface", "svc0"]);
    for address in SERVICE {
        set(address);
    }
    let listed = pair.must(&["settings", "service-address"]).stdout;
    assert_eq!(listed, "10.99.0.50/24 on svc0\n2001:db8:99::50/64 on svc0\n");
    assert_eq!((held(lab, Primary), held(lab, Alternate)), (2, 0));
    // As after a restart.
    lab.server(Primary, 1).must(&["ip", "address", "flush", "dev", "svc0"]);
    set(SERVICE[0]);
    assert_eq!((held(lab, Primary), held(lab, Alternate)), (2, 0));
    let watch = Watch::over(lab);
    for (word, live) in [("traffic-in-alternate", Alternate), ("traffic-in-primary", Primary)] {
        pair.must(&["manual-takeover", word]);
        assert_eq!((held(lab, live), held(lab, live.other())), (2, 0), "{word}");
    }
    assert_eq!(watch.end().1, 0);

    pair.must(&["settings", "service-address", SERVICE[0], "--remove"]);
    assert_eq!((held(lab, Primary), held(lab, Alternate)), (1, 0));
    pair.must(&["settings", "service-address", "--remove"]);
    assert_eq!((held(lab, Primary), held(lab, Alternate)), (0, 0));
    assert_eq!(pair.must(&["settings", "service-address"]).stdout, "no service address is set\n");
}

/// How many of the service addresses LIM 1 of a site holds.
fn held(lab: &Lab, site: Site) -> usize {
    held_in(&lab.server(site, 1).namespace.name)
}

fn held_in(namespace: &str) -> usize {
    let output = Command::new("ip").args(["-n", namespace, "-o", "address", "show"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    SERVICE.iter().filter(|address| text.contains(&format!(" {address} "))).count()
}

/// Waits until the client knows the service addresses to be at this server.
fn known_at(client: &Host, server: &Host, when: &str, meanwhile: impl Fn()) {
    let card = server.must(&["cat", "/sys/class/net/svc0/address"]);
    wait_until(&format!("the client knows where it is {when}"), || {
        meanwhile();
        let known = client.must(&["ip", "neigh", "show", "dev", "svc0"]);
        let is_at = |address: &&str| {
            let begins = format!("{} lladdr {}", address.split('/').next().unwrap(), card.trim());
            known.lines().any(|line| line.starts_with(&begins))
        };
        SERVICE.iter().all(is_at)
    });
}

/// Has the client believe in a machine that is not there.
fn mislead(client: &Host) {
    for address in ["10.99.0.50", "2001:db8:99::50"] {
        client.must(&["ip", "neigh", "replace", address, "lladdr", "02:00:00:00:00:99", "dev", "svc0", "nud", "stale"]);
    }
}

/// Looks again and again who holds the addresses.
struct Watch {
    going: Arc<AtomicBool>,
    seen: Arc<[AtomicUsize; 2]>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    fn over(lab: &Lab) -> Self {
        let sites = [Primary, Alternate].map(|site| lab.server(site, 1).namespace.name.clone());
        let going = Arc::new(AtomicBool::new(true));
        let seen: Arc<[AtomicUsize; 2]> = Arc::default();
        let (still, counted) = (Arc::clone(&going), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            while still.load(Ordering::Relaxed) {
                let [primary, alternate] = &sites;
                // Asked twice, so that one that gave it up between two looks is none that holds it.
                let both = held_in(primary) > 0 && held_in(alternate) > 0 && held_in(primary) > 0;
                counted[0].fetch_add(1, Ordering::Relaxed);
                counted[1].fetch_add(usize::from(both), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { going, seen, thread: Some(thread) }
    }

    /// How often was looked, and how often both held one.
    fn end(mut self) -> (usize, usize) {
        self.going.store(false, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        (self.seen[0].load(Ordering::Relaxed), self.seen[1].load(Ordering::Relaxed))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.going.store(false, Ordering::Relaxed);
    }
}
