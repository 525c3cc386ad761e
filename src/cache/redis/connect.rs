//! Two connections to Redis: one for commands, one for messages.
//!
//! The client is not allowed to connect again by itself: a connection that breaks ends everything that relied on it, see
//! `session`, and nothing has to be guessed about what was missed in between.

use std::sync::Arc;

use fred::{
    clients::{Client, WithOptions},
    error::Error as RedisError,
    interfaces::{ClientLike, EventInterface, PubsubInterface},
    types::{
        Builder, Message,
        config::{
            ClusterDiscoveryPolicy, Config, Options, Server, ServerConfig, TlsConnector,
            UnresponsiveConfig,
        },
    },
};
use tokio::{sync::broadcast, task::JoinHandle, time::timeout};

use super::config::{Node, RedisConfig};
use crate::{
    config::{Secret, Tls},
    error::{Error, Kind, Result},
    wire,
};

/// Messages that may wait. When there are more the reader is told, and everything is taken for missed.
const MESSAGES: usize = 8192;
/// Commands that may wait for the socket; past it they fail.
const COMMANDS: usize = 10_000;

/// How to connect, checked once.
#[derive(Debug)]
pub struct Dialer {
    config: Config,
    options: RedisConfig,
}

/// What a session has.
pub struct Pair {
    pub commands: WithOptions<Client>,
    // Ends the connection with the session.
    bus: Client,
    tasks: [Task; 2],
}

/// The task of a connection, which ends with whoever holds this.
struct Task(JoinHandle<std::result::Result<(), RedisError>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Dialer {
    pub fn new(options: &RedisConfig) -> Result<Dialer> {
        let server = |host: &str, port: u16| {
            let mut server = Server::new(host.to_owned(), port);
            let name = options
                .tls
                .as_ref()
                .and_then(|tls| tls.server_name.as_deref());
            server.tls_server_name = name.map(|name| name.to_owned().into());
            server
        };
        let servers = |nodes: &[Node]| -> Vec<Server> {
            nodes
                .iter()
                .map(|node| server(&node.host, node.port))
                .collect()
        };
        let reveal = |secret: &Option<Secret>| {
            let secret = secret.as_ref().map(Secret::reveal);
            secret
                .filter(|secret| !secret.is_empty())
                .map(str::to_owned)
        };
        let nodes = if let Some(sentinel) = &options.sentinel {
            require_nodes("sentinel", &sentinel.nodes)?;
            ServerConfig::Sentinel {
                hosts: servers(&sentinel.nodes),
                service_name: sentinel.name.clone(),
                username: sentinel.username.clone(),
                password: reveal(&sentinel.password),
            }
        } else if let Some(cluster) = &options.cluster {
            require_nodes("cluster", &cluster.nodes)?;
            ServerConfig::Clustered {
                hosts: servers(&cluster.nodes),
                policy: ClusterDiscoveryPolicy::ConfigEndpoint,
            }
        } else if let Some(path) = &options.socket_path {
            ServerConfig::Unix { path: path.into() }
        } else {
            ServerConfig::Centralized {
                server: server(&options.host, options.port),
            }
        };
        let config = Config {
            server: nodes,
            username: options.username.clone(),
            password: reveal(&options.password),
            database: (options.cluster.is_none() && options.db > 0).then_some(options.db),
            tls: options.tls.as_ref().map(connector).transpose()?,
            ..Config::default()
        };
        Ok(Dialer {
            config,
            options: options.clone(),
        })
    }

    /// Connects and subscribes. The caller holds the deadline; dropped before it is done, it leaves nothing behind.
    pub async fn dial(
        &self,
        channels: [String; 2],
    ) -> std::result::Result<(Pair, broadcast::Receiver<Message>), RedisError> {
        let commands = self.client()?;
        let bus = self.client()?;
        let tasks = [Task(commands.connect()), Task(bus.connect())];
        tokio::try_join!(commands.wait_for_connect(), bus.wait_for_connect())?;
        // Before the subscription, so that its first message is not missed.
        let messages = bus.message_rx();
        bus.subscribe(channels.to_vec()).await?;
        let options = Options {
            max_attempts: Some(1),
            max_redirections: Some(self.options.max_retries_per_request.max(1)),
            fail_fast: true,
            ..Options::default()
        };
        let pair = Pair {
            commands: commands.with_options(&options),
            bus,
            tasks,
        };
        Ok((pair, messages))
    }

    fn client(&self) -> std::result::Result<Client, RedisError> {
        let limit = self.options.connect_timeout();
        Builder::from_config(self.config.clone())
            .with_connection_config(|connection| {
                connection.connection_timeout = limit;
                connection.internal_command_timeout = limit;
                connection.max_command_attempts = 1;
                connection.max_command_buffer_len = COMMANDS;
                connection.tcp.nodelay = Some(true);
                // Beats find out what does not answer.
                connection.unresponsive = UnresponsiveConfig::default();
            })
            .with_performance_config(|performance| {
                performance.broadcast_channel_capacity = MESSAGES;
            })
            .build()
    }
}

impl Pair {
    /// Resolves when one of the connections has ended, for whatever reason.
    pub async fn ended(&mut self) -> String {
        let [commands, bus] = &mut self.tasks;
        let ending = tokio::select! {
            ending = &mut commands.0 => ending,
            ending = &mut bus.0 => ending,
        };
        match ending {
            Ok(Err(error)) => error.to_string(),
            _ => "the connection ended".to_owned(),
        }
    }

    /// Says good-bye, so that Redis does not report a broken connection.
    pub async fn quit(self, limit: std::time::Duration) {
        let _ = timeout(limit, async {
            tokio::join!(self.commands.quit(), self.bus.quit())
        })
        .await;
    }
}

fn require_nodes(option: &str, nodes: &[Node]) -> Result<()> {
    if nodes.is_empty() {
        let message = format!("cache.redis.{option}.nodes: at least one node is needed");
        return Err(Error::new(Kind::Options, message));
    }
    Ok(())
}

fn connector(tls: &Tls) -> Result<fred::types::config::TlsConfig> {
    let config = Arc::unwrap_or_clone(wire::tls_config(tls)?);
    Ok(TlsConnector::from(config).into())
}
