//! SNMP traps, v2c and v3.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_snmp::v3::{AuthoritativeEngine, PersistedAuthoritativeEngine};
use async_snmp::{Auth, AuthProtocol, Client, Oid, PrivProtocol, UsmConfig, Value, VarBind};
use serde::{Deserialize, Serialize};

use super::{host_name, not_taken};
use crate::adapters::durable;
use crate::domain::alarm::{Kind, Notice, Severity, SnmpSettings, TrapAuth, TrapHash};
use crate::ports::notifier::NotifyError;

/// The engines of this process, by their files and names: traps of one engine that overtake each other are all taken as long as
/// they have one number.
static ENGINES: Mutex<BTreeMap<(PathBuf, Vec<u8>), AuthoritativeEngine>> = Mutex::new(BTreeMap::new());

/// One receiver of traps.
pub(super) struct Snmp {
    settings: SnmpSettings,
    engine: PathBuf,
}

/// What receivers of v3 traps know this sender by: each engine, in hexadecimal digits, with its number.
#[derive(Default, Serialize, Deserialize)]
struct Boots {
    engines: BTreeMap<String, u32>,
}

impl Boots {
    /// Those of a file; none where it is not there, for then every engine begins anew.
    fn kept(path: &Path) -> Self {
        std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }
}

impl Snmp {
    pub(super) fn new(root: &Path, settings: SnmpSettings) -> Self {
        Self { settings, engine: root.join("var/lib/mxone_system_redundancy/snmp-engine.json") }
    }

    pub(super) async fn send(&self, notice: &Notice) -> Result<(), NotifyError> {
        let to = || format!("the trap receiver {}", self.settings.target);
        let refused = |because: String| NotifyError::NotTaken { to: to(), because };
        let client = match &self.settings.auth {
            TrapAuth::Community(community) => {
                Client::builder(self.settings.target.clone(), Auth::v2c(community.as_str()))
            }
            TrapAuth::User { user, auth, privacy } => {
                let user = user_config(user, auth, privacy.as_deref()).map_err(refused)?;
                let engine = self.next_engine().map_err(refused)?;
                Client::builder(self.settings.target.clone(), user).local_authoritative_engine(engine)
            }
        };
        let client = client.connect().await.map_err(|error| not_taken(to())(&*error))?;
        let (trap, values) = trap(&self.settings.oid, notice);
        client.send_trap(&trap, uptime(), values).await.map_err(|error| not_taken(to())(&*error))
    }

    /// The engine of this machine. A receiver takes no trap of a number that is over, so where another program of ours
    /// took a newer one, this one takes the next; a number is kept before it is used.
    fn next_engine(&self) -> Result<AuthoritativeEngine, String> {
        let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
        let id = self.settings.engine.clone().unwrap_or_else(|| engine_of(&host_name()));
        let name = id.iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
        let before = Boots::kept(&self.engine).engines.get(&name).copied();
        let place = (self.engine.clone(), id.clone());
        if let Some(engine) = engines.get(&place).filter(|engine| Some(engine.engine_boots()) == before) {
            return Ok(engine.clone());
        }
        let path = self.engine.clone();
        let keep = move |engine: &PersistedAuthoritativeEngine| -> io::Result<()> {
            let mut kept = Boots::kept(&path);
            kept.engines.insert(name.clone(), engine.engine_boots());
            durable::write(&path, &serde_json::to_vec(&kept)?)
        };
        let engine = match before {
            Some(boots) => PersistedAuthoritativeEngine::new(id, boots)
                .and_then(|before| AuthoritativeEngine::restart(before, keep)),
            None => AuthoritativeEngine::install(id, keep),
        };
        let engine = engine.map_err(|error| error.to_string())?;
        engines.insert(place, engine.clone());
        Ok(engine)
    }
}

/// An engine named in text (RFC 3411, `SnmpEngineID`): net-snmp's number, 4, and the name, at most 27 bytes of it.
fn engine_of(name: &str) -> Vec<u8> {
    [0x80, 0, 0x1f, 0x88, 4].into_iter().chain(name.bytes().take(27)).collect()
}

fn user_config(user: &str, (hash, password): &(TrapHash, String), privacy: Option<&str>) -> Result<UsmConfig, String> {
    let hash = match hash {
        TrapHash::Sha => AuthProtocol::Sha1,
        TrapHash::Sha256 => AuthProtocol::Sha256,
    };
    let config = UsmConfig::new(user.to_owned());
    let config = match privacy {
        Some(privacy) => config.auth_priv(hash, password.as_str(), PrivProtocol::Aes128, privacy),
        None => config.auth(hash, password.as_str()),
    };
    config.map_err(|error| error.to_string())
}

/// The trap `ARC.0.KIND` with its values `ARC.1.N.0`, as `help alarms` lists them.
fn trap(arc: &[u32], notice: &Notice) -> (Oid, Vec<VarBind>) {
    let below = |more: &[u32]| Oid::from_slice(&[arc, more].concat());
    let kind = match notice.kind {
        Kind::RoleChanged => 1,
        Kind::AlarmRaised => 2,
        Kind::AlarmCleared => 3,
        Kind::Test => 4,
        Kind::Overlap => 5,
    };
    let severity = match notice.severity {
        Severity::Info => 1,
        Severity::Warning => 2,
        Severity::Major => 3,
        Severity::Critical => 4,
    };
    let name = notice.alarm.map_or_else(|| notice.kind.to_string(), |alarm| alarm.to_string());
    let values = [
        Value::from(name),
        Value::from(severity),
        Value::from(notice.text.clone()),
        Value::from(notice.from.clone()),
        Value::from(notice.at.to_rfc3339()),
        Value::from(notice.about.clone()),
    ];
    let values = (1..).zip(values).map(|(number, value)| VarBind::new(below(&[1, number, 0]), value)).collect();
    (below(&[0, kind]), values)
}

/// How long this machine runs, in hundredths of a second; the value wraps, as the standard has it.
fn uptime() -> u32 {
    let seconds = rustix::time::clock_gettime(rustix::time::ClockId::Boottime).tv_sec;
    u32::try_from(seconds.rem_euclid(42_949_672) * 100).unwrap_or(0)
}
