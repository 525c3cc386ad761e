//! Readers and writers in several processes, with a first tier each, while Redis and the way to it fail. The "database" is
//! a number that each write raises, so what a read may return is known.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use hegar_native::cache::redis::{Listener, Lookup, Redis, RedisConfig};
use serde_json::{Value as Json, json};
use tokio::{runtime::Handle, time::sleep};

use crate::support::{MINUTE, Proxy, Server, digest, marks, until};

const BOUND: Duration = Duration::from_secs(1);
const KEYS: u64 = 4;

/// One mark for all, and how often it was written.
#[derive(Default)]
struct Database {
    version: AtomicU64,
    /// When each version became visible, at the latest.
    written: Mutex<Vec<Instant>>,
}

impl Database {
    /// Takes a while before and after it looks.
    async fn read(&self, dice: &mut Dice) -> u64 {
        dice.pause().await;
        let version = self.version.load(SeqCst);
        dice.pause().await;
        version
    }

    fn write(&self) -> u64 {
        let mut written = self.written.lock().expect("written");
        let version = self.version.fetch_add(1, SeqCst) + 1;
        written.push(Instant::now());
        version
    }

    /// For how long a version had been replaced at a moment.
    fn age(&self, version: u64, at: Instant) -> Duration {
        let written = self.written.lock().expect("written");
        let next = written.get(usize::try_from(version).expect("a small number"));
        next.map_or(Duration::ZERO, |&next| at.saturating_duration_since(next))
    }
}

/// The least that a first tier has to do.
#[derive(Default)]
struct First {
    entries: Mutex<HashMap<u64, u64>>,
    epoch: AtomicU64,
    contact: Mutex<Option<Instant>>,
}

impl First {
    fn clear(&self) {
        let mut entries = self.entries.lock().expect("entries");
        self.epoch.fetch_add(1, SeqCst);
        entries.clear();
    }

    fn get(&self, key: u64) -> Option<u64> {
        let contact = *self.contact.lock().expect("contact");
        let usable = contact.is_some_and(|contact| contact.elapsed() < BOUND);
        let entries = self.entries.lock().expect("entries");
        entries.get(&key).copied().filter(|_| usable)
    }

    fn put(&self, key: u64, value: u64, epoch: u64) {
        let mut entries = self.entries.lock().expect("entries");
        if self.epoch.load(SeqCst) == epoch {
            entries.insert(key, value);
        }
    }
}

impl Listener for First {
    fn bumped(&self, _marks: &[&str]) {
        self.clear();
    }

    fn flush(&self) {
        self.clear();
    }

    fn contact(&self, at: Instant) {
        *self.contact.lock().expect("contact") = Some(at);
    }
}

struct Process {
    redis: Arc<Redis>,
    first: Arc<First>,
    database: Arc<Database>,
    running: AtomicUsize,
    /// The last version that this process wrote, once the write has ended.
    own: AtomicU64,
    worst: AtomicU64,
    hits: AtomicU64,
    reads: AtomicU64,
}

impl Process {
    fn start(options: &Json, database: &Arc<Database>) -> Arc<Process> {
        let first = Arc::new(First::default());
        let listener: Arc<dyn Listener> = first.clone();
        let config = RedisConfig::from_json(&options.to_string()).expect("options");
        let redis = Redis::start(config, Arc::downgrade(&listener), &Handle::current());
        Arc::new(Process {
            redis: redis.expect("a start"),
            first,
            database: database.clone(),
            running: AtomicUsize::new(0),
            own: AtomicU64::new(0),
            worst: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            reads: AtomicU64::new(0),
        })
    }

    async fn write(&self, dice: &mut Dice) {
        self.running.fetch_add(1, SeqCst);
        self.first.clear();
        let write = self.redis.begin(marks(&["t:products"]));
        dice.pause().await;
        let version = self.database.write();
        dice.pause().await;
        write.end();
        self.running.fetch_sub(1, SeqCst);
        self.first.clear();
        self.own.fetch_max(version, SeqCst);
    }

    async fn read(&self, dice: &mut Dice) {
        let own = self.own.load(SeqCst);
        let began = Instant::now();
        let version = self.find(dice.next() % KEYS, dice).await;
        self.reads.fetch_add(1, SeqCst);
        assert!(
            version >= own,
            "{version} is older than {own}, which this process wrote"
        );
        let age = self.database.age(version, began);
        assert!(age <= BOUND, "a value that was replaced {age:?} ago");
        self.worst.fetch_max(age.as_micros() as u64, SeqCst);
    }

    async fn find(&self, key: u64, dice: &mut Dice) -> u64 {
        if self.running.load(SeqCst) > 0 {
            return self.database.read(dice).await;
        }
        if let Some(version) = self.first.get(key) {
            return version;
        }
        let name = format!("product:{key}");
        let epoch = self.first.epoch.load(SeqCst);
        for attempt in 0..3 {
            let found = self
                .redis
                .lookup(&name, &digest(&name), &marks(&["t:products"]), attempt < 2)
                .await;
            let version = match found {
                Lookup::Hit(hit) => {
                    self.hits.fetch_add(1, SeqCst);
                    std::str::from_utf8(&hit.value)
                        .expect("digits")
                        .parse()
                        .expect("a number")
                }
                Lookup::Lead(fill) => {
                    let version = self.database.read(dice).await;
                    if !dice.next().is_multiple_of(8) {
                        self.redis
                            .store(fill, version.to_string().as_bytes(), MINUTE)
                            .await;
                    }
                    version
                }
                Lookup::Wait(wait) => {
                    self.redis.woken(&wait).await;
                    continue;
                }
                Lookup::Off => self.database.read(dice).await,
            };
            self.first.put(key, version, epoch);
            return version;
        }
        self.database.read(dice).await
    }
}

/// Numbers that a seed gives again.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.0 >> 33
    }

    async fn pause(&mut self) {
        match self.next() % 4 {
            0 => {}
            1 => tokio::task::yield_now().await,
            _ => sleep(Duration::from_micros(self.next() % 3000)).await,
        }
    }
}

/// Reads and writes in three processes while `during` runs, and until Redis was of use to each. The third has its own
/// way to Redis. Gives the greatest age that was read.
async fn trial(
    server: &Server,
    proxy: &Proxy,
    command_timeout_ms: u64,
    write_every: [u64; 3],
    during: impl AsyncFnOnce(),
) -> Duration {
    let database = Arc::new(Database::default());
    let direct = server.about["port"].as_u64().expect("a port");
    let ports = [direct, direct, u64::from(proxy.port())];
    let processes: Vec<_> = ports
        .map(|port| json!({"port": port, "commandTimeoutMs": command_timeout_ms}))
        .map(|options| Process::start(&options, &database))
        .into();
    for process in &processes {
        until("contact", || process.redis.is_connected()).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for (number, process) in processes.iter().enumerate() {
        for task in 0..4 {
            let (process, stop) = (process.clone(), stop.clone());
            let mut dice = Dice(number as u64 * 10 + task + 1);
            tasks.push(tokio::spawn(async move {
                while !stop.load(SeqCst) {
                    if task == 0 {
                        sleep(Duration::from_millis(
                            dice.next() % (2 * write_every[number]),
                        ))
                        .await;
                        process.write(&mut dice).await;
                    } else {
                        process.read(&mut dice).await;
                        tokio::task::yield_now().await;
                    }
                }
            }));
        }
    }
    during().await;
    for process in &processes {
        until("Redis is of use", || process.hits.load(SeqCst) > 10).await;
    }
    stop.store(true, SeqCst);
    for task in tasks {
        task.await.expect("no read was wrong");
    }
    let mut most = Duration::ZERO;
    for process in &processes {
        let (hits, reads) = (process.hits.load(SeqCst), process.reads.load(SeqCst));
        let worst = Duration::from_micros(process.worst.load(SeqCst));
        println!("{reads} reads, {hits} hits in Redis, at worst {worst:?} old");
        most = most.max(worst);
    }
    most
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_older_than_a_write_that_was_told() {
    let during = async || sleep(Duration::from_secs(3)).await;
    let mut seen = Vec::new();
    // A machine that does other things too may stop once while one of thousands is read: the best of three counts.
    while seen.len() < 3 {
        let server = Server::start(&[]);
        let proxy = Proxy::start(&server).await;
        let worst = trial(&server, &proxy, 5000, [10; 3], during).await;
        // The way of a message.
        if worst < Duration::from_millis(250) {
            return;
        }
        seen.push(worst);
    }
    panic!("at worst {seen:?} old");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_older_than_the_bound_while_everything_fails() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(&server).await;
    trial(&server, &proxy, 100, [2000, 2000, 50], async || {
        for _ in 0..2 {
            sleep(Duration::from_millis(500)).await;
            // The third process can not tell what it writes, and does not hear.
            proxy.hold();
            sleep(Duration::from_millis(2500)).await;
            proxy.let_go();
            sleep(Duration::from_millis(300)).await;
            server.cli(&["flushall"]);
            sleep(Duration::from_millis(300)).await;
            server.cli(&["client", "kill", "type", "pubsub"]);
            server.cli(&["script", "flush"]);
            sleep(Duration::from_millis(300)).await;
            server.pause();
            sleep(Duration::from_millis(1500)).await;
            server.resume();
            sleep(Duration::from_millis(300)).await;
            proxy.cut();
            server.tell("restart", server.place);
        }
        sleep(Duration::from_millis(500)).await;
    })
    .await;
}
