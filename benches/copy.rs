//! How long one big file takes from site to site: our stream against `ssh cat`, `scp` and `rsync`, all over a real
//! sshd of the namespace lab, from memory to memory.
//!
//! `cargo bench --bench copy`, as root. `COPY_MIB` sets the size (1024 by default), `COPY_ROUNDS` the rounds (3).
//! To reach: 1.05 × `ssh cat` without delay, 4 × at 20 ms round trip.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot run says why and ends"
)]
#![allow(clippy::print_stdout, reason = "a table is what it is for")]

#[path = "delayed/delayed.rs"]
mod delayed;
#[path = "../tests/lab/lab.rs"]
mod lab;
#[path = "measured/measured.rs"]
mod measured;

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lab::host::Host as LabHost;
use lab::{Lab, LabOptions};
use measured::{Contest, Runner};
use mxone_system_redundancy::adapters::ssh::{Login, SshHost, SshServer};
use mxone_system_redundancy::domain::configuration::SshAccess;
use mxone_system_redundancy::domain::site::Site;
use mxone_system_redundancy::ports::host::{Command, Host, Sink};

/// Half of the round trip between two sites far apart.
const ONE_WAY: Duration = Duration::from_millis(10);

fn main() {
    let number = |name: &str, usual: usize| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let (mebibytes, rounds) = (number("COPY_MIB", 1024), number("COPY_ROUNDS", 3));
    let lab = Lab::start(LabOptions { servers: 1, call_servers: 0, gateways: false, ..LabOptions::default() });
    let (from, to) = (lab.server(Site::Primary, 1), lab.server(Site::Alternate, 1));
    from.sh(&format!("head -c {mebibytes}M /dev/urandom > /tmp/big"));

    let direct = SocketAddr::new(from.v4.into(), 22);
    println!("{mebibytes} MiB of random bytes, no delay\n");
    contest(from, to, direct, rounds);
    let distant = delayed::line(&to.namespace, direct, ONE_WAY);
    println!("{mebibytes} MiB of random bytes, {} ms round trip\n", 2 * ONE_WAY.as_millis());
    contest(from, to, distant, rounds);
}

fn contest(from: &LabHost, to: &LabHost, at: SocketAddr, rounds: usize) {
    let host_key = from.host_key();
    let (address, port) = (at.ip(), at.port());
    let ssh = format!("ssh -p {port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR");
    let options = ssh.trim_start_matches("ssh -p ").split_once(' ').unwrap().1.to_owned();
    let wipe = || {
        to.sh("rm -f /tmp/got");
    };
    let shell = |line: String| move || drop(to.sh(&line));
    let runners = vec![
        Runner::new("ours", || ours(&host_key, to, at), wipe),
        Runner::new("ssh cat", shell(format!("{ssh} root@{address} cat /tmp/big > /tmp/got")), wipe),
        Runner::new(
            "ssh cat, aes128-gcm",
            shell(format!("{ssh} -c aes128-gcm@openssh.com root@{address} cat /tmp/big > /tmp/got")),
            wipe,
        ),
        Runner::new("scp", shell(format!("scp -q -P {port} {options} root@{address}:/tmp/big /tmp/got")), wipe),
        Runner::new("rsync -W", shell(format!("rsync -W -e '{ssh}' root@{address}:/tmp/big /tmp/got")), wipe),
    ];
    Contest { rounds, runners, doing: "copy", undoing: "" }.run();
}

/// One connection made anew and one stream, by the adapter that the product copies with.
fn ours(host_key: &str, to: &LabHost, at: SocketAddr) {
    let access =
        SshAccess { user: "root".to_owned(), identity: Some(to.path("/root/.ssh/id_ed25519")), ..SshAccess::default() };
    let server = SshServer { name: at.to_string(), address: at, host_key: host_key.parse().unwrap() };
    let path = to.path("/tmp/got");
    to.namespace.enter(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let host = SshHost::new(server, Arc::new(Login::new(&access)));
            let mut file = Received::at(path);
            let output = host.stream(Command::new(["cat", "--", "/tmp/big"]), &mut file).await.unwrap();
            assert_eq!(output.status, 0);
        });
    });
}

/// Where the bytes go.
struct Received(File);

impl Received {
    fn at(path: PathBuf) -> Self {
        Self(File::create(path).unwrap())
    }
}

impl Sink for Received {
    fn take(&mut self, piece: &[u8]) -> io::Result<Duration> {
        self.0.write_all(piece)?;
        Ok(Duration::ZERO)
    }
}
