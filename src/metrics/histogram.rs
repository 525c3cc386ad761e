//! A latency histogram that any thread may write to without a lock.
//!
//! Durations fall into fine buckets of at most 5 % width, laid out so that every 1, 2 and 5 times a
//! power of ten is a bucket's edge. Quantiles come from the fine buckets; a Prometheus bucket whose
//! bound is such an edge is an exact sum of them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counts durations from 1 µs to 1,000 s in 630 buckets; one bucket more takes what is shorter, one
/// what is longer. It fills about 5 KB and never grows.
///
/// All accesses are relaxed: the numbers are independent of one another and publish no other memory.
/// A snapshot may therefore see an observation in a bucket and not yet in the sum, which costs a
/// report one observation at most per writing thread.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    max: AtomicU64,
}

impl Histogram {
    pub const fn new() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
        }
    }

    /// Counts one duration. Two atomic additions; the number of observations is not kept apart,
    /// because it is the sum of the buckets. What exceeds 11.5 days counts as 11.5 days.
    #[inline]
    pub fn observe(&self, duration: Duration) {
        let nanos = nanos_of(duration);
        if let Some(bucket) = self.buckets.get(bucket_of(nanos)) {
            bucket.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(nanos, Relaxed);
        // A new maximum is rare, and a plain load is cheaper than the compare-and-swap that finds none.
        if nanos > self.max.load(Relaxed) {
            self.max.fetch_max(nanos, Relaxed);
        }
    }

    /// The state of this moment, to derive figures from.
    pub fn snapshot(&self) -> Snapshot {
        let counts: Vec<u64> = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Relaxed))
            .collect();
        // A writer may have counted its bucket and not yet raised the maximum. The highest bucket in
        // use still says what the maximum exceeds, so no quantile is cut below its own bucket.
        let least = counts
            .iter()
            .rposition(|&count| count > 0)
            .map_or(0, |bucket| edges(bucket).0);
        Snapshot {
            counts,
            sum: self.sum.load(Relaxed),
            max: self.max.load(Relaxed).max(least),
        }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// What a histogram held at one moment. Every figure is derived from the same counts, so a count and
/// the buckets under it always agree.
#[derive(Clone, Debug)]
pub struct Snapshot {
    counts: Vec<u64>,
    sum: u64,
    max: u64,
}

impl Snapshot {
    /// A snapshot without observations, to merge others into.
    pub fn empty() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            sum: 0,
            max: 0,
        }
    }

    /// Adds another histogram's observations, as if both had been counted in one.
    pub fn merge(&mut self, other: &Snapshot) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum = self.sum.wrapping_add(other.sum);
        self.max = self.max.max(other.max);
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum)
    }

    /// The longest observation, exact to the nanosecond. Zero without observations.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The arithmetic mean. Zero without observations.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.sum.checked_div(self.count()).unwrap_or(0))
    }

    /// The duration that the share `q` of the observations did not exceed, by nearest rank; `q` is
    /// held to 0…1. The answer is the middle of a bucket, so it is off by at most 2.5 % above 1 µs and
    /// by at most 0.5 µs up to there; past 1,000 s it is the maximum. Zero without observations.
    pub fn quantile(&self, q: f64) -> Duration {
        let count = self.count();
        // Rounding up counts in f64 could pass the count itself, and NaN becomes rank 0: both are
        // brought back between the first and the last observation.
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        for (bucket, &count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && bucket + 1 < BUCKETS {
                let (lower, upper) = edges(bucket);
                return Duration::from_nanos((lower + (upper - lower) / 2).min(self.max));
            }
        }
        self.max()
    }

    /// How many observations were no longer than `bound`. Exact when the bound is a bucket's edge, as
    /// every 1, 2 and 5 times a power of ten between 1 µs and 1,000 s is; otherwise the observations
    /// of the bucket the bound cuts are left out.
    pub fn count_up_to(&self, bound: Duration) -> u64 {
        let nanos = nanos_of(bound);
        let bucket = bucket_of(nanos);
        let whole = if edges(bucket).1 == nanos {
            bucket + 1
        } else {
            bucket
        };
        self.counts.iter().take(whole).sum()
    }
}

/// A run of buckets of equal width. A bucket excludes its lower edge and includes its upper one,
/// because a Prometheus bucket includes its bound.
#[derive(Clone, Copy)]
struct Segment {
    /// The lower edge of the first bucket, in nanoseconds.
    lower: u64,
    width: u64,
    /// The number of the first bucket.
    first: usize,
}

const SHORTEST: u64 = 1_000;
const DECADES: usize = 9;
const BUCKETS_PER_DECADE: usize = 70;
const BUCKETS: usize = DECADES * BUCKETS_PER_DECADE + 2;
const SEGMENT_COUNT: usize = DECADES * 3 + 2;

/// 11.5 days: 18,446 observations of it fit into the sum before it wraps, and it is far beyond any
/// deadline.
const LONGEST: u64 = 1_000_000_000_000_000;

/// A decade is cut at 1, 2 and 5 into 20 buckets of 0.05, 30 of 0.1 and 20 of 0.25, so that a bucket
/// is never wider than a twentieth of its lower edge and every edge is a whole nanosecond.
static SEGMENTS: [Segment; SEGMENT_COUNT] = {
    let mut segments = [Segment {
        lower: 0,
        width: SHORTEST,
        first: 0,
    }; SEGMENT_COUNT];
    let mut unit = SHORTEST;
    let mut decade = 0;
    while decade < DECADES {
        let first = 1 + decade * BUCKETS_PER_DECADE;
        segments[1 + decade * 3] = Segment {
            lower: unit,
            width: unit / 20,
            first,
        };
        segments[2 + decade * 3] = Segment {
            lower: 2 * unit,
            width: unit / 10,
            first: first + 20,
        };
        segments[3 + decade * 3] = Segment {
            lower: 5 * unit,
            width: unit / 4,
            first: first + 50,
        };
        unit *= 10;
        decade += 1;
    }
    segments[SEGMENT_COUNT - 1] = Segment {
        lower: unit,
        width: LONGEST,
        first: BUCKETS - 1,
    };
    segments
};

/// For each power of two: the segment it lies in, and where the next segment begins. Segments at
/// least double from one to the next, so at most one begins inside the octave above the power.
static OCTAVES: [(usize, u64); 64] = {
    let mut octaves = [(0, u64::MAX); 64];
    let mut octave = 0;
    while octave < 64 {
        let mut segment = 0;
        while segment + 1 < SEGMENT_COUNT && SEGMENTS[segment + 1].lower <= 1 << octave {
            segment += 1;
        }
        let next = if segment + 1 < SEGMENT_COUNT {
            SEGMENTS[segment + 1].lower
        } else {
            u64::MAX
        };
        octaves[octave] = (segment, next);
        octave += 1;
    }
    octaves
};

fn nanos_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos())
        .unwrap_or(LONGEST)
        .min(LONGEST)
}

/// The bucket of a duration, by one table look-up, one comparison and one division.
#[inline]
fn bucket_of(nanos: u64) -> usize {
    // One less, so that a duration on an edge counts under it.
    let inside = nanos.saturating_sub(1);
    let (start, next) = OCTAVES[(inside | 1).ilog2() as usize];
    let segment = &SEGMENTS[start + usize::from(inside >= next)];
    segment.first + ((inside - segment.lower) / segment.width) as usize
}

/// The edges of a bucket in nanoseconds; the last bucket reaches to the longest duration and beyond.
fn edges(bucket: usize) -> (u64, u64) {
    let after = SEGMENTS.partition_point(|segment| segment.first <= bucket);
    let segment = &SEGMENTS[after.saturating_sub(1)];
    let lower = segment.lower + (bucket - segment.first) as u64 * segment.width;
    (lower, lower + segment.width)
}

#[cfg(test)]
mod tests;
