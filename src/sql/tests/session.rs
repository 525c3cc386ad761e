//! What a statement is, whether it is alone, and what it leaves behind.

use super::{named, positional};
use crate::sql::StatementKind::{self, *};

#[track_caller]
fn changing(statements: &[&str]) {
    for sql in statements {
        assert!(
            positional(sql).changes_session(),
            "leaves nothing behind? {sql}"
        );
        assert!(
            positional(&sql.to_lowercase()).changes_session(),
            "in lower case: {sql}"
        );
        assert!(
            positional(&format!("/* x */ -- y\n {sql} ;")).changes_session(),
            "after comments: {sql}"
        );
    }
}

#[track_caller]
fn harmless(statements: &[&str]) {
    for sql in statements {
        assert!(
            !positional(sql).changes_session(),
            "changes the session? {sql}"
        );
    }
}

#[track_caller]
fn single(expected: bool, statements: &[&str]) {
    for sql in statements {
        assert_eq!(positional(sql).is_single_statement(), expected, "{sql}");
    }
}

#[test]
fn the_first_keyword_gives_the_kind() {
    let cases: &[(&str, StatementKind)] = &[
        ("select 1", Select),
        (" \n\t((SELECT 1) UNION (SELECT 2))", Select),
        ("-- x\n/* y */ # z\n SELECT 1", Select),
        ("TABLE t", Select),
        ("VALUES (1)", Select),
        ("INSERT INTO t VALUES (?)", Insert),
        ("update t set a=1", Update),
        ("DELETE FROM t", Delete),
        ("REPLACE INTO t VALUES (1)", Replace),
        ("WITH a AS (SELECT 1) SELECT * FROM a", With),
        ("CALL p(?)", Call),
        ("SET NAMES utf8mb4", Set),
        ("/*!40101 SET NAMES utf8 */", Set),
        ("SET STATEMENT max_statement_time=1 FOR SELECT 1", Set),
        ("CREATE TABLE t (a int)", Ddl),
        ("ALTER TABLE t ADD b int", Ddl),
        ("DROP TABLE t", Ddl),
        ("TRUNCATE t", Ddl),
        ("RENAME TABLE a TO b", Ddl),
        ("START TRANSACTION", Transaction),
        ("BEGIN", Transaction),
        ("BEGIN WORK", Transaction),
        ("COMMIT", Transaction),
        ("ROLLBACK TO s", Transaction),
        ("SAVEPOINT s", Transaction),
        ("RELEASE SAVEPOINT s", Transaction),
        ("XA START 'x'", Transaction),
        ("SHOW TABLES", Show),
        ("EXPLAIN SELECT 1", Show),
        ("START REPLICA", Other),
        ("BEGIN NOT ATOMIC SELECT 1; END", Other),
        ("KILL 1", Other),
        ("`SELECT` 1", Other),
        ("SELECTED", Other),
        ("1; SELECT 1", Other),
        ("", Other),
        ("/* SELECT */", Other),
    ];
    for &(sql, kind) in cases {
        assert_eq!(positional(sql).kind(), kind, "{sql}");
    }
    assert_eq!(named("/* :a */ (SELECT :a)").kind(), Select);
}

#[test]
fn rows_are_expected_of_queries_and_of_returning() {
    for sql in [
        "SELECT 1",
        "(SELECT 1)",
        "SHOW TABLES",
        "CALL p()",
        "INSERT INTO t VALUES (1) RETURNING id",
        "SET STATEMENT a=1 FOR SELECT 1",
    ] {
        assert!(positional(sql).returns_rows_hint(), "{sql}");
    }
    for sql in [
        "INSERT INTO t VALUES ('returning')",
        "UPDATE t SET a=1",
        "SET @a=1",
        "CREATE TABLE t (a int)",
        "",
    ] {
        assert!(!positional(sql).returns_rows_hint(), "{sql}");
    }
}

#[test]
fn a_trailing_semicolon_is_no_second_statement() {
    single(
        true,
        &[
            "",
            ";",
            "SELECT 1",
            "SELECT 1;",
            "SELECT 1 ; \n",
            "SELECT 1; -- x",
            "SELECT 1; /* ; SELECT 2 */ # y",
        ],
    );
    single(
        true,
        &[
            "SELECT ';', `;`, \";\" /* ; */ -- ; x\n",
            "SELECT 'it''s; x'",
            r"SELECT 'a\\', 'b'",
        ],
    );
}

#[test]
fn text_after_a_semicolon_is_a_second_statement() {
    single(
        false,
        &[
            "SELECT 1; SELECT 2",
            "SELECT 1;;",
            "SELECT 1;?",
            "SELECT 1; \0",
            "SELECT 1;--x",
            "SELECT 1;'x",
        ],
    );
}

#[test]
fn the_body_of_a_stored_program_is_part_of_it() {
    single(
        true,
        &[
            "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END",
            "create or replace procedure p() begin select 1; end;",
            "CREATE DEFINER=`a`@`%` FUNCTION f() RETURNS INT BEGIN RETURN 1; END",
            "CREATE DEFINER = view@10.0.0.1 TRIGGER t AFTER INSERT ON x FOR EACH ROW BEGIN SET @a=1; END",
            "CREATE DEFINER=CURRENT_USER() EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN SELECT 1; END",
            "CREATE OR REPLACE AGGREGATE FUNCTION f(x INT) RETURNS INT BEGIN RETURN 1; END",
            "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END",
        ],
    );
    single(
        false,
        &[
            "CREATE TABLE event (a int); DROP TABLE x",
            "CREATE DEFINER=event@localhost VIEW v AS SELECT 1; DROP TABLE x",
            "CREATE DEFINER=procedure@trigger SQL SECURITY INVOKER VIEW v AS SELECT 1; DROP TABLE x",
            "CREATE VIEW procedure AS SELECT 1; DROP TABLE x",
            "BEGIN; SELECT 1",
            "SELECT 1; BEGIN NOT ATOMIC SELECT 1; END",
        ],
    );
}

#[test]
fn a_second_statement_that_only_some_servers_see_counts() {
    single(
        false,
        &[
            "SELECT 1 /*!99999 ' */ ; DROP TABLE t -- '",
            "SELECT 1; /*! SELECT 2 */",
            "SELECT 1 /*!99999 /* */ ; SELECT 2 -- */",
            "/*!99999 CREATE PROCEDURE p() */ SELECT 1; DROP TABLE t",
            "/*!40101 SET NAMES utf8 */ /*!40101 SELECT 1 */",
            r"SELECT '\'; DROP TABLE t; -- '",
            r#"SELECT "\"; DROP TABLE t; -- ""#,
        ],
    );
    single(
        true,
        &[
            "SELECT /*!40000 SQL_NO_CACHE */ 1;",
            "/*!40101 SET NAMES utf8 */;",
            r"SELECT 'it\'s'",
        ],
    );
}

#[test]
fn statements_that_set_session_state_are_recognised() {
    changing(&[
        "SET @a = 1",
        "SET SESSION sql_mode = ''",
        "SET NAMES latin1",
        "USE shop",
        "LOCK TABLES t READ",
        "UNLOCK TABLES",
        "FLUSH TABLES t WITH READ LOCK",
        "FLUSH TABLES t FOR EXPORT",
        "BACKUP STAGE START",
        "PREPARE s FROM 'SELECT 1'",
        "EXECUTE s",
        "EXECUTE IMMEDIATE 'SET @a=1'",
        "DEALLOCATE PREPARE s",
        "DROP PREPARE s",
        "HANDLER t OPEN",
        "CALL p(?)",
        "LOAD DATA INFILE 'x' INTO TABLE t (@a)",
        "GET DIAGNOSTICS @n = NUMBER",
        "BINLOG 'x'",
        "IF 1 THEN SET @a=1; END IF",
        "BEGIN NOT ATOMIC SET @a=1; END",
        "DROP DATABASE shop",
        "DROP SCHEMA shop",
        "CREATE OR REPLACE DATABASE shop",
    ]);
}

#[test]
fn temporary_tables_are_recognised() {
    changing(&[
        "CREATE TEMPORARY TABLE t (a int)",
        "CREATE OR REPLACE TEMPORARY TABLE t (a int)",
        "CREATE/**/TEMPORARY TABLE IF NOT EXISTS t SELECT 1",
        "DROP TEMPORARY TABLE t",
    ]);
}

#[test]
fn transaction_control_that_leaves_one_open_is_recognised() {
    changing(&[
        "START TRANSACTION READ ONLY",
        "BEGIN",
        "BEGIN WORK",
        "XA START 'x'",
        "SAVEPOINT s",
        "RELEASE SAVEPOINT s",
        "ROLLBACK TO SAVEPOINT s",
        "COMMIT AND CHAIN",
        "ROLLBACK WORK AND CHAIN",
    ]);
    harmless(&["COMMIT", "COMMIT WORK;", "ROLLBACK"]);
}

#[test]
fn variables_assigned_within_a_statement_are_recognised() {
    changing(&[
        "SELECT @a:=1",
        "SELECT @a := @a + 1 FROM t",
        "UPDATE t SET a = (@n:=@n+1)",
        "SELECT 1 INTO @a",
        "SELECT 1 INTO/**/ @a",
        "(SELECT 1) INTO @`a b`",
        "SELECT 1.5INTO @a",
        "SELECT .5INTO @a",
        "SELECT 1e5INTO @a",
        "SELECT 1.5e-3INTO @a",
    ]);
    harmless(&[
        "SELECT ':='",
        "SELECT 1 -- @a:=1",
        "SELECT @a",
        "SELECT 1 INTO OUTFILE '@x'",
        "SELECT `INTO` @a",
    ]);
    assert!(named("SELECT @a:=:b").changes_session());
}

#[test]
fn functions_that_change_the_session_are_recognised() {
    changing(&[
        "SELECT GET_LOCK('a', 1)",
        "SELECT GET_LOCK /* x */ ('a', 1)",
        "SELECT `get_lock`('a', 1)",
        "DO RELEASE_LOCK('a')",
        "SELECT RELEASE_ALL_LOCKS()",
        "SELECT SERVICE_GET_WRITE_LOCKS('n', 'a', 1)",
        "INSERT INTO t (id) VALUES (1) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)",
        "UPDATE seq SET id = last_insert_id ( ? )",
        "SELECT LAST_INSERT_ID(/* c */ (1))",
        "SELECT `last_insert_id`('x')",
        "SELECT LAST_INSERT_ID(LAST_INSERT_ID())",
    ]);
    harmless(&[
        "SELECT LAST_INSERT_ID()",
        "SELECT last_insert_id ( /* none */ ), (1)",
        "SELECT last_insert_id FROM t WHERE (a = 1)",
        "SELECT 1 -- GET_LOCK('a', 1)",
        "SELECT IS_FREE_LOCK('a'), get_lock_name(1)",
        "SELECT SQL_CALC_FOUND_ROWS a FROM t",
    ]);
}

#[test]
fn set_statement_counts_as_the_statement_it_governs() {
    harmless(&[
        "SET STATEMENT max_statement_time=1 FOR SELECT 1",
        "set statement a=(SELECT SUBSTRING('x' FROM 1 FOR 1)), b=2 for update t set a=1",
        "SET STATEMENT a=1 FOR (SELECT 1)",
    ]);
    changing(&[
        "SET STATEMENT a=1 FOR SET @a=1",
        "SET STATEMENT a=1 FOR CALL p()",
        "SET STATEMENT a=1 FOR SET STATEMENT b=1 FOR USE x",
        "SET STATEMENT a=1 FOR SELECT GET_LOCK('a', 1)",
        "SET STATEMENT a=1 FOR CREATE TEMPORARY TABLE t (a int)",
        "SET STATEMENT a=NEXT VALUE FOR s FOR USE x",
        "SET STATEMENT a=(SELECT 1 FOR UPDATE) FOR USE x",
        "SET STATEMENT = 1",
        "SET STATEMENT a=1",
    ]);
}

#[test]
fn ordinary_statements_leave_nothing_behind() {
    harmless(&[
        "",
        ";",
        "-- SET @a=1",
        "SELECT * FROM t WHERE a = ? LIMIT ?",
        "(SELECT 1) UNION (SELECT 2)",
        "INSERT INTO t (a) VALUES (?)",
        "INSERT INTO t SET a=1",
        "UPDATE t SET a = 'SET @a := 1; USE x'",
        "DELETE FROM t",
        "REPLACE INTO t VALUES (1)",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "SHOW TABLES",
        "EXPLAIN SELECT 1",
        "CREATE TABLE t (a int)",
        "CREATE INDEX i ON t (a)",
        "DROP TABLE t",
        "ALTER TABLE t ADD b int",
        "TRUNCATE t",
        "KILL 5",
        "SELECT /*! STRAIGHT_JOIN */ 1 FROM t",
        "SELECT /*+ SET_VAR(sort_buffer_size=1) */ 1",
        r"INSERT INTO t VALUES ('it\'s')",
    ]);
}

#[test]
fn every_statement_of_several_is_looked_at() {
    changing(&[
        "SELECT 1; SET @a=1",
        "SELECT 1;;USE x",
        "SELECT 1; (SELECT 2); CALL p()",
    ]);
    harmless(&["SELECT 1; SELECT 2"]);
}

#[test]
fn executable_comments_are_judged_as_executed_and_as_skipped() {
    changing(&[
        "/*!40101 SET NAMES utf8 */",
        "/*!40101SET NAMES utf8*/",
        "CREATE /*!32302 TEMPORARY */ TABLE t (a int)",
        "SELECT 1 /*!50000 INTO @a */",
        "/*!99999 SELECT */ SET @a = 1",
        "CREATE /*!99999 ' */ TEMPORARY TABLE t -- '",
        "SELECT 1 /*!99999 ' */ INTO @a -- '",
        "SELECT 1 /*!99999 /* */ ' */ INTO @a -- '",
        "SELECT /*!50000 1 */ /*!99999 INTO */ /*!50000 @a */",
    ]);
    assert!(positional("/*M!100100 USE x */").changes_session());
    assert!(!positional("/*m!100100 USE x */").changes_session());
}

#[test]
fn escaped_quotes_are_judged_under_every_sql_mode() {
    changing(&[
        r"SELECT '\' INTO @a -- '",
        r#"SELECT "\" INTO @a -- ""#,
        r#"SELECT '\'', "\" INTO @a -- ""#,
        r#"SELECT '\', "\" INTO @a -- "'"#,
    ]);
}

#[test]
fn what_servers_may_split_otherwise_counts_as_a_change() {
    changing(&[
        "SELECT 1.e5INTO @zz",
        r"SELECT \NINTO @zz",
        "SELECT 1 [it's], GET_LOCK('a', 1) [it's]",
    ]);
    harmless(&["SELECT 1.5, t1.e5, .5 FROM t WHERE a = 1.0"]);
}
