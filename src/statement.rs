//! A statement with an identity: the text analysed once, and a number by which connections remember it.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use crate::sql::{
    Placeholders, Template, TemplateError,
    tables::{self, Change, Effects},
};

/// One SQL text as JavaScript gave it. Connections key their prepared statements by its number, so that no call
/// hashes or compares the text.
#[derive(Debug)]
pub struct Statement {
    id: u64,
    template: Template,
    is_text: bool,
    /// Whether a backslash stands for itself in the literals that were written into a text; `None` if none were.
    literal_backslash: Option<bool>,
    /// What it reads and writes, once somebody has asked.
    effects: OnceLock<Arc<Effects>>,
    change: OnceLock<Arc<Change>>,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// In the numbers of texts that were written out; others do not count that far.
const WRITTEN: u64 = 1 << 63;

/// A hash of a text without its numbers and what is in quotes (FNV-1a). Two texts with the same one share an estimate.
fn fingerprint(sql: &str) -> u64 {
    const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01B3;
    let mut hash = OFFSET;
    let mut quote = None;
    let mut in_number = false;
    let mut is_escaped = false;
    for byte in sql.bytes() {
        if let Some(open) = quote {
            if is_escaped {
                is_escaped = false;
            } else if byte == b'\\' {
                is_escaped = true;
            } else if byte == open {
                quote = None;
            }
            continue;
        }
        let is_digit = byte.is_ascii_digit() || (in_number && byte == b'.');
        if is_digit && in_number {
            continue;
        }
        in_number = is_digit;
        if matches!(byte, b'\'' | b'"') {
            quote = Some(byte);
        }
        let seen = if is_digit { b'0' } else { byte };
        hash = (hash ^ u64::from(seen)).wrapping_mul(PRIME);
    }
    hash
}

impl Statement {
    pub fn parse(sql: &str, style: Placeholders) -> Result<Statement, TemplateError> {
        // The number only has to be unique.
        Ok(Statement {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            template: Template::parse(sql, style)?,
            is_text: false,
            literal_backslash: None,
            effects: OnceLock::new(),
            change: OnceLock::new(),
        })
    }

    /// A statement without placeholders that is sent as it is, without being prepared.
    pub fn text(sql: &str) -> Result<Statement, TemplateError> {
        let mut statement = Statement::parse(sql, Placeholders::Positional)?;
        statement.is_text = true;
        Ok(statement)
    }

    /// The same for a text that nobody asks anything about. `literal_backslash` says how the literals in it were written.
    pub fn opaque(sql: &str, literal_backslash: Option<bool>) -> Statement {
        Statement {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            template: Template::opaque(sql),
            is_text: true,
            literal_backslash,
            effects: OnceLock::new(),
            change: OnceLock::new(),
        }
    }

    /// A text that is sent as it is and may be sent along with others. Its number is the one of all texts that differ in
    /// numbers and literals alone, so that how quick they are is known of all of them.
    pub fn written(sql: &str, literal_backslash: Option<bool>) -> Result<Statement, TemplateError> {
        let mut statement = Statement::text(sql)?;
        statement.literal_backslash = literal_backslash;
        statement.id = WRITTEN | fingerprint(sql);
        Ok(statement)
    }

    /// Whether a session that reads backslashes so reads the literals as they were written.
    pub fn suits(&self, no_backslash_escapes: bool) -> bool {
        self.literal_backslash
            .is_none_or(|literal| literal == no_backslash_escapes)
    }

    /// Whether connections remember how quick texts like this one are.
    pub fn is_written(&self) -> bool {
        self.id & WRITTEN != 0
    }

    pub fn is_text(&self) -> bool {
        self.is_text
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    /// What it reads and writes; found out once.
    pub fn effects(&self) -> Arc<Effects> {
        let find = || Arc::new(tables::effects(self.template.text()));
        self.effects.get_or_init(find).clone()
    }

    /// What may be different behind it; found out once.
    pub fn change(&self) -> Arc<Change> {
        let find = || Arc::new(tables::change(self.template.text()));
        self.change.get_or_init(find).clone()
    }

    pub fn template(&self) -> &Template {
        &self.template
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_in_values_alone_have_one_number() {
        let number = |sql| Statement::written(sql, None).expect("no placeholders").id();
        let first = number("SELECT * FROM t WHERE id = 7 AND name = 'it\\'s' AND x = 1.5");
        assert_eq!(
            first,
            number("SELECT * FROM t WHERE id = 123456 AND name = '' AND x = 20")
        );
        assert_ne!(
            first,
            number("SELECT * FROM u WHERE id = 7 AND name = '' AND x = 1")
        );
        assert_ne!(number("SELECT a FROM t"), number("SELECT b FROM t"));
    }

    #[test]
    fn only_texts_that_were_written_out_are_remembered_so() {
        assert!(
            Statement::written("SELECT 1", None)
                .expect("no placeholders")
                .is_written()
        );
        assert!(!Statement::opaque("SELECT 1", None).is_written());
        assert!(
            !Statement::text("SELECT 1")
                .expect("no placeholders")
                .is_written()
        );
    }

    #[test]
    fn a_text_suits_the_sessions_that_its_literals_were_written_for() {
        for (written_for, suits) in [
            (None, [true, true]),
            (Some(false), [true, false]),
            (Some(true), [false, true]),
        ] {
            let statement = Statement::opaque("SELECT ''", written_for);
            assert_eq!([statement.suits(false), statement.suits(true)], suits);
        }
    }
}
