//! After the line between the sites comes back, both journals are compared.

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};
use serde_json::Value;

use super::lab::host::wait_until;
use super::trio::Trio;

#[test]
fn after_a_heal_both_journals_are_compared_and_an_overlap_is_told_with_its_times_and_length() {
    let trio = Trio::started();
    let line = (trio.first(Primary), trio.first(Alternate));
    trio.pair.lab.cut(line.0);
    trio.wait_live(Alternate);
    trio.pair.lab.heal(line.0);
    let history = || trio.history(Alternate);
    wait_until("a clean heal is told", || history().contains("were never live at once"));
    assert!(!history().contains("BOTH SITES WERE LIVE"), "{}", history());

    let reigns = |site| trio.state(site)["reigns"].as_array().cloned().unwrap_or_default();
    let (ours, theirs) = (reigns(Alternate), reigns(Primary));
    assert!(!ours.is_empty() && !theirs.is_empty(), "{ours:?} {theirs:?}");

    // Nothing makes two sites live at once here; so the primary is made to remember a longer reign than it had.
    let place = "/var/lib/mxone_system_redundancy/reigns.json";
    let mut longer: Value = serde_json::from_str(&line.0.read(place)).unwrap();
    let last = longer.as_array_mut().unwrap().last_mut().unwrap();
    last["until"] = ours.last().unwrap()["until"].clone();
    line.0.write(place, &longer.to_string());
    trio.restart("primary");
    wait_until("the overlap is told", || history().contains("BOTH SITES WERE LIVE for"));
}
