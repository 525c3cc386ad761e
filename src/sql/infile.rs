//! The file that a LOAD DATA LOCAL names.

use super::lexer::{Lexer, Reading, Token};

/// The name in `LOAD DATA LOCAL INFILE 'name'` or `LOAD XML LOCAL INFILE 'name'`, if the text begins so and the name is
/// the same however the server reads it: one with a backslash or a quote in it is not.
pub fn local_file(sql: &str) -> Option<&str> {
    let mut tokens = Lexer::new(sql, Reading::DEFAULT).map(|(_, token)| token);
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
        Some(Token::Quoted(name)) if !name.contains(['\\', '\'', '"']) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::local_file;

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
}
