//! The options of a pool as `lib/options.js` hands them over: checked and complete, times in milliseconds.
//!
//! JavaScript owns names, types, ranges and defaults; this side only reads. Secrets never print.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Deserialize;

use crate::{
    cache::CacheConfig,
    error::{Error, Kind, Result},
};

/// Everything a pool needs to know. Every field is documented where users see it, in `index.d.ts`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    pub host: String,
    pub port: u16,
    pub socket_path: Option<String>,
    pub user: String,
    pub password: Secret,
    pub database: Option<String>,
    pub collation: u16,
    pub found_rows: bool,
    pub connect_timeout_ms: u64,
    pub acquire_timeout_ms: u64,
    pub query_timeout_ms: u64,
    pub connection_limit: usize,
    pub queue_limit: usize,
    pub pipelining: bool,
    pub wait_for_connections: bool,
    pub idle_timeout_ms: u64,
    pub max_idle: usize,
    pub max_lifetime_ms: u64,
    pub validate_after_idle_ms: u64,
    pub max_prepared_statements: usize,
    pub max_result_bytes: usize,
    pub max_allowed_packet: usize,
    pub tcp_keep_alive_ms: Option<u64>,
    pub connect_attributes: BTreeMap<String, String>,
    pub tls: Option<Tls>,
    pub allow_cleartext: bool,
    pub allow_public_key_retrieval: bool,
    pub server_public_key: Option<String>,
    #[serde(flatten)]
    pub values: Values,
    pub reset_on_release: bool,
    pub slow_query_ms: u64,
    pub worker_threads: usize,
    /// Whether a server may ask for a file. `createPool` sets it for no connection but one that is opened for a file; those
    /// of the drop-in replacements have it, and answer for the statement alone that names the file
    /// (`wire/connection/file.rs`).
    #[serde(default)]
    pub local_files: bool,
    /// Whether connections go back as they are: the callers of the drop-in replacements may keep state in a session.
    #[serde(default)]
    pub keeps_sessions: bool,
    /// Whether the server tells what a statement changed in the session.
    #[serde(default)]
    pub session_track: bool,
    /// Whether one text may hold several statements. Only the drop-in replacements can ask for it.
    #[serde(default)]
    pub multi_statements: bool,
    /// How results are kept; `None` where none are.
    #[serde(default)]
    pub cache: Option<CacheConfig>,
}

/// How values look in JavaScript.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Values {
    pub timezone: String,
    /// Told when `timezone` is `local`.
    pub local_zone: Option<LocalZone>,
    pub date_strings: DateStrings,
    pub support_big_numbers: bool,
    pub big_number_strings: bool,
    pub big_int: bool,
    pub decimal_numbers: bool,
    pub json_strings: bool,
    /// As mysql2 has them in prepared statements: FLOAT is the double that single precision means.
    #[serde(default)]
    pub exact_floats: bool,
    /// As mysql has them: a date that is none and a number with zeros in front stay text.
    #[serde(default)]
    pub odd_as_text: bool,
}

/// Which temporal types arrive as the server's text instead of a `Date`.
#[derive(Debug, Clone, Copy, Deserialize, Default)]
pub struct DateStrings {
    pub date: bool,
    pub datetime: bool,
    pub timestamp: bool,
}

/// The local time zone as Node's own Date has it: the changes of its clocks, read off by
/// `lib/local-zone.js`. All in milliseconds.
#[derive(Debug, Clone, Deserialize)]
pub struct LocalZone {
    /// What local time is ahead of UTC before the first change.
    pub first: i64,
    /// Ascending: the UTC time of a change and the offset from there on, up to the year 2128.
    pub changes: Vec<(i64, i64)>,
}

/// How to secure a TCP connection.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// PEM bundles to trust instead of the built-in roots.
    pub ca: Option<Vec<String>>,
    pub cert: Option<String>,
    pub key: Option<Secret>,
    /// Check the chain of certificates.
    pub verify: bool,
    /// Check the name in the certificate too.
    pub verify_identity: bool,
    pub server_name: Option<String>,
}

/// A string that shows itself only to the code that asks by name.
#[derive(Clone, Deserialize, Default)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Secret(value.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Config {
    pub fn from_json(json: &str) -> Result<Config> {
        // The parser's message names a field and a position, never a value of ours.
        serde_json::from_str(json)
            .map_err(|error| Error::new(Kind::Options, format!("options: {error}")))
    }

    /// Where the server is, for messages: no user, no password.
    pub fn target(&self) -> String {
        match &self.socket_path {
            Some(path) => path.clone(),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    /// What makes the same statement have other results than in another pool.
    pub fn scope(&self) -> Vec<u8> {
        let Config {
            user,
            database,
            collation,
            found_rows,
            values,
            ..
        } = self;
        let version = env!("CARGO_PKG_VERSION");
        let target = self.target();
        format!("{version} {target} {user:?} {database:?} {collation} {found_rows} {values:?}")
            .into_bytes()
    }

    pub fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub fn acquire_timeout(&self) -> Duration {
        Duration::from_millis(self.acquire_timeout_ms)
    }

    /// `None` when queries may take as long as they like.
    pub fn query_timeout(&self) -> Option<Duration> {
        (self.query_timeout_ms > 0).then(|| Duration::from_millis(self.query_timeout_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::from("hunter2");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.reveal(), "hunter2");
    }

    #[test]
    fn a_local_zone_is_an_offset_and_pairs_of_a_time_and_an_offset() {
        let json = r#"{"first": -17762000, "changes": [[-2717650800000, -18000000]]}"#;
        let zone: LocalZone = serde_json::from_str(json).unwrap();
        assert_eq!(zone.first, -17_762_000);
        assert_eq!(zone.changes, [(-2_717_650_800_000, -18_000_000)]);
    }
}
