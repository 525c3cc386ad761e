//! Splits a statement as the lexers of MySQL and MariaDB do.
//!
//! It works on bytes: every byte with a meaning is ASCII, and no byte of a longer UTF-8
//! sequence is, so each token begins and ends on a character boundary.

/// The tokens of a statement with their byte offsets; whitespace and comments are skipped.
pub(super) struct Lexer<'a> {
    sql: &'a str,
    at: usize,
    reading: Reading,
    /// Whether the content of an executable comment is being read. The servers keep a flag
    /// too, not a depth: the first `*/` ends however many were opened.
    inside: bool,
    /// Where the last identifier, number or quoted text ended; a colon right there is part of
    /// a label or a time.
    joint: Option<usize>,
    /// Whether a backslash kept a quote from ending its string, so that `sql_mode` decides
    /// where the string ends.
    pub(super) escaped_quote: bool,
    /// How many executable comments were opened.
    pub(super) executables: usize,
    /// Whether something was met that the servers may split otherwise than this lexer: a number without a space before
    /// the next word (`1.5INTO`, `1.e5FOR`, the identifier in `shop.5f`), `\N` for NULL (`\NFOR`), and brackets,
    /// which are quotes in MariaDB's `sql_mode` MSSQL and nothing anywhere else.
    pub(super) odd: bool,
    /// Where the last number ended.
    number_end: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// An identifier, keyword or number without quotes.
    Word(&'a str),
    /// What a pair of any quotes encloses, as it is written.
    Quoted(&'a str),
    /// `?`
    Question,
    /// The name of `:name`.
    Named(&'a str),
    /// `:=`
    Assign,
    /// Any other byte.
    Symbol(u8),
}

/// One of the ways in which a server may read the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// Whether a backslash escapes in '…'; not so under `NO_BACKSLASH_ESCAPES`.
    pub(super) single: bool,
    /// Whether a backslash escapes in "…"; not so under `ANSI_QUOTES` either.
    pub(super) double: bool,
    pub(super) executable: Executable,
}

/// What becomes of executable comments, which depends on the server's make and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Executable {
    /// The content is part of the statement.
    Run,
    /// Skipped to the first `*/`.
    Skip,
    /// Skipped, with one level of comments allowed inside.
    SkipNested,
}

impl Reading {
    /// A server with its default `sql_mode` that executes every executable comment.
    pub(super) const DEFAULT: Self = Self {
        single: true,
        double: true,
        executable: Executable::Run,
    };
}

impl<'a> Lexer<'a> {
    pub(super) fn new(sql: &'a str, reading: Reading) -> Self {
        Self {
            sql,
            at: 0,
            reading,
            inside: false,
            joint: None,
            escaped_quote: false,
            executables: 0,
            odd: false,
            number_end: None,
        }
    }

    /// Where the last token ended.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Whether the content of an executable comment is being read.
    pub(super) fn is_in_executable_comment(&self) -> bool {
        self.inside
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.sql.as_bytes().get(at).copied()
    }

    /// The first offset from `at` on whose byte is not `wanted`.
    fn run(&self, mut at: usize, wanted: impl Fn(u8) -> bool) -> usize {
        while self.byte(at).is_some_and(&wanted) {
            at += 1;
        }
        at
    }

    /// `--` opens a comment only before whitespace, a control character or the end, so that
    /// `5--1` stays a subtraction.
    fn at_dash_comment(&self) -> bool {
        self.byte(self.at + 1) == Some(b'-')
            && self
                .byte(self.at + 2)
                .is_none_or(|byte| byte == b' ' || byte.is_ascii_control())
    }

    fn skip_line(&mut self) {
        self.at = self.run(self.at, |byte| byte != b'\n');
    }

    /// Reads `/*…`: skips a comment, or steps into one that is executed.
    fn comment(&mut self) {
        let marker = match (self.byte(self.at + 2), self.byte(self.at + 3)) {
            (Some(b'!'), _) => "/*!".len(),
            (Some(b'M'), Some(b'!')) => "/*M!".len(),
            _ => return self.skip_comment(false),
        };
        self.executables += 1;
        match self.reading.executable {
            Executable::Run => {
                self.at += marker;
                self.skip_version();
                self.inside = true;
            }
            Executable::Skip => self.skip_comment(false),
            Executable::SkipNested => self.skip_comment(true),
        }
    }

    /// A version is five or six digits. Fewer are content, and so are further ones.
    fn skip_version(&mut self) {
        let digits = self.run(self.at, |byte| byte.is_ascii_digit()) - self.at;
        if digits >= 5 {
            self.at += digits.min(6);
        }
    }

    fn skip_comment(&mut self, nested: bool) {
        let mut inner = false;
        let mut at = self.at + "/*".len();
        while let Some(byte) = self.byte(at) {
            match (byte, self.byte(at + 1)) {
                (b'*', Some(b'/')) if inner => {
                    inner = false;
                    at += 2;
                }
                (b'*', Some(b'/')) => {
                    self.at = at + 2;
                    return;
                }
                (b'/', Some(b'*')) if nested && !inner => {
                    inner = true;
                    at += 2;
                }
                _ => at += 1,
            }
        }
        self.at = at;
    }

    fn quoted(&mut self, quote: u8) -> Token<'a> {
        let escapes = match quote {
            b'\'' => self.reading.single,
            b'"' => self.reading.double,
            _ => false,
        };
        let from = self.at + 1;
        let mut at = from;
        let to = loop {
            match self.byte(at) {
                None => break self.sql.len(),
                Some(b'\\') if escapes => {
                    self.escaped_quote |= self.byte(at + 1) == Some(quote);
                    at += 2;
                }
                Some(byte) if byte != quote => at += 1,
                Some(_) if self.byte(at + 1) == Some(quote) => at += 2,
                Some(_) => break at,
            }
        };
        self.at = (to + 1).min(self.sql.len());
        self.joint = Some(self.at);
        Token::Quoted(&self.sql[from..to])
    }

    /// Reads a colon and what belongs to it. A run of colons is one symbol with no name after
    /// it, unless it ends in an assignment.
    fn colon(&mut self) -> Token<'a> {
        let joined = self.joint == Some(self.at);
        let end = self.run(self.at, |byte| byte == b':');
        let name_end = self.run(end, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let begins_name = self
            .byte(end)
            .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if self.byte(end) == Some(b'=') {
            self.at = end + 1;
            Token::Assign
        } else if begins_name && !joined && end == self.at + 1 {
            self.at = name_end;
            self.joint = Some(name_end);
            Token::Named(&self.sql[end..name_end])
        } else {
            self.at = end;
            Token::Symbol(b':')
        }
    }

    fn word(&mut self, first: u8) -> Token<'a> {
        let from = self.at;
        let number = if first.is_ascii_digit() {
            self.number_end()
        } else {
            // `1.e5`: after a number and its point.
            self.odd |=
                from > 0 && self.number_end == Some(from - 1) && self.byte(from - 1) == Some(b'.');
            None
        };
        self.at = number.unwrap_or_else(|| self.run(from, is_word));
        self.odd |= number.is_some() && self.byte(self.at).is_some_and(is_word);
        self.joint = Some(self.at);
        let word = &self.sql[from..self.at];
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            self.number_end = Some(self.at);
        }
        Token::Word(word)
    }

    /// Where a number ends that may be followed by a word without any space: the servers read
    /// `1.5INTO @a` and `1e5INTO @a` as a number and a keyword, but `15INTO` as an identifier.
    fn number_end(&self) -> Option<usize> {
        let digit = |byte: u8| byte.is_ascii_digit();
        let fraction = self.at.checked_sub(1).and_then(|before| self.byte(before)) == Some(b'.');
        let end = self.run(self.at, digit);
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
            let exponent = end + 1 + sign;
            if self.byte(exponent).is_some_and(digit) {
                return Some(self.run(exponent, digit));
            }
        }
        fraction.then_some(end)
    }
}

/// Identifiers may hold `$` and every character outside ASCII.
fn is_word(byte: u8) -> bool {
    WORD[usize::from(byte)]
}

static WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        let word = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii();
        table[byte as usize] = word;
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

impl<'a> Iterator for Lexer<'a> {
    type Item = (usize, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at;
            let token = match self.byte(start)? {
                // Space, tab, line feed, vertical tab, form feed, carriage return: the
                // servers' whitespace, no more.
                b' ' | b'\t'..=b'\r' => {
                    self.at += 1;
                    continue;
                }
                b'#' => {
                    self.skip_line();
                    continue;
                }
                b'-' if self.at_dash_comment() => {
                    self.skip_line();
                    continue;
                }
                b'/' if self.byte(start + 1) == Some(b'*') => {
                    self.comment();
                    continue;
                }
                b'*' if self.inside && self.byte(start + 1) == Some(b'/') => {
                    self.inside = false;
                    self.at += 2;
                    continue;
                }
                quote @ (b'\'' | b'"' | b'`') => self.quoted(quote),
                b':' => self.colon(),
                byte if is_word(byte) => self.word(byte),
                byte => {
                    self.at += 1;
                    self.odd |= matches!(byte, b'\\' | b'[' | b']');
                    if byte == b'?' {
                        Token::Question
                    } else {
                        Token::Symbol(byte)
                    }
                }
            };
            return Some((start, token));
        }
    }
}
