//! What the pool has to know of a statement's text before the server sees it: where its
//! placeholders are, whether it is one statement, and whether it leaves the session changed.
//!
//! - `template` finds the placeholders and writes the text that is prepared.
//! - `statement` judges what the statement is and what it leaves behind.
//! - `plain` tells reads that may run again from all others.
//! - `functions` knows the servers' own functions and finds the calls of others.
//! - `tables` tells which tables a statement reads and writes, and whether its result may be kept.
//! - `infile` finds the file of a LOAD DATA LOCAL.
//! - `script` cuts a file of statements.
//! - `slot` finds where a condition of ours goes.
//! - `tuple` finds the row of an INSERT, for statements that insert many.
//! - `lexer` splits text as the lexers of MySQL and MariaDB do.
//!
//! Invariant: a value never becomes part of the text here. Placeholders turn into `?` and
//! nothing else does, so text the caller did not write never reaches the server.

mod functions;
mod infile;
mod lexer;
mod plain;
mod script;
pub mod slot;
mod statement;
pub mod tables;
mod template;
#[cfg(test)]
mod tests;
mod tuple;

pub use infile::{local_file, local_file_in};
pub use script::{Mode, Piece, Script};
pub use statement::StatementKind;
pub use template::{Placeholders, Template, TemplateError};
pub use tuple::Tuple;
