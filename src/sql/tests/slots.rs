//! Where placeholders are, and where they are not.

use super::{named, positional};
use crate::sql::{Placeholders, Template, TemplateError};

fn names(sql: &str) -> Vec<String> {
    named(sql)
        .names()
        .iter()
        .map(|name| name.to_string())
        .collect()
}

#[track_caller]
fn counts(cases: &[(&str, usize)]) {
    for &(sql, slots) in cases {
        let template = positional(sql);
        assert_eq!(template.placeholders(), slots, "{sql}");
        assert_eq!(template.text(), sql);
    }
}

#[track_caller]
fn rewrites(cases: &[(&str, &str)]) {
    for &(sql, text) in cases {
        assert_eq!(named(sql).text(), text, "{sql}");
    }
}

#[test]
fn a_question_mark_outside_quotes_and_comments_is_a_slot() {
    counts(&[
        ("", 0),
        ("?", 1),
        ("SELECT ?,?+?", 3),
        ("SELECT * FROM t WHERE a IN (?) LIMIT ?", 2),
    ]);
}

#[test]
fn question_marks_in_strings_are_text() {
    counts(&[
        ("SELECT '?', \"?\", ?", 1),
        ("SELECT 'it''s ?', \"say \"\"?\"\"\", ?", 1),
        (r"SELECT 'it\'s ?', ?", 1),
        (r#"SELECT "\"?", ?"#, 1),
        (r"SELECT '\\', ?, '\\'", 1),
        ("SELECT '\"', ?, \"'\"", 1),
        ("SELECT N'?', _utf8mb4'?', x'3F', b'1', ?", 1),
        (r"SELECT '\é?', ?", 1),
    ]);
}

#[test]
fn question_marks_in_quoted_identifiers_are_text_and_a_backslash_escapes_nothing_there() {
    counts(&[
        ("SELECT `?`, ?", 1),
        ("SELECT `a``?`, ?", 1),
        (r"SELECT `\`, ?, `?`", 1),
    ]);
}

#[test]
fn question_marks_in_comments_are_text() {
    counts(&[
        ("SELECT /* ? */ ?", 1),
        ("SELECT # ?\n ?", 1),
        ("SELECT # ?\r ?", 0),
        ("SELECT -- ?\n ?", 1),
        ("SELECT --\t?\n ?", 1),
        ("SELECT --\n?", 1),
        ("SELECT ? --", 1),
        ("SELECT /*+ MAX_EXECUTION_TIME(?) */ ?", 1),
        ("SELECT /**/ ?", 1),
        ("SELECT /*/ ? */ ?", 1),
        ("SELECT /* /* */ ?", 1),
        ("SELECT /* ' */ ?, '/*', ?, '*/'", 2),
    ]);
}

#[test]
fn two_dashes_without_a_space_are_two_minus_signs() {
    counts(&[
        ("SELECT 5--?", 1),
        ("SELECT --?", 1),
        ("SELECT ?---?", 2),
        ("SELECT ?--- ?", 1),
    ]);
}

#[test]
fn the_content_of_executable_comments_counts() {
    counts(&[
        ("SELECT ? /*! , ? */", 2),
        ("SELECT ? /*!50100 , ? */", 2),
        ("SELECT ? /*!100100,?*/,?", 3),
        ("SELECT ? /*M! , ? */", 2),
        ("SELECT ? /*M!100100 , ? */", 2),
        ("SELECT ? /*m! , ? */", 1),
        ("SELECT /*! '*/ ?' */ , ?", 1),
        ("SELECT /*! /* ? */ ? */ , ?", 2),
    ]);
    assert_eq!(names("SELECT /*!50100:a*/ , /*!:b*/ 1"), ["a", "b"]);
    assert_eq!(
        names("SELECT /*!5010:a*/ 1"),
        [""; 0],
        "four digits are a number, not a version"
    );
}

#[test]
fn what_is_not_terminated_takes_the_rest() {
    counts(&[
        ("SELECT ?, 'x ?", 1),
        ("SELECT ?, \"x ?", 1),
        ("SELECT ?, `x ?", 1),
        ("SELECT ?, /* x ?", 1),
        (r"SELECT ?, 'x\", 1),
        ("SELECT ? /*! , ?", 2),
    ]);
}

#[test]
fn colons_are_plain_text_beside_question_marks() {
    counts(&[("SELECT :a, ?, @b := :c", 1), ("lbl: LOOP", 0)]);
    assert!(positional("SELECT :a").names().is_empty());
}

#[test]
fn a_name_takes_a_slot_for_each_time_it_occurs() {
    let template = named("SELECT :a, :b_2 FROM t WHERE x=:a AND y IN (:_c)");
    assert_eq!(template.text(), "SELECT ?, ? FROM t WHERE x=? AND y IN (?)");
    assert_eq!(template.names().join(" "), "a b_2 a _c");
    assert_eq!(template.placeholders(), 4);
}

#[test]
fn names_in_quotes_and_comments_are_text() {
    for sql in [
        "SELECT ':a'",
        "SELECT \":a\"",
        "SELECT `:a`",
        "SELECT 1 -- :a",
        "SELECT 1 # :a",
        "SELECT /* :a */ 1",
    ] {
        rewrites(&[(sql, sql)]);
    }
}

#[test]
fn colons_with_another_meaning_are_no_placeholders() {
    for sql in [
        "SET @a := 1",
        "SET @a :=b",
        "SELECT @a:=b",
        "a::b",
        "::b",
        ":::b",
        "a:b",
        "lbl:LOOP",
        "lbl: LOOP",
        "SELECT 12:30",
        "SELECT 1e5:a",
        "SELECT 'k':v",
        "SELECT \"k\":v",
        "SELECT `k`:v",
        "SELECT a$:v",
        "SELECT é:v",
        ": a",
        ":1",
        ":",
        ":é",
    ] {
        rewrites(&[(sql, sql)]);
    }
}

#[test]
fn a_placeholder_may_touch_operators_brackets_and_comments() {
    rewrites(&[
        ("(:a)", "(?)"),
        ("x=:a", "x=?"),
        (":a,:b", "?,?"),
        ("-:a", "-?"),
        ("f():a", "f()?"),
        ("1/**/:a/**/", "1/**/?/**/"),
        ("'x' :a", "'x' ?"),
        ("SET @a:=:b", "SET @a:=?"),
        (":a:b", "?:b"),
    ]);
}

#[test]
fn quoted_user_variables_hide_what_they_hold() {
    counts(&[("SELECT @'?', @`?`, @\"?\", @@global.x, @a, ?", 1)]);
    assert_eq!(names("SELECT @':x', :y"), ["y"]);
}

#[test]
fn a_bare_question_mark_among_names_is_refused_with_its_place() {
    let error = Template::parse("SELECT 'é?', :a, ?", Placeholders::Named).unwrap_err();
    assert_eq!(
        error,
        TemplateError::MixedPlaceholders {
            byte: 18,
            character: 18
        }
    );
    let message = error.to_string();
    assert!(message.starts_with(
        "mixing named and positional placeholders: found `?` at character 18 (byte 18)"
    ));
    assert!(!message.ends_with('.'));
    let boxed: Box<dyn std::error::Error> = Box::new(error);
    assert_eq!(boxed.to_string(), message);
}

#[test]
fn expand_writes_a_slot_once_for_each_element() {
    let template = positional("SELECT '?' FROM t WHERE a IN (?) AND b=? AND (c,d) IN (?)");
    assert_eq!(
        template.expand(&[3, 1, 2]),
        "SELECT '?' FROM t WHERE a IN (?, ?, ?) AND b=? AND (c,d) IN (?, ?)"
    );
    assert_eq!(template.expand(&[1, 1, 1]), template.text());
    assert_eq!(named(":a é :b").expand(&[2, 3]), "?, ? é ?, ?, ?");
}

#[test]
fn expand_treats_no_length_and_a_length_of_zero_as_one() {
    let template = positional("? ?");
    assert_eq!(template.expand(&[0, 2]), "? ?, ?");
    assert_eq!(template.expand(&[]), "? ?");
    assert_eq!(template.expand(&[1, 1, 5]), "? ?");
}

#[test]
fn a_template_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Template>();
    shared::<TemplateError>();
}
