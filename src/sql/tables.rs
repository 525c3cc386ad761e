//! stub
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    pub schema: Option<Box<str>>,
    pub name: Box<str>,
}
#[derive(Debug, Clone)]
pub enum Writes {
    Nothing,
    Tables(Box<[TableName]>),
    Anything,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncacheable {
    NotARead,
    Unparsed,
}
impl Uncacheable {
    pub fn name(self) -> &'static str {
        match self {
            Self::NotARead => "notARead",
            Self::Unparsed => "unparsed",
        }
    }
}
#[derive(Debug, Clone)]
pub struct Effects {
    pub reads: Option<Box<[TableName]>>,
    pub writes: Writes,
    pub unknown_functions: Box<[Box<str>]>,
    pub changes_schema: bool,
    pub uses: Option<Box<str>>,
    pub uncacheable: Option<Uncacheable>,
}
pub fn effects(sql: &str) -> Effects {
    let read = sql
        .trim_start()
        .get(..6)
        .is_some_and(|w| w.eq_ignore_ascii_case("select"));
    Effects {
        reads: Some(Box::default()),
        writes: if read {
            Writes::Nothing
        } else {
            Writes::Anything
        },
        unknown_functions: Box::default(),
        changes_schema: false,
        uses: None,
        uncacheable: (!read).then_some(Uncacheable::NotARead),
    }
}
impl Effects {
    pub fn may_be_tagged(&self) -> bool {
        false
    }
}
