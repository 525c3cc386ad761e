//! The order in which JavaScript keeps an object's members.
//!
//! Array indices come first in ascending order, then names as they first came; a repeated key has
//! its first place and its last value.

use std::ops::Range;

/// Up to this many keys are compared pair by pair, more are sorted.
const FEW_KEYS: usize = 16;

/// A member as written: the key with its quotes, a colon, the value.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) start: usize,
    pub(super) key_end: usize,
    pub(super) end: usize,
}

/// Keys are written in one form only, so equal bytes are equal keys.
pub(super) fn has_repeated_key(members: &[Member], out: &[u8]) -> bool {
    if members.len() <= FEW_KEYS {
        let mut rest = members;
        while let Some((member, later)) = rest.split_first() {
            if later
                .iter()
                .any(|other| key(other, out) == key(member, out))
            {
                return true;
            }
            rest = later;
        }
        return false;
    }
    let mut keys: Vec<&[u8]> = members.iter().map(|member| key(member, out)).collect();
    keys.sort_unstable();
    keys.windows(2)
        .any(|pair| matches!(pair, [one, other] if one == other))
}

/// Replaces the members written from `start` on by those that JavaScript keeps, in its order.
pub(super) fn rewrite(members: &[Member], start: usize, out: &mut Vec<u8>) {
    let mut by_key: Vec<&Member> = members.iter().collect();
    by_key.sort_by_key(|member| key(member, out));
    let mut kept: Vec<(Place, &Member)> = by_key
        .chunk_by(|one, other| key(one, out) == key(other, out))
        .filter_map(|same| {
            let (first, last) = (same.first()?, same.last()?);
            let place = array_index(key(first, out)).map_or(Place::Name(first.start), Place::Index);
            Some((place, *last))
        })
        .collect();
    kept.sort_unstable_by_key(|(place, _)| *place);
    let mut rewritten = Vec::with_capacity(out.len() - start);
    for (_, member) in kept {
        if !rewritten.is_empty() {
            rewritten.push(b',');
        }
        rewritten.extend_from_slice(slice(out, member.start..member.end));
    }
    out.truncate(start);
    out.extend_from_slice(&rewritten);
}

/// Where JavaScript puts a member: array indices in ascending order, then names as they first came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Index(u32),
    Name(usize),
}

/// The array index that a quoted key is: canonical digits below 2^32 - 1.
fn array_index(quoted: &[u8]) -> Option<u32> {
    let [b'"', digits @ .., b'"'] = quoted else {
        return None;
    };
    if digits.len() > 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if digits.len() > 1 && digits.first() == Some(&b'0') {
        return None;
    }
    let index = std::str::from_utf8(digits).ok()?.parse::<u32>().ok()?;
    (index < u32::MAX).then_some(index)
}

fn slice(out: &[u8], range: Range<usize>) -> &[u8] {
    out.get(range).unwrap_or_default()
}

fn key<'a>(member: &Member, out: &'a [u8]) -> &'a [u8] {
    slice(out, member.start..member.key_end)
}
