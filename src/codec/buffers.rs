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
const KEPT: usize = 1024 * 1024;

/// Guards the list; held for a push or for finding a buffer among at most `KEPT / SMALLEST`. Nothing awaits under it.
static FREE: Mutex<Free> = Mutex::new(Free::new());

/// An empty buffer for at least `capacity` bytes, a used one if there is one that is not much larger.
pub fn take(capacity: usize) -> Vec<u8> {
    // Few sizes, so that freed memory fits what is asked for next.
    let found = lock().take(capacity);
    found.unwrap_or_else(|| {
        if capacity > LARGEST {
            Vec::with_capacity(capacity)
        } else {
            Vec::with_capacity(capacity.next_power_of_two())
        }
    })
}

/// Keeps a buffer for later, or frees it.
pub fn give(buffer: Vec<u8>) {
    if (SMALLEST..=LARGEST).contains(&buffer.capacity()) {
        lock().give(buffer);
    }
}

fn lock() -> MutexGuard<'static, Free> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Free {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl Free {
    const fn new() -> Free {
        Free {
            buffers: Vec::new(),
            bytes: 0,
        }
    }

    fn take(&mut self, capacity: usize) -> Option<Vec<u8>> {
        // The one given back last is the likeliest to be in the processor's cache still.
        let fits = capacity..=capacity * 4;
        let at = self
            .buffers
            .iter()
            .rposition(|buffer| fits.contains(&buffer.capacity()))?;
        let buffer = self.buffers.remove(at);
        self.bytes -= buffer.capacity();
        Some(buffer)
    }

    fn give(&mut self, mut buffer: Vec<u8>) {
        if self.bytes + buffer.capacity() <= KEPT {
            buffer.clear();
            self.bytes += buffer.capacity();
            self.buffers.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_given_back_is_taken_again_and_empty() {
        let mut free = Free::new();
        let mut buffer = Vec::with_capacity(100 * 1024);
        buffer.push(1);
        let address = buffer.as_ptr();
        free.give(buffer);
        let again = free.take(90 * 1024).expect("it is kept");
        assert_eq!(again.as_ptr(), address);
        assert!(again.is_empty());
        assert!(free.take(90 * 1024).is_none());
    }

    #[test]
    fn a_small_request_does_not_get_a_much_larger_buffer() {
        let mut free = Free::new();
        free.give(Vec::with_capacity(LARGEST));
        assert!(free.take(SMALLEST).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut free = Free::new();
        for _ in 0..100 {
            free.give(Vec::with_capacity(LARGEST));
        }
        assert!(free.bytes <= KEPT);
        let held: usize = free.buffers.iter().map(Vec::capacity).sum();
        assert_eq!(free.bytes, held);
    }
}
