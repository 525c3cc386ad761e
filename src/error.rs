//! The one error type of the core: what kind of failure it was, what happened, and how JavaScript sees it.

use std::{fmt, io};

use serde::Serialize;

/// A failure of the core. Server errors keep the server's number and state; ours carry a `HEGAR_…` code.
#[derive(Debug, Clone)]
pub struct Error {
    kind: Kind,
    message: String,
    // Boxed, because few errors have them and every result has room for an error.
    cause: Option<Box<Cause>>,
    rows: Option<Box<(u64, u64)>>,
    /// Of a group of reads, which one failed.
    part: Option<u32>,
}

pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. Each kind has one code, see [`Kind::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The server answered with an ERR packet; the connection stays usable unless `fatal`.
    Server {
        errno: u16,
        sql_state: [u8; 5],
        fatal: bool,
    },
    PoolTimeout,
    PoolClosed,
    QueueFull,
    ConnectFailed,
    ConnectTimeout,
    QueryTimeout,
    /// A call passed the deadline that its caller gave it.
    CallTimeout,
    /// The caller gave up.
    Aborted,
    /// The rows of a stream were not used for too long.
    StreamStalled,
    ConnectionLost,
    /// The connection ended between sending COMMIT and its answer.
    CommitUnknown,
    /// A transaction within a transaction, which would commit the first one.
    TransactionOpen,
    /// A statement for a transaction that the server has ended.
    TransactionOver,
    Protocol,
    Tls,
    Auth,
    ResultTooLarge,
    Parameters,
    /// A text was written for a session that reads literals otherwise; nothing was sent.
    SqlMode,
    /// The server's binary log can not be followed, as it is set up or for want of a privilege.
    Binlog,
    Unsupported,
    Options,
    Internal,
}

/// The operating system's word on a failure, for `error.cause`.
#[derive(Debug, Clone, Serialize)]
pub struct Cause {
    pub code: String,
    pub message: String,
}

impl Kind {
    /// The stable code of this kind. Server errors get theirs from the errno, in JavaScript.
    pub fn code(self) -> &'static str {
        match self {
            Kind::Server { .. } => "HEGAR_SERVER_ERROR",
            Kind::PoolTimeout => "HEGAR_POOL_TIMEOUT",
            Kind::PoolClosed => "HEGAR_POOL_CLOSED",
            Kind::QueueFull => "HEGAR_QUEUE_FULL",
            Kind::ConnectFailed => "HEGAR_CONNECT_FAILED",
            Kind::ConnectTimeout => "HEGAR_CONNECT_TIMEOUT",
            Kind::QueryTimeout | Kind::CallTimeout => "HEGAR_QUERY_TIMEOUT",
            Kind::Aborted => "HEGAR_ABORTED",
            Kind::StreamStalled => "HEGAR_STREAM_STALLED",
            Kind::ConnectionLost => "HEGAR_CONNECTION_LOST",
            Kind::CommitUnknown => "HEGAR_COMMIT_UNKNOWN",
            Kind::TransactionOpen => "HEGAR_TRANSACTION_OPEN",
            Kind::TransactionOver => "HEGAR_TRANSACTION_OVER",
            Kind::Protocol => "HEGAR_PROTOCOL_ERROR",
            Kind::Tls => "HEGAR_TLS_ERROR",
            Kind::Auth => "HEGAR_AUTH_ERROR",
            Kind::ResultTooLarge => "HEGAR_RESULT_TOO_LARGE",
            Kind::Parameters => "HEGAR_PARAM_INVALID",
            Kind::SqlMode => "HEGAR_SQL_MODE",
            Kind::Binlog => "HEGAR_BINLOG",
            Kind::Unsupported => "HEGAR_UNSUPPORTED",
            Kind::Options => "HEGAR_OPTION_INVALID",
            Kind::Internal => "HEGAR_INTERNAL",
        }
    }
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            cause: None,
            rows: None,
            part: None,
        }
    }

    /// A failure of the socket while a command was under way.
    pub fn connection_lost(source: &io::Error) -> Self {
        let message = if source.kind() == io::ErrorKind::UnexpectedEof {
            "the server closed the connection before it answered".to_owned()
        } else {
            format!("the connection to the server broke: {source}")
        };
        Error {
            kind: Kind::ConnectionLost,
            message,
            cause: Some(Box::new(Cause::of(source))),
            rows: None,
            part: None,
        }
    }

    /// A failure of the socket before a session was there.
    pub fn connect_failed(target: &str, source: &io::Error) -> Self {
        Error {
            kind: Kind::ConnectFailed,
            message: format!("could not connect to {target}: {source}"),
            cause: Some(Box::new(Cause::of(source))),
            rows: None,
            part: None,
        }
    }

    pub fn protocol(message: impl Into<String>) -> Self {
        Error::new(Kind::Protocol, message)
    }

    /// The error of a batch, with the first and the last row that it may be of, counted from 0.
    pub fn at_rows(mut self, first: u64, last: u64) -> Self {
        self.rows = Some(Box::new((first, last)));
        self
    }

    /// The error of one of a group of reads, counted from 0.
    pub fn in_part(mut self, part: usize) -> Self {
        self.part = u32::try_from(part).ok();
        self
    }

    /// See [`Error::at_rows`].
    pub fn rows(&self) -> Option<(u64, u64)> {
        self.rows.as_deref().copied()
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    /// The number of a server error.
    pub fn errno(&self) -> Option<u16> {
        match self.kind {
            Kind::Server { errno, .. } => Some(errno),
            _ => None,
        }
    }

    /// Whether the connection that saw this error must not be used again.
    pub fn is_fatal(&self) -> bool {
        match self.kind {
            Kind::Server { fatal, .. } => fatal,
            // The connection is looked after when the caller has gone.
            Kind::CallTimeout | Kind::Aborted => false,
            // Refused before anything was sent, so the session is as it was.
            Kind::Parameters
            | Kind::Unsupported
            | Kind::QueueFull
            | Kind::TransactionOpen
            | Kind::TransactionOver => false,
            _ => true,
        }
    }

    /// The label for the metrics: the code of ours, or the number of the server's error. Never any text.
    pub fn label(&self) -> String {
        match self.kind {
            Kind::Server { errno, .. } => errno.to_string(),
            kind => kind.code().to_owned(),
        }
    }

    /// The error as JSON for the JavaScript side, which turns it into a `HegarError`.
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<'a> {
            code: &'a str,
            message: &'a str,
            fatal: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            errno: Option<u16>,
            #[serde(skip_serializing_if = "Option::is_none")]
            sql_state: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            cause: Option<&'a Cause>,
            #[serde(skip_serializing_if = "Option::is_none")]
            rows: Option<(u64, u64)>,
            #[serde(skip_serializing_if = "Option::is_none")]
            part: Option<u32>,
        }
        let sql_state = match self.kind {
            Kind::Server { sql_state, .. } => {
                Some(String::from_utf8_lossy(&sql_state).into_owned())
            }
            _ => None,
        };
        let wire = Wire {
            code: self.kind.code(),
            message: &self.message,
            fatal: self.is_fatal(),
            errno: self.errno(),
            sql_state,
            cause: self.cause.as_deref(),
            rows: self.rows(),
            part: self.part,
        };
        serde_json::to_vec(&wire).unwrap_or_else(|_| br#"{"code":"HEGAR_INTERNAL"}"#.to_vec())
    }
}

impl Cause {
    fn of(error: &io::Error) -> Cause {
        let code = match error.kind() {
            io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
            io::ErrorKind::ConnectionReset => "ECONNRESET",
            io::ErrorKind::ConnectionAborted => "ECONNABORTED",
            io::ErrorKind::NotFound => "ENOENT",
            io::ErrorKind::PermissionDenied => "EACCES",
            io::ErrorKind::BrokenPipe => "EPIPE",
            io::ErrorKind::TimedOut => "ETIMEDOUT",
            io::ErrorKind::UnexpectedEof => "EOF",
            io::ErrorKind::HostUnreachable => "EHOSTUNREACH",
            io::ErrorKind::NetworkUnreachable => "ENETUNREACH",
            io::ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
            _ => "EIO",
        };
        Cause {
            code: code.to_owned(),
            message: error.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.code(), self.message)
    }
}

impl std::error::Error for Error {}
