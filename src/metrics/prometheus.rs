//! The metrics of one or more pools in Prometheus' text format 0.0.4.
//!
//! It is not OpenMetrics: there is no `# EOF`, so the text may follow or precede any other exposition
//! that does not declare the same names. A metric is declared once, whatever the number of pools.

use super::{CloseReason, Counter, Gauges, Metrics, Operation, Snapshot};
use std::fmt::{Display, Write};
use std::time::Duration;

/// A pool to be rendered, told apart from others by its label.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The value of the label `pool`; any text, it is escaped.
    pub label: &'a str,
    pub metrics: &'a Metrics,
    pub gauges: Gauges,
}

/// Renders all pools into one text that ends in a newline. Labels must differ between pools, or
/// their series would be the same.
pub fn exposition(pools: &[Source<'_>]) -> String {
    let mut page = Page {
        text: String::with_capacity(8_192),
        pools,
    };
    page.durations();
    page.gauges();
    page.counters();
    page.text
}

/// The buckets that OpenTelemetry advises for database calls, as durations and as label values.
const BOUNDS: [(Duration, &str); 9] = [
    (Duration::from_millis(1), "0.001"),
    (Duration::from_millis(5), "0.005"),
    (Duration::from_millis(10), "0.01"),
    (Duration::from_millis(50), "0.05"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_millis(500), "0.5"),
    (Duration::from_secs(1), "1"),
    (Duration::from_secs(5), "5"),
    (Duration::from_secs(10), "10"),
];

type Label<'a> = (&'a str, &'a str);

struct Page<'a> {
    text: String,
    pools: &'a [Source<'a>],
}

impl<'a> Page<'a> {
    fn durations(&mut self) {
        let name = "database_query_duration_seconds";
        self.declare(
            name,
            "histogram",
            "Duration of database queries in seconds, failed ones included.",
        );
        for pool in self.pools {
            for operation in Operation::ALL {
                let snapshot = pool.metrics.query.of(operation).snapshot();
                self.histogram(
                    name,
                    &[("pool", pool.label), ("operation", operation.label())],
                    &snapshot,
                );
            }
        }
        let name = "database_pool_acquire_duration_seconds";
        self.declare(
            name,
            "histogram",
            "Time calls waited for a connection of the pool, in seconds.",
        );
        for pool in self.pools {
            self.histogram(
                name,
                &[("pool", pool.label)],
                &pool.metrics.acquire.snapshot(),
            );
        }
        let name = "database_pool_connect_duration_seconds";
        self.declare(
            name,
            "histogram",
            "Time to open a connection, handshake included, in seconds.",
        );
        for pool in self.pools {
            self.histogram(
                name,
                &[("pool", pool.label)],
                &pool.metrics.connect.snapshot(),
            );
        }
    }

    fn gauges(&mut self) {
        let name = "database_pool_connections";
        self.declare(name, "gauge", "Open connections of the pool by state.");
        for pool in self.pools {
            for (state, value) in [("active", pool.gauges.active), ("idle", pool.gauges.idle)] {
                self.sample(name, "", &[("pool", pool.label), ("state", state)], value);
            }
        }
        self.gauge(
            "database_pool_connections_limit",
            "Most connections the pool may open.",
            |g| g.limit,
        );
        self.gauge(
            "database_pool_waiting",
            "Calls waiting for a connection.",
            |g| g.waiting,
        );
        self.gauge(
            "database_queries_in_flight",
            "Calls begun and not yet settled.",
            |g| g.in_flight,
        );
        self.gauge(
            "database_undelivered_bytes",
            "Bytes of finished results that JavaScript has not taken yet.",
            |g| g.undelivered_bytes,
        );
    }

    fn counters(&mut self) {
        let name = "database_errors_total";
        self.declare(name, "counter", "Failed calls by error code.");
        for pool in self.pools {
            for (code, count) in pool.metrics.errors.by_code() {
                self.sample(name, "", &[("pool", pool.label), ("code", &code)], count);
            }
        }
        let name = "database_connections_closed_total";
        self.declare(name, "counter", "Connections closed by reason.");
        for pool in self.pools {
            for reason in CloseReason::ALL {
                let count = pool.metrics.connections_closed.of(reason).get();
                self.sample(
                    name,
                    "",
                    &[("pool", pool.label), ("reason", reason.label())],
                    count,
                );
            }
        }
        self.counter(
            "database_connections_created_total",
            "Connections opened.",
            |m| &m.connections_created,
        );
        self.counter(
            "database_connection_resets_total",
            "Sessions reset before reuse.",
            |m| &m.resets,
        );
        self.counter(
            "database_connection_rollbacks_total",
            "Transactions left open by whoever gave a connection back.",
            |m| &m.rollbacks,
        );
        self.counter("database_rows_total", "Rows received.", |m| &m.rows);
        self.counter(
            "database_result_bytes_total",
            "Bytes of rows received.",
            |m| &m.result_bytes,
        );
        self.counter(
            "database_timeouts_total",
            "Calls that missed a deadline.",
            |m| &m.timeouts,
        );
        self.counter(
            "database_slow_queries_total",
            "Calls over the slow query limit.",
            |m| &m.slow_queries,
        );
        self.counter(
            "database_statements_prepared_total",
            "Statements prepared.",
            |m| &m.statements_prepared,
        );
        self.counter(
            "database_statement_cache_hits_total",
            "Statements found prepared.",
            |m| &m.statement_cache_hits,
        );
        self.counter(
            "database_statement_cache_misses_total",
            "Statements not found prepared.",
            |m| &m.statement_cache_misses,
        );
        self.counter(
            "database_statements_pipelined_total",
            "Executions sent in one write with others.",
            |m| &m.statements_pipelined,
        );
    }

    fn gauge(&mut self, name: &str, help: &str, read: fn(&Gauges) -> u64) {
        self.declare(name, "gauge", help);
        for pool in self.pools {
            self.sample(name, "", &[("pool", pool.label)], read(&pool.gauges));
        }
    }

    fn counter(&mut self, name: &str, help: &str, read: fn(&Metrics) -> &Counter) {
        self.declare(name, "counter", help);
        for pool in self.pools {
            self.sample(name, "", &[("pool", pool.label)], read(pool.metrics).get());
        }
    }

    fn histogram(&mut self, name: &str, labels: &[Label<'_>], snapshot: &Snapshot) {
        for (bound, text) in BOUNDS {
            let labels = [labels, &[("le", text)]].concat();
            self.sample(name, "_bucket", &labels, snapshot.count_up_to(bound));
        }
        self.sample(
            name,
            "_bucket",
            &[labels, &[("le", "+Inf")]].concat(),
            snapshot.count(),
        );
        let sum = snapshot.sum();
        // All nine digits, because a float would lose nanoseconds after some months.
        self.sample(
            name,
            "_sum",
            labels,
            format_args!("{}.{:09}", sum.as_secs(), sum.subsec_nanos()),
        );
        self.sample(name, "_count", labels, snapshot.count());
    }

    fn declare(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &[Label<'_>], value: impl Display) {
        self.text.push_str(name);
        self.text.push_str(suffix);
        for (index, (label, value)) in labels.iter().enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            self.text.push_str(label);
            self.text.push_str("=\"");
            self.escape(value);
            self.text.push('"');
        }
        // Every series carries at least the pool's label, so there is always a brace to close.
        let _ = writeln!(self.text, "}} {value}");
    }

    fn escape(&mut self, value: &str) {
        escape(value, &mut self.text);
    }
}

/// Writes the value of a label.
pub fn escape(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests;
