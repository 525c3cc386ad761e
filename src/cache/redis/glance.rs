//! The look that most lookups end with: three plain commands together, instead of a script.
//!
//! They need not be one step. The value was stored with the era and the epochs of its marks, which never come back once
//! they have moved; if they are the current ones, it was right at that moment, which is within the lookup, whichever of the
//! commands came first. As a script a hit took twice the time of all: Lua copies the value in and out.

use bytes::Bytes;
use fred::{
    clients::{Client, WithOptions},
    error::Error,
    interfaces::{HashesInterface, KeysInterface},
    types::{Key, Value},
};

use super::{
    Digest,
    answer::{Found, into_bytes, ms},
};

/// The fields of an entry, as `lua/store.lua` writes them.
const FIELDS: [&str; 6] = ["digest", "marks", "stamp", "stale", "cost", "value"];

/// The value under `key`, if it is of that digest, depends on the same marks, and none of them has been written.
pub async fn glance(
    client: &WithOptions<Client>,
    epochs: &Key,
    key: &Key,
    digest: &Digest,
    marks: &[Box<str>],
    packed: &[u8],
) -> Result<Option<Found>, Error> {
    let fields: Vec<Key> = std::iter::once("#era")
        .chain(marks.iter().map(|mark| &**mark))
        .map(Key::from)
        .collect();
    // Not as a pipeline of fred's, of which it writes each command by itself: queued together, these share a write with all
    // others that are looked for at the same time.
    let (entry, left, now) = tokio::join!(
        client.hmget::<Value, _, _>(key, FIELDS.to_vec()),
        client.pttl::<Value, _>(key),
        client.hmget::<Value, _, _>(epochs, fields),
    );
    let entry = match entry {
        // A key that is no hash is somebody else's.
        Err(error) if error.details().starts_with("WRONGTYPE") => return Ok(None),
        entry => entry?,
    };
    let (left, now) = (left?, now?);
    let Ok(entry) = <[Value; 6]>::try_from(entry.into_array()) else {
        return Ok(None);
    };
    let [its_digest, its_marks, stamp, stale, cost, payload] = entry;
    let is = |value: &Value, expected: &[u8]| value.as_bytes() == Some(expected);
    let (Some(now), Some(payload)) = (stamp_of(now), into_bytes(payload)) else {
        return Ok(None);
    };
    let valid = is(&its_digest, digest) && is(&its_marks, packed) && is(&stamp, &now);
    Ok(valid.then(|| Found {
        left: ms(&left),
        stale: ms(&stale),
        cost: ms(&cost),
        payload,
        stamp: None,
    }))
}

/// Marks as one text, to be compared and for `cjson.decode`.
pub fn pack(marks: &[Box<str>]) -> Bytes {
    serde_json::to_vec(marks).unwrap_or_default().into()
}

/// As `stamp_of` in `lua/common.lua` has it; nothing when there is no era.
fn stamp_of(values: Value) -> Option<Vec<u8>> {
    let mut stamp = Vec::with_capacity(64);
    for (place, value) in values.into_array().iter().enumerate() {
        match value.as_bytes() {
            Some(value) if place > 0 => {
                stamp.push(b',');
                stamp.extend_from_slice(value);
            }
            Some(era) => stamp.extend_from_slice(era),
            None if place > 0 => stamp.extend_from_slice(b",0"),
            None => return None,
        }
    }
    (!stamp.is_empty()).then_some(stamp)
}
