//! The statements, beside the noun they serve. Each takes a connection or a transaction and knows nothing of files.

pub(crate) mod gap;
pub(crate) mod object;
pub(crate) mod segment;
pub(crate) mod session;
pub(crate) mod totals;
pub(crate) mod track;

use model::ContentHash;
use rusqlite::Row;
use rusqlite::types::Type;

/// Writes an unsigned number as SQLite keeps it. Media times and sizes stay far below 2^63; above it they saturate.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads an unsigned number.
fn uint(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

fn hash(row: &Row<'_>, column: usize) -> rusqlite::Result<ContentHash> {
    row.get::<_, [u8; 32]>(column).map(ContentHash::from_bytes)
}

/// Reads a text as the type it is the canonical form of.
fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|why: T::Err| wrong(column, why))
}

/// The cell holds something this program never writes.
fn wrong(column: usize, why: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(why))
}

/// The cell holds a name that is not one of the known ones, or bytes that were not packed here.
#[derive(Debug, thiserror::Error)]
#[error("the cell holds {what}")]
struct Unknown {
    what: &'static str,
}
