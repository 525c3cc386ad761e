//! Names of tables, and reading them from tokens.

use std::iter;

use super::super::lexer::Token;

/// A table as a statement names it, in lower case and without quotes.
///
/// Servers differ in whether `T` and `t` are one table. Here they are: whoever forgets too much is still right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// None where the statement leaves it to the session's default database.
    pub schema: Option<Box<str>>,
    pub name: Box<str>,
}

impl TableName {
    pub(super) fn new(schema: Option<&str>, name: &str) -> Self {
        Self {
            schema: schema.map(fold),
            name: fold(name),
        }
    }
}

/// Lower case as the servers have it, one character for one: `İ` becomes `i`.
pub(super) fn fold(name: &str) -> Box<str> {
    if name.is_ascii() {
        return name.to_ascii_lowercase().into();
    }
    name.chars()
        .map(|character| character.to_lowercase().next().unwrap_or(character))
        .collect::<String>()
        .into()
}

/// The tokens of a statement with their offsets, read from the left.
#[derive(Clone, Copy)]
pub(super) struct Words<'t, 'a> {
    sql: &'a str,
    rest: &'t [(usize, Token<'a>)],
}

impl<'t, 'a> Words<'t, 'a> {
    pub(super) fn new(sql: &'a str, rest: &'t [(usize, Token<'a>)]) -> Self {
        Self { sql, rest }
    }

    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.rest.first().map(|&(_, token)| token)
    }

    /// Where the next token begins.
    pub(super) fn position(&self) -> Option<usize> {
        self.rest.first().map(|&(at, _)| at)
    }

    pub(super) fn skip(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    pub(super) fn is_at(&self, words: &[&str]) -> bool {
        matches!(self.peek(), Some(Token::Word(word)) if is_any(word, words))
    }

    /// Passes one of `words`, if it is next.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let is_next = self.is_at(words);
        if is_next {
            self.skip();
        }
        is_next
    }

    /// Passes any number of `words`.
    pub(super) fn eat_all(&mut self, words: &[&str]) {
        while self.eat(words) {}
    }

    pub(super) fn eat_symbol(&mut self, symbol: u8) -> bool {
        let is_next = self.peek() == Some(Token::Symbol(symbol));
        if is_next {
            self.skip();
        }
        is_next
    }

    /// Passes `IF EXISTS` or `IF NOT EXISTS`.
    pub(super) fn eat_condition(&mut self) {
        if self.eat(&["IF"]) {
            self.eat(&["NOT"]);
            self.eat(&["EXISTS"]);
        }
    }

    /// Passes a pair of parentheses that holds no others.
    pub(super) fn eat_parentheses(&mut self) -> Option<()> {
        if !self.eat_symbol(b'(') {
            return None;
        }
        loop {
            match self.peek()? {
                Token::Symbol(b'(') => return None,
                Token::Symbol(b')') => {
                    self.skip();
                    return Some(());
                }
                _ => self.skip(),
            }
        }
    }

    /// Passes `name` or `schema.name`. More dots than one are not understood.
    pub(super) fn name(&mut self) -> Option<TableName> {
        let first = self.identifier()?;
        if !self.eat_symbol(b'.') {
            return Some(TableName::new(None, &first));
        }
        let second = self.identifier()?;
        (self.peek() != Some(Token::Symbol(b'.'))).then(|| TableName::new(Some(&first), &second))
    }

    /// Passes `name, name, …`.
    pub(super) fn names(&mut self) -> Option<Vec<TableName>> {
        let mut names = vec![self.name()?];
        while self.eat_symbol(b',') {
            names.push(self.name()?);
        }
        Some(names)
    }

    pub(super) fn identifier(&mut self) -> Option<Box<str>> {
        let &(at, token) = self.rest.first()?;
        let name = match token {
            Token::Word(word) => word.into(),
            Token::Quoted(text) => match self.sql.as_bytes().get(at)? {
                b'`' => undoubled(text, '`'),
                b'"' => undoubled(text, '"'),
                _ => return None,
            },
            _ => return None,
        };
        self.skip();
        Some(name)
    }
}

/// The text between two quotes with the doubled ones inside made single.
fn undoubled(text: &str, quote: char) -> Box<str> {
    if !text.contains(quote) {
        return text.into();
    }
    let doubled: String = iter::repeat_n(quote, 2).collect();
    text.replace(&doubled, quote.encode_utf8(&mut [0; 4]))
        .into()
}

pub(super) fn is_any(word: &str, names: &[&str]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(word))
}
