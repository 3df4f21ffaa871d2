//! Mistakes as people see them: file, line, caret, and what to write instead.

use std::fmt;
use std::ops::Range;
use std::path::Path;

/// Every mistake of one reading of the configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistakes(pub(super) Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.0 {
            writeln!(f, "{mistake}")?;
        }
        match self.0.len() {
            1 => f.write_str("1 mistake in the configuration"),
            count => write!(f, "{count} mistakes in the configuration"),
        }
    }
}

impl std::error::Error for Mistakes {}

/// What is wrong with one value, before it is known which file it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The bytes of the file that the caret points at.
    pub(super) span: Range<usize>,
    /// What is wrong and what to write, in one sentence.
    pub(super) message: String,
}

/// One mistake in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    file: String,
    message: String,
    place: Option<Place>,
}

/// Where a mistake stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// Counted from 1.
    line: usize,
    /// In characters, counted from 1.
    column: usize,
    /// The whole line.
    text: String,
    /// How many characters the caret underlines.
    width: usize,
}

impl Mistake {
    /// A mistake of the file as a whole.
    pub(super) fn of_file(path: &Path, message: &str) -> Self {
        Self { file: path.display().to_string(), message: message.to_owned(), place: None }
    }

    /// A mistake at a place in `source`.
    pub(super) fn at(file: &str, source: &str, problem: Problem) -> Self {
        let place = Place::find(source, &problem.span);
        Self { file: file.to_owned(), message: problem.message, place: Some(place) }
    }
}

impl Place {
    fn find(source: &str, span: &Range<usize>) -> Self {
        let start = span.start.min(source.len());
        let before = source.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let text = source.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = source.get(line_start..start).unwrap_or_default().chars().count() + 1;
        let marked = source.get(start..span.end.min(source.len())).unwrap_or_default();
        let width = marked.lines().next().unwrap_or_default().chars().count().max(1);
        // A tab would move the caret away from what it points at.
        let text = text.replace('\t', " ");
        Self { line: before.matches('\n').count() + 1, column, text, width }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, message, place } = self;
        let Some(Place { line, column, text, width }) = place else {
            return writeln!(f, "{file}: {message}");
        };
        let margin = " ".repeat(line.to_string().len());
        let indent = " ".repeat(column - 1);
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{line} | {text}")?;
        writeln!(f, "{margin} | {indent}{}", "^".repeat(*width))
    }
}
