//! The order in force, kept on every server, and beside it a marker file that a boot script can read.

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

/// Writes the order and sets or removes the marker file.
///
/// Between the two a crash may strike. The marker opens a server at boot, so it goes before an order that makes the
/// server passive, and comes after one that makes it active.
pub(super) async fn write(server: &Server, order: Order) -> Result<(), TrafficError> {
    let text = acceptable(server, order).await?;
    let (host, marker) = (server.host.as_ref(), server.places.ordered_active());
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

/// Lays an order on the server, where it does not count yet, so that [`put_in_place`] only has to rename it. The marker
/// of a server that becomes passive goes already now.
pub(super) async fn lay_ready(server: &Server, order: Order) -> Result<(), TrafficError> {
    let text = acceptable(server, order).await?;
    let (host, places) = (server.host.as_ref(), &server.places);
    let outcome = async {
        server_file::write(host, &places.next_order(), text).await?;
        if order.active == server.id.site {
            server_file::write(host, &places.next_ordered_active(), marker_text(order)).await
        } else {
            server_file::remove(host, &[&places.ordered_active(), &places.next_ordered_active()]).await
        }
    };
    outcome.await.map_err(server.failed("laying the order ready"))
}

/// Makes the order that lies ready the one in force: a rename and a sync, in the order of [`write`].
pub(super) async fn put_in_place(server: &Server, order: Order) -> Result<(), TrafficError> {
    let (host, places) = (server.host.as_ref(), &server.places);
    let outcome = async {
        let (order_file, marker) = (places.next_order(), places.next_ordered_active());
        let is_active = order.active == server.id.site;
        let files = [Some(order_file), is_active.then_some(marker)].into_iter().flatten();
        let words = ["mv", "-f"].map(str::to_owned).into_iter().chain(files).chain([places.state()]);
        run_checked(host, Command::new(words)).await?;
        run_checked(host, Command::new(["sync".to_owned(), places.state()])).await.map(drop)
    };
    outcome.await.map_err(server.failed("putting the order in place"))
}

/// The text of an order, if no newer one is there.
async fn acceptable(server: &Server, order: Order) -> Result<String, TrafficError> {
    if let Some(present) = read(server).await? {
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
    let files = [places.ordered_active(), places.order(), places.next_ordered_active(), places.next_order()];
    let removed = server_file::remove(server.host.as_ref(), &files.each_ref().map(String::as_str)).await;
    removed.map_err(server.failed("removing the order"))
}
