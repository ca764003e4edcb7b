//! The alarms of the telephony systems themselves, and which of them are expected.

use crate::domain::alarm::{ExpectedAlarms, Standing, SystemAlarm};
use crate::domain::site::Site;
use crate::ports::call_server::RawAlarm;

/// What each alarm means at this system, the unexpected first.
#[must_use]
pub fn read(told: Vec<RawAlarm>, expected: &ExpectedAlarms, standing: Standing) -> Vec<SystemAlarm> {
    let read = |alarm: RawAlarm| {
        let reading = expected.reading(&alarm.text, standing);
        SystemAlarm { text: alarm.text, lim: alarm.lim, severity: alarm.severity, reading }
    };
    let mut alarms: Vec<SystemAlarm> = told.into_iter().map(read).collect();
    alarms.sort_by_key(|alarm| alarm.reading);
    alarms
}

/// What is going on at a system: only the alternate is ever loaded.
#[must_use]
pub fn standing(site: Site, is_passive: bool, is_loaded: bool) -> Standing {
    Standing { is_passive, was_loaded: site == Site::Alternate && is_loaded }
}
