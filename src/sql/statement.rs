//! What a statement is, whether it is alone in its text, and whether it changes the session.
//!
//! Each question is answered on the safe side: "several" and "changes the session" where the
//! text leaves a doubt. A wrong guess that way costs a reset or a clear error; the other way a
//! connection would carry one caller's state to the next.

use super::{
    lexer::{Executable, Lexer, Reading, Token},
    plain::PlainRead,
};

/// What the first keyword of a statement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// `SELECT`, and `TABLE` and `VALUES`, which stand for one.
    Select,
    Insert,
    Update,
    Delete,
    Replace,
    /// `WITH`: a query, or in MySQL an `UPDATE` or `DELETE`.
    With,
    Call,
    /// `SET`, `SET STATEMENT … FOR …` included.
    Set,
    /// `CREATE`, `ALTER`, `DROP`, `TRUNCATE`, `RENAME`.
    Ddl,
    /// `START TRANSACTION`, `BEGIN`, `COMMIT`, `ROLLBACK`, `SAVEPOINT`, `RELEASE`, `XA`.
    Transaction,
    /// `SHOW`, and `DESCRIBE` and `EXPLAIN`.
    Show,
    Other,
}

/// The answers of [`super::Template`] about a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nature {
    pub(super) kind: StatementKind,
    pub(super) returns_rows: bool,
    pub(super) single: bool,
    pub(super) changes_session: bool,
    pub(super) plain_read: bool,
    /// Whether it is a plain read on a server that has the functions and the syntax it uses.
    pub(super) computes: bool,
}

impl Nature {
    /// Of a text that was not looked at: nothing is certain.
    pub(super) fn unknown() -> Nature {
        Nature {
            kind: StatementKind::Other,
            returns_rows: false,
            single: false,
            changes_session: true,
            plain_read: false,
            computes: false,
        }
    }
}

/// Judges the default reading of `sql`, then every other one the text leaves open.
///
/// Two things leave it open: a quote after a backslash, since `sql_mode` says whether that
/// ends the string, and an executable comment, since the server's version says whether it is
/// one. Of several such comments any subset may run; those are not told apart, and the answers
/// are the cautious ones.
pub(super) fn nature(sql: &str) -> Nature {
    let (mut nature, doubts) = judge(sql, Reading::DEFAULT);
    let mut executables = doubts.executables;
    let mut unforeseen = false;
    let mut odd = doubts.odd;
    for reading in doubts.readings() {
        if nature.changes_session && !nature.single && !nature.computes {
            break;
        }
        let (other, more) = judge(sql, reading);
        nature.single &= other.single;
        nature.changes_session |= other.changes_session;
        nature.plain_read &= other.plain_read;
        nature.computes &= other.computes;
        executables = executables.max(more.executables);
        odd |= more.odd;
        unforeseen |= more.exceeds(doubts);
    }
    if executables > 1 || unforeseen {
        nature.single = false;
        nature.changes_session = true;
    }
    nature.changes_session |= odd;
    nature.computes &= nature.single && !nature.changes_session && executables == 0;
    nature.plain_read &= nature.computes;
    nature
}

/// What a reading met whose meaning depends on the server.
#[derive(Clone, Copy)]
pub(super) struct Doubts {
    pub(super) escaped_quote: bool,
    pub(super) executables: usize,
    /// See [`Lexer::odd`].
    pub(super) odd: bool,
}

impl Doubts {
    pub(super) fn of(lexer: &Lexer<'_>) -> Self {
        Self {
            escaped_quote: lexer.escaped_quote,
            executables: lexer.executables,
            odd: lexer.odd,
        }
    }

    /// The other readings that they leave open.
    pub(super) fn readings(self) -> impl Iterator<Item = Reading> {
        let escapes: &[_] = if self.escaped_quote {
            &[(true, true), (true, false), (false, false)]
        } else {
            &[(true, true)]
        };
        let comments: &[_] = if self.executables > 0 {
            &[Executable::Run, Executable::Skip, Executable::SkipNested]
        } else {
            &[Executable::Run]
        };
        escapes
            .iter()
            .flat_map(|&(single, double)| {
                comments.iter().map(move |&executable| Reading {
                    single,
                    double,
                    executable,
                })
            })
            .filter(|&reading| reading != Reading::DEFAULT)
    }

    /// Whether this reading met a kind of doubt the first one did not, whose readings nobody
    /// has listed then.
    fn exceeds(self, first: Self) -> bool {
        (self.escaped_quote && !first.escaped_quote)
            || (self.executables > 0 && first.executables == 0)
    }
}

fn judge(sql: &str, reading: Reading) -> (Nature, Doubts) {
    let mut lexer = Lexer::new(sql, reading);
    let mut survey = Survey::default();
    let mut plain = PlainRead::default();
    for (at, token) in lexer.by_ref() {
        survey.read(token);
        plain.read(at, token);
    }
    survey.end_statement();
    let nature = Nature {
        kind: survey.kind.unwrap_or(StatementKind::Other),
        returns_rows: survey.returns_rows,
        single: !survey.several,
        changes_session: survey.changes,
        plain_read: plain.verdict(),
        computes: plain.computes(),
    };
    (nature, Doubts::of(&lexer))
}

/// One pass over the tokens of one reading.
#[derive(Default)]
struct Survey<'a> {
    /// Known from the first keyword on.
    kind: Option<StatementKind>,
    returns_rows: bool,
    /// Whether a `;` ended the first statement.
    ended: bool,
    several: bool,
    changes: bool,
    /// Whether the first statement is a stored program, whose body holds semicolons.
    program: bool,
    stage: Stage,
    previous: Option<Token<'a>>,
    last_insert_id: Callee,
}

/// How far into a statement the pass is.
#[derive(Clone, Copy, Default)]
enum Stage {
    /// Before the first keyword.
    #[default]
    Start,
    /// After `SET`.
    Set,
    /// In the variables of `SET STATEMENT … FOR`, this many parentheses deep.
    Variables(usize),
    /// After `CREATE`, before it is known what is created.
    Create,
    /// After `CREATE` or `DROP`, where words may still say what is concerned.
    Definition,
    /// After `START`.
    Begun,
    /// After `BEGIN`, and after `BEGIN NOT`.
    Block { not: bool },
    /// After `COMMIT` or `ROLLBACK`.
    Finish,
    /// Where no further keyword matters.
    Body,
}

/// How much of a call of `LAST_INSERT_ID(expr)` has been read.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Callee {
    #[default]
    None,
    Name,
    Parenthesis,
}

impl<'a> Survey<'a> {
    fn read(&mut self, token: Token<'a>) {
        if self.ended && !self.program {
            self.several = true;
        }
        if token == Token::Symbol(b';') {
            self.end_statement();
            self.ended = true;
        } else {
            self.changes |=
                token == Token::Assign || self.stores_variable(token) || self.calls_changer(token);
            self.stage = self.advance(token);
            // INSERT, REPLACE and DELETE … RETURNING.
            self.returns_rows |= !self.ended
                && matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("RETURNING"));
        }
        self.previous = Some(token);
    }

    fn end_statement(&mut self) {
        // A plain SET, or a SET STATEMENT whose statement was not found.
        self.changes |= matches!(self.stage, Stage::Set | Stage::Variables(_));
        self.stage = Stage::Start;
    }

    /// `SELECT … INTO @variable`.
    fn stores_variable(&self, token: Token<'_>) -> bool {
        token == Token::Symbol(b'@')
            && matches!(self.previous, Some(Token::Word(word)) if word.eq_ignore_ascii_case("INTO"))
    }

    /// Functions that take or release locks of the session, by name alone: nothing else goes
    /// by these names. They may be quoted, and `LAST_INSERT_ID` matters with an argument only.
    fn calls_changer(&mut self, token: Token<'_>) -> bool {
        let before = std::mem::take(&mut self.last_insert_id);
        match token {
            Token::Word(name) | Token::Quoted(name) if name.len() >= "GET_LOCK".len() => {
                if name.eq_ignore_ascii_case("LAST_INSERT_ID") {
                    self.last_insert_id = Callee::Name;
                } else if is_any(name, LOCKING_FUNCTIONS) {
                    return true;
                }
            }
            Token::Symbol(b'(') if before == Callee::Name => {
                self.last_insert_id = Callee::Parenthesis;
            }
            Token::Symbol(b')') => return false,
            _ => {}
        }
        before == Callee::Parenthesis
    }

    fn advance(&mut self, token: Token<'a>) -> Stage {
        match (self.stage, token) {
            (Stage::Body, _) | (Stage::Start, Token::Symbol(b'(')) => self.stage,
            (Stage::Start, Token::Word(word)) => self.begin(word),
            (Stage::Set, Token::Word(word)) if word.eq_ignore_ascii_case("STATEMENT") => {
                Stage::Variables(0)
            }
            (Stage::Variables(depth), Token::Symbol(b'(')) => Stage::Variables(depth + 1),
            (Stage::Variables(depth), Token::Symbol(b')')) => {
                Stage::Variables(depth.saturating_sub(1))
            }
            // `NEXT VALUE FOR s` leads here too; `s` begins no harmless statement, so that the
            // answer is the cautious one.
            (Stage::Variables(0), Token::Word(word)) if word.eq_ignore_ascii_case("FOR") => {
                Stage::Start
            }
            (Stage::Variables(_), _) => self.stage,
            (Stage::Start | Stage::Set, _) => {
                self.changes = true;
                Stage::Body
            }
            (Stage::Create, token) => self.create(token),
            (Stage::Definition, Token::Word(word)) => self.definition(word),
            (Stage::Begun, Token::Word(word)) if word.eq_ignore_ascii_case("TRANSACTION") => {
                Stage::Body
            }
            (Stage::Begun, _) => self.not_a_transaction(),
            (Stage::Block { not: false }, Token::Word(word))
                if word.eq_ignore_ascii_case("NOT") =>
            {
                Stage::Block { not: true }
            }
            (Stage::Block { not: true }, Token::Word(word))
                if word.eq_ignore_ascii_case("ATOMIC") =>
            {
                self.program |= !self.ended;
                self.not_a_transaction()
            }
            (Stage::Block { .. }, _) => Stage::Body,
            // `AND CHAIN` opens the next transaction, `TO` keeps the present one.
            (Stage::Finish, Token::Word(word)) if !word.eq_ignore_ascii_case("WORK") => {
                self.changes = true;
                Stage::Body
            }
            (Stage::Definition | Stage::Finish, _) => self.stage,
        }
    }

    /// Reads the first keyword of a statement. Every keyword that is not named as harmless
    /// changes the session: `USE`, `LOCK`, `CALL`, `PREPARE`, labels and whatever comes later.
    fn begin(&mut self, word: &str) -> Stage {
        use StatementKind::*;
        let verb = word.to_ascii_uppercase();
        let (kind, harmless, stage) = match verb.as_str() {
            "SELECT" | "TABLE" | "VALUES" => (Select, true, Stage::Body),
            "INSERT" => (Insert, true, Stage::Body),
            "UPDATE" => (Update, true, Stage::Body),
            "DELETE" => (Delete, true, Stage::Body),
            "REPLACE" => (Replace, true, Stage::Body),
            "WITH" => (With, true, Stage::Body),
            "CALL" => (Call, false, Stage::Body),
            // Settled when it is clear whether this is SET STATEMENT.
            "SET" => (Set, true, Stage::Set),
            "CREATE" => (Ddl, true, Stage::Create),
            "DROP" => (Ddl, true, Stage::Definition),
            "ALTER" | "TRUNCATE" | "RENAME" => (Ddl, true, Stage::Body),
            "START" => (Transaction, false, Stage::Begun),
            "BEGIN" => (Transaction, false, Stage::Block { not: false }),
            "COMMIT" | "ROLLBACK" => (Transaction, true, Stage::Finish),
            "SAVEPOINT" | "RELEASE" | "XA" => (Transaction, false, Stage::Body),
            "SHOW" | "DESCRIBE" | "DESC" | "EXPLAIN" => (Show, true, Stage::Body),
            "ANALYZE" | "CHECK" | "CHECKSUM" | "OPTIMIZE" | "REPAIR" | "DO" | "GRANT"
            | "REVOKE" | "KILL" => (Other, true, Stage::Body),
            _ => (Other, false, Stage::Body),
        };
        self.changes |= !harmless;
        if !self.ended {
            self.kind.get_or_insert(kind);
            self.returns_rows |= is_any(word, ROW_VERBS);
        }
        stage
    }

    /// Reads on after `CREATE` until it is known whether a stored program is created. The name
    /// and host of a definer are skipped, since they may be any word.
    fn create(&mut self, token: Token<'_>) -> Stage {
        let Token::Word(word) = token else {
            return Stage::Create;
        };
        let of_account = matches!(self.previous, Some(Token::Symbol(b'=' | b'@' | b'.')));
        if of_account || is_any(word, &["OR", "REPLACE", "DEFINER", "AGGREGATE"]) {
            Stage::Create
        } else if is_any(
            word,
            &["PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE"],
        ) {
            self.program |= !self.ended;
            Stage::Body
        } else {
            self.definition(word)
        }
    }

    /// A temporary table belongs to the session; dropping a database takes away the default
    /// one, and `CREATE OR REPLACE DATABASE` drops too; `DROP PREPARE` ends a statement.
    fn definition(&mut self, word: &str) -> Stage {
        self.changes |= is_any(word, &["TEMPORARY", "DATABASE", "SCHEMA", "PREPARE"]);
        Stage::Definition
    }

    /// `START REPLICA` or a compound statement, after the first keyword said otherwise.
    fn not_a_transaction(&mut self) -> Stage {
        if !self.ended && self.kind == Some(StatementKind::Transaction) {
            self.kind = Some(StatementKind::Other);
        }
        Stage::Body
    }
}

/// Named locks, and MySQL's locking service and version tokens, which are plugins.
const LOCKING_FUNCTIONS: &[&str] = &[
    "GET_LOCK",
    "RELEASE_LOCK",
    "RELEASE_ALL_LOCKS",
    "SERVICE_GET_READ_LOCKS",
    "SERVICE_GET_WRITE_LOCKS",
    "SERVICE_RELEASE_LOCKS",
    "VERSION_TOKENS_LOCK_SHARED",
    "VERSION_TOKENS_LOCK_EXCLUSIVE",
    "VERSION_TOKENS_UNLOCK",
];

/// First keywords of statements that answer with rows, always or as a rule.
const ROW_VERBS: &[&str] = &[
    "SELECT", "TABLE", "VALUES", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "ANALYZE", "CHECK",
    "CHECKSUM", "OPTIMIZE", "REPAIR", "CALL", "EXECUTE", "HANDLER", "HELP",
];

fn is_any(word: &str, names: &[&str]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(word))
}
