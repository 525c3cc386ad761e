//! Redis servers for the tests, started by `tests/support/redis.js`, and processes that share them.

use std::{
    io::{BufRead, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use hegar_native::cache::redis::{Digest, Fill, Hit, Listener, Lookup, Redis, RedisConfig, Times};
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Handle,
    sync::watch,
};

/// What starts servers. They end with it.
pub struct Servers {
    child: Child,
    speech: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

/// A server, or the first of a group, by its place in the list of the other side.
pub struct Server {
    pub servers: Servers,
    pub place: u64,
    /// What the other side said when it had started.
    pub about: Json,
}

impl Servers {
    pub fn new() -> Servers {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/redis.js");
        let mut child = Command::new("node")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is needed to start servers");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Servers {
            child,
            speech: Mutex::new((input, output)),
        }
    }

    pub fn ask(&self, request: &Json) -> Json {
        let mut speech = self.speech.lock().expect("one at a time");
        writeln!(speech.0, "{request}").expect("it listens");
        let mut line = String::new();
        speech.1.read_line(&mut line).expect("it answers");
        let answer: Json = serde_json::from_str(&line).expect("an answer in JSON");
        assert!(
            answer.get("error").is_none(),
            "{request}: {}",
            answer["error"]
        );
        answer
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // It ends its servers when it is asked to end, and with its input at the latest.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

impl Server {
    pub fn start(args: &[&str]) -> Server {
        Server::of(&json!({"action": "start", "args": args}))
    }

    pub fn of(request: &Json) -> Server {
        let servers = Servers::new();
        let about = servers.ask(request);
        Server {
            place: about["server"].as_u64().unwrap_or(0),
            servers,
            about,
        }
    }

    pub fn pause(&self) {
        self.tell("pause", self.place);
    }

    pub fn resume(&self) {
        self.tell("resume", self.place);
    }

    pub fn tell(&self, action: &str, place: u64) {
        self.servers
            .ask(&json!({"action": action, "server": place}));
    }

    /// What redis-cli prints.
    pub fn cli(&self, args: &[&str]) -> String {
        let answer = self
            .servers
            .ask(&json!({"action": "cli", "server": self.place, "args": args}));
        answer["said"].as_str().unwrap_or_default().to_owned()
    }

    /// A process that uses this server, in contact.
    pub async fn member(&self) -> Member {
        self.member_with(json!({})).await
    }

    pub async fn member_with(&self, changes: Json) -> Member {
        let member = self.stranger(changes);
        member.connected().await;
        member
    }

    /// A process that may not be in contact.
    pub fn stranger(&self, changes: Json) -> Member {
        let mut options = json!({"port": self.about["port"]});
        for (name, value) in changes.as_object().into_iter().flatten() {
            options[name] = value.clone();
        }
        Member::start(&options)
    }
}

/// What a process's first tier is told.
#[derive(Default)]
pub struct Told {
    pub bumps: Mutex<Vec<String>>,
    pub flushes: AtomicUsize,
    pub contact: Mutex<Option<Instant>>,
}

impl Listener for Told {
    fn bumped(&self, marks: &[&str]) {
        assert!(!marks.contains(&"panic"), "as a test asked for");
        let mut bumps = self.bumps.lock().expect("bumps");
        bumps.extend(marks.iter().map(|&mark| mark.to_owned()));
    }

    fn flush(&self) {
        self.flushes.fetch_add(1, SeqCst);
    }

    fn contact(&self, at: Instant) {
        *self.contact.lock().expect("contact") = Some(at);
    }
}

/// One process of several; here they share a real one.
pub struct Member {
    pub redis: Arc<Redis>,
    pub told: Arc<Told>,
}

impl Member {
    /// On a busy machine an answer takes its time, and past the default deadline a query rightly goes on alone. Tests about
    /// a Redis that hangs have a shorter one.
    pub fn start(options: &Json) -> Member {
        let mut options = options.clone();
        if options["commandTimeoutMs"].is_null() {
            options["commandTimeoutMs"] = json!(5000);
        }
        let config = RedisConfig::from_json(&options.to_string()).expect("options");
        let told = Arc::new(Told::default());
        let listener: Arc<dyn Listener> = told.clone();
        let redis =
            Redis::start(config, Arc::downgrade(&listener), &Handle::current()).expect("a start");
        Member { redis, told }
    }

    pub async fn connected(&self) {
        until("contact", || self.redis.is_connected()).await;
    }

    pub fn flushes(&self) -> usize {
        self.told.flushes.load(SeqCst)
    }

    pub fn contact(&self) -> Option<Instant> {
        *self.told.contact.lock().expect("contact")
    }

    pub fn has_heard(&self, mark: &str) -> bool {
        self.told
            .bumps
            .lock()
            .expect("bumps")
            .iter()
            .any(|bump| bump == mark)
    }

    pub async fn ask(&self, key: &str) -> Lookup {
        self.redis
            .lookup(key, &digest(key), &marks(&["t:products"]), true)
            .await
    }

    pub async fn lead(&self, key: &str) -> Fill {
        match self.ask(key).await {
            Lookup::Lead(fill) => fill,
            other => panic!("expected to lead: {other:?}; {:?}", self.redis.stats()),
        }
    }

    pub async fn hit(&self, key: &str) -> Hit {
        match self.ask(key).await {
            Lookup::Hit(hit) => hit,
            other => panic!("expected a hit: {other:?}; {:?}", self.redis.stats()),
        }
    }

    pub async fn is_hit(&self, key: &str) -> bool {
        matches!(
            self.redis
                .lookup(key, &digest(key), &marks(&["t:products"]), false)
                .await,
            Lookup::Hit(_)
        )
    }

    pub async fn is_off(&self, key: &str) -> bool {
        matches!(self.ask(key).await, Lookup::Off)
    }

    pub async fn store(&self, fill: Fill, value: &[u8]) -> bool {
        self.redis.store(fill, value, MINUTE).await
    }

    /// Loads and stores a value under a key that nobody has.
    pub async fn put(&self, key: &str, value: &[u8]) {
        let fill = self.lead(key).await;
        assert!(self.store(fill, value).await, "{:?}", self.redis.stats());
    }

    /// As `put`, as soon as that is possible.
    pub async fn put_in_time(&self, key: &str) {
        until_async("a value can be stored", async || {
            match self.ask(key).await {
                Lookup::Lead(fill) => self.store(fill, b"value").await,
                Lookup::Hit(_) => true,
                _ => false,
            }
        })
        .await;
    }

    pub async fn settled(&self) {
        assert!(self.redis.settled(Duration::from_secs(5)).await);
    }
}

pub const MINUTE: Times = Times {
    fresh: Duration::from_secs(60),
    stale: Duration::ZERO,
    cost: Duration::from_millis(3),
};

pub fn digest(key: &str) -> Digest {
    let mut digest = [0; 16];
    for (place, byte) in key.bytes().enumerate() {
        digest[place % 16] ^= byte;
    }
    digest
}

pub fn marks(names: &[&str]) -> Vec<Box<str>> {
    names.iter().map(|&name| name.into()).collect()
}

/// Nothing announces what other processes do; it is looked for until it is there.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    until_async(what, async || is_so()).await;
}

pub async fn until_async(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A way to a server that can be held up, as a network does that loses everything, or cut.
pub struct Proxy {
    port: u16,
    held: watch::Sender<bool>,
    cut: watch::Sender<()>,
}

impl Proxy {
    pub async fn start(server: &Server) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let target = format!("127.0.0.1:{}", server.about["port"]);
        let (held, cut) = (watch::Sender::new(false), watch::Sender::new(()));
        let (hold, cuts) = (held.clone(), cut.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&target).await else {
                    continue;
                };
                let (near_in, near_out) = near.into_split();
                let (far_in, far_out) = far.into_split();
                tokio::spawn(pass(near_in, far_out, hold.subscribe(), cuts.subscribe()));
                tokio::spawn(pass(far_in, near_out, hold.subscribe(), cuts.subscribe()));
            }
        });
        Proxy { port, held, cut }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    pub fn let_go(&self) {
        self.held.send_replace(false);
    }

    pub fn cut(&self) {
        self.cut.send_replace(());
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut held: watch::Receiver<bool>,
    mut cut: watch::Receiver<()>,
) {
    let mut bytes = vec![0; 1 << 16];
    let passing = async {
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            let _ = held.wait_for(|held| !held).await;
            if to.write_all(&bytes[..length]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = passing => {}
        _ = cut.changed() => {}
    }
}
