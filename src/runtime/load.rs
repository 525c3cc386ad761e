//! How much of a core a thread uses.

use std::{
    cell::Cell,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How long the processor time is added up before it counts.
const WINDOW: Duration = Duration::from_millis(100);
/// Without work nobody measures. After this many milliseconds a thread that says nothing is idle.
const STALE_MS: u64 = 500;

thread_local! {
    /// When the window of this thread began, and the thread's processor time then.
    static BEGUN: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

/// The load of one thread, written by it and read by all.
#[derive(Debug, Default)]
pub struct Load {
    /// Milliseconds since the start of the process, times 256, plus percent. One word, so that both belong together;
    /// nothing is ordered by it.
    noted: AtomicU64,
}

impl Load {
    /// Ends the window of the calling thread when it is over; whether it was is the answer.
    pub fn measure(&self) -> bool {
        let now = Instant::now();
        let begun = BEGUN.get();
        if begun.is_some_and(|(since, _)| now - since < WINDOW) {
            return false;
        }
        let Some(used) = thread_time() else {
            return false;
        };
        BEGUN.set(Some((now, used)));
        let Some((since, before)) = begun else {
            return false;
        };
        let share = used.saturating_sub(before).as_secs_f64() / (now - since).as_secs_f64();
        self.set((share * 100.0) as u32);
        true
    }

    pub fn set(&self, percent: u32) {
        let noted = clock_ms() << 8 | u64::from(percent.min(100));
        self.noted.store(noted, Ordering::Relaxed);
    }

    /// The share of a core that the thread used lately, 0 to 100.
    pub fn percent(&self) -> u32 {
        let noted = self.noted.load(Ordering::Relaxed);
        if clock_ms() - (noted >> 8) > STALE_MS {
            return 0;
        }
        (noted & 0xFF) as u32
    }
}

fn clock_ms() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis() as u64
}

#[cfg(unix)]
fn thread_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).ok()
}

/// Elsewhere nobody knows, and connections stay where they are.
#[cfg(not(unix))]
fn thread_time() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_computes_is_busy_and_one_that_sleeps_is_not() {
        let load = Load::default();
        assert_eq!(load.percent(), 0);
        assert!(!load.measure(), "the first look begins a window");
        // Other processes may have the core for part of the time, so what this thread had of it is measured here too.
        let Some(used) = thread_time() else {
            return;
        };
        let began = Instant::now();
        let busy = || thread_time().map_or(Duration::MAX, |now| now - used);
        while busy() < WINDOW {
            std::hint::spin_loop();
        }
        let share = busy().as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
        assert!(load.measure());
        let percent = f64::from(load.percent());
        assert!(
            (percent - share).abs() < 15.0,
            "{percent} % instead of {share} %"
        );
        std::thread::sleep(WINDOW * 2);
        assert!(load.measure());
        assert!(load.percent() < 10, "{} %", load.percent());
    }
}
