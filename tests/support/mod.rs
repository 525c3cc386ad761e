//! What the tests against a real server share: its address, options for a pool, statements, and owned rows.

use std::sync::Arc;

use hegar_native::{
    codec::{
        date::{DateParts, TimeParts},
        params::Params,
    },
    config::Config,
    error::Result,
    sql::Placeholders,
    statement::Statement,
    wire::{Cell, Columns, Connection, Done, Memo, Row, RowSink},
};
use mysql_async::Opts;
use serde_json::Value as Json;

mod options;

/// The server of HEGAR_TEST_URL, for the oracle.
pub fn server() -> Opts {
    let url = std::env::var("HEGAR_TEST_URL").unwrap_or_else(|_| {
        panic!("HEGAR_TEST_URL is not set: run `npm test`, or set it to mysql://root@127.0.0.1:PORT/ of a MariaDB")
    });
    Opts::from_url(&url)
        .unwrap_or_else(|error| panic!("HEGAR_TEST_URL is not a connection string: {error}"))
}

/// The options that `lib/options.js` hands over for that server, with some changed.
pub fn config(changes: Json) -> Config {
    options::config(&server(), &changes)
}

pub fn statement(sql: &str) -> Arc<Statement> {
    Arc::new(
        Statement::parse(sql, Placeholders::Positional)
            .unwrap_or_else(|error| panic!("{sql}: {error}")),
    )
}

/// A cell that outlives its row.
#[derive(Debug, Clone, PartialEq)]
pub enum Owned {
    Null,
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    Date(DateParts),
    Time(TimeParts),
    Bytes(Vec<u8>),
}

impl From<Cell<'_>> for Owned {
    fn from(cell: Cell<'_>) -> Owned {
        match cell {
            Cell::Null => Owned::Null,
            Cell::Int(value) => Owned::Int(value),
            Cell::UInt(value) => Owned::UInt(value),
            Cell::Float(value) => Owned::Float(value),
            Cell::Double(value) => Owned::Double(value),
            Cell::Date(value) => Owned::Date(value),
            Cell::Time(value) => Owned::Time(value),
            Cell::Bytes(value) => Owned::Bytes(value.to_vec()),
        }
    }
}

/// Keeps the rows of the first result.
#[derive(Default)]
pub struct Rows {
    pub columns: Columns,
    pub rows: Vec<Vec<Owned>>,
    /// How often a result began.
    pub begun: usize,
}

impl RowSink for Rows {
    fn begin(&mut self, columns: &Columns, _memo: &mut Memo) -> Result<()> {
        self.begun += 1;
        self.columns = columns.clone();
        Ok(())
    }

    fn row(&mut self, mut row: Row<'_>) -> Result<()> {
        let cells = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| row.cell(index, column).map(Owned::from));
        self.rows.push(cells.collect::<Result<_>>()?);
        Ok(())
    }
}

/// Runs `sql` as a prepared statement without parameters.
pub async fn run(connection: &mut Connection, sql: &str) -> Result<(Rows, Done)> {
    run_statement(connection, &statement(sql), &Params::default()).await
}

pub async fn run_statement(
    connection: &mut Connection,
    statement: &Statement,
    params: &Params,
) -> Result<(Rows, Done)> {
    let mut rows = Rows::default();
    let done = connection.execute(statement, params, &mut rows).await?;
    Ok((rows, done))
}

/// The only cell of the only row of `sql`.
pub async fn one(connection: &mut Connection, sql: &str) -> Owned {
    let (rows, _) = run(connection, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(rows.rows.len(), 1, "{sql}");
    rows.rows
        .into_iter()
        .flatten()
        .next()
        .unwrap_or_else(|| panic!("{sql} has no column"))
}

pub fn text(value: &str) -> Owned {
    Owned::Bytes(value.as_bytes().to_vec())
}
