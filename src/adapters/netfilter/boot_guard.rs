//! The boot guard: a unit and two rules files that block a server before its network is up, without any program of ours.

use thiserror::Error;

use super::filter::{RESTORE_ARGUMENTS, restore};
use super::{Places, Server};
use crate::adapters::server_file;
use crate::domain::configuration::{BootPolicy, WithoutPeer};
use crate::domain::traffic::{Chain, Family, Found, FoundError, Mark, RuleSet, RuleSetError};
use crate::ports::host::{Command, Host, HostError, run_checked};
use crate::ports::traffic_control::TrafficError;

/// Blocks at boot.
const GUARD: &str = "mxone-redundancy-guard.service";
/// Opens again when nobody could be asked, where that was chosen.
const OPEN: &str = "mxone-redundancy-open.service";
/// Starts it after the grace time.
const OPEN_TIMER: &str = "mxone-redundancy-open.timer";

/// Folders in which iptables is found on the distributions in use; a unit needs the whole path.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin"];

/// Other loaders of rules that may empty the packet filter at boot; the guard comes after them.
const OTHER_LOADERS: &str = "netfilter-persistent.service nftables.service iptables.service ip6tables.service \
                             firewalld.service ufw.service SuSEfirewall2_init.service";

/// Puts the guard on a server; on a server that has it already it is brought up to date.
pub(super) async fn install(server: &Server, rules: &RuleSet, boot: BootPolicy) -> Result<(), TrafficError> {
    let unit = guard_unit(server).await?;
    let outcome = async {
        let (host, places) = (server.host.as_ref(), &server.places);
        for family in Family::BOTH {
            server_file::write(host, &places.guard(family), guard_text(rules, family)).await?;
        }
        server_file::write(host, &places.unit(GUARD), unit).await?;
        link(server, "sysinit.target.wants", GUARD).await?;
        match boot.without_peer {
            WithoutPeer::StayBlocked => remove_opening(server).await?,
            WithoutPeer::Open => {
                server_file::write(host, &places.open_script(), open_script(places)).await?;
                server_file::write(host, &places.unit(OPEN), open_unit(places)).await?;
                server_file::write(host, &places.unit(OPEN_TIMER), open_timer(boot)).await?;
                link(server, "timers.target.wants", OPEN_TIMER).await?;
            }
        }
        tell_systemd(host).await
    };
    outcome.await.map_err(server.failed("installing the boot guard"))
}

/// Takes the guard out again, and what opens it.
pub(super) async fn remove(server: &Server) -> Result<(), TrafficError> {
    let outcome = async {
        remove_opening(server).await?;
        let places = &server.places;
        let paths = [
            wants(places, "sysinit.target.wants", GUARD),
            places.unit(GUARD),
            places.guard(Family::V4),
            places.guard(Family::V6),
        ];
        server_file::remove(server.host.as_ref(), &paths.each_ref().map(String::as_str)).await?;
        tell_systemd(server.host.as_ref()).await
    };
    outcome.await.map_err(server.failed("removing the boot guard"))
}

/// Whether the guard is there, enabled, and holds these rules.
pub(super) async fn installed(server: &Server, rules: &RuleSet) -> Result<bool, TrafficError> {
    let (host, places) = (server.host.as_ref(), &server.places);
    let wanted = wants(places, "sysinit.target.wants", GUARD);
    let (v4, v6) = (places.guard(Family::V4), places.guard(Family::V6));
    let read = async {
        tokio::try_join!(
            server_file::read(host, &v4),
            server_file::read(host, &v6),
            // Through its link, so that a unit that is not enabled counts as missing.
            server_file::read(host, &wanted),
        )
    };
    let (v4, v6, unit) = read.await.map_err(server.failed("reading the boot guard"))?;
    let names_both = |unit: String| Family::BOTH.iter().all(|family| unit.contains(&places.guard(*family)));
    Ok(v4 == Some(guard_text(rules, Family::V4))
        && v6 == Some(guard_text(rules, Family::V6))
        && unit.is_some_and(names_both))
}

/// The rule set that the guard files hold.
pub(super) async fn rules(host: &dyn Host, places: &Places) -> Result<Option<RuleSet>, GuardRulesError> {
    let v4 = server_file::read(host, &places.guard(Family::V4)).await?;
    let v6 = server_file::read(host, &places.guard(Family::V6)).await?;
    if v4.is_none() && v6.is_none() {
        return Ok(None);
    }
    let v4 = Found::parse(&v4.unwrap_or_default())?;
    let v6 = Found::parse(&v6.unwrap_or_default())?;
    Ok(Some(RuleSet::of_found(&v4, &v6)?))
}

/// Why the guard files do not tell a rule set.
#[derive(Debug, Error)]
pub enum GuardRulesError {
    /// They cannot be read.
    #[error("the boot guard's files cannot be read")]
    Host(#[from] HostError),
    /// They are no rules files.
    #[error("the boot guard's files are damaged")]
    Damaged(#[from] FoundError),
    /// They hold other rules than they were written with.
    #[error("the boot guard's files were changed")]
    Changed(#[from] RuleSetError),
}

/// The rules file: complete, for a packet filter that was never used as for one where the guard ran before.
///
/// Running it again leaves a second jump behind the first, which does no harm: no text can ask whether the first is
/// there. The next block or allow takes it out.
fn guard_text(rules: &RuleSet, family: Family) -> String {
    Found::default().becoming(&rules.in_force(family, Mark::BOOT)).unwrap_or_default()
}

async fn guard_unit(server: &Server) -> Result<String, TrafficError> {
    let places = &server.places;
    let line =
        |program, family| format!("ExecStart={program} {} {}", RESTORE_ARGUMENTS.join(" "), places.guard(family));
    let v4 = line(located(server, restore(Family::V4)).await?, Family::V4);
    let v6 = line(located(server, restore(Family::V6)).await?, Family::V6);
    Ok(format!(
        "# Written by mxone_system_redundancy: at most one of two sites may handle traffic.\n\
         [Unit]\n\
         Description=Block telephony traffic until this site is confirmed to be the active one\n\
         DefaultDependencies=no\n\
         Wants=network-pre.target\n\
         Before=network-pre.target\n\
         After=systemd-modules-load.service {OTHER_LOADERS}\n\
         ConditionPathExists={}\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         RemainAfterExit=yes\n\
         {v4}\n\
         {v6}\n\
         \n\
         [Install]\n\
         WantedBy=sysinit.target\n",
        places.guard(Family::V4),
    ))
}

/// Where a program lies on the server.
async fn located(server: &Server, program: &str) -> Result<String, TrafficError> {
    let candidates = FOLDERS.map(|folder| format!("{folder}/{program}"));
    let command = Command::new(["ls".to_owned(), "-d".to_owned()].into_iter().chain(candidates.clone()));
    // It complains about those that are missing and lists the others.
    let output = server.host.run(command).await.map_err(server.failed("looking for iptables"))?;
    let listed = output.text();
    let there = |candidate: &String| listed.lines().any(|line| line == candidate);
    let found = candidates.into_iter().find(there);
    found.ok_or_else(|| {
        server.unreadable("the place of iptables", &format!("{program} is in none of the usual folders"))
    })
}

fn open_unit(places: &Places) -> String {
    format!(
        "# Written by mxone_system_redundancy: what was chosen for a boot without anybody to ask.\n\
         [Unit]\n\
         Description=Let telephony traffic in if this site was the active one and nobody could be asked\n\
         ConditionPathExists={}\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart=/bin/sh {}\n",
        places.ordered_active(),
        places.open_script(),
    )
}

fn open_timer(boot: BootPolicy) -> String {
    format!(
        "# Written by mxone_system_redundancy.\n\
         [Unit]\n\
         Description=Wait for the other site before telephony traffic is let in\n\
         \n\
         [Timer]\n\
         OnBootSec={}\n\
         AccuracySec=1\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        boot.grace.as_secs(),
    )
}

/// Opens a server that the boot guard blocked, and only such a one: a block by order or by a person stays.
fn open_script(places: &Places) -> String {
    let empty: Vec<String> = Chain::ALL.iter().map(|chain| format!(":{} - [0:0]", chain.name())).collect();
    let names: Vec<String> = Chain::ALL.iter().map(|chain| format!("{} {}", chain.hook(), chain.name())).collect();
    format!(
        "# Opens this server after a boot without anybody to ask. Written by mxone_system_redundancy.\n\
         PATH=/usr/sbin:/sbin:/usr/bin:/bin:$PATH\n\
         [ -e '{}' ] || exit 0\n\
         failed=0\n\
         for tables in iptables ip6tables; do\n\
         \t$tables-save -t filter | grep -q -e '\"{}' || continue\n\
         \t# Empty chains let everything pass, all at once; then they are taken out.\n\
         \tprintf '%s\\n' '*filter' {} COMMIT | $tables-restore {} || {{ failed=1; continue; }}\n\
         \tfor names in {}; do\n\
         \t\twhile $tables -w 5 -D ${{names% *}} -j ${{names#* }} 2>/dev/null; do :; done\n\
         \t\t$tables -w 5 -X ${{names#* }} || failed=1\n\
         \tdone\n\
         done\n\
         exit $failed\n",
        places.ordered_active(),
        "mxone_system_redundancy boot ",
        empty.iter().map(|line| format!("'{line}'")).collect::<Vec<_>>().join(" "),
        RESTORE_ARGUMENTS.join(" "),
        names.iter().map(|pair| format!("'{pair}'")).collect::<Vec<_>>().join(" "),
    )
}

async fn remove_opening(server: &Server) -> Result<(), HostError> {
    let places = &server.places;
    let paths = [
        wants(places, "timers.target.wants", OPEN_TIMER),
        places.unit(OPEN_TIMER),
        places.unit(OPEN),
        places.open_script(),
    ];
    server_file::remove(server.host.as_ref(), &paths.each_ref().map(String::as_str)).await
}

fn wants(places: &Places, target: &str, unit: &str) -> String {
    places.unit(&format!("{target}/{unit}"))
}

/// Enables a unit: the very link that `systemctl enable` makes, which needs no systemd that answers.
async fn link(server: &Server, target: &str, unit: &str) -> Result<(), HostError> {
    let (host, places) = (server.host.as_ref(), &server.places);
    run_checked(host, Command::new(["mkdir", "-p", &places.unit(target)])).await?;
    run_checked(host, Command::new(["ln", "-sfn", &format!("../{unit}"), &wants(places, target, unit)])).await?;
    run_checked(host, Command::new(["sync", &places.unit(target)])).await.map(drop)
}

/// Lets systemd read the units again. One that is not there, or not in charge, reads them when it starts.
async fn tell_systemd(host: &dyn Host) -> Result<(), HostError> {
    match host.run(Command::new(["systemctl", "daemon-reload"])).await {
        Ok(_) | Err(HostError::NotStarted { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
