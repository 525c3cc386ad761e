//! Cuts a script into its statements, as the servers' own clients do, and stored programs too.
//!
//! A statement ends at the delimiter, `;` at first; a line `DELIMITER //` changes it. Without such lines the semicolons
//! inside a stored program's body have to be told from the one at its end. For that the blocks of the body are counted;
//! the names of identifiers are not known here, so that one which is called `begin` or `case` and has no quotes is taken
//! for a block. A wrong cut is never dangerous: the connection takes one statement at a time, so that the server answers
//! with a syntax error. Only where `sql_mode` says whether a quote ends a text could a cut fall into that text; see
//! [`Piece::depends_on_mode`].

use super::lexer::{Executable, Lexer, Reading, Token};

mod blocks;

use blocks::Blocks;

/// What is left of a script.
#[derive(Debug)]
pub struct Script {
    text: String,
    at: usize,
    line: usize,
    delimiter: String,
}

/// One statement of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    pub sql: &'a str,
    /// The line that its first word is in, from 1.
    pub line: usize,
    /// Whether `sql_mode` decides where it ends: a backslash stands before a quote in it.
    pub depends_on_mode: bool,
}

/// What `sql_mode` says about quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    pub no_backslash_escapes: bool,
    pub ansi_quotes: bool,
}

/// Where a piece ends, and where what comes behind it begins.
struct Cut {
    first: usize,
    end: usize,
    next: usize,
    depends_on_mode: bool,
}

impl Script {
    pub fn new(text: String) -> Script {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Script {
            text,
            at,
            line: 1,
            delimiter: ";".to_owned(),
        }
    }

    /// The next statement, or `None` at the end. The same one is given until [`Script::pass`] is called.
    pub fn peek(&mut self, mode: Mode) -> Option<Piece<'_>> {
        while let Some(rest) = self.take_delimiter_line() {
            self.go_to(rest);
        }
        loop {
            let cut = self.cut(mode)?;
            if cut.first < cut.end {
                let line = self.line_at(cut.first);
                let sql = self
                    .text
                    .get(self.at..cut.end)
                    .unwrap_or_default()
                    .trim_ascii();
                return Some(Piece {
                    sql,
                    line,
                    depends_on_mode: cut.depends_on_mode,
                });
            }
            self.go_to(cut.next);
            while let Some(rest) = self.take_delimiter_line() {
                self.go_to(rest);
            }
        }
    }

    /// Goes on behind the statement that [`Script::peek`] gave for this mode.
    pub fn pass(&mut self, mode: Mode) {
        if let Some(cut) = self.cut(mode) {
            self.go_to(cut.next);
        }
    }

    fn go_to(&mut self, at: usize) {
        self.line = self.line_at(at);
        self.at = at;
    }

    fn line_at(&self, at: usize) -> usize {
        let passed = self.text.as_bytes().get(self.at..at).unwrap_or_default();
        self.line + passed.iter().filter(|byte| **byte == b'\n').count()
    }

    fn lexer(&self, mode: Mode) -> Lexer<'_> {
        let reading = Reading {
            single: !mode.no_backslash_escapes,
            double: !mode.no_backslash_escapes && !mode.ansi_quotes,
            executable: Executable::Run,
        };
        Lexer::new(self.text.get(self.at..).unwrap_or_default(), reading)
    }

    /// If a `DELIMITER` line comes next, takes it over and says where the rest begins.
    fn take_delimiter_line(&mut self) -> Option<usize> {
        let (offset, token) = self.lexer(Mode::default()).next()?;
        if !matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("DELIMITER")) {
            return None;
        }
        let from = self.at + offset + "DELIMITER".len();
        let rest = self.text.get(from..)?;
        let length = rest.find('\n').unwrap_or(rest.len());
        let delimiter = rest.get(..length)?.split_ascii_whitespace().next()?;
        self.delimiter = delimiter.to_owned();
        Some(from + length)
    }

    /// Where the next piece ends; one without a word has its end at its first.
    fn cut(&self, mode: Mode) -> Option<Cut> {
        let mut lexer = self.lexer(mode);
        let mut blocks = Blocks::default();
        let mut first = None;
        let is_plain = self.delimiter == ";";
        while let Some((start, token)) = lexer.next() {
            let end = lexer.position();
            let found = if lexer.is_in_executable_comment() || matches!(token, Token::Quoted(_)) {
                None
            } else if is_plain {
                (token == Token::Symbol(b';') && blocks.is_closed()).then_some(start)
            } else {
                self.delimiter_in(start, end)
            };
            let Some(at) = found else {
                first.get_or_insert(start);
                blocks.read(token);
                continue;
            };
            if at > start {
                first.get_or_insert(start);
            }
            return Some(self.cut_at(first, at, at + self.delimiter.len(), &lexer));
        }
        let length = self.text.len() - self.at;
        first?;
        Some(self.cut_at(first, length, length, &lexer))
    }

    fn cut_at(&self, first: Option<usize>, end: usize, next: usize, lexer: &Lexer<'_>) -> Cut {
        Cut {
            first: self.at + first.unwrap_or(end),
            end: self.at + end,
            next: self.at + next,
            depends_on_mode: lexer.escaped_quote,
        }
    }

    /// Where the delimiter begins within a token, which may hold it (`END$$`).
    fn delimiter_in(&self, start: usize, end: usize) -> Option<usize> {
        let rest = self.text.as_bytes().get(self.at..)?;
        (start..end).find(|at| {
            rest.get(*at..)
                .is_some_and(|rest| rest.starts_with(self.delimiter.as_bytes()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str, mode: Mode) -> Vec<(String, usize)> {
        let mut script = Script::new(text.to_owned());
        let mut pieces = Vec::new();
        while let Some(piece) = script.peek(mode) {
            pieces.push((piece.sql.to_owned(), piece.line));
            script.pass(mode);
            assert!(pieces.len() < 100, "no end");
        }
        pieces
    }

    fn split(text: &str) -> Vec<String> {
        let pieces = pieces(text, Mode::default());
        pieces.into_iter().map(|(sql, _)| sql).collect()
    }

    #[test]
    fn statements_end_at_semicolons_outside_of_texts_and_comments() {
        assert_eq!(
            split("SELECT ';', \"a;b\", `;`; -- ; no\nSELECT 2 /* ; */;;\n # ;\n SELECT 3"),
            [
                "SELECT ';', \"a;b\", `;`",
                "-- ; no\nSELECT 2 /* ; */",
                "# ;\n SELECT 3"
            ]
        );
        assert_eq!(split(" ;; -- nothing\n ; "), Vec::<String>::new());
        assert_eq!(split("\u{feff}SELECT 1;"), ["SELECT 1"]);
        assert_eq!(
            split("/*!40101 SET a=1; */; SELECT 1"),
            ["/*!40101 SET a=1; */", "SELECT 1"]
        );
    }

    #[test]
    fn lines_are_those_of_the_first_words() {
        let found = pieces(
            "\n-- first\nSELECT 1;\n\nSELECT\n2; SELECT 3;",
            Mode::default(),
        );
        let lines: Vec<_> = found.iter().map(|(_, line)| *line).collect();
        assert_eq!(lines, [3, 5, 6]);
    }

    #[test]
    fn stored_programs_stay_whole() {
        for program in [
            "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END",
            "CREATE OR REPLACE DEFINER=`root`@localhost PROCEDURE IF NOT EXISTS p(a INT) COMMENT 'x' BEGIN END",
            "CREATE PROCEDURE p() SELECT IF(1, 2, 3), CASE WHEN 1 THEN 2 END",
            "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW IF NEW.a THEN SET NEW.b = 1; END IF",
            "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.b = IF(NEW.a, 1, 2)",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM t; DELETE FROM u; END",
            "CREATE FUNCTION f(a INT) RETURNS INT DETERMINISTIC BEGIN \
               DECLARE done INT DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN SET done = 1; END; \
               outer_loop: LOOP IF done THEN LEAVE outer_loop; ELSEIF EXISTS (SELECT 1) THEN SET a = 1; \
               ELSE IF a THEN SET a = 2; END IF; END IF; END LOOP outer_loop; \
               WHILE a DO SET a = CASE a WHEN 1 THEN IF(a, 1, 2) ELSE IF(a, 3, 4) END; END WHILE; \
               REPEAT SET a = LENGTH(REPEAT('x', 3)); UNTIL a END REPEAT; \
               CASE a WHEN 1 THEN DO 1; ELSE BEGIN END; END CASE; \
               FOR i IN 1..3 DO SELECT i; END FOR; DO IF(1, 2, 3); DROP TABLE IF EXISTS t; \
               RETURN a; END",
            "BEGIN NOT ATOMIC SELECT 1; IF 1 THEN SELECT 2; END IF; END",
            "IF 1 THEN SELECT 2; SELECT 3; END IF",
            "CREATE PROCEDURE p() IF 1 THEN SELECT 2; END IF",
        ] {
            assert_eq!(
                split(&format!("{program};\nSELECT 1;")),
                [program, "SELECT 1"]
            );
        }
    }

    #[test]
    fn what_looks_like_a_program_is_none() {
        for sql in [
            "CREATE TABLE event (begin INT, `end` INT, trigger_case INT)",
            "BEGIN",
            "BEGIN WORK",
            "SELECT CASE 1 WHEN 1 THEN 2 END",
            "CREATE TABLE IF NOT EXISTS t (a INT)",
            "CREATE DEFINER=procedure@localhost VIEW v AS SELECT 1",
            "DROP PROCEDURE IF EXISTS p",
            "CREATE FUNCTION f RETURNS INTEGER SONAME 'x.so'",
        ] {
            assert_eq!(split(&format!("{sql}; SELECT 1")), [sql, "SELECT 1"]);
        }
    }

    #[test]
    fn delimiter_lines_change_the_delimiter() {
        let text = "DELIMITER $$\nCREATE PROCEDURE p() BEGIN SELECT '$$'; END$$\n-- $$\nSELECT 1$$\ndelimiter ;\nSELECT 2; SELECT 3\n";
        assert_eq!(
            split(text),
            [
                "CREATE PROCEDURE p() BEGIN SELECT '$$'; END",
                "-- $$\nSELECT 1",
                "SELECT 2",
                "SELECT 3"
            ]
        );
        assert_eq!(
            split("DELIMITER //\nSELECT 1; // SELECT 2//\n"),
            ["SELECT 1;", "SELECT 2"]
        );
    }

    #[test]
    fn sql_mode_decides_where_a_text_with_a_backslash_ends() {
        let text = r"SELECT 'a\'; SELECT 2; -- '";
        assert_eq!(split(text).len(), 1);
        let mode = Mode {
            no_backslash_escapes: true,
            ansi_quotes: false,
        };
        assert_eq!(pieces(text, mode).len(), 2);
        let mut script = Script::new(text.to_owned());
        let first = script.peek(Mode::default());
        assert!(first.is_some_and(|piece| piece.depends_on_mode));
    }

    #[test]
    fn an_open_program_takes_the_rest_and_nothing_panics() {
        assert_eq!(
            split("CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2;").len(),
            1
        );
        for text in [
            "DELIMITER",
            "DELIMITER\n",
            "DELIMITER  \nSELECT 1",
            "END; END;",
            "'",
            "/*!",
            "€;€",
        ] {
            split(text);
        }
    }
}
