//! The options of the second tier, as JavaScript hands them over: checked and complete, times in milliseconds.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    config::{Secret, Tls},
    error::{Error, Kind, Result},
};

/// Where Redis is and how long anything may take.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RedisConfig {
    pub host: String,
    pub port: u16,
    /// A unix socket instead of host and port.
    pub socket_path: Option<String>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub db: u8,
    pub tls: Option<Tls>,
    /// Ask sentinels for the primary, instead of host and port.
    pub sentinel: Option<Sentinel>,
    /// A cluster, instead of host and port. It has database 0 alone.
    pub cluster: Option<Cluster>,
    /// Put before every key and channel. It holds a hash tag, the name in braces, because a script needs its keys on one
    /// node of a cluster; the cache of one application then lives on one node.
    pub key_prefix: String,
    /// What a query waits for Redis at the longest. Past it the query goes to the database.
    pub command_timeout_ms: u64,
    /// For a connection with everything that opens it, until the next attempt.
    pub connect_timeout_ms: u64,
    /// The pause before connecting again: this times the number of attempts, up to `retry_max_delay_ms`.
    pub retry_delay_ms: u64,
    pub retry_max_delay_ms: u64,
    /// How often a command follows a cluster that moved its keys, all within `command_timeout_ms`. A command whose
    /// connection breaks is not sent again: its query is better off with the database.
    pub max_retries_per_request: u32,
    /// No answer is older than a write that another process could not tell by more than this.
    pub max_staleness_ms: u64,
    /// How long the lease of a process that died keeps the others waiting.
    pub lease_ms: u64,
    /// After that much silence a process that did not leave is taken for dead, and its unknown writes for none.
    pub forget_member_ms: u64,
    /// Values from this size on are compressed, when that makes them smaller.
    pub compress_from_bytes: usize,
    /// Larger values are not stored, and not believed either.
    pub max_value_bytes: usize,
    pub breaker: BreakerConfig,
}

/// A group of sentinels and the name under which they watch the primary.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sentinel {
    pub name: String,
    pub nodes: Vec<Node>,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub password: Option<Secret>,
}

/// Some nodes of a cluster; they know the others.
#[derive(Debug, Clone, Deserialize)]
pub struct Cluster {
    pub nodes: Vec<Node>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Node {
    pub host: String,
    pub port: u16,
}

/// When Redis is left alone for a while.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BreakerConfig {
    /// Commands that fail in a row. Half of the last twenty open it as well.
    pub failures: u32,
    /// The first pause; each one that follows is twice as long, up to `max_open_ms`.
    pub open_ms: u64,
    pub max_open_ms: u64,
}

impl Default for RedisConfig {
    fn default() -> Self {
        RedisConfig {
            host: "127.0.0.1".to_owned(),
            port: 6379,
            socket_path: None,
            username: None,
            password: None,
            db: 0,
            tls: None,
            sentinel: None,
            cluster: None,
            key_prefix: "{hegar}:".to_owned(),
            command_timeout_ms: 100,
            connect_timeout_ms: 5000,
            retry_delay_ms: 50,
            retry_max_delay_ms: 2000,
            max_retries_per_request: 3,
            max_staleness_ms: 1000,
            lease_ms: 3000,
            forget_member_ms: 60_000,
            compress_from_bytes: 8192,
            max_value_bytes: 64 << 20,
            breaker: BreakerConfig::default(),
        }
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        BreakerConfig {
            failures: 5,
            open_ms: 1000,
            max_open_ms: 10_000,
        }
    }
}

impl RedisConfig {
    pub fn from_json(json: &str) -> Result<RedisConfig> {
        serde_json::from_str(json)
            .map_err(|error| Error::new(Kind::Options, format!("cache.redis: {error}")))
    }

    /// Where Redis is, for messages: no user, no password.
    pub fn target(&self) -> String {
        if let Some(sentinel) = &self.sentinel {
            return format!("the primary '{}' of the sentinels", sentinel.name);
        }
        match (&self.cluster, &self.socket_path) {
            (Some(cluster), _) => match cluster.nodes.first() {
                Some(node) => format!("the cluster of {}:{}", node.host, node.port),
                None => "a cluster without nodes".to_owned(),
            },
            (None, Some(path)) => path.clone(),
            (None, None) => format!("{}:{}", self.host, self.port),
        }
    }

    pub fn command_timeout(&self) -> Duration {
        Duration::from_millis(self.command_timeout_ms.max(1))
    }

    pub fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms.max(1))
    }

    pub fn max_staleness(&self) -> Duration {
        // Less leaves no room for a beat, its answer and another one.
        Duration::from_millis(self.max_staleness_ms.max(50))
    }

    /// The pause before the attempt of this number, counted from 1.
    pub fn retry_delay(&self, attempt: u32) -> Duration {
        let delay = self.retry_delay_ms.saturating_mul(u64::from(attempt));
        Duration::from_millis(delay.min(self.retry_max_delay_ms).max(1))
    }

    // The three that follow add up to the longest staleness. A write may wait for one beat before it is told; then its
    // process may fall silent, which is noticed after `patience`; and what the last beat before that allowed is used for
    // `trust`.

    /// How often this process says that it is there.
    pub(super) fn beat(&self) -> Duration {
        self.max_staleness() / 5
    }

    /// How long an answer to a beat may take. After as much silence the others begin new eras.
    pub(super) fn patience(&self) -> Duration {
        self.max_staleness() * 2 / 5
    }

    /// How long values may be used after a beat was sent that was answered.
    pub(super) fn trust(&self) -> Duration {
        self.max_staleness() * 2 / 5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_the_documented_default() {
        let config = RedisConfig::from_json(r#"{"port": 6380, "breaker": {"failures": 2}}"#)
            .expect("valid options");
        assert_eq!(config.target(), "127.0.0.1:6380");
        assert_eq!(config.breaker.failures, 2);
        assert_eq!(config.breaker.open_ms, 1000);
        assert_eq!(config.key_prefix, "{hegar}:");
    }

    #[test]
    fn pauses_between_attempts_grow_up_to_the_longest() {
        let config = RedisConfig::default();
        assert_eq!(config.retry_delay(1), Duration::from_millis(50));
        assert_eq!(config.retry_delay(39), Duration::from_millis(1950));
        assert_eq!(config.retry_delay(u32::MAX), Duration::from_secs(2));
    }

    #[test]
    fn passwords_do_not_print() {
        let config = RedisConfig::from_json(
            r#"{"password": "hunter2", "sentinel": {"name": "m", "nodes": [], "password": "hunter3"}}"#,
        )
        .expect("valid options");
        let printed = format!("{config:?} {}", config.target());
        assert!(!printed.contains("hunter"), "{printed}");
    }
}
