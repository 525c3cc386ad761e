//! The tables that a query names, as the parser finds them.
//!
//! The parser is not the server's. What it finds counts only if every name that stands where a table is named, by the
//! server's own way of splitting text, is among it.

use std::{collections::BTreeSet, ops::ControlFlow};

use sqlparser::{
    ast::{ObjectName, ObjectNamePart, Query, SetExpr, Statement, TableFactor, Visit, Visitor},
    dialect::MySqlDialect,
    parser::Parser,
};

use super::{name::TableName, scan};
use crate::sql::{
    lexer::{Lexer, Reading, Token},
    statement::Doubts,
};

/// Longer texts are not parsed.
const MOST_BYTES: usize = 64 << 10;

/// Neither are texts of more tokens than this that may each nest an expression in another one: the parser guards its
/// own recursion, but what it made is freed by a recursion of the compiler's.
const MOST_NESTING: usize = 1_000;

/// How deeply queries and parentheses may nest.
const DEEPEST: usize = 100;

/// The tables that a single statement reads; None if it is not understood.
pub(super) fn reads(sql: &str) -> Option<Box<[TableName]>> {
    let doubts = survey(sql)?;
    let statement = parse(sql)?;
    let mut tables = Tables::default();
    let flow = match &statement {
        Statement::Query(query) => query.visit(&mut tables),
        Statement::Insert(insert) => {
            let is_read = insert.source.visit(&mut tables).is_continue()
                && insert.assignments.visit(&mut tables).is_continue()
                && insert.on.visit(&mut tables).is_continue();
            is_read
                .then_some(())
                .map_or(ControlFlow::Break(()), ControlFlow::Continue)
        }
        Statement::Update(update) => update.visit(&mut tables),
        Statement::Delete(delete) => delete.visit(&mut tables),
        _ => return None,
    };
    let is_complete = flow.is_continue()
        && tables.holds_all(sql, Reading::DEFAULT)
        && doubts
            .readings()
            .all(|reading| tables.holds_all(sql, reading));
    is_complete.then(|| tables.names.into_iter().collect())
}

/// The tables of `a JOIN b ON …, c`; None if they are not understood or there is none.
pub(super) fn joined(list: &str) -> Option<Box<[TableName]>> {
    reads(&format!("SELECT 1 FROM {list}")).filter(|tables| !tables.is_empty())
}

/// Whether the text is short and flat enough to be parsed.
fn survey(sql: &str) -> Option<Doubts> {
    if sql.len() > MOST_BYTES {
        return None;
    }
    let mut lexer = Lexer::new(sql, Reading::DEFAULT);
    let nesting = lexer.by_ref().filter(|(_, token)| may_nest(*token)).count();
    (nesting <= MOST_NESTING).then(|| Doubts::of(&lexer))
}

fn may_nest(token: Token<'_>) -> bool {
    match token {
        Token::Word(word) => !word.starts_with(|first: char| first.is_ascii_digit()),
        Token::Symbol(symbol) => !matches!(symbol, b',' | b'.' | b'(' | b')'),
        Token::Question | Token::Quoted(_) => false,
        Token::Named(_) | Token::Assign => true,
    }
}

fn parse(sql: &str) -> Option<Statement> {
    let mut statements = Parser::new(&MySqlDialect {})
        .with_recursion_limit(DEEPEST)
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_statements())
        .ok()?;
    let statement = statements.pop();
    statement.filter(|_| statements.is_empty())
}

#[derive(Default)]
struct Tables {
    names: BTreeSet<TableName>,
}

impl Tables {
    /// Whether all names that are found by splitting the text alone are there.
    fn holds_all(&self, sql: &str, reading: Reading) -> bool {
        scan::tables(sql, reading).is_some_and(|names| names.is_subset(&self.names))
    }

    fn add(&mut self, schema: Option<&str>, name: &str) {
        self.names.insert(TableName::new(schema, name));
    }
}

impl Visitor for Tables {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        match &*relation.0 {
            // `FROM DUAL`, unquoted, is no table.
            [ObjectNamePart::Identifier(name)]
                if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("DUAL") => {}
            [ObjectNamePart::Identifier(name)] => self.add(None, &name.value),
            [
                ObjectNamePart::Identifier(schema),
                ObjectNamePart::Identifier(name),
            ] => {
                self.add(Some(&schema.value), &name.value);
            }
            _ => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table {
                args: None,
                version: None,
                sample: None,
                ..
            }
            | TableFactor::Derived { sample: None, .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::JsonTable { .. } => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }

    /// `TABLE t` is no relation to the parser; and a query that writes is none.
    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let mut bodies = vec![&*query.body];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::SetOperation { left, right, .. } => bodies.extend([&**left, &**right]),
                SetExpr::Table(table) => {
                    let Some(name) = &table.table_name else {
                        return ControlFlow::Break(());
                    };
                    let schema = table.schema_name.as_ref();
                    self.add(schema.map(|schema| &*schema.value), &name.value);
                }
                SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => {}
                _ => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    }
}
