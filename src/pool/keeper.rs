//! The task that closes what the pool no longer needs: connections idle or alive for too long.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::metrics::CloseReason;

use super::{Pool, Pooled};

/// Starts the keeper. It holds no claim on the pool and ends with it.
pub fn start(pool: &Arc<Pool>) {
    let home = pool.workers.calm();
    pool.workers
        .handle(home)
        .spawn(keep(Arc::downgrade(pool), period(pool)));
}

/// Often enough that no limit is passed by more than a quarter, and never a busy loop.
fn period(pool: &Pool) -> Duration {
    let limits = [pool.config.idle_timeout_ms, pool.config.max_lifetime_ms];
    let shortest = limits
        .into_iter()
        .filter(|&limit| limit > 0)
        .min()
        .unwrap_or(60_000);
    Duration::from_millis((shortest / 4).clamp(50, 15_000))
}

async fn keep(pool: Weak<Pool>, period: Duration) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(pool) = pool.upgrade() else { return };
        if pool.lock().closed {
            return;
        }
        for (pooled, reason) in expired(&pool) {
            pool.retire(pooled, reason);
        }
    }
}

/// Takes out what is past a limit: too old, idle too long, or more than `maxIdle`, the longest idle first.
fn expired(pool: &Pool) -> Vec<(Pooled, CloseReason)> {
    let idle_limit = Duration::from_millis(pool.config.idle_timeout_ms);
    let lifetime = Duration::from_millis(pool.config.max_lifetime_ms);
    let now = Instant::now();
    let mut state = pool.lock();
    let surplus = state.idle.len().saturating_sub(pool.config.max_idle);
    let mut out = Vec::new();
    let mut kept = Vec::with_capacity(state.idle.len());
    // The front of the list has been idle for longest.
    for (index, idle) in std::mem::take(&mut state.idle).into_iter().enumerate() {
        let age = now.duration_since(idle.connection.opened);
        if !lifetime.is_zero() && age >= lifetime {
            out.push((idle.connection, CloseReason::Lifetime));
        } else if index < surplus
            || (!idle_limit.is_zero() && now.duration_since(idle.since) >= idle_limit)
        {
            out.push((idle.connection, CloseReason::Idle));
        } else {
            kept.push(idle);
        }
    }
    state.idle = kept;
    out
}
