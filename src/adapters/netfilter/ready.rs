//! What was done beforehand for servers, to be used once by the step it was done for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::filter::Both;
use crate::domain::site::{Order, ServerId};

/// What is ready, server by server.
#[derive(Default)]
pub(super) struct Ready {
    servers: Mutex<BTreeMap<ServerId, Prepared>>,
}

/// What is ready for one server.
#[derive(Default)]
struct Prepared {
    /// What was in its packet filter, and whether a block has to be confirmed.
    found: Option<(Both, bool)>,
    /// The order that lies ready there.
    order: Option<Order>,
}

impl Ready {
    pub(super) fn forget(&self, server: ServerId) {
        self.servers().remove(&server);
    }

    pub(super) fn keep_found(&self, server: ServerId, found: Both, confirm: bool) {
        self.servers().entry(server).or_default().found = Some((found, confirm));
    }

    pub(super) fn keep_order(&self, server: ServerId, order: Order) {
        self.servers().entry(server).or_default().order = Some(order);
    }

    pub(super) fn take_found(&self, server: ServerId) -> Option<(Both, bool)> {
        self.servers().get_mut(&server)?.found.take()
    }

    pub(super) fn take_order(&self, server: ServerId) -> Option<Order> {
        self.servers().get_mut(&server)?.order.take()
    }

    fn servers(&self) -> MutexGuard<'_, BTreeMap<ServerId, Prepared>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
