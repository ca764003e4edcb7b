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
use crate::domain::lease::{Message, Voter};
use crate::domain::site::Site;
use crate::ports::messages::{Dropped, Messages};

/// One lost answer is none; so many in a row are told.
const TOLD_AFTER: u32 = 4;
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
    tasks: [JoinHandle<()>; 2],
}

impl WithEtcd {
    /// Starts asking etcd for a site. What people should know of it is told to `say`.
    #[must_use]
    pub fn start(others: Arc<dyn Messages>, store: Store, site: Site, say: UnboundedSender<String>) -> Self {
        let store = Arc::new(store);
        let (votes, beats) = (Arc::new(Mail::default()), Arc::new(Mail::default()));
        let (answer, answers) = unbounded_channel();
        let voting = work(Arc::clone(&votes), Votes::new(Arc::clone(&store), site), answer.clone(), None);
        // Every round has a beat, so it is the beats that notice what is wrong.
        let beating = work(Arc::clone(&beats), Votes::new(store, site), answer, Some(Watch { say, failed: 0 }));
        let tasks = [tokio::spawn(voting), tokio::spawn(beating)];
        Self { others, votes, beats, answers: Mutex::new(answers), tasks }
    }
}

impl Drop for WithEtcd {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
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
async fn work(mail: Arc<Mail>, mut votes: Votes, answer: UnboundedSender<Message>, mut watch: Option<Watch>) {
    loop {
        let message = mail.next().await;
        let answered = votes.answer(&message).await;
        if let Some(watch) = &mut watch {
            watch.saw(answered.as_ref().map(|_| ()));
        }
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

/// Tells once that etcd is lost, and once that it is back.
struct Watch {
    say: UnboundedSender<String>,
    failed: u32,
}

impl Watch {
    fn saw(&mut self, answered: Result<(), &EtcdError>) {
        let Err(error) = answered else {
            if std::mem::take(&mut self.failed) >= TOLD_AFTER {
                self.tell("the witness (etcd) answers again".to_owned());
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
            self.tell(format!("the witness (etcd) backs nobody: {what}"));
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
