//! The file that a LOAD DATA LOCAL names.

use std::borrow::Cow;

use super::lexer::{Lexer, Reading, Token};

/// The name in `LOAD DATA LOCAL INFILE 'name'` or `LOAD XML LOCAL INFILE 'name'`, if the text begins so and the name is
/// the same however the server reads it: one with a backslash or a quote in it is not.
pub fn local_file(sql: &str) -> Option<&str> {
    literal(sql, Reading::DEFAULT).filter(|name| !name.contains(['\\', '\'', '"']))
}

/// The same name as a session reads it in which a backslash escapes, or stands for itself. Quotes inside must be escaped by
/// backslashes or doubled.
pub fn local_file_in(sql: &str, no_backslash_escapes: bool) -> Option<Cow<'_, str>> {
    let reading = Reading {
        single: !no_backslash_escapes,
        double: !no_backslash_escapes,
        ..Reading::DEFAULT
    };
    let name = literal(sql, reading)?;
    if !name.contains(['\\', '\'', '"']) {
        return Some(Cow::Borrowed(name));
    }
    let mut read = String::with_capacity(name.len());
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if !no_backslash_escapes => read.push(match characters.next()? {
                '0' => '\0',
                'b' => '\u{8}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'Z' => '\u{1A}',
                other => other,
            }),
            // Of two quotes one is meant; the other kind of quote stands alone.
            '\'' | '"' if characters.peek() == Some(&character) => {
                characters.next();
                read.push(character);
            }
            other => read.push(other),
        }
    }
    Some(Cow::Owned(read))
}

/// What is in the quotes behind INFILE.
fn literal(sql: &str, reading: Reading) -> Option<&str> {
    let mut tokens = Lexer::new(sql, reading).map(|(_, token)| token);
    let mut is_next = |names: &[&str]| match tokens.next() {
        Some(Token::Word(word)) => names.iter().any(|name| name.eq_ignore_ascii_case(word)),
        _ => false,
    };
    if !is_next(&["LOAD"]) || !is_next(&["DATA", "XML"]) {
        return None;
    }
    if !is_next(&["LOCAL"]) {
        // LOW_PRIORITY or CONCURRENT was there.
        is_next(&["LOCAL"]).then_some(())?;
    }
    if !is_next(&["INFILE"]) {
        return None;
    }
    match tokens.next() {
        Some(Token::Quoted(name)) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{local_file, local_file_in};

    #[test]
    fn the_name_is_found() {
        for sql in [
            "LOAD DATA LOCAL INFILE 'a b.csv' INTO TABLE t",
            " /* x */ load xml concurrent local infile \"a b.csv\" into table t",
        ] {
            assert_eq!(local_file(sql), Some("a b.csv"), "{sql}");
        }
    }

    #[test]
    fn other_statements_and_doubtful_names_have_none() {
        for sql in [
            "LOAD DATA INFILE 'a' INTO TABLE t",
            "LOAD DATA LOCAL INFILE 'a''b' INTO TABLE t",
            "LOAD DATA LOCAL INFILE 'a\\\\b' INTO TABLE t",
            "LOAD DATA LOCAL INFILE",
            "SELECT 'LOAD DATA LOCAL INFILE'",
            "",
        ] {
            assert_eq!(local_file(sql), None, "{sql}");
        }
    }

    #[test]
    fn a_name_is_read_as_the_session_reads_it() {
        for (literal, no_backslash_escapes, expected) in [
            ("'a.csv'", false, "a.csv"),
            ("'it\\'s.csv'", false, "it's.csv"),
            ("'it''s.csv'", true, "it's.csv"),
            ("'C:\\\\t\\\\x.csv'", false, "C:\\t\\x.csv"),
            ("'C:\\t.csv'", true, "C:\\t.csv"),
            ("'C:\\t.csv'", false, "C:\t.csv"),
        ] {
            let sql = format!("LOAD DATA LOCAL INFILE {literal} INTO TABLE t");
            assert_eq!(
                local_file_in(&sql, no_backslash_escapes).as_deref(),
                Some(expected),
                "{sql}"
            );
        }
        assert_eq!(local_file_in("SELECT 1", false), None);
    }
}
