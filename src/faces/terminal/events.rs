//! What reaches a program at a terminal, and readings in the background: nothing here blocks the keys.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{self, EventStream, KeyEvent, MouseEvent};
use futures_util::StreamExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// Time between two readings.
const READ_EVERY: Duration = Duration::from_secs(2);

/// Time between two frames in which only the clock moves.
const TICK: Duration = Duration::from_millis(500);

/// What reaches a program at a terminal.
#[derive(Debug)]
pub enum Event {
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// The terminal has another size now, or time has passed.
    Passed,
    /// The program was told to end, or the line to the terminal is lost.
    End,
}

/// Where it all comes from.
pub struct Events {
    keys: EventStream,
    ticks: Interval,
    terminate: Signal,
    hang_up: Signal,
}

impl Events {
    /// Listens from now on: a program that is told to end still gives its terminal back.
    ///
    /// # Errors
    /// When signals cannot be listened for.
    pub fn open() -> io::Result<Self> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (terminate, hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
        Ok(Self { keys: EventStream::new(), ticks, terminate, hang_up })
    }

    /// The next event; dropped before it came, none is lost.
    pub async fn next(&mut self) -> Event {
        tokio::select! {
            event = self.keys.next() => match event {
                Some(Ok(event::Event::Key(key))) => Event::Key(key),
                Some(Ok(event::Event::Mouse(mouse))) => Event::Mouse(mouse),
                Some(Ok(_)) => Event::Passed,
                Some(Err(_)) | None => Event::End,
            },
            _ = self.ticks.tick() => Event::Passed,
            _ = self.terminate.recv() => Event::End,
            _ = self.hang_up.recv() => Event::End,
        }
    }
}

/// Reads again and again, sooner when asked, until nobody wants what was read.
pub async fn read_on<T, R: Future<Output = T>>(read: impl Fn() -> R, readings: mpsc::Sender<T>, again: Arc<Notify>) {
    loop {
        let begun = Instant::now();
        if readings.send(read().await).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep_until(begun + READ_EVERY) => {}
            () = again.notified() => {}
        }
    }
}
