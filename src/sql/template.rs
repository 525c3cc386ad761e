//! A statement's text, parsed once and shared by every execution of it.

use std::error::Error;
use std::fmt;
use std::iter;

use super::lexer::{Lexer, Reading, Token};
use super::statement::{self, Nature, StatementKind};

/// A parsed statement: the text to prepare, its placeholders in order, and what it does.
///
/// The text is read as a server with its default `sql_mode` reads it: backslashes escape in
/// both kinds of string, and double quotes enclose strings. Executable comments (`/*! … */`)
/// count as part of the statement, although a server older or newer than their version skips
/// them; the parameter count the server answers with is what settles that case.
#[derive(Debug, Clone)]
pub struct Template {
    text: Box<str>,
    /// Where each slot's `?` is in `text`, as byte offsets in rising order.
    slots: Box<[usize]>,
    names: Box<[Box<str>]>,
    nature: Nature,
}

/// How a statement marks its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placeholders {
    /// `?`, bound in order from an array. A `:` is plain text.
    Positional,
    /// `:name`, bound by name from an object. A `?` is refused.
    Named,
}

/// Why a statement's text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateError {
    /// A bare `?` in a statement whose parameters are named.
    MixedPlaceholders {
        /// Offset of the `?` in bytes, from 0.
        byte: usize,
        /// The same place in characters, counted from 1.
        character: usize,
    },
}

impl Template {
    /// Finds the placeholders of `sql`, in time linear in its length.
    ///
    /// A name is an ASCII letter or underscore, then ASCII letters, digits and underscores. It
    /// counts after a single colon which follows neither an identifier, a number nor a closing
    /// quote, so labels, `12:30`, `::` and `:=` stay as they are. Unterminated strings and
    /// comments take the rest of the text: the server is the one to report them.
    ///
    /// # Errors
    /// [`TemplateError::MixedPlaceholders`] when named placeholders are asked for and the
    /// statement holds a `?` outside strings, comments and quoted identifiers.
    pub fn parse(sql: &str, style: Placeholders) -> Result<Self, TemplateError> {
        let (text, slots, names) = match style {
            Placeholders::Positional => (sql.into(), positions(sql), Vec::new()),
            Placeholders::Named => rewrite(sql)?,
        };
        Ok(Self {
            text,
            slots: slots.into(),
            names: names.into(),
            nature: statement::nature(sql),
        })
    }

    /// A text that is sent as it is by those who look after the session themselves. Nothing is found in it.
    pub fn opaque(sql: &str) -> Self {
        Self {
            text: sql.into(),
            slots: Box::default(),
            names: Box::default(),
            nature: Nature::unknown(),
        }
    }

    /// The number of slots. A name used twice takes two.
    pub fn placeholders(&self) -> usize {
        self.slots.len()
    }

    /// The name of each slot in order; empty when the placeholders are positional.
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// The statement with every slot as `?`: for positional placeholders the input itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text with the slot at `i` written `lengths[i]` times, separated by commas, as
    /// `IN (?)` needs it for a list.
    ///
    /// An empty list has no valid SQL and is refused where the parameters are checked; here a
    /// length of 0, like one that is missing, means one `?`.
    pub fn expand(&self, lengths: &[u32]) -> String {
        let added: usize = lengths
            .iter()
            .map(|&length| length.saturating_sub(1) as usize * MORE.len())
            .sum();
        let mut sql = String::with_capacity(self.text.len() + added);
        let mut copied = 0;
        for (&slot, &length) in self
            .slots
            .iter()
            .zip(lengths.iter().chain(iter::repeat(&1)))
        {
            sql.push_str(&self.text[copied..=slot]);
            sql.extend(iter::repeat_n(MORE, length.saturating_sub(1) as usize));
            copied = slot + 1;
        }
        sql.push_str(&self.text[copied..]);
        sql
    }

    /// Whether this is one statement. A `;` at its end is no second one; neither are comments
    /// after it. In doubt the answer is no.
    ///
    /// A stored program (`CREATE PROCEDURE`, `FUNCTION`, `TRIGGER`, `EVENT`, `BEGIN NOT
    /// ATOMIC`) counts as one, because the semicolons of its body do not end it. Where its
    /// body ends is not looked for. That is safe for the one decision that rests on this:
    /// sending a statement without parameters as text after the server refused to prepare it
    /// with error 1295. The server gives that answer only when it has parsed the whole text as
    /// one statement; text after the end of a body is a syntax error (1064) to it.
    pub fn is_single_statement(&self) -> bool {
        self.nature.single
    }

    /// Whether the connection must be reset before others use it: the statement may have
    /// changed session or user variables, the default database, temporary tables, locks,
    /// prepared statements or handlers, or have left a transaction open.
    ///
    /// Only statements known to leave nothing behind answer no, and text that a server reads
    /// differently by its version or `sql_mode` is judged under every such reading. What a
    /// stored function or a trigger does in its body cannot be seen from here.
    pub fn changes_session(&self) -> bool {
        self.nature.changes_session
    }

    /// Whether this is a SELECT that takes no locks, stores nothing and calls none but functions known to only
    /// compute, so that running it once more does no harm. In doubt the answer is no. What a view does in its
    /// definition cannot be seen from here.
    pub fn is_plain_read(&self) -> bool {
        self.nature.plain_read
    }

    /// Whether a result set is to be expected. It is a hint for routing and sizing; what
    /// arrives is for the server to say (`CALL`, `WITH … DELETE` and `SELECT … INTO` differ).
    pub fn returns_rows_hint(&self) -> bool {
        self.nature.returns_rows
    }

    /// Whether the word RETURNING stands in it, outside of quotes and comments.
    pub fn is_returning(&self) -> bool {
        Lexer::new(&self.text, Reading::DEFAULT).any(|(_, token)| {
            matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("RETURNING"))
        })
    }

    /// What the first keyword says, past comments and opening parentheses.
    pub fn kind(&self) -> StatementKind {
        self.nature.kind
    }
}

/// What each further element of a list adds to the text.
const MORE: &str = ", ?";

fn positions(sql: &str) -> Vec<usize> {
    Lexer::new(sql, Reading::DEFAULT)
        .filter(|(_, token)| matches!(token, Token::Question))
        .map(|(at, _)| at)
        .collect()
}

type Rewritten = (Box<str>, Vec<usize>, Vec<Box<str>>);

fn rewrite(sql: &str) -> Result<Rewritten, TemplateError> {
    let mut text = String::with_capacity(sql.len());
    let (mut slots, mut names) = (Vec::new(), Vec::new());
    let mut copied = 0;
    for (at, token) in Lexer::new(sql, Reading::DEFAULT) {
        match token {
            Token::Named(name) => {
                text.push_str(&sql[copied..at]);
                slots.push(text.len());
                names.push(name.into());
                text.push('?');
                copied = at + ":".len() + name.len();
            }
            Token::Question => {
                let character = sql[..at].chars().count() + 1;
                return Err(TemplateError::MixedPlaceholders {
                    byte: at,
                    character,
                });
            }
            _ => {}
        }
    }
    text.push_str(&sql[copied..]);
    Ok((text.into(), slots, names))
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MixedPlaceholders { byte, character } => write!(
                f,
                "mixing named and positional placeholders: found `?` at character {character} (byte {byte}) \
                 in a statement whose parameters are given by name; write it as `:name`, or pass an array"
            ),
        }
    }
}

impl Error for TemplateError {}
