//! keepalived with its defaults: two machines in one network and the address that one of them has.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::lab::namespace::Namespace;
use super::lab::tool::ip;
use super::{Fault, Outcome, signal};

const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 100);

/// It needs three missed adverts, a second apart, and a part of a second; this is longer.
const WATCHED: Duration = Duration::from_secs(6);

/// How often it is looked who has the address.
const EVERY: Duration = Duration::from_millis(5);

/// Two machines, each with its keepalived.
pub struct Vrrp {
    switch: Namespace,
    machines: [Namespace; 2],
    running: Vec<Child>,
    folder: tempfile::TempDir,
}

impl Vrrp {
    /// Whether it is installed here.
    pub fn is_there() -> bool {
        Command::new("keepalived").arg("--version").stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Started; the first machine has the address.
    pub fn started(number: usize) -> Self {
        let name = |what: &str| Namespace::new(&format!("rd-{}-v{number}-{what}", std::process::id()));
        let mut vrrp = Self {
            switch: name("switch"),
            machines: [name("one"), name("two")],
            running: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        vrrp.switch.create();
        vrrp.switch.batch("link add net type bridge\nlink set net up\n");
        for index in 0..2 {
            vrrp.connect(index);
            vrrp.start(index);
        }
        vrrp.wait_until(|has| has == [true, false]);
        vrrp
    }

    fn connect(&self, index: usize) {
        let (machine, port) = (&self.machines[index], format!("to{index}"));
        machine.create();
        let near = ["link", "add", "eth0", "netns", &machine.name];
        ip(&[&near[..], &["type", "veth", "peer", "name", &port, "netns", &self.switch.name]].concat());
        self.switch.batch(&format!("link set {port} master net\nlink set {port} up\n"));
        machine.batch(&format!("link set lo up\naddr add 10.9.0.{}/24 dev eth0\nlink set eth0 up\n", index + 1));
    }

    fn start(&mut self, index: usize) {
        let (state, priority) = [("MASTER", 150), ("BACKUP", 100)][index];
        let file = self.folder.path().join(format!("{index}.conf"));
        let text = format!(
            "vrrp_instance site {{\n state {state}\n interface eth0\n virtual_router_id 51\n priority {priority}\n \
             virtual_ipaddress {{\n {SERVICE}\n }}\n}}\n"
        );
        std::fs::write(&file, text).unwrap();
        let of = |what: &str| self.folder.path().join(format!("{index}.{what}")).display().to_string();
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.machines[index].path().display()));
        command.args(["keepalived", "--dont-fork", "--vrrp", "--use-file", &file.display().to_string()]);
        command.args(["--pid", &of("pid"), "--vrrp_pid", &of("vrrp")]);
        self.running.push(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    /// Every process of a machine: keepalived has a parent and a child.
    pub fn processes(&self, index: usize) -> Vec<u32> {
        self.machines[index].pids().into_iter().filter_map(|pid| pid.as_raw_nonzero().get().try_into().ok()).collect()
    }

    /// What a fault of the first machine leads to, as a client in its network sees it.
    pub fn suffer(&self, fault: Fault) -> Outcome {
        let begun = Instant::now();
        match fault {
            Fault::Cable => self.switch.batch("link set to0 down\n"),
            Fault::Frozen => self.processes(0).into_iter().for_each(|pid| signal("STOP", pid)),
        }
        let (mut answered, mut both) = (Vec::new(), Duration::ZERO);
        while begun.elapsed() < WATCHED {
            let holders = self.has();
            // Whoever has no cable serves nobody, whatever it believes.
            let serves = [holders[0] && fault != Fault::Cable, holders[1]];
            answered.extend(serves.contains(&true).then(|| begun.elapsed()));
            both += if holders == [true, true] { EVERY } else { Duration::ZERO };
            std::thread::sleep(EVERY);
        }
        let ends = answered.iter().copied().chain([begun.elapsed()]);
        let gaps = std::iter::once(Duration::ZERO).chain(answered.iter().copied()).zip(ends);
        let none = gaps.map(|(from, to)| to.saturating_sub(from)).max().unwrap_or_default();
        Outcome { none, two: both > EVERY * 2 }
    }

    /// Which machines have the address.
    fn has(&self) -> [bool; 2] {
        [0, 1].map(|index: usize| self.machines[index].enter(|| UdpSocket::bind((SERVICE, 0)).is_ok()))
    }

    fn wait_until(&self, is_so: impl Fn([bool; 2]) -> bool) {
        super::lab::host::wait_until("keepalived is as it is to be", || is_so(self.has()));
    }
}

impl Drop for Vrrp {
    fn drop(&mut self) {
        for child in &mut self.running {
            // What is frozen dies of this as well; the namespace takes its child with it.
            let _ = child.kill();
            let _ = child.wait();
        }
        for machine in self.machines.iter().chain([&self.switch]) {
            machine.delete();
        }
    }
}
