use super::*;
use std::sync::atomic::AtomicBool;

const OTEL_BOUNDS_MS: [u64; 9] = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000];

/// Durations spread evenly over the logarithm, above 1 µs and up to 1,000 s, from a fixed seed.
fn spread(count: usize) -> Vec<Duration> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let share = (state >> 11) as f64 / (1_u64 << 53) as f64;
            Duration::from_nanos((1_000.0 * 1e9_f64.powf(share)).ceil() as u64 + 1)
        })
        .collect()
}

fn filled(durations: &[Duration]) -> Histogram {
    let histogram = Histogram::new();
    durations
        .iter()
        .for_each(|&duration| histogram.observe(duration));
    histogram
}

#[test]
fn the_buckets_tile_the_whole_range_without_gap_or_overlap() {
    let mut reached = 0;
    for bucket in 0..BUCKETS {
        let (lower, upper) = edges(bucket);
        assert_eq!(
            lower, reached,
            "bucket {bucket} begins where the one before ends"
        );
        assert_eq!(
            bucket_of(lower + 1),
            bucket,
            "the first nanosecond of bucket {bucket}"
        );
        if bucket + 1 < BUCKETS {
            assert_eq!(
                bucket_of(upper),
                bucket,
                "the last nanosecond of bucket {bucket}"
            );
        }
        if (1..BUCKETS - 1).contains(&bucket) {
            assert!(
                (upper - lower) * 20 <= lower,
                "bucket {bucket} is at most 5 % wide"
            );
        }
        reached = upper;
    }
}

#[test]
fn every_quantile_stays_within_two_and_a_half_percent_of_the_sorted_data() {
    let mut durations = spread(20_011);
    let snapshot = filled(&durations).snapshot();
    durations.sort_unstable();
    for step in 0..=1_000 {
        let q = f64::from(step) / 1_000.0;
        let rank = ((q * durations.len() as f64).ceil() as usize).max(1);
        let exact = durations[rank - 1].as_secs_f64();
        let estimate = snapshot.quantile(q).as_secs_f64();
        assert!(
            (estimate / exact - 1.0).abs() <= 0.025 + 1e-6,
            "q {q}: {estimate} for {exact}"
        );
    }
}

#[test]
fn counts_at_the_otel_bounds_are_exact() {
    let mut durations = spread(5_003);
    // Values on, just below and just above each bound are the ones that a misaligned bucket miscounts.
    for bound in OTEL_BOUNDS_MS.map(Duration::from_millis) {
        durations.extend([
            bound,
            bound - Duration::from_nanos(1),
            bound + Duration::from_nanos(1),
        ]);
    }
    let snapshot = filled(&durations).snapshot();
    for bound in OTEL_BOUNDS_MS.map(Duration::from_millis) {
        let exact = durations
            .iter()
            .filter(|&&duration| duration <= bound)
            .count() as u64;
        assert_eq!(snapshot.count_up_to(bound), exact, "up to {bound:?}");
    }
}

#[test]
fn a_bound_inside_a_bucket_leaves_that_bucket_out() {
    let snapshot = filled(&[Duration::from_nanos(1_010), Duration::from_nanos(1_040)]).snapshot();
    assert_eq!(snapshot.count_up_to(Duration::from_nanos(1_030)), 0);
    assert_eq!(snapshot.count_up_to(Duration::from_nanos(1_050)), 2);
    assert_eq!(snapshot.count_up_to(Duration::ZERO), 0);
    assert_eq!(snapshot.count_up_to(Duration::MAX), 2);
}

#[test]
fn count_sum_mean_and_maximum_are_exact() {
    let durations = spread(1_009);
    let snapshot = filled(&durations).snapshot();
    let sum: Duration = durations.iter().sum();
    assert_eq!(snapshot.count(), 1_009);
    assert_eq!(snapshot.sum(), sum);
    assert_eq!(snapshot.mean().as_nanos(), sum.as_nanos() / 1_009);
    assert_eq!(Some(&snapshot.max()), durations.iter().max());
}

#[test]
fn an_empty_histogram_reads_as_zero_everywhere() {
    let snapshot = Histogram::new().snapshot();
    assert_eq!(snapshot.count(), 0);
    assert_eq!(snapshot.mean(), Duration::ZERO);
    assert_eq!(snapshot.max(), Duration::ZERO);
    assert_eq!(snapshot.quantile(0.99), Duration::ZERO);
    assert_eq!(snapshot.count_up_to(Duration::from_secs(10)), 0);
}

#[test]
fn durations_outside_the_range_are_counted_and_the_sum_keeps_rising() {
    let histogram = filled(&[Duration::ZERO, Duration::from_nanos(1), Duration::MAX]);
    let before = histogram.snapshot();
    assert_eq!(before.count(), 3);
    assert_eq!(before.count_up_to(Duration::from_micros(1)), 2);
    assert_eq!(before.count_up_to(Duration::from_secs(1_000)), 2);
    assert_eq!(before.max(), Duration::from_nanos(LONGEST));
    assert_eq!(before.quantile(1.0), before.max());
    assert!(before.quantile(0.5) <= Duration::from_nanos(500));
    histogram.observe(Duration::MAX);
    assert!(histogram.snapshot().sum() > before.sum());
}

#[test]
fn a_quantile_never_exceeds_the_maximum_and_takes_any_number() {
    let only = Duration::from_nanos(1_234_567);
    let snapshot = filled(&[only]).snapshot();
    for q in [
        f64::NEG_INFINITY,
        -1.0,
        0.0,
        0.5,
        1.0,
        7.0,
        f64::INFINITY,
        f64::NAN,
    ] {
        let estimate = snapshot.quantile(q);
        assert!(
            estimate <= only && estimate.as_nanos() > 1_200_000,
            "q {q}: {estimate:?}"
        );
    }
}

#[test]
fn merged_snapshots_equal_one_histogram_of_everything() {
    let durations = spread(2_000);
    let (left, right) = durations.split_at(700);
    let mut merged = Snapshot::empty();
    merged.merge(&filled(left).snapshot());
    merged.merge(&filled(right).snapshot());
    let whole = filled(&durations).snapshot();
    assert_eq!(merged.counts, whole.counts);
    assert_eq!((merged.sum, merged.max), (whole.sum, whole.max));
}

#[test]
fn concurrent_writers_lose_nothing_and_a_reader_only_sees_counts_rise() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 25_000;
    let histogram = Histogram::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut before = histogram.snapshot();
            loop {
                let last = done.load(Relaxed);
                let now = histogram.snapshot();
                assert!(
                    now.counts
                        .iter()
                        .zip(&before.counts)
                        .all(|(now, before)| now >= before)
                );
                assert!(now.sum() >= before.sum() && now.max() >= before.max());
                assert!(now.quantile(1.0) <= now.max());
                before = now;
                if last {
                    return;
                }
            }
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let histogram = &histogram;
                scope.spawn(move || {
                    for step in 1..=EACH {
                        histogram.observe(Duration::from_nanos((writer * EACH + step) * 1_000));
                    }
                })
            })
            .collect();
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        done.store(true, Relaxed);
        reader.join().unwrap();
    });
    let all = WRITERS * EACH;
    let snapshot = histogram.snapshot();
    assert_eq!(snapshot.count(), all);
    assert_eq!(snapshot.sum(), Duration::from_micros(all * (all + 1) / 2));
    assert_eq!(snapshot.max(), Duration::from_micros(all));
    assert_eq!(snapshot.count_up_to(Duration::from_millis(50)), 50_000);
}
