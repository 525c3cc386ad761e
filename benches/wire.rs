//! Our wire against mysql_async on one server, in one run: `cargo bench --no-default-features --bench wire`.
//!
//! Both sides have 10 connections, 64 callers, a runtime of two threads, prepared statements, no reset between calls,
//! and write every row as the same JSON; the first answers are compared byte for byte. Rounds are interleaved.
//! Besides queries a second, which the server bounds on a small machine, the processor time of this process a query
//! shows what each side costs. HEGAR_TEST_URL names the server; HEGAR_BENCH_ROUNDS (7) and HEGAR_BENCH_MS (1000 a round) set the effort.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hegar_native::{
    codec::params::Params,
    config::Config,
    error::Result,
    metrics::Metrics,
    pool::Pool,
    sql::Placeholders,
    statement::Statement,
    wire::{Cell, Columns, Memo, Row, RowSink},
};
use mysql_async::{Opts, OptsBuilder, PoolConstraints, PoolOpts, Value, prelude::Queryable};

const CONNECTIONS: usize = 10;
const CALLERS: usize = 64;
const ROWS: u64 = 20_000;
const DATABASE: &str = "hegar_bench_wire";

/// A question; its only parameter is a number from 0 to `ROWS - rows`.
struct Workload {
    name: &'static str,
    sql: &'static str,
    rows: u64,
}

const WORKLOADS: [Workload; 3] = [
    Workload {
        name: "point",
        sql: "SELECT * FROM products WHERE id = ? + 1",
        rows: 1,
    },
    Workload {
        name: "page20",
        sql: "SELECT * FROM products WHERE id > ? ORDER BY id LIMIT 20",
        rows: 20,
    },
    Workload {
        name: "list1k",
        sql: "SELECT * FROM products WHERE id > ? ORDER BY id LIMIT 1000",
        rows: 1000,
    },
];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let url = std::env::var("HEGAR_TEST_URL")
        .expect("HEGAR_TEST_URL must name a MariaDB, as mysql://root@127.0.0.1:PORT/");
    let server = Opts::from_url(&url).expect("HEGAR_TEST_URL must be a connection string");
    prepare(&server).await;
    let ours = Arc::new(Ours::new(&server));
    let theirs = Arc::new(Theirs::new(&server));
    let rounds = setting("HEGAR_BENCH_ROUNDS", 7);
    let length = Duration::from_millis(setting("HEGAR_BENCH_MS", 1000));
    println!(
        "{CONNECTIONS} connections, {CALLERS} in flight, {rounds} rounds of {} ms; queries a second",
        length.as_millis()
    );
    println!(
        "{:<8} {:<11} {:>26} {:>26} {:>7}",
        "", "", "hegar wire (min to max)", "mysql_async (min to max)", "ratio"
    );
    for (index, workload) in WORKLOADS.iter().enumerate() {
        for number in [0, 17, ROWS - workload.rows] {
            let (left, right) = (
                ours.ask(index, number).await,
                theirs.ask(index, number).await,
            );
            assert!(left == right, "{}: the answers differ", workload.name);
            assert!(
                left.iter().filter(|&&byte| byte == b'{').count() as u64 == workload.rows,
                "{}",
                workload.name
            );
        }
        let (mut left, mut right) = (Vec::new(), Vec::new());
        // The first round of each side warms connections and statements and is not counted.
        for round in 0..=rounds {
            let a = measure(&ours, index, length).await;
            let b = measure(&theirs, index, length).await;
            if round > 0 {
                left.push(a);
                right.push(b);
            }
        }
        for (what, pick) in [("queries/s", 0), ("CPU us/query", 1)] {
            let [a, b] = [&left, &right]
                .map(|rounds| Summary::of(rounds.iter().map(|round| round[pick]).collect()));
            let ratio = a.median / b.median;
            println!(
                "{:<8} {what:<12} {:>25} {:>26} {ratio:>6.2}x",
                workload.name,
                a.text(),
                b.text()
            );
        }
    }
    ours.pool.close(Duration::from_secs(5)).await;
    theirs.query(&format!("DROP DATABASE {DATABASE}")).await;
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// One side of the comparison.
trait Side: Send + Sync + 'static {
    /// The answer to a workload as JSON.
    fn ask(&self, workload: usize, number: u64) -> impl Future<Output = Vec<u8>> + Send;
}

/// Queries a second with all callers busy for `length`, and the microseconds of processor time each one took.
async fn measure<S: Side>(side: &Arc<S>, workload: usize, length: Duration) -> [f64; 2] {
    let done = Arc::new(AtomicU64::new(0));
    let next = Arc::new(AtomicU64::new(0));
    let used = processor_micros();
    let started = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (side, done, next) = (side.clone(), done.clone(), next.clone());
            tokio::spawn(async move {
                while started.elapsed() < length {
                    // Steps through the table in an order that looks random and is the same for both sides.
                    let step = next.fetch_add(1, Ordering::Relaxed).wrapping_mul(7919);
                    let answer = side
                        .ask(workload, step % (ROWS - WORKLOADS[workload].rows + 1))
                        .await;
                    std::hint::black_box(&answer);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller fails");
    }
    let done = done.load(Ordering::Relaxed) as f64;
    [
        done / started.elapsed().as_secs_f64(),
        (processor_micros() - used) / done,
    ]
}

/// Processor time of this process so far, from /proc; the kernel counts it in hundredths of a second.
fn processor_micros() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th field behind it.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks * 10_000.0
}

struct Summary {
    median: f64,
    min: f64,
    max: f64,
}

impl Summary {
    fn of(mut values: Vec<f64>) -> Summary {
        values.sort_by(f64::total_cmp);
        Summary {
            median: values[values.len() / 2],
            min: values[0],
            max: values[values.len() - 1],
        }
    }

    fn text(&self) -> String {
        let digits = usize::from(self.median < 100.0);
        format!(
            "{:.digits$} ({:.digits$} to {:.digits$})",
            self.median, self.min, self.max
        )
    }
}

struct Ours {
    pool: Arc<Pool>,
    statements: Vec<Statement>,
}

impl Ours {
    fn new(server: &Opts) -> Ours {
        let options = serde_json::json!({
            "host": server.ip_or_hostname(), "port": server.tcp_port(), "socketPath": null,
            "user": server.user().unwrap_or("root"), "password": server.pass().unwrap_or(""), "database": DATABASE,
            "collation": 224, "foundRows": true, "connectTimeoutMs": 10_000, "acquireTimeoutMs": 10_000,
            "queryTimeoutMs": 60_000, "connectionLimit": CONNECTIONS, "queueLimit": 0, "pipelining": true, "waitForConnections": true,
            "idleTimeoutMs": 60_000, "maxIdle": CONNECTIONS, "maxLifetimeMs": 1_800_000, "validateAfterIdleMs": 10_000,
            "maxPreparedStatements": 256, "maxResultBytes": 536_870_912, "maxAllowedPacket": 1_073_741_824,
            "tcpKeepAliveMs": null, "connectAttributes": {}, "tls": null, "allowCleartext": false,
            "allowPublicKeyRetrieval": false, "serverPublicKey": null, "timezone": "Z", "localZone": null,
            "dateStrings": {"date": false, "datetime": false, "timestamp": false}, "supportBigNumbers": false,
            "bigNumberStrings": false, "bigInt": false, "decimalNumbers": false, "jsonStrings": false,
            "resetOnRelease": false, "slowQueryMs": 500, "workerThreads": 2,
        });
        let config = Config::from_json(&options.to_string()).expect("options");
        let parse = |workload: &Workload| {
            Statement::parse(workload.sql, Placeholders::Positional).expect("a statement")
        };
        Ours {
            pool: Pool::new(Arc::new(config), Arc::new(Metrics::new())),
            statements: WORKLOADS.iter().map(parse).collect(),
        }
    }
}

impl Side for Ours {
    async fn ask(&self, workload: usize, number: u64) -> Vec<u8> {
        let packed = [&[3][..], &number.to_le_bytes()].concat();
        let params = Params::unpack(&packed).expect("packed parameters");
        let mut sink = Sink::default();
        let mut lease = self.pool.acquire().await.expect("a connection");
        lease
            .connection()
            .execute(&self.statements[workload], &params, &mut sink)
            .await
            .expect("an answer");
        lease.release(false).await;
        sink.json.finish()
    }
}

#[derive(Default)]
struct Sink {
    columns: Columns,
    json: Json,
}

impl RowSink for Sink {
    fn begin(&mut self, columns: &Columns, _memo: &mut Memo) -> Result<()> {
        self.columns = columns.clone();
        Ok(())
    }

    fn row(&mut self, mut row: Row<'_>) -> Result<()> {
        self.json.open();
        for (index, column) in self.columns.iter().enumerate() {
            self.json.name(index, column.name.as_bytes());
            match row.cell(index, column)? {
                Cell::Null => self.json.raw(b"null"),
                Cell::Int(value) => self.json.number(value),
                Cell::UInt(value) => self.json.number(value),
                Cell::Float(value) => self.json.number(value),
                Cell::Double(value) => self.json.number(value),
                Cell::Bytes(bytes) => self.json.text(bytes),
                Cell::Date(d) => self.json.date([
                    d.year,
                    d.month.into(),
                    d.day.into(),
                    d.hour.into(),
                    d.minute.into(),
                    d.second.into(),
                ]),
                Cell::Time(_) => unreachable!("the table has no TIME"),
            }
        }
        self.json.close();
        Ok(())
    }
}

struct Theirs {
    pool: mysql_async::Pool,
}

impl Theirs {
    fn new(server: &Opts) -> Theirs {
        let constraints = PoolConstraints::new(CONNECTIONS, CONNECTIONS).expect("limits");
        let pool = PoolOpts::default()
            .with_constraints(constraints)
            .with_reset_connection(false);
        let options = OptsBuilder::from_opts(server.clone())
            .db_name(Some(DATABASE))
            .pool_opts(pool);
        Theirs {
            pool: mysql_async::Pool::new(options),
        }
    }

    async fn query(&self, sql: &str) {
        self.pool
            .get_conn()
            .await
            .expect("a connection")
            .query_drop(sql)
            .await
            .expect("done");
    }
}

impl Side for Theirs {
    async fn ask(&self, workload: usize, number: u64) -> Vec<u8> {
        let mut json = Json::default();
        let mut connection = self.pool.get_conn().await.expect("a connection");
        let mut result = connection
            .exec_iter(WORKLOADS[workload].sql, (number,))
            .await
            .expect("an answer");
        let columns = result.columns().expect("columns");
        while let Some(row) = result.next().await.expect("a row") {
            json.open();
            for (index, column) in columns.iter().enumerate() {
                json.name(index, column.name_ref());
                match row.as_ref(index).expect("a value") {
                    Value::NULL => json.raw(b"null"),
                    Value::Int(value) => json.number(value),
                    Value::UInt(value) => json.number(value),
                    Value::Float(value) => json.number(value),
                    Value::Double(value) => json.number(value),
                    Value::Bytes(bytes) => json.text(bytes),
                    &Value::Date(year, month, day, hour, minute, second, _) => {
                        json.date([
                            year,
                            month.into(),
                            day.into(),
                            hour.into(),
                            minute.into(),
                            second.into(),
                        ]);
                    }
                    Value::Time(..) => unreachable!("the table has no TIME"),
                }
            }
            json.close();
        }
        drop(result);
        json.finish()
    }
}

/// A plain writer of JSON, the same for both sides.
#[derive(Default)]
struct Json {
    out: Vec<u8>,
}

impl Json {
    fn open(&mut self) {
        self.out.push(if self.out.is_empty() { b'[' } else { b',' });
        self.out.push(b'{');
    }

    fn close(&mut self) {
        self.out.push(b'}');
    }

    fn name(&mut self, index: usize, name: &[u8]) {
        if index > 0 {
            self.out.push(b',');
        }
        self.text(name);
        self.out.push(b':');
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn number(&mut self, value: impl std::fmt::Display) {
        write!(self.out, "{value}").expect("memory takes every write");
    }

    fn text(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        for &byte in bytes {
            match byte {
                b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
                0..0x20 => write!(self.out, "\\u{byte:04x}").expect("memory takes every write"),
                _ => self.out.push(byte),
            }
        }
        self.out.push(b'"');
    }

    fn date(&mut self, [year, month, day, hour, minute, second]: [u16; 6]) {
        write!(
            self.out,
            "\"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}\""
        )
        .expect("memory takes every write");
    }

    fn finish(mut self) -> Vec<u8> {
        self.out
            .extend_from_slice(if self.out.is_empty() { b"[]" } else { b"]" });
        self.out
    }
}

async fn prepare(server: &Opts) {
    let mut connection = mysql_async::Conn::new(server.clone())
        .await
        .expect("the server of HEGAR_TEST_URL answers");
    for sql in [
        format!("CREATE OR REPLACE DATABASE {DATABASE}"),
        format!(
            "CREATE TABLE {DATABASE}.products (id INT PRIMARY KEY, name VARCHAR(100), description TEXT, \
             price DECIMAL(10,2), stock INT, rating DOUBLE, note VARCHAR(50) NULL, created_at DATETIME)"
        ),
        format!(
            "INSERT INTO {DATABASE}.products SELECT seq, CONCAT('Product number ', seq), \
             CONCAT('A thing of quality ', seq MOD 97, ', said \"ours\" by ', REPEAT('many ', 15)), seq MOD 1000 + 0.95, \
             seq MOD 500, seq MOD 50 / 10, IF(seq MOD 3 = 0, NULL, 'a note'), \
             '2024-01-01' + INTERVAL seq MINUTE FROM mysql.seq_1_to_{ROWS}"
        ),
    ] {
        connection.query_drop(sql).await.expect("the table is made");
    }
    connection.disconnect().await.expect("good-bye");
}
