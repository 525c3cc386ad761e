//! Storing what was loaded, unless something was written meanwhile.

use std::time::{Duration, Instant};

use fred::{error::Error, types::Value};
use tokio::time::timeout_at;

use super::{
    Redis,
    entry::{Fill, Times},
    glance::pack,
    keys::hex,
    leases::Lease,
    payload, scripts,
    scripts::{binary, millis},
    stats::{add, count},
};

impl Redis {
    /// Stores what was loaded for `fill` and wakes who waits. False when something was written meanwhile, by anybody, or
    /// Redis did not take it.
    pub async fn store(&self, fill: Fill, value: &[u8], times: Times) -> bool {
        let core = &self.core;
        let life = times.fresh + times.stale;
        if value.len() > core.config.max_value_bytes || life < Duration::from_millis(1) {
            return false;
        }
        if !core.outbox.is_clear(&fill.marks) {
            count(&core.counters.fenced);
            return false;
        }
        let Some(link) = core.link().filter(|_| core.breaker.passes(Instant::now())) else {
            return false;
        };
        let payload = payload::pack(value, core.config.compress_from_bytes);
        let written = payload.len();
        let keys = vec![
            core.keys.epochs.clone(),
            fill.key.clone(),
            core.keys.lease(&fill.digest),
        ];
        let mut args: Vec<Value> = vec![
            binary(&fill.digest),
            fill.lease
                .as_ref()
                .map(Lease::holder)
                .unwrap_or_default()
                .into(),
            fill.stamp.clone(),
            millis(life),
            millis(times.stale),
            millis(times.cost),
            Value::Bytes(payload),
            core.keys.wake.clone().into(),
            hex(&fill.digest).into(),
            Value::Bytes(pack(&fill.marks)),
        ];
        args.extend(fill.marks.iter().map(|mark| Value::from(&**mark)));
        let deadline = Instant::now() + core.config.command_timeout();
        let question = scripts::STORE.call(&link, keys, args);
        let Some(answer) = self.within(deadline, question).await else {
            return false;
        };
        fill.lease.into_iter().for_each(Lease::over);
        let stored = answer.as_u64() == Some(1);
        if stored {
            count(&core.counters.stores);
            add(&core.counters.bytes_written, written);
        } else {
            count(&core.counters.fenced);
        }
        stored
    }

    /// The load failed, or is not to be stored: others are woken. The same as to drop the fill.
    pub fn abandon(&self, fill: Fill) {
        drop(fill);
    }

    /// The answer to a question, unless the deadline of the query comes first.
    pub(super) async fn within<T>(
        &self,
        deadline: Instant,
        question: impl Future<Output = std::result::Result<T, Error>>,
    ) -> Option<T> {
        let core = &self.core;
        // Around the client too: it retries where it should not.
        let answer = timeout_at(deadline.into(), question).await;
        match answer {
            Ok(Ok(answer)) => {
                core.breaker.succeeded();
                Some(answer)
            }
            Ok(Err(error)) => {
                count(&core.counters.errors);
                core.counters.note(&error.to_string());
                // A full Redis answers in time, and what it has is good.
                if is_full(&error) {
                    core.breaker.succeeded();
                } else {
                    core.breaker.failed(Instant::now());
                }
                None
            }
            Err(_) => {
                count(&core.counters.timeouts);
                core.breaker.failed(Instant::now());
                None
            }
        }
    }
}

fn is_full(error: &Error) -> bool {
    error.details().starts_with("OOM")
}
