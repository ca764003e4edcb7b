//! A pair of sites, worked on through the real binary at the operator's seat, LIM 1 of the alternate.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mxone_system_redundancy::domain::site::Site;
use mxone_system_redundancy::domain::site::Site::{Alternate, Primary};
use serde_json::Value;

use super::lab::auditor::Auditor;
use super::lab::exchange::DATA;
use super::lab::host::{Done, Host, Running};
use super::lab::story::Story;
use super::lab::{Flavour, Lab, LabOptions, server_address};

/// The translation that fits the lab's two networks.
pub const TRANSLATION: &str = r#"{192.0.2.0/24: 198.51.100.0/24, "2001:db8:1::/64": "2001:db8:2::/64"}"#;

const PROGRAM: &str = "mxone_system_redundancy";
const MAINTENANCE: &str = "mxone_maintenance";

/// What `configure` is answered in one test and another.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The platform's name.
    pub platform: &'static str,
    /// The translation as YAML.
    pub translation: &'static str,
    /// What a rebooted server does alone, as YAML lines.
    pub boot: &'static str,
    /// Who logs in.
    pub user: &'static str,
    /// The two directions of takeover, as a YAML line.
    pub takeover: &'static str,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            platform: "lab",
            translation: TRANSLATION,
            boot: "boot_without_peer: stay-blocked",
            user: "root",
            takeover: "takeover: {alternate-from-primary: manual, primary-from-alternate: manual}",
        }
    }
}

/// A lab with an operator.
pub struct Pair {
    /// The lab.
    pub lab: Lab,
}

impl Pair {
    /// Two systems that know nothing of each other yet; the primary has a backup.
    pub fn new(flavour: Flavour) -> Self {
        Self::of(LabOptions { flavour, ..LabOptions::default() })
    }

    /// The same of another size.
    pub fn of(options: LabOptions) -> Self {
        let flavour = options.flavour;
        let pair = Self { lab: Lab::start(options) };
        let profile = include_str!("../../src/lab/platform.yaml");
        pair.seat().write("/etc/mxone_system_redundancy/platforms/lab.yaml", profile);
        pair.back_up(flavour);
        pair
    }

    /// A pair of so many servers a site, each with a call server, that is configured in the usual way.
    #[allow(dead_code, reason = "most test programs have two servers a site")]
    pub fn configured_with(servers: u8) -> Self {
        let pair = Self::of(LabOptions { servers, call_servers: servers, ..LabOptions::default() });
        let _configured = pair.configure(&Wish::default()).ok();
        pair
    }

    /// A pair that is configured in the usual way.
    pub fn configured() -> Self {
        Self::configured_as(&Wish::default())
    }

    /// A pair that is configured as wished.
    pub fn configured_as(wish: &Wish) -> Self {
        let pair = Self::new(Flavour::Kamailio);
        let _configured = pair.configure(wish).ok();
        pair
    }

    /// `configure` with an answers file that holds every answer.
    pub fn configure(&self, wish: &Wish) -> Done {
        self.write_answers(wish);
        self.seat().run(&[PROGRAM, "configure", "--answers", "/root/answers.yaml", "--yes"])
    }

    /// Writes that answers file.
    pub fn write_answers(&self, wish: &Wish) {
        let key = |site, lim| self.lab.server(site, lim).host_key();
        let others = self.lab.servers().filter(|host| host.server.is_some_and(|server| server.lim > 1));
        let others: Vec<String> = others.map(|host| format!("{}: {}", host.v4, host.host_key())).collect();
        let identity = format!("/{}/.ssh/id_ed25519", if wish.user == "root" { "root" } else { "home/mxone_admin" });
        let answers = format!(
            "platform: {}\nprimary_master_address: 192.0.2.10\nprimary_host_key: {}\n\
             host_keys: {{{}}}\n\
             network_control_address: 203.0.113.1\ntranslation: {}\n\
             {}\n{}\n\
             ssh: {{user: {}, identity: {identity}}}\n",
            wish.platform,
            key(Primary, 1),
            others.join(", "),
            wish.translation,
            wish.takeover,
            wish.boot,
            wish.user,
        );
        self.seat().write("/root/answers.yaml", &answers);
    }

    /// Has the primary make a backup of its exchange data.
    pub fn back_up(&self, flavour: Flavour) {
        let command = match flavour {
            Flavour::Kamailio => "lab-backup",
            Flavour::Mxone => "data_backup",
        };
        self.lab.server(Primary, 1).must(&[command]);
    }

    /// Adds a number at the primary, behind its gateway, and makes a backup there.
    pub fn add_number(&self, number: &str) {
        let primary = self.lab.server(Primary, 1);
        let extensions = primary.read(&format!("{DATA}/extensions.csv"));
        primary.write(&format!("{DATA}/extensions.csv"), &format!("{extensions}{number},Carla,192.0.2.20\n"));
        primary.must(&["lab-reload"]);
        self.back_up(Flavour::Kamailio);
    }

    /// Where the operator sits.
    pub fn seat(&self) -> &Host {
        self.lab.server(Alternate, 1)
    }

    /// Where phones are.
    pub fn client(&self) -> &Host {
        self.lab.client()
    }

    /// Lets the seat's `mxone_admin` log in where root may.
    pub fn seat_key_for_mxone_admin(&self) {
        self.seat().sh("install -o mxone_admin -m 600 /root/.ssh/id_ed25519 /home/mxone_admin/.ssh/id_ed25519");
    }

    /// Runs the program at the seat, whatever comes of it.
    pub fn run(&self, words: &[&str]) -> Done {
        self.seat().run(&[&[PROGRAM], words].concat())
    }

    /// Runs the program at the seat with `--yes`; it has to end with 0.
    pub fn must(&self, words: &[&str]) -> Done {
        self.run(&[words, &["--yes"]].concat()).ok()
    }

    /// What `status --json` tells, whether or not all servers answer.
    pub fn status(&self) -> Value {
        let done = self.run(&["status", "--json"]);
        assert!([0, 4].contains(&done.code()), "{done:?}");
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"))
    }

    /// The traffic states of both sites, primary first, as `status --json` tells them.
    pub fn traffic(&self) -> [String; 2] {
        let status = self.status();
        Site::BOTH.map(|site| status[site.to_string()]["traffic"].as_str().unwrap().to_owned())
    }

    /// What the packet filters of a site's servers hold of ours.
    pub fn filters(&self, site: Site) -> [Filter; 2] {
        [1, 2].map(|lim| filter(self.lab.server(site, lim)))
    }

    /// Starts the monitor at the seat.
    pub fn monitor(&self) -> Running {
        self.seat().spawn(&[PROGRAM, "monitor"])
    }

    /// Cuts both servers of a site off from everything.
    pub fn cut(&self, site: Site) {
        for lim in [1, 2] {
            self.lab.cut(self.lab.server(site, lim));
        }
    }

    /// Connects both servers of a site again.
    pub fn heal(&self, site: Site) {
        for lim in [1, 2] {
            self.lab.heal(self.lab.server(site, lim));
        }
    }

    /// Takes the power from both servers of a site.
    pub fn power_off(&self, site: Site) {
        for lim in [1, 2] {
            self.lab.power_off(self.lab.server(site, lim));
        }
    }

    /// Gives both servers of a site their power back.
    pub fn power_on(&self, site: Site) {
        for lim in [1, 2] {
            self.lab.power_on(self.lab.server(site, lim));
        }
    }

    /// Runs `mxone_maintenance` on a server.
    pub fn maintenance(host: &Host, words: &[&str]) -> Done {
        host.run(&[&[MAINTENANCE], words].concat())
    }

    /// Audits both sites from outside while something is done.
    pub fn audited(&self, doing: impl FnOnce()) -> Story {
        let auditor = Auditor::start(&self.lab);
        auditor.look_a_while();
        let done = catch_unwind(AssertUnwindSafe(doing));
        auditor.look_a_while();
        let story = auditor.stop();
        if let Err(failure) = done {
            // It may have failed because two were live, and that is to be said.
            story.never_two_live();
            resume_unwind(failure);
        }
        story
    }
}

/// Whether a packet filter holds our rules, asked of it without any program of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// In neither family.
    Open,
    /// In one family: something is under way.
    Half,
    /// In both families.
    Blocked,
}

/// What a server's packet filter holds of ours.
pub fn filter(host: &Host) -> Filter {
    let ours = ["iptables-save", "ip6tables-save"].map(|save| host.must(&[save]).contains("MXONE_REDUNDANCY_IN"));
    match ours {
        [false, false] => Filter::Open,
        [true, true] => Filter::Blocked,
        [_, _] => Filter::Half,
    }
}

/// The address of LIM 1 of a site.
pub fn lim1(site: Site) -> IpAddr {
    server_address(site, 1).into()
}
