//! Memory stays flat whatever the size of a backup: the real program, over a real sshd, in the namespace lab.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]

#[path = "lab/lab.rs"]
mod lab;

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use lab::exchange::BACKUPS;
use lab::host::{Host, Running};
use lab::{Lab, LabOptions, NETWORK_CONTROL_ADDRESS};
use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};

/// What the program may use at most, in KiB.
const ALLOWED: u64 = 100 * 1024;

/// Long enough for a busy machine; a copy takes seconds.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn a_backup_of_2_gib_is_copied_and_loaded_in_less_than_100_mib() {
    let lab = Lab::start(LabOptions { servers: 1, call_servers: 1, gateways: false, ..LabOptions::default() });
    let (primary, seat) = (lab.server(Primary, 1), lab.server(Alternate, 1));
    configure(&lab, seat);
    let id = primary.must(&["lab-backup"]).trim().to_owned();
    // One half has an address to translate in every line, the other is no text at all.
    let name = "Carla ".repeat(200);
    primary.sh(&format!(
        "mkdir {BACKUPS}/{id}/more && cd {BACKUPS}/{id}/more && (echo number,name,gateway; yes '1002,{name},192.0.2.20') \
         | head -c 1G >extensions.csv \
         && head -c 64M /dev/urandom >piece && for i in $(seq 16); do cat piece; done >announcements && rm piece"
    ));
    let size: u64 = primary.sh(&format!("du -sb {BACKUPS}/{id}")).split('\t').next().unwrap().parse().unwrap();
    assert!(size >= 2 << 30, "{size}");

    let begun = Instant::now();
    let copy = most_memory(seat.spawn(&["mxone_system_redundancy", "data", "copy", "--yes"]));
    eprintln!("data copy: {} MiB at most, {:?}", copy / 1024, begun.elapsed());
    assert!(copy < ALLOWED, "{copy} KiB");
    let loaded = seat.sh(&format!("tail -n 2 /var/opt/lab/incoming/{id}/more/extensions.csv"));
    assert!(loaded.lines().next().unwrap().ends_with(",198.51.100.20"), "{loaded}");
    let status = most_memory(seat.spawn(&["mxone_system_redundancy", "status"]));
    eprintln!("status: {} MiB at most", status / 1024);
    assert!(status < ALLOWED, "{status} KiB");
}

fn configure(lab: &Lab, seat: &Host) {
    lab.server(Primary, 1).must(&["lab-backup"]);
    seat.write("/etc/mxone_system_redundancy/platforms/lab.yaml", include_str!("../src/lab/platform.yaml"));
    let mut answers = format!(
        "platform: lab\nprimary_master_address: {}\nnetwork_control_address: {NETWORK_CONTROL_ADDRESS}\n\
         translation: {{192.0.2.0/24: 198.51.100.0/24, '2001:db8:1::/64': '2001:db8:2::/64'}}\n\
         takeover: {{alternate-from-primary: manual, primary-from-alternate: manual}}\nboot_without_peer: stay-blocked\n\
         ssh: {{user: root, identity: /root/.ssh/id_ed25519}}\nhost_keys:\n",
        lab.server(Primary, 1).v4
    );
    for host in lab.servers() {
        writeln!(answers, "  {}: {}", host.v4, host.host_key()).unwrap();
    }
    seat.write("/root/answers.yaml", &answers);
    seat.must(&["mxone_system_redundancy", "configure", "--answers", "/root/answers.yaml", "--yes"]);
}

/// The most memory a program had in use at any time, in KiB: the kernel keeps the high-water mark, so it is enough to
/// have looked shortly before the end.
fn most_memory(mut running: Running) -> u64 {
    let begun = Instant::now();
    let mut most = 0;
    while running.ended().is_none() {
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        let status = fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let mark = mark.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        most = mark.unwrap_or(0).max(most);
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let done = running.finish().ok();
    assert!(most > 0, "{done:?}");
    most
}
