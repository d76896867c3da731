// SPDX-License-Identifier: GPL-2.0
//! Bars and graphs made of characters.

/// Parts of a cell from the left.
const LEFT: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// Parts of a cell from below.
const BELOW: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII_LEFT: [char; 2] = [' ', '|'];
const ASCII_BELOW: [char; 4] = [' ', '.', ':', '|'];
/// A share that is 0, which is not the same as none.
const ZERO: char = '_';

/// A bar of `width` cells, of which a share from 0 to 1 is full: what is full, and what is not. More than nothing is
/// seen.
pub fn bar(share: f64, width: usize, is_unicode: bool) -> (String, String) {
    let parts: &[char] = if is_unicode { &LEFT } else { &ASCII_LEFT };
    let cells: Vec<_> = cells(share, width, parts).collect();
    let full = cells.iter().filter(|cell| **cell != ' ').count();
    (cells[..full].iter().collect(), " ".repeat(width - full))
}

/// Lines of a graph of shares from 0 to 1, one a column, from above.
pub fn graph(shares: &[Option<f64>], rows: usize, is_unicode: bool) -> Vec<String> {
    let parts: &[char] = if is_unicode { &BELOW } else { &ASCII_BELOW };
    let mut lines = vec![String::new(); rows];
    for share in shares {
        let mut column: Vec<_> = match share {
            None => vec![' '; rows],
            Some(share) => cells(*share, rows, parts).collect(),
        };
        if share.is_some() && column[0] == ' ' {
            column[0] = ZERO;
        }
        for (line, cell) in lines.iter_mut().rev().zip(column) {
            line.push(cell);
        }
    }
    lines
}

/// Cells that are full up to a share, the first ones first; `parts` is a cell from empty to full.
fn cells(share: f64, count: usize, parts: &[char]) -> impl Iterator<Item = char> {
    let whole = parts.len() - 1;
    let all = count * whole;
    let rounded = (share.clamp(0.0, 1.0) * all as f64).round() as usize;
    let filled = rounded.max(usize::from(share > 0.0));
    (0..count).map(move |cell| parts[filled.saturating_sub(cell * whole).min(whole)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(share: f64, is_unicode: bool) -> String {
        let (full, empty) = bar(share, 4, is_unicode);
        full + &empty
    }

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(whole(0.0, true), "    ");
        assert_eq!(whole(0.5, true), "██  ");
        assert_eq!(whole(0.53, true), "██▏ ");
        assert_eq!(whole(1.0, true), "████");
        assert_eq!(whole(0.5, false), "||  ");
        assert_eq!(bar(0.5, 0, true), (String::new(), String::new()));
    }

    #[test]
    fn a_little_is_seen_and_too_much_is_full() {
        assert_eq!(whole(1e-9, true), "▏   ");
        assert_eq!(whole(1e-9, false), "|   ");
        assert_eq!(whole(7.0, true), "████");
        assert_eq!(whole(-7.0, true), "    ");
    }

    #[test]
    fn graphs_grow_from_below() {
        let shares = [
            None,
            Some(0.0),
            Some(0.01),
            Some(0.5),
            Some(0.75),
            Some(1.0),
        ];
        assert_eq!(graph(&shares, 1, true), [" _▁▄▆█"]);
        assert_eq!(graph(&shares, 2, true), ["    ▄█", " _▁███"]);
        assert_eq!(graph(&shares, 1, false), [" _.::|"]);
        assert_eq!(graph(&[], 2, false), ["", ""]);
    }
}
