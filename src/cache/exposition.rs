//! The figures of a cache in Prometheus' text format, to follow those of its pool.

use std::fmt::{Display, Write};

use crate::metrics::escape;

use super::{Cache, counts::Figures};

impl<W> Cache<W> {
    /// The figures as text that ends in a newline; nothing before the cache has been used. `pool` is the pool's label.
    pub fn exposition(&self, pool: &str) -> String {
        let (prefixes, bypassed, evicted) = self.counts.read();
        let mut page = Page {
            text: String::new(),
            pool,
        };
        if prefixes.is_empty() && bypassed.is_empty() {
            return page.text;
        }
        let name = "database_cache_results_total";
        page.declare(
            name,
            "counter",
            "Cached calls by where their result came from, and loads.",
        );
        for (prefix, figures) in &prefixes {
            for (outcome, count) in outcomes(figures) {
                page.sample(name, &[("prefix", prefix), ("outcome", outcome)], count);
            }
        }
        let name = "database_cache_bypassed_total";
        page.declare(
            name,
            "counter",
            "Cached calls that went past the cache, by reason.",
        );
        for (reason, count) in &bypassed {
            page.sample(name, &[("reason", reason)], count);
        }
        let name = "database_cache_evicted_total";
        page.declare(name, "counter", "Results forgotten to make room.");
        page.sample(name, &[], evicted);
        let name = "database_cache_entries";
        page.declare(name, "gauge", "Results in the memory of the process.");
        page.sample(name, &[], self.memory.entries());
        let name = "database_cache_bytes";
        page.declare(name, "gauge", "Memory of these results.");
        page.sample(name, &[], self.memory.bytes());
        page.text
    }
}

/// Each call is one of the first five; what else was done for them follows.
fn outcomes(figures: &Figures) -> [(&'static str, u64); 9] {
    [
        ("hit", figures.hits.saturating_sub(figures.stale)),
        ("stale", figures.stale),
        ("grace", figures.grace),
        ("remote", figures.remote_hits),
        ("joined", figures.joined),
        ("loaded", figures.loads),
        ("failed", figures.errors),
        ("fenced", figures.fenced),
        ("too_large", figures.too_large),
    ]
}

struct Page<'a> {
    text: String,
    pool: &'a str,
}

impl Page<'_> {
    fn declare(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(name);
        self.text.push('{');
        for (label, value) in std::iter::once(&("pool", self.pool)).chain(labels) {
            if !self.text.ends_with('{') {
                self.text.push(',');
            }
            self.text.push_str(label);
            self.text.push_str("=\"");
            escape(value, &mut self.text);
            self.text.push('"');
        }
        let _ = writeln!(self.text, "}} {value}");
    }
}
