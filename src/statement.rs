//! A statement with an identity: the text analysed once, and a number by which connections remember it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sql::{Placeholders, Template, TemplateError};

/// One SQL text as JavaScript gave it. Connections key their prepared statements by its number, so that no call
/// hashes or compares the text.
#[derive(Debug)]
pub struct Statement {
    id: u64,
    template: Template,
    is_text: bool,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Statement {
    pub fn parse(sql: &str, style: Placeholders) -> Result<Statement, TemplateError> {
        // The number only has to be unique.
        Ok(Statement {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            template: Template::parse(sql, style)?,
            is_text: false,
        })
    }

    /// A statement without placeholders that is sent as it is, without being prepared.
    pub fn text(sql: &str) -> Result<Statement, TemplateError> {
        let mut statement = Statement::parse(sql, Placeholders::Positional)?;
        statement.is_text = true;
        Ok(statement)
    }

    /// The same for a text that nobody asks anything about.
    pub fn opaque(sql: &str) -> Statement {
        Statement {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            template: Template::opaque(sql),
            is_text: true,
        }
    }

    pub fn is_text(&self) -> bool {
        self.is_text
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn template(&self) -> &Template {
        &self.template
    }
}
