//! Which semicolons are inside the body of a stored program.
//!
//! Keywords are told from functions of the same name (`IF`, `REPEAT`) and from parts of an expression (`CASE`) by where
//! they stand: blocks are only opened where a statement begins.

use super::super::lexer::Token;

/// The open blocks of a stored program.
#[derive(Default)]
pub(super) struct Blocks {
    stage: Stage,
    open: Vec<Block>,
    /// Whether a statement begins here.
    at_start: bool,
    /// Whether `END` has just been read, which a word may follow that says of what.
    after_end: bool,
    last: Last,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Statement,
    /// `CASE` within an expression.
    Expression,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before the first word.
    #[default]
    Start,
    /// Behind `CREATE`, before it is known what is created.
    Create,
    /// Behind `BEGIN` at the start, and behind `BEGIN NOT`.
    Begin,
    /// In a stored program, before its body.
    Header,
    Body,
    /// Something that is no program.
    Other,
}

/// What the token before was.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Something that a body may follow, in a header.
    Complete,
    /// `=`, `@` or `.`, which a name follows.
    Joint,
    #[default]
    Other,
}

impl Blocks {
    pub(super) fn is_closed(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn read(&mut self, token: Token<'_>) {
        match token {
            Token::Word(word) => self.word(&word.to_ascii_uppercase()),
            Token::Symbol(b';') => self.at_start = true,
            // Behind a label; elsewhere no statement begins with a colon.
            Token::Symbol(b':') => self.at_start = self.stage == Stage::Body,
            _ => self.at_start = false,
        }
        if !matches!(token, Token::Word(_)) {
            self.after_end = false;
        }
        self.last = match token {
            Token::Symbol(b')') | Token::Quoted(_) => Last::Complete,
            Token::Symbol(b'=' | b'@' | b'.') => Last::Joint,
            Token::Word(word) if ends_header(word) => Last::Complete,
            _ => Last::Other,
        };
    }

    fn word(&mut self, word: &str) {
        match self.stage {
            Stage::Start => self.first(word),
            Stage::Create => self.created(word),
            Stage::Begin => match word {
                "NOT" => {}
                "ATOMIC" => {
                    self.stage = Stage::Body;
                    self.open(Block::Statement);
                }
                _ => self.stage = Stage::Other,
            },
            Stage::Header => self.header(word),
            Stage::Body => self.body(word),
            Stage::Other => {}
        }
    }

    fn first(&mut self, word: &str) {
        self.stage = match word {
            "CREATE" => Stage::Create,
            "BEGIN" => Stage::Begin,
            "IF" | "CASE" | "LOOP" | "WHILE" | "REPEAT" | "FOR" => {
                self.at_start = true;
                self.body(word);
                Stage::Body
            }
            _ => Stage::Other,
        };
    }

    fn created(&mut self, word: &str) {
        match word {
            _ if self.last == Last::Joint => {}
            "OR" | "REPLACE" | "DEFINER" | "AGGREGATE" => {}
            "PROCEDURE" | "FUNCTION" | "TRIGGER" | "EVENT" => self.stage = Stage::Header,
            _ => self.stage = Stage::Other,
        }
    }

    /// The body of a program begins with a block, or with any other statement, which holds no semicolon.
    fn header(&mut self, word: &str) {
        let opens = match word {
            "BEGIN" => true,
            "IF" | "CASE" | "LOOP" | "WHILE" | "REPEAT" => self.last == Last::Complete,
            _ => false,
        };
        if opens {
            self.stage = Stage::Body;
            self.at_start = true;
            self.body(word);
        }
    }

    fn body(&mut self, word: &str) {
        let after_end = std::mem::take(&mut self.after_end);
        let at_start = std::mem::take(&mut self.at_start);
        let in_expression = self.open.last() == Some(&Block::Expression);
        match word {
            "IF" | "CASE" | "LOOP" | "WHILE" | "REPEAT" | "FOR" if after_end => {}
            "BEGIN" => self.open(Block::Statement),
            "LOOP" | "REPEAT" if at_start => self.open(Block::Statement),
            "IF" | "CASE" | "WHILE" | "FOR" if at_start => self.open.push(Block::Statement),
            "CASE" => self.open.push(Block::Expression),
            "END" => {
                self.open.pop();
                self.after_end = true;
            }
            "THEN" | "ELSE" => self.at_start = !in_expression,
            // Of a loop; `DO` at the start of a statement is one of its own.
            "DO" => self.at_start = !at_start,
            _ => {}
        }
    }

    /// Opens a block whose first statement comes next.
    fn open(&mut self, block: Block) {
        self.open.push(block);
        self.at_start = true;
    }
}

/// Words that may stand directly before the body of a program.
fn ends_header(word: &str) -> bool {
    [
        "ROW",
        "DO",
        "DETERMINISTIC",
        "SQL",
        "DATA",
        "DEFINER",
        "INVOKER",
    ]
    .iter()
    .any(|entry| entry.eq_ignore_ascii_case(word))
}
