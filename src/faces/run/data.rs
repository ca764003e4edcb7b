//! `data`: copies, the daily copy, mirrors.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Run, SCHEMA};
use crate::domain::given::Given;
use crate::domain::schedule::{AutoCopy, CronSchedule, LONGEST_RANDOM_DELAY};
use crate::faces::cli::{Auto, Data, Mirrors, Schedule};
use crate::faces::failure::{Exit, Failure};
use crate::faces::print;
use crate::flows::{self, Ended, Stopped};

/// The daily copy unless another time is asked for: at night, when few call.
const USUAL_SCHEDULE: &str = "0 2 * * *";

impl Run<'_> {
    pub(super) async fn data(&mut self, job: Data) -> Result<(), Failure> {
        let request = self.request(false);
        match job {
            Data::Copy => {
                let mut dialog = self.dialog(Given::default(), false);
                let ended = flows::data_copy::copy(self.ports, &request, &mut *dialog).await;
                self.ended(ended)
            }
            Data::Auto { what } => self.auto(what),
            Data::Mirrors { what } => self.mirrors(what).await,
        }
    }

    fn auto(&mut self, what: Auto) -> Result<(), Failure> {
        let request = self.request(false);
        match what {
            Auto::List => self.list_auto(""),
            Auto::Remove => {
                let ended = flows::auto_copy::remove(self.ports, &request);
                self.ended(ended)
            }
            Auto::Create(schedule) => {
                let usual = AutoCopy {
                    schedule: cron(schedule.schedule.as_deref().unwrap_or(USUAL_SCHEDULE))?,
                    zone: own_zone(),
                    random_delay: Duration::ZERO,
                };
                let wanted = edited(usual, &schedule)?;
                let ended = flows::auto_copy::create(self.ports, &request, wanted);
                self.auto_changed(ended)
            }
            Auto::Change(schedule) => {
                let ended = flows::auto_copy::change(self.ports, &request, |auto_copy| {
                    *auto_copy = edited(auto_copy.clone(), &schedule).map_err(|f| Stopped::BadInput(f.error))?;
                    Ok(())
                });
                self.auto_changed(ended)
            }
        }
    }

    /// Shows what was set up, with the next five runs, so that a wrong expression is noticed at once.
    fn auto_changed(&mut self, ended: Result<Ended, Stopped>) -> Result<(), Failure> {
        match ended? {
            Ended::Done => self.list_auto("done\n"),
            other @ (Ended::Planned(_) | Ended::WouldChange(_) | Ended::NotDone(_)) => self.ended(Ok(other)),
        }
    }

    fn list_auto(&mut self, done: &str) -> Result<(), Failure> {
        let configuration = self.ports.settings.load().map_err(Stopped::from)?.ok_or(Stopped::NotConfigured)?;
        let Some(auto_copy) = configuration.auto_copy else {
            return self.emit(&json!({"schema": SCHEMA, "auto_copy": Value::Null}), "no daily copy is set up\n");
        };
        let next: Vec<String> =
            auto_copy.next_five(&self.ports.clock.now()).iter().map(chrono::DateTime::to_rfc3339).collect();
        let document = json!({
            "schema": SCHEMA,
            "auto_copy": {
                "schedule": auto_copy.schedule.to_string(),
                "zone": auto_copy.zone.to_string(),
                "random_delay_seconds": auto_copy.random_delay.as_secs(),
                "next": next,
            },
        });
        let mut text = format!("{done}{auto_copy}\nrun by `mxone_system_redundancy monitor`; the next runs are\n");
        for run in &next {
            text.extend(["  ", run, "\n"]);
        }
        self.emit(&document, &text)
    }

    async fn mirrors(&mut self, what: Mirrors) -> Result<(), Failure> {
        let request = self.request(false);
        match what {
            Mirrors::List => self.list_mirrors(),
            Mirrors::Verify { mirror } => self.verify_mirror(mirror.as_deref()),
            Mirrors::Load { mirror } => {
                let mut dialog = self.dialog(Given::default(), false);
                let ended = flows::mirrors::load(self.ports, &request, mirror.as_deref(), &mut *dialog).await;
                self.ended(ended)
            }
            Mirrors::RollBack => {
                let mut dialog = self.dialog(Given::default(), false);
                let ended = flows::mirrors::roll_back(self.ports, &request, &mut *dialog).await;
                self.ended(ended)
            }
        }
    }

    fn list_mirrors(&mut self) -> Result<(), Failure> {
        let mirrors = flows::mirrors::list(self.ports)?;
        let listed: Vec<Value> = mirrors
            .iter()
            .map(|listed| {
                json!({
                    "name": listed.generation.name,
                    "backup": listed.generation.backup,
                    "taken_at": listed.generation.taken_at,
                    "epoch": listed.generation.epoch,
                    "files": listed.generation.manifest.files.len(),
                    "bytes": listed.generation.manifest.bytes(),
                    "loaded": listed.using == flows::mirrors::Use::Loaded,
                })
            })
            .collect();
        self.emit(&json!({"schema": SCHEMA, "mirrors": listed}), &print::mirrors(&mirrors))
    }

    fn verify_mirror(&mut self, mirror: Option<&str>) -> Result<(), Failure> {
        let (name, damaged) = flows::mirrors::verify(self.ports, mirror)?;
        let document = json!({"schema": SCHEMA, "mirror": name, "damaged": damaged});
        if damaged.is_empty() {
            return self.emit(&document, &format!("{name}: every checksum is right\n"));
        }
        self.emit(&document, "")?;
        Err(Failure::new(Exit::Failed, format!("mirror {name} is damaged: {}", damaged.join(", ")))
            .hint("copy again with `data copy`"))
    }
}

fn edited(mut auto_copy: AutoCopy, schedule: &Schedule) -> Result<AutoCopy, Failure> {
    if let Some(text) = &schedule.schedule {
        auto_copy.schedule = cron(text)?;
    }
    if let Some(zone) = &schedule.zone {
        auto_copy.zone = zone.parse().map_err(|_| {
            Failure::new(
                Exit::BadInput,
                format!("--zone {zone}: there is no such time zone; write a name such as Europe/Stockholm"),
            )
        })?;
    }
    if let Some(seconds) = schedule.random_delay {
        auto_copy.random_delay = Duration::from_secs(seconds);
    }
    if auto_copy.random_delay > LONGEST_RANDOM_DELAY {
        let most = LONGEST_RANDOM_DELAY.as_secs();
        return Err(Failure::new(Exit::BadInput, format!("--random-delay: it is at most {most} seconds")));
    }
    if auto_copy.never_comes() {
        return Err(Failure::new(
            Exit::BadInput,
            format!("--schedule \"{}\": this time never comes", auto_copy.schedule),
        ));
    }
    Ok(auto_copy)
}

fn cron(text: &str) -> Result<CronSchedule, Failure> {
    text.parse().map_err(|error| Failure::new(Exit::BadInput, format!("--schedule \"{text}\": {error}")))
}

/// This server's time zone; UTC where it does not tell one.
#[must_use]
pub fn own_zone() -> chrono_tz::Tz {
    iana_time_zone::get_timezone().ok().and_then(|name| name.parse().ok()).unwrap_or(chrono_tz::UTC)
}
