use super::{functions, writes, written_out};
use crate::sql::{
    Mode,
    tables::{Writes, change, change_in, effects},
};

#[track_caller]
fn check(statements: &[(&str, &str)]) {
    for (sql, tables) in statements {
        assert_eq!(writes(sql), *tables, "{sql}");
    }
}

#[test]
fn an_insert_writes_its_target_alone() {
    check(&[
        ("INSERT INTO t VALUES (1)", "t"),
        ("insert into T (a, b) values (?, ?)", "t"),
        ("INSERT t VALUES (1)", "t"),
        ("INSERT INTO `t`(`a`) VALUES (1), (2)", "t"),
        ("INSERT INTO shop.`t` SET a = 1", "shop.t"),
        ("INSERT LOW_PRIORITY IGNORE INTO t VALUES (1)", "t"),
        ("INSERT /* INTO u */ INTO -- v\n t VALUES (1)", "t"),
        ("INSERT INTO t SELECT * FROM u JOIN v", "t"),
        ("INSERT INTO t TABLE u", "t"),
        ("INSERT INTO t (SELECT * FROM u)", "t"),
        ("INSERT INTO t PARTITION (p0) VALUES (1)", "t"),
        (
            "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)",
            "t",
        ),
        (
            "INSERT INTO t VALUES (1) AS new (a) ON DUPLICATE KEY UPDATE a = new.a",
            "t",
        ),
        ("INSERT INTO t (a) VALUES (1) RETURNING a", "t"),
        ("INSERT INTO t VALUES ('; DELETE FROM u')", "t"),
        ("REPLACE INTO t VALUES (1)", "t"),
        ("REPLACE DELAYED t SET a = 1;", "t"),
        (
            "LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE shop.t (a, b)",
            "shop.t",
        ),
        (
            "LOAD DATA INFILE 'INTO TABLE u' IGNORE INTO TABLE t FIELDS TERMINATED BY ','",
            "t",
        ),
        ("INSERT INTO", "*"),
        ("INSERT INTO a.b.c VALUES (1)", "*"),
        ("INSERT INTO ? VALUES (1)", "*"),
    ]);
}

#[test]
fn an_update_or_delete_writes_the_tables_it_joins() {
    check(&[
        ("UPDATE t SET a = 1 WHERE b = ?", "t"),
        (
            "UPDATE LOW_PRIORITY IGNORE shop.t AS x SET a = 1 ORDER BY b LIMIT 1",
            "shop.t",
        ),
        ("UPDATE t x SET x.a = (SELECT MAX(x) FROM u)", "t"),
        ("UPDATE t PARTITION (p0, p1) SET a = 1", "t"),
        ("UPDATE a, b SET a.x = b.x", "a b"),
        (
            "UPDATE a JOIN shop.b AS y ON a.i = y.i SET a.x = 1 WHERE y.z = 'it\\'s'",
            "a shop.b",
        ),
        (
            "UPDATE a JOIN (SELECT i FROM c) AS y USING (i) SET a.x = 1",
            "a c",
        ),
        ("UPDATE (a, b) SET a.x = 1", "*"),
        ("UPDATE a STRAIGHT_JOIN b SET a.x = 1", "a b"),
        ("WITH x AS (SELECT 1) UPDATE t JOIN x SET a = 1", "t x"),
        (
            "UPDATE t FOR PORTION OF p FROM '2020-01-01' TO '2021-01-01' SET a = 1",
            "t",
        ),
        ("DELETE FROM t", "t"),
        ("DELETE FROM t;", "t"),
        ("DELETE QUICK FROM `T` WHERE a IN (SELECT a FROM u)", "t"),
        ("DELETE FROM t AS x WHERE x.a = 1", "t"),
        ("DELETE FROM t ORDER BY a LIMIT 1", "t"),
        ("DELETE FROM t WHERE a = 1 RETURNING b", "t"),
        ("DELETE a FROM a JOIN b ON a.i = b.i", "a b"),
        (
            "DELETE x FROM a AS x JOIN b USING (i) WHERE b.j = 'it\\'s'",
            "a b",
        ),
        ("DELETE x.*, y.* FROM a x, b y", "a b"),
        ("DELETE FROM a USING a JOIN b USING (i) WHERE 1", "a b"),
        (
            "WITH x AS (SELECT 1) DELETE FROM t WHERE a IN (SELECT * FROM x)",
            "t",
        ),
        ("UPDATE {OJ a LEFT JOIN b ON 1} SET a.x = 1", "*"),
        ("DELETE FROM a USING (a JOIN b)", "*"),
        ("DELETE a, b FROM a USE INDEX FOR JOIN (i) JOIN b", "*"),
    ]);
}

#[test]
fn a_definition_writes_what_it_defines_and_changes_the_schema() {
    let statements = [
        ("CREATE TABLE t (a INT DEFAULT 1, KEY (a))", "t"),
        ("CREATE TABLE IF NOT EXISTS shop.t LIKE u", "shop.t"),
        ("CREATE OR REPLACE TEMPORARY TABLE t SELECT * FROM u", "t"),
        ("CREATE UNIQUE INDEX i ON t (a)", "t"),
        ("CREATE VIEW v AS SELECT * FROM t", "v"),
        ("ALTER TABLE t ADD COLUMN b INT", "t"),
        ("ALTER ONLINE TABLE t ENGINE = InnoDB", "t"),
        ("ALTER TABLE t RENAME TO u", "*"),
        ("ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u", "*"),
        ("DROP TABLE IF EXISTS a, shop.b", "a shop.b"),
        ("DROP INDEX i ON t", "t"),
        ("TRUNCATE t", "t"),
        ("TRUNCATE TABLE `t`", "t"),
        ("RENAME TABLE a TO b, b TO c", "a b b c"),
        ("DROP DATABASE shop", "*"),
        ("CREATE PROCEDURE p() BEGIN DELETE FROM t; END", "*"),
        (
            "CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW SET @a = 1",
            "*",
        ),
        ("DROP FUNCTION f", "*"),
    ];
    check(&statements);
    for (sql, _) in statements {
        assert!(change(sql).changes_schema, "{sql}");
    }
    assert!(!change("INSERT INTO t VALUES (1)").changes_schema);
}

#[test]
fn what_cannot_write_tables_writes_nothing() {
    for sql in [
        "",
        ";",
        "-- a comment",
        "SELECT * FROM t",
        "(SELECT 1)",
        "SELECT 1; SELECT 2",
        "TABLE t",
        "VALUES ROW(1)",
        "WITH x AS (SELECT REPLACE(a, 'b', 'c') FROM t) SELECT * FROM x",
        "SHOW TABLES",
        "DESCRIBE t",
        "EXPLAIN UPDATE t SET a = 1",
        "EXPLAIN ANALYZE SELECT 1",
        "START TRANSACTION",
        "BEGIN",
        "BEGIN WORK;",
        "COMMIT",
        "ROLLBACK TO SAVEPOINT a",
        "SAVEPOINT a",
        "RELEASE SAVEPOINT a",
        "SET @a = 1, NAMES utf8mb4",
        "USE shop",
        "KILL 3",
        "PREPARE s FROM 'DELETE FROM t'",
        "DEALLOCATE PREPARE s",
        "LOCK TABLES t WRITE",
        "UNLOCK TABLES",
        "FLUSH TABLES",
        "GRANT SELECT ON *.* TO a",
        "CHECK TABLE t",
        "ANALYZE TABLE t",
        "ANALYZE FORMAT=JSON SELECT * FROM t",
        "OPTIMIZE TABLE t",
        "XA START 'a'",
        "SELECT 'it\\'s'",
    ] {
        assert_eq!(writes(sql), "-", "{sql}");
    }
}

#[test]
fn what_is_not_known_writes_anything() {
    for sql in [
        "CALL p()",
        "EXECUTE s",
        "EXECUTE IMMEDIATE 'DELETE FROM t'",
        "DO f()",
        "XA COMMIT 'a'",
        "SET STATEMENT max_statement_time = 1 FOR DELETE FROM t",
        "BEGIN NOT ATOMIC DELETE FROM t; END",
        "ANALYZE UPDATE t SET a = 1",
        "ANALYZE FORMAT=JSON DELETE FROM t",
        "EXPLAIN ANALYZE DELETE a FROM a JOIN b",
        "a: BEGIN",
        "START REPLICA",
        "SELECT 1; DELETE FROM t",
        "DELETE FROM t; SELECT 1",
        "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)",
        "UPDATE a, b SET x = 1; SELECT 1",
        "NONSENSE",
        "?",
        "'a'",
        "/*!50000 DELETE FROM t */",
        "SELECT 1 /*! ; DELETE FROM t */",
        "IF 1 THEN DELETE FROM t; END IF",
        "HANDLER t OPEN",
        "(DELETE FROM t)",
        "REPAIR TABLE t",
        r"SELECT 'a\'; DELETE FROM t -- '",
        "SELECT [a'b]; DELETE FROM t -- ']",
    ] {
        assert_eq!(writes(sql), "*", "{sql}");
    }
}

#[test]
fn a_known_sql_mode_leaves_no_doubt_about_strings() {
    let sql = r"INSERT INTO t VALUES ('it\'s; so')";
    let mode = |no_backslash_escapes| Mode {
        no_backslash_escapes,
        ansi_quotes: false,
    };
    assert_eq!(change(sql).writes, Writes::Anything);
    assert!(matches!(
        change_in(sql, mode(false)).writes,
        Writes::Tables(_)
    ));
    assert_eq!(change_in(sql, mode(true)).writes, Writes::Anything);
}

#[test]
fn calls_of_functions_that_may_be_stored_are_listed() {
    for (sql, expected) in [
        (
            "INSERT INTO t (a) VALUES (NOW(), COUNT(1), f(1), F(2))",
            "f",
        ),
        ("INSERT INTO t VALUES (shop.F(1), `g` (2))", "shop.f g"),
        ("INSERT INTO t SELECT value(1)", "value"),
        ("INSERT INTO t (a) VALUE (1), (2)", ""),
        ("INSERT INTO t SELECT f(1)", "f"),
        ("INSERT INTO t SET a = f(1)", "f"),
        ("UPDATE t SET a = f(b) WHERE c IN (1)", "f"),
        ("SELECT f(1)", "f"),
        ("SELECT 'f(1)', \"g(1)\" -- h(1)", ""),
        ("SELECT ROW_NUMBER(), LAG(a) OVER w", "row_number"),
        ("SET @a = f(1)", "f"),
        ("CREATE TABLE t (a INT(3), b ENUM('x')) SELECT f(1)", "f"),
        ("WITH x (a) AS (SELECT f(1)) SELECT g(a) FROM x", "f g"),
        ("LOAD DATA INFILE 'a' INTO TABLE t (a, b) SET c = f(a)", "f"),
        // In one of two readings.
        (r"INSERT INTO t VALUES ('a\', f(1), 'b')", "f"),
        ("SELECT count (1)", "count"),
    ] {
        assert_eq!(functions(sql), expected, "{sql}");
    }
}

#[test]
fn what_a_write_reads_is_told_apart_from_what_it_writes() {
    for (sql, reads) in [
        ("INSERT INTO t SELECT * FROM u", "u"),
        ("INSERT INTO t SELECT * FROM t", "t"),
        ("INSERT INTO t VALUES ((SELECT MAX(a) FROM u))", "u"),
        ("INSERT INTO t TABLE u", "u"),
        ("UPDATE t SET a = (SELECT MAX(x) FROM u)", "t u"),
    ] {
        assert_eq!(written_out(&effects(sql).reads.expect(sql)), reads, "{sql}");
    }
}

#[test]
fn a_use_tells_where_it_goes() {
    for (sql, expected) in [
        ("USE Shop", Some("shop")),
        ("use `my shop`;", Some("my shop")),
        ("SELECT 1", None),
    ] {
        assert_eq!(change(sql).uses.as_deref(), expected, "{sql}");
    }
}
