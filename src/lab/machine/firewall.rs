//! `iptables` and what goes with it.

use std::io::{self, Write as _};

use super::super::streams::Streams;
use super::{Machine, not_simulated};
use crate::domain::traffic::Family;

/// The programs in `/usr/sbin`, for those who look for them there.
pub(super) const PROGRAMS: [&str; 7] =
    ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore", "conntrack"];

pub(super) fn run(
    machine: &Machine,
    program: &str,
    arguments: &[String],
    streams: &mut Streams,
) -> Option<io::Result<i32>> {
    let (family, rest) = match program.strip_prefix("ip6tables") {
        Some(rest) => (Family::V6, rest),
        None => (Family::V4, program.strip_prefix("iptables").unwrap_or(program)),
    };
    Some(match rest {
        "" => version(program, arguments, streams),
        "-save" => save(machine, family, (program, arguments), streams),
        "-restore" => restore(machine, family, (program, arguments), streams),
        "conntrack" => conntrack(arguments, streams),
        _ => return None,
    })
}

fn version(program: &str, arguments: &[String], streams: &mut Streams) -> io::Result<i32> {
    if arguments != ["-V"] && arguments != ["--version"] {
        return Ok(not_simulated(program, streams));
    }
    writeln!(streams.output, "{program} v1.8.9 (nf_tables)")?;
    Ok(0)
}

fn save(
    machine: &Machine,
    family: Family,
    (program, arguments): (&str, &[String]),
    streams: &mut Streams,
) -> io::Result<i32> {
    let known = ["-c", "--counters", "-t", "filter"];
    if !arguments.iter().all(|argument| known.contains(&argument.as_str())) {
        return Ok(not_simulated(program, streams));
    }
    let counters = arguments.iter().any(|argument| argument == "-c" || argument == "--counters");
    let text = machine.filter(family, |filter| filter.save(counters));
    streams.output.write_all(text.as_bytes())?;
    Ok(0)
}

fn restore(
    machine: &Machine,
    family: Family,
    (program, arguments): (&str, &[String]),
    streams: &mut Streams,
) -> io::Result<i32> {
    let (mut noflush, mut only_test, mut file) = (false, false, None);
    let mut rest = arguments.iter().map(String::as_str).peekable();
    while let Some(argument) = rest.next() {
        match argument {
            "-n" | "--noflush" => noflush = true,
            "-t" | "--test" => only_test = true,
            // Its number of seconds may be left out.
            "-w" | "--wait" => drop(rest.next_if(|seconds| seconds.parse::<u32>().is_ok())),
            path if !path.starts_with('-') && file.is_none() => file = Some(path),
            _ => return Ok(not_simulated(program, streams)),
        }
    }
    let text = match file {
        Some(path) => std::fs::read(machine.root().place(path, true)?)?,
        None => std::mem::take(&mut streams.input),
    };
    let text = String::from_utf8_lossy(&text);
    let outcome = machine.filter(family, |filter| {
        if only_test { filter.clone().restore(&text, noflush) } else { filter.restore(&text, noflush) }
    });
    Ok(match outcome {
        Ok(()) => 0,
        Err(message) => {
            streams.complain(program, message);
            2
        }
    })
}

/// There are no flows to forget: the phones of the lab hold none.
fn conntrack(arguments: &[String], streams: &mut Streams) -> io::Result<i32> {
    if arguments.first().is_none_or(|argument| argument != "-D") {
        return Ok(not_simulated("conntrack", streams));
    }
    writeln!(streams.complaint, "conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.")?;
    Ok(1)
}
