//! Commands on this machine that build the lab; one that fails ends the test with what it said.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What the lab is made of, each with the Debian package it comes in.
const NEEDED: [(&str, &str); 11] = [
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("sshd", "openssh-server"),
    ("ssh", "openssh-client"),
    ("sudo", "sudo"),
    ("iptables", "iptables"),
    ("ipset", "ipset"),
    ("conntrack", "conntrack"),
    ("kamailio", "kamailio"),
    ("sipp", "sip-tester"),
    ("ping", "iputils-ping"),
];

/// Where commands are looked for, on this machine and in the hosts.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Ends the test when this machine cannot hold a lab.
pub fn require() {
    assert!(
        rustix::process::geteuid().is_root(),
        "the namespace lab makes network namespaces and mounts: run the tests as root (`sudo -E cargo test`), \
         or leave this program out with `cargo test --lib`"
    );
    let missing: Vec<_> = NEEDED.iter().filter(|(program, _)| !on_path(program)).map(|(_, package)| *package).collect();
    assert!(
        missing.is_empty(),
        "the namespace lab needs packages that are not here: apt-get install {}",
        missing.join(" ")
    );
}

fn on_path(program: &str) -> bool {
    PATH.split(':').any(|folder| Path::new(folder).join(program).exists())
}

/// Runs `ip`.
pub fn ip(arguments: &[&str]) {
    must("ip", arguments);
}

/// Runs a command that has to succeed; returns what it printed.
pub fn must(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
    succeeded(program, arguments, &output)
}

/// Runs a command that has to succeed with this on its standard input.
pub fn must_with_input(program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    succeeded(program, arguments, &output)
}

fn succeeded(program: &str, arguments: &[&str], output: &Output) -> String {
    assert!(
        output.status.success(),
        "{program} {} ended with {}: {}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
