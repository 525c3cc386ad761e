use std::sync::Arc;

use tokio::time::Instant;

use super::*;

fn draft(size: usize) -> Draft {
    Draft {
        value: Value::Json {
            bytes: Arc::new(vec![b'x'; size]),
            rows: 1,
        },
        stamp: Stamp::default(),
        times: Times::never(Instant::now()),
        prefix: 0,
    }
}

fn digest(number: u32) -> Digest {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    // Which decides on the shard.
    bytes[0] = number as u8;
    Digest(bytes)
}

/// As JavaScript says that it used an entry.
fn touch(memory: &Memory, entry: &Entry) {
    let token = entry.token.expect("a token");
    memory.tokens()[token.index as usize * 2 + 1].store(1, Ordering::Relaxed);
}

fn is_gone(memory: &Memory, entry: &Entry) -> bool {
    let token = entry.token.expect("a token");
    memory.tokens()[token.index as usize * 2].load(Ordering::Relaxed) != token.generation
}

#[test]
fn what_is_kept_never_weighs_more_than_the_bound() {
    let memory = Memory::new(100_000);
    let mut forgotten = 0;
    for number in 0..500 {
        forgotten += memory.put(digest(number), draft(1000)).1;
        assert!(memory.bytes() <= 100_000);
    }
    assert!(memory.bytes() > 90_000);
    assert_eq!(forgotten + memory.entries(), 500);
}

#[test]
fn the_least_used_goes_first_and_what_javascript_used_is_spared() {
    let memory = Memory::new(50_000);
    let (hot, _) = memory.put(digest(16), draft(1000));
    let (cold, _) = memory.put(digest(32), draft(1000));
    for number in 3..200 {
        touch(&memory, &hot);
        memory.put(digest(number * 16), draft(1000));
    }
    assert!(memory.get(&digest(16)).is_some());
    assert!(!is_gone(&memory, &hot));
    assert!(memory.get(&digest(32)).is_none());
    assert!(is_gone(&memory, &cold));
}

#[test]
fn there_is_an_end_to_it_when_everything_is_used() {
    let memory = Memory::new(20_000);
    let mut kept: Vec<Arc<Entry>> = Vec::new();
    for number in 0..50 {
        for entry in &kept {
            touch(&memory, entry);
        }
        kept.push(memory.put(digest(number), draft(1000)).0);
    }
    assert!(memory.bytes() <= 20_000);
    assert!(memory.entries() > 1);
}

#[test]
fn an_entry_that_takes_the_place_of_another_ends_it() {
    let memory = Memory::new(50_000);
    let (old, _) = memory.put(digest(1), draft(1000));
    let weight = memory.bytes();
    let (new, forgotten) = memory.put(digest(1), draft(1000));
    assert_eq!(
        (memory.bytes(), memory.entries(), forgotten),
        (weight, 1, 0)
    );
    assert!(is_gone(&memory, &old) && !is_gone(&memory, &new));
    memory.remove(&digest(1));
    assert!(is_gone(&memory, &new));
    assert_eq!((memory.bytes(), memory.entries()), (0, 0));
}

#[test]
fn what_is_larger_than_all_there_is_room_for_is_given_and_not_kept() {
    let memory = Memory::new(10_000);
    memory.put(digest(1), draft(100));
    let (entry, forgotten) = memory.put(digest(2), draft(20_000));
    assert_eq!((entry.token, forgotten, memory.entries()), (None, 0, 1));
}

#[test]
fn there_are_never_more_entries_than_tokens() {
    let memory = Memory::new(usize::MAX);
    for number in 0..MAX_ENTRIES as u32 + 100 {
        let (entry, _) = memory.put(digest(number), draft(0));
        assert!(entry.token.is_some());
    }
    assert_eq!(memory.entries(), MAX_ENTRIES);
}
