//! Whether a statement is a plain read: a SELECT that takes no locks, stores nothing and calls none but functions of
//! the server that only compute.
//!
//! Running a plain read twice, or for a caller who has left, does no harm. Whatever is not known to be harmless makes
//! the answer no; that costs speed, the other way would cost correctness.

use super::{
    functions::{Call, Calls, Known},
    lexer::Token,
};

/// Looks at the tokens of one statement in order.
#[derive(Default)]
pub(super) struct PlainRead<'a> {
    state: State,
    calls: Calls<'a>,
    /// Whether it is a read on newer servers alone: it begins with WITH, or calls functions that older ones lack.
    is_newer: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before the first keyword.
    #[default]
    Start,
    /// Behind WITH at this depth, before the SELECT that uses what is defined there.
    With(usize),
    Select,
    No,
}

impl<'a> PlainRead<'a> {
    /// Reads the token at the offset `at`.
    pub(super) fn read(&mut self, at: usize, token: Token<'a>) {
        if self.state == State::No {
            return;
        }
        let depth = self.calls.depth();
        let call = self.calls.read(at, token);
        self.state = match (self.state, token) {
            (State::Start, Token::Symbol(b'(')) => State::Start,
            (State::Start, Token::Word(word)) if is(word, "SELECT") => State::Select,
            (State::Start, Token::Word(word)) if is(word, "WITH") => {
                self.is_newer = true;
                State::With(depth)
            }
            (State::With(outside), Token::Word(word)) if depth == outside => {
                if is(word, "SELECT") {
                    State::Select
                } else if WRITES.iter().any(|verb| is(word, verb)) {
                    State::No
                } else {
                    self.state
                }
            }
            // The columns of what is defined, or its query.
            (State::With(outside), Token::Symbol(b'(')) if depth == outside => self.state,
            (State::With(_) | State::Select, _) if !self.is_harmful(token, call) => self.state,
            _ => State::No,
        };
    }

    /// Whether it is a plain read on every server.
    pub(super) fn verdict(&mut self) -> bool {
        self.computes() && !self.is_newer
    }

    /// Whether it is one on a server that has what it uses as its own.
    pub(super) fn computes(&mut self) -> bool {
        if self.calls.end().is_some() {
            self.state = State::No;
        }
        self.state == State::Select
    }

    fn is_harmful(&mut self, token: Token<'_>, call: Option<Call<'_>>) -> bool {
        if let Some(call) = call {
            match call.known {
                Some(Known::Computes | Known::Varies) => {}
                Some(Known::Newer) => self.is_newer = true,
                _ => return true,
            }
        }
        match token {
            Token::Word(word) => REFUSED.iter().any(|refused| is(word, refused)) || resets(word),
            Token::Quoted(text) => is(text, "NEXTVAL") || resets(text),
            // User and system variables.
            Token::Symbol(b'@') | Token::Assign => true,
            _ => false,
        }
    }
}

/// What may stand behind WITH instead of SELECT, here or elsewhere.
const WRITES: &[&str] = &["DELETE", "INSERT", "INTO", "REPLACE", "UPDATE"];

/// `INTO` stores, `FOR` and `LOCK` lock rows or take the next value of a sequence, `PROCEDURE` runs one. So does
/// `s.nextval`, without parentheses, in MariaDB's `sql_mode` ORACLE.
const REFUSED: &[&str] = &["FOR", "INTO", "LOCK", "NEXTVAL", "PROCEDURE"];

/// Some tables of information_schema count anew when they have been read, `INNODB_CMP_RESET` is one.
fn resets(name: &str) -> bool {
    name.len() > 6 && name.as_bytes()[name.len() - 6..].eq_ignore_ascii_case(b"_RESET")
}

fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}
