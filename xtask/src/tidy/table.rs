//! Tables in Markdown, read by the header of their columns.

/// One row of a table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    /// Its line in the file, from 1.
    pub(crate) line: usize,
    header: Vec<&'a str>,
    cells: Vec<&'a str>,
}

impl<'a> Row<'a> {
    /// Returns the cell below the header `name`, if the table has such a column.
    pub(crate) fn cell(&self, name: &str) -> Option<&'a str> {
        let at = self.header.iter().position(|header| header.eq_ignore_ascii_case(name))?;
        Some(self.cells.get(at).copied().unwrap_or_default())
    }
}

/// Returns every row of every table of a Markdown text.
pub(crate) fn rows(markdown: &str) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut header: Option<Vec<&str>> = None;
    for (at, line) in markdown.lines().enumerate() {
        let Some(cells) = cells(line) else {
            header = None;
            continue;
        };
        match &header {
            None => header = Some(cells),
            Some(_) if cells.iter().all(|cell| cell.chars().all(|c| "-: ".contains(c))) => {}
            Some(header) => rows.push(Row { line: at + 1, header: header.clone(), cells }),
        }
    }
    rows
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?;
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    Some(inner.split('|').map(str::trim).collect())
}

/// Returns what stands between backticks.
pub(crate) fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    // An even number of backticks puts code at every second place; a lone last one opens nothing.
    let closed = text.matches('`').count() / 2;
    text.split('`').skip(1).step_by(2).take(closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_by_their_header() {
        let markdown =
            "# T\n\n| word | not |\n|---|:--|\n| part | `chunk` |\n| gap |\n\ntext\n\n| a |\n| - |\n| 1 |\n";
        let rows = rows(markdown);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0].cell("Word"), Some("part"));
        assert_eq!(rows[0].cell("not"), Some("`chunk`"));
        assert_eq!((rows[1].line, rows[1].cell("not")), (6, Some("")));
        assert_eq!((rows[2].cell("a"), rows[2].cell("not")), (Some("1"), None));
    }

    #[test]
    fn code_stands_between_backticks() {
        assert_eq!(code_spans("`a b`, c `d` and a lone `").collect::<Vec<_>>(), ["a b", "d"]);
        assert_eq!(code_spans("none").count(), 0);
    }
}
