//! What `lua/lookup.lua` answers.

use std::time::Duration;

use bytes::Bytes;
use fred::types::Value;

/// One answer. What has another shape, which no script of ours writes, is `Off`.
#[derive(Debug)]
pub enum Answer {
    Hit(Found),
    /// With the era and the epochs of the caller's marks.
    Lead(Value),
    /// Until the lease of another process ends.
    Wait(Duration),
    Off,
}

#[derive(Debug)]
pub struct Found {
    pub left: Duration,
    /// How much of what is left is stale.
    pub stale: Duration,
    pub cost: Duration,
    pub payload: Bytes,
    /// Set when the lease was granted too.
    pub stamp: Option<Value>,
}

impl Answer {
    pub fn of(answer: Value) -> Answer {
        let mut parts = answer.into_array().into_iter();
        let kind = parts.next().and_then(|kind| kind.as_u64());
        let read = match kind {
            Some(1) => found(&mut parts).map(Answer::Hit),
            Some(2) => parts.next().map(Answer::Lead),
            Some(3) => parts.next().as_ref().map(ms).map(Answer::Wait),
            _ => None,
        };
        read.unwrap_or(Answer::Off)
    }
}

fn found(parts: &mut impl Iterator<Item = Value>) -> Option<Found> {
    Some(Found {
        left: ms(&parts.next()?),
        stale: ms(&parts.next()?),
        cost: ms(&parts.next()?),
        payload: into_bytes(parts.next()?)?,
        stamp: parts
            .next()
            .filter(|stamp| stamp.is_string() || stamp.is_bytes()),
    })
}

/// What of a reply in text and bytes alike is bytes.
pub fn into_bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::Bytes(bytes) => Some(bytes),
        Value::String(text) => Some(text.into_inner()),
        _ => None,
    }
}

pub fn ms(value: &Value) -> Duration {
    Duration::from_millis(value.as_u64().unwrap_or(0))
}
