//! Setting etcd up as the witness of a pair, and taking the pair out of it again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::etcd;
use crate::adapters::etcd::with_causes;
use crate::adapters::{durable, server_file};
use crate::config::lease::{EtcdCard, Secret};
use crate::domain::lease::{Endpoint, Memory, Timing};
use crate::ports::host::{Command, Host};
use crate::ports::voter_setup::{ETCD_PASSWORD, EtcdWish, SetupError};

/// Certificates are small; a line that is not there is told after this time.
const REACHED_WITHIN: Duration = Duration::from_secs(4);
/// Where certificates are on LIM 1 of the primary, beside its `lease.yaml`.
const FOLDER: &str = "/etc/mxone_system_redundancy/lease";
/// The copies beside `lease.yaml`.
const COPIES: [&str; 3] = ["etcd-ca.pem", "etcd-cert.pem", "etcd-key.pem"];

/// Where the keys of all pairs are, for people.
const PREFIX: &str = "/mxone_system_redundancy";

/// Where the pair's keys are, for people.
pub(super) fn place(pair: &str) -> String {
    format!("{PREFIX}/{pair}/")
}

/// Whether etcd answers as it is wished, as soon as monitors with this timing need it; nothing is changed.
pub(super) async fn check(wish: &EtcdWish, timing: Timing) -> Result<(), SetupError> {
    // Its certificates are where the person has them.
    let here = std::env::current_dir().map_err(|source| SetupError::Unread { file: PathBuf::from("."), source })?;
    let [ca, cert, key] = certificates(wish).map(Option::<&PathBuf>::cloned);
    let answers = match etcd::store(&EtcdCard { ca, cert, key, ..card(wish)? }, &here, timing) {
        Ok(store) => store.answers().await.map_err(|error| with_causes(&error)),
        Err(error) => Err(error.to_string()),
    };
    answers.map_err(|because| unfit(&because))
}

fn unfit(because: &str) -> SetupError {
    SetupError::Unfit(format!(
        "etcd cannot be the witness: {because}; nothing was changed. See that etcd runs, that its name, certificates \
         and user are right, and that the user may read and write below {PREFIX}/"
    ))
}

fn certificates(wish: &EtcdWish) -> [Option<&PathBuf>; 3] {
    let (cert, key) = wish.identity.as_ref().map(|(cert, key)| (cert, key)).unzip();
    [wish.ca.as_ref(), cert, key]
}

/// What is known of a new pair before its certificates are copied.
fn card(wish: &EtcdWish) -> Result<EtcdCard, SetupError> {
    let password = wish.user.as_ref().map(|_| password(wish)).transpose()?;
    Ok(EtcdCard {
        endpoints: wish.endpoints.iter().map(ToString::to_string).collect(),
        pair: pair().map_err(|source| SetupError::Io { file: PathBuf::from("a name"), source })?,
        cluster: 0,
        ca: None,
        cert: None,
        key: None,
        user: wish.user.clone(),
        password: password.map(Secret),
    })
}

fn password(wish: &EtcdWish) -> Result<String, SetupError> {
    let Some(file) = &wish.password_file else {
        let told = format!("the password is missing: give --etcd-password-file, or the variable {ETCD_PASSWORD}");
        return std::env::var(ETCD_PASSWORD).map_err(|_| SetupError::Missing(told));
    };
    let text = std::fs::read_to_string(file).map_err(|source| SetupError::Unread { file: file.clone(), source })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Copies the certificates into `folder` and lays a new pair's memory down in etcd.
pub(super) async fn lay_down(wish: &EtcdWish, folder: &Path, memory: &Memory) -> Result<EtcdCard, SetupError> {
    let mut copies = certificates(wish).into_iter().zip(COPIES);
    let mut copy = || {
        let Some((Some(from), name)) = copies.next() else { return Ok(None) };
        let content = std::fs::read(from).map_err(|source| SetupError::Unread { file: from.clone(), source })?;
        let to = folder.join(name);
        durable::write(&to, &content).map_err(|source| SetupError::Io { file: to, source })?;
        Ok::<_, SetupError>(Some(PathBuf::from(name)))
    };
    let mut card = EtcdCard { ca: copy()?, cert: copy()?, key: copy()?, ..card(wish)? };
    let created = match etcd::store(&card, folder, Timing::WAN) {
        Ok(store) => store.create(memory).await.map_err(|error| with_causes(&error)),
        Err(error) => Err(error.to_string()),
    };
    match created {
        Ok(cluster) => card.cluster = cluster,
        Err(because) => {
            forget_copies(folder);
            return Err(unfit(&because));
        }
    }
    Ok(card)
}

/// Which members LIM 1 of the primary does not reach, a line each; none may be left that it does reach.
pub(super) async fn look_from_primary(host: &dyn Host, endpoints: &[Endpoint]) -> Result<Vec<String>, SetupError> {
    let unreached = |endpoint: &Endpoint, because: &dyn std::fmt::Display| {
        format!("{endpoint} is not reached from LIM 1 of the primary system: {because}")
    };
    let mut lost = Vec::new();
    for endpoint in endpoints {
        let (name, port) = (endpoint.host.clone(), endpoint.port.to_string());
        // Name and port are words of their own, so nothing of them is run.
        let words = ["bash", "-c", "exec 3<>\"/dev/tcp/$0/$1\"", &name, &port];
        match host.run(Command::new(words).within(REACHED_WITHIN)).await {
            Ok(output) if output.success() => {}
            Ok(output) => lost.push(unreached(endpoint, &output.complaint())),
            Err(error) => lost.push(unreached(endpoint, &error)),
        }
    }
    if lost.len() == endpoints.len() {
        return Err(SetupError::Unfit(format!("{}; open the way to etcd there first", lost.join("\n"))));
    }
    Ok(lost)
}

/// Sends the copies of the certificates to LIM 1 of the primary.
pub(super) async fn send_certificates(host: &dyn Host, card: &EtcdCard, folder: &Path) -> Result<(), SetupError> {
    for name in [&card.ca, &card.cert, &card.key].into_iter().flatten() {
        let file = folder.join(name);
        let content = std::fs::read(&file).map_err(|source| SetupError::Unread { file, source })?;
        server_file::write(host, &format!("{FOLDER}/{}", name.display()), content).await?;
    }
    Ok(())
}

/// Removes the pair's keys from etcd and the copies from `folder`; what was done.
pub(super) async fn take_out(card: &EtcdCard, folder: &Path) -> String {
    let place = place(&card.pair);
    let erased = match etcd::store(card, folder, Timing::WAN) {
        Ok(store) => store.erase().await.map_err(|error| with_causes(&error)),
        Err(error) => Err(error.to_string()),
    };
    forget_copies(folder);
    match erased {
        Ok(()) => format!("removed from etcd: {place}"),
        Err(because) => {
            format!("NOT removed from etcd ({because}): do it there with `etcdctl del --prefix {place}`")
        }
    }
}

fn forget_copies(folder: &Path) {
    for name in COPIES {
        // A copy that stays does no harm: only root reads the folder, and the next set-up writes it anew.
        let _ = durable::remove(&folder.join(name));
    }
}

/// A name that no other pair has.
fn pair() -> std::io::Result<String> {
    let mut drawn = [0; 8];
    getrandom::fill(&mut drawn)?;
    Ok(drawn.iter().fold(String::new(), |mut name, byte| {
        // Writing to a string never fails.
        let _ = write!(name, "{byte:02x}");
        name
    }))
}
