//! What the text of a statement tells of its tables, against a server that runs it.

use std::collections::BTreeSet;

use hegar_native::sql::tables::{TableName, Writes, change, effects};
use mysql_async::{Conn, Opts, Row, prelude::Queryable};

const TABLES: &[&str] = &["ta", "tb", "tc", "td"];

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("limits are small")
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// A table with an alias that begins with its name, which is what EXPLAIN shows.
    fn table(&mut self, alias: &str) -> String {
        let table = self.pick(TABLES);
        let name = match self.below(5) {
            0 => format!("`{table}`"),
            1 => format!("tables_test.{table}"),
            2 => format!("tables_test /* FROM td */ . `{table}`"),
            _ => table.to_owned(),
        };
        let r#as = self.pick(&["AS ", "", "AS /**/ "]);
        let hint = self.pick(&["", "", " USE INDEX (i)", " IGNORE INDEX (i, j)"]);
        format!("{name} {as}{table}_{alias}{hint}")
    }

    fn factor(&mut self, alias: &str, depth: usize) -> String {
        match self.below(6) {
            0 if depth > 0 => {
                let inner = self.select(depth - 1);
                format!("({inner}) AS d{alias}")
            }
            1 if depth > 0 => {
                let inner = self.refs(&format!("{alias}p"), depth - 1);
                format!("({inner})")
            }
            _ => self.table(alias),
        }
    }

    fn refs(&mut self, alias: &str, depth: usize) -> String {
        let mut refs = self.factor(&format!("{alias}0"), depth);
        for i in 1..=self.below(3) {
            let join = self.pick(&[
                ", ",
                " JOIN ",
                " CROSS JOIN ",
                " STRAIGHT_JOIN ",
                " LEFT JOIN ",
                " INNER JOIN ",
            ]);
            refs.push_str(join);
            refs.push_str(&self.factor(&format!("{alias}{i}"), depth));
            if join == " LEFT JOIN " {
                refs.push_str(" ON 1 = 1");
            }
        }
        refs
    }

    fn condition(&mut self, depth: usize) -> String {
        match self.below(6) {
            0 if depth > 0 => format!("1 IN ({})", self.select(depth - 1)),
            1 if depth > 0 => format!("EXISTS ({})", self.select(depth - 1)),
            2 if depth > 0 => format!("2 > ({} LIMIT 1)", self.select(depth - 1)),
            3 => "'a FROM tc' <> \"b, td\"".to_owned(),
            4 => "EXTRACT(YEAR FROM '2020-01-01') > 3 -- FROM td\n".to_owned(),
            _ => "RAND() < 2".to_owned(),
        }
    }

    fn select(&mut self, depth: usize) -> String {
        let what = match self.below(4) {
            0 if depth > 0 => format!("({} LIMIT 1) AS x", self.select(depth - 1)),
            1 => "COUNT(*) AS x".to_owned(),
            _ => "1 AS x".to_owned(),
        };
        let level = self.below(1_000);
        let refs = self.refs(&format!("l{level}_"), depth);
        let mut sql = format!("SELECT {what} FROM {refs}");
        if self.below(2) == 0 {
            sql.push_str(" WHERE ");
            sql.push_str(&self.condition(depth));
        }
        if self.below(4) == 0 {
            sql.push_str(" HAVING ");
            sql.push_str(&self.condition(depth));
        }
        if depth > 0 && self.below(5) == 0 {
            sql = format!("({sql}) UNION ALL ({})", self.select(depth - 1));
            sql = format!("SELECT u.x FROM ({sql}) AS u");
        }
        sql
    }

    fn query(&mut self) -> String {
        match self.below(5) {
            0 => format!("WITH w (x) AS ({}) {}", self.select(1), {
                let select = self.select(1);
                format!("{select} UNION SELECT x FROM w")
            }),
            1 => format!("{} UNION {}", self.select(1), self.select(2)),
            _ => self.select(2),
        }
    }

    fn write(&mut self) -> String {
        let table = self.pick(TABLES);
        let refs = self.refs("w", 1);
        let refs = match self.below(2) {
            0 => refs,
            _ => format!("{table} AS z, {refs}"),
        };
        match self.below(8) {
            0 => format!("INSERT INTO {table} (a) {}", self.select(1)),
            1 => format!(
                "INSERT IGNORE tables_test.{table} SET a = ({} LIMIT 1)",
                self.select(1)
            ),
            2 => format!("REPLACE `{table}` VALUES (5, 6, 'FROM td')"),
            3 => format!("UPDATE {} SET a = a + 1", self.table("x")),
            4 => format!("UPDATE {table} AS z, {refs} SET z.a = z.a + 1"),
            5 => format!("DELETE FROM {table} WHERE a > 0 AND {}", self.condition(1)),
            6 => format!("DELETE z FROM {table} AS z, {refs} WHERE z.a > 0"),
            _ => format!("DELETE FROM z USING {table} AS z JOIN {refs}"),
        }
    }
}

/// A database of this test's own, with a row or two in each of its tables.
async fn connect(database: &str) -> Conn {
    let url = std::env::var("HEGAR_TEST_URL").expect(
        "run `npm test`, or set HEGAR_TEST_URL to mysql://root@127.0.0.1:PORT/ of a MariaDB",
    );
    let opts = Opts::from_url(&url).expect("HEGAR_TEST_URL is a connection string");
    let mut connection = Conn::new(opts).await.expect("a connection");
    run(
        &mut connection,
        &format!("CREATE OR REPLACE DATABASE {database}"),
    )
    .await;
    run(&mut connection, &format!("USE {database}")).await;
    for table in TABLES {
        run(
            &mut connection,
            &format!(
                "CREATE TABLE {table} (a INT, b INT DEFAULT 1, c VARCHAR(20), KEY i (a), KEY j (b))"
            ),
        )
        .await;
        run(
            &mut connection,
            &format!("INSERT INTO {table} (a) VALUES (1), (2)"),
        )
        .await;
    }
    connection
}

async fn run(connection: &mut Conn, sql: &str) {
    connection
        .query_drop(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn names(tables: &[TableName]) -> BTreeSet<&str> {
    tables.iter().map(|table| &*table.name).collect()
}

#[tokio::test]
async fn a_read_names_every_table_that_the_server_opens() {
    let mut connection = connect("tables_test").await;
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut run, mut understood) = (0, 0);
    for _ in 0..1_500 {
        let sql = random.query();
        let Ok(plan) = connection.query::<Row, _>(format!("EXPLAIN {sql}")).await else {
            continue;
        };
        run += 1;
        let Some(reads) = effects(&sql).reads else {
            continue;
        };
        understood += 1;
        for row in plan {
            let Some(Some(shown)) = row
                .get_opt::<Option<String>, _>("table")
                .and_then(Result::ok)
            else {
                continue;
            };
            if let Some((table, _)) = shown.split_once('_')
                && TABLES.contains(&table)
            {
                assert!(
                    names(&reads).contains(table),
                    "{table} is not read by {sql}"
                );
            }
        }
    }
    assert!(run > 500, "only {run} statements were valid");
    // Parentheses around tables with a comma between them are not.
    assert!(
        understood * 2 > run,
        "only {understood} of {run} were understood"
    );
}

#[tokio::test]
async fn a_write_changes_no_table_that_it_does_not_name() {
    let mut connection = connect("tables_test_2").await;
    let mut random = Random(42);
    let (mut run, mut named) = (0, 0);
    for _ in 0..600 {
        let sql = random.write().replace("tables_test", "tables_test_2");
        connection
            .query_drop("START TRANSACTION")
            .await
            .expect("begun");
        let before = sums(&mut connection).await;
        let is_run = connection.query_drop(&*sql).await.is_ok();
        let after = sums(&mut connection).await;
        connection
            .query_drop("ROLLBACK")
            .await
            .expect("rolled back");
        if !is_run {
            continue;
        }
        run += 1;
        let Writes::Tables(written) = change(&sql).writes else {
            assert_eq!(change(&sql).writes, Writes::Anything, "{sql}");
            continue;
        };
        named += 1;
        for (i, table) in TABLES.iter().enumerate() {
            assert!(
                before[i] == after[i] || names(&written).contains(table),
                "{table} is changed by {sql}"
            );
        }
    }
    assert!(
        run > 200 && named * 10 > run * 8,
        "{named} of {run} were named"
    );
}

async fn sums(connection: &mut Conn) -> Vec<Option<u64>> {
    let sql = format!("CHECKSUM TABLE {} EXTENDED", TABLES.join(", "));
    let rows: Vec<(String, Option<u64>)> = connection.query(sql).await.expect("checksums");
    rows.into_iter().map(|(_, sum)| sum).collect()
}
