//! The order in force, kept on every server, and beside it a marker file that a boot script can read.

use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::Server;
use crate::adapters::server_file;
use crate::domain::site::{Epoch, Order};
use crate::ports::host::{Command, run_checked};
use crate::ports::traffic_control::TrafficError;

/// The one form of the file there has been so far.
const SCHEMA: u32 = 1;

/// The file as written.
#[derive(Serialize, Deserialize)]
struct Written {
    schema: u32,
    #[serde(flatten)]
    order: Order,
}

pub(super) async fn read(server: &Server) -> Result<Option<Order>, TrafficError> {
    let text = server_file::read(server.host.as_ref(), &server.places.order()).await;
    let Some(text) = text.map_err(server.failed("reading the order"))? else { return Ok(None) };
    let written: Written = serde_json::from_str(&text).map_err(|error| server.unreadable("the order", &error))?;
    if written.schema != SCHEMA {
        return Err(server.unreadable("the order", &format!("schema {} is not known", written.schema)));
    }
    if written.order.epoch > Epoch::LAST {
        return Err(server.unreadable("the order", &format!("epoch {} cannot be", written.order.epoch)));
    }
    Ok(Some(written.order))
}

/// Writes the order and sets or removes the marker file; what is so already is only read.
///
/// Between the two a crash may strike. The marker opens a server at boot, so it goes before an order that makes the
/// server passive, and comes after one that makes it active.
pub(super) async fn write(server: &Server, order: Order) -> Result<(), TrafficError> {
    let present = read(server).await?;
    let text = acceptable(server, present, order)?;
    let (host, marker) = (server.host.as_ref(), server.places.ordered_active());
    if present == Some(order) {
        let is_marked = server_file::exists(host, &marker).await.map_err(server.failed("reading the order"))?;
        if is_marked == (order.active == server.id.site) {
            return Ok(());
        }
    }
    let outcome = async {
        if order.active == server.id.site {
            server_file::write(host, &server.places.order(), text).await?;
            server_file::write(host, &marker, marker_text(order)).await
        } else {
            server_file::remove(host, &[&marker]).await?;
            server_file::write(host, &server.places.order(), text).await
        }
    };
    outcome.await.map_err(server.failed("writing the order"))
}

/// Lays an order on the server, where it does not count yet, so that [`put_in_place`] takes one command. The marker of
/// a server that becomes passive goes already now.
///
/// Nobody reads what lies there before all of it is written, so it is written in place.
pub(super) async fn lay_ready(server: &Server, order: Order) -> Result<(), TrafficError> {
    let text = acceptable(server, read(server).await?, order)?;
    let (host, places) = (server.host.as_ref(), &server.places);
    let mut files = vec![(places.next_order(), text)];
    if order.active == server.id.site {
        files.push((places.next_ordered_active(), marker_text(order)));
    }
    let names: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
    files.push((places.next_script(), script(&names, &places.state())));
    let outcome = async {
        run_checked(host, Command::new(["mkdir", "-p", &places.next()])).await?;
        try_join_all(files.into_iter().map(|(path, text)| {
            let words = ["dd".to_owned(), format!("of={path}"), "conv=fsync".to_owned(), "status=none".to_owned()];
            run_checked(host, Command::new(words).with_input(text))
        }))
        .await?;
        run_checked(host, Command::new(["chmod", "0644"].map(str::to_owned).into_iter().chain(names))).await?;
        if order.active != server.id.site {
            server_file::remove(host, &[&places.ordered_active()]).await?;
        }
        run_checked(host, Command::new(["sync".to_owned(), places.next()])).await.map(drop)
    };
    outcome.await.map_err(server.failed("laying the order ready"))
}

/// Makes the order that lies ready the one in force.
pub(super) async fn put_in_place(server: &Server) -> Result<(), TrafficError> {
    let command = Command::new(["sh".to_owned(), server.places.next_script()]);
    run_checked(server.host.as_ref(), command).await.map(drop).map_err(server.failed("putting the order in place"))
}

/// The script that renames what lies ready, in the order of [`write`], and makes that durable: as two commands they
/// would be waited for one after the other, while no site is live.
fn script(files: &[String], folder: &str) -> String {
    let files = files.iter().map(|file| format!(" '{file}'")).collect::<Vec<_>>().concat();
    format!(
        "# Puts the order that lies ready in force. Written by mxone_system_redundancy.\n\
         set -e\n\
         mv -f{files} '{folder}'\n\
         sync '{folder}'\n"
    )
}

/// The text of an order, if no newer one is present.
fn acceptable(server: &Server, present: Option<Order>, order: Order) -> Result<String, TrafficError> {
    if let Some(present) = present {
        // Of two different orders of the same epoch neither holds; the first one stays.
        if present.epoch > order.epoch || (present.epoch == order.epoch && present != order) {
            return Err(TrafficError::NewerOrder { server: server.id, present });
        }
    }
    let written = Written { schema: SCHEMA, order };
    let mut text = serde_json::to_string(&written).map_err(|error| server.unreadable("the order", &error))?;
    text.push('\n');
    Ok(text)
}

fn marker_text(order: Order) -> String {
    format!("{order}\n")
}

pub(super) async fn forget(server: &Server) -> Result<(), TrafficError> {
    let places = &server.places;
    let mut files = vec![places.ordered_active(), places.order()];
    files.extend([places.next_ordered_active(), places.next_order(), places.next_script()]);
    let removed =
        server_file::remove(server.host.as_ref(), &files.iter().map(String::as_str).collect::<Vec<_>>()).await;
    removed.map_err(server.failed("removing the order"))
}
