//! Versions of the index and the way from each to the next.
//!
//! A version, once released, is frozen: its change gets the next number and a file of its own.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::Error;

/// "Lect" in ASCII: tells the index from other SQLite files.
const APPLICATION_ID: i32 = 0x4c65_6374;

/// Element n leads from version n to version n + 1; version 0 is an empty file.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

/// The version that this program writes.
fn version() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// Brings the index to the version of this program, one transaction per step.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Index { what: "upgrade the tables", path: path.to_owned(), source };
    let found = check(connection, path)?;
    for (from, change) in (0_u32..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        step.execute_batch(change).map_err(failed)?;
        step.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        step.pragma_update(None, "user_version", from + 1).map_err(failed)?;
        step.commit().map_err(failed)?;
    }
    Ok(())
}

/// Returns the version of an index, 0 for an empty file.
///
/// # Errors
/// The file belongs to another program, or its version lies above this program's.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<u32, Error> {
    let failed = |source| Error::Index { what: "read the version", path: path.to_owned(), source };
    let owner: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if found > version() && owner == APPLICATION_ID {
        return Err(Error::IndexNewer { path: path.to_owned(), found, known: version() });
    }
    if tables > 0 && owner != APPLICATION_ID {
        return Err(Error::IndexForeign { path: path.to_owned() });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrated() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("index")).unwrap();
        connection
    }

    #[test]
    fn an_empty_file_becomes_an_index_of_the_current_version() {
        assert_eq!(check(&migrated(), Path::new("index")).unwrap(), version());
    }

    #[test]
    fn a_second_migration_changes_nothing() {
        let mut connection = migrated();
        migrate(&mut connection, Path::new("index")).unwrap();
        assert_eq!(check(&connection, Path::new("index")).unwrap(), version());
    }

    #[test]
    fn an_index_of_a_later_version_is_left_alone() {
        let mut connection = migrated();
        connection.pragma_update(None, "user_version", version() + 1).unwrap();
        let error = migrate(&mut connection, Path::new("index")).unwrap_err();
        assert!(matches!(error, Error::IndexNewer { found, .. } if found == version() + 1), "{error}");
    }

    #[test]
    fn a_database_of_another_program_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE moz_places (id INTEGER)").unwrap();
        assert!(matches!(migrate(&mut connection, Path::new("index")), Err(Error::IndexForeign { .. })));
    }
}
