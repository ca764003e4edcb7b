//! The lab proves itself before anything is proved with it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]

#[path = "lab/lab.rs"]
mod lab;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use lab::auditor::Auditor;
use lab::exchange::{self, BACKUPS, GATEWAY_NUMBER, PHONE_NUMBER, TRUNK_NUMBER, VERSION};
use lab::host::wait_until;
use lab::sip::{self, End, TcpSession};
use lab::{Flavour, Lab, LabOptions, NETWORK_CONTROL_ADDRESS, namespace, server_address};
use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

#[test]
fn both_sites_answer_and_the_auditor_sees_that_both_do() {
    let lab = Lab::start(LabOptions::default());
    let auditor = Auditor::start(&lab);
    wait_until("half a second has been audited", || auditor.now() > Duration::from_millis(500));
    let story = auditor.stop();
    for (site, lim) in [(Primary, 1), (Primary, 2), (Alternate, 1), (Alternate, 2)] {
        assert!(
            story.probes.iter().any(|probe| probe.site == site && probe.lim == lim && probe.answered.is_some()),
            "LIM {lim} of the {site} answers"
        );
    }
    assert!(!story.dual_live().is_empty(), "nothing is blocked, so both are live");
    assert!(story.gap().length < Duration::from_millis(200), "{:?}", story.gap());
}

#[test]
fn a_call_through_the_primary_reaches_gateway_trunk_and_phone() {
    let lab = Lab::start(LabOptions::default());
    let primary = server_address(Primary, 1).into();
    sip::call(lab.client(), primary, GATEWAY_NUMBER).unwrap();
    sip::call(lab.client(), primary, TRUNK_NUMBER).unwrap();
    sip::call(lab.client(), primary, PHONE_NUMBER).expect_err("its phone is not registered");
    let _phone = sip::phone(lab.client(), primary, PHONE_NUMBER).unwrap();
    sip::call(lab.client(), primary, PHONE_NUMBER).unwrap();
    sip::call(lab.client(), server_address(Alternate, 1).into(), GATEWAY_NUMBER).expect_err("it has no data yet");
}

#[test]
fn a_wrong_gateway_address_is_a_call_that_fails() {
    let lab = Lab::start(LabOptions::default());
    let (host, address) = (lab.server(Primary, 1), server_address(Primary, 1).into());
    exchange::change(host, "extensions.csv", "192.0.2.20", "192.0.2.21");
    host.must(&["lab-reload"]);
    sip::call(lab.client(), address, GATEWAY_NUMBER).expect_err("nobody is at that address");
}

#[test]
fn loaded_data_count_on_every_server_and_leave_a_proof() {
    let lab = Lab::start(LabOptions::default());
    let (primary, alternate) = (lab.server(Primary, 1), lab.server(Alternate, 1));
    let id = primary.must(&["lab-backup"]).trim().to_owned();
    let second = primary.must(&["lab-backup"]).trim().to_owned();
    assert!(second > id, "{second} sorts after {id}");
    let listed = primary.must(&["lab-backups"]);
    assert!(
        listed.lines().last().unwrap().starts_with(&format!("backup {second} version {VERSION} made ")),
        "{listed}"
    );
    assert_eq!(alternate.must(&["lab-status"]), "load 0 backup none\n");

    for file in ["system.conf", "routes.conf", "extensions.csv"] {
        let text = primary.read(&format!("{BACKUPS}/{second}/{file}"));
        let text = text.replace("192.0.2.", "198.51.100.").replace("2001:db8:1:", "2001:db8:2:");
        alternate.write(&format!("/var/opt/lab/incoming/{second}/{file}"), &text);
    }
    alternate.must(&["lab-load", &format!("/var/opt/lab/incoming/{second}")]);
    alternate.must(&["lab-reload"]);
    let status = alternate.must(&["lab-status"]);
    assert!(
        status.starts_with(&format!("load 1 backup {second} at ")) && status.ends_with(" Successful\n"),
        "{status}"
    );
    for lim in [1, 2] {
        sip::call(lab.client(), server_address(Alternate, lim).into(), GATEWAY_NUMBER).unwrap();
        sip::call(lab.client(), server_address(Alternate, lim).into(), TRUNK_NUMBER).unwrap();
    }
}

#[test]
fn an_mxone_backs_up_restores_and_reloads() {
    let lab = Lab::start(LabOptions { flavour: Flavour::Mxone, ..LabOptions::default() });
    let (primary, alternate) = (lab.server(Primary, 1), lab.server(Alternate, 1));
    assert_eq!(primary.must(&["serverConfigTool", "getMasterAddress"]), "192.0.2.10/24\n");
    assert!(primary.must(&["mxone_data", "-p"]).contains("192.0.2.11"));
    assert!(primary.must(&["data_backup"]).contains("Backup of exchange data successful"));
    let told = primary.must(&["data_info"]);
    let id = told.strip_prefix("Current backup:   ").unwrap().split(' ').next().unwrap();
    let folder = format!("/var/opt/eri_sn/{VERSION}/xdata/xdata_1_{id}");
    for name in primary.sh(&format!("cd {folder} && find . -type f")).lines() {
        let text = primary.read(&format!("{folder}/{name}"));
        let text = text.replace("192.0.2.", "198.51.100.").replace("2001:db8:1:", "2001:db8:2:");
        alternate.write(&format!("{folder}/{name}"), &text);
    }
    let rows = |status: &str| status.lines().filter(|line| line.starts_with("Data Reload  ")).count();
    let before = rows(&alternate.must(&["status", "-system"]));
    alternate.sh("echo Y | data_restore && echo Y | reload --system");
    assert_eq!(rows(&alternate.must(&["status", "-system"])), before + 1);
    for number in [GATEWAY_NUMBER, TRUNK_NUMBER] {
        sip::call(lab.client(), server_address(Alternate, 2).into(), number).unwrap();
    }
}

#[test]
fn data_of_the_other_site_do_not_load() {
    let lab = Lab::start(LabOptions::default());
    let (primary, alternate) = (lab.server(Primary, 1), lab.server(Alternate, 1));
    let id = primary.must(&["lab-backup"]).trim().to_owned();
    for file in ["system.conf", "routes.conf", "extensions.csv"] {
        alternate
            .write(&format!("/var/opt/lab/incoming/{id}/{file}"), &primary.read(&format!("{BACKUPS}/{id}/{file}")));
    }
    // Untranslated, LIM 2 is the primary's own, which knows another key.
    let loaded = alternate.run(&["lab-load", &format!("/var/opt/lab/incoming/{id}")]);
    let reloaded = alternate.run(&["lab-reload"]);
    assert!(loaded.code() != 0 || reloaded.code() != 0, "{loaded:?} {reloaded:?}");
    assert_eq!(alternate.must(&["lab-status"]), "load 0 backup none\n");
}

#[test]
fn a_pulled_cable_is_noticed_and_put_back() {
    let lab = Lab::start(LabOptions::default());
    let host = lab.server(Primary, 1);
    let auditor = Auditor::start(&lab);
    wait_until("the primary has answered", || auditor.now() > Duration::from_millis(200));
    lab.cut(host);
    let cut = auditor.now();
    wait_until("a while has passed", || auditor.now() > cut + Duration::from_millis(300));
    let healed = auditor.now();
    lab.heal(host);
    lab.client().must(&["ping", "-c", "1", "-w", "5", &host.v4.to_string()]);
    let back = auditor.now();
    wait_until("it has answered again", || auditor.now() > back + Duration::from_millis(300));
    let story = auditor.stop();
    let of_lim1 = |from, until| {
        let part = story.between(from, until);
        part.probes.iter().any(|probe| probe.site == Primary && probe.lim == 1 && probe.answered.is_some())
    };
    assert!(of_lim1(Duration::ZERO, cut), "it answers before");
    assert!(!of_lim1(cut + Duration::from_millis(20), healed), "it does not answer while its cable is out");
    assert!(of_lim1(back, back + Duration::from_millis(300)), "it answers afterwards");
    let meanwhile = story.between(cut + Duration::from_millis(20), healed);
    let heard = meanwhile.own.iter().any(|probe| (probe.site, probe.lim) == (Primary, 1) && probe.answered.is_some());
    assert!(heard, "nothing blocks it, which the auditor hears by its own line all the time");
}

#[test]
fn sites_can_be_parted_while_both_reach_the_users() {
    let lab = Lab::start(LabOptions::default());
    let (primary, alternate) = (lab.server(Primary, 1), lab.server(Alternate, 1));
    let ping = |to: &str| alternate.run(&["ping", "-c", "1", "-W", "1", to]).code();
    assert_eq!(ping(&primary.v4.to_string()), 0);
    assert_eq!(ping(&primary.v6.to_string()), 0);
    lab.cut_between_sites();
    assert_eq!(ping(&primary.v4.to_string()), 1);
    assert_eq!(ping(&primary.v6.to_string()), 1);
    assert_eq!(ping(&NETWORK_CONTROL_ADDRESS.to_string()), 0);
    lab.heal_between_sites();
    assert_eq!(ping(&primary.v4.to_string()), 0);
}

#[test]
fn power_off_and_on_gives_a_fresh_packet_filter_and_the_same_files() {
    let lab = Lab::start(LabOptions::default());
    let host = lab.server(Primary, 1);
    host.must(&["iptables", "-w", "-A", "INPUT", "-p", "udp", "--dport", "5060", "-j", "DROP"]);
    host.write("/var/lib/kept", "kept");
    host.write("/run/lost", "lost");
    lab.power_off(host);
    assert!(host.namespace.pids().is_empty());
    assert_ne!(lab.client().run(&["ping", "-c", "1", "-W", "1", &host.v4.to_string()]).code(), 0);
    lab.power_on(host);
    assert_eq!(host.read("/var/lib/kept"), "kept");
    assert!(!host.has("/run/lost"));
    assert!(!host.must(&["iptables-save"]).contains("5060"));
    sip::call(lab.client(), host.v4.into(), GATEWAY_NUMBER).unwrap();
}

#[test]
fn an_enabled_guard_runs_before_the_network_is_up() {
    let lab = Lab::start(LabOptions::default());
    let host = lab.server(Primary, 1);
    host.write("/etc/guard/seen.sh", "ip -brief link show eth0 > /var/lib/seen-at-boot\n");
    host.write(
        "/etc/systemd/system/mxone-lab-guard.service",
        "[Unit]\nDescription=Looks at the link\nDefaultDependencies=no\nBefore=network-pre.target\nWants=network-pre.target\n\
         ConditionPathExists=/etc/guard/seen.sh\nConditionPathExists=!/etc/guard/not-there\n\
         [Service]\nType=oneshot\nExecStart=/bin/sh /etc/guard/seen.sh\n[Install]\nWantedBy=sysinit.target\n",
    );
    host.must(&["mkdir", "-p", "/etc/systemd/system/sysinit.target.wants"]);
    let link = "/etc/systemd/system/sysinit.target.wants/mxone-lab-guard.service";
    host.must(&["ln", "-s", "/etc/systemd/system/mxone-lab-guard.service", link]);
    lab.restart(host);
    assert!(host.read("/var/lib/seen-at-boot").contains("DOWN"), "{}", host.read("/var/lib/seen-at-boot"));
    host.must(&["rm", "/etc/guard/seen.sh", "/var/lib/seen-at-boot"]);
    lab.restart(host);
    assert!(!host.has("/var/lib/seen-at-boot"), "its condition does not hold any more");
}

#[test]
fn an_enabled_timer_starts_its_service_after_boot() {
    let lab = Lab::start(LabOptions::default());
    let host = lab.server(Primary, 1);
    let units = "/etc/systemd/system";
    host.write(&format!("{units}/mxone-lab-later.timer"), "[Timer]\nOnBootSec=1\n[Install]\nWantedBy=timers.target\n");
    host.write(
        &format!("{units}/mxone-lab-later.service"),
        "[Unit]\nConditionPathExists=/var/lib/wanted\n[Service]\nType=oneshot\nExecStart=/bin/touch /var/lib/later\n",
    );
    host.must(&["mkdir", "-p", &format!("{units}/timers.target.wants")]);
    host.must(&["ln", "-s", &format!("{units}/mxone-lab-later.timer"), &format!("{units}/timers.target.wants/")]);
    lab.restart(host);
    assert!(!host.has("/var/lib/later"));
    // Its condition is looked at when its time has come, not at boot.
    host.write("/var/lib/wanted", "");
    wait_until("the service has run", || host.has("/var/lib/later"));
}

#[test]
fn the_operator_gets_from_the_alternate_to_every_server_by_key() {
    let lab = Lab::start(LabOptions::default());
    let seat = lab.server(Alternate, 1);
    for host in lab.servers() {
        for user in ["root", "mxone_admin"] {
            let who = format!("{user}@{}", host.v4);
            let said =
                seat.must(&["ssh", "-n", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", &who, "id", "-un"]);
            assert_eq!(said.trim(), user);
        }
    }
    let done = lab.server(Primary, 1).run(&["ssh", "-n", "-o", "BatchMode=yes", "root@198.51.100.10", "true"]);
    assert_eq!(done.code(), 255, "the primary holds no key to the alternate: {done:?}");
}

#[test]
fn a_session_that_is_turned_away_ends() {
    let lab = Lab::start(LabOptions::default());
    let host = lab.server(Primary, 1);
    let open = |how: &[&str]| {
        let session = TcpSession::open(lab.client(), host.v4.into()).unwrap();
        assert!(session.goes_on());
        host.must(&[&["iptables", "-w", "-I", "INPUT", "-p", "tcp", "--dport", "5060", "-j"], how].concat());
        let ended = session.wait_for_end();
        host.must(&["iptables", "-w", "-F", "INPUT"]);
        ended.how
    };
    assert_eq!(open(&["REJECT", "--reject-with", "tcp-reset"]), End::Reset);
    assert_eq!(open(&["DROP"]), End::Silent);
}

#[test]
fn nothing_outlives_the_lab() {
    let begun = Instant::now();
    let lab = Lab::start(LabOptions::default());
    let took = begun.elapsed();
    let (base, prefix) = (lab.folder().to_owned(), lab.prefix());
    let process = lab.server(Primary, 1).spawn_quiet(&["sleep", "600"]);
    let pid = process.id();
    // Forgotten, as by a test that does not know of it.
    std::mem::forget(process);
    assert!(!lab::leftovers::mounts_in(&base).is_empty());
    drop(lab);
    assert_eq!(lab::leftovers::mounts_in(&base), Vec::<std::path::PathBuf>::new());
    assert!(!base.exists());
    let left: Vec<_> = std::fs::read_dir("/run/netns").unwrap().flatten().map(|entry| entry.file_name()).collect();
    let left: Vec<_> = left.iter().filter(|name| name.to_string_lossy().starts_with(&format!("{prefix}-"))).collect();
    assert!(left.is_empty(), "{left:?}");
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
    assert!(took < Duration::from_secs(20), "a lab stands within seconds, this one took {took:?}");
    eprintln!("the lab stood after {took:?}");
}

#[test]
fn what_a_dead_run_left_behind_is_removed_at_the_next_start() {
    // Stands for a test program that was killed; while it lives, its lab is left alone.
    let mut creator = Command::new("sleep").arg("600").spawn().unwrap();
    let prefix = format!("rd-{}-0", creator.id());
    let namespace = namespace::Namespace::new(&format!("{prefix}-p1"));
    namespace.create();
    let base = lab::leftovers::make_base(&prefix);
    let net = format!("--net={}", namespace.path().display());
    let mut inside = Command::new("nsenter").args([&net, "sleep", "600"]).spawn().unwrap();
    wait_until("a process is in it", || !namespace.pids().is_empty());
    lab::leftovers::clean();
    assert!(namespace.path().exists() && base.exists());

    creator.kill().unwrap();
    creator.wait().unwrap();
    lab::leftovers::clean();
    assert!(!namespace.path().exists() && !base.exists());
    assert!(!inside.wait().unwrap().success(), "it was killed");
}

#[test]
fn the_profile_of_the_labs_system_is_whole() {
    let text = include_str!("../src/lab/platform.yaml");
    let profile = mxone_system_redundancy::config::platform::parse(Path::new("lab.yaml"), text);
    assert_eq!(profile.unwrap_or_else(|problems| panic!("{problems:#?}")).name, "lab");
}
