//! Set up, used and taken out by the commands of the help page alone.

use std::time::{Duration, Instant};

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::lab::host::{Host, Running, wait_until};
use super::lab::{Flavour, LabOptions};
use super::pair::{Filter, Pair, Wish, filter};
use super::trio::{is_timed, lets_pass};

/// The program, as a shell finds it.
pub const PROGRAM: &str = "mxone_system_redundancy";
const LEASE: &str = "/etc/mxone_system_redundancy/lease";
const UNIT: &str = "/etc/systemd/system/mxone-system-redundancy-monitor.service";
const ORDER: &str = "/var/lib/mxone_system_redundancy/order.json";
/// Where a shell on the primary may find the program.
const PLACES: &str = "/usr/bin/mxone_system_redundancy /usr/local/bin/mxone_system_redundancy";

#[test]
fn automatic_takeover_is_set_up_put_in_force_used_and_taken_out_by_commands() {
    let options = LabOptions { servers: 1, call_servers: 1, flavour: Flavour::Kamailio, ..LabOptions::default() };
    let pair = Pair::of(options);
    let _configured = pair.configure(&Wish::default()).ok();
    let (primary, alternate, witness) = (pair.lab.server(Primary, 1), pair.seat(), pair.lab.host("trunk"));
    let lease = |host: &Host| host.run(&[PROGRAM, "lease"]).stdout;

    let refused = pair.run(&["settings", "witness"]).ended_with(2);
    assert!(refused.stderr.contains("Who has the third vote?") && refused.stderr.contains("ADDRESS"), "{refused:?}");
    let early = pair.run(&["lease"]).ended_with(5);
    assert!(early.stderr.contains("no voter works on this machine"), "{early:?}");

    let address = witness.v4.to_string();
    let short = pair.run(&["settings", "witness", &address, "--timing", "0.5/3/3"]).ended_with(2);
    assert!(short.stderr.contains("timing: ") && short.stderr.contains("3.4"), "it tells what would do: {short:?}");
    let words = ["settings", "witness", &address, "--witness-file", "/root/witness.yaml", "--timing", "fast"];
    let planned = pair.run(&[&words[..], &["--dry-run"]].concat()).ok();
    assert!(planned.stdout.contains(&format!("with the witness at {address}:9527")), "{planned:?}");
    let unconfirmed = pair.run(&words).ended_with(2);
    assert!(unconfirmed.stderr.contains("--yes"), "{unconfirmed:?}");
    assert!(!primary.has("/etc/mxone_system_redundancy/lease"), "nothing was confirmed");
    let set_up = pair.must(&words);
    assert!(
        set_up.stderr.contains("start its monitor there by hand"),
        "systemd does not run in a lab host: {set_up:?}"
    );
    for (host, file) in [(primary, "/etc/mxone_system_redundancy/lease"), (alternate, "/root/witness.yaml")] {
        let mode = host.sh(&format!("stat -c %a {file}"));
        assert!(["700", "600"].contains(&mode.trim()), "others could read the keys: {file} {mode}");
    }
    let again = pair.run(&["settings", "witness", &address]).ended_with(3);
    assert!(again.stderr.contains("set up already"), "{again:?}");
    let switch = pair.run(&["manual-takeover", "traffic-in-alternate", "--yes"]).ended_with(3);
    assert!(switch.stderr.contains("its monitor does not run here"), "nobody switches behind the voters: {switch:?}");

    witness.write_mode("/etc/mxone_system_redundancy/lease/lease.yaml", &alternate.read("/root/witness.yaml"), 0o600);
    let running: Vec<Running> = vec![
        witness.spawn(&[PROGRAM, "witness"]),
        primary.spawn(&[PROGRAM, "monitor"]),
        alternate.spawn(&[PROGRAM, "monitor"]),
    ];
    wait_until("both monitors answer", || !lease(primary).is_empty() && !lease(alternate).is_empty());
    assert!(lease(primary).contains("MANUAL"), "nothing is automatic before a person says so:\n{}", lease(primary));

    let told = pair.run(&["settings", "takeover", "alternate-from-primary", "automatic"]).ok();
    assert!(told.stderr.contains("guarantee: AT MOST ONE LIVE"), "{told:?}");
    wait_until("the primary is armed", || {
        primary.run(&["nft", "list", "table", "inet", "mxone_redundancy"]).stdout.contains("expires")
    });
    let refused = pair.run(&["settings", "witness", "--remove"]).ended_with(3);
    assert!(refused.stderr.contains("make both directions manual first"), "{refused:?}");
    let refused = pair.run(&["remove", "--yes"]).ended_with(3);
    assert!(refused.stderr.contains("make both directions manual first"), "{refused:?}");
    let refused = pair.run(&["settings", "network-control-address", "203.0.113.2", "--yes"]).ended_with(3);
    assert!(refused.stderr.contains("settings witness --remove"), "each monitor has its own copy: {refused:?}");
    // The alternate has seen its control address by then.
    std::thread::sleep(Duration::from_secs(3));

    let story = pair.audited(|| {
        pair.lab.cut(primary);
        wait_until("the alternate is live", || lease(alternate).contains("LIVE in epoch"));
        pair.lab.heal(primary);
        wait_until("the primary knows", || lease(primary).contains("not live"));
        pair.must(&["manual-takeover", "traffic-in-primary", "--reason", "it is back"]);
    });
    story.live_in_turn(&[Primary, Alternate, Primary]);
    let history = pair.must(&["history"]).stdout;
    assert!(history.contains("is live in epoch") && history.contains("it is back"), "{history}");

    let _manual = pair.run(&["settings", "takeover", "alternate-from-primary", "manual"]).ok();
    wait_until("nothing is armed", || {
        primary.run(&["nft", "list", "table", "inet", "mxone_redundancy"]).stdout.is_empty()
    });
    let story = pair.audited(|| {
        pair.must(&["remove"]);
        wait_until("no voter works any more", || lease(primary).is_empty() && lease(alternate).is_empty());
    });
    story.live_in_turn(&[Primary]);
    assert!(!primary.has("/etc/mxone_system_redundancy/lease"));
    for host in [primary, alternate] {
        let gate = host.run(&["nft", "list", "table", "inet", "mxone_redundancy"]).stdout;
        assert_eq!(gate, "", "a gate that nobody opens any more");
    }
    drop(running);
    assert_eq!(filter(primary), super::pair::Filter::Open);
    assert_eq!(filter(alternate), super::pair::Filter::Blocked, "nothing moves");
}

#[test]
fn configure_with_a_witness_sets_up_the_voters_too_and_proposes_to_take_over_by_itself_and_to_go_back_by_hand() {
    let pair = pair_of(1);
    let (primary, alternate) = (pair.lab.server(Primary, 1), pair.seat());
    let (witness, fast) = (pair.lab.host("trunk"), ["--timing", "fast"]);
    let address = witness.v4.to_string();
    let words = |more: &[&str]| -> Vec<String> {
        let answers = ["configure", "--answers", "/root/answers.yaml", "--yes", "--witness-file", "/root/witness.yaml"];
        [&answers, &["--witness", &address][..], &fast, more].concat().into_iter().map(str::to_owned).collect()
    };
    let run = |more: &[&str]| pair.run(&words(more).iter().map(String::as_str).collect::<Vec<_>>());
    pair.write_answers(&Wish { takeover: "", ..Wish::default() });
    let open = run(&["--boot-without-peer", "open"]).ended_with(2);
    assert!(open.stderr.contains("stay-blocked"), "told before anything is changed: {open:?}");
    let planned = run(&["--dry-run"]).ok();
    assert!(planned.stderr.contains(&format!("third vote: the witness at {address}:9527")), "{planned:?}");
    for host in [primary, alternate] {
        assert!(!host.has(LEASE) && filter(host) == Filter::Open, "nothing was changed");
    }

    let configured = run(&[]).ok();
    assert!(configured.stderr.contains("takeover is automatic once all voters work"), "{configured:?}");
    let status: serde_json::Value = serde_json::from_str(&pair.run(&["status", "--json"]).stdout).unwrap();
    let proposed = serde_json::json!({"alternate-from-primary": "automatic", "primary-from-alternate": "manual"});
    assert_eq!((&status["takeover"], &status["voters"]), (&proposed, &"silent".into()), "{status}");
    let _voters = voters_started(&pair);
    wait_until("the primary is armed", || is_timed(primary));
    wait_until("everybody hears everybody", || pair.run(&["lease"]).stdout.contains("AT MOST ONE LIVE"));
    // The alternate has seen its control address by then.
    std::thread::sleep(Duration::from_secs(3));
    let story = pair.audited(|| {
        pair.lab.cut(primary);
        wait_until("the alternate is live", || lets_pass(alternate));
        pair.lab.heal(primary);
    });
    story.live_in_turn(&[Primary, Alternate]);
}

#[test]
fn a_pair_whose_voters_cannot_be_set_up_after_configure_is_configured_and_ends_in_part() {
    let pair = pair_of(1);
    pair.write_answers(&Wish::default());
    // A folder is in the way of the witness's file.
    pair.seat().must(&["mkdir", "/root/witness.yaml"]);
    let witness = pair.lab.host("trunk").v4.to_string();
    let words = ["configure", "--answers", "/root/answers.yaml", "--yes", "--witness", &witness];
    let done = pair.run(&[&words[..], &["--witness-file", "/root/witness.yaml"]].concat()).ended_with(4);
    assert!(done.stderr.contains("the pair is configured, and its voters are not set up"), "{done:?}");
    assert!(done.stderr.contains("witness.yaml cannot be written"), "it tells why: {done:?}");
    assert!(!pair.lab.server(Primary, 1).has(LEASE), "what was laid down there was taken away");
    let status: serde_json::Value = serde_json::from_str(&pair.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!((&status["configured"], &status["voters"]), (&true.into(), &"not-set-up".into()), "{status}");
    let _later = pair.run(&["settings", "witness", &witness, "--yes"]).ok();
}

#[test]
fn a_pair_that_was_switched_by_hand_before_its_set_up_takes_over() {
    let pair = pair_of(1);
    let _configured = pair.configure(&Wish::default()).ok();
    pair.must(&["manual-takeover", "traffic-in-alternate", "--reason", "a drill"]);
    pair.must(&["manual-takeover", "traffic-in-primary", "--reason", "the drill is over"]);
    let (primary, alternate) = (pair.lab.server(Primary, 1), pair.seat());
    let epoch = |host: &Host| -> u64 {
        let order: serde_json::Value = serde_json::from_str(&host.read(ORDER)).unwrap();
        order["epoch"].as_u64().unwrap()
    };
    let switched = epoch(primary);
    assert!(switched > 1, "the switches are orders of their own");
    let _running = set_up(&pair);
    let live = |host: &Host| -> Option<u64> {
        let told: serde_json::Value = serde_json::from_str(&host.run(&[PROGRAM, "lease", "--json"]).stdout).ok()?;
        told["live"].as_u64()
    };
    wait_until("the voters go on where the orders are", || live(primary) >= Some(switched));
    let story = pair.audited(|| {
        pair.lab.cut(primary);
        wait_until("the alternate is live", || live(alternate).is_some());
        wait_until("the alternate is open", || lets_pass(alternate));
        pair.lab.heal(primary);
        wait_until("the primary is blocked for good", || filter(primary) == Filter::Blocked);
    });
    story.live_in_turn(&[Primary, Alternate]);
    assert!(epoch(alternate) > switched);
}

#[test]
fn an_order_that_a_voter_refuses_ends_with_3_and_says_why() {
    let pair = pair_of(1);
    let _configured = pair.configure(&Wish::default()).ok();
    let (primary, witness) = (pair.lab.server(Primary, 1), pair.lab.host("trunk"));
    let _running = set_up(&pair);
    for (host, words, because) in [
        (pair.seat(), &["force", "--reason", "a test"][..], "the other system answers; order a hand-over there"),
        (pair.seat(), &["hand-over"], "this system is not live"),
        (primary, &["force", "--reason", "a test"], "this system is live already"),
        (witness, &["hold", "60", "--reason", "a test"], "a witness takes no orders"),
    ] {
        // On a machine that stands still a right may end for a moment, and something else is in the way then.
        wait_until(because, || {
            let refused = host.run(&[&[PROGRAM, "lease"], words].concat()).ended_with(3);
            refused.stderr.contains(because)
        });
    }
    let history = witness.run(&["cat", "/var/log/mxone_system_redundancy/history.jsonl"]).stdout;
    assert!(!history.contains("hold"), "nothing is held: {history}");
    let history = pair.run(&["history"]).stdout;
    assert!(history.contains("force refused: the other system answers"), "{history}");
    let words = ["lease", "hold", "60", "--reason", "a test", "--dry-run"];
    let told = pair.run(&words).ok();
    assert!(told.stderr.contains("hold for 1h"), "{told:?}");
    assert!(!pair.run(&["lease"]).stdout.contains("holds everything"), "it was a dry run");

    // A hand-over that is refused is not waited for.
    let _manual = pair.run(&["settings", "takeover", "alternate-from-primary", "manual"]).ok();
    wait_until("nothing is armed", || !is_timed(primary));
    primary.must(&["iptables", "-w", "-t", "raw", "-I", "PREROUTING", "-p", "udp", "--dport", "9527", "-j", "DROP"]);
    // Longer than it takes until a site counts as silent.
    std::thread::sleep(Duration::from_secs(3));
    let begun = Instant::now();
    let failed = pair.run(&["manual-takeover", "traffic-in-alternate", "--reason", "a test", "--yes"]);
    assert!(failed.code() != 0 && failed.stderr.contains("the other system does not answer"), "{failed:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "it waited for nothing: {:?}", begun.elapsed());
}

#[test]
fn what_servers_lack_is_told_of_all_of_them_at_once_and_nothing_is_changed() {
    let pair = pair_of(2);
    let _configured = pair.configure(&Wish::default()).ok();
    let (primary, alternate) = (pair.lab.server(Primary, 2), pair.lab.server(Alternate, 2));
    primary.sh("rm -f $(which -a nft ipset)");
    alternate.sh("rm -f $(which -a mxone_maintenance)");
    let address = pair.lab.host("trunk").v4.to_string();
    let refused = pair.run(&["settings", "witness", &address, "--timing", "fast", "--yes"]).ended_with(3);
    for told in
        ["LIM 2 of the primary system cannot be gated", "mxone_maintenance is missing on LIM 2 of the alternate"]
    {
        assert!(refused.stderr.contains(told), "{told}: {refused:?}");
    }
    assert!(!pair.lab.server(Primary, 1).has(LEASE), "a refusal changes nothing");
}

#[test]
fn the_primary_gets_the_program_it_lacks_and_one_that_cannot_run_it_is_left_alone() {
    let pair = pair_of(1);
    let _configured = pair.configure(&Wish::default()).ok();
    let primary = pair.lab.server(Primary, 1);
    let address = pair.lab.host("trunk").v4.to_string();
    let words = ["settings", "witness", &address, "--timing", "fast", "--yes"];

    primary.write_mode("/usr/local/bin/uname", "#!/bin/sh\necho vax\n", 0o755);
    let refused = pair.run(&words).ended_with(3);
    assert!(refused.stderr.contains("the primary is a vax machine"), "{refused:?}");
    assert!(!primary.has(LEASE) && !primary.has(UNIT), "a refusal changes nothing");
    primary.sh("rm /usr/local/bin/uname");

    let unit = || {
        let unit = primary.read(UNIT);
        let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).map(str::to_owned);
        line.and_then(|line| line.split(' ').next().map(str::to_owned)).unwrap()
    };
    let version = |program: &str| primary.must(&[program, "--version"]);
    let ours = pair.seat().must(&[PROGRAM, "--version"]);
    primary.sh("mv /usr/local/bin/mxone_system_redundancy /usr/bin/");
    let found = pair.run(&words).ok();
    assert!(!found.stderr.contains("the program was sent"), "{found:?}");
    assert_eq!(unit(), "/usr/bin/mxone_system_redundancy", "the unit starts the one that is there");

    for (there, line) in [("nothing", "rm -f"), ("older", "printf '#!/bin/sh\necho mxone_system_redundancy 0.0.1\n' >")]
    {
        pair.must(&["settings", "witness", "--remove"]);
        primary.sh(&format!("rm -f {PLACES}; {line} /usr/bin/{PROGRAM}; chmod -f 755 /usr/bin/{PROGRAM} || true"));
        let sent = pair.run(&words).ok();
        assert!(sent.stderr.contains("the program was sent to /usr/local/bin"), "{there}: {sent:?}");
        assert_eq!(unit(), format!("/usr/local/bin/{PROGRAM}"), "{there}");
        assert_eq!(version(&unit()), ours, "{there}");
        assert_eq!(primary.sh(&format!("stat -c %a {}", unit())).trim(), "755", "{there}");
    }
    let removed = pair.run(&["settings", "witness", "--remove", "--yes"]).ok();
    assert!(removed.stderr.contains("its files, its unit and the program"), "{removed:?}");
    assert!(!primary.has(&format!("/usr/local/bin/{PROGRAM}")), "it was sent there, so it is taken away");
    assert!(primary.has(&format!("/usr/bin/{PROGRAM}")), "this one was there");
}

/// A pair of so many servers a site, not configured yet.
fn pair_of(servers: u8) -> Pair {
    Pair::of(LabOptions { servers, call_servers: 1, flavour: Flavour::Kamailio, ..LabOptions::default() })
}

/// Sets the voters up by commands and puts takeover to the alternate in force.
fn set_up(pair: &Pair) -> Vec<Running> {
    let primary = pair.lab.server(Primary, 1);
    let address = pair.lab.host("trunk").v4.to_string();
    pair.must(&["settings", "witness", &address, "--witness-file", "/root/witness.yaml", "--timing", "fast"]);
    let running = voters_started(pair);
    let _automatic = pair.run(&["settings", "takeover", "alternate-from-primary", "automatic"]).ok();
    wait_until("the primary is armed", || is_timed(primary));
    wait_until("everybody hears everybody", || pair.run(&["lease"]).stdout.contains("AT MOST ONE LIVE"));
    // The alternate has seen its control address by then.
    std::thread::sleep(Duration::from_secs(3));
    running
}

/// Carries the witness's file there and starts all three.
fn voters_started(pair: &Pair) -> Vec<Running> {
    let (primary, witness) = (pair.lab.server(Primary, 1), pair.lab.host("trunk"));
    witness.write_mode(&format!("{LEASE}/lease.yaml"), &pair.seat().read("/root/witness.yaml"), 0o600);
    let running = vec![
        witness.spawn_quiet(&[PROGRAM, "witness"]),
        primary.spawn_quiet(&[PROGRAM, "monitor"]),
        pair.seat().spawn_quiet(&[PROGRAM, "monitor"]),
    ];
    wait_until("both monitors answer", || {
        [primary, pair.seat()].iter().all(|host| !host.run(&[PROGRAM, "lease"]).stdout.is_empty())
    });
    running
}

#[test]
fn servers_that_open_by_themselves_at_boot_go_with_no_promise() {
    let pair = pair_of(1);
    let _configured = pair.configure(&Wish { boot: "boot_without_peer: open", ..Wish::default() }).ok();
    let refused = pair.run(&["settings", "witness", "203.0.113.60"]).ended_with(3);
    assert!(refused.stderr.contains("stay-blocked"), "{refused:?}");
    assert!(!pair.lab.server(Primary, 1).has("/etc/mxone_system_redundancy/lease"), "a refusal changes nothing");
}
