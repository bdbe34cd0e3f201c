//! Rows for people and for pipes: a table that fits the terminal, or TSV with all of every value.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};

use tabled::builder::Builder;
use tabled::settings::peaker::Priority;
use tabled::settings::{Padding, Style, Width};
use terminal_size::{Width as Columns, terminal_size};

use crate::output::{Failure, escape, stdout};

/// The width of a terminal that does not say.
const COLUMNS_DEFAULT: u16 = 100;
/// The fewest digits that a shortened id keeps.
const DIGITS_MIN: usize = 8;

/// A cell: an id, which a terminal shows by its first digits, or another text.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Id(String),
    Text(String),
}

impl Cell {
    pub(crate) fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    pub(crate) fn id(id: impl ToString) -> Self {
        Self::Id(id.to_string())
    }

    /// The text, or a dash.
    pub(crate) fn or_dash(text: Option<impl ToString>) -> Self {
        Self::Text(text.map_or_else(|| "–".to_owned(), |text| text.to_string()))
    }

    fn whole(&self) -> &str {
        match self {
            Self::Id(text) | Self::Text(text) => text,
        }
    }
}

/// True if standard output is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The columns of the terminal.
pub(crate) fn columns() -> usize {
    let columns = terminal_size().map_or(COLUMNS_DEFAULT, |(Columns(columns), _)| columns);
    usize::from(columns.max(20))
}

/// Prints a title on a terminal, and rows of as many cells as `header` has.
pub(crate) fn print(
    title: &str,
    header: &[&str],
    mut rows: impl Iterator<Item = Vec<Cell>>,
) -> Result<(), Failure> {
    let mut out = stdout();
    if is_terminal() {
        writeln!(out, "{title}\n")?;
        let rows: Vec<Vec<Cell>> = rows.collect();
        out.write_all(fit(header, &rows, columns()).as_bytes())?;
    } else {
        print_tsv_header(&mut out, header)?;
        rows.try_for_each(|row| print_tsv(&mut out, &row))?;
    }
    Ok(out.flush()?)
}

/// Prints the header of TSV.
pub(crate) fn print_tsv_header(out: &mut impl Write, header: &[&str]) -> io::Result<()> {
    writeln!(out, "{}", header.join("\t"))
}

/// Prints one row of TSV. No value has a tab.
pub(crate) fn print_tsv(out: &mut impl Write, row: &[Cell]) -> io::Result<()> {
    let cells: Vec<&str> = row.iter().map(Cell::whole).collect();
    writeln!(out, "{}", cells.join("\t"))
}

/// The rows as a table of at most so many columns: ids are shortened, and the widest cells are cut and marked.
pub(crate) fn fit(header: &[&str], rows: &[Vec<Cell>], columns: usize) -> String {
    let mut builder = Builder::default();
    builder.push_record(header.iter().copied());
    let digits = distinct_digits(rows);
    for row in rows {
        builder.push_record(row.iter().map(|cell| match cell {
            Cell::Id(id) => id.chars().take(digits).collect(),
            Cell::Text(text) => escape(text.as_bytes()),
        }));
    }
    let mut table = builder.build();
    table
        .with(Style::empty())
        .with(Padding::new(0, 2, 0, 0))
        .with(Width::truncate(columns).suffix("…").priority(Priority::max(true)));
    let lines: Vec<String> = table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    lines.concat()
}

/// The fewest digits, 8 or more, by which all ids differ.
fn distinct_digits(rows: &[Vec<Cell>]) -> usize {
    let ids: BTreeSet<&str> = rows
        .iter()
        .flatten()
        .filter_map(|cell| match cell {
            Cell::Id(id) => Some(id.as_str()),
            Cell::Text(_) => None,
        })
        .collect();
    let is_distinct = |digits: &usize| {
        let short: BTreeSet<&str> = ids.iter().map(|id| id.get(..*digits).unwrap_or(id)).collect();
        short.len() == ids.len()
    };
    (DIGITS_MIN..36).find(is_distinct).unwrap_or(36)
}
