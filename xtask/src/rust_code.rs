//! Rust source split into what is code and what is comment, by position and without parsing.
//!
//! Both halves keep every line break, so that a line number in either is a line number in the file. Good enough for
//! searching; not a parser, and never used to change a file.

/// A source file as two texts of equal shape.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// The code, with comments and the insides of strings and characters left out.
    pub(crate) code: String,
    /// The comments, doc comments included, without anything else.
    pub(crate) comments: String,
}

/// What the reader is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Code,
    Line,
    /// Block comments nest: how deep.
    Block(u32),
    Text,
    /// A raw string and the number of its hashes.
    Raw(usize),
}

/// Splits a Rust source.
pub(crate) fn split(source: &str) -> Split {
    let mut split = Split { code: String::with_capacity(source.len()), comments: String::new() };
    let mut inside = Inside::Code;
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        if c == '\n' {
            split.code.push('\n');
            split.comments.push('\n');
            if inside == Inside::Line {
                inside = Inside::Code;
            }
            rest = after(rest, 1);
            continue;
        }
        let (next, used) = step(inside, rest, &mut split);
        inside = next;
        rest = after(rest, used);
    }
    split
}

/// Reads one token's beginning; returns what follows is inside of, and how many bytes were read.
fn step(inside: Inside, rest: &str, split: &mut Split) -> (Inside, usize) {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    match inside {
        Inside::Code => code(rest, first, split),
        Inside::Line => {
            split.comments.extend(rest.chars().next());
            (inside, first)
        }
        Inside::Block(depth) if rest.starts_with("*/") => {
            split.comments.push(' ');
            (if depth == 1 { Inside::Code } else { Inside::Block(depth - 1) }, 2)
        }
        Inside::Block(depth) if rest.starts_with("/*") => (Inside::Block(depth + 1), 2),
        Inside::Block(_) => {
            split.comments.extend(rest.chars().next());
            (inside, first)
        }
        Inside::Text if rest.starts_with('\\') => {
            // The escaped character is skipped, unless it is a line break, which has to be kept.
            let escaped = rest.chars().nth(1).filter(|c| *c != '\n').map_or(0, char::len_utf8);
            (inside, 1 + escaped)
        }
        Inside::Text if rest.starts_with('"') => {
            split.code.push('"');
            (Inside::Code, 1)
        }
        Inside::Text => (inside, first),
        Inside::Raw(hashes) => {
            let end = rest.strip_prefix('"').is_some_and(|tail| count(tail, b'#') >= hashes);
            if end {
                split.code.push('"');
            }
            if end { (Inside::Code, 1 + hashes) } else { (inside, first) }
        }
    }
}

fn code(rest: &str, first: usize, split: &mut Split) -> (Inside, usize) {
    if rest.starts_with("//") {
        split.comments.push(' ');
        return (Inside::Line, 2);
    }
    if rest.starts_with("/*") {
        split.comments.push(' ');
        return (Inside::Block(1), 2);
    }
    if rest.starts_with('"') {
        split.code.push('"');
        return (Inside::Text, 1);
    }
    let in_word = split.code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    if !in_word {
        let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'));
        if let Some(tail) = raw {
            let hashes = count(tail, b'#');
            if after(tail, hashes).starts_with('"') {
                split.code.push('"');
                return (Inside::Raw(hashes), rest.len() - tail.len() + hashes + 1);
            }
        }
    }
    if let Some(length) = character(rest) {
        split.code.push_str("''");
        return (Inside::Code, length);
    }
    split.code.extend(rest.chars().next());
    (Inside::Code, first)
}

/// Returns the length of the character literal that `rest` begins with; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let tail = rest.strip_prefix('\'')?;
    let mut chars = tail.char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next()?;
        let (end, _) = chars.find(|(_, c)| *c == '\'')?;
        return Some(end + 2);
    }
    let (end, quote) = chars.next()?;
    (quote == '\'').then_some(end + 2)
}

fn count(text: &str, byte: u8) -> usize {
    text.bytes().take_while(|b| *b == byte).count()
}

/// Returns what follows the first `bytes` of `text`; nothing, where that is no boundary.
fn after(text: &str, bytes: usize) -> &str {
    text.get(bytes..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, code: &str, comments: &str) {
        assert_eq!(split(source), Split { code: code.to_owned(), comments: comments.to_owned() }, "{source}");
    }

    #[test]
    fn comments_and_strings_leave_the_code() {
        check("let a = 1; // one\nlet b;", "let a = 1; \nlet b;", "  one\n");
        check(r#"f("todo!() \" // no"); g()"#, r#"f(""); g()"#, "");
        check("a /* x /* y */ z */ b", "a  b", "  x  y   z  ");
        check("r#\"a \" b\"# + br\"c\" + rust", "\"\" + \"\" + rust", "");
    }

    #[test]
    fn characters_are_no_lifetimes() {
        check(
            "fn f<'a>(c: char) { c == '\"' || c == '\\'' || c == '\\n' }",
            "fn f<'a>(c: char) { c == '' || c == '' || c == '' }",
            "",
        );
    }

    #[test]
    fn lines_stay_where_they_are() {
        let source = "//! doc\n\"two\nlines \\\n here\"\n/* a\nb */\nr\"x\ny\"\nend";
        let split = split(source);
        assert_eq!(split.code.lines().count(), source.lines().count());
        assert_eq!(split.code.lines().last(), Some("end"));
        assert_eq!(split.code.matches('\n').count(), split.comments.matches('\n').count());
    }

    #[test]
    fn any_text_is_split_without_loss_of_lines() {
        for source in ["", "'", "\"", "r#", "/*", "é'é'", "'\\", "b'", "br##\"\"#"] {
            assert_eq!(split(source).code.matches('\n').count(), 0, "{source}");
        }
    }
}
