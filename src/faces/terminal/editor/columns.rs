//! Text in places of a given width, counted in columns of the screen.

use ipnet::IpNet;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::translation::side_text;

/// Stands for what had no room.
const ELLIPSIS: char = '…';

/// Columns of the list; a width of 0 leaves one out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) primary: usize,
    pub(super) alternate: usize,
    pub(super) kind: usize,
    pub(super) place: usize,
    pub(super) state: usize,
}

impl Columns {
    /// The mark of the chosen row, and the blank after it.
    pub(super) const MARK: usize = 2;
    /// `elsewhere`, the longest kind.
    const KIND: usize = 9;
    /// `? untranslated`, the longest state.
    const STATE: usize = 14;
    /// Below this a place says nothing.
    const LEAST_PLACE: usize = 11;
    /// More would only carry the state away from the address it belongs to.
    const MOST_PLACE: usize = 50;
    /// The titles of the address columns.
    const LEAST_ADDRESS: usize = 9;

    /// Where the state begins.
    pub(super) const fn before_state(&self) -> usize {
        let place = if self.place > 0 { self.place + 1 } else { 0 };
        Self::MARK + self.primary + self.alternate + self.kind + 3 + place
    }

    /// Shares a width out: addresses get what they need, where they occur gets the rest.
    pub(super) fn of(width: usize, widest: (usize, usize)) -> Self {
        let (primary, alternate) = (widest.0.max(Self::LEAST_ADDRESS), widest.1.max(Self::LEAST_ADDRESS));
        // A blank after each of primary, alternate and kind.
        let fixed = Self::MARK + Self::KIND + Self::STATE + 3;
        let room = width.saturating_sub(fixed);
        let left = room.saturating_sub(primary + alternate);
        if left > Self::LEAST_PLACE {
            let place = (left - 1).min(Self::MOST_PLACE);
            return Self { primary, alternate, kind: Self::KIND, place, state: Self::STATE };
        }
        let primary = primary.min(room.saturating_sub(alternate).max(room / 2));
        let alternate = room.saturating_sub(primary);
        Self { primary, alternate, kind: Self::KIND, place: 0, state: Self::STATE }
    }
}

/// A text that takes exactly so many columns: filled up with blanks, or cut and ended with an ellipsis.
pub(super) fn fit(text: &str, width: usize) -> String {
    let mut fitted = cut(text, width);
    let taken = fitted.width();
    fitted.extend(std::iter::repeat_n(' ', width.saturating_sub(taken)));
    fitted
}

/// A text that takes at most so many columns; what is cut off ends with an ellipsis.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut taken = 1;
    for letter in text.chars() {
        taken += letter.width().unwrap_or(0);
        if taken > width {
            break;
        }
        kept.push(letter);
    }
    if width > 0 {
        kept.push(ELLIPSIS);
    }
    kept
}

/// How many columns the text of an address or network takes; faster than writing it, for thousands of rows.
pub(super) fn width_of(side: IpNet) -> usize {
    let digits = |number: u8| if number >= 100 { 3 } else { 1 + usize::from(number >= 10) };
    match side {
        IpNet::V4(v4) => {
            let octets: usize = v4.addr().octets().into_iter().map(digits).sum();
            let len = if v4.prefix_len() == 32 { 0 } else { 1 + digits(v4.prefix_len()) };
            octets + 3 + len
        }
        IpNet::V6(_) => side_text(side).len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_keep_the_columns_straight() {
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("番号計画", 5), "番号…");
        assert_eq!(fit("番号計画", 6), "番号… ");
        assert_eq!(fit("番号計画", 8), "番号計画");
        assert_eq!(fit("x", 0), "");
    }

    #[test]
    fn the_width_of_an_address_is_that_of_its_text() {
        for side in ["1.2.3.4/32", "10.20.30.0/24", "100.0.0.0/8", "255.254.253.252/32", "2001:db8::/64", "fd00::1/128"]
        {
            let side: IpNet = side.parse().unwrap();
            assert_eq!(width_of(side), side_text(side).len(), "{side}");
        }
    }

    #[test]
    fn the_columns_never_take_more_than_there_is_and_the_place_gives_way_first() {
        for width in 0..200 {
            for widest in [(0, 0), (11, 13), (18, 18), (39, 39)] {
                let columns = Columns::of(width, widest);
                assert!(columns.before_state() + columns.state <= width.max(28), "{width} {widest:?}");
            }
        }
        assert_eq!(Columns::of(58, (12, 14)).place, 0);
        assert_eq!(Columns::of(78, (12, 14)).place, 23);
    }
}
