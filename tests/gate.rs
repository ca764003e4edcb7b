//! The kernel gate on real nft, and on real ipset and iptables, in network namespaces, judged by a phone that asks
//! every 10 ms.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a test; clippy only knows the functions marked as such"
)]

#[path = "machine/machine.rs"]
mod machine;
#[path = "namespace/namespace.rs"]
mod namespace;
#[path = "gate/site.rs"]
mod site;

use std::net::{IpAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use machine::{measured, undisturbed};
use mxone_system_redundancy::adapters::gate::{GateForm, ServerGate, form_of};
use mxone_system_redundancy::domain::lease::GateSeen;
use mxone_system_redundancy::ports::gate::GateError;
use mxone_system_redundancy::ports::host::Output;
use site::{SERVER, SERVER_V6, Site, in_ms, pause};

/// A right may end so much later than told: the time a write takes to the kernel, a tick of it, and a probe.
const LATEST: Duration = Duration::from_millis(100);

/// Both forms of the gate keep the same promises.
const FORMS: [GateForm; 2] = [GateForm::Nft, GateForm::Ipset];

/// Tries something in each form of the gate.
async fn in_both_forms(tried: impl AsyncFn(Site)) {
    for form in FORMS {
        undisturbed(LATEST / 2, async || tried(Site::of(form)).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_ends_by_itself_at_its_moment() {
    measured(LATEST / 2, async || {
        for form in FORMS {
            let site = Site::of(form);
            for address in [SERVER, SERVER_V6] {
                let gate = site.gate();
                let asking = site.probe(address, 5060);
                let told = Instant::now();
                gate.open(in_ms(site.short())).await.unwrap();
                let opened = Instant::now();
                pause(site.short() + 300).await;
                let probes = asking.end();
                let (since_told, since_opened) = (probes.last_answered() - told, probes.last_answered() - opened);
                let lasts = site.lasts(site.short());
                println!("{form}, {address}: the last probe that passed was sent after {since_told:?} of {lasts:?}");
                // Whole seconds count from when they were written, and end before the moment that was told.
                assert!(since_told + LATEST >= lasts, "{form}: too soon, {since_told:?}");
                assert!(since_opened <= lasts + LATEST, "{form}: too late, {since_opened:?}");
                assert!(since_told <= Duration::from_millis(site.short()) + LATEST, "{form}: too late, {since_told:?}");
                assert_eq!(probes.lost_between(opened, told + lasts.saturating_sub(LATEST / 2)), 0);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_renewed_every_250_ms_never_leaves_a_gap() {
    for form in FORMS {
        measured(LATEST / 2, async || {
            let site = Site::of(form);
            let gate = site.gate();
            gate.open(in_ms(1500)).await.unwrap();
            let all_asking = [site.probe(SERVER, 5060), site.probe(SERVER_V6, 5060)];
            let begun = Instant::now();
            let end = begun + Duration::from_secs(4);
            let mut slowest = Duration::ZERO;
            // What was sent last has a moment to be answered.
            while Instant::now() < end + LATEST {
                pause(250).await;
                let before = Instant::now();
                gate.open(in_ms(1500)).await.unwrap();
                slowest = slowest.max(before.elapsed());
                assert!(gate.is_whole().await.unwrap());
            }
            println!("{form}: the slowest renewal took {slowest:?}");
            for probes in all_asking.map(site::Prober::end) {
                assert!(probes.sent.len() > 200);
                assert_eq!(probes.lost_between(begun, end), 0);
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_is_up_stops_when_the_gate_closes_although_others_accept_established_flows() {
    in_both_forms(async |site| {
        let form = site.form;
        for chain in ["INPUT", "OUTPUT"] {
            let accept = ["-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT"];
            site.server.checked(&[&["iptables", "-I", chain][..], &accept].concat());
        }
        let gate = site.gate();
        gate.open(in_ms(60_000)).await.unwrap();
        let asking = site.probe(SERVER, 5060);
        let begun = Instant::now();
        pause(200).await;
        let told = Instant::now();
        gate.close().await.unwrap();
        println!("{form}: closing took {:?}", told.elapsed());
        let closed = Instant::now();
        pause(300).await;
        let probes = asking.end();
        assert!(probes.answered_between(begun, told) > 5);
        assert_eq!(probes.answered_between(closed, Instant::now()), 0);
        assert_eq!(gate.seen().await.unwrap(), GateSeen::Closed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_ping_and_the_heartbeat_go_on_while_the_gate_is_closed() {
    in_both_forms(async |site| {
        let gate = site.gate();
        gate.close().await.unwrap();
        let listener = |port| site.server.within(|| TcpListener::bind(("::", port)).unwrap());
        let (_ssh, _sip) = (listener(22), listener(5060));
        for address in [SERVER, SERVER_V6] {
            let connects = |port: u16| {
                let to = (address, port);
                site.phone.within(|| TcpStream::connect(to).is_ok())
            };
            assert!(connects(22), "SSH to {address}");
            assert!(!connects(5060), "SIP over TCP to {address}");
            site.phone.checked(&["ping", "-c", "1", "-W", "1", address]);
            assert!(site.answers(address, 9527), "the heartbeat to {address}");
            assert!(!site.answers(address, 5060), "SIP to {address}");
        }
        assert!(site.server.within(|| TcpStream::connect(("127.0.0.1", 5060)).is_ok()), "loopback");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_do_with_iptables_does_not_open_it() {
    undisturbed(LATEST / 2, async || {
        let site = Site::new();
        let gate = site.gate();
        gate.close().await.unwrap();
        for program in ["iptables", "ip6tables"] {
            site.server.checked(&[program, "-I", "INPUT", "-j", "ACCEPT"]);
            site.server.checked(&[program, "-F"]);
            site.server.checked(&[program, "-X"]);
            let output = site.server.run(&[&format!("{program}-restore")], "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n");
            assert!(output.status.success());
        }
        assert!(!site.answers(SERVER, 5060) && !site.answers(SERVER_V6, 5060));
        assert!(gate.is_whole().await.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_by_others_is_told_once_and_mended_closed_unless_entitled() {
    in_both_forms(async |site| {
        let form = site.form;
        let gate = site.gate();
        gate.close().await.unwrap();
        let flush = || match form {
            GateForm::Nft => drop(site.server.checked(&["nft", "flush", "ruleset"])),
            GateForm::Ipset => {
                for of in ["iptables", "ip6tables"] {
                    drop(site.server.checked(&[of, "-F"]));
                }
            }
        };

        flush();
        assert!(site.answers(SERVER, 5060), "without a gate nothing is turned away");
        assert!(!gate.is_whole().await.unwrap());
        gate.close().await.unwrap();
        assert!(!site.answers(SERVER, 5060) && gate.is_whole().await.unwrap());

        // A renewal mends it before anybody looks: it is told all the same.
        gate.open(in_ms(60_000)).await.unwrap();
        flush();
        if form == GateForm::Ipset {
            // Here a renewal speaks with the set only, and the look, as often as once a second, sees the chains.
            assert!(!gate.is_whole().await.unwrap());
        }
        gate.open(in_ms(site.short())).await.unwrap();
        assert_eq!(gate.seen().await.unwrap(), GateSeen::Timed);
        assert_eq!(gate.is_whole().await.unwrap(), form == GateForm::Ipset);
        assert!(gate.is_whole().await.unwrap());
        pause(site.short() + 100).await;
        assert!(!site.answers(SERVER, 5060), "what was mended ends");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_by_others_is_seen_and_mended() {
    in_both_forms(async |site| {
        let form = site.form;
        let gate = site.gate();
        let set = ["inet", "mxone_redundancy", "right"];
        let with_nft: [&[&str]; 5] = [
            &["nft", "insert", "rule", "inet", "mxone_redundancy", "input", "accept"],
            &["nft", "flush", "chain", "inet", "mxone_redundancy", "forward"],
            &["nft", "add", "rule", "inet", "mxone_redundancy", "output", "drop"],
            &["nft", "delete", "table", "inet", "mxone_redundancy"],
            &[&["nft", "add", "element"], &set[..], &["{ ipv4, ipv6 }"]].concat(),
        ];
        let with_ipset: [&[&str]; 6] = [
            &["iptables", "-I", "INPUT", "-j", "ACCEPT"],
            &["ip6tables", "-F", "MXONE_REDUNDANCY_GATE_FWD"],
            &["iptables", "-A", "MXONE_REDUNDANCY_GATE_OUT", "-j", "DROP"],
            &["ip6tables", "-D", "OUTPUT", "-j", "MXONE_REDUNDANCY_GATE_OUT"],
            &["ipset", "add", "MXONE_REDUNDANCY_4", "192.0.2.0/24", "timeout", "0"],
            &["sh", "-c", "echo '*filter\nCOMMIT' | iptables-restore"],
        ];
        let changes: &[&[&str]] = if form == GateForm::Nft { &with_nft } else { &with_ipset };
        for change in changes {
            gate.close().await.unwrap();
            assert!(gate.is_whole().await.unwrap());
            site.server.checked(change);
            assert!(!gate.is_whole().await.unwrap(), "{change:?}");
            assert!(!gate.is_whole().await.unwrap(), "{change:?}: as long as it is so");
            gate.open(in_ms(60_000)).await.unwrap();
            assert!(gate.is_whole().await.unwrap(), "{change:?}");
            gate.close().await.unwrap();
            assert!(!site.answers(SERVER, 5060), "{change:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_is_seen_as_what_it_is_also_by_the_next_process() {
    in_both_forms(async |site| {
        let form = site.form;
        let gate = site.gate();
        let seen = async || site.gate().seen().await.unwrap();
        assert_eq!(seen().await, GateSeen::Unarmed);
        gate.open(in_ms(60_000)).await.unwrap();
        assert_eq!(seen().await, GateSeen::Timed);
        // The next process opens it without a gap, and leaves no more than there was.
        let asking = site.probe(SERVER, 5060);
        let begun = Instant::now();
        site.gate().open(in_ms(60_000)).await.unwrap();
        pause(50).await;
        assert_eq!(asking.end().lost_between(begun, begun + Duration::from_millis(40)), 0);
        gate.close().await.unwrap();
        assert_eq!(seen().await, GateSeen::Closed);
        gate.disarm().await.unwrap();
        assert_eq!(seen().await, GateSeen::Unarmed);
        assert!(site.answers(SERVER, 5060) && gate.is_whole().await.unwrap());
        match form {
            GateForm::Nft => assert_eq!(site.server.checked(&["nft", "list", "ruleset"]), ""),
            GateForm::Ipset => {
                let left = ["iptables-save", "ip6tables-save"].map(|save| site.server.checked(&[save])).concat();
                assert!(!left.contains("MXONE"), "{left}");
                assert_eq!(site.server.checked(&["ipset", "list", "-n"]), "");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_of_the_largest_pair_of_systems_is_written_and_read_in_time() {
    in_both_forms(async |site| {
        let form = site.form;
        let host = |lim: u8| [IpAddr::from([198, 51, 100, lim]), format!("2001:db8::{lim}:1").parse().unwrap()];
        let servers: Vec<IpAddr> = (1..=248).flat_map(host).collect();
        let gate = ServerGate::new(site.host(), site::sparing(&servers));
        gate.open(in_ms(60_000)).await.unwrap();
        let begun = Instant::now();
        assert!(gate.is_whole().await.unwrap());
        println!("{form}: reading it took {:?}", begun.elapsed());
        gate.close().await.unwrap();
        println!("{form}: reading and closing it took {:?}", begun.elapsed());
        assert!(!site.answers(SERVER, 5060));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_nft_that_dies_or_hangs_is_replaced() {
    undisturbed(LATEST / 2, async || {
        let site = Site::new();
        let gate = site.gate();
        gate.open(in_ms(60_000)).await.unwrap();
        for signal in ["-KILL", "-STOP"] {
            signalled(&site, signal);
            gate.open(in_ms(60_000)).await.unwrap();
            assert_eq!(site.gate().seen().await.unwrap(), GateSeen::Timed, "{signal}");
            signalled(&site, signal);
            gate.close().await.unwrap();
            assert!(!site.answers(SERVER, 5060), "{signal}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_nft_that_was_told_much_is_replaced_before_it_grows() {
    undisturbed(LATEST / 2, async || {
        let site = Site::new();
        let gate = site.gate();
        gate.open(in_ms(60_000)).await.unwrap();
        let first = standing(&site);
        let asking = site.probe(SERVER, 5060);
        let begun = Instant::now();
        for _ in 0..600 {
            gate.open(in_ms(60_000)).await.unwrap();
        }
        let replaced = Instant::now();
        pause(100).await;
        assert_eq!(asking.end().lost_between(begun, replaced), 0);
        let second = standing(&site);
        assert_eq!((first.len(), second.len()), (1, 1), "the former one has ended: {first:?} {second:?}");
        assert_ne!(first, second);
    })
    .await;
}

/// Sends a signal to each nft that stands ready on the server.
fn signalled(site: &Site, signal: &str) {
    for pid in standing(site) {
        namespace::checked(&["kill", signal, &pid], "");
    }
}

/// The process ids of the nft that stand ready on the server; there is one at least.
fn standing(site: &Site) -> Vec<String> {
    let pids = namespace::checked(&["ip", "netns", "pids", &site.server.name], "");
    let is_nft = |pid: &&str| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "nft\n");
    let standing: Vec<String> = pids.split_whitespace().filter(is_nft).map(str::to_owned).collect();
    assert!(!standing.is_empty(), "no nft stands ready: {pids}");
    standing
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_has_ended_is_never_written() {
    in_both_forms(async |site| {
        let gate = site.gate();
        let ended = in_ms(0);
        assert!(matches!(gate.open(ended).await, Err(GateError::TooLate)));
        assert_eq!(gate.seen().await.unwrap(), GateSeen::Unarmed, "there is nothing yet");
        gate.open(in_ms(site.short())).await.unwrap();
        assert!(matches!(gate.open(ended).await, Err(GateError::TooLate)));
        assert!(site.answers(SERVER, 5060), "what is there ends as it was to end");
        pause(site.short() + 100).await;
        assert!(!site.answers(SERVER, 5060));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ipset_is_never_given_less_than_a_second_and_what_is_there_ends_as_it_was_to_end() {
    measured(LATEST / 2, async || {
        let site = Site::of(GateForm::Ipset);
        let gate = site.gate();
        assert!(matches!(gate.open(in_ms(950)).await, Err(GateError::TooLate)));
        assert_eq!(gate.seen().await.unwrap(), GateSeen::Unarmed, "there is nothing yet");
        gate.open(in_ms(2000)).await.unwrap();
        let opened = Instant::now();
        let asking = site.probe(SERVER, 5060);
        pause(500).await;
        assert!(matches!(gate.open(in_ms(950)).await, Err(GateError::TooLate)));
        pause(1500).await;
        let passed = asking.end().last_answered() - opened;
        assert!(passed <= Duration::from_secs(1) + LATEST && passed + LATEST >= Duration::from_secs(1), "{passed:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nft_comes_first_then_ipset_and_where_neither_works_that_is_said() {
    undisturbed(LATEST / 2, async || {
        let site = Site::of(GateForm::Ipset);
        let host = namespace::NamespaceHost::new(&site.server);
        assert_eq!(form_of(host.as_ref()).await.unwrap(), GateForm::Nft);
        assert_eq!(form_of(site.host().as_ref()).await.unwrap(), GateForm::Ipset);
        assert_eq!(site.server.checked(&["ipset", "list", "-n"]), "", "the trial leaves nothing");
        for missing in [&["nft", "ipset"], &["nft", "ip6tables-restore"]] {
            let host = namespace::NamespaceHost::new(&site.server);
            host.uninstall(missing);
            let error = form_of(host.as_ref()).await.unwrap_err().to_string();
            assert!(error.contains("nft: ") && error.contains("ipset with iptables: "), "{missing:?}: {error}");
        }

        // One that is there with ipset is gone on with when nft is installed: it would stay closed for ever.
        site.gate().close().await.unwrap();
        assert_eq!(form_of(host.as_ref()).await.unwrap(), GateForm::Ipset);
        let gate = ServerGate::new(host.clone(), site::table());
        assert_eq!(gate.seen().await.unwrap(), GateSeen::Closed);
        gate.disarm().await.unwrap();
        assert!(site.answers(SERVER, 5060));
        assert_eq!(form_of(host.as_ref()).await.unwrap(), GateForm::Nft);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_nft_that_fails_is_no_reason_to_leave_its_table_behind() {
    undisturbed(LATEST / 2, async || {
        let site = Site::of(GateForm::Nft);
        let (well, ill) = (site.host(), site.host());
        let gate = site.gate();
        gate.open(in_ms(60_000)).await.unwrap();
        let busy = b"netlink: Error: cache initialization failed: Resource temporarily unavailable".to_vec();
        ill.spoil(move |command| {
            let failed = Output { status: 1, stderr: busy.clone(), ..Output::default() };
            (command.arguments[0] == "nft").then_some(failed)
        });
        let error = form_of(ill.as_ref()).await.unwrap_err().to_string();
        assert!(error.contains("nft: ") && error.contains("unavailable"), "{error}");
        let other = ServerGate::new(ill, site::table());
        assert!(
            other.open(in_ms(60_000)).await.is_err(),
            "who cannot see the table that holds calls back opens nothing"
        );
        assert_eq!(site.server.checked(&["ipset", "list", "-n"]), "");
        assert!(site.answers(SERVER, 5060), "what is open stays so until its right ends");

        // Where nft was away for a while, the gate with ipset goes when it is back: its table would stay closed.
        let without = site.host();
        without.uninstall(&["nft"]);
        ServerGate::new(without, site::table()).open(in_ms(2000)).await.unwrap();
        assert!(site.server.checked(&["ipset", "list", "-n"]).contains("MXONE"));
        assert_eq!(form_of(well.as_ref()).await.unwrap(), GateForm::Nft);
        let next = ServerGate::new(well, site::table());
        next.open(in_ms(60_000)).await.unwrap();
        assert_eq!(site.server.checked(&["ipset", "list", "-n"]), "");
        assert!(site.answers(SERVER, 5060));
    })
    .await;
}
