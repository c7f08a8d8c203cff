//! Tables with aligned columns, coloured on a terminal.

use std::fmt;

/// The colour of a row on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// None.
    Plain,
    /// Attention soon.
    Warn,
    /// Attention now.
    Bad,
}

/// A table with a heading.
pub struct Table<const N: usize> {
    heading: [&'static str; N],
    rows: Vec<(Tone, [String; N])>,
    colours: bool,
}

impl<const N: usize> Table<N> {
    /// An empty table without colours.
    pub fn new(heading: [&'static str; N]) -> Self {
        Self { heading, rows: Vec::new(), colours: false }
    }

    /// The same table, in colours when `colours`.
    pub fn with_colours(mut self, colours: bool) -> Self {
        self.colours = colours;
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [String; N]) {
        self.toned(Tone::Plain, cells);
    }

    /// Adds a row with a tone.
    pub fn toned(&mut self, tone: Tone, cells: [String; N]) {
        self.rows.push((tone, cells));
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = (Tone::Plain, self.heading.map(str::to_owned));
        let mut widths = [0; N];
        for (_, cells) in std::iter::once(&heading).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for (tone, cells) in std::iter::once(&heading).chain(&self.rows) {
            let line: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            let line = line.join("  ");
            let line = line.trim_end();
            match tone {
                Tone::Warn if self.colours => writeln!(f, "\x1b[33m{line}\x1b[0m")?,
                Tone::Bad if self.colours => writeln!(f, "\x1b[31m{line}\x1b[0m")?,
                _ => writeln!(f, "{line}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_colours_are_for_terminals_only() {
        let mut table = Table::new(["A", "LONG"]);
        table.row(["wide cell".into(), "x".into()]);
        table.toned(Tone::Bad, ["é".into(), "y".into()]);
        assert_eq!(table.to_string(), "A          LONG\nwide cell  x\né          y\n");
        let coloured = table.with_colours(true).to_string();
        assert!(coloured.ends_with("\x1b[31mé          y\x1b[0m\n"), "{coloured:?}");
    }
}
