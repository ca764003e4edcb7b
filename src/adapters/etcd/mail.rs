//! Messages that wait for etcd: one of each kind, the newest, so that a slow etcd makes no queue.

use std::collections::VecDeque;
use std::mem::discriminant;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::lease::Message;

/// What waits.
#[derive(Default)]
pub(super) struct Mail {
    waiting: Mutex<VecDeque<Message>>,
    news: Notify,
}

impl Mail {
    /// Puts a message in; an older one of its kind that waits still goes.
    pub(super) fn put(&self, message: Message) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|other| discriminant(other) != discriminant(&message));
        waiting.push_back(message);
        self.news.notify_one();
    }

    /// Puts a message back that could not be delivered, unless a newer one of its kind waits.
    pub(super) fn put_back(&self, message: Message) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.iter().any(|other| discriminant(other) == discriminant(&message)) {
            waiting.push_back(message);
            self.news.notify_one();
        }
    }

    /// The next message.
    pub(super) async fn next(&self) -> Message {
        loop {
            let first = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match first {
                Some(message) => return message,
                None => self.news.notified().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lease::message::Release;
    use crate::domain::site::Epoch;

    #[tokio::test]
    async fn of_each_kind_the_newest_waits_and_what_comes_back_is_not_newer() {
        let mail = Mail::default();
        let release = |epoch| Message::Release(Release { epoch: Epoch(epoch), by_person: false });
        mail.put(Message::Recall { nonce: 1 });
        mail.put(release(1));
        mail.put(Message::Recall { nonce: 2 });
        mail.put_back(release(0));
        assert_eq!((mail.next().await, mail.next().await), (release(1), Message::Recall { nonce: 2 }));
        mail.put_back(release(0));
        assert_eq!(mail.next().await, release(0));
    }
}
