//! What statements read and write, and why results are not kept.

mod bounds;
mod reads;
mod writes;

use crate::sql::tables::{Change, TableName, Writes, change, effects};

/// `shop.t u` for two tables.
fn written_out(names: &[TableName]) -> String {
    let names: Vec<_> = names
        .iter()
        .map(|TableName { schema, name }| match schema {
            Some(schema) => format!("{schema}.{name}"),
            None => name.to_string(),
        })
        .collect();
    names.join(" ")
}

/// What is written: `-` for nothing, `*` for anything, else the tables.
#[track_caller]
fn writes(sql: &str) -> String {
    let found = change(sql);
    assert_eq!(found, effects(sql).change, "{sql}");
    match found.writes {
        Writes::Nothing => "-".into(),
        Writes::Anything => "*".into(),
        Writes::Tables(names) => written_out(&names),
    }
}

fn functions(sql: &str) -> String {
    let Change {
        unknown_functions, ..
    } = change(sql);
    unknown_functions.join(" ")
}
