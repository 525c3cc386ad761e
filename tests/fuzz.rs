//! Bounded fuzzing of what reads untrusted bytes: a corpus is mutated from a seed that is printed, and what a run finds
//! is found again with it.
//!
//! ```sh
//! HEGAR_FUZZ_SECONDS=600 cargo test --release --no-default-features --test fuzz
//! HEGAR_FUZZ_SEED=123 cargo test --no-default-features --test fuzz
//! ```
//!
//! cargo-fuzz, which is led by coverage, needs a nightly compiler, and this project is built and tested on stable alone.
//! The functions of `tests/targets` take plain bytes, so that a libFuzzer target for one of them is a line. What makes up
//! for coverage here is the corpus: cases of every type and token, which mutations take apart and put together.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

mod targets;

/// For each target, when nothing else is asked for.
const SECONDS: f64 = 2.0;
const LONGEST: usize = 4096;

#[test]
fn the_tokeniser_takes_any_text() {
    fuzz("tokenise", &sql_corpus(), |bytes| {
        targets::tokenise(&String::from_utf8_lossy(bytes))
    });
}

#[test]
fn the_parameter_converter_takes_any_bytes() {
    fuzz("unpack", &params_corpus(), targets::unpack);
}

#[test]
fn the_row_writers_take_any_rows() {
    fuzz("encode", &rows_corpus(), |bytes| {
        targets::encode(bytes);
    });
}

#[test]
fn definitions_take_any_bytes() {
    let corpus = [
        b"\x03def\x01s\x01t\x01t\x01a\x01a\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0".to_vec(),
        b"\x03def\x01s\x01t\x01t\x01a\x01a\x06\x01\x04json\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0"
            .to_vec(),
    ];
    fuzz("define", &corpus, targets::define);
}

fn fuzz(name: &str, corpus: &[Vec<u8>], target: impl Fn(&[u8])) {
    let number = |variable: &str| {
        std::env::var(variable)
            .ok()
            .and_then(|text| text.parse::<f64>().ok())
    };
    let seconds = number("HEGAR_FUZZ_SECONDS").unwrap_or(SECONDS);
    let seed = number("HEGAR_FUZZ_SEED").map_or_else(
        || {
            std::time::UNIX_EPOCH
                .elapsed()
                .map_or(1, |since| since.as_secs())
        },
        |seed| seed as u64,
    );
    println!("{name}: HEGAR_FUZZ_SEED={seed}, {seconds} s");
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut kept = corpus.to_vec();
    for case in corpus {
        run(name, seed, case, &target);
    }
    while Instant::now() < until {
        let case = mutate(&mut random, &kept);
        run(name, seed, &case, &target);
        // Mutations of mutations reach further; the corpus itself is never forgotten.
        if random.below(8) == 0 {
            if kept.len() < corpus.len() + 512 {
                kept.push(case);
            } else {
                let at = corpus.len() + random.below(512);
                kept[at] = case;
            }
        }
    }
}

fn run(name: &str, seed: u64, case: &[u8], target: &impl Fn(&[u8])) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(case))) {
        eprintln!(
            "{name} failed with HEGAR_FUZZ_SEED={seed} on \"{}\"",
            case.escape_ascii()
        );
        resume_unwind(panic);
    }
}

fn mutate(random: &mut Random, kept: &[Vec<u8>]) -> Vec<u8> {
    const TELLING: [u8; 12] = [
        0, 1, 8, 0x7F, 0x80, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF, b'\'',
    ];
    let mut case = kept[random.below(kept.len())].clone();
    for _ in 0..=random.below(5) {
        let at = random.below(case.len() + 1);
        match random.below(7) {
            0 if at < case.len() => case[at] ^= 1 << random.below(8),
            1 if at < case.len() => case[at] = TELLING[random.below(TELLING.len())],
            2 => case.insert(at, random.below(256) as u8),
            3 if at < case.len() => {
                let end = at + random.below((case.len() - at).min(16) + 1);
                case.drain(at..end);
            }
            4 => case.truncate(at),
            5 => {
                let other = &kept[random.below(kept.len())];
                let from = random.below(other.len() + 1);
                let end = from + random.below(other.len() - from + 1);
                case.splice(at..at, other[from..end].iter().copied());
            }
            _ if at < case.len() => {
                let end = at + random.below((case.len() - at).min(64) + 1);
                let copy = case[at..end].to_vec();
                case.splice(at..at, copy);
            }
            _ => {}
        }
    }
    case.truncate(LONGEST);
    case
}

fn sql_corpus() -> Vec<Vec<u8>> {
    [
        "SELECT id, 'it''s', \"a\\\"b\", `c``d` FROM t WHERE a = ? AND b IN (?) LIMIT ? -- end\n",
        "SELECT :a, @b := :b, c::d, '12:30' /* ? :x */ FROM t # :y\n WHERE `?` = :a",
        "/*!50100 SELECT ? */ /*M!100100 , ? */ UNION SELECT 1.5e5, .5, 0x3F, b'01', _utf8mb4'x', N'y', \\N",
        "INSERT INTO t (a) VALUES (?), (?) ON DUPLICATE KEY UPDATE a = VALUES(a); DELETE FROM t;",
        "CREATE DEFINER=`a`@`b` PROCEDURE p() BEGIN NOT ATOMIC SELECT 1; SELECT 2; END",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT * FROM n FOR UPDATE",
        "SET STATEMENT max_statement_time = 1 FOR SELECT 1 INTO OUTFILE 'x'; SET @@session.sql_mode = 'ANSI_QUOTES'",
        "SELECT [a] FROM shop.5f WHERE 5--1 = 6 AND a LIKE '%\\%' ESCAPE '\\'",
    ]
    .map(|sql| sql.as_bytes().to_vec())
    .to_vec()
}

fn params_corpus() -> Vec<Vec<u8>> {
    let scalars = [
        vec![0],
        [&[1][..], &42f64.to_le_bytes()].concat(),
        [&[2][..], &0.1f64.to_le_bytes()].concat(),
        [&[3][..], &(-1i64).to_le_bytes()].concat(),
        [&[4][..], &u64::MAX.to_le_bytes()].concat(),
        b"\x05\x03\0\0\0abc".to_vec(),
        b"\x06\x02\0\0\0\xff\0".to_vec(),
        vec![7, 0xE8, 7, 2, 29, 1, 2, 3, 5, 0, 0, 0],
        vec![8],
        vec![9],
    ];
    let list = [&[10, 10, 0, 0, 0][..], &scalars.concat()].concat();
    let all = scalars.concat();
    let nested = [list.clone(), list.clone()].concat();
    scalars.into_iter().chain([list, all, nested]).collect()
}

/// A case for each type alone, and one with all of them.
fn rows_corpus() -> Vec<Vec<u8>> {
    let cells: &[(u8, &[u8])] = &[
        (1, b"\x85"),
        (2, b"\x34\x12"),
        (3, b"\0\0\0\x80"),
        (4, b"\0\0\xc0\x7f"),
        (5, b"\0\0\0\0\0\0\xf0\xbf"),
        (8, b"\xff\xff\xff\xff\xff\xff\xff\x7f"),
        (10, b"\x04\xe8\x07\x02\x1d"),
        (11, b"\x0c\x01\x22\0\0\0\x17\x3b\x3b\x01\0\0\0"),
        (12, b"\x0b\xe8\x07\x02\x1d\x17\x3b\x3b\x3f\x42\x0f\0"),
        (13, b"\xe8\x07"),
        (16, b"\x02\x01\xff"),
        (242, b"\x08\0\0\x80\x3f\0\0\xc0\x7f"),
        (245, b"\x1a{\"b\":[1,-0,1e3],\"1\":\"\\u00e9\"}"),
        (246, b"\x05-1.50"),
        (253, b"\x09a\"\xc3\xa9\xf0\x9f\x98\x80\n"),
        (254, b"\x02\xff\xfe"),
        (
            255,
            b"\x19\0\0\0\0\x01\x01\0\0\0\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40",
        ),
    ];
    let case = |cells: &[(u8, &[u8])]| {
        let mut case = vec![cells.len() as u8 - 1];
        for &(code, _) in cells {
            case.extend_from_slice(&[code, 96, 0, 1, 3, 10]);
        }
        let mut row = vec![0; 1 + (cells.len() + 9) / 8];
        for (_, cell) in cells {
            row.extend_from_slice(cell);
        }
        for _ in 0..2 {
            case.extend_from_slice(&(row.len() as u16).to_le_bytes());
            case.extend_from_slice(&row);
        }
        case
    };
    cells.chunks(1).chain(cells.chunks(11)).map(case).collect()
}

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}
