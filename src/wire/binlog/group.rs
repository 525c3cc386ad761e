//! From events to changes: which table the rows of a statement are of, and where a transaction ends.

use std::collections::{HashMap, VecDeque};

use super::{Change, event::Event};

/// The most tables of one statement that are remembered; rows of another one change anything. Servers lock fewer.
const MAX_TABLES: usize = 4096;

/// The group of events that is being read: a transaction, or a statement by itself.
#[derive(Default)]
pub struct Group {
    /// Whether the end of the group is an event of its own.
    open: bool,
    /// Whether a change has been told since the last end.
    told: bool,
    /// Whether one was [`Change::Anything`], which need not be said again.
    lost: bool,
    tables: HashMap<u64, Table>,
    changes: VecDeque<Change>,
}

struct Table {
    schema: String,
    name: String,
    told: bool,
}

impl Group {
    /// The next change of the events that were taken.
    pub fn next(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    pub fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Nothing => {}
            Event::Group { open } => {
                self.end();
                self.open = open;
            }
            Event::Begin => self.open = true,
            Event::Table { id, schema, table } => {
                if self.tables.len() < MAX_TABLES || self.tables.contains_key(&id) {
                    let table = Table {
                        schema: schema.to_owned(),
                        name: table.to_owned(),
                        told: false,
                    };
                    self.tables.insert(id, table);
                }
            }
            Event::Rows { id, ends_statement } => {
                self.rows(id);
                if ends_statement {
                    self.tables.clear();
                }
            }
            Event::Statement { schema, sql } => self.tell(Change::Statement {
                schema: schema.to_owned(),
                sql: sql.to_owned(),
            }),
            Event::Unclear => self.tell(Change::Anything),
            Event::UnclearEnd => {
                self.tell(Change::Anything);
                self.end();
            }
            Event::End => self.end(),
        }
    }

    /// Rows of one table changed. The rows of a statement may fill many events; the table is told with the first.
    fn rows(&mut self, id: u64) {
        let change = match self.tables.get_mut(&id) {
            Some(Table { told: true, .. }) => return,
            Some(table) => {
                table.told = true;
                Change::Table {
                    schema: table.schema.clone(),
                    table: table.name.clone(),
                }
            }
            None => Change::Anything,
        };
        self.tell(change);
    }

    fn tell(&mut self, change: Change) {
        if !(self.lost && change == Change::Anything) {
            self.lost |= change == Change::Anything;
            self.told = true;
            self.changes.push_back(change);
        }
        if !self.open {
            self.end();
        }
    }

    /// Ends the group. One in which nothing changed ends unheard.
    fn end(&mut self) {
        if self.told {
            self.changes.push_back(Change::Committed);
        }
        (self.open, self.told, self.lost) = (false, false, false);
        self.tables.clear();
    }
}

#[cfg(test)]
mod tests;
