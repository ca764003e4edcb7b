//! Commands that tell something about the server or the network.

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::time::Duration;

use super::super::streams::Streams;
use super::{Machine, not_simulated, sorted};

/// Processors of every simulated server.
const PROCESSORS: u32 = 4;

/// How often a sleeping command looks whether its reader has gone.
const LOOK_UP: Duration = Duration::from_millis(20);

pub(super) fn run(
    machine: &Machine,
    program: &str,
    arguments: &[String],
    streams: &mut Streams,
) -> Option<io::Result<i32>> {
    Some(match program {
        "true" => Ok(0),
        "false" => Ok(1),
        "echo" => writeln!(streams.output, "{}", arguments.join(" ")).map(|()| 0),
        "nproc" => writeln!(streams.output, "{PROCESSORS}").map(|()| 0),
        "hostname" => writeln!(streams.output, "{}-lim{}", machine.id().site, machine.id().lim).map(|()| 0),
        "df" => df(machine, arguments, streams),
        "date" => date(machine, arguments, streams),
        "ping" => ping(machine, arguments, streams),
        "sleep" => sleep(machine, arguments, streams),
        "yes" => loop {
            if let Err(error) = streams.output.write_all(b"y\n") {
                return Some(Err(error));
            }
        },
        _ => return None,
    })
}

/// `df -B1 --output=size,avail PATH`, of the real file system below the root folder.
fn df(machine: &Machine, arguments: &[String], streams: &mut Streams) -> io::Result<i32> {
    let Some(call) = sorted(arguments, &["-B1", "--output=size,avail", "--output=size", "--output=avail"]) else {
        return Ok(not_simulated("df", streams));
    };
    let ([path], ["-B1", output]) = (&call.operands[..], &call.options[..]) else {
        return Ok(not_simulated("df", streams));
    };
    let place = machine.root().place(path, true)?;
    let about = rustix::fs::statvfs(&place)?;
    let columns = [("size", "1B-blocks", about.f_blocks), ("avail", "Avail", about.f_bavail)];
    let columns = columns.iter().filter(|(name, ..)| output.contains(name));
    let (heads, values): (Vec<_>, Vec<_>) =
        columns.map(|(_, head, blocks)| ((*head).to_owned(), (blocks * about.f_frsize).to_string())).unzip();
    writeln!(streams.output, "{}\n{}", heads.join(" "), values.join(" "))?;
    Ok(0)
}

fn date(machine: &Machine, arguments: &[String], streams: &mut Streams) -> io::Result<i32> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let format = match words[..] {
        [] => "%a %b %e %H:%M:%S %:z %Y",
        ["+%s"] => "%s",
        ["+%s.%N"] => "%s.%f",
        ["--iso-8601=ns" | "-Ins"] => "%Y-%m-%dT%H:%M:%S,%f%:z",
        ["--iso-8601=seconds" | "-Iseconds"] => "%Y-%m-%dT%H:%M:%S%:z",
        _ => return Ok(not_simulated("date", streams)),
    };
    writeln!(streams.output, "{}", machine.now().format(format))?;
    Ok(0)
}

/// `ping -c 1 -W SECONDS ADDRESS`; an address that does not answer is told at once, not after the time.
fn ping(machine: &Machine, arguments: &[String], streams: &mut Streams) -> io::Result<i32> {
    let address = arguments.last().and_then(|address| address.parse::<IpAddr>().ok());
    let Some(address) = address else {
        streams.complain("ping", "the address cannot be understood");
        return Ok(2);
    };
    let answered = machine.network.reaches(machine.address(), address);
    let received = u8::from(answered);
    writeln!(streams.output, "--- {address} ping statistics ---\n1 packets transmitted, {received} received")?;
    Ok(i32::from(!answered))
}

fn sleep(machine: &Machine, arguments: &[String], streams: &mut Streams) -> io::Result<i32> {
    let time = match arguments {
        [time] => time.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        _ => None,
    };
    let Some(mut left) = time else { return Ok(not_simulated("sleep", streams)) };
    while !left.is_zero() {
        let next = left.min(LOOK_UP);
        if streams.output.is_broken() || !machine.wait(next) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        left -= next;
    }
    Ok(0)
}
