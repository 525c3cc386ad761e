mod plain;
mod session;
mod slots;
mod soup;
mod tables;

use super::{Placeholders, Template};

fn positional(sql: &str) -> Template {
    Template::parse(sql, Placeholders::Positional).expect("positional statements are never refused")
}

fn named(sql: &str) -> Template {
    Template::parse(sql, Placeholders::Named).expect("the statement holds no bare question mark")
}
