//! A network namespace, made and deleted by name.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::tool::{ip, must, must_with_input};

/// A killed process is gone from `/proc` within milliseconds; more than this means that it hangs in the kernel.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// A network namespace of the lab.
#[derive(Debug, Clone)]
pub struct Namespace {
    /// Its name, beginning with `rd-` and the number of the process that made it.
    pub name: String,
}

impl Namespace {
    /// Names a namespace; [`Namespace::create`] makes it.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// Makes it, empty.
    pub fn create(&self) {
        ip(&["netns", "add", &self.name]);
        // Without this, IPv6 waits a second for owners of the same address before it says anything.
        self.enter(|| {
            for which in ["all", "default"] {
                fs::write(format!("/proc/sys/net/ipv6/conf/{which}/accept_dad"), "0").unwrap();
            }
        });
    }

    /// Where `ip netns` keeps it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// Carries out lines for `ip -batch` in it.
    pub fn batch(&self, orders: &str) {
        must_with_input("ip", &["-n", &self.name, "-batch", "-"], orders);
    }

    /// Runs a command in it, with this machine's files; it has to succeed.
    pub fn must(&self, program: &str, arguments: &[&str]) -> String {
        let net = format!("--net={}", self.path().display());
        must("nsenter", &[&[net.as_str(), program], arguments].concat())
    }

    /// Does something in it: a socket made there stays there, whoever uses it later.
    ///
    /// It runs in a thread of its own, because a thread that has entered does not come back.
    pub fn enter<T: Send>(&self, doing: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            let namespace = File::open(self.path()).unwrap_or_else(|error| panic!("{}: {error}", self.name));
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            doing()
        };
        thread::scope(|scope| scope.spawn(inside).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }

    /// Processes in it, the dead but unmourned left out.
    #[must_use]
    pub fn pids(&self) -> Vec<Pid> {
        let output = Command::new("ip").args(["netns", "pids", &self.name]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
    }

    /// Kills every process in it, also those that are born meanwhile, and waits until all are gone.
    pub fn kill_all(&self) {
        let begun = Instant::now();
        loop {
            let pids = self.pids();
            if pids.is_empty() {
                return;
            }
            for pid in pids {
                // It may have died in between, which is as good.
                let _gone = kill_process(pid, Signal::KILL);
            }
            if begun.elapsed() > GONE_WITHIN {
                // Called from drop as well, where a second panic would end the program without a word.
                report(&format!("processes in {} do not die", self.name));
                return;
            }
            thread::yield_now();
        }
    }

    /// Ends its processes and deletes it; deleting one that is not there is done at once.
    pub fn delete(&self) {
        if !self.path().exists() {
            return;
        }
        self.kill_all();
        let done = Command::new("ip").args(["netns", "del", &self.name]).status();
        if !done.is_ok_and(|status| status.success()) {
            report(&format!("the namespace {} cannot be deleted", self.name));
        }
    }
}

/// Whether a process still exists.
#[must_use]
pub fn exists(pid: u32) -> bool {
    match fs::metadata(format!("/proc/{pid}")) {
        Ok(_) => true,
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

/// Tells of a failed clean-up without ending the program.
pub fn report(what: &str) {
    eprintln!("lab: {what}");
}
