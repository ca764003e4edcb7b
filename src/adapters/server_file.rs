//! Files on a server, read and durably written by plain commands: no shell, no file transfer, no agent of ours.

use crate::ports::host::{Command, Host, HostError, Output, run_checked};

/// Writes a file so that after a crash it is there as it was before or as it is now, never half: a new file is
/// synced, renamed over the old one, and its folder synced. The folder is made where it is missing.
///
/// # Errors
/// [`HostError`] when a command cannot be run or fails; the old file then still stands.
pub async fn write(host: &dyn Host, path: &str, content: impl Into<Vec<u8>> + Send) -> Result<(), HostError> {
    let new = format!("{path}.new");
    let folder = folder_of(path);
    let copy = Command::new(["dd".to_owned(), format!("of={new}"), "conv=fsync".to_owned(), "status=none".to_owned()])
        .with_input(content);
    if !host.run(copy.clone()).await?.success() {
        run_checked(host, Command::new(["mkdir", "-p", folder])).await?;
        run_checked(host, copy).await?;
    }
    run_checked(host, Command::new(["chmod", "0644", &new])).await?;
    run_checked(host, Command::new(["mv", "-T", &new, path])).await?;
    run_checked(host, Command::new(["sync", folder])).await?;
    Ok(())
}

/// The content of a file; `None` when there is no such file.
///
/// # Errors
/// [`HostError`] when the server cannot be asked, or the file is there but cannot be read.
pub async fn read(host: &dyn Host, path: &str) -> Result<Option<String>, HostError> {
    let output = host.run(Command::new(["cat", path])).await?;
    if output.success() {
        return Ok(Some(output.text()));
    }
    // `cat` fails in the same way for a file that is missing and for one that cannot be read.
    if !exists(host, path).await? {
        return Ok(None);
    }
    Err(failed(host, format!("cat {path}"), &output))
}

/// Whether there is such a file or folder.
///
/// # Errors
/// [`HostError`] when the server cannot be asked, or cannot tell.
pub async fn exists(host: &dyn Host, path: &str) -> Result<bool, HostError> {
    let output = host.run(Command::new(["test", "-e", path])).await?;
    match output.status {
        0 => Ok(true),
        1 if output.stderr.is_empty() => Ok(false),
        _ => Err(failed(host, format!("test -e {path}"), &output)),
    }
}

/// Removes files durably; those that are not there are no error.
///
/// # Errors
/// [`HostError`] when a command cannot be run or fails.
pub async fn remove(host: &dyn Host, paths: &[&str]) -> Result<(), HostError> {
    run_checked(host, Command::new(["rm", "-f"].iter().chain(paths).copied())).await?;
    let mut folders: Vec<&str> = paths.iter().map(|path| folder_of(path)).collect();
    folders.sort_unstable();
    folders.dedup();
    for folder in folders {
        if exists(host, folder).await? {
            run_checked(host, Command::new(["sync", folder])).await?;
        }
    }
    Ok(())
}

fn folder_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}

fn failed(host: &dyn Host, command: String, output: &Output) -> HostError {
    HostError::Failed { host: host.name(), command, status: output.status, complaint: output.complaint() }
}
