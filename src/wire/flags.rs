//! The protocol's flag words: what both sides can do, and the state of a session.

use crate::config::Config;

/// What client and server agree to use. Several statements in one text are not in our list unless a caller of a drop-in
/// replacement asked for them, so a server refuses them. Nor is LOCAL INFILE, but on a connection that is opened for a
/// single file and on those of the drop-in replacements. There too a file goes out for the statement alone that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities(u64);

impl Capabilities {
    pub const LONG_PASSWORD: Capabilities = Capabilities(1);
    pub const FOUND_ROWS: Capabilities = Capabilities(1 << 1);
    pub const LONG_FLAG: Capabilities = Capabilities(1 << 2);
    pub const CONNECT_WITH_DB: Capabilities = Capabilities(1 << 3);
    pub const LOCAL_FILES: Capabilities = Capabilities(1 << 7);
    pub const IGNORE_SPACE: Capabilities = Capabilities(1 << 8);
    pub const PROTOCOL_41: Capabilities = Capabilities(1 << 9);
    pub const SSL: Capabilities = Capabilities(1 << 11);
    pub const TRANSACTIONS: Capabilities = Capabilities(1 << 13);
    pub const SECURE_CONNECTION: Capabilities = Capabilities(1 << 15);
    pub const MULTI_STATEMENTS: Capabilities = Capabilities(1 << 16);
    pub const MULTI_RESULTS: Capabilities = Capabilities(1 << 17);
    pub const PS_MULTI_RESULTS: Capabilities = Capabilities(1 << 18);
    pub const PLUGIN_AUTH: Capabilities = Capabilities(1 << 19);
    pub const CONNECT_ATTRS: Capabilities = Capabilities(1 << 20);
    pub const SESSION_TRACK: Capabilities = Capabilities(1 << 23);
    pub const DEPRECATE_EOF: Capabilities = Capabilities(1 << 24);

    /// What we ask for with these options. IGNORE_SPACE is on because mysql and mysql2 have it on.
    pub fn wanted(config: &Config) -> Capabilities {
        let mut wanted = Self::LONG_FLAG.0
            | Self::IGNORE_SPACE.0
            | Self::PROTOCOL_41.0
            | Self::TRANSACTIONS.0
            | Self::SECURE_CONNECTION.0
            | Self::MULTI_RESULTS.0
            | Self::PS_MULTI_RESULTS.0
            | Self::PLUGIN_AUTH.0
            | Self::CONNECT_ATTRS.0
            | Self::DEPRECATE_EOF.0;
        if config.local_files {
            wanted |= Self::LOCAL_FILES.0;
        }
        if config.session_track {
            wanted |= Self::SESSION_TRACK.0;
        }
        if config.multi_statements {
            wanted |= Self::MULTI_STATEMENTS.0;
        }
        if config.found_rows {
            wanted |= Self::FOUND_ROWS.0;
        }
        if config.database.is_some() {
            wanted |= Self::CONNECT_WITH_DB.0;
        }
        if config.tls.is_some() && config.socket_path.is_none() {
            wanted |= Self::SSL.0;
        }
        Capabilities(wanted)
    }

    pub fn from_bits(bits: u64) -> Capabilities {
        Capabilities(bits)
    }

    pub fn bits(self) -> u64 {
        self.0
    }

    pub fn contains(self, other: Capabilities) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn intersection(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 & other.0)
    }
}

/// MariaDB's own flags, in the last four reserved bytes of the greeting and the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MariadbCapabilities(u32);

impl MariadbCapabilities {
    /// One packet holds the values of many executions.
    pub const BULK_OPERATIONS: MariadbCapabilities = MariadbCapabilities(1 << 2);
    /// Column definitions carry a type name and a format; it is how a JSON column shows on MariaDB.
    pub const EXTENDED_METADATA: MariadbCapabilities = MariadbCapabilities(1 << 3);
    /// Executions leave out column definitions that did not change.
    pub const CACHE_METADATA: MariadbCapabilities = MariadbCapabilities(1 << 4);
    pub const WANTED: MariadbCapabilities = MariadbCapabilities(
        Self::BULK_OPERATIONS.0 | Self::EXTENDED_METADATA.0 | Self::CACHE_METADATA.0,
    );

    pub fn from_bits(bits: u32) -> MariadbCapabilities {
        MariadbCapabilities(bits)
    }

    pub fn bits(self) -> u32 {
        self.0
    }

    pub fn contains(self, other: MariadbCapabilities) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn intersection(self, other: MariadbCapabilities) -> MariadbCapabilities {
        MariadbCapabilities(self.0 & other.0)
    }
}

/// The state of the session as of the last OK packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status(u16);

impl Status {
    pub fn from_bits(bits: u16) -> Status {
        Status(bits)
    }

    pub fn in_transaction(self) -> bool {
        self.0 & 0x0001 != 0
    }

    pub fn bits(self) -> u16 {
        self.0
    }

    pub fn autocommit(self) -> bool {
        self.0 & 0x0002 != 0
    }

    /// Whether the result holds the values of a procedure's OUT parameters.
    pub fn out_parameters(self) -> bool {
        self.0 & 0x1000 != 0
    }

    /// Whether a backslash in a literal stands for itself.
    pub fn no_backslash_escapes(self) -> bool {
        self.0 & 0x0200 != 0
    }

    /// Whether the session changed in a way that servers tell.
    pub fn session_changed(self) -> bool {
        self.0 & 0x4000 != 0
    }

    pub fn more_results(self) -> bool {
        self.0 & 0x0008 != 0
    }
}
