use std::sync::Arc;

use super::*;
use crate::{cache::epochs::Stamp, sql::Placeholders};

fn ledger() -> Arc<Ledger> {
    let ledger = Arc::<Ledger>::default();
    ledger.open();
    ledger
}

fn statement(sql: &str) -> Statement {
    Statement::parse(sql, Placeholders::Positional).expect("a statement")
}

fn stamp(ledger: &Ledger) -> Stamp {
    ledger.epochs().stamp([Place::of("t:products")])
}

// Nothing is known of the schema here, so every write may have written anything.
const WRITE: &str = "UPDATE products SET stock = 1";

#[tokio::test]
async fn a_write_is_entered_until_it_is_settled() {
    let ledger = ledger();
    let before = stamp(&ledger);
    let mut session = Unsettled::default();
    session.begin(&ledger, &statement(WRITE));
    assert!(!session.is_empty());
    assert!(!ledger.epochs().are(&before));
    let during = stamp(&ledger);
    assert!(!ledger.epochs().allow(&during));
    session.settle();
    assert!(session.is_empty());
    assert!(!ledger.epochs().are(&during));
    assert!(ledger.epochs().allow(&stamp(&ledger)));
}

#[tokio::test]
async fn reads_and_what_ends_transactions_change_nothing() {
    let ledger = ledger();
    let before = stamp(&ledger);
    let mut session = Unsettled::default();
    for sql in [
        "SELECT 1",
        "SELECT NOW()",
        "COMMIT",
        "SET NAMES utf8mb4",
        "SHOW TABLES",
    ] {
        session.begin(&ledger, &statement(sql));
    }
    assert!(session.is_empty());
    assert!(ledger.epochs().allow(&before));
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_session_wrote_counts_as_being_written_for_a_while() {
    let ledger = ledger();
    let mut session = Unsettled::default();
    session.begin(&ledger, &statement(WRITE));
    drop(session);
    assert!(!ledger.epochs().allow(&stamp(&ledger)));
    tokio::time::sleep(AFTERMATH * 2).await;
    assert!(ledger.epochs().allow(&stamp(&ledger)));
}

#[tokio::test]
async fn who_begins_to_depend_on_it_in_the_middle_of_a_write_misses_nothing() {
    let ledger = Arc::<Ledger>::default();
    let mut session = Unsettled::default();
    session.begin(&ledger, &statement(WRITE));
    ledger.open();
    let during = stamp(&ledger);
    session.settle();
    assert!(!ledger.epochs().are(&during));
}

#[tokio::test]
async fn nobody_who_depends_on_it_means_no_work() {
    let ledger = Arc::<Ledger>::default();
    let before = stamp(&ledger);
    let mut session = Unsettled::default();
    session.begin(&ledger, &statement(WRITE));
    session.settle();
    assert!(ledger.epochs().are(&before));
}
