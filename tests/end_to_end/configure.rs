//! Setting a pair up.

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::lab::exchange::{GATEWAY_NUMBER, PHONE_NUMBER, TRUNK_NUMBER};
use super::lab::sip;
use super::lab::{Flavour, LabOptions};
use super::pair::Filter::{Blocked, Open};
use super::pair::{Pair, Wish, lim1};

#[test]
fn a_pair_configured_from_an_answers_file_is_normal_and_only_the_primary_serves() {
    let pair = Pair::new(Flavour::Kamailio);
    assert_eq!(pair.run(&["status"]).code(), 5, "not configured yet");
    let _configured = pair.configure(&Wish::default()).ok();

    let status = pair.status();
    assert_eq!(status["configured"], true, "{status:#}");
    assert_eq!(status["active"], "primary");
    assert_eq!(status["guarantee"], "manual");
    assert_eq!(status["primary"]["traffic"], "allowed");
    assert_eq!(status["alternate"]["traffic"], "blocked");
    assert_eq!(status["network_control_address"][0]["from_primary"], true);
    assert_eq!(status["network_control_address"][0]["from_alternate"], true);
    assert!(status["mirror"]["loaded_at"].is_string(), "{status:#}");
    assert!(status["verdict"].as_str().unwrap().starts_with("normal"), "{status:#}");

    assert_eq!((pair.filters(Primary), pair.filters(Alternate)), ([Open; 2], [Blocked; 2]));
    let _phone = sip::phone(pair.client(), lim1(Primary), PHONE_NUMBER).unwrap();
    for number in [PHONE_NUMBER, GATEWAY_NUMBER, TRUNK_NUMBER] {
        sip::call(pair.client(), lim1(Primary), number).unwrap();
        sip::call(pair.client(), lim1(Alternate), number).expect_err("the alternate is blocked");
    }
    sip::register(pair.client(), lim1(Alternate), PHONE_NUMBER, 40_000).expect_err("the alternate is blocked");
}

/// Asks the primary how its clusters fall back.
const FALLBACK: &str = r"facts:
  automatic_fallback:
    query:
      run: [cat, /var/opt/lab/fallback]
      read: {lines: {pattern: '^type (?P<type>\w+)$', pick: first}}
    expect: {type: automatic}
";

#[test]
fn clusters_that_do_not_fall_back_by_themselves_are_no_hindrance_unless_the_primary_is_to_take_over_by_itself() {
    let pair = Pair::of(LabOptions { servers: 1, call_servers: 1, ..LabOptions::default() });
    let profile = include_str!("../../src/lab/platform.yaml").replacen("facts:\n", FALLBACK, 1);
    pair.seat().write("/etc/mxone_system_redundancy/platforms/lab.yaml", &profile);
    pair.lab.server(Primary, 1).write("/var/opt/lab/fallback", "type manual\n");
    let takeover = "takeover: {alternate-from-primary: manual, primary-from-alternate: automatic}";
    let refused = pair.configure(&Wish { takeover, ..Wish::default() }).ended_with(3);
    assert!(refused.stderr.contains("automatic-fallback: "), "{refused:?}");
    let _configured = pair.configure(&Wish::default()).ok();
}
