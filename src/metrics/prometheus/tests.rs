use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// A series: the sample's name and its labels.
type Series = (String, BTreeMap<String, String>);

/// What a scraper would keep of a page.
#[derive(Default)]
struct Scrape {
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<Series, f64>,
}

impl Scrape {
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let series = (name.to_owned(), labels);
        *self
            .samples
            .get(&series)
            .unwrap_or_else(|| panic!("no series {series:?}"))
    }
}

/// Reads the text format from its published grammar, and refuses what a scraper would refuse: a
/// sample outside its declaration, a second declaration, a series that occurs twice.
fn scrape(text: &str) -> Result<Scrape, String> {
    let body = text
        .strip_suffix('\n')
        .ok_or("the text does not end in a newline")?;
    let mut found = Scrape::default();
    let mut helped = BTreeSet::new();
    let mut family = String::new();
    for line in body.split('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest
                .split_once(' ')
                .ok_or(format!("no help text: {line}"))?;
            if help.is_empty() || !helped.insert(name.to_owned()) {
                return Err(format!("empty or second HELP: {line}"));
            }
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or(format!("no type: {line}"))?;
            if !is_name(name) || !["counter", "gauge", "histogram"].contains(&kind) {
                return Err(format!("bad TYPE: {line}"));
            }
            if found
                .kinds
                .insert(name.to_owned(), kind.to_owned())
                .is_some()
            {
                return Err(format!("second TYPE: {line}"));
            }
            family = name.to_owned();
        } else {
            let (series, value) = sample(line)?;
            let kind = found.kinds.get(&family).map_or("", String::as_str);
            let suffixes: &[&str] = if kind == "histogram" {
                &["_bucket", "_sum", "_count"]
            } else {
                &[""]
            };
            if !suffixes
                .iter()
                .any(|suffix| series.0 == format!("{family}{suffix}"))
            {
                return Err(format!("outside its declaration: {line}"));
            }
            if found.samples.insert(series, value).is_some() {
                return Err(format!("second time: {line}"));
            }
        }
    }
    if helped.iter().ne(found.kinds.keys()) {
        return Err("HELP and TYPE do not pair up".to_owned());
    }
    Ok(found)
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `name{label="value",…} number`
fn sample(line: &str) -> Result<(Series, f64), String> {
    let wrong = |what: &str| format!("{what}: {line}");
    let (name, rest) = line.split_once('{').ok_or(wrong("no labels"))?;
    if !is_name(name) {
        return Err(wrong("bad name"));
    }
    let mut labels = BTreeMap::new();
    let mut rest = rest;
    loop {
        let (label, after) = rest.split_once("=\"").ok_or(wrong("no label value"))?;
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().ok_or(wrong("value not closed"))? {
                (at, '"') => break at,
                (_, '\\') => value.push(match characters.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, c @ ('\\' | '"'))) => c,
                    _ => return Err(wrong("bad escape")),
                }),
                (_, c) => value.push(c),
            }
        };
        if !is_name(label) || labels.insert(label.to_owned(), value).is_some() {
            return Err(wrong("bad or second label"));
        }
        match after[end + 1..].split_at_checked(1) {
            Some((",", more)) => rest = more,
            Some(("}", number)) => {
                let number = number.strip_prefix(' ').ok_or(wrong("no space"))?;
                let number = number.parse().map_err(|_| wrong("no number"))?;
                return Ok(((name.to_owned(), labels), number));
            }
            _ => return Err(wrong("labels not closed")),
        }
    }
}

fn used() -> Metrics {
    let metrics = Metrics::new();
    for micros in [400, 1_000, 1_001, 5_000, 49_999, 700_000, 60_000_000] {
        metrics
            .query
            .of(Operation::Query)
            .observe(Duration::from_micros(micros));
    }
    metrics
        .query
        .of(Operation::Json)
        .observe(Duration::from_nanos(2_000_000_001));
    metrics.acquire.observe(Duration::from_micros(30));
    metrics.connect.observe(Duration::from_millis(8));
    metrics.rows.add(123);
    metrics.connections_closed.of(CloseReason::Idle).increment();
    metrics.errors.record("ER_DUP_ENTRY");
    metrics
}

#[test]
fn the_page_follows_the_grammar_for_any_pool_label() {
    for label in [
        "main",
        "",
        "a\"b",
        "c:\\d\\",
        "two\nlines",
        "}{,=\" 1",
        "gudang – 倉庫",
        "# EOF",
    ] {
        let text = used().prometheus(&Gauges::default(), label);
        let page = scrape(&text).unwrap_or_else(|error| panic!("{label:?}: {error}"));
        assert!(
            page.samples
                .keys()
                .all(|(_, labels)| labels.get("pool").is_some_and(|l| l == label))
        );
    }
}

#[test]
fn the_reader_of_these_tests_refuses_broken_pages() {
    let head = "# HELP a_total x\n# TYPE a_total counter\n";
    assert!(scrape(&format!("{head}a_total{{p=\"1\"}} 2\n")).is_ok());
    for bad in [
        "a_total{p=\"1\"} 2",
        "a_total{p=\"1\"} 2\na_total{p=\"1\"} 3\n",
        "a_total{p=\"1} 2\n",
        "a_total{p=\"1\"}2\n",
        "a_total{p=\"\\x\"} 2\n",
        "b_total{p=\"1\"} 2\n",
        "# TYPE a_total counter\n",
        "# EOF\n",
        "\n",
    ] {
        assert!(scrape(&format!("{head}{bad}")).is_err(), "{bad:?}");
    }
}

#[test]
fn buckets_are_cumulative_inclusive_and_exact() {
    let page = scrape(&used().prometheus(&Gauges::default(), "main")).unwrap();
    let name = "database_query_duration_seconds";
    let labels = [("pool", "main"), ("operation", "query")];
    let bucket = |le| {
        page.value(
            &format!("{name}_bucket"),
            &[&labels[..], &[("le", le)]].concat(),
        )
    };
    let bounds = [
        "0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1", "5", "10", "+Inf",
    ];
    assert_eq!(
        bounds.map(bucket),
        [2.0, 4.0, 4.0, 5.0, 5.0, 5.0, 6.0, 6.0, 6.0, 7.0]
    );
    assert_eq!(page.value(&format!("{name}_count"), &labels), 7.0);
    assert_eq!(page.value(&format!("{name}_sum"), &labels), 60.7574);
}

#[test]
fn every_bucket_label_says_the_bound_it_counts_to() {
    for (bound, label) in BOUNDS {
        assert_eq!(label.parse::<f64>().map(Duration::from_secs_f64), Ok(bound));
    }
}

#[test]
fn a_sum_keeps_its_nanoseconds() {
    let text = used().prometheus(&Gauges::default(), "main");
    let line =
        "database_query_duration_seconds_sum{pool=\"main\",operation=\"json\"} 2.000000001\n";
    assert!(text.contains(line));
}

#[test]
fn names_of_counters_end_in_total_and_names_of_times_in_seconds() {
    let page = scrape(&used().prometheus(&Gauges::default(), "main")).unwrap();
    for (name, kind) in &page.kinds {
        assert!(name.starts_with("database_"), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        assert_eq!(name.ends_with("_seconds"), kind == "histogram", "{name}");
    }
}

#[test]
fn every_gauge_and_counter_reaches_its_own_series() {
    let metrics = Metrics::new();
    metrics.connections_created.add(1);
    metrics.connections_closed.of(CloseReason::Timeout).add(2);
    metrics.resets.add(3);
    metrics.rows.add(4);
    metrics.result_bytes.add(5);
    metrics.timeouts.add(6);
    metrics.slow_queries.add(7);
    metrics.statements_prepared.add(8);
    metrics.statement_cache_hits.add(9);
    metrics.statement_cache_misses.add(10);
    metrics.statements_pipelined.add(18);
    metrics.rollbacks.add(19);
    (0..11).for_each(|_| metrics.errors.record("ER_DUP_ENTRY"));
    let gauges = Gauges {
        total: 26,
        active: 12,
        idle: 13,
        waiting: 14,
        limit: 15,
        undelivered_bytes: 16,
        in_flight: 17,
    };
    let page = scrape(&metrics.prometheus(&gauges, "p")).unwrap();
    let pool = ("pool", "p");
    for (name, value) in [
        ("database_connections_created_total", 1.0),
        ("database_connection_resets_total", 3.0),
        ("database_connection_rollbacks_total", 19.0),
        ("database_rows_total", 4.0),
        ("database_result_bytes_total", 5.0),
        ("database_timeouts_total", 6.0),
        ("database_slow_queries_total", 7.0),
        ("database_statements_prepared_total", 8.0),
        ("database_statement_cache_hits_total", 9.0),
        ("database_statement_cache_misses_total", 10.0),
        ("database_statements_pipelined_total", 18.0),
        ("database_pool_waiting", 14.0),
        ("database_pool_connections_limit", 15.0),
        ("database_undelivered_bytes", 16.0),
        ("database_queries_in_flight", 17.0),
    ] {
        assert_eq!(page.value(name, &[pool]), value, "{name}");
    }
    assert_eq!(
        page.value(
            "database_connections_closed_total",
            &[pool, ("reason", "timeout")]
        ),
        2.0
    );
    assert_eq!(
        page.value("database_errors_total", &[pool, ("code", "ER_DUP_ENTRY")]),
        11.0
    );
    assert_eq!(
        page.value("database_pool_connections", &[pool, ("state", "active")]),
        12.0
    );
    assert_eq!(
        page.value("database_pool_connections", &[pool, ("state", "idle")]),
        13.0
    );
}

#[test]
fn several_pools_share_one_declaration_of_each_metric() {
    let (first, second) = (used(), Metrics::new());
    let gauges = Gauges {
        active: 3,
        ..Gauges::default()
    };
    let text = exposition(&[
        Source {
            label: "first",
            metrics: &first,
            gauges,
        },
        Source {
            label: "second",
            metrics: &second,
            gauges: Gauges::default(),
        },
    ]);
    let page = scrape(&text).unwrap();
    assert_eq!(
        page.value("database_rows_total", &[("pool", "first")]),
        123.0
    );
    assert_eq!(
        page.value("database_rows_total", &[("pool", "second")]),
        0.0
    );
    assert_eq!(
        page.value(
            "database_pool_connections",
            &[("pool", "first"), ("state", "active")]
        ),
        3.0
    );
}

#[test]
fn the_page_may_follow_another_exposition() {
    let other = "# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n\
                 http_requests_total{method=\"GET\"} 5\n";
    let page =
        scrape(&(other.to_owned() + &used().prometheus(&Gauges::default(), "main"))).unwrap();
    assert_eq!(page.value("http_requests_total", &[("method", "GET")]), 5.0);
    assert_eq!(
        page.value("database_rows_total", &[("pool", "main")]),
        123.0
    );
}
