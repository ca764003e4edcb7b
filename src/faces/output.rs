//! Standard output: a reader who has read enough is no error, and nothing that was read from elsewhere acts on it.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::failure::{Exit, Failure};
use super::run::SCHEMA;

/// Writes to somebody who may stop reading at any time, as `head -1` does.
pub struct ToReader<W>(pub W);

impl<W: Write> Write for ToReader<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}

/// A document as `--json` prints it.
///
/// # Errors
/// When it has no JSON form.
pub fn document(document: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::new(Exit::Failed, format!("the result has no JSON form: {error}")))?;
    Ok(format!("{}\n", escaped(&text)))
}

/// A line of a document that grows as things happen.
#[must_use]
pub fn line(fields: &[(&str, &str)]) -> String {
    let mut object = json!({"schema": SCHEMA});
    for (name, text) in fields {
        object[*name] = Value::from(*text);
    }
    format!("{}\n", escaped(&object.to_string()))
}

/// JSON in which every control character but the line breaks between its values is written as `\uXXXX`; the writer of
/// the library leaves those above 0x7e as they are, and some terminals obey them.
fn escaped(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            // Writing to a String cannot fail.
            let _ = write!(clean, "\\u{:04x}", u32::from(c));
        } else {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_gets_into_a_document() {
        let text = document(&json!({"name": "a\u{1b}[2J\u{9b}31m\u{7f}\n"})).unwrap();
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["name"], "a\u{1b}[2J\u{9b}31m\u{7f}\n");
    }
}
