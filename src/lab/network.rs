//! Which simulated addresses are up, which site is cut off, and who reaches whom.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::site::Site;

/// The network between the sites. This machine, from which the product acts, sits at the alternate site but reaches
/// both; a cut site is reached by nobody, and its servers reach only each other.
#[derive(Debug, Default)]
pub struct Network {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Servers, with their site and whether they are powered.
    servers: BTreeMap<IpAddr, (Site, bool)>,
    /// Everything else that answers: routers, phones, control addresses; with the sites that reach it.
    others: BTreeMap<IpAddr, BTreeSet<Site>>,
    cut: BTreeSet<Site>,
}

impl Network {
    /// Puts a server in, without power.
    pub fn add_server(&self, address: IpAddr, site: Site) {
        self.state().servers.insert(address, (site, false));
    }

    /// Puts another address in that answers pings from these sites; none takes it out.
    pub fn set_other(&self, address: IpAddr, reached_from: BTreeSet<Site>) {
        self.state().others.insert(address, reached_from);
    }

    /// Cuts a site off from the other and from everything outside, or joins it again.
    pub fn set_cut(&self, site: Site, cut: bool) {
        let mut state = self.state();
        if cut {
            state.cut.insert(site);
        } else {
            state.cut.remove(&site);
        }
    }

    /// Powers a server or takes its power.
    pub fn set_powered(&self, address: IpAddr, on: bool) {
        if let Some((_, powered)) = self.state().servers.get_mut(&address) {
            *powered = on;
        }
    }

    /// Whether a server is powered and its site not cut off, so that it is reached from outside.
    #[must_use]
    pub fn is_up(&self, address: IpAddr) -> bool {
        let state = self.state();
        state.servers.get(&address).is_some_and(|(site, powered)| *powered && !state.cut.contains(site))
    }

    /// Whether a ping of one server to any address is answered.
    #[must_use]
    pub fn reaches(&self, from: IpAddr, to: IpAddr) -> bool {
        let state = self.state();
        let Some((here, true)) = state.servers.get(&from).copied() else { return false };
        if let Some((there, powered)) = state.servers.get(&to).copied() {
            let joined = here == there || (!state.cut.contains(&here) && !state.cut.contains(&there));
            return powered && joined;
        }
        let reached = state.others.get(&to).is_some_and(|sites| sites.contains(&here));
        reached && !state.cut.contains(&here)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_site_reaches_only_itself() {
        let [a1, a2, b1, router]: [IpAddr; 4] =
            ["192.0.2.11", "192.0.2.12", "198.51.100.11", "203.0.113.1"].map(|text| text.parse().unwrap());
        let network = Network::default();
        for (address, site) in [(a1, Site::Primary), (a2, Site::Primary), (b1, Site::Alternate)] {
            network.add_server(address, site);
            network.set_powered(address, true);
        }
        network.set_other(router, Site::BOTH.into());
        assert!(network.reaches(a1, b1) && network.reaches(a1, router));
        network.set_cut(Site::Primary, true);
        assert!(network.reaches(a1, a2) && !network.reaches(a1, b1) && !network.reaches(b1, a1));
        assert!(!network.reaches(a1, router) && network.reaches(b1, router));
        assert!(!network.is_up(a1) && network.is_up(b1));
        network.set_cut(Site::Primary, false);
        network.set_powered(b1, false);
        assert!(!network.reaches(a1, b1) && !network.reaches(b1, router));
    }
}
