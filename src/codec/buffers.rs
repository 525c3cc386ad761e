//! Used buffers kept for the next result.
//!
//! A large result is written on one thread and freed on another, by the garbage collector. Through the system's
//! allocator each would be mapped, faulted in page by page and unmapped again, the last on the JavaScript thread.
//! Kept here, memory that is mapped already goes round instead; what is kept is bounded.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Buffers below this are cheap to allocate, and above it are too much to keep.
const SMALLEST: usize = 16 * 1024;
const LARGEST: usize = 1024 * 1024;
/// All that is kept, in bytes.
const KEPT: usize = 2 * 1024 * 1024;

/// Guards the list; held for a push or for finding a buffer among at most `KEPT / SMALLEST`. Nothing awaits under it.
static FREE: Mutex<Free> = Mutex::new(Free {
    buffers: Vec::new(),
    bytes: 0,
});

struct Free {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

/// An empty buffer for at least `capacity` bytes, a used one if there is one that is not much larger.
pub fn take(capacity: usize) -> Vec<u8> {
    let mut free = lock();
    // The one given back last is the likeliest to be in the processor's cache still.
    let found = free
        .buffers
        .iter()
        .rposition(|buffer| (capacity..=capacity * 4).contains(&buffer.capacity()));
    match found {
        Some(at) => {
            let buffer = free.buffers.remove(at);
            free.bytes -= buffer.capacity();
            buffer
        }
        None => {
            drop(free);
            // Few sizes, so that freed memory fits what is asked for next.
            Vec::with_capacity(capacity.next_power_of_two())
        }
    }
}

/// Keeps a buffer for later, or frees it.
pub fn give(mut buffer: Vec<u8>) {
    let capacity = buffer.capacity();
    if !(SMALLEST..=LARGEST).contains(&capacity) {
        return;
    }
    buffer.clear();
    let mut free = lock();
    if free.bytes + capacity <= KEPT {
        free.bytes += capacity;
        free.buffers.push(buffer);
    }
}

fn lock() -> MutexGuard<'static, Free> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_given_back_is_taken_again_and_empty() {
        let mut buffer = Vec::with_capacity(900 * 1024);
        buffer.push(1);
        let address = buffer.as_ptr();
        give(buffer);
        let again = take(800 * 1024);
        assert_eq!(again.as_ptr(), address);
        assert!(again.is_empty());
    }

    #[test]
    fn buffers_that_are_too_large_or_too_many_are_freed() {
        give(Vec::with_capacity(LARGEST + 1));
        for _ in 0..100 {
            give(Vec::with_capacity(LARGEST));
        }
        let free = lock();
        assert!(free.bytes <= KEPT);
        assert!(
            free.buffers
                .iter()
                .all(|buffer| buffer.capacity() <= LARGEST)
        );
    }
}
