//! Commands on files, real in effect below the root folder.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::super::root_folder::RootFolder;
use super::super::streams::Streams;
use super::{Machine, not_simulated, sorted};

type Done = io::Result<i32>;

pub(super) fn run(machine: &Machine, program: &str, arguments: &[String], streams: &mut Streams) -> Option<Done> {
    let root = machine.root();
    let call = Call { program, root, arguments };
    Some(match program {
        "cat" => cat(root, arguments, streams),
        "tail" => tail(root, arguments, streams),
        "mkdir" => Ok(call.each(streams, &["-p"], |_, path| fs::create_dir_all(path))),
        "rm" => Ok(call.each(streams, &["-f", "-r", "-rf", "-fr"], remove)),
        "sync" => Ok(call.each(streams, &["-d", "-f"], |_, path| File::open(path)?.sync_all())),
        "mv" => call.moved(streams),
        "cp" => call.two(streams, &["-a", "-T", "-p", "-r"], copy),
        "ln" => link(root, arguments, streams),
        "dd" => dd(root, arguments, streams),
        "chmod" => chmod(root, arguments, streams),
        "test" => test(root, arguments, streams),
        "ls" => ls(root, arguments, streams),
        _ => return None,
    })
}

/// A call of a command that does the same with each path, or something with two.
struct Call<'a> {
    program: &'a str,
    root: &'a RootFolder,
    arguments: &'a [String],
}

impl Call<'_> {
    /// Does the same to each operand; complaints do not keep the others from being done.
    fn each(&self, streams: &mut Streams, known: &[&str], act: impl Fn(&[&str], &Path) -> io::Result<()>) -> i32 {
        let Some(call) = sorted(self.arguments, known) else { return not_simulated(self.program, streams) };
        let mut status = 0;
        for path in call.operands {
            if let Err(error) = self.root.place(path, false).and_then(|place| act(&call.options, &place)) {
                streams.complain(self.program, format_args!("{path}: {error}"));
                status = 1;
            }
        }
        status
    }

    /// Renames one file, or moves several into a folder.
    fn moved(&self, streams: &mut Streams) -> Done {
        let operands = sorted(self.arguments, &["-T", "-f"]).map(|call| (call.options, call.operands));
        let Some((options, [files @ .., to])) = operands.as_ref().map(|(o, p)| (o, p.as_slice())) else {
            return Ok(not_simulated(self.program, streams));
        };
        let target = self.root.place(to, false)?;
        let into = !options.contains(&"-T") && target.is_dir();
        if files.is_empty() || (files.len() > 1 && !into) {
            return Ok(not_simulated(self.program, streams));
        }
        for file in files {
            let from = self.root.place(file, false)?;
            let name = from.file_name().filter(|_| into);
            fs::rename(&from, name.map_or_else(|| target.clone(), |name| target.join(name)))?;
        }
        Ok(0)
    }

    fn two(&self, streams: &mut Streams, known: &[&str], act: impl Fn(&Path, &Path) -> io::Result<()>) -> Done {
        let operands = sorted(self.arguments, known).map(|call| call.operands);
        let Some([from, to]) = operands.as_deref() else { return Ok(not_simulated(self.program, streams)) };
        act(&self.root.place(from, false)?, &self.root.place(to, false)?)?;
        Ok(0)
    }
}

fn cat(root: &RootFolder, arguments: &[String], streams: &mut Streams) -> Done {
    let Some(call) = sorted(arguments, &[]) else { return Ok(not_simulated("cat", streams)) };
    if call.operands.is_empty() {
        let input = std::mem::take(&mut streams.input);
        streams.output.write_all(&input)?;
    }
    let mut status = 0;
    for path in call.operands {
        match opened(root, path) {
            Ok(mut file) => drop(io::copy(&mut file, &mut streams.output)?),
            Err(error) => {
                streams.complain("cat", format_args!("{path}: {error}"));
                status = 1;
            }
        }
    }
    Ok(status)
}

fn tail(root: &RootFolder, arguments: &[String], streams: &mut Streams) -> Done {
    let [c, from, rest @ ..] = arguments else { return Ok(not_simulated("tail", streams)) };
    let from = from.strip_prefix('+').and_then(|from| from.parse::<u64>().ok());
    let (Some(from), "-c", Some(call)) = (from, c.as_str(), sorted(rest, &[])) else {
        return Ok(not_simulated("tail", streams));
    };
    let [path] = call.operands[..] else { return Ok(not_simulated("tail", streams)) };
    let mut file = opened(root, path)?;
    // `+1` is the first byte.
    file.seek(SeekFrom::Start(from.saturating_sub(1)))?;
    io::copy(&mut file, &mut streams.output)?;
    Ok(0)
}

fn dd(root: &RootFolder, arguments: &[String], streams: &mut Streams) -> Done {
    let mut target = None;
    for argument in arguments {
        match argument.split_once('=') {
            Some(("of", path)) => target = Some(path),
            Some(("conv", "fsync") | ("status", "none")) => {}
            _ => return Ok(not_simulated("dd", streams)),
        }
    }
    let Some(path) = target else { return Ok(not_simulated("dd", streams)) };
    let mut file = File::create(root.place(path, true)?)?;
    file.write_all(&streams.input)?;
    file.sync_all()?;
    Ok(0)
}

fn link(root: &RootFolder, arguments: &[String], streams: &mut Streams) -> Done {
    let Some(call) = sorted(arguments, &["-s", "-sf", "-sfn"]) else { return Ok(not_simulated("ln", streams)) };
    let ([target, path], [_]) = (&call.operands[..], &call.options[..]) else {
        return Ok(not_simulated("ln", streams));
    };
    let place = root.place(path, false)?;
    if place.is_symlink() || place.is_file() {
        fs::remove_file(&place)?;
    }
    symlink(target, place)?;
    Ok(0)
}

fn chmod(root: &RootFolder, arguments: &[String], streams: &mut Streams) -> Done {
    let Some(call) = sorted(arguments, &[]) else { return Ok(not_simulated("chmod", streams)) };
    let Some((mode, paths)) = call.operands.split_first() else { return Ok(not_simulated("chmod", streams)) };
    let Ok(mode) = u32::from_str_radix(mode, 8) else { return Ok(not_simulated("chmod", streams)) };
    for path in paths {
        fs::set_permissions(root.place(path, true)?, fs::Permissions::from_mode(mode))?;
    }
    Ok(0)
}

fn test(root: &RootFolder, arguments: &[String], streams: &mut Streams) -> Done {
    let [what, path] = arguments else { return Ok(not_simulated("test", streams)) };
    let place = root.place(path, true)?;
    let holds = match what.as_str() {
        "-e" => place.exists(),
        "-f" => place.is_file(),
        "-d" => place.is_dir(),
        "-s" => place.metadata().is_ok_and(|metadata| metadata.len() > 0),
        _ => return Ok(not_simulated("test", streams)),
    };
    Ok(i32::from(!holds))
}

/// Lists names, one a line. Programs that the server has are there without being files.
fn ls(root: &RootFolder, arguments: &[String], streams: &mut Streams) -> Done {
    let Some(call) = sorted(arguments, &["-d", "-1", "-A"]) else { return Ok(not_simulated("ls", streams)) };
    let mut status = 0;
    for path in call.operands {
        let place = root.place(path, true)?;
        let is_program = path.strip_prefix("/usr/sbin/").is_some_and(|name| super::firewall::PROGRAMS.contains(&name));
        if place.is_dir() && !call.options.contains(&"-d") {
            let mut names = fs::read_dir(place)?
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect::<io::Result<Vec<_>>>()?;
            names.sort();
            names.iter().try_for_each(|name| writeln!(streams.output, "{name}"))?;
        } else if place.exists() || is_program {
            writeln!(streams.output, "{path}")?;
        } else {
            streams.complain("ls", format_args!("cannot access '{path}': No such file or directory"));
            status = 2;
        }
    }
    Ok(status)
}

fn remove(options: &[&str], place: &Path) -> io::Result<()> {
    let recursive = options.iter().any(|option| option.contains('r'));
    let forced = options.iter().any(|option| option.contains('f'));
    let outcome = if recursive && place.is_dir() && !place.is_symlink() {
        fs::remove_dir_all(place)
    } else {
        fs::remove_file(place)
    };
    match outcome {
        Err(error) if forced && error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Copies a file or a whole folder with its links and permissions.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    fs::set_permissions(to, from.metadata()?.permissions())
}

/// Opens a file for reading; a folder is none, as commands say it.
pub(super) fn opened(root: &RootFolder, path: &str) -> io::Result<File> {
    let mut file = File::open(root.place(path, true)?)?;
    // Opening a folder works, reading it does not.
    let nothing: &mut [u8] = &mut [];
    let _ = file.read(nothing)?;
    if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
}
