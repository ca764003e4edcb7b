//! Two sites and a witness, each with its monitor, set up for automatic takeover to the alternate.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use mxone_system_redundancy::domain::configuration::{Mode, TakeoverSettings};
use mxone_system_redundancy::domain::lease::{Agreed, Memory};
use mxone_system_redundancy::domain::site::Site::{self, Alternate, Primary};
use serde_json::Value;

use super::lab::host::{Host, Running, wait_until};
use super::lab::{Flavour, LabOptions};
use super::pair::{Pair, Wish};

const PROGRAM: &str = "mxone_system_redundancy";
const LEASE: &str = "/etc/mxone_system_redundancy/lease";

/// Three voters at work.
pub struct Trio {
    /// The two sites.
    pub pair: Pair,
    running: RefCell<BTreeMap<&'static str, Running>>,
}

impl Trio {
    /// One server a site, the profile `fast`, automatic to the alternate and by hand back; the primary is live by a
    /// lease.
    pub fn started() -> Self {
        let options = LabOptions { servers: 1, call_servers: 1, flavour: Flavour::Kamailio, ..LabOptions::default() };
        let pair = Pair::of(options);
        let _configured = pair.configure(&Wish::default()).ok();
        pair.must(&["settings", "takeover", "alternate-from-primary", "automatic"]);
        let trio = Self { pair, running: RefCell::default() };
        trio.set_up();
        for voter in ["primary", "alternate", "witness"] {
            trio.start(voter);
        }
        wait_until("the primary is live by a lease", || {
            trio.is_live(Primary) && trio.gate(Primary).contains("expires")
        });
        wait_until("everybody hears everybody", || {
            let told = trio.state(Alternate)["guarantee"].to_string();
            told.contains("AT MOST ONE LIVE")
        });
        // So that control addresses were seen by both.
        std::thread::sleep(std::time::Duration::from_secs(2));
        trio
    }

    fn set_up(&self) {
        let seat = self.first(Alternate);
        for file in ["config.yaml", "translation.yaml"] {
            let text = seat.read(&format!("/etc/mxone_system_redundancy/{file}"));
            self.first(Primary).write(&format!("{LEASE}/{file}"), &text);
        }
        let profile = include_str!("../../src/lab/platform.yaml");
        self.first(Primary).write("/etc/mxone_system_redundancy/platforms/lab.yaml", profile);
        let takeover =
            TakeoverSettings { alternate_from_primary: Mode::Automatic, primary_from_alternate: Mode::Manual };
        let memory = serde_json::to_string(&Memory::first(Primary, Agreed::first(takeover))).unwrap();
        let address = |voter: &str| format!("{}:9527", self.host_of(voter).v4);
        for me in ["primary", "alternate", "witness"] {
            let mut voters = String::new();
            for other in ["primary", "alternate", "witness"].into_iter().filter(|other| *other != me) {
                let (a, b) = if me < other { (me, other) } else { (other, me) };
                let mut key = [b'x'; 32];
                key[..a.len()].copy_from_slice(a.as_bytes());
                key[16..16 + b.len()].copy_from_slice(b.as_bytes());
                let key = base64::engine::general_purpose::STANDARD.encode(key);
                writeln!(voters, "  {other}: {{address: \"{}\", key: \"{key}\"}}", address(other)).unwrap();
            }
            let text = format!(
                "schema: 1\nme: {me}\nlisten: 0.0.0.0:9527\ntiming: fast\nthird_vote: witness\n\
                 first_active: primary\nvoters:\n{voters}policy: {{control_needed: 1, control_fall: 3, \
                 health_fall: 3, data_limit_hours: 48, flap_guard_seconds: 3600, hold_off_seconds: 0}}\n"
            );
            let host = self.host_of(me);
            host.write_mode(&format!("{LEASE}/lease.yaml"), &text, 0o600);
            host.write("/var/lib/mxone_system_redundancy/promises.json", &memory);
        }
    }

    /// Starts a voter's program.
    pub fn start(&self, voter: &'static str) {
        let word = if voter == "witness" { "witness" } else { "monitor" };
        let running = self.host_of(voter).spawn(&[PROGRAM, word]);
        self.running.borrow_mut().insert(voter, running);
    }

    fn host_of(&self, voter: &str) -> &Host {
        match voter {
            "primary" => self.first(Primary),
            "alternate" => self.first(Alternate),
            _ => self.witness_host(),
        }
    }

    /// LIM 1 of a site.
    pub fn first(&self, site: Site) -> &Host {
        self.pair.lab.server(site, 1)
    }

    /// Where the witness is: in the users' network.
    pub fn witness_host(&self) -> &Host {
        self.pair.lab.host("trunk")
    }

    /// The monitor of a site.
    pub fn monitor(&self, site: Site) -> std::cell::Ref<'_, Running> {
        let name = if site == Primary { "primary" } else { "alternate" };
        std::cell::Ref::map(self.running.borrow(), |running| &running[name])
    }

    /// What a site's monitor tells of itself; null while it does not answer.
    pub fn state(&self, site: Site) -> Value {
        let done = self.first(site).run(&[PROGRAM, "lease", "--json"]);
        serde_json::from_str(&done.stdout).unwrap_or(Value::Null)
    }

    /// Whether a site's monitor says that it is live.
    pub fn is_live(&self, site: Site) -> bool {
        self.state(site)["live"].is_u64()
    }

    /// The gate as the kernel has it, asked without any program of ours.
    pub fn gate(&self, site: Site) -> String {
        self.first(site).run(&["nft", "list", "table", "inet", "mxone_redundancy"]).stdout
    }

    /// Whether the kernel lets telephony pass now.
    pub fn is_open(&self, site: Site) -> bool {
        let gate = self.gate(site);
        let by_gate = gate.is_empty() || gate.contains("expires");
        by_gate && super::pair::filter(self.first(site)) == super::pair::Filter::Open
    }
}
