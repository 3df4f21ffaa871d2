//! `lectern config`: check, show and explain the configuration.

use crate::cli::Config;
use crate::config::{Fragment, load, reference};
use crate::error::Error;
use crate::out;

pub(super) fn carry_out(action: Config) -> Result<(), Error> {
    match action {
        Config::Check { mut files, named } => {
            files.extend(named);
            load(&files, Fragment::default())?;
            out::line("no mistakes")?;
        }
        Config::Show { files } => out::text(&load(&files, Fragment::default())?.to_toml())?,
        Config::Reference => out::text(&reference())?,
    }
    Ok(())
}
