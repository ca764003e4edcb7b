//! `demo`: the whole story on the embedded lab, each chapter with a line that explains it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::standing_lab;
use crate::domain::given::Given;
use crate::domain::journal::Person;
use crate::domain::site::{ServerId, Site};
use crate::faces::failure::{Exit, Failure};
use crate::faces::print;
use crate::faces::scripted::Scripted;
use crate::faces::teller::Teller;
use crate::flows::monitor::Monitor;
use crate::flows::{self, Ended, Ports, Request};
use crate::lab::machine::Machine;
use crate::lab::pair::TwoSiteLab;
use crate::lab::system;

/// Servers at each site of the demo.
const SERVERS: u16 = 2;

/// How often the auditor looks at both sites.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Where the news of each step go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Between the lines of the story, on standard output.
    WithTheStory,
    /// On standard error, where the story is one document.
    Apart,
}

/// Tells the whole story.
///
/// # Errors
/// When a chapter does not end as it must.
pub async fn run(out: &mut (dyn Write + Send), news: News) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|error| broken(&error))?;
    let (lab, card) = standing_lab::start_in(folder.path(), SERVERS).await?;
    let ports = super::ports(&card.place());
    let auditor = Auditor::start(&lab)?;
    let mut story = Story { out, news, ports, lab, chapter: 0 };
    story.tell(folder.path()).await?;
    let (looks, dual) = auditor.end();
    story.say(&format!(
        "An auditor outside the program asked every {} ms which sites let a call in: {looks} looks, both at once: {dual}.",
        LOOK_EVERY.as_millis()
    ))?;
    if dual > 0 {
        return Err(Failure::new(Exit::Failed, "the auditor saw both sites live"));
    }
    story.say("To try it yourself: mxone_system_redundancy lab start")
}

struct Story<'a> {
    out: &'a mut (dyn Write + Send),
    news: News,
    ports: Ports,
    lab: TwoSiteLab,
    chapter: u32,
}

impl Story<'_> {
    async fn tell(&mut self, folder: &Path) -> Result<(), Failure> {
        self.chapter(
            "Two sites with two servers each. The servers are simulated, but behind a real SSH server; the copy, the \
             checksums, the translation, the rules' text and the journal are the real ones.",
        )?;
        self.configure(folder).await?;
        self.status().await?;
        self.copy().await?;
        self.chapter(
            "manual-takeover traffic-in-alternate: the primary is blocked and read back before the alternate is opened.",
        )?;
        self.take_over(Site::Alternate, None).await?;
        self.chapter(
            "data copy, while the alternate is active: nothing is copied, and that is an outcome, not an error.",
        )?;
        let ended = flows::data_copy::copy(&self.ports, &request(None), &mut dialog(self.news)).await?;
        self.must_end(&ended, |ended| matches!(ended, Ended::NotDone(_)))?;
        self.chapter("manual-takeover traffic-in-primary: and back again.")?;
        self.take_over(Site::Primary, None).await?;
        self.lose_the_primary().await?;
        self.chapter("manual-takeover traffic-in-primary: it is back for good, so it takes the traffic again.")?;
        self.take_over(Site::Primary, None).await?;
        self.chapter("remove: which system serves does not change, and it is said what stays behind.")?;
        let ended = flows::remove::remove(&self.ports, &request(None), &mut dialog(self.news)).await?;
        self.must_end(&ended, |ended| *ended == Ended::Done)
    }

    async fn configure(&mut self, folder: &Path) -> Result<(), Failure> {
        self.chapter(
            "configure: the checks, the first mirror, the plan; then the alternate is blocked, loaded and proved, and \
             every server boots blocked from now on.",
        )?;
        let file = folder.join("answers.yaml");
        let given = self.ports.documents.answers(&file).map_err(|problems| broken(&problems.join("\n")))?;
        let mut asked = dialog(self.news);
        asked.given = given.clone();
        let ended = flows::configure::configure(&self.ports, &request(None), &given, &mut asked).await?;
        self.must_end(&ended, |ended| *ended == Ended::Done)
    }

    async fn status(&mut self) -> Result<(), Failure> {
        self.chapter("status: read afresh from every server's packet filter, not from memory.")?;
        let status = flows::status::status(&self.ports).await?;
        self.say(&print::status(&status))
    }

    async fn copy(&mut self) -> Result<(), Failure> {
        self.chapter(
            "data copy: somebody added extension 1002 at the primary, and a backup was made there. The copy brings it \
             over; the gateway behind it becomes the alternate's own.",
        )?;
        let primary = self.machine(Site::Primary)?;
        let extensions = primary.root().folder().join("var/opt/lab/data/extensions.csv");
        let line = format!("1002,Carla,{}\n", system::gateway(Site::Primary));
        let add = || {
            fs::write(&extensions, fs::read_to_string(&extensions)? + &line)?;
            system::back_up(primary).map(drop)
        };
        add().map_err(|error: io::Error| broken(&error))?;
        let ended = flows::data_copy::copy(&self.ports, &request(None), &mut dialog(self.news)).await?;
        self.must_end(&ended, |ended| *ended == Ended::Done)?;
        let loaded = self.machine(Site::Alternate)?.root().folder().join("var/opt/lab/data/extensions.csv");
        let loaded = fs::read_to_string(loaded).map_err(|error| broken(&error))?;
        let line = loaded.lines().find(|line| line.starts_with("1002,")).unwrap_or("nothing");
        self.say(&format!("at the alternate: {line}"))?;
        let translated = line.ends_with(system::gateway(Site::Alternate));
        if translated { Ok(()) } else { Err(broken(&"extension 1002 is not at the alternate as it must be")) }
    }

    async fn lose_the_primary(&mut self) -> Result<(), Failure> {
        self.chapter(
            "The primary's cable is pulled. A planned takeover is refused: nobody can prove that it is blocked.",
        )?;
        self.lab.cut(Site::Primary);
        let refused =
            flows::takeover::take_over(&self.ports, &request(None), Site::Alternate, &mut dialog(self.news)).await;
        match refused {
            Err(stopped) => self.say(&Failure::from(stopped).to_string())?,
            Ok(_) => return Err(broken(&"the takeover should have been refused")),
        }
        self.chapter(
            "The site has lost its power, somebody has looked. manual-takeover --force with a reason: the alternate is \
             opened, and the epoch grows.",
        )?;
        for lim in ["primary/1", "primary/2"] {
            let id: ServerId = lim.parse().map_err(|error| broken(&error))?;
            self.lab.power_off(id).map_err(|error| broken(&error))?;
        }
        self.take_over(Site::Alternate, Some("fire at the primary site")).await?;
        self.chapter("The primary comes back: power and cable. It boots blocked, and learns the newer order at the next contact.")?;
        for lim in ["primary/1", "primary/2"] {
            let id: ServerId = lim.parse().map_err(|error| broken(&error))?;
            self.lab.boot(id).map_err(|error| broken(&error))?;
        }
        self.lab.heal(Site::Primary);
        let round = Monitor::default().round(&self.ports, &request(None), false, &mut dialog(self.news)).await?;
        for line in round.story {
            self.say(&format!("monitor: {line}"))?;
        }
        self.status().await
    }

    async fn take_over(&mut self, site: Site, reason: Option<&str>) -> Result<(), Failure> {
        let mut asked = dialog(self.news);
        asked.force = reason.is_some();
        let ended = flows::takeover::take_over(&self.ports, &request(reason), site, &mut asked).await?;
        self.must_end(&ended, |ended| *ended == Ended::Done)
    }

    fn machine(&self, site: Site) -> Result<&Arc<Machine>, Failure> {
        self.lab.machine(ServerId::first_of(site)).map_err(|error| broken(&error))
    }

    fn must_end(&mut self, ended: &Ended, is_right: impl FnOnce(&Ended) -> bool) -> Result<(), Failure> {
        if let Ended::NotDone(because) = ended {
            self.say(&format!("not done: {because}"))?;
        }
        if is_right(ended) { Ok(()) } else { Err(broken(&format!("it ended otherwise: {ended:?}"))) }
    }

    fn chapter(&mut self, text: &str) -> Result<(), Failure> {
        self.chapter += 1;
        let number = self.chapter;
        self.say(&format!("\n== {number}. {text}"))
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "{}", text.trim_end()).and_then(|()| self.out.flush()).map_err(|error| broken(&error))
    }
}

/// Looks at the packet filters from outside the program.
struct Auditor {
    stop: Arc<AtomicBool>,
    looks: Arc<AtomicU64>,
    dual: Arc<AtomicU64>,
}

impl Auditor {
    fn start(lab: &TwoSiteLab) -> Result<Self, Failure> {
        let of = |site| lab.machine(ServerId::first_of(site)).map(Arc::clone).map_err(|error| broken(&error));
        let sites = [of(Site::Primary)?, of(Site::Alternate)?];
        let auditor = Self { stop: Arc::default(), looks: Arc::default(), dual: Arc::default() };
        let (stop, looks, dual) = (Arc::clone(&auditor.stop), Arc::clone(&auditor.looks), Arc::clone(&auditor.dual));
        // The alternate stands ready but is not configured at first; live together counts from its first block on.
        tokio::spawn(async move {
            let mut guarded = false;
            let phone = std::net::IpAddr::from([203, 0, 113, 50]);
            while !stop.load(Ordering::Relaxed) {
                let live = sites.each_ref().map(|site| site.is_up() && site.lets_probe_in(phone));
                guarded |= !live[1];
                looks.fetch_add(1, Ordering::Relaxed);
                if guarded && live == [true, true] {
                    dual.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Ok(auditor)
    }

    fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        (self.looks.load(Ordering::Relaxed), self.dual.load(Ordering::Relaxed))
    }
}

fn request(reason: Option<&str>) -> Request {
    Request {
        person: Person { who: "demo".to_owned(), from: "the embedded lab".to_owned() },
        reason: reason.map(str::to_owned),
        dry_run: false,
        skipped: BTreeSet::new(),
        force: reason.is_some(),
    }
}

fn dialog(news: News) -> Scripted {
    let out: Box<dyn Write + Send> = match news {
        News::WithTheStory => Box::new(io::stdout()),
        News::Apart => Box::new(io::stderr()),
    };
    Scripted { given: Given::default(), yes: true, force: false, teller: Teller::new(out) }
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("the demo broke off: {error}"))
}
