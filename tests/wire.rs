//! The wire against a real server, with mysql_async as the oracle for values.

mod support;

use hegar_native::{
    codec::params::Params,
    error::Kind,
    wire::{ColumnType, Connection},
};
use mysql_async::{Opts, prelude::Queryable};
use serde_json::json;
use support::{Owned, Rows, config, one, run, run_statement, server, statement, text};

async fn connect() -> Connection {
    Connection::open(&config(json!({})))
        .await
        .expect("a connection")
}

/// One text parameter in the packed form of `lib/params.js`.
fn text_param(value: &[u8]) -> Params {
    let mut packed = vec![5];
    packed.extend_from_slice(&(value.len() as u32).to_le_bytes());
    packed.extend_from_slice(value);
    Params::unpack(&packed).expect("packed parameters")
}

fn int_params(values: &[i64]) -> Params {
    let packed: Vec<u8> = values
        .iter()
        .flat_map(|value| [&[3][..], &value.to_le_bytes()].concat())
        .collect();
    Params::unpack(&packed).expect("packed parameters")
}

/// A temporary table with a column of every type, and rows at the ends of their ranges.
const ALL_TYPES: &[&str] = &[
    "SET STATEMENT sql_mode = '' FOR CREATE TEMPORARY TABLE all_types (
        id INT PRIMARY KEY, ti TINYINT, tu TINYINT UNSIGNED, si SMALLINT, su SMALLINT UNSIGNED, mi MEDIUMINT,
        mu MEDIUMINT UNSIGNED, i INT, iu INT UNSIGNED, bi BIGINT, bu BIGINT UNSIGNED, zf INT(8) ZEROFILL,
        f FLOAT, d DOUBLE, dec1 DECIMAL(65,30), dec2 DECIMAL(10,2) UNSIGNED, b1 BIT(1), b64 BIT(64), bo BOOLEAN,
        da DATE, dt DATETIME, dt3 DATETIME(3), dt6 DATETIME(6), ts TIMESTAMP(6) NULL, tm TIME, tm6 TIME(6), y YEAR,
        c CHAR(10), vc VARCHAR(100), tt TINYTEXT, tx TEXT, mt MEDIUMTEXT, lt LONGTEXT, l1 VARCHAR(20) CHARACTER SET latin1,
        bn BINARY(4), vb VARBINARY(10), tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB,
        en ENUM('a','b','ü'), st SET('x','y','z'), js JSON, ge GEOMETRY, un UUID, ip INET6)",
    "SET STATEMENT sql_mode = '' FOR INSERT INTO all_types VALUES
        (1, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 7,
         -1.5e-10, -1.7976931348623157e308, -12345678901234567890123456789012345.123456789012345678901234567891, 0,
         b'0', b'0', false, '0000-00-00', '0000-00-00 00:00:00', '0001-01-01 00:00:00.001', '1000-01-01 00:00:00.000001',
         '1970-01-01 00:00:01.000001', '-838:59:59', '-00:00:00.000001', 1901, '', '', '', '', '', '', '',
         '', '', '', '', '', '', 'a', '', '{}', POINT(1, 2), '00000000-0000-0000-0000-000000000001', '::1')",
    "SET STATEMENT sql_mode = '' FOR INSERT INTO all_types VALUES
        (2, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807,
         18446744073709551615, 99999999, 3.4e38, 2.2250738585072014e-308, 0.000000000000000000000000000001, 99999999.99,
         b'1', 0xFFFFFFFFFFFFFFFF, true, '9999-12-31', '9999-12-31 23:59:59', '2024-02-29 12:34:56.789',
         '2024-02-29 12:34:56.789012', '2038-01-19 03:14:07.999999', '838:59:59', '25:00:00.999999', 2155,
         'ümläut', '😀 emoji', REPEAT('a', 255), REPEAT('ß', 300), REPEAT('c', 70000), REPEAT('d', 100), 'café',
         0x00FF00FF, 0x27225C00, 0x00, REPEAT(0xFE, 300), REPEAT(0xFF, 70000), 0xFB, 'ü', 'x,z',
         '{\"a\": [1, null, \"ü\"]}', POLYGON(LINESTRING(POINT(0,0), POINT(1,0), POINT(1,1), POINT(0,0))),
         'ffffffff-ffff-ffff-ffff-ffffffffffff', '2001:db8::ff00:42:8329')",
    "INSERT INTO all_types (id) VALUES (3)",
];

/// A value of ours as the oracle would give it. The oracle splits the hours of a TIME into days.
fn as_oracle(value: &Owned) -> mysql_async::Value {
    use mysql_async::Value;
    match value {
        Owned::Null => Value::NULL,
        Owned::Int(value) => Value::Int(*value),
        Owned::UInt(value) => Value::UInt(*value),
        Owned::Float(value) => Value::Float(*value),
        Owned::Double(value) => Value::Double(*value),
        Owned::Bytes(bytes) => Value::Bytes(bytes.clone()),
        Owned::Date(d) => Value::Date(d.year, d.month, d.day, d.hour, d.minute, d.second, d.micros),
        Owned::Time(t) => Value::Time(
            t.negative,
            t.hours / 24,
            (t.hours % 24) as u8,
            t.minutes,
            t.seconds,
            t.micros,
        ),
    }
}

/// The oracle tells signed from unsigned by the value, we by the column. It reads the binary protocol.
fn same(ours: &mysql_async::Value, theirs: &mysql_async::Value) -> bool {
    use mysql_async::Value;
    match (ours, theirs) {
        (Value::Int(a), Value::UInt(b)) | (Value::UInt(b), Value::Int(a)) => {
            i128::from(*a) == i128::from(*b)
        }
        // Text has a FLOAT as the double of its digits.
        (Value::Double(a), Value::Float(b)) => *a as f32 == *b,
        (ours, theirs) => ours == theirs,
    }
}

#[tokio::test]
async fn values_of_every_type_equal_those_that_mysql_async_reads() {
    let mut ours = connect().await;
    let mut theirs = mysql_async::Conn::new(Opts::from(
        mysql_async::OptsBuilder::from_opts(server()).db_name(Some("mysql")),
    ))
    .await
    .expect("the oracle connects");
    for sql in ALL_TYPES {
        run(&mut ours, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        theirs
            .query_drop(*sql)
            .await
            .expect("the oracle makes its own table");
    }
    let sql = "SELECT * FROM all_types ORDER BY id";
    let expected: Vec<mysql_async::Row> = theirs.exec(sql, ()).await.expect("the oracle reads");
    let (binary, _) = run(&mut ours, sql).await.expect("the binary protocol");
    let (again, _) = run(&mut ours, sql)
        .await
        .expect("the binary protocol, without column definitions");
    let mut plain = Rows::default();
    ours.query(sql, &mut plain)
        .await
        .expect("the text protocol");
    assert_eq!(expected.len(), 3);
    for (protocol, read) in [("binary", &binary), ("cached", &again), ("text", &plain)] {
        assert_eq!(read.rows.len(), 3, "{protocol}");
        for (row, expected) in read.rows.iter().zip(&expected) {
            assert_eq!(row.len(), expected.len(), "{protocol}");
            for (index, cell) in row.iter().enumerate() {
                let (cell, wanted) = (as_oracle(cell), &expected[index]);
                let column = &read.columns[index];
                assert!(
                    same(&cell, wanted),
                    "{protocol}, {column:?}: {cell:?} is not {wanted:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn columns_carry_the_servers_metadata() {
    let mut connection = connect().await;
    for sql in ALL_TYPES {
        run(&mut connection, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    let (rows, _) = run(
        &mut connection,
        "SELECT t.bu AS renamed, t.js, t.bl, t.en, t.dt3 FROM all_types t",
    )
    .await
    .expect("rows");
    let [bu, js, bl, en, dt3] = &rows.columns[..] else {
        panic!("five columns")
    };
    assert_eq!(
        (&*bu.name, &*bu.org_name, &*bu.table, &*bu.org_table),
        ("renamed", "bu", "t", "all_types")
    );
    assert!(bu.is_unsigned() && bu.column_type == ColumnType::LongLong);
    assert!(
        js.is_json,
        "MariaDB tells a JSON column by its extended metadata"
    );
    assert!(!bl.is_json && bl.is_binary() && bl.column_type == ColumnType::Text);
    assert!(!en.is_binary());
    assert_eq!((dt3.column_type, dt3.decimals), (ColumnType::DateTime, 3));
}

/// Statements that this session has prepared and not closed.
async fn open_statements(connection: &mut Connection) -> i64 {
    let mut rows = Rows::default();
    connection
        .query("SHOW SESSION STATUS LIKE 'Com_stmt_%'", &mut rows)
        .await
        .expect("the counters");
    let count = |name: &str| -> i64 {
        let row = rows
            .rows
            .iter()
            .find(|row| row.first() == Some(&text(name)))
            .expect("the counter");
        let Some(Owned::Bytes(value)) = row.get(1) else {
            panic!("{name} has no value")
        };
        String::from_utf8_lossy(value).parse().expect("a number")
    };
    count("Com_stmt_prepare") - count("Com_stmt_close")
}

#[tokio::test]
async fn a_connection_never_holds_more_statements_than_its_limit() {
    let mut connection = Connection::open(&config(json!({"maxPreparedStatements": 3})))
        .await
        .expect("a connection");
    let statements: Vec<_> = (0..10)
        .map(|number| statement(&format!("SELECT {number}")))
        .collect();
    for round in 0..3 {
        for (number, sql) in statements.iter().enumerate() {
            let (rows, _) = run_statement(&mut connection, sql, &Params::default())
                .await
                .expect("a row");
            assert_eq!(rows.rows, [[Owned::Int(number as i64)]], "round {round}");
        }
    }
    // One closing is still on its way with the next command.
    connection.ping().await.expect("the connection works");
    assert_eq!(open_statements(&mut connection).await, 3);
}

#[tokio::test]
async fn a_statement_in_use_is_prepared_once() {
    let mut connection = connect().await;
    let sql = statement("SELECT ? + 1");
    for value in 0..5 {
        let (rows, _) = run_statement(&mut connection, &sql, &int_params(&[value]))
            .await
            .expect("a row");
        assert_eq!(rows.rows, [[Owned::Int(value + 1)]]);
    }
    let counts = connection.take_statement_counts();
    assert_eq!((counts.prepared, counts.hits), (1, 4));
}

#[tokio::test]
async fn the_least_recently_used_statement_is_the_one_that_goes() {
    let mut connection = Connection::open(&config(json!({"maxPreparedStatements": 2})))
        .await
        .expect("a connection");
    let [a, b, c] = ["SELECT 'a'", "SELECT 'b'", "SELECT 'c'"].map(statement);
    for sql in [&a, &b, &a, &c, &a] {
        run_statement(&mut connection, sql, &Params::default())
            .await
            .expect("a row");
    }
    let counts = connection.take_statement_counts();
    assert_eq!((counts.prepared, counts.hits), (3, 2), "a stays, b goes");
}

#[tokio::test]
async fn a_cached_statement_sees_columns_that_alter_table_changed() {
    let table = format!("altered_{}", std::process::id());
    let mut connection = connect().await;
    run(
        &mut connection,
        &format!("CREATE OR REPLACE TABLE {table} (a INT, b INT)"),
    )
    .await
    .expect("created");
    run(
        &mut connection,
        &format!("INSERT INTO {table} VALUES (1, 2)"),
    )
    .await
    .expect("filled");
    let sql = statement(&format!("SELECT * FROM {table}"));
    let params = Params::default();
    for _ in 0..2 {
        let (rows, _) = run_statement(&mut connection, &sql, &params)
            .await
            .expect("before");
        assert_eq!(rows.rows, [[Owned::Int(1), Owned::Int(2)]]);
    }
    let steps: [(&str, Vec<Owned>); 4] = [
        (
            "ADD COLUMN c VARCHAR(10) DEFAULT 'new'",
            vec![Owned::Int(1), Owned::Int(2), text("new")],
        ),
        ("DROP COLUMN b", vec![Owned::Int(1), text("new")]),
        ("MODIFY a VARCHAR(5)", vec![text("1"), text("new")]),
        ("RENAME COLUMN a TO renamed", vec![text("1"), text("new")]),
    ];
    let mut other = connect().await;
    for (change, expected) in steps {
        run(&mut other, &format!("ALTER TABLE {table} {change}"))
            .await
            .expect("altered");
        for _ in 0..2 {
            let (rows, _) = run_statement(&mut connection, &sql, &params)
                .await
                .expect("after");
            assert_eq!(rows.rows, std::slice::from_ref(&expected), "{change}");
        }
    }
    let (rows, _) = run_statement(&mut connection, &sql, &params)
        .await
        .expect("after");
    assert_eq!(&*rows.columns[0].name, "renamed");
    run(&mut other, &format!("DROP TABLE {table}"))
        .await
        .expect("dropped");
    let error = run_statement(&mut connection, &sql, &params)
        .await
        .err()
        .expect("the table is gone");
    assert_eq!(error.errno(), Some(1146));
    assert!(
        connection.is_usable(),
        "an error of the server ends no session"
    );
}

#[tokio::test]
async fn an_execution_leaves_out_columns_that_the_connection_knows() {
    async fn sent(connection: &mut Connection) -> i64 {
        let mut rows = Rows::default();
        connection
            .query("SHOW SESSION STATUS LIKE 'Bytes_sent'", &mut rows)
            .await
            .expect("the counter");
        match rows.rows.first().and_then(|row| row.get(1)) {
            Some(Owned::Bytes(value)) => String::from_utf8_lossy(value).parse().expect("a number"),
            other => panic!("no counter but {other:?}"),
        }
    }
    let mut connection = connect().await;
    let names: Vec<String> = (0..100)
        .map(|n| format!("{n} AS a_rather_long_name_of_a_column_{n}"))
        .collect();
    let sql = statement(&format!("SELECT {}", names.join(", ")));
    let asking = {
        let before = sent(&mut connection).await;
        sent(&mut connection).await - before
    };
    run_statement(&mut connection, &sql, &Params::default())
        .await
        .expect("prepared and run");
    let before = sent(&mut connection).await;
    let (rows, _) = run_statement(&mut connection, &sql, &Params::default())
        .await
        .expect("run again");
    let took = sent(&mut connection).await - before - asking;
    assert_eq!(rows.columns.len(), 100);
    assert_eq!(rows.rows, [(0..100).map(Owned::Int).collect::<Vec<_>>()]);
    assert!(
        took < 1000,
        "{took} bytes came for a row of 100 small numbers"
    );
}

#[tokio::test]
async fn what_the_server_cannot_prepare_goes_as_text_when_it_is_one_statement_without_parameters() {
    let mut connection = connect().await;
    run(&mut connection, "PREPARE mine FROM 'SELECT 41 + 1'")
        .await
        .expect("sent as text");
    let (rows, _) = run(&mut connection, "EXECUTE mine")
        .await
        .expect("sent as text");
    assert_eq!(rows.rows, [[Owned::Int(42)]]);
    let error = run_statement(
        &mut connection,
        &statement("EXECUTE mine USING ?"),
        &int_params(&[1]),
    )
    .await
    .err()
    .expect("a parameter never becomes text");
    assert!(error.errno().is_some(), "{error}");
    assert!(connection.is_usable());
}

#[tokio::test]
async fn two_statements_in_one_text_are_refused_and_neither_runs() {
    let mut connection = connect().await;
    for sql in [
        "SET @left = 1; SET @left = 2",
        "PREPARE a FROM 'SELECT 1'; PREPARE b FROM 'SELECT 2'",
    ] {
        let error = run(&mut connection, sql).await.err().expect("refused");
        assert_eq!(error.errno(), Some(1064), "{sql}: {error}");
    }
    assert_eq!(one(&mut connection, "SELECT @left").await, Owned::Null);
}

#[tokio::test]
async fn all_results_of_a_call_are_read_and_the_first_one_is_given() {
    let name = format!("several_{}", std::process::id());
    let mut connection = connect().await;
    run(&mut connection, &format!("CREATE OR REPLACE PROCEDURE {name}() BEGIN SELECT 1, 2; SELECT 'x'; SELECT 3 WHERE 0; END"))
        .await
        .expect("created");
    let sql = statement(&format!("CALL {name}()"));
    for _ in 0..3 {
        let (rows, _) = run_statement(&mut connection, &sql, &Params::default())
            .await
            .expect("called");
        assert_eq!(rows.rows, [[Owned::Int(1), Owned::Int(2)]]);
        assert_eq!(rows.begun, 1);
        assert!(connection.is_usable(), "nothing is left unread");
        assert_eq!(one(&mut connection, "SELECT 'next'").await, text("next"));
    }
    run(&mut connection, &format!("DROP PROCEDURE {name}"))
        .await
        .expect("dropped");
}

#[tokio::test]
async fn an_error_after_the_first_result_of_a_call_is_the_error_of_the_call() {
    let name = format!("failing_{}", std::process::id());
    let mut connection = connect().await;
    let body = "BEGIN SELECT 1; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'enough'; END";
    run(
        &mut connection,
        &format!("CREATE OR REPLACE PROCEDURE {name}() {body}"),
    )
    .await
    .expect("created");
    let error = run(&mut connection, &format!("CALL {name}()"))
        .await
        .err()
        .expect("the signal");
    assert!(
        matches!(
            error.kind(),
            Kind::Server {
                errno: 1644,
                sql_state: [b'4', b'5', ..],
                fatal: false
            }
        ),
        "{error}"
    );
    assert_eq!(one(&mut connection, "SELECT 'next'").await, text("next"));
    run(&mut connection, &format!("DROP PROCEDURE {name}"))
        .await
        .expect("dropped");
}

const FRAME: usize = 0xFF_FFFF;

#[tokio::test]
async fn packets_around_the_longest_frame_arrive_whole() {
    let mut connection = connect().await;
    // A row of one value has its zero byte, its bitmap, and 4 or 9 bytes of length before the value.
    for (packet, before) in [
        (FRAME - 1, 6),
        (FRAME, 6),
        (FRAME + 1, 6),
        (2 * FRAME, 11),
        (32 << 20, 11),
    ] {
        let length = packet - before;
        let sql = format!("SELECT REPEAT('x', {length})");
        let (rows, _) = run(&mut connection, &sql)
            .await
            .expect("the binary protocol");
        let Some(Owned::Bytes(value)) = rows.rows.first().and_then(|row| row.first()) else {
            panic!("no value")
        };
        assert!(
            value.len() == length && value.iter().all(|&byte| byte == b'x'),
            "a packet of {packet} bytes"
        );
        let length = packet - before + 2;
        let mut rows = Rows::default();
        connection
            .query(&format!("SELECT REPEAT('y', {length})"), &mut rows)
            .await
            .expect("the text protocol");
        let Some(Owned::Bytes(value)) = rows.rows.first().and_then(|row| row.first()) else {
            panic!("no value")
        };
        assert!(
            value.len() == length && value.iter().all(|&byte| byte == b'y'),
            "a text packet of {packet} bytes"
        );
        assert_eq!(
            one(&mut connection, "SELECT 'in step'").await,
            text("in step")
        );
    }
}

#[tokio::test]
async fn packets_around_the_longest_frame_leave_whole() {
    let mut connection = connect().await;
    let sql = statement("SELECT LENGTH(?)");
    // Command, statement, flags, iterations, bitmap, types' mark and type stand before the length of the value.
    for (packet, before) in [
        (FRAME - 1, 18),
        (FRAME, 18),
        (FRAME + 1, 18),
        (2 * FRAME, 23),
        (32 << 20, 23),
    ] {
        let length = packet - before;
        let params = text_param(&vec![b'x'; length]);
        let (rows, _) = run_statement(&mut connection, &sql, &params)
            .await
            .expect("sent");
        assert_eq!(
            rows.rows,
            [[Owned::Int(length as i64)]],
            "a packet of {packet} bytes"
        );
        assert!(connection.is_usable());
    }
}

#[tokio::test]
async fn a_result_past_its_limit_is_refused_and_the_connection_given_up() {
    let mut connection = Connection::open(&config(json!({"maxResultBytes": 1000})))
        .await
        .expect("a connection");
    let (rows, _) = run(&mut connection, "SELECT REPEAT('x', 500)")
        .await
        .expect("within the limit");
    assert_eq!(rows.rows.len(), 1);
    let error = run(&mut connection, "SELECT seq FROM seq_1_to_1000")
        .await
        .err()
        .expect("too much");
    assert_eq!(error.kind(), Kind::ResultTooLarge);
    assert!(!connection.is_usable(), "rows are left unread");
}

#[tokio::test]
async fn a_unix_socket_serves_like_tcp() {
    let mut connection = connect().await;
    let Owned::Bytes(path) = one(&mut connection, "SELECT @@socket").await else {
        panic!("no path")
    };
    let path = String::from_utf8(path).expect("a path");
    let mut local = Connection::open(&config(json!({"socketPath": path})))
        .await
        .expect("a connection");
    assert_eq!(one(&mut local, "SELECT SUBSTRING_INDEX(host, ':', 1) FROM information_schema.processlist WHERE id = CONNECTION_ID()").await, text("localhost"));
}

#[tokio::test]
async fn a_missing_socket_and_a_closed_port_say_where_nobody_answered() {
    let config_of_socket = config(json!({"socketPath": "/nonexistent/hegar.sock"}));
    let error = Connection::open(&config_of_socket)
        .await
        .err()
        .expect("no such socket");
    assert_eq!(error.kind(), Kind::ConnectFailed);
    assert!(
        error.message().contains("/nonexistent/hegar.sock"),
        "{error}"
    );
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port")
        .port();
    let error = Connection::open(&config(json!({"port": port})))
        .await
        .err()
        .expect("nobody listens");
    assert_eq!(error.kind(), Kind::ConnectFailed);
    assert!(error.message().contains(&format!(":{port}")), "{error}");
}

#[tokio::test]
async fn a_reset_brings_the_session_back_to_its_login() {
    let mut connection = connect().await;
    let settings = "SELECT CONCAT_WS(' ', @@sql_mode, @@autocommit, @@time_zone, @@character_set_client, \
                    @@character_set_results, @@collation_connection)";
    let fresh = one(&mut connection, settings).await;
    for sql in [
        "SET NAMES latin1",
        "SET autocommit = 0",
        "SET time_zone = '+05:00'",
        "SET @mine = 1",
        "SET SESSION sql_mode = ''",
        "CREATE TEMPORARY TABLE mine (a INT)",
        "USE information_schema",
        "BEGIN",
    ] {
        run(&mut connection, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    assert!(connection.in_transaction());
    connection.reset().await.expect("reset");
    assert!(connection.is_usable() && !connection.in_transaction());
    assert_eq!(one(&mut connection, "SELECT @mine").await, Owned::Null);
    assert_eq!(
        one(&mut connection, "SELECT DATABASE()").await,
        text("mysql")
    );
    assert_eq!(one(&mut connection, settings).await, fresh);
    let error = run(&mut connection, "SELECT * FROM mine")
        .await
        .err()
        .expect("the table is gone");
    assert_eq!(error.errno(), Some(1146));
}

#[tokio::test]
async fn a_command_that_is_dropped_half_way_leaves_the_connection_unusable() {
    let mut connection = connect().await;
    let limit = std::time::Duration::from_millis(50);
    let sleep = statement("SELECT SLEEP(5)");
    let dropped = tokio::time::timeout(
        limit,
        connection.execute(&sleep, &Params::default(), &mut Rows::default()),
    )
    .await;
    assert!(dropped.is_err(), "the statement sleeps longer");
    assert!(!connection.is_usable());
}
