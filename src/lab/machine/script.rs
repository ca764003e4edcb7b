//! Reads the few shell scripts that the product puts on servers: straight lines, a wait, a question at the start.

use std::fs;
use std::io;
use std::time::Duration;

use super::super::command_line;
use super::super::streams::Streams;
use super::{Machine, not_simulated};

/// After this line, a script ends where a command fails.
const STOP_AT_FAILURE: &str = "set -e";

/// Runs `sh FILE [WORD]`.
pub(super) fn run(machine: &Machine, arguments: &[String], streams: &mut Streams) -> io::Result<i32> {
    let (Some(path), word) = (arguments.first(), arguments.get(1)) else { return Ok(not_simulated("sh", streams)) };
    if path.starts_with('-') {
        return Ok(not_simulated("sh", streams));
    }
    let text = fs::read_to_string(machine.root().place(path, true)?)?;
    let stops_at_failure = text.lines().any(|line| line.trim() == STOP_AT_FAILURE);
    let mut status = 0;
    for line in text.lines() {
        match step(machine, line.trim(), word.map_or("", String::as_str), streams)? {
            Step::Done(code) => status = code,
            Step::Ended => break,
        }
        if status != 0 && stops_at_failure {
            break;
        }
    }
    Ok(status)
}

/// What became of a line.
enum Step {
    Done(i32),
    Ended,
}

fn step(machine: &Machine, line: &str, word: &str, streams: &mut Streams) -> io::Result<Step> {
    if line.is_empty() || ["#", "exec ", "PATH=", STOP_AT_FAILURE].iter().any(|start| line.starts_with(start)) {
        return Ok(Step::Done(0));
    }
    if let Some(path) = line.strip_prefix("[ \"$(cat '").and_then(|rest| rest.strip_suffix("')\" = \"$1\" ] || exit 0"))
    {
        let text = fs::read_to_string(machine.root().place(path, true)?).unwrap_or_default();
        return Ok(if text.trim_end() == word { Step::Done(0) } else { Step::Ended });
    }
    let words = match command_line::words(line) {
        Ok(words) => words,
        Err(error) => {
            streams.complain("sh", format_args!("{line}: not simulated: {error}"));
            return Ok(Step::Ended);
        }
    };
    if let [sleep, seconds] = &words[..]
        && sleep == "sleep"
    {
        let slept = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        return Ok(if slept.is_some_and(|time| machine.wait(time)) { Step::Done(0) } else { Step::Ended });
    }
    Ok(Step::Done(machine.execute(&words, streams)))
}
