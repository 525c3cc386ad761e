//! Whether a statement is a plain read: a SELECT that takes no locks, stores nothing and calls none but functions of
//! the server that only compute.
//!
//! Running a plain read twice, or for a caller who has left, does no harm. Whatever is not known to be harmless makes
//! the answer no; that costs speed, the other way would cost correctness.

use super::lexer::Token;

/// Looks at the tokens of one statement in order.
#[derive(Default)]
pub(super) struct PlainRead<'a> {
    state: State,
    /// The last two tokens, the latest first.
    before: [Option<Token<'a>>; 2],
    /// Where the last word ended.
    word_end: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before the first keyword.
    #[default]
    Start,
    Select,
    No,
}

impl<'a> PlainRead<'a> {
    /// Reads the token at the offset `at`.
    pub(super) fn read(&mut self, at: usize, token: Token<'a>) {
        self.state = match (self.state, token) {
            (State::Start, Token::Symbol(b'(')) => State::Start,
            (State::Start, Token::Word(word)) if word.eq_ignore_ascii_case("SELECT") => {
                State::Select
            }
            (State::Select, token) if !self.is_harmful(at, token) => State::Select,
            _ => State::No,
        };
        self.before = [Some(token), self.before[0]];
        if let Token::Word(word) = token {
            self.word_end = at + word.len();
        }
    }

    pub(super) fn verdict(&self) -> bool {
        self.state == State::Select
    }

    fn is_harmful(&self, at: usize, token: Token<'_>) -> bool {
        match token {
            Token::Word(word) => is_listed(word, REFUSED) || resets(word),
            Token::Quoted(text) => is_listed(text, REFUSED_QUOTED) || resets(text),
            // User and system variables.
            Token::Symbol(b'@') | Token::Assign => true,
            Token::Symbol(b'(') => self.calls_unknown(at),
            _ => false,
        }
    }

    /// Whether the parenthesis at `at` belongs to a function we do not know: a stored function may write.
    fn calls_unknown(&self, at: usize) -> bool {
        match self.before {
            // `shop.count(1)` is a stored function whatever its name.
            [Some(Token::Word(_)), Some(Token::Symbol(b'.'))] => true,
            [Some(Token::Word(word)), before] if word.eq_ignore_ascii_case("AGAINST") => {
                before != Some(Token::Symbol(b')'))
            }
            // After a space, `count (1)` is a stored function too.
            [Some(Token::Word(word)), _] => {
                let is_called = self.word_end == at;
                !(is_listed(word, KEYWORDS) || is_called && is_listed(word, FUNCTIONS))
            }
            [Some(Token::Quoted(_)), _] => true,
            _ => false,
        }
    }
}

/// `INTO` stores, `FOR` and `LOCK` lock rows or take the next value of a sequence, `PROCEDURE` runs one. So does
/// `s.nextval`, without parentheses, in MariaDB's `sql_mode` ORACLE.
const REFUSED: &str = "FOR INTO LOCK NEXTVAL PROCEDURE";
const REFUSED_QUOTED: &str = "NEXTVAL";

/// Some tables of information_schema count anew when they have been read, `INNODB_CMP_RESET` is one.
fn resets(name: &str) -> bool {
    name.len() > 6 && name.as_bytes()[name.len() - 6..].eq_ignore_ascii_case(b"_RESET")
}

/// Words before a parenthesis that are never a function of the user, in the order of the alphabet.
const KEYWORDS: &str = "\
    ALL AND ANY AS BETWEEN BY CASE CHAR CONVERT CURRENT_DATE CURRENT_TIMESTAMP DECIMAL DISTINCT DIV ELSE EXCEPT EXISTS \
    FROM HAVING IF IN INDEX INTERSECT INTERVAL IS JOIN KEY LEFT LIKE MATCH MOD NOT ON OR OVER PARTITION REGEXP REPEAT \
    REPLACE RIGHT RLIKE SELECT SOME THEN UNION USING UTC_DATE UTC_TIME UTC_TIMESTAMP VALUES WHEN WHERE XOR";

/// Functions that only compute, in the order of the alphabet. Every server that we speak to has them (MySQL 5.7,
/// MariaDB 10.2): one that a server lacks may be a function of its user.
const FUNCTIONS: &str = "\
    ABS ACOS ADDDATE ASCII ASIN ATAN ATAN2 AVG BIN BINARY BIT_AND BIT_COUNT BIT_OR BIT_XOR CAST CEIL CEILING \
    CHARACTER_LENGTH CHAR_LENGTH COALESCE CONCAT CONCAT_WS CONV CONVERT_TZ COS COT COUNT CRC32 CURDATE CURTIME DATE \
    DATEDIFF DATE_ADD DATE_FORMAT DATE_SUB DAY DAYNAME DAYOFMONTH DAYOFWEEK DAYOFYEAR DEGREES ELT EXP \
    EXTRACT FIELD FIND_IN_SET FLOOR FORMAT FROM_BASE64 FROM_DAYS FROM_UNIXTIME GREATEST GROUP_CONCAT HEX HOUR IFNULL \
    INET6_ATON INET6_NTOA INET_ATON INET_NTOA INSTR ISNULL JSON_ARRAY JSON_CONTAINS JSON_CONTAINS_PATH JSON_EXTRACT \
    JSON_KEYS JSON_LENGTH JSON_OBJECT JSON_QUOTE JSON_SEARCH JSON_TYPE JSON_UNQUOTE JSON_VALID LAST_DAY LCASE LEAST \
    LENGTH LN LOCATE LOG LOG10 LOG2 LOWER LPAD LTRIM MAKEDATE MAKETIME MAX MD5 MICROSECOND MID MIN MINUTE MONTH \
    MONTHNAME NOW NULLIF OCT OCTET_LENGTH ORD PI POSITION POW POWER QUARTER QUOTE RADIANS RAND REVERSE ROUND ROW \
    RPAD RTRIM SECOND SEC_TO_TIME SHA SHA1 SHA2 SIGN SIN SPACE SQRT STD STDDEV STRCMP STR_TO_DATE SUBDATE \
    SUBSTR SUBSTRING SUBSTRING_INDEX SUBTIME SUM TAN TIME TIMEDIFF TIMESTAMP TIMESTAMPADD TIMESTAMPDIFF TIME_FORMAT \
    TIME_TO_SEC TO_BASE64 TO_DAYS TO_SECONDS TRIM TRUNCATE UCASE UNHEX UNIX_TIMESTAMP UPPER VARCHAR VARIANCE WEEK \
    WEEKDAY WEEKOFYEAR YEAR YEARWEEK";

fn is_listed(word: &str, list: &str) -> bool {
    list.split(' ')
        .any(|entry| entry.eq_ignore_ascii_case(word))
}
