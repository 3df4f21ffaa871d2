//! Text in the making.

use std::fmt::{Arguments, Write as _};

/// Appends to a string, which cannot fail.
pub(crate) fn append(text: &mut String, arguments: Arguments<'_>) {
    let written = text.write_fmt(arguments);
    debug_assert!(written.is_ok(), "a string takes everything");
}
