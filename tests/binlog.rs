//! Following the binary log of a real server: what other sessions change, and how soon it is told.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use hegar_native::{
    error::{Error, Kind},
    wire::{Binlog, Change, Columns, Connection, Discard, Memo, Row, RowSink},
};
use serde_json::{Value as Json, json};
use tokio::{sync::mpsc, time::timeout};

#[path = "support/options.rs"]
mod options;
#[path = "support/own.rs"]
mod own;

use own::OwnServer;

const LOGGED: &[&str] = &["--log-bin", "--binlog-format=ROW", "--server-id=1"];
/// What a cache may be behind.
const SOON: Duration = Duration::from_millis(100);
/// Far more than anything here takes, for what must come at all.
const LIMIT: Duration = Duration::from_secs(20);

/// One server for all tests that do it no harm. Each has a database of its own.
static SERVER: LazyLock<OwnServer> = LazyLock::new(|| OwnServer::start(LOGGED));

async fn connect(server: &OwnServer, changes: Json) -> Connection {
    Connection::open(&server.config(changes))
        .await
        .expect("a connection")
}

async fn run(connection: &mut Connection, sql: &str) {
    connection
        .query(sql, &mut Discard)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The only cell of the only row, as text.
async fn value(connection: &mut Connection, sql: &str) -> String {
    let mut only = Only::default();
    connection.query(sql, &mut only).await.expect("a value");
    only.cell
}

#[derive(Default)]
struct Only {
    columns: Columns,
    cell: String,
}

impl RowSink for Only {
    fn begin(&mut self, columns: &Columns, _memo: &mut Memo) -> Result<(), Error> {
        self.columns = columns.clone();
        Ok(())
    }

    fn row(&mut self, mut row: Row<'_>) -> Result<(), Error> {
        let cell = row.wire(0, &self.columns[0])?.expect("no NULL");
        self.cell = String::from_utf8_lossy(cell).into_owned();
        Ok(())
    }
}

async fn follow(server: &OwnServer) -> Binlog {
    Binlog::open(&server.config(json!({})))
        .await
        .expect("the log")
}

/// A session with a new database, and a follower that has heard of nothing in it.
async fn shop(schema: &str, tables: &[&str]) -> (Connection, Binlog) {
    let mut session = connect(&SERVER, json!({})).await;
    run(&mut session, &format!("CREATE DATABASE {schema}")).await;
    run(&mut session, &format!("USE {schema}")).await;
    for table in tables {
        run(&mut session, &format!("CREATE TABLE {table}")).await;
    }
    (session, follow(&SERVER).await)
}

/// What the next transaction with a change in `schema` has changed there.
async fn transaction(binlog: &mut Binlog, schema: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    loop {
        let change = timeout(LIMIT, binlog.next()).await;
        match change.expect("a change in time").expect("a change") {
            Change::Committed if changes.is_empty() => {}
            Change::Committed => return changes,
            Change::Anything => changes.push(Change::Anything),
            change @ (Change::Table { .. } | Change::Statement { .. }) => {
                let (Change::Table { schema: of, .. } | Change::Statement { schema: of, .. }) =
                    &change
                else {
                    unreachable!();
                };
                if of == schema {
                    changes.push(change);
                }
            }
        }
    }
}

fn table(schema: &str, table: &str) -> Change {
    Change::Table {
        schema: schema.to_owned(),
        table: table.to_owned(),
    }
}

fn statement(schema: &str, sql: &str) -> Change {
    Change::Statement {
        schema: schema.to_owned(),
        sql: sql.to_owned(),
    }
}

async fn refused(server: &OwnServer, changes: Json) -> Error {
    match Binlog::open(&server.config(changes)).await {
        Ok(_) => panic!("the log can be followed"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_another_session_are_told_within_a_tenth_of_a_second() {
    const CHANGES: usize = 200;
    let (mut session, mut binlog) = shop("latency", &["t (id INT PRIMARY KEY, v INT)"]).await;
    let (told, mut heard) = mpsc::channel(1);
    let follower = tokio::spawn(async move {
        loop {
            let changes = transaction(&mut binlog, "latency").await;
            if told.send((changes, Instant::now())).await.is_err() {
                return;
            }
        }
    });
    let (mut since_sent, mut since_done) = (Vec::new(), Vec::new());
    for change in 0..CHANGES {
        let sql = match change % 4 {
            0 => format!("INSERT INTO t VALUES ({change}, 0)"),
            1 => "UPDATE t SET v = v + 1".to_owned(),
            2 => format!("REPLACE INTO t VALUES ({}, 5)", change - 2),
            _ => format!("DELETE FROM t WHERE id = {}", change - 3),
        };
        let sent = Instant::now();
        run(&mut session, &sql).await;
        let done = Instant::now();
        let (changes, at) = heard.recv().await.expect("the follower lives");
        assert_eq!(changes, [table("latency", "t")], "{sql}");
        since_sent.push(at.duration_since(sent));
        since_done.push(at.saturating_duration_since(done));
    }
    for (since, latencies) in [("sent", &mut since_sent), ("answered", &mut since_done)] {
        latencies.sort();
        println!(
            "{CHANGES} changes, told after the statement was {since}: median {:?}, most {:?}",
            latencies[CHANGES / 2],
            latencies[CHANGES - 1]
        );
    }
    // A machine that others use as well may stop for a few of them.
    assert!(since_done[CHANGES * 9 / 10] < SOON);
    assert!(since_done[CHANGES - 1] < Duration::from_secs(2));
    drop(heard);
    follower.abort();
}

/// Why a reader of changes may not trust what it reads right behind them: the log comes first.
#[tokio::test]
async fn a_commit_that_waits_for_a_replica_is_told_before_it_is_visible() {
    const WAIT: Duration = Duration::from_millis(2_000);
    let mut args = LOGGED.to_vec();
    args.extend([
        "--rpl-semi-sync-master-enabled=ON",
        "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
        "--rpl-semi-sync-master-timeout=2000",
    ]);
    let server = OwnServer::start(&args);
    let mut session = connect(&server, json!({})).await;
    // The first commit without a replica turns the waiting off.
    run(&mut session, "CREATE DATABASE semi").await;
    run(&mut session, "CREATE TABLE semi.t (id INT)").await;
    for state in ["OFF", "ON"] {
        let sql = format!("SET GLOBAL rpl_semi_sync_master_enabled = {state}");
        run(&mut session, &sql).await;
    }
    let mut binlog = follow(&server).await;
    let mut reader = connect(&server, json!({})).await;
    let sent = Instant::now();
    let writer =
        tokio::spawn(async move { run(&mut session, "INSERT INTO semi.t VALUES (1)").await });
    assert_eq!(transaction(&mut binlog, "semi").await, [table("semi", "t")]);
    assert!(sent.elapsed() < WAIT / 2);
    assert_eq!(value(&mut reader, "SELECT COUNT(*) FROM semi.t").await, "0");
    writer.await.expect("the writer has its answer");
    assert!(sent.elapsed() >= WAIT);
    assert_eq!(value(&mut reader, "SELECT COUNT(*) FROM semi.t").await, "1");
}

/// The limit of what a log of rows tells on MariaDB, and on MySQL before 9.6.
#[tokio::test]
async fn rows_that_a_foreign_key_takes_along_are_not_told() {
    let tables = [
        "parent (id INT PRIMARY KEY)",
        "child (id INT, FOREIGN KEY (id) REFERENCES parent (id) ON DELETE CASCADE)",
    ];
    let (mut session, mut binlog) = shop("cascades", &tables).await;
    run(&mut session, "INSERT INTO parent VALUES (1)").await;
    run(&mut session, "INSERT INTO child VALUES (1)").await;
    run(&mut session, "DELETE FROM parent").await;
    for name in ["parent", "child", "parent"] {
        let told = transaction(&mut binlog, "cascades").await;
        assert_eq!(told, [table("cascades", name)]);
    }
    assert_eq!(value(&mut session, "SELECT COUNT(*) FROM child").await, "0");
}

#[tokio::test]
async fn a_transaction_is_told_as_a_whole_and_one_that_is_rolled_back_is_not() {
    let tables = ["a (id INT)", "b (id INT)", "read_only (id INT)"];
    let (mut session, mut binlog) = shop("whole", &tables).await;
    for sql in [
        "BEGIN",
        "INSERT INTO a VALUES (1)",
        "ROLLBACK",
        "BEGIN",
        "INSERT INTO a VALUES (1)",
        "SAVEPOINT s",
        "DELETE FROM b",
        "INSERT INTO b SELECT 1 FROM (SELECT COUNT(*) FROM read_only) AS n",
        "SAVEPOINT s2",
        "INSERT INTO a VALUES (2)",
        "ROLLBACK TO s2",
        "COMMIT",
    ] {
        run(&mut session, sql).await;
    }
    let told = transaction(&mut binlog, "whole").await;
    assert_eq!(told, [table("whole", "a"), table("whole", "b")]);
}

#[tokio::test]
async fn triggers_tell_their_tables_and_truncate_its_statement() {
    let tables = ["a (id INT)", "log (id INT) ENGINE = MyISAM"];
    let (mut session, mut binlog) = shop("triggers", &tables).await;
    let trigger = "CREATE TRIGGER a_log AFTER INSERT ON a FOR EACH ROW INSERT INTO log VALUES (1)";
    run(&mut session, trigger).await;
    let told = transaction(&mut binlog, "triggers").await;
    assert!(matches!(&told[..], [Change::Statement { .. }]), "{told:?}");
    run(&mut session, "INSERT INTO a VALUES (1)").await;
    // Each engine has a group of its own.
    let mut told = transaction(&mut binlog, "triggers").await;
    if told.len() == 1 {
        told.extend(transaction(&mut binlog, "triggers").await);
    }
    for name in ["a", "log"] {
        assert!(told.contains(&table("triggers", name)), "{told:?}");
    }
    run(&mut session, "TRUNCATE TABLE a").await;
    let told = transaction(&mut binlog, "triggers").await;
    assert_eq!(told, [statement("triggers", "TRUNCATE TABLE a")]);
}

#[tokio::test]
async fn ddl_is_told_as_its_statement() {
    let (mut session, mut binlog) = shop("ddl", &["stück (id INT)"]).await;
    let sql = "ALTER TABLE stück ADD COLUMN name TEXT DEFAULT 'a''b' /* why */";
    run(&mut session, sql).await;
    assert_eq!(
        transaction(&mut binlog, "ddl").await,
        [statement("ddl", sql)]
    );
    run(&mut session, "SET NAMES latin1").await;
    run(
        &mut session,
        "CREATE TABLE plain AS SELECT 1 AS id UNION SELECT 2",
    )
    .await;
    let told = transaction(&mut binlog, "ddl").await;
    assert!(
        matches!(&told[0], Change::Statement { sql, .. } if sql.starts_with("CREATE TABLE `plain`")),
        "{told:?}"
    );
    assert_eq!(told[1..], [table("ddl", "plain")]);
}

#[tokio::test]
async fn a_session_that_logs_statements_is_told_by_them() {
    let (mut session, mut binlog) = shop("texts", &["t (id INT)"]).await;
    run(&mut session, "SET SESSION binlog_format = STATEMENT").await;
    let sql = "INSERT INTO t VALUES (1)";
    run(&mut session, sql).await;
    assert_eq!(
        transaction(&mut binlog, "texts").await,
        [statement("texts", sql)]
    );
    let long = format!("INSERT INTO t VALUES (1) /* {} */", "x".repeat(100_000));
    run(&mut session, &long).await;
    assert_eq!(transaction(&mut binlog, "texts").await, [Change::Anything]);
}

#[tokio::test]
async fn a_prepared_transaction_changes_anything_when_it_is_committed() {
    let (mut session, mut binlog) = shop("prepared", &["t (id INT)"]).await;
    for sql in [
        "XA START 'x'",
        "INSERT INTO t VALUES (1)",
        "XA END 'x'",
        "XA PREPARE 'x'",
    ] {
        run(&mut session, sql).await;
    }
    let told = transaction(&mut binlog, "prepared").await;
    assert_eq!(told, [table("prepared", "t")]);
    run(&mut session, "XA COMMIT 'x'").await;
    assert_eq!(
        transaction(&mut binlog, "prepared").await,
        [Change::Anything]
    );
}

#[tokio::test]
async fn a_row_longer_than_a_frame_and_any_limit_is_told() {
    let (mut session, _) = shop("long_rows", &["t (id INT, v LONGBLOB)", "u (id INT)"]).await;
    let small = json!({"maxResultBytes": 1, "maxAllowedPacket": 1024});
    let mut binlog = Binlog::open(&SERVER.config(small)).await.expect("the log");
    run(
        &mut session,
        "INSERT INTO t VALUES (1, REPEAT('x', 20 * 1024 * 1024))",
    )
    .await;
    run(&mut session, "INSERT INTO u VALUES (1)").await;
    for name in ["t", "u"] {
        assert_eq!(
            transaction(&mut binlog, "long_rows").await,
            [table("long_rows", name)]
        );
    }
}

#[tokio::test]
async fn the_stream_goes_on_in_the_next_file_and_with_other_checksums() {
    let (mut session, mut binlog) = shop("rotated", &["t (id INT)"]).await;
    run(&mut session, "FLUSH BINARY LOGS").await;
    run(&mut session, "INSERT INTO t VALUES (1)").await;
    let told = transaction(&mut binlog, "rotated").await;
    assert_eq!(told, [table("rotated", "t")]);
    let mut followers = vec![binlog];
    for checksum in ["NONE", "CRC32"] {
        let sql = format!("SET GLOBAL binlog_checksum = {checksum}");
        run(&mut session, &sql).await;
        followers.push(follow(&SERVER).await);
        run(&mut session, "DROP TABLE IF EXISTS none").await;
        let sql = "DROP TABLE IF EXISTS `none` /* generated by server */";
        for binlog in &mut followers {
            assert_eq!(
                transaction(binlog, "rotated").await,
                [statement("rotated", sql)],
                "{checksum}"
            );
        }
    }
}

#[tokio::test]
async fn a_session_that_is_killed_ends_in_an_error() {
    let mut binlog = follow(&SERVER).await;
    let mut session = connect(&SERVER, json!({})).await;
    run(&mut session, &format!("KILL {}", binlog.id())).await;
    let error = loop {
        match timeout(LIMIT, binlog.next()).await.expect("in time") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(error.is_fatal(), "{error}");
}

#[tokio::test]
async fn followers_do_not_end_each_other() {
    let (mut session, mut first) = shop("two", &["t (id INT)"]).await;
    let mut second = follow(&SERVER).await;
    run(&mut session, "INSERT INTO t VALUES (1)").await;
    for binlog in [&mut first, &mut second] {
        assert_eq!(transaction(binlog, "two").await, [table("two", "t")]);
    }
}

#[tokio::test]
async fn a_missing_privilege_is_named_with_its_grant() {
    let mut root = connect(&SERVER, json!({})).await;
    run(&mut root, "CREATE USER follower IDENTIFIED BY 'pass'").await;
    let login = || json!({"user": "follower", "password": "pass"});
    for privilege in ["BINLOG MONITOR", "REPLICATION SLAVE"] {
        let error = refused(&SERVER, login()).await;
        assert_eq!(error.kind(), Kind::Binlog);
        for word in ["REPLICATION SLAVE", "BINLOG MONITOR", "GRANT"] {
            assert!(error.message().contains(word), "{error}");
        }
        run(&mut root, &format!("GRANT {privilege} ON *.* TO follower")).await;
    }
    Binlog::open(&SERVER.config(login()))
        .await
        .expect("both privileges are enough");
}

#[tokio::test]
async fn a_server_without_a_log_is_refused() {
    let server = OwnServer::start(&[]);
    let error = refused(&server, json!({})).await;
    assert_eq!(error.kind(), Kind::Binlog);
    assert!(error.message().contains("log_bin"), "{error}");
}

#[tokio::test]
async fn a_log_of_statements_is_refused_and_a_server_that_hangs_is_noticed() {
    let server = OwnServer::start(&["--log-bin", "--binlog-format=STATEMENT", "--server-id=1"]);
    let mut session = connect(&server, json!({})).await;
    for format in ["STATEMENT", "MIXED"] {
        run(
            &mut session,
            &format!("SET GLOBAL binlog_format = {format}"),
        )
        .await;
        let error = refused(&server, json!({})).await;
        assert_eq!(error.kind(), Kind::Binlog);
        assert!(error.message().contains(format), "{error}");
    }
    run(&mut session, "SET GLOBAL binlog_format = ROW").await;
    let mut binlog = follow(&server).await;
    // Nothing happens there, for longer than the limit: its heartbeats keep the session alive.
    let quiet = timeout(Duration::from_millis(3_500), binlog.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    server.signal("STOP");
    let stopped = Instant::now();
    let error = timeout(LIMIT, binlog.next()).await.expect("it is noticed");
    let noticed = stopped.elapsed();
    server.signal("CONT");
    assert_eq!(error.expect_err("an error").kind(), Kind::ConnectionLost);
    assert!(noticed < Duration::from_secs(6), "{noticed:?}");
}
