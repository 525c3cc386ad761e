use std::{thread, time::Instant};

use proptest::prelude::*;

use super::writes;
use crate::sql::tables::{Uncacheable, Writes, change, effects};

/// Runs on the stack of a worker thread.
fn on_a_small_stack(check: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(check);
    thread.expect("a thread").join().expect("no overflow");
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    on_a_small_stack(|| {
        for count in [50, 90, 500, 900, 5_000, 100_000] {
            for (open, close) in [
                ("(", ")"),
                ("1+", ""),
                ("1 OR ", ""),
                ("-", ""),
                ("NOT ", ""),
                ("(SELECT ", ")"),
                ("f(", ")"),
                ("CASE WHEN ", " THEN 1 END"),
                ("1 UNION SELECT ", ""),
                ("1=1 AND ", ""),
                ("a.", "a"),
            ] {
                let nested = format!("{}1{}", open.repeat(count), close.repeat(count));
                for sql in [
                    format!("SELECT {nested}"),
                    format!("SELECT * FROM t WHERE {nested}"),
                    format!("UPDATE a JOIN b ON {nested} SET a = 1"),
                    format!("SELECT * FROM {}t{}", "(".repeat(count), ")".repeat(count)),
                ] {
                    effects(&sql);
                }
            }
        }
    });
}

#[test]
fn long_texts_are_not_parsed() {
    let values = "(1, 'abc', f(2)),".repeat(100_000);
    let insert = format!("INSERT INTO t VALUES {values}(1, 'a', 3)");
    assert_eq!(writes(&insert), "t");
    assert_eq!(change(&insert).unknown_functions.join(" "), "f");
    let select = format!("SELECT * FROM t WHERE a IN ({}1)", "1, ".repeat(30_000));
    assert_eq!(effects(&select).uncacheable, Some(Uncacheable::Unparsed));
    let update = format!(
        "UPDATE a JOIN b ON a.i IN ({}1) SET a.x = 1",
        "1, ".repeat(30_000)
    );
    assert_eq!(writes(&update), "*");
}

#[test]
fn lists_of_many_values_are_still_parsed() {
    let select = format!(
        "SELECT * FROM t WHERE a IN ({}1) AND b IN ({}?)",
        "12, ".repeat(5_000),
        "?,".repeat(5_000)
    );
    assert_eq!(effects(&select).uncacheable, None);
}

const SOUP: &[&str] = &[
    "SELECT",
    "INSERT",
    "INTO",
    "UPDATE",
    "DELETE",
    "REPLACE",
    "FROM",
    "SET",
    "WITH",
    "AS",
    "USING",
    "JOIN",
    "WHERE",
    "TABLE",
    "VALUES",
    "VALUE",
    "ON",
    "DUPLICATE",
    "KEY",
    "LOAD",
    "DATA",
    "IGNORE",
    "RENAME",
    "TO",
    "DROP",
    "CREATE",
    "ALTER",
    "TRUNCATE",
    "EXPLAIN",
    "ANALYZE",
    "OVER",
    "UNION",
    "LATERAL",
    "JSON_TABLE",
    "COLUMNS",
    "USE",
    "BEGIN",
    "PARTITION",
    "LIMIT",
    "t",
    "u",
    "shop",
    "`a b`",
    "'s'",
    "'it\\'s'",
    "\"q\"",
    "1",
    "1.5",
    "1e5",
    "?",
    "(",
    ")",
    "(",
    ")",
    ",",
    ".",
    ";",
    "*",
    "=",
    "+",
    "@a",
    ":=",
    ":b",
    "/* c */",
    "/*!",
    "*/",
    "-- d\n",
    "#\n",
    "[",
    "]",
    "{",
    "}",
    "\\",
    "é",
    "count",
    "f",
    "row_number",
    "now",
    "'",
    "\"",
    "`",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec((prop::sample::select(SOUP), any::<bool>()), 0..40).prop_map(|tokens| {
        tokens
            .into_iter()
            .flat_map(|(token, spaced)| [token, if spaced { " " } else { "" }])
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_mixture_of_tokens_breaks_the_analysis(sql in soup()) {
        let found = effects(&sql);
        prop_assert_eq!(found.change, change(&sql));
    }

    #[test]
    fn no_write_is_missed_in_front_of_or_behind_another_statement(
        verb in prop::sample::select(&["INSERT", "update", "Delete", "REPLACE"][..]),
        rest in soup(),
        read in prop::sample::select(&["SELECT 1", "SHOW TABLES", "SELECT f(1) FROM `t`", "COMMIT", ""][..]),
    ) {
        for sql in [format!("{verb} {rest}"), format!("{verb} {rest}; {read}"), format!("{read} ; {verb} {rest}")] {
            prop_assert_ne!(change(&sql).writes, Writes::Nothing, "{}", sql);
        }
    }

    #[test]
    fn a_read_that_is_kept_names_the_tables_it_was_made_of(
        tables in prop::collection::vec("[a-d]{1,2}x", 1..5),
        joins in prop::collection::vec(
            prop::sample::select(&[", ", " JOIN ", " LEFT JOIN (SELECT 1) AS z ON 1 JOIN ", " CROSS JOIN ", " STRAIGHT_JOIN ",
                " AS y, ", " WHERE a IN (SELECT a FROM ", " UNION SELECT * FROM ", " USE INDEX (i), "][..]),
            4,
        ),
    ) {
        let mut sql = String::from("SELECT * FROM ");
        let mut open = 0;
        for (i, table) in tables.iter().enumerate() {
            if i > 0 {
                sql.push_str(joins[i - 1]);
                open += joins[i - 1].matches('(').count() - joins[i - 1].matches(')').count();
            }
            sql.push_str(table);
        }
        sql.push_str(&")".repeat(open));
        let found = effects(&sql);
        if found.uncacheable.is_none() {
            let reads = found.reads.expect("a read that is kept names its tables");
            for table in &tables {
                prop_assert!(reads.iter().any(|name| *name.name == **table), "{} in {}", table, sql);
            }
        }
    }
}

/// Run with `--ignored --nocapture`, best with `--release`.
#[test]
#[ignore = "a measurement"]
fn what_the_analysis_costs() {
    for sql in [
        "SELECT * FROM products WHERE id = 12 AND name = 'abc' ORDER BY name LIMIT 10",
        "SELECT p.id, COUNT(*) FROM products p LEFT JOIN ratings r ON r.product = p.id WHERE p.id IN (1, 2, 3) GROUP BY p.id",
        "UPDATE products SET name = 'A product with a long name', description = 'Some words about it, and some more', \
         price = 12.50, stock = stock - 1, changed = NOW() WHERE id = 12345 AND shop_id = 7 AND deleted = 0 LIMIT 1",
        "UPDATE products p JOIN shops s ON s.id = p.shop_id SET p.name = 'A product with a long name', p.price = 12.50, \
         p.description = 'Some words about it', p.changed = NOW() WHERE p.id = 12345 AND s.id = 7 AND p.deleted = 0",
    ] {
        const ROUNDS: u32 = 20_000;
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            std::hint::black_box(change(std::hint::black_box(sql)));
        }
        let change = begun.elapsed() / ROUNDS;
        let begun = Instant::now();
        for _ in 0..ROUNDS / 10 {
            std::hint::black_box(effects(std::hint::black_box(sql)));
        }
        println!(
            "{change:?} {:?} {} bytes: {sql:.30}",
            begun.elapsed() / (ROUNDS / 10),
            sql.len()
        );
    }
}
