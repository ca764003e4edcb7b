//! What runs without being asked for: units at boot, and scripts that were put into the background.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;

use tokio::sync::mpsc;

use super::super::command_line;
use super::super::streams::{Pipe, Streams};
use super::{Machine, not_simulated, script};

/// Where units lie.
const UNITS: &str = "/etc/systemd/system";

/// The unit that blocks a server before its network is up.
const GUARD: &str = "mxone-redundancy-guard.service";

pub(super) fn run(
    machine: &Machine,
    program: &str,
    arguments: &[String],
    streams: &mut Streams,
) -> Option<io::Result<i32>> {
    Some(match program {
        "systemctl" => systemctl(machine, arguments, streams),
        "setsid" => setsid(machine, arguments, streams),
        "sh" => script::run(machine, arguments, streams),
        _ => return None,
    })
}

/// Does what the boot guard does at boot, where it is installed and enabled.
pub(super) fn run_boot_guard(machine: &Machine) -> io::Result<()> {
    for target in wanted_by(machine, GUARD)? {
        let unit = machine.root().place(&format!("{UNITS}/{target}.wants/{GUARD}"), true)?;
        let Ok(text) = fs::read_to_string(unit) else { continue };
        for line in text.lines().filter_map(|line| line.strip_prefix("ExecStart=")) {
            let words = command_line::words(line).map_err(io::Error::other)?;
            in_background(|streams| machine.execute(&words, streams));
        }
        return Ok(());
    }
    Ok(())
}

/// `systemctl daemon-reload`, `enable`, `disable`, `is-enabled`, `is-active`, `start` and `stop`.
fn systemctl(machine: &Machine, arguments: &[String], streams: &mut Streams) -> io::Result<i32> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| !word.starts_with("--")).collect();
    match words[..] {
        ["daemon-reload"] | ["start" | "stop" | "restart", _] => Ok(0),
        ["enable", unit] => {
            let text = fs::read_to_string(machine.root().place(&format!("{UNITS}/{unit}"), true)?)?;
            for target in text.lines().filter_map(|line| line.strip_prefix("WantedBy=")) {
                let folder = machine.root().place(&format!("{UNITS}/{target}.wants"), true)?;
                fs::create_dir_all(&folder)?;
                if !folder.join(unit).is_symlink() {
                    symlink(format!("../{unit}"), folder.join(unit))?;
                }
            }
            Ok(0)
        }
        ["disable", unit] => {
            for target in wanted_by(machine, unit)? {
                fs::remove_file(machine.root().place(&format!("{UNITS}/{target}.wants/{unit}"), false)?)?;
            }
            Ok(0)
        }
        ["is-enabled", unit] => {
            let enabled = !wanted_by(machine, unit)?.is_empty();
            writeln!(streams.output, "{}", if enabled { "enabled" } else { "disabled" })?;
            Ok(i32::from(!enabled))
        }
        ["is-active", _] => {
            writeln!(streams.output, "active")?;
            Ok(0)
        }
        _ => Ok(not_simulated("systemctl", streams)),
    }
}

/// The targets that start a unit at boot.
fn wanted_by(machine: &Machine, unit: &str) -> io::Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(machine.root().place(UNITS, true)?)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let wants = name.strip_suffix(".wants").filter(|_| entry.path().join(unit).is_symlink());
        targets.extend(wants.map(str::to_owned));
    }
    Ok(targets)
}

/// `setsid -f COMMAND…`: it goes on by itself, until its end or a loss of power.
fn setsid(machine: &Machine, arguments: &[String], streams: &mut Streams) -> io::Result<i32> {
    let ([f, words @ ..], Some(machine)) = (arguments, machine.me.upgrade()) else {
        return Ok(not_simulated("setsid", streams));
    };
    if f != "-f" || words.is_empty() {
        return Ok(not_simulated("setsid", streams));
    }
    let words = words.to_vec();
    std::thread::Builder::new()
        .name(format!("{} in the background", words.join(" ")))
        .spawn(move || in_background(|streams| machine.execute(&words, streams)))?;
    Ok(0)
}

/// Gives a command streams that lead nowhere.
fn in_background(act: impl FnOnce(&mut Streams) -> i32) {
    let (to, mut from) = mpsc::channel(1);
    std::thread::scope(|scope| {
        scope.spawn(move || while from.blocking_recv().is_some() {});
        let mut streams = Streams { input: Vec::new(), output: Pipe::new(to), complaint: Vec::new() };
        // Nobody is there to be told how it ended.
        let _ = act(&mut streams);
    });
}
