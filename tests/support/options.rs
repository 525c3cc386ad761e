//! The options of a pool in the form in which `lib/options.js` hands them over.

use std::collections::BTreeSet;

use hegar_native::config::Config;
use mysql_async::Opts;
use serde_json::{Value as Json, json};

/// The options for `server`, with some changed.
pub fn config(server: &Opts, changes: &Json) -> Config {
    let mut options = json!({
        "host": server.ip_or_hostname(), "port": server.tcp_port(), "socketPath": null,
        "user": server.user().unwrap_or("root"), "password": server.pass().unwrap_or(""), "database": "mysql",
        "collation": 224, "foundRows": true, "connectTimeoutMs": 10_000, "acquireTimeoutMs": 10_000,
        "queryTimeoutMs": 60_000, "connectionLimit": 10, "queueLimit": 0, "pipelining": true, "waitForConnections": true,
        "idleTimeoutMs": 60_000, "maxIdle": 10, "maxLifetimeMs": 1_800_000, "validateAfterIdleMs": 1000,
        "maxPreparedStatements": 256, "maxResultBytes": 536_870_912, "maxAllowedPacket": 1_073_741_824,
        "tcpKeepAliveMs": null, "connectAttributes": {}, "tls": null, "allowCleartext": false,
        "allowPublicKeyRetrieval": false, "serverPublicKey": null, "timezone": "Z", "localZone": null,
        "dateStrings": {"date": false, "datetime": false, "timestamp": false}, "supportBigNumbers": false,
        "bigNumberStrings": false, "bigInt": false, "decimalNumbers": false, "jsonStrings": false,
        "resetOnRelease": false, "slowQueryMs": 500, "workerThreads": 2,
    });
    let known: BTreeSet<String> = options
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect();
    for (name, value) in changes.as_object().into_iter().flatten() {
        assert!(
            known.contains(name),
            "the test changes the option {name}, which does not exist"
        );
        options[name] = value.clone();
    }
    Config::from_json(&options.to_string()).unwrap_or_else(|error| panic!("{error}"))
}
