use super::positional;

#[track_caller]
fn plain(statements: &[&str]) {
    for sql in statements {
        assert!(positional(sql).is_plain_read(), "not plain: {sql}");
        assert!(
            positional(&sql.to_lowercase()).is_plain_read(),
            "not plain: {sql} in lower case"
        );
    }
}

#[track_caller]
fn not_plain(statements: &[&str]) {
    for sql in statements {
        assert!(!positional(sql).is_plain_read(), "plain: {sql}");
        assert!(
            !positional(&sql.to_lowercase()).is_plain_read(),
            "plain: {sql} in lower case"
        );
    }
}

#[test]
fn selects_that_only_compute_are_plain_reads() {
    plain(&[
        "SELECT 1",
        "SELECT * FROM products WHERE id = ?",
        "(SELECT id FROM a WHERE b IN (?)) UNION ALL (SELECT id FROM c);",
        "/* a comment */ SELECT COUNT(*), `max`, 'sleep(1)' FROM t -- sleep(1)",
        "SELECT p.id, COALESCE(AVG(r.rating), 0) FROM p LEFT JOIN r ON (r.p = p.id) WHERE EXISTS (SELECT 1)",
        "SELECT IF (a = 1, (2), 3) FROM t USE INDEX (i) ORDER BY (a) LIMIT ? OFFSET ?",
        "SELECT HEX(id), a = ANY (SELECT 1) FROM t WHERE id = UNHEX(?) AND MATCH (a) AGAINST (? IN BOOLEAN MODE)",
        "SELECT ROW_NUMBER() OVER (ORDER BY a), LAG(COUNT(*), 1) OVER w FROM t WINDOW w AS (ORDER BY (b))",
        "SELECT JSON_SET(a, '$.b', 1), INSERT(a, 1, 2, 'x'), STDDEV_POP(b) FROM t AS x (a, b)",
        "SELECT 1.5, .5, 1.5e3, 1e-3, 2. FROM t WHERE a < 0.10 AND t1.e5 = 1",
    ]);
}

#[test]
fn what_writes_locks_or_waits_is_no_plain_read() {
    not_plain(&[
        "",
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET a = 1",
        "SHOW TABLES",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "SELECT * FROM t FOR UPDATE",
        "SELECT * FROM t LOCK IN SHARE MODE",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT NEXT VALUE FOR s",
        "SELECT * FROM t PROCEDURE ANALYSE()",
        // MariaDB in Oracle's mode.
        "SELECT s.nextval",
        "SELECT s.`nextval`",
        "SELECT * FROM information_schema.INNODB_CMP_RESET",
    ]);
}

#[test]
fn a_function_that_is_not_known_makes_a_read_not_plain() {
    not_plain(&[
        "SELECT SLEEP(1)",
        "SELECT * FROM t WHERE id = SLEEP(1)",
        "SELECT NEXTVAL(s)",
        "SELECT GET_LOCK('a', 1)",
        "SELECT LAST_INSERT_ID(3)",
        "SELECT my_function(1)",
        "SELECT shop.count(1)",
        "SELECT shop . count (1)",
        "SELECT `count`(1)",
        "SELECT my_function /* here */ (1)",
        // With a space and without IGNORE_SPACE it is a stored function.
        "SELECT count (1)",
        "SELECT substring /* here */ (1)",
        "SELECT AGAINST(1)",
        "SELECT row_number() AS n",
        "SELECT row_number()",
        "SELECT lag(count(a), 1), 2 OVER",
        "SELECT lag(my_function(a)) OVER w",
        // Not every server has them.
        "SELECT REGEXP_REPLACE(a, 'b', 'c'), JSON_ARRAYAGG(a)",
    ]);
}

#[test]
fn what_servers_may_split_otherwise_makes_a_read_not_plain() {
    not_plain(&[
        "SELECT * FROM t WHERE a < 1.e5FOR UPDATE",
        "SELECT * FROM t WHERE a < 1.E+5LOCK IN SHARE MODE",
        "SELECT 1.5e5FOR",
        r"SELECT * FROM t WHERE a <=> \NFOR UPDATE",
        r"SELECT \NINTO OUTFILE '/tmp/x'",
        "SELECT shop.5count(1)",
        "SELECT shop.1e5count(1)",
        "SELECT [my_function](1)",
        "SELECT 1 [a`b], my_function(1) [a`b]",
    ]);
}

#[test]
fn variables_make_a_read_not_plain() {
    not_plain(&["SELECT @a", "SELECT @a := 1", "SELECT @@version"]);
}

#[test]
fn a_doubtful_or_second_statement_makes_a_read_not_plain() {
    not_plain(&[
        "SELECT 1; SELECT 2",
        "SELECT /*!50000 SLEEP(1) */ 1",
        "SELECT 1 /*!50000 FOR UPDATE */",
        // Under NO_BACKSLASH_ESCAPES the string ends at its second quote.
        r"SELECT 'a\', SLEEP(1), '",
    ]);
}
