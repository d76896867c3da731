// SPDX-License-Identifier: GPL-2.0
//! Cards that learn together: all in this machine, or one here and the other one elsewhere.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

/// The most cards: the two ends of a link.
const MOST: usize = 2;

/// Cards that learn together. Written as `2`, if all are here, or `0/2`: the first one of two, of which
/// the other one is `1/2` in another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// How many there are.
    pub cards: usize,
    /// Which of them are here.
    pub here: Range<usize>,
}

impl Team {
    /// For names of files.
    pub fn file_name(&self) -> String {
        self.to_string().replace('/', "of")
    }

    fn is_all_here(&self) -> bool {
        self.here.len() == self.cards
    }
}

impl FromStr for Team {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |text: &str| -> Result<usize> {
            text.parse()
                .with_context(|| format!("{text:?} is no number of cards"))
        };
        let (rank, cards) = match text.split_once('/') {
            None => (None, number(text)?),
            Some((rank, cards)) => (Some(number(rank)?), number(cards)?),
        };
        ensure!(
            (1..=MOST).contains(&cards),
            "one card or {MOST}, not {cards}"
        );
        let here = match rank {
            None => 0..cards,
            Some(rank) => {
                ensure!(rank < cards, "cards are counted from 0: {text}");
                rank..rank + 1
            }
        };
        Ok(Team { cards, here })
    }
}

impl fmt::Display for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_all_here() {
            true => f.pad(&self.cards.to_string()),
            false => f.pad(&format!("{}/{}", self.here.start, self.cards)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_cards_are_here_or_one_is() {
        let team = |text: &str| text.parse::<Team>().unwrap();
        assert_eq!((team("2").cards, team("2").here), (2, 0..2));
        assert_eq!((team("1/2").cards, team("1/2").here), (2, 1..2));
        assert_eq!(team("0/1"), team("1"));
        for text in ["1", "2", "0/2", "1/2"] {
            assert_eq!(team(text).to_string(), text);
        }
        assert_eq!(team("1/2").file_name(), "1of2");
    }

    #[test]
    fn others_are_refused() {
        for text in ["", "0", "3", "2/2", "/2", "0/", "0/3", "-1", "two", "0/2/2"] {
            assert!(text.parse::<Team>().is_err(), "{text}");
        }
    }
}
