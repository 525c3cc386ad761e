//! A MariaDB of a test's own, with options of its own; it ends with the test.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use hegar_native::config::Config;
use mysql_async::{Opts, OptsBuilder};
use serde_json::{Value as Json, json};

use crate::options;

pub struct OwnServer {
    keeper: Child,
    place: Json,
}

impl OwnServer {
    /// Starts a server with these options of mariadbd and waits until it answers.
    pub fn start(args: &[&str]) -> OwnServer {
        let mut keeper = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tools/serve.js"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut line = String::new();
        BufReader::new(keeper.stdout.as_mut().expect("its output"))
            .read_line(&mut line)
            .expect("a line of it");
        let place = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("the server did not start: {error}: {line:?}"));
        OwnServer { keeper, place }
    }

    /// The options that `lib/options.js` hands over for this server, with some changed.
    pub fn config(&self, changes: Json) -> Config {
        let port = self.place["port"].as_u64().expect("a port");
        let server = OptsBuilder::default()
            .ip_or_hostname(self.place["host"].as_str().expect("a host"))
            .tcp_port(port as u16);
        let mut all = json!({"database": null});
        for (name, value) in changes.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        options::config(&Opts::from(server), &all)
    }

    /// Sends a signal to the server process.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.place["pid"].to_string()])
            .status();
        assert!(status.expect("kill starts").success(), "kill -{name}");
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // Its input ends, and with it the server.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
