//! Reading what a command is answered with: columns, rows, and the end of each result.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};

use super::super::{
    column::{Column, Columns},
    flags::{Capabilities, MariadbCapabilities, Status},
    layouts::Layout,
    read::Cursor,
    reply::{self, Done},
    row::{Discard, Row, RowSink},
    statements::Memo,
};
use super::Connection;

/// What the count of columns of a prepared statement can hold; servers stop at 4,096.
const MAX_COLUMNS: usize = 65_535;
/// The most that the definitions of a result may take. 4,096 columns with the longest names take half of it.
const MAX_DEFINITIONS: usize = 16 * 1024 * 1024;
/// A buffer that grew past this for one result is given back.
const KEPT_DEFINITIONS: usize = 64 * 1024;

impl Connection {
    /// Reads every result of a command. Rows go to the sink, those of the second result and later ones if it wants them.
    pub(super) async fn read_results(
        &mut self,
        announced: &mut Announced<'_>,
        sink: &mut impl RowSink,
    ) -> Result<Done> {
        let mut wanted = true;
        self.result_bytes = 0;
        loop {
            let body = self.packets.next().await?;
            let bytes = self.packets.body(&body);
            let done = match bytes.first() {
                Some(0x00) => reply::read_ok(bytes, self.capabilities)?,
                Some(0xFF) => return Err(reply::read_err(bytes, true)),
                Some(0xFB) => {
                    return Err(Error::protocol(
                        "the server asked for a local file, which this driver never offers; do not trust this server",
                    ));
                }
                _ => {
                    let mut cursor = Cursor::new(bytes);
                    let count = usize::try_from(cursor.length()?).unwrap_or(usize::MAX);
                    // What has no columns is an OK packet; a longer way to write zero is a forgery.
                    if count == 0 {
                        return Err(Error::protocol("the server sent a result without columns"));
                    }
                    // MariaDB says after the count whether the definitions follow.
                    let follow = cursor.is_empty() || cursor.u8()? != 0;
                    match announced {
                        Announced::Prepared { columns, memo } => {
                            if follow {
                                let fresh = Box::pin(self.read_columns(count)).await?;
                                if *fresh != ***columns {
                                    **columns = fresh;
                                    memo.clear();
                                }
                            }
                            if columns.len() != count {
                                return Err(Error::protocol(
                                    "the server left out column definitions that it never sent",
                                ));
                            }
                            self.read_result(Protocol::Binary, columns, memo, wanted, sink)
                                .await?
                        }
                        Announced::Text => {
                            let mut layout = Box::pin(self.recognise_columns(count)).await?;
                            let Layout { columns, memo, .. } = &mut layout;
                            let ended = self
                                .read_result(Protocol::Text, columns, memo, wanted, sink)
                                .await?;
                            self.layouts.keep(layout);
                            ended
                        }
                    }
                }
            };
            self.status = done.status;
            if !done.status.more_results() {
                return Ok(done);
            }
            wanted = sink.next(&done)?;
            // A procedure may have any number of results without a row.
            sink.room().await?;
        }
    }

    async fn read_result(
        &mut self,
        protocol: Protocol,
        columns: &Columns,
        memo: &mut Memo,
        wanted: bool,
        sink: &mut impl RowSink,
    ) -> Result<Done> {
        if !wanted {
            return self.read_rows(protocol, columns.len(), &mut Discard).await;
        }
        sink.begin(columns, memo)?;
        self.read_rows(protocol, columns.len(), sink).await
    }

    async fn read_rows(
        &mut self,
        protocol: Protocol,
        columns: usize,
        sink: &mut impl RowSink,
    ) -> Result<Done> {
        let deprecate_eof = self.capabilities.contains(Capabilities::DEPRECATE_EOF);
        // An OK packet in the place of an EOF may have a body of any length below one frame; a row that starts with
        // the same byte is a text row with a first value of 16 MiB or more, which is longer than a frame.
        let longest_end = if deprecate_eof { 0xFF_FFFF } else { 9 };
        loop {
            let Some(body) = self.packets.try_next()? else {
                sink.room().await?;
                self.packets.fill().await?;
                continue;
            };
            let bytes = self.packets.body(&body);
            match bytes.first() {
                Some(0xFE) if bytes.len() < longest_end => {
                    return if deprecate_eof {
                        reply::read_ok(bytes, self.capabilities)
                    } else {
                        read_eof(bytes)
                    };
                }
                Some(0xFF) => return Err(reply::read_err(bytes, true)),
                _ => {}
            }
            self.result_bytes += bytes.len();
            if self.result_bytes > self.max_result_bytes && !sink.passes_on() {
                return Err(Error::new(
                    Kind::ResultTooLarge,
                    format!(
                        "the result has more than {} bytes, the limit of maxResultBytes",
                        self.max_result_bytes
                    ),
                ));
            }
            sink.row(match protocol {
                Protocol::Binary => Row::binary(bytes, columns)?,
                Protocol::Text => Row::text(bytes),
            })?;
        }
    }

    pub(super) async fn read_columns(&mut self, count: usize) -> Result<Columns> {
        self.read_definitions(count).await?;
        self.parse_definitions(count)
    }

    /// The columns of a result in the text protocol, and what was compiled for them before.
    async fn recognise_columns(&mut self, count: usize) -> Result<Layout> {
        self.read_definitions(count).await?;
        match self.layouts.take() {
            Some(known) => Ok(known),
            None => Ok(Layout::new(self.parse_definitions(count)?)),
        }
    }

    /// Reads definitions as they come, each behind its length.
    async fn read_definitions(&mut self, count: usize) -> Result<()> {
        if count > MAX_COLUMNS {
            return Err(Error::protocol(format!(
                "the server sent a result of {count} columns, more than any has"
            )));
        }
        let mut definitions = std::mem::take(&mut self.layouts.definitions);
        definitions.clear();
        definitions.shrink_to(KEPT_DEFINITIONS);
        for _ in 0..count {
            let body = self.packets.next().await?;
            let definition = self.packets.body(&body);
            if definitions.len() + definition.len() > MAX_DEFINITIONS {
                return Err(Error::protocol(format!(
                    "the server sent definitions of more than {MAX_DEFINITIONS} bytes for one result"
                )));
            }
            definitions.extend_from_slice(&(definition.len() as u32).to_le_bytes());
            definitions.extend_from_slice(definition);
        }
        self.layouts.definitions = definitions;
        if count > 0 {
            self.skip_eof().await?;
        }
        Ok(())
    }

    fn parse_definitions(&self, count: usize) -> Result<Columns> {
        let extended = self
            .mariadb
            .contains(MariadbCapabilities::EXTENDED_METADATA);
        // As many as arrived, whatever was announced.
        let mut columns = Vec::with_capacity(count);
        let mut cursor = Cursor::new(&self.layouts.definitions);
        while !cursor.is_empty() {
            let length = cursor.u32()? as usize;
            columns.push(Column::read(cursor.bytes(length)?, extended)?);
        }
        Ok(Arc::from(columns))
    }

    /// Older servers put an EOF packet behind definitions.
    pub(super) async fn skip_eof(&mut self) -> Result<()> {
        if !self.capabilities.contains(Capabilities::DEPRECATE_EOF) {
            self.packets.next().await?;
        }
        Ok(())
    }
}

/// Where the columns of a result are known from.
pub(super) enum Announced<'a> {
    /// The result itself.
    Text,
    /// The prepared statement, while they stay the same.
    Prepared {
        columns: &'a mut Columns,
        memo: &'a mut Memo,
    },
}

#[derive(Clone, Copy)]
enum Protocol {
    Binary,
    Text,
}

fn read_eof(bytes: &[u8]) -> Result<Done> {
    let mut cursor = Cursor::new(bytes);
    cursor.u8()?;
    let warnings = cursor.u16()?;
    let status = Status::from_bits(cursor.u16()?);
    Ok(Done {
        warnings,
        status,
        ..Done::default()
    })
}
