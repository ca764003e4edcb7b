//! Blocking and allowing real packet filters in network namespaces, through the port that the flows use.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

#[path = "namespace/namespace.rs"]
mod namespace;

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mxone_system_redundancy::adapters::clock::SystemClock;
use mxone_system_redundancy::adapters::gate::{GateForm, ServerGate};
use mxone_system_redundancy::adapters::netfilter::{self, Netfilter};
use mxone_system_redundancy::adapters::raw_clock;
use mxone_system_redundancy::domain::configuration::{BootPolicy, WithoutPeer};
use mxone_system_redundancy::domain::lease::GateSeen;
use mxone_system_redundancy::domain::site::{Epoch, Order, ServerId, Site};
use mxone_system_redundancy::domain::traffic::{
    Facts, GateRules, Origin, Protocol, RuleSet, Spared, TelephonyPort, Traffic, TrafficWord, TurnAway,
};
use mxone_system_redundancy::ports::host::Output;
use mxone_system_redundancy::ports::traffic_control::{TrafficControl, TrafficError};
use namespace::{Namespace, NamespaceHost, One, checked, run};

const LOCAL: ServerId = ServerId::first_of(Site::Alternate);
const REMOTE: ServerId = ServerId::first_of(Site::Primary);

#[tokio::test]
async fn a_block_is_read_back_and_an_allow_leaves_the_rules_of_others_byte_for_byte() {
    let lab = Lab::new();
    lab.somebody_elses_rules();
    let before = lab.all_saved();
    assert_eq!(lab.traffic.read(LOCAL).await, Traffic::Allowed);

    lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
    let Traffic::Blocked { origin: Origin::Order, since: Some(_), turned_away: 0 } = lab.traffic.read(LOCAL).await
    else {
        panic!("{:?}", lab.traffic.read(LOCAL).await)
    };
    let ours = |line: &&str| line.contains("MXONE_REDUNDANCY_");
    let others = |text: &str| text.lines().filter(|line| !ours(line)).collect::<Vec<_>>().join("\n");
    assert_eq!(others(&lab.all_saved()), before);

    lab.traffic.allow(LOCAL).await.unwrap();
    assert_eq!(lab.traffic.read(LOCAL).await, Traffic::Allowed);
    assert_eq!(lab.all_saved(), before);
}

#[tokio::test]
async fn blocking_twice_changes_nothing_and_another_origin_keeps_the_time_and_the_counters() {
    let lab = Lab::new();
    lab.traffic.block(LOCAL, Origin::Maintenance).await.unwrap();
    let refused = lab.server.within(|| TcpStream::connect("127.0.0.1:9")).is_err();
    assert!(refused);
    let first = lab.server.saved("iptables-save");
    lab.host.told();
    lab.traffic.block(LOCAL, Origin::Maintenance).await.unwrap();
    assert!(lab.host.told().iter().all(|command| command.contains("-save")), "only read");
    assert_eq!(lab.server.saved("iptables-save"), first);

    let Traffic::Blocked { since: before, .. } = lab.traffic.read(LOCAL).await else { panic!() };
    lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
    let Traffic::Blocked { origin, since, .. } = lab.traffic.read(LOCAL).await else { panic!() };
    assert_eq!((origin, since), (Origin::Order, before));
}

#[tokio::test]
async fn blocking_and_allowing_take_one_restore_a_family() {
    let lab = Lab::new();
    let restores = |told: &[String]| told.iter().filter(|command| command.contains("-restore")).count();
    let began = Instant::now();
    lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
    println!("block: {:?}", began.elapsed());
    assert_eq!(restores(&lab.host.told()), 2);
    let began = Instant::now();
    lab.traffic.allow(LOCAL).await.unwrap();
    println!("allow: {:?}", began.elapsed());
    assert_eq!(restores(&lab.host.told()), 2);
    lab.traffic.allow(LOCAL).await.unwrap();
    assert_eq!(restores(&lab.host.told()), 0);
}

#[tokio::test]
async fn tampering_makes_it_partial_and_a_block_mends_it() {
    let lab = Lab::new();
    let tampers: [&[&str]; 6] = [
        &["iptables", "-I", "INPUT", "1", "-j", "ACCEPT"],
        &["iptables", "-D", "OUTPUT", "-j", "MXONE_REDUNDANCY_OUT"],
        &["ip6tables", "-D", "MXONE_REDUNDANCY_IN", "5"],
        &["iptables", "-I", "MXONE_REDUNDANCY_FWD", "1", "-j", "ACCEPT"],
        &["ip6tables", "-F"],
        &["iptables", "-R", "MXONE_REDUNDANCY_IN", "1", "-m", "comment", "--comment", "other"],
    ];
    for tamper in tampers {
        lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
        lab.server.checked(tamper);
        assert_eq!(lab.traffic.read(LOCAL).await.word(), TrafficWord::Partial, "{tamper:?}");
        lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
        assert_eq!(lab.traffic.read(LOCAL).await.word(), TrafficWord::Blocked, "{tamper:?}");
    }
    lab.traffic.allow(LOCAL).await.unwrap();
    assert_eq!(lab.server.checked(&["iptables", "-S", "INPUT"]).lines().last(), Some("-A INPUT -j ACCEPT"));
}

#[tokio::test]
async fn our_chains_go_even_if_somebody_else_calls_them() {
    let lab = Lab::new();
    lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
    lab.server.checked(&["iptables", "-N", "DOCKER-USER"]);
    lab.server.checked(&["iptables", "-A", "DOCKER-USER", "-i", "eth1", "-j", "MXONE_REDUNDANCY_FWD"]);
    assert_eq!(lab.traffic.read(LOCAL).await.word(), TrafficWord::Blocked);
    lab.traffic.allow(LOCAL).await.unwrap();
    assert_eq!(lab.traffic.read(LOCAL).await, Traffic::Allowed);
    assert!(lab.server.saved("iptables-save").contains(":DOCKER-USER"));
}

#[tokio::test]
async fn if_one_family_fails_the_other_is_put_back() {
    for failing in ["iptables-restore", "ip6tables-restore"] {
        for blocked_before in [false, true] {
            let lab = Lab::new();
            lab.somebody_elses_rules();
            if blocked_before {
                lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
            }
            let before = lab.all_saved();
            lab.host.spoil(move |command| {
                let fails = command.arguments[0] == failing;
                fails.then(|| Output { status: 2, stderr: b"no".to_vec(), ..Output::default() })
            });
            let outcome = if blocked_before {
                lab.traffic.allow(LOCAL).await
            } else {
                lab.traffic.block(LOCAL, Origin::Order).await
            };
            assert!(matches!(outcome, Err(TrafficError::Host { .. })), "{outcome:?}");
            assert_eq!(lab.all_saved(), before, "{failing} {blocked_before}");
        }
    }
}

#[tokio::test]
async fn a_busy_lock_is_unknown_not_allowed() {
    let lab = Lab::new();
    lab.host.spoil(|command| {
        let busy = command.arguments[0] == "ip6tables-save";
        busy.then(|| Output {
            status: 4,
            stderr: b"Another app is currently holding the xtables lock".to_vec(),
            ..Output::default()
        })
    });
    let Traffic::Unknown { because } = lab.traffic.read(LOCAL).await else { panic!() };
    assert!(because.contains("status 4") && because.contains("xtables lock"), "{because}");
    assert!(lab.traffic.block(LOCAL, Origin::Order).await.is_err());
}

#[tokio::test]
async fn a_first_block_on_a_remote_server_is_confirmed_once() {
    let lab = Lab::new();
    lab.traffic.block(REMOTE, Origin::Order).await.unwrap();
    assert!(lab.host.told().iter().any(|command| command.starts_with("setsid")));
    assert!(!lab.path("var/lib/mxone_system_redundancy/unconfirmed").exists());
    lab.traffic.allow(REMOTE).await.unwrap();
    lab.host.told();
    lab.traffic.block(REMOTE, Origin::Order).await.unwrap();
    assert!(!lab.host.told().iter().any(|command| command.starts_with("setsid")));
}

/// The platform's ports hold the port of SSH by mistake, and it is not among those spared: the new connection is real,
/// and it fails because of the rules.
#[tokio::test]
async fn a_server_that_nobody_can_reach_any_more_takes_its_rules_back_by_itself() {
    let (server, outside) = (Namespace::new(), Namespace::new());
    server.join(&["192.0.2.11/24"], &outside, &["192.0.2.200/24"]);
    let ssh = server.within(|| TcpListener::bind("192.0.2.11:2200")).unwrap();
    std::thread::spawn(move || for _connection in ssh.incoming() {});
    let outside = Arc::new(outside);
    let door = Arc::clone(&outside);
    let connects = move || {
        door.within(|| TcpStream::connect_timeout(&"192.0.2.11:2200".parse().unwrap(), Duration::from_secs(1)).is_ok())
    };
    assert!(connects());
    let mut telephony = telephony();
    telephony.push(TelephonyPort { protocol: Protocol::Tcp, ports: "2200".parse().unwrap(), what: "wrong".to_owned() });
    let host = NamespaceHost::that_lets_in(&server, connects.clone());
    let lab = Lab::of(server, host, telephony);
    lab.somebody_elses_rules();
    lab.server.checked(&["iptables", "-A", "INPUT", "-p", "tcp", "--dport", "2200", "-j", "ACCEPT"]);
    let before = lab.all_saved();

    let outcome = lab.traffic.block(REMOTE, Origin::Order).await;
    assert!(matches!(outcome, Err(TrafficError::NotConfirmed { .. })), "{outcome:?}");
    assert_eq!(lab.traffic.read(REMOTE).await.word(), TrafficWord::Blocked);
    assert!(!connects());
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut again = tokio::time::interval(Duration::from_millis(20));
    while lab.path("var/lib/mxone_system_redundancy/unconfirmed").exists() {
        assert!(Instant::now() < deadline, "the server did not take its rules back");
        again.tick().await;
    }
    assert_eq!(lab.traffic.read(REMOTE).await, Traffic::Allowed);
    assert_eq!(lab.all_saved(), before);
    assert!(connects());
    assert!(!lab.path("var/lib/mxone_system_redundancy/confirmed").exists());
}

/// What a kill -9 between the first application and its confirmation leaves behind: a block that the server is about to
/// take back. Whoever blocks again must stop that, or the side would open behind the back of a takeover.
#[tokio::test]
async fn a_block_that_was_cut_off_before_its_confirmation_and_made_again_is_not_taken_back() {
    let server = Namespace::new();
    let gets_in = Arc::new(AtomicBool::new(false));
    let door = Arc::clone(&gets_in);
    let host = NamespaceHost::that_lets_in(&server, move || door.load(Ordering::Relaxed));
    let lab = Lab::of(server, host, telephony());
    let outcome = lab.traffic.block(REMOTE, Origin::Order).await;
    assert!(matches!(outcome, Err(TrafficError::NotConfirmed { .. })), "{outcome:?}");
    assert!(lab.path("var/lib/mxone_system_redundancy/unconfirmed").exists());

    gets_in.store(true, Ordering::Relaxed);
    lab.traffic.block(REMOTE, Origin::Order).await.unwrap();
    let script = lab.path("run/mxone_system_redundancy/undo.sh");
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut again = tokio::time::interval(Duration::from_millis(20));
    while run(&["pgrep", "-f", &script.to_string_lossy()], "").status.success() {
        assert!(Instant::now() < deadline, "the script does not end");
        again.tick().await;
    }
    assert_eq!(lab.traffic.read(REMOTE).await.word(), TrafficWord::Blocked);
}

#[tokio::test]
async fn the_boot_guard_blocks_an_empty_filter_and_again_when_run_again() {
    let lab = Lab::new();
    assert!(!lab.traffic.guard_installed(LOCAL).await.unwrap());
    lab.traffic.install_guard(LOCAL, BootPolicy::default()).await.unwrap();
    assert!(lab.traffic.guard_installed(LOCAL).await.unwrap());
    assert_eq!(lab.traffic.read(LOCAL).await, Traffic::Allowed, "the guard acts at boot, not when it is installed");
    let unit = lab.path("etc/systemd/system/mxone-redundancy-guard.service");
    checked(&["systemd-analyze", "verify", "--man=no", &unit.to_string_lossy()], "");

    for _ in 0..2 {
        lab.run_unit(&unit);
        let blocked = Traffic::Blocked { origin: Origin::Boot, since: None, turned_away: 0 };
        assert_eq!(lab.traffic.read(LOCAL).await, blocked);
    }
    // Whoever knows no configuration finds the rule set there.
    let rules = netfilter::guard_rules(Arc::<NamespaceHost>::clone(&lab.host), lab.folder.path()).await.unwrap();
    assert_eq!(rules, Some(lab.rules.clone()));

    lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
    let Traffic::Blocked { origin: Origin::Order, .. } = lab.traffic.read(LOCAL).await else { panic!() };
    lab.traffic.allow(LOCAL).await.unwrap();
    assert_eq!(lab.traffic.read(LOCAL).await, Traffic::Allowed);

    lab.traffic.remove_guard(LOCAL).await.unwrap();
    assert!(!lab.traffic.guard_installed(LOCAL).await.unwrap());
    lab.traffic.remove_guard(LOCAL).await.unwrap();
    assert_eq!(files(&lab.path("etc")), Vec::<String>::new());
}

#[tokio::test]
async fn a_boot_without_a_peer_opens_only_what_was_ordered_active_and_only_if_it_was_chosen() {
    let lab = Lab::new();
    let open = BootPolicy { without_peer: WithoutPeer::Open, grace: Duration::from_secs(90) };
    lab.traffic.install_guard(LOCAL, open).await.unwrap();
    let guard = lab.path("etc/systemd/system/mxone-redundancy-guard.service");
    let opening = lab.path("etc/systemd/system/mxone-redundancy-open.service");
    let timer = lab.path("etc/systemd/system/mxone-redundancy-open.timer");
    assert!(std::fs::read_to_string(&timer).unwrap().contains("OnBootSec=90\n"));
    assert!(lab.path("etc/systemd/system/timers.target.wants/mxone-redundancy-open.timer").exists());
    checked(&["systemd-analyze", "verify", "--man=no", &timer.to_string_lossy()], "");

    lab.run_unit(&guard);
    lab.run_unit(&guard);
    lab.run_unit(&opening);
    assert_eq!(lab.traffic.read(LOCAL).await.word(), TrafficWord::Blocked, "nobody ordered this site to be active");
    lab.traffic.write_order(LOCAL, order(Site::Alternate, 1)).await.unwrap();
    lab.run_unit(&opening);
    assert_eq!(lab.traffic.read(LOCAL).await, Traffic::Allowed);

    lab.traffic.block(LOCAL, Origin::Maintenance).await.unwrap();
    lab.run_unit(&opening);
    assert_eq!(lab.traffic.read(LOCAL).await.word(), TrafficWord::Blocked, "a person's block stays");

    lab.traffic.install_guard(LOCAL, BootPolicy::default()).await.unwrap();
    assert!(!opening.exists() && !timer.exists());
}

#[tokio::test]
async fn an_order_of_a_lower_epoch_never_replaces_a_higher_one() {
    let lab = Lab::new();
    let marker = lab.path("var/lib/mxone_system_redundancy/ordered-active");
    assert_eq!(lab.traffic.order(LOCAL).await.unwrap(), None);
    lab.traffic.write_order(LOCAL, order(Site::Alternate, 5)).await.unwrap();
    assert!(marker.exists());
    lab.traffic.write_order(LOCAL, order(Site::Primary, 6)).await.unwrap();
    assert!(!marker.exists());
    for stale in [order(Site::Alternate, 5), order(Site::Alternate, 6)] {
        let refused = lab.traffic.write_order(LOCAL, stale).await;
        assert!(matches!(refused, Err(TrafficError::NewerOrder { present, .. }) if present.epoch == Epoch(6)));
    }
    assert_eq!(lab.traffic.order(LOCAL).await.unwrap(), Some(order(Site::Primary, 6)));
    let text = std::fs::read_to_string(lab.path("var/lib/mxone_system_redundancy/order.json")).unwrap();
    assert_eq!(text, "{\"schema\":1,\"active\":\"primary\",\"epoch\":6}\n");

    std::fs::write(lab.path("var/lib/mxone_system_redundancy/order.json"), "{").unwrap();
    assert!(matches!(lab.traffic.order(LOCAL).await, Err(TrafficError::Unreadable { .. })));
    lab.traffic.forget_order(LOCAL).await.unwrap();
    lab.traffic.forget_order(LOCAL).await.unwrap();
    assert_eq!(lab.traffic.order(LOCAL).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_done_beforehand_saves_commands_and_is_never_believed() {
    let lab = Lab::new();
    lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
    let [first, second] = [order(Site::Alternate, 5), order(Site::Primary, 6)];
    lab.traffic.prepare(LOCAL, Some(first)).await.unwrap();
    assert_eq!(lab.traffic.order(LOCAL).await.unwrap(), None, "it lies ready and does not count");
    lab.host.told();
    lab.traffic.write_order(LOCAL, first).await.unwrap();
    lab.traffic.allow(LOCAL).await.unwrap();
    let told = lab.host.told();
    assert!(told[0].starts_with("sh ") && told[1..3].iter().all(|command| command.contains("-restore")), "{told:#?}");
    assert_eq!(lab.traffic.order(LOCAL).await.unwrap(), Some(first));
    assert!(lab.path("var/lib/mxone_system_redundancy/ordered-active").exists());

    // A newer order than the one that lies ready, and an open server where a blocked one was seen.
    lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
    lab.traffic.prepare(LOCAL, Some(order(Site::Alternate, 6))).await.unwrap();
    for tables in ["iptables", "ip6tables"] {
        lab.server.checked(&[tables, "-F"]);
        lab.server.checked(&[tables, "-X"]);
    }
    lab.traffic.write_order(LOCAL, second).await.unwrap();
    assert_eq!(lab.traffic.order(LOCAL).await.unwrap(), Some(second));
    assert!(!lab.path("var/lib/mxone_system_redundancy/ordered-active").exists());
    lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
    assert_eq!(lab.traffic.read(LOCAL).await.word(), TrafficWord::Blocked);
    assert!(matches!(lab.traffic.prepare(LOCAL, Some(first)).await, Err(TrafficError::NewerOrder { .. })));
}

#[tokio::test]
async fn established_flows_are_forgotten_where_the_tool_is_there() {
    let (server, outside) = (Namespace::new(), Namespace::new());
    server.join(&["192.0.2.11/24"], &outside, &["192.0.2.200/24"]);
    let host = NamespaceHost::new(&server);
    let lab = Lab::of(server, host, telephony());
    // Connection tracking starts with the first rule that asks for states.
    lab.server.checked(&["iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT"]);
    let listener = lab.server.within(|| TcpListener::bind("192.0.2.11:5060")).unwrap();
    let _phone = outside.within(|| TcpStream::connect("192.0.2.11:5060")).unwrap();
    let _server_side = listener.accept().unwrap();
    assert_eq!(lab.traffic.cut_established(LOCAL).await.unwrap(), Some(1));
    assert_eq!(lab.traffic.cut_established(LOCAL).await.unwrap(), Some(0));
    lab.host
        .spoil(|command| (command.arguments[0] == "conntrack").then(|| Output { status: 127, ..Output::default() }));
    assert_eq!(lab.traffic.cut_established(LOCAL).await.unwrap(), None);
}

#[tokio::test]
async fn a_server_whose_gate_is_closed_is_blocked_by_it_although_its_iptables_are_open() {
    for form in [GateForm::Nft, GateForm::Ipset] {
        a_closed_gate_is_read(form).await;
    }
}

async fn a_closed_gate_is_read(form: GateForm) {
    let lab = Lab::new();
    if form == GateForm::Ipset {
        lab.host.uninstall(&["nft"]);
    }
    let (telephony, spared) = (telephony(), Spared::default());
    let facts =
        Facts { telephony: &telephony, spared: &spared, turn_away: TurnAway::Reject, probe: None, heartbeat: None };
    let gate = ServerGate::new(Arc::<NamespaceHost>::clone(&lab.host), GateRules::new(&facts));
    let read = async || lab.traffic.read(LOCAL).await;

    gate.close().await.unwrap();
    assert_eq!(read().await, Traffic::BY_GATE);
    gate.open(raw_clock::now() + Duration::from_secs(60)).await.unwrap();
    assert_eq!(read().await, Traffic::Allowed);
    let short = Duration::from_millis(if form == GateForm::Nft { 50 } else { 1050 });
    gate.open(raw_clock::now() + short).await.unwrap();
    tokio::time::sleep(short + Duration::from_millis(50)).await;
    assert_eq!(read().await, Traffic::BY_GATE, "nobody closed it: the right has ended");

    // A gate that somebody spoilt holds nobody back.
    let spoil: &[&str] = match form {
        GateForm::Nft => &["nft", "flush", "chain", "inet", "mxone_redundancy", "output"],
        GateForm::Ipset => &["ip6tables", "-F", "MXONE_REDUNDANCY_GATE_OUT"],
    };
    lab.server.checked(spoil);
    assert_eq!(read().await, Traffic::Allowed);
    gate.close().await.unwrap();
    assert_eq!(read().await, Traffic::BY_GATE);

    assert!(!gate.is_whole().await.unwrap(), "that it was spoilt is told once");
    lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
    lab.host.told();
    assert!(matches!(read().await, Traffic::Blocked { origin: Origin::Order, .. }));
    assert!(lab.host.told().iter().all(|command| command.contains("-save")), "nothing more is asked than is needed");
    assert!(gate.is_whole().await.unwrap(), "each block leaves the other whole");
    lab.traffic.allow(LOCAL).await.unwrap();
    assert_eq!(read().await, Traffic::BY_GATE);
    // The gate stands behind the block also when it comes later, and goes without it.
    lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
    lab.traffic.remove_gate(LOCAL).await.unwrap();
    assert_eq!(gate.seen().await.unwrap(), GateSeen::Unarmed);
    gate.close().await.unwrap();
    assert!(matches!(read().await, Traffic::Blocked { origin: Origin::Order, .. }));
    lab.traffic.allow(LOCAL).await.unwrap();
    assert_eq!(read().await, Traffic::BY_GATE);
    gate.disarm().await.unwrap();
    assert_eq!(read().await, Traffic::Allowed);
}

#[tokio::test]
async fn a_server_without_nft_has_no_gate() {
    let lab = Lab::new();
    lab.host.spoil(|command| (command.arguments[0] == "nft").then(|| Output { status: 127, ..Output::default() }));
    assert_eq!(lab.traffic.read(LOCAL).await, Traffic::Allowed);
    assert!(lab.host.told().iter().any(|command| command.starts_with("nft ")), "it was asked");
}

#[tokio::test]
async fn a_gate_that_may_not_be_looked_at_is_neither_absent_nor_taken_out() {
    let lab = Lab::new();
    let gate = ServerGate::new(Arc::<NamespaceHost>::clone(&lab.host), gate_rules());
    gate.close().await.unwrap();
    let refused = Output { status: 1, stderr: b"sudo: a password is required".to_vec(), ..Output::default() };
    lab.host.spoil(move |command| (command.arguments[0] == "nft").then(|| refused.clone()));
    let Traffic::Unknown { because } = lab.traffic.read(LOCAL).await else {
        panic!("{:?}", lab.traffic.read(LOCAL).await)
    };
    assert!(because.contains("a password is required"), "{because}");
    let error = lab.traffic.remove_gate(LOCAL).await.unwrap_err().to_string();
    assert!(error.contains("a password is required"), "{error}");
    for absent in ["Error: No such file or directory", "sudo: nft: command not found"] {
        let absent = Output { status: 1, stderr: absent.as_bytes().to_vec(), ..Output::default() };
        lab.host.spoil(move |command| (command.arguments[0] == "nft").then(|| absent.clone()));
        assert_eq!(lab.traffic.read(LOCAL).await, Traffic::Allowed);
        lab.traffic.remove_gate(LOCAL).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_whose_block_is_not_whole_lets_nothing_in_while_its_gate_is_closed() {
    let lab = Lab::new();
    let gate = ServerGate::new(Arc::<NamespaceHost>::clone(&lab.host), gate_rules());
    lab.traffic.block(LOCAL, Origin::Order).await.unwrap();
    lab.server.checked(&["iptables", "-D", "OUTPUT", "-j", "MXONE_REDUNDANCY_OUT"]);
    assert_eq!(lab.traffic.read(LOCAL).await.word(), TrafficWord::Partial);
    gate.close().await.unwrap();
    assert_eq!(lab.traffic.read(LOCAL).await, Traffic::BY_GATE);
    gate.open(raw_clock::now() + Duration::from_secs(60)).await.unwrap();
    assert_eq!(lab.traffic.read(LOCAL).await.word(), TrafficWord::Partial);
}

#[tokio::test]
async fn an_order_that_is_kept_already_is_not_written_again() {
    let lab = Lab::new();
    let marker = lab.path("var/lib/mxone_system_redundancy/ordered-active");
    for kept in [order(Site::Alternate, 5), order(Site::Primary, 6)] {
        lab.traffic.write_order(LOCAL, kept).await.unwrap();
        lab.host.told();
        lab.traffic.write_order(LOCAL, kept).await.unwrap();
        let told = lab.host.told();
        assert!(
            told.len() <= 2 && told.iter().all(|line| line.starts_with("cat ") || line.starts_with("test ")),
            "{told:?}"
        );
    }
    // Whoever was cut off between the two writes the marker when it begins again.
    lab.traffic.write_order(LOCAL, order(Site::Alternate, 7)).await.unwrap();
    std::fs::remove_file(&marker).unwrap();
    lab.traffic.write_order(LOCAL, order(Site::Alternate, 7)).await.unwrap();
    assert!(marker.exists());
}

fn gate_rules() -> GateRules {
    let (telephony, spared) = (telephony(), Spared::default());
    let turn_away = TurnAway::Reject;
    GateRules::new(&Facts { telephony: &telephony, spared: &spared, turn_away, probe: None, heartbeat: None })
}

/// One server.
struct Lab {
    server: Namespace,
    host: Arc<NamespaceHost>,
    rules: RuleSet,
    traffic: Netfilter,
    folder: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let server = Namespace::new();
        let host = NamespaceHost::new(&server);
        Self::of(server, host, telephony())
    }

    fn of(server: Namespace, host: Arc<NamespaceHost>, telephony: Vec<TelephonyPort>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spared = Spared { addresses: ["192.0.2.12".parse().unwrap()].into(), ..Spared::default() };
        let rules = RuleSet::new(&telephony, &spared, TurnAway::Reject, None);
        let hosts = Arc::new(One(Arc::clone(&host)));
        let traffic = Netfilter::with_rules(hosts, rules.clone(), telephony, Arc::new(SystemClock))
            .below(folder.path())
            .confirmed_within(Duration::from_secs(4));
        Self { server, host, rules, traffic, folder }
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    fn somebody_elses_rules(&self) {
        let text = "*filter\n:INPUT DROP [0:0]\n:THEIRS - [0:0]\n-A INPUT -m state --state ESTABLISHED -j ACCEPT\n\
                    -A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"let me in\" -j THEIRS\n-A THEIRS -j ACCEPT\n\
                    -A FORWARD -i eth0 -j DROP\nCOMMIT\n*nat\n-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.9:8080\nCOMMIT\n";
        assert!(self.server.run(&["iptables-restore"], text).status.success());
        self.server.checked(&["ip6tables", "-A", "INPUT", "-s", "2001:db8::/32", "-j", "ACCEPT"]);
    }

    fn all_saved(&self) -> String {
        let mut tables: BTreeMap<String, String> = BTreeMap::new();
        for save in ["iptables-save", "ip6tables-save"] {
            tables.insert(save.to_owned(), self.server.saved(save));
        }
        tables.into_values().collect::<Vec<_>>().join("\n")
    }

    /// What systemd does with a unit at boot: its condition and its commands.
    fn run_unit(&self, unit: &Path) {
        let text = std::fs::read_to_string(unit).unwrap();
        let value =
            |key: &str| text.lines().filter_map(|line| line.strip_prefix(key).map(str::to_owned)).collect::<Vec<_>>();
        if !value("ConditionPathExists=").iter().all(|path| Path::new(path).exists()) {
            return;
        }
        for command in value("ExecStart=") {
            self.server.checked(&command.split(' ').collect::<Vec<_>>());
        }
    }
}

fn telephony() -> Vec<TelephonyPort> {
    let port =
        |protocol, ports: &str| TelephonyPort { protocol, ports: ports.parse().unwrap(), what: "SIP".to_owned() };
    vec![port(Protocol::Udp, "5060-5061"), port(Protocol::Tcp, "5060-5061"), port(Protocol::Udp, "17000-31999")]
}

fn order(active: Site, epoch: u64) -> Order {
    Order { active, epoch: Epoch(epoch) }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path.to_string_lossy().into_owned()] })
        .collect()
}
