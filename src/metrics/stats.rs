//! The figures of a pool as the JSON object that `db.stats()` returns.

use super::{CloseReason, Gauges, Metrics, Operation, Snapshot};
use serde_json::{Map, Value, json};
use std::time::Duration;

pub fn render(metrics: &Metrics, gauges: &Gauges, cache: Option<Value>) -> String {
    let query = metrics.query.snapshot();
    let operations: Map<String, Value> = Operation::ALL
        .into_iter()
        .map(|operation| {
            (
                operation.label().to_owned(),
                latency(&metrics.query.of(operation).snapshot()),
            )
        })
        .collect();
    let closed: Map<String, Value> = CloseReason::ALL
        .into_iter()
        .map(|reason| {
            (
                reason.label().to_owned(),
                metrics.connections_closed.of(reason).get().into(),
            )
        })
        .collect();
    // One reading of the map serves the total and the list, so that they agree.
    let errors = metrics.errors.by_code();
    let mut stats = json!({
        "pool": {
            "total": gauges.total,
            "active": gauges.active,
            "idle": gauges.idle,
            "waiting": gauges.waiting,
            "limit": gauges.limit,
            "undeliveredBytes": gauges.undelivered_bytes,
            "inFlight": gauges.in_flight,
        },
        "queries": {
            "total": query.count(),
            "errors": errors.values().sum::<u64>(),
            "timeouts": metrics.timeouts.get(),
            "slow": metrics.slow_queries.get(),
            "rows": metrics.rows.get(),
            "resultBytes": metrics.result_bytes.get(),
        },
        "latency": {
            "query": latency(&query),
            "acquire": latency(&metrics.acquire.snapshot()),
            "connect": latency(&metrics.connect.snapshot()),
            "operations": operations,
        },
        "connections": {
            "created": metrics.connections_created.get(),
            "closed": closed,
            "resets": metrics.resets.get(),
            "rollbacks": metrics.rollbacks.get(),
        },
        "statements": {
            "prepared": metrics.statements_prepared.get(),
            "cacheHits": metrics.statement_cache_hits.get(),
            "cacheMisses": metrics.statement_cache_misses.get(),
            "pipelined": metrics.statements_pipelined.get(),
        },
        "errors": errors,
    });
    if let Some(cache) = cache {
        stats["cache"] = cache;
    }
    stats.to_string()
}

fn latency(snapshot: &Snapshot) -> Value {
    json!({
        "count": snapshot.count(),
        "meanMs": milliseconds(snapshot.mean()),
        "p50Ms": milliseconds(snapshot.quantile(0.5)),
        "p95Ms": milliseconds(snapshot.quantile(0.95)),
        "p99Ms": milliseconds(snapshot.quantile(0.99)),
        "maxMs": milliseconds(snapshot.max()),
    })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(metrics: &Metrics, gauges: &Gauges) -> Value {
        serde_json::from_str(&render(metrics, gauges, None)).unwrap()
    }

    #[test]
    fn every_figure_stands_under_its_own_name() {
        let metrics = Metrics::new();
        metrics
            .query
            .of(Operation::Json)
            .observe(Duration::from_micros(1_500));
        metrics
            .query
            .of(Operation::Paginate)
            .observe(Duration::from_micros(2_500));
        metrics.acquire.observe(Duration::from_micros(250));
        metrics.connect.observe(Duration::from_millis(7));
        metrics.connections_created.add(1);
        metrics.connections_closed.of(CloseReason::Lifetime).add(2);
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
        metrics.errors.record("ER_DUP_ENTRY");
        metrics.errors.record("ER_DUP_ENTRY");
        metrics.errors.record("HEGAR_POOL_TIMEOUT");
        let gauges = Gauges {
            total: 11,
            active: 12,
            idle: 13,
            waiting: 14,
            limit: 15,
            undelivered_bytes: 16,
            in_flight: 17,
        };
        let idle = json!({"count": 0, "meanMs": 0.0, "p50Ms": 0.0, "p95Ms": 0.0, "p99Ms": 0.0, "maxMs": 0.0});
        let once = |p: f64, ms: f64| json!({"count": 1, "meanMs": ms, "p50Ms": p, "p95Ms": p, "p99Ms": p, "maxMs": ms});
        assert_eq!(
            rendered(&metrics, &gauges),
            json!({
                "pool": {"total": 11, "active": 12, "idle": 13, "waiting": 14, "limit": 15,
                         "undeliveredBytes": 16, "inFlight": 17},
                "queries": {"total": 2, "errors": 3, "timeouts": 6, "slow": 7, "rows": 4, "resultBytes": 5},
                "latency": {
                    "query": {"count": 2, "meanMs": 2.0, "p50Ms": 1.475, "p95Ms": 2.45, "p99Ms": 2.45, "maxMs": 2.5},
                    "acquire": once(0.245, 0.25),
                    "connect": once(6.875, 7.0),
                    "operations": {"query": idle, "execute": idle,
                                   "json": once(1.475, 1.5), "paginate": once(2.45, 2.5),
                                   "batch": idle, "transaction": idle, "stream": idle},
                },
                "connections": {"created": 1, "resets": 3, "rollbacks": 19, "closed": {"idle": 0, "lifetime": 2, "error": 0,
                                "reset": 0, "closed": 0, "timeout": 0}},
                "statements": {"prepared": 8, "cacheHits": 9, "cacheMisses": 10, "pipelined": 18},
                "errors": {"ER_DUP_ENTRY": 2, "HEGAR_POOL_TIMEOUT": 1},
            })
        );
    }

    #[test]
    fn an_unused_pool_reports_numbers_and_no_errors() {
        let stats = rendered(&Metrics::new(), &Gauges::default());
        assert_eq!(stats["queries"]["total"], 0);
        assert_eq!(stats["latency"]["query"]["p99Ms"], 0.0);
        assert_eq!(stats["errors"], json!({}));
    }
}
