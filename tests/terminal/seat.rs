//! A person's seat: the real program in a pseudo-terminal, its screen as that person would see it, keys to press.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Longer than anything takes that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

fn some(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

/// A pseudo-terminal with a program in it.
pub struct Seat {
    screen: Arc<Mutex<vt100::Parser>>,
    child: Box<dyn Child + Send + Sync>,
    /// This side of the line: what is typed goes in here. `None` when it was lost.
    line: Option<(Box<dyn Write + Send>, Box<dyn MasterPty + Send>)>,
    is_lost: Arc<AtomicBool>,
}

impl Seat {
    /// Starts a command at a terminal of this size.
    pub fn take(command: &Command, (columns, lines): (u16, u16)) -> Self {
        let size = PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut builder = CommandBuilder::new(command.get_program());
        builder.cwd("/");
        builder.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => builder.env(name, value),
                None => builder.env_remove(name),
            }
        }
        // What the test's own terminal is says nothing about this one.
        let of_test = |name: &str| command.get_envs().find(|(own, _)| *own == name).and_then(|(_, value)| value);
        builder.env("TERM", of_test("SEAT_TERM").unwrap_or("xterm-256color".as_ref()));
        if of_test("NO_COLOR").is_none() {
            builder.env_remove("NO_COLOR");
        }
        let child = pair.slave.spawn_command(builder).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(some(lines), some(columns), 0)));
        let mut printed = pair.master.try_clone_reader().unwrap();
        let (shown, is_lost) = (Arc::clone(&screen), Arc::new(AtomicBool::new(false)));
        let lost = Arc::clone(&is_lost);
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = printed.read(&mut part) {
                if lost.load(Ordering::Relaxed) {
                    return;
                }
                shown.lock().unwrap().process(&part[..length]);
            }
        });
        let line = Some((pair.master.take_writer().unwrap(), pair.master));
        Self { screen, child, line, is_lost }
    }

    /// Closes this side of the line; the next thing the program prints finds nobody.
    pub fn loses_its_line(&mut self) {
        self.is_lost.store(true, Ordering::Relaxed);
        self.line = None;
    }

    /// What is on the screen.
    pub fn shown(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Looks at the screen with its colours.
    pub fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.screen.lock().unwrap().screen())
    }

    /// Whether the program has the terminal: its own screen, the mouse, a hidden or moved cursor.
    pub fn is_taken(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    /// Whether the terminal is as it was before the program: main screen, visible cursor, no mouse reports.
    #[track_caller]
    pub fn is_given_back(&self) {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let mouse = screen.mouse_protocol_mode();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "{}", screen.contents());
        assert_eq!(mouse, vt100::MouseProtocolMode::None);
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.try_press(keys).unwrap();
    }

    /// Presses keys, if the program is still there.
    ///
    /// # Errors
    /// When it has ended.
    pub fn try_press(&mut self, keys: &str) -> std::io::Result<()> {
        let (line, _) = self.line.as_mut().unwrap();
        line.write_all(keys.as_bytes()).and_then(|()| line.flush())
    }

    /// Whether the program has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    pub fn sees(&self, text: &str) -> String {
        self.waits(text, |shown| shown.contains(text))
    }

    /// Waits for a text without pausing between two looks, for measurements.
    #[track_caller]
    pub fn sees_at_once(&self, text: &str) {
        let begun = Instant::now();
        while !self.shown().contains(text) {
            assert!(begun.elapsed() < PATIENCE, "\"{text}\" does not come; the screen is\n{}", self.shown());
            std::thread::yield_now();
        }
    }

    /// Waits until the screen shows a text no longer.
    #[track_caller]
    pub fn no_longer_sees(&self, text: &str) {
        self.waits(text, |shown| !shown.contains(text));
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub fn waits(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let shown = self.shown();
            if wanted(&shown) {
                return shown;
            }
            assert!(begun.elapsed() < PATIENCE, "\"{what}\" does not come; the screen is\n{shown}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Presses keys, then waits until the screen shows a text.
    #[track_caller]
    pub fn press_and_see(&mut self, keys: &str, text: &str) -> String {
        self.press(keys);
        self.sees(text)
    }

    /// Finds an action by its words and opens it.
    #[track_caller]
    pub fn opens(&mut self, words: &str) {
        self.press_and_see("/", "find an action");
        self.press(words);
        self.sees(&format!("▸ {}", words.replace(' ', " › ")));
        self.press("\r");
        self.no_longer_sees("find an action");
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, lines: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(some(lines), some(columns));
        let (_, master) = self.line.as_ref().unwrap();
        master.resize(PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits until the program has ended; its exit code.
    #[track_caller]
    pub fn ends(&mut self) -> u32 {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // What it printed last may still be on its way.
                std::thread::sleep(Duration::from_millis(50));
                return status.exit_code();
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end; the screen is\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
