//! Which numbers of a sender were taken: each once, in any order as long as they are near each other.

/// How far behind the highest number a late one may be.
const WIDTH: u64 = 64;

/// The numbers taken last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    highest: u64,
    /// Bit n: the number n below the highest was taken.
    taken: u64,
}

impl Window {
    /// The highest number taken.
    pub(super) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Takes a number in; `false` when it was taken before or is too old to know. Numbers begin with 1.
    pub(super) fn takes(&mut self, number: u64) -> bool {
        if number > self.highest {
            let step = number - self.highest;
            self.taken = if step < WIDTH { (self.taken << step) | 1 } else { 1 };
            self.highest = number;
            return true;
        }
        let behind = self.highest - number;
        if number == 0 || behind >= WIDTH || self.taken & (1 << behind) != 0 {
            return false;
        }
        self.taken |= 1 << behind;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_late_number_is_taken_once_and_one_that_is_too_old_never() {
        let mut window = Window::default();
        assert!([1, 3, 2, 70].into_iter().all(|number| window.takes(number)));
        assert!([0, 1, 2, 3, 70, 6].into_iter().all(|number| !window.takes(number)));
        assert!(window.takes(7) && window.takes(69) && !window.takes(69));
    }

    proptest::proptest! {
        #[test]
        fn no_number_is_taken_twice(numbers in proptest::collection::vec(0_u64..300, 0..400)) {
            let (mut window, mut taken) = (Window::default(), BTreeSet::new());
            for number in numbers {
                if window.takes(number) {
                    proptest::prop_assert!(taken.insert(number));
                }
            }
        }
    }
}
