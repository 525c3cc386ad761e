//! Pages by cursor: which rows of a result are its ends, and the cursors that lead on from them.
//!
//! The values are taken while the rows pass, so that JavaScript needs to see none. Of a page that was asked for with one
//! row more than it has, the rows at its two ends count, and the one behind it, which tells that there is more.

use std::sync::Arc;

use crate::{
    codec::{
        cursor::{self, Position, Side, Signer},
        key,
        string::write_json_string,
    },
    error::{Error, Kind, Result},
    wire::{Column, Columns, Row},
};

/// The columns that a statement is sorted by, and what signs its cursors.
pub struct Keyset {
    columns: Box<[KeyColumn]>,
    signer: Signer,
}

/// One of the columns by which is sorted, as the result has it.
pub struct KeyColumn {
    pub name: Box<str>,
    /// The table's name or alias, for results that have the name twice.
    pub table: Option<Box<str>>,
    /// Whether it may hold NULL; `None` leaves it to what the server says of the column.
    pub nullable: Option<bool>,
}

/// The page that is asked for.
pub struct Turn {
    keyset: Arc<Keyset>,
    /// The payload of the cursor that the page begins at; without one it is the first page.
    resumed: Option<Vec<u8>>,
    side: Side,
}

/// What is known of the pages before and after.
#[derive(Debug, Default)]
pub struct Ends {
    pub has_next: bool,
    pub has_previous: bool,
    pub next: Option<String>,
    pub previous: Option<String>,
}

impl Keyset {
    pub fn new(columns: impl Into<Box<[KeyColumn]>>, signer: Signer) -> Keyset {
        Keyset {
            columns: columns.into(),
            signer,
        }
    }

    /// The payload of a cursor of this statement and order; `None` for anything else.
    pub fn open(&self, cursor: &str) -> Option<Vec<u8>> {
        let payload = self.signer.open(cursor)?;
        // What we signed was well formed, unless by another version.
        self.read(&payload).is_some().then_some(payload)
    }

    pub fn read<'a>(&self, payload: &'a [u8]) -> Option<Position<'a>> {
        cursor::read(payload, self.columns.len())
    }

    fn sign(&self, before: bool, inclusive: bool, values: &[u8]) -> Result<Option<String>> {
        let side = Side { before, inclusive };
        self.signer.sign(side, values).map(Some).ok_or_else(|| {
            Error::new(
                Kind::Parameters,
                "the values of the sort columns are too long for a cursor; sort by shorter ones",
            )
        })
    }
}

impl Turn {
    /// The page at the payload of a cursor, which [`Keyset::open`] has checked; `None` when it is malformed.
    pub fn new(keyset: Arc<Keyset>, place: Option<&[u8]>) -> Option<Turn> {
        let first = Side {
            before: false,
            inclusive: false,
        };
        let (resumed, side) = match place {
            None => (None, first),
            Some(payload) => (Some(payload.to_vec()), keyset.read(payload)?.side),
        };
        Some(Turn {
            keyset,
            resumed,
            side,
        })
    }

    /// Whether the rows come in reverse, those nearest to the cursor first.
    pub fn is_backward(&self) -> bool {
        self.side.before
    }

    /// The place itself, with the row at it, for going on from a page that came out empty.
    fn turned(&self) -> Result<Option<String>> {
        match &self.resumed {
            Some(payload) => self
                .keyset
                .sign(!self.side.before, true, cursor::values(payload)),
            None => Ok(None),
        }
    }
}

/// Takes the values at the ends of a page while its rows pass.
pub struct Taker<'a> {
    turn: &'a Turn,
    limit: usize,
    columns: Columns,
    /// For each column of the keyset the index of the result's.
    places: Vec<usize>,
    seen: usize,
    first: Vec<u8>,
    last: Vec<u8>,
    /// Kept until the result has been read, because the connection is good.
    failed: Option<Error>,
}

impl<'a> Taker<'a> {
    pub fn new(turn: &'a Turn, limit: usize) -> Taker<'a> {
        Taker {
            turn,
            limit,
            columns: Columns::default(),
            places: Vec::new(),
            seen: 0,
            first: Vec::new(),
            last: Vec::new(),
            failed: None,
        }
    }

    pub fn begin(&mut self, columns: &Columns) {
        let places: Result<Vec<usize>> = self
            .turn
            .keyset
            .columns
            .iter()
            .map(|wanted| place(wanted, columns))
            .collect();
        match places {
            Ok(places) => self.places = places,
            Err(error) => self.failed = Some(error),
        }
        self.columns = columns.clone();
    }

    /// Looks at the next row.
    pub fn row(&mut self, row: &Row<'_>) {
        let index = self.seen;
        self.seen += 1;
        let is_end = index == 0 || index + 1 == self.limit || index == self.limit;
        if !is_end || self.failed.is_some() {
            return;
        }
        match self.values(row.clone()) {
            Ok(values) if index == self.limit => {
                if values == self.last {
                    self.failed = Some(tie());
                }
            }
            Ok(values) => {
                if index == 0 {
                    self.first.clone_from(&values);
                }
                if index + 1 == self.limit {
                    self.last = values;
                }
            }
            Err(error) => self.failed = Some(error),
        }
    }

    fn values(&self, mut row: Row<'_>) -> Result<Vec<u8>> {
        let wanted = &self.turn.keyset.columns;
        let mut packed = vec![Vec::new(); wanted.len()];
        for (index, column) in self.columns.iter().enumerate() {
            let cell = row.cell(index, column)?;
            for (out, _) in packed
                .iter_mut()
                .zip(&self.places)
                .filter(|(_, place)| **place == index)
            {
                key::write_key(cell, column, out)?;
            }
        }
        let mut values = Vec::new();
        for ((packed, place), wanted) in packed.iter().zip(&self.places).zip(wanted) {
            let column = self.columns.get(*place);
            let nullable = wanted
                .nullable
                .unwrap_or_else(|| column.is_some_and(key::is_nullable));
            if !nullable && packed == &[0] {
                return Err(Error::new(
                    Kind::Parameters,
                    format!(
                        "the sort column '{}' holds NULL although the keyset says nullable: false",
                        wanted.name
                    ),
                ));
            }
            cursor::write_value(nullable, packed, &mut values);
        }
        Ok(values)
    }

    /// The cursors on from this page.
    pub fn finish(self) -> Result<Ends> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let Turn {
            keyset,
            resumed,
            side,
        } = self.turn;
        let has_more = self.seen > self.limit;
        let is_empty = self.seen == 0;
        let on = |values: &[u8]| match has_more {
            true => keyset.sign(side.before, false, values),
            false => Ok(None),
        };
        let back = || match (resumed, is_empty) {
            (None, _) => Ok(None),
            (Some(_), true) => self.turn.turned(),
            (Some(_), false) => keyset.sign(!side.before, false, &self.first),
        };
        let (onward, backward) = (on(&self.last)?, back()?);
        let has_behind = resumed.is_some();
        Ok(if side.before {
            Ends {
                has_next: has_behind,
                has_previous: has_more,
                next: backward,
                previous: onward,
            }
        } else {
            Ends {
                has_next: has_more,
                has_previous: has_behind,
                next: onward,
                previous: backward,
            }
        })
    }
}

impl Ends {
    /// Writes the fields of a `pagination` object, without braces.
    pub fn write(&self, out: &mut Vec<u8>) {
        let truth = |value: bool| if value { &b"true"[..] } else { &b"false"[..] };
        out.extend_from_slice(b"\"hasNext\":");
        out.extend_from_slice(truth(self.has_next));
        out.extend_from_slice(b",\"hasPrevious\":");
        out.extend_from_slice(truth(self.has_previous));
        for (name, cursor) in [
            (&b",\"nextCursor\":"[..], &self.next),
            (b",\"previousCursor\":", &self.previous),
        ] {
            out.extend_from_slice(name);
            match cursor {
                Some(cursor) => write_json_string(cursor.as_bytes(), out),
                None => out.extend_from_slice(b"null"),
            }
        }
    }
}

/// Which column of the result is the wanted one.
fn place(wanted: &KeyColumn, columns: &[Column]) -> Result<usize> {
    let named = || {
        columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.name == wanted.name)
    };
    let (index, column) = match (named().count(), &wanted.table) {
        (0, _) => None,
        (1, _) => named().next(),
        (_, Some(table)) => {
            let mut of_table = named().filter(|(_, column)| column.table == *table);
            of_table.next().filter(|_| of_table.next().is_none())
        }
        (_, None) => None,
    }
    .ok_or_else(|| {
        Error::new(
            Kind::Parameters,
            format!(
                "the statement has to select the sort column '{}' once under this name; select it, or name the column \
                 of the result that has its value with `as`",
                wanted.name
            ),
        )
    })?;
    match key::refusal(column) {
        Some(why) => Err(Error::new(
            Kind::Parameters,
            format!("the sort column '{}' {why}", wanted.name),
        )),
        None => Ok(index),
    }
}

fn tie() -> Error {
    Error::new(
        Kind::Parameters,
        "two rows are equal in all sort columns, so one of them would be left out between two pages; let the last sort \
         column be unique, such as the primary key",
    )
}
