//! Commands that find files, add them up and hand them on.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::super::streams::Streams;
use super::files::opened;
use super::{Machine, not_simulated, sorted};

/// How much of a file is read at once.
const PIECE: usize = 256 * 1024;

/// What `find` does with each file.
enum Act<'a> {
    /// `-printf`.
    Print(&'a str),
    /// `-exec … {} +`.
    Execute(&'a [String]),
}

pub(super) fn run(
    machine: &Machine,
    program: &str,
    arguments: &[String],
    streams: &mut Streams,
) -> Option<io::Result<i32>> {
    Some(match program {
        "find" => find(machine, arguments, streams),
        "xargs" => Ok(xargs(machine, arguments, streams)),
        "sha256sum" => sha256sum(machine, arguments, streams),
        _ => return None,
    })
}

/// `find [-H] FOLDER -type f` with `-printf FORMAT`, `-print0`, `-print` or `-exec COMMAND {} +`.
fn find(machine: &Machine, arguments: &[String], streams: &mut Streams) -> io::Result<i32> {
    let arguments = arguments.strip_prefix(&["-H".to_owned()][..]).unwrap_or(arguments);
    let [folder, kind, file, act @ ..] = arguments else { return Ok(not_simulated("find", streams)) };
    if kind != "-type" || file != "f" {
        return Ok(not_simulated("find", streams));
    }
    let act = match act {
        [] => Act::Print("%p\\n"),
        [word] if word == "-print" => Act::Print("%p\\n"),
        [word] if word == "-print0" => Act::Print("%p\\0"),
        [word, format] if word == "-printf" => Act::Print(format),
        [word, command @ .., braces, plus] if word == "-exec" && braces == "{}" && plus == "+" => Act::Execute(command),
        _ => return Ok(not_simulated("find", streams)),
    };
    let place = machine.root().place(folder, true)?;
    let mut found = Vec::new();
    if let Err(error) = collect(&place, "", &mut found) {
        streams.complain("find", format_args!("'{folder}': {error}"));
        return Ok(1);
    }
    match act {
        Act::Print(format) => {
            for (below, size) in &found {
                streams.output.write_all(printed(format, folder, below, *size).as_bytes())?;
            }
            Ok(0)
        }
        Act::Execute(command) => {
            let files = found.iter().map(|(below, _)| format!("{folder}/{below}"));
            let words: Vec<String> = command.iter().cloned().chain(files).collect();
            Ok(if found.is_empty() { 0 } else { machine.execute(&words, streams) })
        }
    }
}

/// Files below a folder by their path from there, with their sizes. Links are no files.
fn collect(folder: &Path, below: &str, found: &mut Vec<(String, u64)>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &path, found)?;
        } else if kind.is_file() {
            found.push((path, entry.metadata()?.len()));
        }
    }
    Ok(())
}

fn printed(format: &str, folder: &str, below: &str, size: u64) -> String {
    let mut text = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        let next = if matches!(c, '%' | '\\') { rest.next() } else { None };
        match (c, next) {
            ('%', Some('s')) => text += &size.to_string(),
            ('%', Some('P')) => text += below,
            ('%', Some('p')) => text.extend([folder, "/", below]),
            ('%', Some('%')) => text.push('%'),
            ('\\', Some('0')) => text.push('\0'),
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('t')) => text.push('\t'),
            (c, next) => {
                text.push(c);
                text.extend(next);
            }
        }
    }
    text
}

/// `xargs -0 [-r] COMMAND…` with names on its input.
fn xargs(machine: &Machine, arguments: &[String], streams: &mut Streams) -> i32 {
    let options = arguments.iter().take_while(|word| word.starts_with('-')).count();
    let (options, command) = arguments.split_at(options);
    if command.is_empty() || !options.iter().all(|option| ["-0", "-r", "-0r", "-r0"].contains(&option.as_str())) {
        return not_simulated("xargs", streams);
    }
    let input = std::mem::take(&mut streams.input);
    let names = input.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    if names.is_empty() && options.iter().any(|option| option.contains('r')) {
        return 0;
    }
    let words: Vec<String> = command.iter().cloned().chain(names).collect();
    // As GNU xargs puts it: 123 when a command failed, 127 when there is none.
    match machine.execute(&words, streams) {
        status @ (0 | 127) => status,
        _ => 123,
    }
}

/// `sha256sum [-z] FILE…`; without `-z` a name with a line break or backslash is escaped, as GNU does.
fn sha256sum(machine: &Machine, arguments: &[String], streams: &mut Streams) -> io::Result<i32> {
    let Some(call) = sorted(arguments, &["-z", "--zero", "-b"]) else { return Ok(not_simulated("sha256sum", streams)) };
    let zero = call.options.iter().any(|option| *option != "-b");
    let mut status = 0;
    for path in call.operands {
        match opened(machine.root(), path).and_then(summed) {
            Ok(sum) if zero => write!(streams.output, "{sum}  {path}\0")?,
            Ok(sum) if path.contains(['\n', '\\']) => {
                let escaped = path.replace('\\', "\\\\").replace('\n', "\\n");
                writeln!(streams.output, "\\{sum}  {escaped}")?;
            }
            Ok(sum) => writeln!(streams.output, "{sum}  {path}")?,
            Err(error) => {
                streams.complain("sha256sum", format_args!("{path}: {error}"));
                status = 1;
            }
        }
    }
    Ok(status)
}

fn summed(mut file: File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            break;
        }
        hasher.update(piece.get(..length).unwrap_or_default());
    }
    let mut sum = String::new();
    for byte in hasher.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(sum, "{byte:02x}");
    }
    Ok(sum)
}
