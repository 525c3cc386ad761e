//! Looking a value up, and the right to load it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fred::{
    clients::{Client, WithOptions},
    types::{Key, Value},
};

use super::{
    Digest, Redis,
    answer::{Answer, Found},
    glance::{glance, pack},
    leases::Lease,
    outbox::{EVERYTHING, is_plain},
    payload, scripts,
    scripts::{binary, number},
    stats::{add, count},
};

/// An entry with more marks than this is not stored: each lookup would pay for them.
const MOST_MARKS: usize = 100;

/// What Redis says about a value.
#[derive(Debug)]
pub enum Lookup {
    Hit(Hit),
    /// Nobody loads it: load it, then [`Redis::store`] it. Dropping the fill gives up.
    Lead(Fill),
    /// Another process loads it: [`Redis::woken`] says when to ask again.
    Wait(Wait),
    /// Redis is of no use for this now: load it and keep it out of Redis.
    Off,
}

/// A value that no write has touched since it was read.
#[derive(Debug)]
pub struct Hit {
    pub value: Bytes,
    /// Zero when it should be refreshed.
    pub fresh_for: Duration,
    /// How long it may still be used after that.
    pub stale_for: Duration,
    /// What it took to load.
    pub cost: Duration,
    /// Set when the value is not fresh, the caller may lead, and nobody else refreshes it.
    pub lead: Option<Fill>,
}

/// The right to store what is loaded from now on. Dropped, others are woken.
#[derive(Debug)]
pub struct Fill {
    pub(super) key: Key,
    pub(super) digest: Digest,
    pub(super) marks: Vec<Box<str>>,
    /// The era and the epochs from before the load.
    pub(super) stamp: Value,
    /// None for a caller that may not lead.
    pub(super) lease: Option<Lease>,
}

/// That another process loads the value.
#[derive(Debug, Clone)]
pub struct Wait {
    pub(super) digest: Digest,
    pub(super) since: u64,
    /// Until the lease of the other process is over, unless it is renewed.
    pub left: Duration,
}

/// How long a value lasts.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub fresh: Duration,
    /// After that, while it is refreshed or the database is away.
    pub stale: Duration,
    /// What it took to load.
    pub cost: Duration,
}

#[derive(Debug, Clone, Copy)]
enum Asked {
    Read,
    Lead,
    Refresh,
}

impl Redis {
    /// Looks for the value of `key`, which must be of the same `digest`. Without `may_lead` a miss is a `Lead` that holds
    /// no lease, for callers that load in any case.
    pub async fn lookup(
        &self,
        key: &str,
        digest: &Digest,
        marks: &[Box<str>],
        may_lead: bool,
    ) -> Lookup {
        let asked = if may_lead { Asked::Lead } else { Asked::Read };
        self.ask(key, digest, marks, asked).await
    }

    /// Asks for the right to load a value that is still there, before it grows old. Never a `Hit`.
    pub async fn refresh(&self, key: &str, digest: &Digest, marks: &[Box<str>]) -> Lookup {
        self.ask(key, digest, marks, Asked::Refresh).await
    }

    async fn ask(&self, key: &str, digest: &Digest, marks: &[Box<str>], asked: Asked) -> Lookup {
        let found = match self.prepare(key, marks) {
            Some((link, key, marks)) => self.look(&link, key, digest, marks, asked).await,
            None => Lookup::Off,
        };
        let counters = &self.core.counters;
        count(match &found {
            Lookup::Hit(_) => &counters.hits,
            Lookup::Lead(_) => &counters.misses,
            Lookup::Wait(_) => &counters.waits,
            Lookup::Off => &counters.off,
        });
        found
    }

    /// Looks first, and asks for a lease when there is nothing.
    async fn look(
        &self,
        link: &WithOptions<Client>,
        key: Key,
        digest: &Digest,
        marks: Vec<Box<str>>,
        asked: Asked,
    ) -> Lookup {
        let core = &self.core;
        let deadline = Instant::now() + core.config.command_timeout();
        if matches!(asked, Asked::Refresh) {
            return self
                .ask_redis(link, key, digest, marks, asked, deadline)
                .await;
        }
        let packed = pack(&marks);
        let look = glance(link, &core.keys.epochs, &key, digest, &marks, &packed);
        let Some(found) = self.within(deadline, look).await else {
            return Lookup::Off;
        };
        let asked = match found {
            // A stale value asks for the lease as well, and gets both.
            Some(found) if found.left > found.stale || matches!(asked, Asked::Read) => {
                match self.hit(found, None) {
                    Some(hit) => return hit,
                    None if matches!(asked, Asked::Read) => return Lookup::Off,
                    None => Asked::Refresh,
                }
            }
            _ => asked,
        };
        self.ask_redis(link, key, digest, marks, asked, deadline)
            .await
    }

    /// The hit that was found; nothing when it is nothing of ours, and should be overwritten.
    fn hit(&self, found: Found, lead: Option<Fill>) -> Option<Lookup> {
        let core = &self.core;
        let Some(value) = payload::unpack(&found.payload, core.config.max_value_bytes) else {
            count(&core.counters.errors);
            return lead.map(Lookup::Lead);
        };
        add(&core.counters.bytes_read, found.payload.len());
        Some(Lookup::Hit(Hit {
            value,
            fresh_for: found.left.saturating_sub(found.stale),
            stale_for: found.left.min(found.stale),
            cost: found.cost,
            lead,
        }))
    }

    /// What is needed to ask, unless there is no sense in it.
    fn prepare(
        &self,
        key: &str,
        marks: &[Box<str>],
    ) -> Option<(WithOptions<Client>, Key, Vec<Box<str>>)> {
        let core = &self.core;
        let link = core.link()?;
        let key = core.keys.entry(key)?;
        let usable = marks.len() <= MOST_MARKS
            && marks.iter().all(|mark| is_plain(mark))
            && core.outbox.is_clear(marks)
            && core.breaker.passes(Instant::now());
        let mut marks = usable.then(|| marks.to_vec())?;
        if !marks.iter().any(|mark| **mark == *EVERYTHING) {
            marks.push(EVERYTHING.into());
        }
        // Entries remember theirs in this order.
        marks.sort_unstable();
        Some((link, key, marks))
    }

    async fn ask_redis(
        &self,
        link: &WithOptions<Client>,
        key: Key,
        digest: &Digest,
        marks: Vec<Box<str>>,
        asked: Asked,
        deadline: Instant,
    ) -> Lookup {
        let core = &self.core;
        let since = core.wakes.so_far();
        let lease = (!matches!(asked, Asked::Read)).then(|| Lease::ask(core, *digest));
        let keys = vec![
            core.keys.epochs.clone(),
            key.clone(),
            core.keys.lease(digest),
        ];
        let mut args: Vec<Value> = vec![
            match asked {
                Asked::Read => "read",
                Asked::Lead => "lead",
                Asked::Refresh => "refresh",
            }
            .into(),
            binary(digest),
            lease.as_ref().map(Lease::holder).unwrap_or_default().into(),
            number(core.config.lease_ms.max(1)),
        ];
        args.extend(marks.iter().map(|mark| Value::from(&**mark)));
        // A lease that is asked for and not granted in time is given back when it is dropped here.
        let question = scripts::LOOKUP.call(link, keys, args);
        let Some(answer) = self.within(deadline, question).await else {
            return Lookup::Off;
        };
        let fill = |stamp: Value, lease: Option<Lease>| Fill {
            key,
            digest: *digest,
            marks,
            stamp,
            lease: lease.map(Lease::granted),
        };
        match Answer::of(answer) {
            Answer::Hit(mut found) => {
                let lead = match found.stamp.take() {
                    Some(stamp) => Some(fill(stamp, lease)),
                    None => {
                        lease.into_iter().for_each(Lease::over);
                        None
                    }
                };
                self.hit(found, lead).unwrap_or(Lookup::Off)
            }
            Answer::Lead(stamp) => Lookup::Lead(fill(stamp, lease)),
            Answer::Wait(left) => {
                lease.into_iter().for_each(Lease::over);
                Lookup::Wait(Wait {
                    digest: *digest,
                    since,
                    left,
                })
            }
            Answer::Off => {
                lease.into_iter().for_each(Lease::over);
                Lookup::Off
            }
        }
    }
}
