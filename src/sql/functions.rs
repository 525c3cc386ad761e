//! The functions of the servers, and the words that stand before a parenthesis without being one.
//!
//! A name that is not here may be a stored function, which may read, write and block.

use std::{collections::HashMap, sync::LazyLock};

use super::lexer::Token;

/// What is known of a name before a parenthesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// A word that is never a function of the user, with or without a space before the parenthesis.
    Keyword,
    /// Its result follows from its arguments and the session's settings.
    Computes,
    /// It only computes, and answers otherwise from one call to the next.
    Varies,
    /// It knows or changes something of the session or the server, or waits.
    Session,
    /// It only computes where a server has it. One that lacks it may have one of its user's by that name.
    Newer,
    /// The same for a window function: with OVER behind it no user's function is meant.
    Window,
    /// Like `Session`, on some servers only.
    NewerSession,
}

pub(super) fn known(name: &str) -> Option<Known> {
    let mut upper = [0; LONGEST];
    let upper = upper.get_mut(..name.len())?;
    upper.copy_from_slice(name.as_bytes());
    upper.make_ascii_uppercase();
    NAMES.get(&*upper).copied()
}

/// A use of parentheses behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call<'a> {
    pub(super) schema: Option<&'a str>,
    pub(super) name: &'a str,
    /// None for what is the user's whatever its name: it has a schema, is quoted, or a space parts it from its
    /// parenthesis, without which the servers do not recognise some of their functions.
    pub(super) known: Option<Known>,
}

/// Finds the calls of functions among the tokens of a statement.
#[derive(Default)]
pub(super) struct Calls<'a> {
    /// The last four tokens, the latest first.
    before: [Option<Token<'a>>; 4],
    /// Where the last word ended.
    word_end: usize,
    depth: usize,
    /// Window functions whose parentheses are open, with the depth outside of them.
    windows: Vec<(usize, &'a str)>,
    /// A window function whose parenthesis has just been closed.
    closed: Option<&'a str>,
}

impl<'a> Calls<'a> {
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Reads the token at the offset `at`. Window functions are reported when it is clear that no OVER follows.
    pub(super) fn read(&mut self, at: usize, token: Token<'a>) -> Option<Call<'a>> {
        let is_over = matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("OVER"));
        let mut call = self.closed.take().filter(|_| !is_over).map(windowless);
        match token {
            // What comes behind a closing parenthesis calls nothing, so that no call is lost.
            Token::Symbol(b'(') if call.is_none() => {
                call = self.called(at);
                if let Some(Call {
                    known: Some(Known::Window),
                    name,
                    ..
                }) = call
                {
                    self.windows.push((self.depth, name));
                    call = None;
                }
                self.depth += 1;
            }
            Token::Symbol(b'(') => self.depth += 1,
            Token::Symbol(b')') => {
                self.depth = self.depth.saturating_sub(1);
                self.closed = self
                    .windows
                    .pop_if(|(depth, _)| *depth >= self.depth)
                    .map(|(_, name)| name);
            }
            Token::Word(word) => self.word_end = at + word.len(),
            _ => {}
        }
        self.before.rotate_right(1);
        self.before[0] = Some(token);
        call
    }

    /// A window function at the very end, or one whose parenthesis was never closed.
    pub(super) fn end(&mut self) -> Option<Call<'a>> {
        let open = self.windows.pop().map(|(_, name)| name);
        self.closed.take().or(open).map(windowless)
    }

    fn called(&self, at: usize) -> Option<Call<'a>> {
        let name = match self.before[0]? {
            Token::Word(name) | Token::Quoted(name) => name,
            _ => return None,
        };
        let is_plain = matches!(self.before[0], Some(Token::Word(_)));
        if self.before[1] == Some(Token::Symbol(b'.')) {
            let schema = match self.before[2] {
                Some(Token::Word(schema) | Token::Quoted(schema)) => Some(schema),
                _ => Some(""),
            };
            return Some(Call {
                schema,
                name,
                known: None,
            });
        }
        let known = match known(name).filter(|_| is_plain) {
            Some(Known::Keyword) => return None,
            // `MATCH (a) AGAINST (…)`.
            None if name.eq_ignore_ascii_case("AGAINST")
                && is_plain
                && self.before[1] == Some(Token::Symbol(b')')) =>
            {
                return None;
            }
            // `JSON_TABLE(a, '$' COLUMNS (…))`.
            None if name.eq_ignore_ascii_case("COLUMNS")
                && is_plain
                && matches!(self.before[1], Some(Token::Quoted(_))) =>
            {
                return None;
            }
            // `AS t (a, b)`, `AS CHAR (10)`.
            _ if matches!(self.before[1], Some(Token::Word(word)) if word.eq_ignore_ascii_case("AS")) =>
            {
                return None;
            }
            known => known.filter(|_| self.word_end == at),
        };
        Some(Call {
            schema: None,
            name,
            known,
        })
    }
}

fn windowless(name: &str) -> Call<'_> {
    Call {
        schema: None,
        name,
        known: None,
    }
}

/// No name in the lists is longer.
const LONGEST: usize = 32;

static NAMES: LazyLock<HashMap<&'static [u8], Known>> = LazyLock::new(|| {
    [
        (Known::Keyword, KEYWORDS),
        (Known::Computes, COMPUTES),
        (Known::Varies, VARIES),
        (Known::Session, SESSION),
        (Known::Newer, NEWER),
        (Known::Window, WINDOWS),
        (Known::NewerSession, NEWER_SESSION),
    ]
    .into_iter()
    .flat_map(|(known, names)| names.split(' ').map(move |name| (name.as_bytes(), known)))
    .collect()
});

/// Words before a parenthesis that are never a function of the user, in the order of the alphabet.
const KEYWORDS: &str = "\
    ALL AND ANY AS BETWEEN BY CASE CHAR CONVERT CURRENT_DATE CURRENT_TIMESTAMP DECIMAL DISTINCT DISTINCTROW DIV ELSE \
    EXCEPT EXISTS FROM HAVING HIGH_PRIORITY IF IN INDEX INSERT INTERSECT INTERVAL INTO IS JOIN KEY LEFT LIKE MATCH MOD \
    NOT ON OR OVER PARTITION REGEXP REPEAT REPLACE RIGHT RLIKE SELECT SET SOME STRAIGHT_JOIN THEN UNION UPDATE USING \
    UTC_DATE UTC_TIME UTC_TIMESTAMP VALUES WHEN WHERE XOR";

/// Functions that only compute, in the order of the alphabet. Every server that we speak to has them (MySQL 5.7,
/// MariaDB 10.2): one that a server lacks may be a function of its user.
const COMPUTES: &str = "\
    ABS ACOS ADDDATE ADDTIME AES_DECRYPT AES_ENCRYPT ASCII ASIN ATAN ATAN2 AVG BIN BINARY BIT_AND BIT_COUNT BIT_LENGTH BIT_OR BIT_XOR CAST CEIL \
    CEILING CHARACTER_LENGTH CHARSET CHAR_LENGTH COALESCE COERCIBILITY COLLATION COMPRESS CONCAT CONCAT_WS CONV \
    CONVERT_TZ COS COT COUNT CRC32 DATE DATEDIFF DATE_ADD DATE_FORMAT DATE_SUB DAY DAYNAME DAYOFMONTH DAYOFWEEK \
    DAYOFYEAR DEGREES ELT EXP EXPORT_SET EXTRACT FIELD FIND_IN_SET FLOOR FORMAT FROM_BASE64 FROM_DAYS FROM_UNIXTIME \
    GET_FORMAT GREATEST GROUP_CONCAT HEX HOUR IFNULL INET6_ATON INET6_NTOA INET_ATON INET_NTOA INSTR ISNULL IS_IPV4 \
    IS_IPV4_COMPAT IS_IPV4_MAPPED IS_IPV6 JSON_ARRAY JSON_ARRAY_APPEND JSON_ARRAY_INSERT JSON_CONTAINS \
    JSON_CONTAINS_PATH JSON_DEPTH JSON_EXTRACT JSON_INSERT JSON_KEYS JSON_LENGTH JSON_OBJECT JSON_QUOTE JSON_REMOVE \
    JSON_REPLACE JSON_SEARCH JSON_SET JSON_TYPE JSON_UNQUOTE JSON_VALID LAST_DAY LCASE LEAST LENGTH LN LOCATE LOG LOG10 \
    LOG2 LOWER LPAD LTRIM MAKEDATE MAKETIME MAKE_SET MAX MD5 MICROSECOND MID MIN MINUTE MONTH MONTHNAME NULLIF OCT \
    OCTET_LENGTH ORD PERIOD_ADD PERIOD_DIFF PI POSITION POW POWER QUARTER QUOTE RADIANS REVERSE ROUND ROW RPAD RTRIM \
    SECOND SEC_TO_TIME SHA SHA1 SHA2 SIGN SIN SOUNDEX SPACE SQRT STD STDDEV STDDEV_POP STDDEV_SAMP STRCMP STR_TO_DATE \
    ST_ASTEXT ST_CONTAINS ST_DISTANCE ST_GEOMFROMTEXT ST_INTERSECTS ST_WITHIN ST_X ST_Y SUBDATE SUBSTR SUBSTRING \
    SUBSTRING_INDEX SUBTIME SUM TAN TIME TIMEDIFF TIMESTAMP TIMESTAMPADD TIMESTAMPDIFF TIME_FORMAT TIME_TO_SEC \
    TO_BASE64 TO_DAYS TO_SECONDS TRIM TRUNCATE UCASE UNCOMPRESS UNCOMPRESSED_LENGTH UNHEX UNIX_TIMESTAMP UPPER VARCHAR \
    VARIANCE VAR_POP VAR_SAMP WEEK WEEKDAY WEEKOFYEAR WEIGHT_STRING YEAR YEARWEEK";

/// Of every server too. `CURRENT_DATE` and its like are keywords that stand without parentheses.
const VARIES: &str = "CURDATE CURTIME NOW RAND";

/// Of every server too, but not harmless: they wait, take locks, read files or ask what others have changed.
const SESSION: &str = "\
    BENCHMARK CONNECTION_ID CURRENT_TIME CURRENT_USER DATABASE DEFAULT FOUND_ROWS GET_LOCK IS_FREE_LOCK IS_USED_LOCK \
    LAST_INSERT_ID LOAD_FILE LOCALTIME LOCALTIMESTAMP MASTER_POS_WAIT RELEASE_LOCK ROW_COUNT SCHEMA SESSION_USER SLEEP \
    SYSDATE SYSTEM_USER USER UUID UUID_SHORT VERSION";

/// From MySQL 8, or MariaDB 10.5, or one of the two alone.
const NEWER: &str = "\
    ANY_VALUE BIN_TO_UUID CRC32C GROUPING IS_UUID JSON_ARRAYAGG JSON_COMPACT JSON_DETAILED \
    JSON_EQUALS JSON_EXISTS JSON_LOOSE JSON_MERGE JSON_MERGE_PATCH JSON_MERGE_PRESERVE JSON_NORMALIZE JSON_OBJECTAGG \
    JSON_OVERLAPS JSON_PRETTY JSON_QUERY JSON_SCHEMA_VALID JSON_STORAGE_SIZE JSON_TABLE JSON_VALUE MEDIAN NATURAL_SORT_KEY \
    REGEXP_INSTR REGEXP_LIKE REGEXP_REPLACE REGEXP_SUBSTR ST_DISTANCE_SPHERE TO_CHAR UUID_TO_BIN";

const WINDOWS: &str = "CUME_DIST DENSE_RANK FIRST_VALUE LAG LAST_VALUE LEAD NTH_VALUE NTILE PERCENT_RANK RANK ROW_NUMBER";

const NEWER_SESSION: &str = "\
    BINLOG_GTID_POS CURRENT_ROLE LASTVAL MASTER_GTID_WAIT NEXTVAL PS_CURRENT_THREAD_ID RANDOM_BYTES RELEASE_ALL_LOCKS \
    ROLES_GRAPHML SETVAL SOURCE_POS_WAIT SYS_GUID UUID_V4 UUID_V7 WAIT_FOR_EXECUTED_GTID_SET";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_too_long_or_in_two_lists() {
        let lists = [
            KEYWORDS,
            COMPUTES,
            VARIES,
            SESSION,
            NEWER,
            WINDOWS,
            NEWER_SESSION,
        ];
        let count: usize = lists.iter().map(|names| names.split(' ').count()).sum();
        assert_eq!(count, NAMES.len());
        assert!(NAMES.keys().all(|name| name.len() <= LONGEST));
    }
}
