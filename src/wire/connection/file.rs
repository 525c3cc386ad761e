//! LOAD DATA LOCAL, on a connection that was opened for nothing else: no other one lets a server ask for a file.

use crate::{
    config::Config,
    error::{Error, Kind, Result},
};

use super::{super::command, Connection, Done, reply};

/// A long packet costs memory on both sides and gains nothing.
const PACKET_BYTES: usize = 256 * 1024;

/// What a server answers to LOAD DATA LOCAL.
pub enum FileAnswer {
    /// It waits for the file.
    Asked,
    /// It did without.
    Done(Done),
}

impl Connection {
    /// Connects and logs in with the capability to send a file.
    pub async fn open_for_file(config: &Config) -> Result<Connection> {
        let mut config = config.clone();
        config.local_files = true;
        Connection::open(&config).await
    }

    /// Sends the statement. Should the server ask for another file than `name`, it gets none, and the connection is of
    /// no more use.
    pub async fn begin_file(&mut self, sql: &str, name: &str) -> Result<FileAnswer> {
        self.start();
        self.packets.push(|out| command::query(out, sql));
        self.packets.flush().await?;
        let body = self.packets.next().await?;
        let bytes = self.packets.body(&body);
        match bytes.split_first() {
            Some((0xFB, asked)) if asked == name.as_bytes() => Ok(FileAnswer::Asked),
            Some((0xFB, _)) => Err(Error::protocol(
                "the server asked for another file than the one in the statement; do not trust this server",
            )),
            Some((0x00, _)) => {
                let done = reply::read_ok(bytes, self.capabilities)?;
                self.finish(Ok(FileAnswer::Done(done)))
            }
            Some((0xFF, _)) => {
                let error = reply::read_err(bytes, true);
                self.finish(Err(error))
            }
            _ => Err(Error::new(
                Kind::Protocol,
                "the server answered LOAD DATA with rows",
            )),
        }
    }

    /// Sends a part of the file; done when the socket has taken it.
    pub async fn send_file(&mut self, bytes: &[u8]) -> Result<()> {
        for part in bytes.chunks(PACKET_BYTES) {
            self.packets.push(|out| out.extend_from_slice(part));
            self.packets.flush().await?;
        }
        Ok(())
    }

    /// Ends the file and gives what the statement did.
    pub async fn end_file(&mut self) -> Result<Done> {
        self.packets.push(|_| {});
        let result = self.simple().await;
        self.finish(result)
    }
}
