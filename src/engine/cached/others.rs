//! A result that other processes may have: in Redis, or on its way there.
//!
//! Whoever finds nothing asks for the lease, and loads; others wait until they are woken, and look again. Whatever Redis
//! can not do in its time, the database does.

use std::{
    sync::{Arc, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    cache::{
        Cache,
        entry::{Entry, Times, Value},
        memory::Draft,
        places_of,
        policy::Policy,
        redis::{self, Fill, Hit, Lookup, Redis},
        remote,
    },
    call::Call,
};

use super::{
    super::{Caller, Engine},
    Load,
};

/// How often somebody waits for another process before loading by itself. A table that is always being written has no
/// result that could be shared.
const MAX_WAITS: u32 = 3;

/// A result that somebody wants.
pub struct Wanted {
    pub load: Load,
    pub call: Call,
    pub key: Box<str>,
    pub marks: Vec<Box<str>>,
}

impl Engine {
    /// Has others asked for a result. Many that are wanted at the same time wake the thread for it once.
    pub(super) fn want(self: &Arc<Self>, wanted: Wanted) {
        let is_first = {
            let mut waiting = self.lock_wanted();
            waiting.push(wanted);
            waiting.len() == 1
        };
        if is_first {
            let engine = self.clone();
            self.pool.spawn(async move {
                let waiting = std::mem::take(&mut *engine.lock_wanted());
                for wanted in waiting {
                    tokio::spawn(engine.clone().ask_others(wanted));
                }
            });
        }
    }

    fn lock_wanted(&self) -> MutexGuard<'_, Vec<Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what another process has loaded, or loads it.
    async fn ask_others(self: Arc<Self>, wanted: Wanted) {
        let Wanted {
            mut load,
            call,
            key,
            marks,
        } = wanted;
        let (Some(cache), Some(redis)) = (&self.cache, self.redis()) else {
            return self.load(call, load);
        };
        let digest = load.digest.0;
        let mut is_awaited = !load.is_alone;
        for waits in 0..=MAX_WAITS {
            let epochs = cache.ledger().epochs();
            let stamp = epochs.stamp(places_of(&marks));
            let asked = Instant::now();
            cache.flights.restamp(load.number, stamp);
            let found = if is_awaited {
                redis.lookup(&key, &digest, &marks, waits < MAX_WAITS).await
            } else {
                self.find_newer(redis, &key, &marks, &load).await
            };
            match found {
                Lookup::Hit(hit) => return self.take(cache, load, call, hit, asked),
                Lookup::Lead(fill) => {
                    load.fill = Some(fill);
                    break;
                }
                // Another process refreshes it, and that will do unless somebody has come to wait for it here.
                Lookup::Wait(_) if !is_awaited => {
                    if cache.flights.end_unless_awaited(load.number) {
                        load.forget();
                        return self.end_uncounted();
                    }
                    is_awaited = true;
                }
                Lookup::Wait(wait) if waits < MAX_WAITS => {
                    tokio::select! {
                        () = redis.woken(&wait) => {}
                        () = self.abort.wait() => break,
                    }
                }
                Lookup::Wait(_) | Lookup::Off => break,
            }
        }
        self.load(call, load);
    }

    /// What another process has loaded meanwhile, or the right to load it, for a result that is still there.
    async fn find_newer(
        &self,
        redis: &Redis,
        key: &str,
        marks: &[Box<str>],
        load: &Load,
    ) -> Lookup {
        let digest = load.digest.0;
        let asked = Instant::now();
        // The same result is not fresh for much longer there than it is here.
        let newer = load.until + load.policy.ttl / 10;
        match redis.lookup(key, &digest, marks, false).await {
            Lookup::Hit(hit) if asked + hit.fresh_for > newer => Lookup::Hit(hit),
            Lookup::Off => Lookup::Off,
            _ => redis.refresh(key, &digest, marks).await,
        }
    }

    /// Gives what Redis has, and loads it anew where it is old and nobody else does.
    fn take(
        self: &Arc<Self>,
        cache: &Cache<Caller>,
        mut load: Load,
        call: Call,
        hit: Hit,
        asked: Instant,
    ) {
        let Some(entry) = self.keep_hit(cache, &load, &hit, asked) else {
            load.fill = hit.lead;
            return self.load(call, load);
        };
        let Policy {
            stale_ttl,
            grace_ttl,
            ..
        } = *load.policy;
        let is_fresh = !hit.fresh_for.is_zero();
        let age = stale_ttl.max(grace_ttl).saturating_sub(hit.stale_for);
        if !is_fresh && age >= stale_ttl {
            // To be given if there is no other.
            cache.flights.fall_back(load.number, entry);
            load.fill = hit.lead;
            return self.load(call, load);
        }
        cache
            .counts
            .add(load.prefix, |figures| figures.remote_hits += 1);
        let refresh = (!is_fresh).then_some(hit.lead).flatten().map(|fill| Load {
            number: 0,
            digest: load.digest,
            policy: load.policy.clone(),
            prefix: load.prefix,
            is_alone: true,
            fill: Some(fill),
            until: asked,
            engine: Weak::new(),
        });
        let stamp = entry.stamp.clone();
        let given = entry.clone();
        if let Some(sleeper) = load.give(self, cache, Ok(entry), None) {
            sleeper.wake();
        }
        if let Some(mut refresh) = refresh {
            self.begin();
            refresh.number = cache
                .flights
                .begin(refresh.digest, stamp, Some(given), None);
            refresh.engine = Arc::downgrade(self);
            self.load(call, refresh);
        }
    }

    fn keep_hit(
        &self,
        cache: &Cache<Caller>,
        load: &Load,
        hit: &Hit,
        asked: Instant,
    ) -> Option<Arc<Entry>> {
        let value = remote::unpack(&hit.value, &self.row_shapes)?;
        let (stamp, _) = cache.flights.began(load.number)?;
        let fresh = asked + hit.fresh_for;
        let end = asked + hit.fresh_for + hit.stale_for;
        let Policy {
            stale_ttl,
            grace_ttl,
            ..
        } = *load.policy;
        // What is left of the longer of the two, less what the other is shorter.
        let longest = stale_ttl.max(grace_ttl);
        let less = |ttl: Duration| end.checked_sub(longest - ttl).unwrap_or(asked).max(fresh);
        let draft = Draft {
            value,
            times: Times {
                read: asked,
                took: hit.cost,
                fresh,
                stale: less(stale_ttl),
                grace: less(grace_ttl),
            },
            prefix: load.prefix,
            stamp,
        };
        if !cache.ledger().epochs().allow(&draft.stamp) {
            return Some(draft.unkept());
        }
        Some(cache.keep(load.digest, draft))
    }

    /// Stores a result for other processes, behind the answers of those who wait for it here.
    pub(super) fn share(&self, fill: Fill, value: Value, times: &Times, policy: &Policy) {
        let Some(redis) = self.redis().cloned() else {
            return;
        };
        let times = redis::Times {
            fresh: times.fresh.saturating_duration_since(Instant::now()),
            stale: policy.stale_ttl.max(policy.grace_ttl),
            cost: times.took,
        };
        self.pool.spawn(async move {
            redis.store(fill, &remote::pack(&value), times).await;
        });
    }

    /// See [`Shared::has_told_others`](crate::cache::Shared::has_told_others).
    pub async fn has_told_others(&self) -> bool {
        match &self.cache {
            Some(cache) => cache.shared.has_told_others().await,
            None => true,
        }
    }

    fn redis(&self) -> Option<&Arc<Redis>> {
        self.cache.as_ref()?.redis()
    }
}
