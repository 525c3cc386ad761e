//! What a hit costs: lookups of 10 kB one at a time and 64 in flight, beside GET of the same bytes on the same client.
//!
//! HEGAR_TEST_REDIS names a port of 127.0.0.1: `redis-server --port 6390 --save "" &`, then
//! `HEGAR_TEST_REDIS=6390 cargo bench --no-default-features --bench redis`. Rounds of both are interleaved; printed are
//! the medians of the rounds.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use fred::{clients::Client, interfaces::ClientLike, interfaces::KeysInterface, types::Builder};
use hegar_native::cache::redis::{Listener, Lookup, Redis, RedisConfig, Times};
use tokio::runtime::Handle;

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(500);
const KEY: &str = "products:list:1:20:";
const DIGEST: [u8; 16] = *b"0123456789abcdef";

struct Nobody;

impl Listener for Nobody {
    fn bumped(&self, _marks: &[&str]) {}
    fn flush(&self) {}
    fn contact(&self, _at: Instant) {}
}

#[derive(Clone)]
enum Way {
    Lookup(Arc<Redis>, Arc<[Box<str>]>),
    Get(Client),
}

impl Way {
    async fn once(&self) -> usize {
        match self {
            Way::Lookup(redis, marks) => match redis.lookup(KEY, &DIGEST, marks, true).await {
                Lookup::Hit(hit) => hit.value.len(),
                other => panic!("no hit: {other:?} {:?}", redis.stats()),
            },
            Way::Get(client) => client
                .get::<bytes::Bytes, _>("plain")
                .await
                .map_or(0, |value| value.len()),
        }
    }
}

fn main() {
    let port = std::env::var("HEGAR_TEST_REDIS")
        .ok()
        .and_then(|port| port.parse::<u16>().ok());
    let Some(port) = port else {
        println!("HEGAR_TEST_REDIS names no port: nothing is measured");
        return;
    };
    // One thread, as the pool's workers have it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(measure(port));
}

async fn measure(port: u16) {
    // Not to be compressed: about as random as JSON of ids and names is after its keys.
    let mut state = 1u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        b'a' + (state >> 60) as u8
    };
    let value: Vec<u8> = (0..10_000).map(|_| noise()).collect();

    let config =
        RedisConfig::from_json(&format!(r#"{{"port":{port},"compressFromBytes":1000000}}"#));
    let listener: Weak<dyn Listener> = Weak::<Nobody>::new();
    let redis =
        Redis::start(config.expect("options"), listener, &Handle::current()).expect("a start");
    while !redis.is_connected() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let marks: Arc<[Box<str>]> = ["t:products", "t:categories", "k:products:list:1:20:"]
        .map(Into::into)
        .into();
    let times = Times {
        fresh: Duration::from_secs(600),
        stale: Duration::ZERO,
        cost: Duration::ZERO,
    };
    if let Lookup::Lead(fill) = redis.lookup(KEY, &DIGEST, &marks, true).await {
        assert!(
            redis.store(fill, &value, times).await,
            "{:?}",
            redis.stats()
        );
    }
    let config = fred::types::config::Config::from_url(&format!("redis://127.0.0.1:{port}"));
    let client = Builder::from_config(config.expect("an address"))
        .build()
        .expect("a client");
    client.init().await.expect("a connection");
    client
        .set::<(), _, _>("plain", &value[..], None, None, false)
        .await
        .expect("stored");

    let ways = [
        ("lookup", Way::Lookup(redis.clone(), marks)),
        ("GET", Way::Get(client)),
    ];
    for in_flight in [1, 64] {
        let mut rounds = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for ((_, way), rounds) in ways.iter().zip(&mut rounds) {
                rounds.push(round(way, in_flight).await);
            }
        }
        for ((name, _), rounds) in ways.iter().zip(&mut rounds) {
            rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (rate, median, p99) = rounds[ROUNDS / 2];
            println!(
                "{name:8}{in_flight:3} in flight: {rate:8.0} a second, median {median:6.0} µs, p99 {p99:6.0} µs"
            );
        }
    }
    redis.close().await;
}

/// A rate a second, and the median and the 99th percentile of the latency in microseconds.
async fn round(way: &Way, in_flight: usize) -> (f64, f64, f64) {
    let began = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let way = way.clone();
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while began.elapsed() < ROUND {
                    let sent = Instant::now();
                    assert_eq!(way.once().await, 10_000);
                    taken.push(sent.elapsed().as_secs_f64() * 1e6);
                }
                taken
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.expect("no panic"));
    }
    let rate = all.len() as f64 / began.elapsed().as_secs_f64();
    all.sort_by(f64::total_cmp);
    (rate, all[all.len() / 2], all[all.len() * 99 / 100])
}
