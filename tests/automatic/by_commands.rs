//! Set up, used and taken out by the commands of the help page alone.

use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

use super::lab::host::{Running, wait_until};
use super::lab::{Flavour, LabOptions};
use super::pair::{Pair, Wish, filter};

const PROGRAM: &str = "mxone_system_redundancy";

#[test]
fn automatic_takeover_is_set_up_put_in_force_used_and_taken_out_by_commands() {
    let options = LabOptions { servers: 1, call_servers: 1, flavour: Flavour::Kamailio, ..LabOptions::default() };
    let pair = Pair::of(options);
    let _configured = pair.configure(&Wish::default()).ok();
    let (primary, alternate, witness) = (pair.lab.server(Primary, 1), pair.seat(), pair.lab.host("trunk"));
    let lease = |host: &super::lab::host::Host| host.run(&[PROGRAM, "lease"]).stdout;

    let refused = pair.run(&["settings", "witness"]).ended_with(2);
    assert!(refused.stderr.contains("Who has the third vote?") && refused.stderr.contains("ADDRESS"), "{refused:?}");
    let early = pair.run(&["lease"]).ended_with(5);
    assert!(early.stderr.contains("no voter works on this machine"), "{early:?}");

    let address = witness.v4.to_string();
    let short = pair.run(&["settings", "witness", &address, "--timing", "0.5/3/3"]).ended_with(2);
    assert!(short.stderr.contains("timing: ") && short.stderr.contains("3.4"), "it tells what would do: {short:?}");
    let words = ["settings", "witness", &address, "--file", "/root/witness.yaml", "--timing", "fast"];
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
    let remove = pair.run(&["remove", "--yes"]).ended_with(3);
    assert!(remove.stderr.contains("settings witness --remove"), "{remove:?}");

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
    // The alternate has seen its control address by then.
    std::thread::sleep(std::time::Duration::from_secs(3));

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
        pair.must(&["settings", "witness", "--remove"]);
        wait_until("no voter works any more", || lease(primary).is_empty() && lease(alternate).is_empty());
    });
    story.live_in_turn(&[Primary]);
    assert!(!primary.has("/etc/mxone_system_redundancy/lease"));
    for host in [primary, alternate] {
        let gate = host.run(&["nft", "list", "table", "inet", "mxone_redundancy"]).stdout;
        assert_eq!(gate, "", "a gate that nobody opens any more");
    }
    drop(running);
    pair.must(&["remove"]);
    assert_eq!(filter(primary), super::pair::Filter::Open);
}

#[test]
fn servers_that_open_by_themselves_at_boot_go_with_no_promise() {
    let options = LabOptions { servers: 1, call_servers: 1, flavour: Flavour::Kamailio, ..LabOptions::default() };
    let pair = Pair::of(options);
    let _configured = pair.configure(&Wish { boot: "boot_without_peer: open", ..Wish::default() }).ok();
    let refused = pair.run(&["settings", "witness", "203.0.113.60"]).ended_with(3);
    assert!(refused.stderr.contains("stay-blocked"), "{refused:?}");
    assert!(!pair.lab.server(Primary, 1).has("/etc/mxone_system_redundancy/lease"), "a refusal changes nothing");
}
