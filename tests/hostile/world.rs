//! A lab that lives in the test, so that its servers can be taught to be hostile, and the real binary beside it.

use std::ffi::CString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use mxone_system_redundancy::domain::site::{ServerId, Site};
use mxone_system_redundancy::lab::machine::{Machine, SimCommand};
use mxone_system_redundancy::lab::pair::TwoSiteLab;
use mxone_system_redundancy::lab::streams::Streams;
use mxone_system_redundancy::lab::system;
use mxone_system_redundancy::wiring::standing_lab;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::standing::{PROGRAM, Ran};

/// See the module.
pub struct World {
    lab: Option<TwoSiteLab>,
    runtime: Option<Runtime>,
    place: PathBuf,
    small: Option<SmallDisk>,
    folder: tempfile::TempDir,
}

impl World {
    /// A lab that is not configured.
    pub fn start(servers: u16) -> Self {
        Self::start_on(servers, None)
    }

    /// A configured lab.
    pub fn configured(servers: u16) -> Self {
        let world = Self::start(servers);
        world.words("configure --yes").ended(0);
        world
    }

    /// A lab of one server a site whose utility has a file system of its own below `path`.
    pub fn with_small_disk(path: &str, options: &str) -> Self {
        Self::start_on(1, Some((path, options)))
    }

    fn start_on(servers: u16, disk: Option<(&str, &str)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uid = rustix::process::getuid().as_raw();
        let place = folder.path().join(format!("mxone_system_redundancy-lab-{uid}"));
        let small = disk.map(|(path, options)| SmallDisk::mount(&place.join("alternate-1/root").join(path), options));
        fs::create_dir_all(&place).unwrap();
        let runtime = Runtime::new().unwrap();
        let (lab, card) = runtime.block_on(standing_lab::start_in(&place, servers)).unwrap();
        fs::write(place.join("lab.json"), serde_json::to_vec(&card).unwrap()).unwrap();
        Self { lab: Some(lab), runtime: Some(runtime), place, small, folder }
    }

    fn lab(&self) -> &TwoSiteLab {
        self.lab.as_ref().unwrap()
    }

    /// A server, written like `primary/2`.
    pub fn machine(&self, server: &str) -> &Arc<Machine> {
        self.lab().machine(server.parse().unwrap()).unwrap()
    }

    /// The root folder of a server.
    pub fn root(&self, server: &str) -> PathBuf {
        self.machine(server).root().folder().to_owned()
    }

    /// Hides a command of a server behind one of the test's.
    pub fn teach<F>(&self, server: &str, name: &str, command: F)
    where
        F: Fn(&Machine, &[String], &mut Streams) -> io::Result<i32> + Send + Sync + 'static,
    {
        self.machine(server).teach(name, Arc::new(Taught(command)));
    }

    /// Brings the command back that was there; those of the lab's system are taught again.
    pub fn forget(&self, server: &str, name: &str) {
        self.machine(server).forget(name);
        if name.starts_with("lab-") {
            let servers = u16::try_from(self.lab().machines().count() / 2).unwrap();
            system::install(self.lab(), servers).unwrap();
        }
    }

    /// Has the primary make a backup.
    pub fn back_up(&self) -> String {
        system::back_up(self.machine("primary/1")).unwrap()
    }

    /// The folder of a new backup of the primary.
    pub fn backup_folder(&self) -> PathBuf {
        let id = self.back_up();
        self.root("primary/1").join("var/opt/lab/backups").join(id)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--lab").args(line.split(' ')).env("TMPDIR", self.folder.path());
        command.env_remove("MXONE_REDUNDANCY_ROOT").stdin(Stdio::null());
        command
    }

    /// Runs a line of words on the lab.
    #[track_caller]
    pub fn words(&self, line: &str) -> Ran {
        Ran::of(self.command(line).output().unwrap())
    }

    /// The same, and the most memory it had at any time, in KiB.
    pub fn measured(&self, line: &str) -> (Ran, u64) {
        let mut child = self.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let reader = |from: &mut dyn Read| {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes).unwrap();
            bytes
        };
        thread::scope(|scope| {
            let out = scope.spawn(move || reader(&mut out));
            let err = scope.spawn(move || reader(&mut err));
            let mut most = 0;
            let status = loop {
                most = most.max(memory(child.id()));
                match child.try_wait().unwrap() {
                    Some(status) => break status,
                    None => thread::sleep(Duration::from_millis(2)),
                }
            };
            let output = std::process::Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() };
            (Ran::of(output), most)
        })
    }

    /// What `status` says of both systems.
    pub fn traffic(&self) -> [String; 2] {
        let status = self.words("status --json").ended(0).document();
        ["primary", "alternate"].map(|site| status[site]["traffic"].as_str().unwrap().to_owned())
    }

    /// What the packet filters of LIM 1 of both sites do, whatever the program says.
    pub fn filters(&self) -> [&'static str; 2] {
        Site::BOTH.map(|site| if live(self.machine(&ServerId::first_of(site).key())) { "allowed" } else { "blocked" })
    }

    /// The order that `status` finds: the active site and the epoch.
    pub fn order(&self) -> [String; 2] {
        let status: Value = serde_json::from_str(&self.words("status --json").out).unwrap();
        [status["active"].as_str().unwrap().to_owned(), status["epoch"].to_string()]
    }

    /// Where a server keeps the order.
    pub fn order_file(&self, server: &str) -> PathBuf {
        self.root(server).join("var/lib/mxone_system_redundancy/order.json")
    }

    /// The names of the mirrors.
    pub fn mirrors(&self) -> Vec<String> {
        let mirrors = self.words("data mirrors list --json").ended(0).document();
        mirrors["mirrors"].as_array().unwrap().iter().map(|mirror| mirror["name"].to_string()).collect()
    }

    /// A file of the alternate's exchange data.
    pub fn loaded(&self, name: &str) -> String {
        fs::read_to_string(self.root("alternate/1").join("var/opt/lab/data").join(name)).unwrap()
    }

    /// From now on nothing can be written on the utility's file system.
    pub fn make_read_only(&self) {
        let small = self.small.as_ref().unwrap();
        mount_remount(&small.path, MountFlags::RDONLY, c"").unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.lab.take());
        // A command that never ends is not waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Taught<F>(F);

impl<F> SimCommand for Taught<F>
where
    F: Fn(&Machine, &[String], &mut Streams) -> io::Result<i32> + Send + Sync,
{
    fn run(&self, machine: &Machine, words: &[String], streams: &mut Streams) -> io::Result<i32> {
        (self.0)(machine, words, streams)
    }
}

/// A file system in memory at a folder, until it is dropped.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    fn mount(path: &Path, options: &str) -> Self {
        assert!(rustix::process::getuid().is_root(), "this test mounts a small file system, which needs root");
        fs::create_dir_all(path).unwrap();
        let options = CString::new(options).unwrap();
        mount("tmpfs", path, "tmpfs", MountFlags::empty(), options.as_c_str()).unwrap();
        Self { path: path.to_owned() }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(&self.path, UnmountFlags::DETACH).unwrap();
    }
}

/// Runs something while an auditor looks at both packet filters as fast as it can; how often both let a call in.
pub fn auditing<T>(world: &World, run: impl FnOnce() -> T) -> (T, u64) {
    let machines = Site::BOTH.map(|site| Arc::clone(world.machine(&ServerId::first_of(site).key())));
    let (stop, dual) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                if machines.iter().all(|machine| live(machine)) {
                    dual.fetch_add(1, Ordering::Relaxed);
                }
                thread::sleep(Duration::from_micros(500));
            }
        });
        let ran = run();
        stop.store(true, Ordering::Relaxed);
        (ran, dual.load(Ordering::Relaxed))
    })
}

/// Whether a call from the users' network gets in.
fn live(machine: &Machine) -> bool {
    let phone = [203, 0, 113, 77];
    machine.lets_probe_in(phone.into())
}

/// The most memory a process had so far, in KiB; 0 when it has gone.
fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}
