//! Reads one TOML file into a [`Fragment`], noting every mistake on the way.
//!
//! The tree of values is walked by hand: a derived deserialiser stops at the first mistake.

use std::ops::Range;

use toml::de::DeTable;

use super::diagnostic::{Mistake, Problem};
use super::keys::{Fragment, SECTIONS, Section};
use super::value::kind_of;

/// Furthest misspelling that is still taken for a known word: two letters wrong.
const MISSPELLING_MAX: usize = 2;

/// Reads `source`, the text of `file`; mistakes are added to `mistakes` and leave their keys unset.
pub(super) fn parse(file: &str, source: &str, mistakes: &mut Vec<Mistake>) -> Fragment {
    let (table, errors) = DeTable::parse_recoverable(source);
    let mut problems: Vec<Problem> = errors.iter().map(|error| syntax(error, source)).collect();
    let mut fragment = Fragment::default();
    let breaks: Vec<usize> = problems.iter().map(|problem| problem.span.start).collect();
    for (name, value) in table.get_ref() {
        if is_broken(source, name.span().start..value.span().end, &breaks) {
            continue;
        }
        let Some(section) = SECTIONS.iter().find(|section| section.name == name.get_ref()) else {
            problems.push(Problem { span: name.span(), message: unknown_section(name.get_ref()) });
            continue;
        };
        if let Some(keys) = value.get_ref().as_table() {
            read_section(section, keys, &mut fragment, &mut problems);
        } else {
            let (kind, section) = (kind_of(value.get_ref()), section.name);
            let message =
                format!("`{section}` is a section, not {kind}; write [{section}] on a line of its own");
            problems.push(Problem { span: name.span(), message });
        }
    }
    // What stands where the syntax broke has no value to judge.
    problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
    problems.dedup_by(|later, earlier| later.span == earlier.span);
    mistakes.extend(problems.into_iter().map(|problem| Mistake::at(file, source, problem)));
    fragment
}

/// Returns whether the syntax breaks inside an entry or where it ends: then what was read of it is a guess.
fn is_broken(source: &str, entry: Range<usize>, breaks: &[usize]) -> bool {
    breaks.iter().filter(|at| **at > entry.start).any(|at| {
        // Before its end there is nothing between.
        let between = source.get(entry.end..*at).unwrap_or_default();
        let is_last = source.get(*at..).unwrap_or_default().trim().is_empty();
        between.trim().is_empty() && (is_last || !between.contains('\n'))
    })
}

fn read_section(section: &Section, keys: &DeTable<'_>, fragment: &mut Fragment, problems: &mut Vec<Problem>) {
    for (name, value) in keys {
        if !fragment.set(section.name, name.get_ref(), value, problems) {
            problems.push(Problem { span: name.span(), message: unknown_key(section, name.get_ref()) });
        }
    }
}

fn syntax(error: &toml::de::Error, source: &str) -> Problem {
    let end = source.trim_end().len();
    let span: Range<usize> = error.span().unwrap_or(end..end);
    Problem { span, message: format!("this is not TOML: {}", error.message()) }
}

fn unknown_section(word: &str) -> String {
    let sections: Vec<_> = SECTIONS.iter().map(|section| section.name).collect();
    if let Some(home) = home_of(word) {
        format!("`{word}` stands outside its section; write it below [{home}]")
    } else if let Some(near) = nearest(word, &sections) {
        format!("there is no section `{word}`; did you mean [{near}]?")
    } else {
        format!("there is no section `{word}`; the sections are {}", sections.join(", "))
    }
}

fn unknown_key(section: &Section, word: &str) -> String {
    let (here, keys) = (section.name, section.keys.iter().map(|key| key.name).collect::<Vec<_>>());
    if let Some(near) = nearest(word, &keys) {
        format!("there is no key `{word}` in [{here}]; did you mean `{near}`?")
    } else if let Some(home) = home_of(word) {
        format!("there is no key `{word}` in [{here}]; it belongs below [{home}]")
    } else {
        format!("there is no key `{word}` in [{here}]; its keys are {}", keys.join(", "))
    }
}

/// Returns the section that the key `word` belongs to.
fn home_of(word: &str) -> Option<&'static str> {
    let home = SECTIONS.iter().find(|section| section.keys.iter().any(|key| key.name == word));
    home.map(|section| section.name)
}

/// Returns the known word that `word` most likely stands for.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // The unit at the end of a key is what people forget first.
    let without_unit = |key: &&&str| key.strip_prefix(word).is_some_and(|unit| unit.starts_with('_'));
    if let Some(key) = known.iter().find(without_unit) {
        return Some(key);
    }
    // A short word is "near" to everything: at most a third of it may be wrong.
    let allowed = MISSPELLING_MAX.min(word.chars().count() / 3 + 1);
    let distances = known.iter().map(|candidate| (distance(word, candidate), *candidate));
    distances.filter(|(distance, _)| *distance <= allowed).min().map(|(_, candidate)| candidate)
}

/// Counts the letters to insert, delete or replace to turn `a` into `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
