//! What people are told of a takeover: asked of `events`, which the monitor alone writes.

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};
use serde_json::Value;

use super::lab::host::wait_until;
use super::trio::Trio;

#[test]
fn after_a_pulled_cable_the_lost_primary_and_the_change_of_role_are_told_once_each_and_its_end_after_the_heal() {
    let trio = Trio::started();
    let count = |of: &Value, kind: &str, alarm: &str| {
        let events = of["events"].as_array().unwrap();
        events.iter().filter(|event| event["kind"] == kind && event["alarm"] == alarm).count()
    };
    assert!(!raised(&trio).contains(&"peer-lost".to_owned()), "{:?}", raised(&trio));
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut(trio.first(Primary));
        trio.wait_live(Alternate);
        wait_until("the primary is told as lost", || raised(&trio).contains(&"peer-lost".to_owned()));
        trio.restart("alternate");
        wait_until("the monitor works again", || trio.is_live(Alternate));
        std::thread::sleep(std::time::Duration::from_secs(5));
        let told = events(&trio);
        assert_eq!(count(&told, "alarm-raised", "peer-lost"), 1, "a restart tells nothing again: {told}");
        assert_eq!(count(&told, "alarm-cleared", "peer-lost"), 0, "nor its end: {told}");
        let live = |event: &&Value| event["kind"] == "role-changed" && event["text"].to_string().contains("is live");
        assert!(told["events"].as_array().unwrap().iter().any(|event| live(&event)), "{told}");
        trio.pair.lab.heal(trio.first(Primary));
        wait_until("the primary is back", || !raised(&trio).contains(&"peer-lost".to_owned()));
    });
    story.live_in_turn(&[Primary, Alternate]);
    let told = events(&trio);
    assert_eq!(count(&told, "alarm-cleared", "peer-lost"), 1, "{told}");
    assert!(raised(&trio).contains(&"takeover-suspended".to_owned()), "nobody acknowledged it: {:?}", raised(&trio));
    trio.order(Alternate, &["acknowledge"]);
    wait_until("the guard is over", || !raised(&trio).contains(&"takeover-suspended".to_owned()));
}

#[test]
fn a_lost_witness_is_told_while_the_service_runs_on_and_so_is_its_return() {
    let trio = Trio::started();
    let story = trio.pair.audited(|| {
        trio.pair.lab.cut(trio.witness_host());
        wait_until("the witness is told as lost", || raised(&trio).contains(&"witness-lost".to_owned()));
        assert!(trio.is_live(Primary) && !trio.is_live(Alternate));
        let status: Value = serde_json::from_str(&trio.pair.run(&["status", "--json"]).stdout).unwrap();
        assert!(status["alarms_raised"].as_array().unwrap().contains(&"witness-lost".into()), "{status}");
        trio.pair.lab.heal(trio.witness_host());
        wait_until("the witness is back", || !raised(&trio).contains(&"witness-lost".to_owned()));
    });
    story.live_in_turn(&[Primary]);
}

/// What `events` tells at the alternate.
fn events(trio: &Trio) -> Value {
    serde_json::from_str(&trio.pair.must(&["events", "--last", "1000", "--json"]).stdout).unwrap()
}

/// The names of the alarms that are raised there.
fn raised(trio: &Trio) -> Vec<String> {
    let told = events(trio);
    told["raised"].as_array().unwrap().iter().map(|raised| raised["alarm"].as_str().unwrap().to_owned()).collect()
}
