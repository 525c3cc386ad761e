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
    pub(super) fn read(&mut self, token: Token<'a>) {
        self.state = match (self.state, token) {
            (State::Start, Token::Symbol(b'(')) => State::Start,
            (State::Start, Token::Word(word)) if word.eq_ignore_ascii_case("SELECT") => {
                State::Select
            }
            (State::Select, token) if !self.is_harmful(token) => State::Select,
            _ => State::No,
        };
        self.before = [Some(token), self.before[0]];
    }

    pub(super) fn verdict(&self) -> bool {
        self.state == State::Select
    }

    fn is_harmful(&self, token: Token<'_>) -> bool {
        match token {
            Token::Word(word) => is_listed(word, REFUSED),
            // User and system variables.
            Token::Symbol(b'@') | Token::Assign => true,
            Token::Symbol(b'(') => self.calls_unknown(),
            _ => false,
        }
    }

    /// Whether the parenthesis that is being read belongs to a function we do not know: a stored function may write.
    fn calls_unknown(&self) -> bool {
        match self.before {
            // `shop.count(1)` is a stored function whatever its name.
            [Some(Token::Word(_)), Some(Token::Symbol(b'.'))] => true,
            [Some(Token::Word(word)), _] => !is_listed(word, BEFORE_PARENTHESIS),
            [Some(Token::Quoted(_)), _] => true,
            _ => false,
        }
    }
}

/// `INTO` stores, `FOR` and `LOCK` lock rows or take the next value of a sequence, `PROCEDURE` runs one.
const REFUSED: &str = "FOR INTO LOCK PROCEDURE";

/// What may stand before a parenthesis: keywords, and functions that only compute. In the order of the alphabet.
const BEFORE_PARENTHESIS: &str = "\
    ABS ADDDATE AGAINST ALL AND ANY AS ASCII AVG BETWEEN BY CASE CAST CEIL CEILING CHAR CHAR_LENGTH COALESCE \
    CONCAT CONCAT_WS CONVERT COUNT CURDATE CURRENT_DATE CURRENT_TIMESTAMP CURTIME DATE DATEDIFF DATE_ADD \
    DATE_FORMAT DATE_SUB DAY DAYOFMONTH DAYOFWEEK DAYOFYEAR DECIMAL DENSE_RANK DISTINCT DIV ELSE EXISTS \
    EXTRACT FIELD FIND_IN_SET FLOOR FORMAT FROM FROM_UNIXTIME GREATEST GROUP_CONCAT HAVING HEX HOUR IF \
    IFNULL IN INDEX INSTR INTERVAL IS ISNULL JOIN JSON_ARRAY JSON_ARRAYAGG JSON_CONTAINS JSON_EXTRACT \
    JSON_LENGTH JSON_OBJECT JSON_OBJECTAGG JSON_UNQUOTE JSON_VALUE KEY LAST_DAY LEAST LEFT LENGTH LIKE \
    LOCATE LOWER LPAD LTRIM MATCH MAX MD5 MIN MINUTE MOD MONTH NOT NOW NULLIF ON OR OVER PARTITION \
    POSITION POW POWER RAND RANK REGEXP REPEAT REPLACE REVERSE RIGHT ROUND ROW_NUMBER RPAD RTRIM SECOND \
    SELECT SHA1 SHA2 SIGN SOME SQRT SUBDATE SUBSTR SUBSTRING SUBSTRING_INDEX SUM THEN TIME TIMESTAMP \
    TIMESTAMPDIFF TRIM TRUNCATE UNION UNIX_TIMESTAMP UPPER USING UTC_DATE UTC_TIMESTAMP VALUES WEEK \
    WEEKDAY WHEN WHERE XOR YEAR";

fn is_listed(word: &str, list: &str) -> bool {
    list.split(' ')
        .any(|entry| entry.eq_ignore_ascii_case(word))
}
