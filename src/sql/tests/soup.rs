//! Deterministic random statements: bytes without sense, and sentences of known tokens.

use std::time::{Duration, Instant};

use super::{named, positional};
use crate::sql::{Mode, Placeholders, Script, Template, Tuple};

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("limits are small")
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const SOUP: &[&str] = &[
    "?",
    ":",
    ":a",
    "::",
    ":=",
    "'",
    "\"",
    "`",
    "\\",
    "\\'",
    "\\\"",
    "--",
    "-- ",
    "-",
    "#",
    "\n",
    "\r",
    "\0",
    "\t",
    " ",
    "/*",
    "*/",
    "/*!",
    "/*!50100",
    "/*M!",
    "/*M!100100",
    "/*+",
    "/",
    "*",
    "!",
    "M",
    "@",
    "@@",
    ";",
    "(",
    ")",
    ",",
    ".",
    "1",
    "12",
    "1e5",
    ".5",
    "5e-",
    "é",
    "日",
    "\u{7f}",
    "\u{a0}",
    "_",
    "$",
    "a",
    "SET",
    "STATEMENT",
    "FOR",
    "INTO",
    "SELECT",
    "CREATE",
    "TEMPORARY",
    "DEFINER",
    "=",
    "PROCEDURE",
    "BEGIN",
    "NOT",
    "ATOMIC",
    "LAST_INSERT_ID",
];

fn check(sql: &str) {
    let template = positional(sql);
    assert_eq!(template.text(), sql);
    check_slots(&template);
    let Ok(template) = Template::parse(sql, Placeholders::Named) else {
        assert!(
            positional(sql).placeholders() > 0,
            "refused without a question mark: {sql:?}"
        );
        return;
    };
    check_slots(&template);
    assert_eq!(template.names().len(), template.placeholders());
    // The text that is sent means what the text that was written meant.
    let sent = positional(template.text());
    assert_eq!(sent.placeholders(), template.placeholders(), "{sql:?}");
    assert_eq!(sent.kind(), template.kind(), "{sql:?}");
    assert_eq!(
        sent.is_single_statement(),
        template.is_single_statement(),
        "{sql:?}"
    );
    assert_eq!(
        sent.changes_session(),
        template.changes_session(),
        "{sql:?}"
    );
}

fn check_slots(template: &Template) {
    let slots = template.placeholders();
    assert_eq!(template.expand(&vec![1; slots]), template.text());
    let doubled = positional(&template.expand(&vec![2; slots]));
    assert_eq!(doubled.placeholders(), 2 * slots, "{:?}", template.text());
}

#[test]
fn no_mixture_of_fragments_breaks_the_parser() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..20_000 {
        let sql: String = (0..random.below(24)).map(|_| random.pick(SOUP)).collect();
        check(&sql);
    }
}

#[test]
fn no_mixture_of_bytes_breaks_the_parser() {
    let mut random = Random(42);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.below(40))
            .map(|_| {
                if random.below(3) == 0 {
                    random.below(256) as u8
                } else {
                    random.pick(b"?:'\"`\\-#/*!;@a1 \n")
                }
            })
            .collect();
        check(&String::from_utf8_lossy(&bytes));
    }
}

/// Every word of a script that is sent stands in it, in its order, and nothing is sent twice.
fn check_script(text: &str, mode: Mode) {
    let mut script = Script::new(text.to_owned());
    let (mut from, mut line) = (0, 1);
    while let Some(piece) = script.peek(mode) {
        assert!(!piece.sql.is_empty() && piece.line >= line, "{text:?}");
        let found = text[from..].find(piece.sql);
        from += found.expect("a piece of the script") + piece.sql.len();
        line = piece.line;
        script.pass(mode);
    }
}

#[test]
fn no_mixture_of_fragments_breaks_the_cutting_of_scripts() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    const MORE: &[&str] = &[
        "\nDELIMITER //\n",
        "//",
        "\nDELIMITER ;\n",
        "END",
        "IF",
        "THEN",
        "CASE",
        "LOOP",
        "WHILE",
        "TRIGGER",
        " ",
        " ",
        ";",
        "DO",
        "REPEAT",
    ];
    for _ in 0..20_000 {
        let text: String = (0..random.below(30))
            .map(|_| {
                let list = random.pick(&[SOUP, MORE]);
                random.pick(list)
            })
            .collect();
        for (no_backslash_escapes, ansi_quotes) in [(false, false), (true, false), (false, true)] {
            check_script(
                &text,
                Mode {
                    no_backslash_escapes,
                    ansi_quotes,
                },
            );
        }
        if let Some(tuple) = Tuple::find(&text) {
            assert_eq!(tuple.times(1), text);
            assert_eq!(
                positional(&tuple.times(3)).placeholders(),
                3 * positional(&text).placeholders()
            );
        }
    }
}

/// Tokens that stand on their own between spaces, as written and as sent, with the number of
/// slots in them. `:p` becomes a slot only where it is one.
const TOKENS: &[(&str, &str, usize)] = &[
    (":p", "?", 1),
    ("(:p)", "(?)", 1),
    (":p,:p", "?,?", 2),
    ("@v:=:p", "@v:=?", 1),
    ("/*! :p */", "/*! ? */", 1),
    ("/*!50100 :p , ':p' */", "/*!50100 ? , ':p' */", 1),
    ("/*M!100100:p*/", "/*M!100100?*/", 1),
    ("/*! /* :p */ :p */", "/*! /* :p */ ? */", 1),
    ("':p ?'", "':p ?'", 0),
    ("'it''s :p ?'", "'it''s :p ?'", 0),
    (r"'\' :p ? \\'", r"'\' :p ? \\'", 0),
    (r#""\":p ?''""#, r#""\":p ?''""#, 0),
    (r"`:p ? \`", r"`:p ? \`", 0),
    ("`a``:p`", "`a``:p`", 0),
    ("-- :p ?'\n", "-- :p ?'\n", 0),
    ("--\t:p\n", "--\t:p\n", 0),
    ("# \" :p ?\n", "# \" :p ?\n", 0),
    ("/* ' :p ? */", "/* ' :p ? */", 0),
    ("/*+ :p */", "/*+ :p */", 0),
    ("5--:p", "5--?", 1),
    ("a:p", "a:p", 0),
    ("12:30", "12:30", 0),
    ("a::p", "a::p", 0),
    ("'k':p", "'k':p", 0),
    ("_utf8mb4':p'", "_utf8mb4':p'", 0),
    ("@':p'", "@':p'", 0),
    ("@@x", "@@x", 0),
    ("x'3F'", "x'3F'", 0),
    ("SELECT", "SELECT", 0),
    ("日本", "日本", 0),
    (";", ";", 0),
];

#[test]
fn sentences_of_known_tokens_have_the_slots_of_their_tokens() {
    let mut random = Random(7);
    for _ in 0..20_000 {
        let (mut written, mut sent, mut slots) = (String::new(), String::new(), 0);
        for _ in 0..random.below(30) {
            let (before, after, count) = random.pick(TOKENS);
            let space = random.pick(&[" ", "\n", "\t ", ", ", " /**/ "]);
            written.extend([before, space]);
            sent.extend([after, space]);
            slots += count;
        }
        let template = named(&written);
        assert_eq!(template.text(), sent);
        assert_eq!(template.placeholders(), slots, "{written:?}");
        assert!(template.names().iter().all(|name| &**name == "p"));
        assert_eq!(positional(&sent).placeholders(), slots, "{sent:?}");
    }
}

/// Quadratic work on any of these would take many minutes, linear work takes a second or two
/// without optimisation; the limit lies far from both.
#[test]
fn the_time_to_parse_grows_with_the_length_alone() {
    const LENGTH: usize = 1 << 20;
    let begun = Instant::now();
    for unit in [
        "/*!", "/*! ' */", "/*", "*/", "'", "\\'", ":", ":a", "::a", "--", "-- ", "1e", "(", ";",
    ] {
        for start in ["", r"'\''", "/*!"] {
            let sql = format!("{start}{}", unit.repeat(LENGTH / 8 / unit.len()));
            assert!(named(&sql).text().len() <= sql.len());
        }
    }
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "took {:?}",
        begun.elapsed()
    );
}
