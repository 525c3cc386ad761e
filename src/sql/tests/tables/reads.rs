use super::written_out;
use crate::sql::tables::{Uncacheable, effects};

#[track_caller]
fn kept(statements: &[(&str, &str)]) {
    for (sql, tables) in statements {
        let found = effects(sql);
        assert_eq!(found.uncacheable, None, "{sql}");
        let reads = found.reads.expect(sql);
        assert_eq!(written_out(&reads), *tables, "{sql}");
    }
}

#[track_caller]
fn not_kept(reason: Uncacheable, statements: &[&str]) {
    for sql in statements {
        assert_eq!(effects(sql).uncacheable, Some(reason), "{sql}");
    }
}

#[test]
fn a_read_names_every_table_it_reads() {
    kept(&[
        ("SELECT 1", ""),
        ("SELECT 1 + ? FROM DUAL", ""),
        ("SELECT * FROM users WHERE id = ?", "users"),
        ("select * from Users", "users"),
        ("SELECT * FROM shop.users", "shop.users"),
        ("SELECT * FROM `Shop`.`Users` AS u", "shop.users"),
        ("SELECT * FROM `a.b`", "a.b"),
        ("SELECT * FROM `a``b`", "a`b"),
        (
            "SELECT * FROM shop /* here */ . -- there\n users",
            "shop.users",
        ),
        ("SELECT a.* FROM a, b", "a b"),
        ("SELECT * FROM a x JOIN a y ON x.i = y.i", "a"),
        ("SELECT * FROM a NATURAL JOIN b CROSS JOIN c", "a b c"),
        (
            "SELECT * FROM (a JOIN b USING (i)) JOIN c USING (i)",
            "a b c",
        ),
        ("SELECT * FROM (SELECT * FROM a) AS x", "a"),
        (
            "SELECT * FROM (SELECT * FROM a UNION SELECT * FROM b) AS x, c",
            "a b c",
        ),
        ("SELECT (SELECT MAX(i) FROM b) FROM a", "a b"),
        (
            "SELECT * FROM a WHERE i IN (SELECT i FROM b WHERE EXISTS (SELECT 1 FROM c))",
            "a b c",
        ),
        (
            "SELECT * FROM a WHERE i = ANY (SELECT i FROM b) HAVING i > (SELECT 1 FROM c)",
            "a b c",
        ),
        ("SELECT * FROM a ORDER BY (SELECT i FROM b LIMIT 1)", "a b"),
        (
            "SELECT i FROM a UNION ALL SELECT i FROM b ORDER BY i LIMIT 3",
            "a b",
        ),
        ("(SELECT i FROM a) UNION (SELECT i FROM b)", "a b"),
        ("SELECT * FROM a WHERE i IN (TABLE b)", "a b"),
        ("SELECT i FROM a UNION TABLE shop.b", "a shop.b"),
        ("WITH x AS (SELECT * FROM a) SELECT * FROM x", "a x"),
        (
            "WITH x (i) AS (SELECT i FROM a), y AS (SELECT 1) SELECT * FROM x, y, b",
            "a b x y",
        ),
        (
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n",
            "n",
        ),
        ("SELECT * FROM a LIMIT ? OFFSET ?", "a"),
        ("SELECT * FROM a LIMIT ?, ?", "a"),
        ("SELECT * FROM a WHERE i IN (?, ?, ?)", "a"),
        ("SELECT * FROM t PARTITION (p0, p1) WHERE a = 1", "t"),
        (
            "SELECT a FROM t STRAIGHT_JOIN u ON t.a = u.a GROUP BY a WITH ROLLUP",
            "t u",
        ),
        (
            "SELECT * FROM t LEFT JOIN u RIGHT JOIN v ON 1 ON 2",
            "t u v",
        ),
        (
            "SELECT * FROM t EXCEPT SELECT * FROM u INTERSECT SELECT * FROM v",
            "t u v",
        ),
        (
            "SELECT * FROM ((SELECT * FROM t)) AS x, 2024_sales, `order`, user",
            "2024_sales order t user",
        ),
        (
            "SELECT a <=> b, a RLIKE ?, a COLLATE utf8mb4_bin, CONVERT(a USING utf8mb4), 0xFF FROM t",
            "t",
        ),
        (
            "SELECT SUM(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
            "t",
        ),
        ("SELECT * FROM t USE INDEX (i, j), u FORCE INDEX (k)", "t u"),
        ("SELECT * FROM Ärger, `日本`", "ärger 日本"),
        (
            "SELECT EXTRACT(YEAR FROM made), TRIM(LEADING 'x' FROM name) FROM t",
            "t",
        ),
        (
            "SELECT GROUP_CONCAT(DISTINCT a ORDER BY b SEPARATOR ', ') FROM t GROUP BY c",
            "t",
        ),
        (
            "SELECT * FROM t WHERE MATCH (a, b) AGAINST (? IN BOOLEAN MODE)",
            "t",
        ),
        (
            "SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) FROM t",
            "t",
        ),
        ("SELECT 'SELECT * FROM u', \"FROM v\" FROM t -- FROM w", "t"),
        ("SELECT `from`, `now()` FROM t # FROM w", "t"),
        // Columns may have names of functions.
        ("SELECT user, date, t.current_date, version FROM t", "t"),
        ("SELECT /*+ NO_INDEX_MERGE(t) */ a FROM t;", "t"),
        (
            "SELECT UNIX_TIMESTAMP(made), CAST(a AS CHAR(10)) FROM t",
            "t",
        ),
        (
            "SELECT CASE WHEN a IS NULL THEN 1 ELSE 2 END FROM t WHERE b BETWEEN 1 AND 2",
            "t",
        ),
        ("SELECT a -> '$.b', a ->> '$.c' FROM t", "t"),
        ("SELECT * FROM t WHERE name LIKE 'it\\'s%'", "t"),
        (
            "SELECT DATE_ADD(a, INTERVAL 1 DAY), a DIV 2, a XOR b FROM t",
            "t",
        ),
        (
            "SELECT COUNT(*) FROM t WHERE (a, b) IN ((1, 2), (3, 4))",
            "t",
        ),
    ]);
}

#[test]
fn a_read_whose_answer_changes_by_itself_is_not_kept() {
    for call in [
        "NOW()",
        "now(6)",
        "CURDATE()",
        "CURTIME()",
        "CURRENT_DATE",
        "CURRENT_TIMESTAMP",
        "CURRENT_TIME(3)",
        "SYSDATE()",
        "LOCALTIME",
        "LOCALTIMESTAMP()",
        "UTC_DATE",
        "UTC_TIMESTAMP(3)",
        "UNIX_TIMESTAMP()",
        "UNIX_TIMESTAMP( )",
        "RAND()",
        "RAND(3)",
        "UUID()",
        "UUID_SHORT()",
        "SYS_GUID()",
        "USER()",
        "CURRENT_USER",
        "CURRENT_USER()",
        "SESSION_USER()",
        "SYSTEM_USER()",
        "CURRENT_ROLE",
        "DATABASE()",
        "SCHEMA()",
        "CONNECTION_ID()",
        "LAST_INSERT_ID()",
        "FOUND_ROWS()",
        "ROW_COUNT()",
        "SLEEP(1)",
        "BENCHMARK(1, 2)",
        "IS_FREE_LOCK('a')",
        "LOAD_FILE('a')",
        "VERSION()",
        "RANDOM_BYTES(3)",
        "NEXTVAL(s)",
        "LASTVAL(s)",
        "s.nextval",
        "s.currval",
        "UUID_V7()",
    ] {
        for sql in [
            format!("SELECT {call}"),
            format!("SELECT * FROM t WHERE a < {call} OR b"),
            format!("WITH x AS (SELECT {call}) SELECT * FROM x"),
        ] {
            not_kept(Uncacheable::NotDeterministic, &[&sql]);
        }
    }
    // A stored function of that name may be meant.
    assert!(effects("SELECT NOW ()").uncacheable.is_some());
}

#[test]
fn the_reason_not_to_keep_a_result_is_told() {
    use Uncacheable::*;
    not_kept(Several, &["SELECT 1; SELECT 2", "SELECT 1; DELETE FROM t"]);
    not_kept(
        NotARead,
        &[
            "",
            "INSERT INTO t VALUES (1)",
            "SHOW TABLES",
            "CALL p()",
            "SET @a = 1",
            "(",
            "VALUES ROW(1)",
            "WITH x AS (SELECT 1) DELETE FROM t",
            "WITH x AS (SELECT 1) UPDATE t SET a = 1",
            "EXPLAIN SELECT * FROM t",
            "DO 1",
        ],
    );
    not_kept(
        Stores,
        &[
            "SELECT 1 INTO OUTFILE '/tmp/a'",
            "SELECT a FROM t PROCEDURE ANALYSE()",
            "SELECT a INTO @b FROM t",
        ],
    );
    not_kept(
        Locks,
        &[
            "SELECT * FROM t FOR UPDATE",
            "SELECT * FROM t LOCK IN SHARE MODE",
            "SELECT * FROM t FOR SHARE",
            "SELECT NEXT VALUE FOR s",
            "SELECT * FROM t FOR SYSTEM_TIME ALL",
        ],
    );
    not_kept(
        Variable,
        &["SELECT @a", "SELECT @@version", "SELECT @a := 1 FROM t"],
    );
    not_kept(
        SystemTable,
        &[
            "SELECT * FROM information_schema.tables",
            "SELECT * FROM `MYSQL` . user",
            "SELECT * FROM sys.x",
            "SELECT * FROM t, performance_schema.threads",
        ],
    );
    not_kept(
        Asked,
        &[
            "SELECT SQL_NO_CACHE * FROM t",
            "SELECT SQL_CALC_FOUND_ROWS * FROM t LIMIT 1",
        ],
    );
    not_kept(
        Function,
        &[
            "SELECT f(1)",
            "SELECT shop.count(1) FROM t",
            "SELECT `count`(1) FROM t",
            "SELECT count (1) FROM t",
        ],
    );
    not_kept(
        Doubtful,
        &[
            "SELECT /*!50000 1 */",
            "SELECT * FROM t WHERE a < 1.e5OR b",
            "SELECT [a] FROM t",
            r"SELECT \N FROM t",
        ],
    );
    // What a backslash hides in one reading is there in another.
    assert!(
        effects(r"SELECT 'a\', NOW(), ' FROM t")
            .uncacheable
            .is_some()
    );
    assert!(
        effects(r"SELECT 'a\' FROM u -- ' FROM t")
            .uncacheable
            .is_some()
    );
}

#[test]
fn a_read_that_is_not_understood_may_be_kept_by_its_tags() {
    for sql in [
        "SELECT * FROM {OJ a LEFT JOIN b ON a.i = b.i}",
        "SELECT * FROM a LEFT JOIN (b, c) ON a.i = b.i AND b.i = c.i",
        "SELECT * FROM a.b.c",
        "SELECT * FROM",
    ] {
        let found = effects(sql);
        assert_eq!(found.reads, None, "{sql}");
        assert_eq!(found.uncacheable, Some(Uncacheable::Unparsed), "{sql}");
        assert!(found.is_cacheable_by_tags());
    }
    assert!(!effects("SELECT NOW() FROM {OJ a}").is_cacheable_by_tags());
    assert!(effects("SELECT 1").is_cacheable_by_tags());
}

#[test]
fn functions_that_older_servers_lack_are_reported_and_do_not_keep_a_result_from_being_kept() {
    for (sql, functions, tables) in [
        ("SELECT JSON_ARRAYAGG(a) FROM t", "json_arrayagg", "t"),
        (
            "SELECT REGEXP_REPLACE(a, 'b', 'c') FROM t",
            "regexp_replace",
            "t",
        ),
        (
            "SELECT * FROM t, JSON_TABLE(t.a, '$[*]' COLUMNS (b INT PATH '$.b')) AS x",
            "json_table",
            "t",
        ),
    ] {
        let found = effects(sql);
        assert_eq!(found.uncacheable, None, "{sql}");
        assert_eq!(found.change.unknown_functions.join(" "), functions, "{sql}");
        assert_eq!(written_out(&found.reads.expect(sql)), tables, "{sql}");
    }
}
