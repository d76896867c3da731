// SPDX-License-Identifier: GPL-2.0
//! A screen as a picture: text as text, blocks as areas, since few fonts join them.

use std::fmt::Write;

use vt100::Cell;
use vt100::Color;
use vt100::Screen;

/// Of a cell, pixels.
const WIDTH: f64 = 8.0;
const HEIGHT: f64 = 17.0;
/// From the top of a cell to the line that letters stand on.
const BASE: f64 = 13.0;
/// Around the screen.
const MARGIN: f64 = 10.0;

const FOREGROUND: &str = "#d8dee9";
const BACKGROUND: &str = "#1f2430";

/// The first sixteen colours of terminals.
const PALETTE: [&str; 16] = [
    "#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9",
    "#5c6370", "#ff7b86", "#b5e890", "#ffd68a", "#7fc4ff", "#e29bf5", "#6fd3df", "#ffffff",
];

/// How text looks.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Style {
    foreground: &'static str,
    background: &'static str,
    is_bold: bool,
}

impl Style {
    fn of(cell: &Cell) -> Self {
        let mut style = Style {
            foreground: color(cell.fgcolor(), FOREGROUND),
            background: color(cell.bgcolor(), BACKGROUND),
            is_bold: cell.bold(),
        };
        if cell.inverse() {
            std::mem::swap(&mut style.foreground, &mut style.background);
        }
        style
    }
}

/// Colours beyond the first sixteen are shown as none.
fn color(color: Color, default: &'static str) -> &'static str {
    match color {
        Color::Idx(index) => PALETTE.get(usize::from(index)).copied().unwrap_or(default),
        Color::Default | Color::Rgb(..) => default,
    }
}

/// The picture.
pub fn svg(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let width = f64::from(columns) * WIDTH + 2.0 * MARGIN;
    let height = f64::from(rows) * HEIGHT + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..rows {
        for run in runs(screen, row) {
            run.draw(row, &mut svg);
        }
    }
    svg + "</svg>\n"
}

/// Cells of one style beside each other; blocks and letters apart.
struct Run {
    column: u16,
    style: Style,
    text: String,
}

fn runs(screen: &Screen, row: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let (_, columns) = screen.size();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else {
            continue;
        };
        let style = Style::of(cell);
        let symbol = match cell.has_contents() {
            true => cell.contents(),
            false => " ".to_owned(),
        };
        let is_block = |text: &str| {
            text.chars()
                .next()
                .is_some_and(|symbol| block(symbol).is_some())
        };
        match runs.last_mut() {
            Some(run) if run.style == style && is_block(&run.text) == is_block(&symbol) => {
                run.text += &symbol
            }
            _ => runs.push(Run {
                column,
                style,
                text: symbol,
            }),
        }
    }
    runs
}

impl Run {
    fn draw(&self, row: u16, svg: &mut String) {
        let x = MARGIN + f64::from(self.column) * WIDTH;
        let y = MARGIN + f64::from(row) * HEIGHT;
        let style = self.style;
        if style.background != BACKGROUND {
            let width = self.text.chars().count() as f64 * WIDTH;
            area(svg, (x, y, width, HEIGHT), style.background);
        }
        if self.text.chars().any(|symbol| block(symbol).is_some()) {
            self.blocks(x, y, svg);
        } else {
            self.letters(x, y, svg);
        }
    }

    /// One area for each stretch of the same block.
    fn blocks(&self, x: f64, y: f64, svg: &mut String) {
        let mut path = String::new();
        for (place, symbol) in self.text.chars().enumerate() {
            let (across, up) = block(symbol).unwrap_or((0.0, 0.0));
            let left = x + place as f64 * WIDTH;
            let top = y + HEIGHT * (1.0 - up);
            let (width, height) = (WIDTH * across, HEIGHT * up);
            let _ = write!(path, "M{left} {top:.1}h{width}v{height:.1}h-{width}z");
        }
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"{}\"/>",
            self.style.foreground
        );
    }

    fn letters(&self, x: f64, y: f64, svg: &mut String) {
        let text = self.text.trim_end();
        let letters = text.trim_start();
        if letters.is_empty() {
            return;
        }
        let before = text.chars().count() - letters.chars().count();
        let x = x + before as f64 * WIDTH;
        let width = letters.chars().count() as f64 * WIDTH;
        let weight = if self.style.is_bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let escaped = letters
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{}\" textLength=\"{width}\" fill=\"{}\"{weight} xml:space=\"preserve\">{escaped}</text>",
            y + BASE,
            self.style.foreground
        );
    }
}

fn area(svg: &mut String, (x, y, width, height): (f64, f64, f64, f64), color: &str) {
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{color}\"/>"
    );
}

/// Which part of its cell a block fills, across from the left and up from below.
fn block(symbol: char) -> Option<(f64, f64)> {
    let eighths = |from: char| f64::from(u32::from(symbol) - u32::from(from) + 1) / 8.0;
    match symbol {
        '▁'..='█' => Some((1.0, eighths('▁'))),
        '▉'..='▏' => Some((1.0 - eighths('▉'), 1.0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use vt100::Parser;

    use super::*;

    fn picture(bytes: &str) -> String {
        let mut terminal = Parser::new(1, 12, 0);
        terminal.process(bytes.as_bytes());
        svg(terminal.screen())
    }

    #[test]
    fn text_is_text() {
        let svg = picture("a <b> \x1b[31;1mred");
        assert!(svg.contains(">a &lt;b&gt;</text>"), "{svg}");
        assert!(
            svg.contains("fill=\"#e06c75\" font-weight=\"bold\" xml:space=\"preserve\">red</text>"),
            "{svg}"
        );
    }

    #[test]
    fn blocks_are_as_large_as_they_are() {
        assert_eq!(block('█'), Some((1.0, 1.0)));
        assert_eq!(block('▄'), Some((1.0, 0.5)));
        assert_eq!(block('▉'), Some((0.875, 1.0)));
        assert_eq!(block('▏'), Some((0.125, 1.0)));
        assert_eq!(block('a'), None);
        let svg = picture("x█▌");
        assert!(
            svg.contains("<path d=\"M18 10.0h8v17.0h-8zM26 10.0h4v17.0h-4z\""),
            "{svg}"
        );
    }

    #[test]
    fn reversed_text_has_a_background() {
        let svg = picture("\x1b[7mPID");
        assert!(
            svg.contains(&format!("width=\"24\" height=\"17\" fill=\"{FOREGROUND}\"")),
            "{svg}"
        );
    }
}
