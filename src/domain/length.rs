//! Lengths of time as people write them: `250ms`, `20s`, `10min`, `48h`.

use std::time::Duration;

/// The units, the longest first, in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];

/// Reads a length.
///
/// # Errors
/// A sentence that says what to write instead.
pub fn read(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is no length of time; write it like 250ms, 20s, 10min or 2h");
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let seconds = Duration::from_millis(*millis).as_secs_f64() * number;
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// A length in the longest unit that holds it whole, or in parts of a millisecond; [`read`] reads it back.
#[must_use]
pub fn written(length: Duration) -> String {
    if length.is_zero() {
        return "0s".to_owned();
    }
    let nanos = length.as_nanos();
    let fits = UNITS.iter().map(|(name, millis)| (name, u128::from(*millis) * 1_000_000));
    let mut fits = fits.filter(|(_, unit)| nanos.is_multiple_of(*unit));
    fits.next().map_or_else(
        || format!("{}ms", length.as_secs_f64() * 1000.0),
        |(name, unit)| format!("{}{name}", nanos / unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_the_same() {
        for text in ["0s", "250ms", "20s", "90s", "10min", "48h", "100h"] {
            assert_eq!(written(read(text).unwrap()), text);
        }
        assert_eq!(written(Duration::from_secs(120)), "2min");
        let odd = Duration::from_nanos(1_234_567_891);
        assert_eq!((written(odd), read(&written(odd))), ("1234.567891ms".to_owned(), Ok(odd)));
    }

    #[test]
    fn what_is_no_length_is_refused_with_how_to_write_one() {
        for text in ["", "10", "min", "10 min", "10m", "-1s", "1e400s", "1.2.3s", "ten s"] {
            let told = read(text).unwrap_err();
            assert!(told.contains("10min or 2h"), "{text}: {told}");
        }
    }
}
