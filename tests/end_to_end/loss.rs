//! A site that is lost, and what happens when it comes back.

use std::time::Instant;

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::lab::auditor::Auditor;
use super::lab::exchange::{GATEWAY_NUMBER, TRUNK_NUMBER};
use super::lab::host::wait_until;
use super::lab::sip;
use super::pair::Filter::{Blocked, Open};
use super::pair::{Pair, Wish, filter, lim1};

const FIRE: &[&str] = &["manual-takeover", "traffic-in-alternate", "--force", "--reason", "fire at the primary site"];

#[test]
fn a_primary_that_was_cut_off_during_a_forced_takeover_is_blocked_at_the_next_contact() {
    let pair = Pair::configured();
    pair.cut(Primary);
    let status = pair.run(&["status", "--json"]).ended_with(4);
    assert!(status.stdout.contains("\"unknown\""), "{status:?}");
    let refused = pair.run(&["manual-takeover", "traffic-in-alternate", "--yes"]).ended_with(3);
    assert!(refused.stderr.contains("--force --reason"), "{refused:?}");
    let no_reason = pair.run(&["manual-takeover", "traffic-in-alternate", "--yes", "--force"]).ended_with(2);
    assert!(no_reason.stderr.contains("--reason"), "{no_reason:?}");
    let begun = Instant::now();
    pair.must(FIRE);
    eprintln!("the forced takeover took {:?}", begun.elapsed());
    for number in [GATEWAY_NUMBER, TRUNK_NUMBER] {
        sip::call(pair.client(), lim1(Alternate), number).unwrap();
    }
    assert_eq!(pair.filters(Primary), [Open; 2], "nobody could reach it");

    let _monitor = pair.monitor();
    let auditor = Auditor::start(&pair.lab);
    pair.heal(Primary);
    let healed = auditor.now();
    wait_until("the primary is blocked", || pair.filters(Primary) == [Blocked; 2]);
    let contact = auditor.now();
    wait_until("the auditor has looked a while longer", || (auditor.now() - contact).as_millis() > 500);
    let story = auditor.stop();
    eprintln!("{:?} after its cable was back the primary is blocked", contact - healed);
    let after = story.between(contact, auditor_end(&story));
    after.never_two_live();
    assert!(!after.has_answer_of(Primary) && after.has_answer_of(Alternate), "{:?}", after.reigns());

    wait_until("the primary keeps the newer order", || {
        [1, 2].iter().all(|lim| order(&pair, *lim).contains("alternate"))
    });
    let history = pair.must(&["history"]).stdout;
    let told = history.lines().find(|line| line.contains("BOTH SITES WERE LIVE for at most")).unwrap_or(&history);
    let length = told.split("at most ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
    // From the moment at which the alternate was opened until the primary was blocked.
    let since = begun.elapsed().as_secs_f64();
    assert!(length.is_some_and(|length| length > 0.5 && length < since), "{since} {told}");
    let status = pair.status();
    assert_eq!((&status["active"], &status["primary"]["traffic"]), (&"alternate".into(), &"blocked".into()));
    pair.must(&["manual-takeover", "traffic-in-primary", "--reason", "the fire is out"]);
    assert_eq!(pair.traffic(), ["allowed", "blocked"]);
}

#[test]
fn a_primary_that_was_off_during_a_forced_takeover_boots_blocked_and_stays_so() {
    let pair = Pair::configured();
    pair.power_off(Primary);
    pair.must(FIRE);
    let auditor = Auditor::start(&pair.lab);
    pair.power_on(Primary);
    assert_eq!(pair.filters(Primary), [Blocked; 2], "the boot guard blocks it before anybody can ask");
    sip::call(pair.client(), lim1(Primary), GATEWAY_NUMBER).expect_err("it booted blocked");
    sip::call(pair.client(), lim1(Alternate), GATEWAY_NUMBER).unwrap();

    let monitor = pair.monitor();
    wait_until("the primary has learned the newer order", || {
        [1, 2].iter().all(|lim| order(&pair, *lim).contains("alternate"))
    });
    let learned = auditor.now();
    wait_until("two more rounds have gone by", || (auditor.now() - learned).as_secs() >= 5);
    assert_eq!(pair.filters(Primary), [Blocked; 2]);
    drop(monitor);
    let story = auditor.stop();
    assert!(!story.has_answer_of(Primary), "the primary let somebody in: {:?}", story.reigns());

    // Once more, and now it knows the order itself.
    pair.lab.restart(pair.lab.server(Primary, 1));
    assert_eq!(filter(pair.lab.server(Primary, 1)), Blocked);
    assert_eq!(pair.traffic(), ["blocked", "allowed"]);
}

#[test]
fn an_active_primary_that_restarts_is_open_again_within_seconds_of_the_monitor_reaching_it() {
    let pair = Pair::configured();
    let monitor = pair.monitor();
    for lim in [1, 2] {
        pair.lab.restart(pair.lab.server(Primary, lim));
    }
    let took = wait_until("the primary is open again", || pair.filters(Primary) == [Open; 2]);
    eprintln!("{took:?} after it was up the primary is open again");
    sip::call(pair.client(), lim1(Primary), GATEWAY_NUMBER).unwrap();
    assert_eq!(pair.traffic(), ["allowed", "blocked"]);
    monitor.signal("TERM");
    let told = monitor.finish().ok().stdout;
    assert!(told.contains("allow primary LIM") && told.contains("told to end"), "{told}");
}

#[test]
fn without_the_monitor_a_restarted_primary_stays_blocked_until_a_person_opens_it() {
    let pair = Pair::configured();
    for lim in [1, 2] {
        pair.lab.restart(pair.lab.server(Primary, lim));
    }
    let begun = Instant::now();
    wait_until("as long as the monitor would have needed", || begun.elapsed().as_secs() >= 4);
    assert_eq!(pair.traffic(), ["blocked", "blocked"]);
    assert!(pair.status()["verdict"].as_str().unwrap().starts_with("no service"));
    pair.must(&["manual-takeover", "traffic-in-primary", "--reason", "it was restarted"]);
    assert_eq!(pair.traffic(), ["allowed", "blocked"]);
    sip::call(pair.client(), lim1(Primary), GATEWAY_NUMBER).unwrap();
}

#[test]
fn an_active_alternate_that_restarts_with_the_primary_gone_waits_for_a_person() {
    let pair = Pair::configured();
    pair.power_off(Primary);
    pair.must(FIRE);
    pair.lab.restart(pair.seat());
    assert_eq!(pair.filters(Alternate), [Blocked, Open]);
    let monitor = pair.monitor();
    let begun = Instant::now();
    wait_until("two rounds have gone by", || begun.elapsed().as_secs() >= 5);
    assert_eq!(pair.filters(Alternate), [Blocked, Open], "nobody could confirm it");
    drop(monitor);
    pair.must(FIRE);
    assert_eq!(pair.filters(Alternate), [Open; 2]);
    sip::call(pair.client(), lim1(Alternate), GATEWAY_NUMBER).unwrap();
}

#[test]
fn where_open_was_chosen_an_active_alternate_opens_by_itself_after_the_grace() {
    let pair = Pair::configured_as(&Wish { boot: "boot_without_peer: open\nboot_grace: 3", ..Wish::default() });
    pair.power_off(Primary);
    pair.must(FIRE);
    // By the timer that was installed, with no program of ours.
    pair.lab.restart(pair.seat());
    assert_eq!(filter(pair.seat()), Blocked);
    wait_until("the timer has opened it", || filter(pair.seat()) == Open);
    sip::call(pair.client(), lim1(Alternate), GATEWAY_NUMBER).unwrap();
    // The primary keeps an order that says it is active; switched on alone, it would open as well: that was chosen.
    // The monitor blocks it before its grace is over.
    let _monitor = pair.monitor();
    pair.power_on(Primary);
    wait_until("the primary has learned the newer order", || {
        [1, 2].iter().all(|lim| order(&pair, *lim).contains("alternate"))
    });
    let begun = Instant::now();
    wait_until("its grace is long over", || begun.elapsed().as_secs() >= 5);
    assert_eq!(pair.filters(Primary), [Blocked; 2]);
}

fn order(pair: &Pair, lim: u8) -> String {
    pair.lab.server(Primary, lim).read("/var/lib/mxone_system_redundancy/order.json")
}

fn auditor_end(story: &super::lab::story::Story) -> std::time::Duration {
    story.probes.last().unwrap().sent
}
