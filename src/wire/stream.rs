//! The byte stream below the protocol: TCP, a unix socket, or TLS over TCP.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::client::TlsStream;

use crate::config::Config;

pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Between taking a TCP stream out and putting its TLS form back; every use is an error.
    Closed,
}

impl Stream {
    /// Opens the socket that the options name. The caller holds the deadline.
    pub async fn open(config: &Config) -> io::Result<Stream> {
        if let Some(path) = &config.socket_path {
            return Ok(Stream::Unix(UnixStream::connect(path).await?));
        }
        let stream = TcpStream::connect((config.host.as_str(), config.port)).await?;
        stream.set_nodelay(true)?;
        if let Some(delay) = config.tcp_keep_alive_ms {
            keep_alive(&stream, Duration::from_millis(delay))?;
        }
        Ok(Stream::Tcp(stream))
    }

    /// Registers the socket with the runtime of the caller. False means that it stays where it was; after an error the
    /// stream is closed.
    pub fn register(&mut self) -> io::Result<bool> {
        if !matches!(self, Stream::Tcp(_) | Stream::Unix(_)) {
            return Ok(false);
        }
        *self = match std::mem::replace(self, Stream::Closed) {
            Stream::Tcp(stream) => Stream::Tcp(TcpStream::from_std(stream.into_std()?)?),
            Stream::Unix(stream) => Stream::Unix(UnixStream::from_std(stream.into_std()?)?),
            other => other,
        };
        Ok(true)
    }

    /// Whether the other end is known to have hung up, or to have said something unasked. Nothing is waited for; after a yes
    /// the stream is of no more use.
    pub fn has_ended(&self) -> bool {
        let mut byte = [0];
        let is_quiet = match self {
            Stream::Tcp(stream) => would_block(stream.try_read(&mut byte)),
            Stream::Unix(stream) => would_block(stream.try_read(&mut byte)),
            // TLS speaks between commands, so only the end of it tells.
            Stream::Tls(stream) => {
                let mut context = Context::from_waker(Waker::noop());
                let (socket, _) = stream.get_ref();
                match socket.poll_peek(&mut context, &mut ReadBuf::new(&mut byte)) {
                    Poll::Pending => true,
                    Poll::Ready(peeked) => peeked.is_ok_and(|count| count > 0),
                }
            }
            Stream::Closed => false,
        };
        !is_quiet
    }

    pub fn is_tls(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    /// Whether a password may cross in the clear: TLS, or a socket that never leaves this machine.
    pub fn is_private(&self) -> bool {
        matches!(self, Stream::Unix(_) | Stream::Tls(_))
    }
}

fn would_block(read: io::Result<usize>) -> bool {
    read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

fn keep_alive(stream: &TcpStream, delay: Duration) -> io::Result<()> {
    let mut settings = socket2::TcpKeepalive::new();
    if !delay.is_zero() {
        settings = settings.with_time(delay);
    }
    socket2::SockRef::from(stream).set_tcp_keepalive(&settings)
}

fn closed<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Closed => closed(),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Closed => closed(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Closed => closed(),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Closed => closed(),
        }
    }
}
