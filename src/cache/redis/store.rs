//! Storing what was loaded, unless something was written meanwhile.

use std::time::{Duration, Instant};

use fred::{
    clients::{Client, WithOptions},
    error::Error,
    types::{Key, Value},
};
use tokio::time::timeout;

use super::{
    Redis,
    entry::{Fill, Times},
    keys::hex,
    leases::Lease,
    payload, scripts,
    scripts::{Script, binary, millis},
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
        ];
        args.extend(fill.marks.iter().map(|mark| Value::from(&**mark)));
        let Some(answer) = self.call(&scripts::STORE, &link, keys, args).await else {
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

    /// Runs a script within the deadline of a query.
    pub(super) async fn call(
        &self,
        script: &Script,
        link: &WithOptions<Client>,
        keys: Vec<Key>,
        args: Vec<Value>,
    ) -> Option<Value> {
        let core = &self.core;
        // Around the client too: it retries where it should not.
        let answer = timeout(core.config.command_timeout(), script.call(link, keys, args)).await;
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
