use super::*;

const TABLE: Event<'_> = Event::Table {
    id: 1,
    schema: "shop",
    table: "stock",
};

fn rows(id: u64, ends_statement: bool) -> Event<'static> {
    Event::Rows { id, ends_statement }
}

fn table(table: &str) -> Change {
    Change::Table {
        schema: "shop".to_owned(),
        table: table.to_owned(),
    }
}

fn drop_table() -> (Event<'static>, Change) {
    let (schema, sql) = ("shop", "DROP TABLE t");
    let change = Change::Statement {
        schema: schema.to_owned(),
        sql: sql.to_owned(),
    };
    (Event::Statement { schema, sql }, change)
}

fn changes<'a>(events: impl IntoIterator<Item = Event<'a>>) -> Vec<Change> {
    let mut group = Group::default();
    for event in events {
        group.take(event);
    }
    std::iter::from_fn(|| group.next()).collect()
}

#[test]
fn a_table_is_told_once_for_each_statement_and_before_the_commit() {
    let told = changes([
        Event::Group { open: true },
        TABLE,
        rows(1, false),
        rows(1, true),
        TABLE,
        rows(1, true),
        Event::End,
    ]);
    assert_eq!(told, [table("stock"), table("stock"), Change::Committed]);
}

#[test]
fn a_table_without_rows_has_not_changed() {
    assert_eq!(
        changes([Event::Group { open: true }, TABLE, Event::End]),
        []
    );
}

#[test]
fn rows_of_a_table_that_was_not_named_change_anything_and_that_is_said_once() {
    let told = changes([
        Event::Begin,
        TABLE,
        rows(1, true),
        rows(1, false),
        rows(2, true),
        Event::End,
    ]);
    assert_eq!(told, [table("stock"), Change::Anything, Change::Committed]);
}

#[test]
fn a_statement_by_itself_is_committed_and_one_of_a_transaction_with_it() {
    let (event, change) = drop_table();
    let told = changes([Event::Group { open: false }, event]);
    assert_eq!(told, [change, Change::Committed]);

    let (event, change) = drop_table();
    let told = changes([
        Event::Group { open: false },
        Event::Begin,
        event,
        TABLE,
        rows(1, true),
        Event::End,
    ]);
    assert_eq!(told, [change, table("stock"), Change::Committed]);
}

#[test]
fn a_transaction_that_a_crash_cut_off_ends_where_the_next_begins() {
    let told = changes([
        Event::Group { open: true },
        TABLE,
        rows(1, true),
        Event::Group { open: false },
    ]);
    assert_eq!(told, [table("stock"), Change::Committed]);
}

#[test]
fn what_is_unclear_is_committed_like_anything_else() {
    assert_eq!(
        changes([Event::Unclear, Event::Unclear]),
        [
            Change::Anything,
            Change::Committed,
            Change::Anything,
            Change::Committed
        ]
    );
    assert_eq!(
        changes([Event::Begin, Event::Unclear, Event::UnclearEnd]),
        [Change::Anything, Change::Committed]
    );
}

#[test]
fn more_tables_than_a_statement_has_are_not_kept() {
    let mut group = Group::default();
    group.take(Event::Begin);
    for id in 0..=MAX_TABLES as u64 {
        group.take(Event::Table {
            id,
            schema: "shop",
            table: "stock",
        });
    }
    assert_eq!(group.tables.len(), MAX_TABLES);
    group.take(rows(MAX_TABLES as u64, true));
    assert_eq!(group.next(), Some(Change::Anything));
}
