//! The first application on a remote server: the server takes it back by itself unless a new connection confirms it.

use std::time::Duration;

use super::Server;
use super::filter::{Both, RESTORE_ARGUMENTS, restore};
use crate::adapters::server_file;
use crate::domain::traffic::{Family, Fingerprint};
use crate::ports::host::{Command, Host, HostError, run_checked};
use crate::ports::traffic_control::TrafficError;

/// How long a script that has just awoken may still be at work: two restores, some 20 ms each on an idle server.
const SCRIPT_DONE_AFTER: Duration = Duration::from_secs(1);

/// What a server restores by itself, and when.
pub(super) struct Undo<'a> {
    /// What was there.
    pub(super) found: &'a Both,
    /// What is there now.
    pub(super) wanted: &'a Both,
    /// How long the server waits for the confirmation.
    pub(super) after: Duration,
}

/// The fingerprint of the rule set that was last confirmed on a server: the word of that application ends with it.
pub(super) async fn confirmed(server: &Server) -> Result<Option<Fingerprint>, TrafficError> {
    let text = server_file::read(server.host.as_ref(), &server.places.confirmed()).await;
    let text = text.map_err(server.failed("reading what was confirmed"))?;
    Ok(text.and_then(|text| text.trim().rsplit('_').next()?.parse().ok()))
}

/// Carries out `apply` and proves that one still gets in; if not, the server undoes it by itself.
pub(super) async fn confirm(
    server: &Server,
    undo: &Undo<'_>,
    apply: impl Future<Output = Result<(), TrafficError>> + Send,
) -> Result<(), TrafficError> {
    // A word of its own for each application, so that a script that still sleeps never undoes a later one.
    let word = undo.wanted.v4.signed().map(|signed| signed.to_string().replace(' ', "_")).unwrap_or_default();
    arm(server, undo, &word).await.map_err(server.failed("preparing the way back"))?;
    if let Err(error) = apply.await {
        let disarmed = run_checked(server.host.as_ref(), Command::new(["rm", "-f", &server.places.unconfirmed()]));
        disarmed.await.map_err(server.failed("taking the way back out"))?;
        return Err(error);
    }
    make_up(server, undo.after).await
}

/// Proves by a new connection that one still gets in, and takes the way back out.
async fn make_up(server: &Server, after: Duration) -> Result<(), TrafficError> {
    // The confirmation must be in well before the script awakes: what it does then must not race with us.
    let limit = after.mul_f64(0.8);
    let proof = async {
        let fresh = server.host.reconnected().await?;
        note(fresh.as_ref(), server).await
    };
    let outcome = tokio::time::timeout(limit, proof).await.unwrap_or_else(|_| {
        Err(HostError::TimedOut { host: server.host.name(), what: "a new connection".to_owned(), limit })
    });
    outcome.map_err(|source| TrafficError::NotConfirmed { server: server.id, source })
}

/// Confirms a first application that was made earlier, where its way back may still be waiting.
pub(super) async fn confirm_earlier(server: &Server, after: Duration) -> Result<(), TrafficError> {
    let armed = server_file::exists(server.host.as_ref(), &server.places.unconfirmed()).await;
    let armed = armed.map_err(server.failed("looking for a way back"))?;
    if !armed {
        return Ok(());
    }
    make_up(server, after).await?;
    // A script that had just awoken is done with its work by then, and what it did shows when the rules are read.
    tokio::time::sleep(SCRIPT_DONE_AFTER).await;
    Ok(())
}

/// Puts the way back on the server and starts it.
async fn arm(server: &Server, undo: &Undo<'_>, word: &str) -> Result<(), HostError> {
    let (host, places) = (server.host.as_ref(), &server.places);
    let nothing = "*filter\nCOMMIT\n".to_owned();
    let v4 = undo.wanted.v4.becoming(&undo.found.v4).unwrap_or_else(|| nothing.clone());
    let v6 = undo.wanted.v6.becoming(&undo.found.v6).unwrap_or(nothing);
    server_file::write(host, &places.undo(Family::V4), v4).await?;
    server_file::write(host, &places.undo(Family::V6), v6).await?;
    server_file::write(host, &places.undo_script(), script(server, undo.after)).await?;
    server_file::write(host, &places.unconfirmed(), format!("{word}\n")).await?;
    run_checked(host, Command::new(["setsid", "-f", "sh", &places.undo_script(), word])).await.map(drop)
}

/// Keeps the server from taking the application back, and notes it as confirmed, in one. Where a crash forgets that, the
/// next application is confirmed once more.
async fn note(host: &dyn Host, server: &Server) -> Result<(), HostError> {
    let (from, to) = (server.places.unconfirmed(), server.places.confirmed());
    run_checked(host, Command::new(["mv", "-f", "-T", &from, &to])).await.map(drop)
}

/// The script that sleeps and then takes the application back if nobody confirmed it.
///
/// It lets go of its inputs and outputs first: the connection that starts it is to end.
fn script(server: &Server, after: Duration) -> String {
    let places = &server.places;
    let arguments = RESTORE_ARGUMENTS.join(" ");
    let line = |family| format!("{} {arguments} '{}'", restore(family), places.undo(family));
    format!(
        "# Takes a block back that nobody confirmed. Written by mxone_system_redundancy.\n\
         exec </dev/null >/dev/null 2>&1\n\
         PATH=/usr/sbin:/sbin:/usr/bin:/bin:$PATH\n\
         sleep {}\n\
         [ \"$(cat '{unconfirmed}')\" = \"$1\" ] || exit 0\n\
         {}\n\
         {}\n\
         rm -f '{unconfirmed}'\n",
        after.as_secs_f64(),
        line(Family::V4),
        line(Family::V6),
        unconfirmed = places.unconfirmed(),
    )
}
