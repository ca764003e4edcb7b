//! The way between the voters where the third one is etcd: datagrams to the other site, requests to etcd.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::gateway::EtcdError;
use super::mail::Mail;
use super::store::Store;
use super::votes::Votes;
use crate::domain::alarm::{Alarm, Finding};
use crate::domain::lease::{Message, Voter};
use crate::domain::site::Site;
use crate::ports::messages::{Dropped, Messages};

/// One lost answer is none; so many in a row are told.
const TOLD_AFTER: u32 = 4;
/// How often it is tried whether etcd would take a vote: a takeover needs one that renewals do not.
const TRIED_EVERY: Duration = Duration::from_secs(60);
/// Where it would not, it is tried again after this time.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// As long as what etcd is reached by cannot be used, it is looked at anew after this time.
const MADE_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// What an alarm is about that only etcd as the witness has.
pub const ETCD: &str = "etcd";
/// A release that did not arrive is sent again after this time.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Datagrams to the other site, and etcd as the witness.
pub struct WithEtcd {
    others: Arc<dyn Messages>,
    /// What changes a promise is done one after the other.
    votes: Arc<Mail>,
    /// What only tells goes beside, so that neither waits for the other.
    beats: Arc<Mail>,
    answers: Mutex<UnboundedReceiver<Message>>,
    task: JoinHandle<()>,
}

/// Whom people are told through.
pub struct Told {
    /// Takes a line.
    pub say: UnboundedSender<String>,
    /// Takes what is found of an alarm.
    pub found: Box<dyn Fn(Finding) + Send + Sync>,
}

impl Told {
    fn found(&self, wrong: Option<String>) {
        (self.found)(Finding::of(Alarm::WitnessLost, wrong).about(ETCD));
    }
}

impl WithEtcd {
    /// Starts asking etcd for a site. `store` makes what it is asked through, and is tried until it can: until then
    /// etcd is silent, and the two others vote.
    #[must_use]
    pub fn start(
        others: Arc<dyn Messages>,
        store: impl Fn() -> Result<Store, String> + Send + 'static,
        site: Site,
        told: Told,
    ) -> Self {
        let (votes, beats) = (Arc::new(Mail::default()), Arc::new(Mail::default()));
        let (answer, answers) = unbounded_channel();
        let (for_votes, for_beats) = (Arc::clone(&votes), Arc::clone(&beats));
        let task = tokio::spawn(async move {
            let store = Arc::new(made(store, &told).await);
            let voting = work(for_votes, Votes::new(Arc::clone(&store), site), answer.clone(), told.votes());
            let beating = work(for_beats, Votes::new(Arc::clone(&store), site), answer, told.beats());
            tokio::join!(voting, beating, try_to_write(&store, &told));
        });
        Self { others, votes, beats, answers: Mutex::new(answers), task }
    }
}

/// What etcd is asked through, as soon as it can be made.
async fn made(store: impl Fn() -> Result<Store, String>, told: &Told) -> Store {
    loop {
        match store() {
            Ok(store) => return store,
            Err(because) => told.found(Some(format!("etcd cannot be asked: {because}"))),
        }
        tokio::time::sleep(MADE_AGAIN_AFTER).await;
    }
}

/// Tells as an alarm that etcd answers but would take no vote, which shows in no renewal.
async fn try_to_write(store: &Store, told: &Told) {
    let mut failed = 0_u32;
    loop {
        let pause = match store.would_write().await {
            Ok(()) => {
                failed = 0;
                told.found(None);
                TRIED_EVERY
            }
            // That it is silent is noticed by the beats.
            Err(EtcdError::Silent { .. }) => TRIED_AGAIN_AFTER,
            Err(error) => {
                failed = failed.saturating_add(1);
                if failed >= TOLD_AFTER {
                    told.found(Some(format!("it would take no vote: {}", with_causes(&error))));
                }
                TRIED_AGAIN_AFTER
            }
        };
        tokio::time::sleep(pause).await;
    }
}

impl Drop for WithEtcd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[async_trait]
impl Messages for WithEtcd {
    async fn send(&self, to: Voter, message: &Message) {
        match (to, message) {
            (Voter::Monitor(_), _) => self.others.send(to, message).await,
            (Voter::Witness, Message::Ask(_) | Message::Release(_) | Message::Force(_)) => {
                self.votes.put(message.clone());
            }
            (Voter::Witness, Message::Beat(_) | Message::Recall { .. }) => self.beats.put(message.clone()),
            // etcd asks for nothing, so it gets no answers.
            (Voter::Witness, Message::Grant(_) | Message::Refuse(_) | Message::Echo(_) | Message::Remember { .. }) => {}
        }
    }

    async fn receive(&self) -> (Voter, Message) {
        let answered = async {
            match self.answers.lock().await.recv().await {
                Some(message) => message,
                // The tasks end with this value only.
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            message = answered => (Voter::Witness, message),
            heard = self.others.receive() => heard,
        }
    }

    fn dropped(&self) -> Dropped {
        self.others.dropped()
    }

    fn witness(&self) -> &'static str {
        "etcd"
    }
}

/// Hands one message after the other to etcd and passes its answers on.
async fn work(mail: Arc<Mail>, mut votes: Votes, answer: UnboundedSender<Message>, mut watch: Watch) {
    loop {
        let message = mail.next().await;
        let answered = votes.answer(&message).await;
        watch.saw(answered.as_ref().map(|_| ()));
        match answered {
            Ok(Some(reply)) => {
                // When nobody listens any more, this task is about to end.
                let _ = answer.send(reply);
            }
            // A promise that stands for good ends only by its release.
            Err(_) if matches!(message, Message::Release(_)) => {
                mail.put_back(message);
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            Ok(None) | Err(_) => {}
        }
    }
}

/// Tells once that etcd is lost for something, and once that it is back.
struct Watch {
    say: UnboundedSender<String>,
    failed: u32,
    /// What it does not do when it is lost, and does again.
    words: (&'static str, &'static str),
    /// Whether its silence is told.
    tells_silence: bool,
}

impl Told {
    /// Every round has a beat, so it is the beats that notice a silence.
    fn beats(&self) -> Watch {
        let words = ("backs nobody", "answers again");
        Watch { say: self.say.clone(), failed: 0, words, tells_silence: true }
    }

    fn votes(&self) -> Watch {
        let words = ("takes no vote", "takes votes again");
        Watch { say: self.say.clone(), failed: 0, words, tells_silence: false }
    }
}

impl Watch {
    fn saw(&mut self, answered: Result<(), &EtcdError>) {
        if matches!(answered, Err(EtcdError::Silent { .. })) && !self.tells_silence {
            return;
        }
        let (lost, back) = self.words;
        let Err(error) = answered else {
            if std::mem::take(&mut self.failed) >= TOLD_AFTER {
                self.tell(format!("the witness (etcd) {back}"));
            }
            return;
        };
        self.failed = self.failed.saturating_add(1);
        if self.failed == TOLD_AFTER {
            let what = match error {
                EtcdError::Lost(_) => {
                    format!(
                        "{error}: it promises nothing; make takeover manual, then `settings witness --remove` and set \
                         it up again"
                    )
                }
                EtcdError::Silent { .. }
                | EtcdError::Refused { .. }
                | EtcdError::Foreign { .. }
                | EtcdError::Certificates(_)
                | EtcdError::Raced => with_causes(error),
            };
            self.tell(format!("the witness (etcd) {lost}: {what}"));
        }
    }

    fn tell(&self, line: String) {
        // When nobody listens any more, the program is about to end.
        let _ = self.say.send(line);
    }
}

/// An error with all its causes, in one line.
#[must_use]
pub fn with_causes(error: &EtcdError) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}
