//! The seam to the server: a connection that prepares, executes, yields borrowed rows and reports its state.
//!
//! The protocol is spoken here on the pieces of `mysql_common` (scrambles, RSA) and not through `mysql_async`:
//! that crate never asks MariaDB for the metadata by which a JSON column shows, always offers several statements in
//! one text and LOCAL INFILE, and copies each row into a `Vec` of owned values. ARCHITECTURE.md has the
//! measurement. `tests/wire.rs` reads the same results through both.
//!
//! Invariant: only this folder names `mysql_common`, `rustls` or a packet.

mod auth;
mod binlog;
mod bulk;
mod column;
mod command;
mod connection;
mod flags;
mod layouts;
mod packet;
mod read;
mod reply;
mod row;
mod rsa_key;
mod statements;
mod stream;
mod tls;

pub use binlog::{Binlog, Change};
#[cfg(test)]
pub(crate) use column::tests::column as test_column;
pub use column::{Column, ColumnType, Columns};
pub use connection::{Connection, FileAnswer, is_forgotten};
pub use reply::Done;
pub use row::{Cell, Discard, Row, RowSink, Texts};
pub use statements::{Memo, StatementCounts};
pub(crate) use tls::client_config as tls_config;
