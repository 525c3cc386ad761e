//! What the pool has to know of a statement's text before the server sees it: where its
//! placeholders are, whether it is one statement, and whether it leaves the session changed.
//!
//! - `template` finds the placeholders and writes the text that is prepared.
//! - `statement` judges what the statement is and what it leaves behind.
//! - `plain` tells reads that may run again from all others.
//! - `slot` finds where a condition of ours goes.
//! - `lexer` splits text as the lexers of MySQL and MariaDB do.
//!
//! Invariant: a value never becomes part of the text here. Placeholders turn into `?` and
//! nothing else does, so text the caller did not write never reaches the server.

mod lexer;
mod plain;
pub mod slot;
mod statement;
mod template;
#[cfg(test)]
mod tests;

pub use statement::StatementKind;
pub use template::{Placeholders, Template, TemplateError};
