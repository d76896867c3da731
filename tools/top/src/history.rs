// SPDX-License-Identifier: GPL-2.0
//! What something was in the last samples.

use std::collections::VecDeque;

/// As many samples as a wide terminal shows.
const LENGTH: usize = 1000;

/// Numbers, the newest last; nothing where there was none.
#[derive(Debug, Default)]
pub struct History {
    samples: VecDeque<Option<f64>>,
}

impl History {
    /// Add a sample; the oldest one is forgotten if there are too many.
    pub fn add(&mut self, sample: Option<f64>) {
        if self.samples.len() == LENGTH {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The last `count` samples, the newest last. Those from before the first one are not known.
    pub fn last(&self, count: usize) -> impl Iterator<Item = Option<f64>> + '_ {
        let missing = count.saturating_sub(self.samples.len());
        let known = self.samples.len().min(count);
        let last = self.samples.range(self.samples.len() - known..).copied();
        std::iter::repeat_n(None, missing).chain(last)
    }

    /// The highest of all that are remembered.
    pub fn highest(&self) -> Option<f64> {
        self.samples.iter().flatten().copied().reduce(f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(history: &History, count: usize) -> Vec<Option<f64>> {
        history.last(count).collect()
    }

    #[test]
    fn the_newest_is_last() {
        let mut history = History::default();
        assert_eq!(last(&history, 2), [None, None]);
        history.add(Some(1.0));
        history.add(None);
        history.add(Some(3.0));
        assert_eq!(last(&history, 2), [None, Some(3.0)]);
        assert_eq!(last(&history, 4), [None, Some(1.0), None, Some(3.0)]);
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut history = History::default();
        for sample in 0..=LENGTH {
            history.add(Some(sample as f64));
        }
        let all = last(&history, LENGTH + 1);
        assert_eq!(all[..2], [None, Some(1.0)]);
        assert_eq!(all.last(), Some(&Some(LENGTH as f64)));
    }

    #[test]
    fn the_highest_is_known_until_it_is_forgotten() {
        let mut history = History::default();
        assert_eq!(history.highest(), None);
        history.add(Some(-1.0));
        assert_eq!(history.highest(), Some(-1.0));
        for sample in [Some(9.0), None, Some(3.0)] {
            history.add(sample);
        }
        assert_eq!(history.highest(), Some(9.0));
        for _ in 0..LENGTH {
            history.add(Some(2.0));
        }
        assert_eq!(history.highest(), Some(2.0));
    }
}
