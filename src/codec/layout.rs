//! Where in a row the value of each column stands: an array, or an object in which objects may nest.
//!
//! The order is the one in which JavaScript keeps an object's members: names that are array indexes first, rising, then
//! the others as they first came. A name that two columns share has the value of the last, as in mysql2. Only where
//! the caller has renamed or nested is a collision an error, for nobody asks for a value in order to lose it.

use std::collections::HashMap;

use crate::{
    error::{Error, Kind, Result},
    wire::Column,
};

use super::{
    shape::{Rows, Shape},
    string,
};

/// Objects nest no deeper than this by their names.
const MAX_DEPTH: usize = 32;

#[derive(Debug)]
pub enum Layout {
    /// The columns whose values an array holds, in order.
    Array(Vec<usize>),
    Object(Object),
}

#[derive(Debug, Default)]
pub struct Object {
    pub members: Vec<Member>,
    /// Whether it is null when all of its columns are.
    pub is_nullable: bool,
    /// Where each name is among the members, while they are put together.
    places: HashMap<Box<str>, usize>,
}

#[derive(Debug)]
pub struct Member {
    pub name: Box<str>,
    pub node: Node,
    is_renamed: bool,
}

#[derive(Debug)]
pub enum Node {
    /// The value of this column.
    Cell(usize),
    Object(Object),
}

impl Layout {
    pub fn new(columns: &[Column], shape: Option<&Shape>) -> Result<Layout> {
        let is_kept = |column: &Column| {
            shape.is_none_or(|shape| !shape.column(&column.name).is_some_and(|change| change.omit))
        };
        let kept = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| is_kept(column));
        if shape.is_some_and(|shape| shape.rows() == Rows::Arrays) {
            return Ok(Layout::Array(kept.map(|(index, _)| index).collect()));
        }
        let mut root = Object::default();
        for (index, column) in kept {
            let renamed = shape
                .and_then(|shape| shape.column(&column.name))
                .and_then(|change| change.name.as_deref());
            let place = Place {
                columns,
                index,
                is_renamed: renamed.is_some(),
                null_objects: shape.is_some_and(Shape::null_objects),
            };
            let name = renamed.unwrap_or(&column.name);
            match shape.map(|shape| (shape.rows(), shape.nest(), shape)) {
                Some((Rows::Tables, ..)) => place.put(&mut root, &[&column.table, name])?,
                Some((Rows::Prefixed, _, shape)) => {
                    let name = [&column.table, shape.separator(), name].concat();
                    place.put(&mut root, &[&name])?;
                }
                Some((_, Some(separator), _)) => place.put(&mut root, &parts(name, separator))?,
                _ => place.put(&mut root, &[name])?,
            }
        }
        root.sort();
        Ok(Layout::Object(root))
    }

    /// As `lib/rows.js` reads it: a number is a column, an array has columns, an object has names and what they are.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Layout::Array(cells) => write_list(cells, out, |cell, out| write_number(*cell, out)),
            Layout::Object(object) => object.write_json(out),
        }
    }
}

/// The names of nested objects in one; a name with an empty part is a name as it is.
fn parts<'a>(name: &'a str, separator: &str) -> Vec<&'a str> {
    let parts: Vec<&str> = name.split(separator).collect();
    if parts.iter().any(|part| part.is_empty()) {
        return vec![name];
    }
    parts
}

/// A column on its way to its place.
struct Place<'a> {
    columns: &'a [Column],
    index: usize,
    is_renamed: bool,
    null_objects: bool,
}

impl Place<'_> {
    fn put(&self, root: &mut Object, path: &[&str]) -> Result<()> {
        let Some((last, objects)) = path.split_last() else {
            return Ok(());
        };
        if objects.len() > MAX_DEPTH {
            let name = self.name_of(self.index);
            let message = format!("column {name} would nest deeper than {MAX_DEPTH} objects");
            return Err(Error::new(Kind::Parameters, message));
        }
        let mut object = root;
        for name in objects {
            let at = match object.places.get(*name) {
                Some(&at) => at,
                None => {
                    let nested = Object {
                        is_nullable: self.null_objects,
                        ..Object::default()
                    };
                    object.add(name, Node::Object(nested), false)
                }
            };
            object = match object.members.get_mut(at) {
                Some(Member {
                    node: Node::Object(nested),
                    ..
                }) => nested,
                Some(Member {
                    node: Node::Cell(other),
                    ..
                }) => return Err(self.collides_with(*other, path)),
                None => return Ok(()),
            };
        }
        let Some(&at) = object.places.get(*last) else {
            object.add(last, Node::Cell(self.index), self.is_renamed);
            return Ok(());
        };
        let Some(member) = object.members.get_mut(at) else {
            return Ok(());
        };
        match &member.node {
            Node::Object(nested) => {
                let other = nested.first_cell().unwrap_or(self.index);
                Err(self.collides_with(other, path))
            }
            Node::Cell(other) if self.is_renamed || member.is_renamed => {
                Err(self.collides_with(*other, path))
            }
            Node::Cell(_) => {
                member.node = Node::Cell(self.index);
                Ok(())
            }
        }
    }

    fn collides_with(&self, other: usize, path: &[&str]) -> Error {
        Error::new(
            Kind::Parameters,
            format!(
                "columns {} and {} are both to stand at '{}' in a row; rename or omit one of them",
                self.name_of(other),
                self.name_of(self.index),
                path.join("' in '"),
            ),
        )
    }

    fn name_of(&self, index: usize) -> String {
        match self.columns.get(index) {
            Some(column) if column.table.is_empty() => format!("'{}'", column.name),
            Some(column) => format!("'{}' of '{}'", column.name, column.table),
            None => String::new(),
        }
    }
}

impl Object {
    fn add(&mut self, name: &str, node: Node, is_renamed: bool) -> usize {
        self.places.insert(name.into(), self.members.len());
        self.members.push(Member {
            name: name.into(),
            node,
            is_renamed,
        });
        self.members.len() - 1
    }

    /// Brings the members into their order; nothing can be added any more.
    fn sort(&mut self) {
        self.places = HashMap::new();
        for member in &mut self.members {
            if let Node::Object(nested) = &mut member.node {
                nested.sort();
            }
        }
        // Stable: names that are no index keep their order behind those that are.
        self.members
            .sort_by_key(|member| array_index(&member.name).map_or((1, 0), |index| (0, index)));
    }

    fn first_cell(&self) -> Option<usize> {
        self.members.first().and_then(|member| match &member.node {
            Node::Cell(index) => Some(*index),
            Node::Object(nested) => nested.first_cell(),
        })
    }

    /// The columns of this object and of those in it.
    pub fn cells(&self) -> Vec<usize> {
        let mut cells = Vec::new();
        for member in &self.members {
            match &member.node {
                Node::Cell(index) => cells.push(*index),
                Node::Object(nested) => cells.extend(nested.cells()),
            }
        }
        cells
    }

    fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"names\":");
        write_list(&self.members, out, |member, out| {
            string::write_json_string(member.name.as_bytes(), out);
        });
        out.extend_from_slice(b",\"nodes\":");
        write_list(&self.members, out, |member, out| match &member.node {
            Node::Cell(index) => write_number(*index, out),
            Node::Object(nested) => nested.write_json(out),
        });
        out.extend_from_slice(b",\"nullable\":");
        out.extend_from_slice(if self.is_nullable {
            b"true}"
        } else {
            b"false}"
        });
    }
}

fn write_number(index: usize, out: &mut Vec<u8>) {
    super::number::write_u64(index as u64, out);
}

/// Writes an array of what `write` writes for each.
pub(super) fn write_list<T>(
    items: &[T],
    out: &mut Vec<u8>,
    mut write: impl FnMut(&T, &mut Vec<u8>),
) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

/// The number that `name` is when an object treats it as an array index.
fn array_index(name: &str) -> Option<u32> {
    let index: u32 = name.parse().ok().filter(|&index| index < u32::MAX)?;
    let is_canonical = name == "0" || !name.starts_with(['0', '+']);
    is_canonical.then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ColumnType, test_column};

    fn columns(names: &[&str]) -> Vec<Column> {
        names
            .iter()
            .map(|name| {
                let (table, name) = name.split_once('/').unwrap_or(("", name));
                Column {
                    table: table.into(),
                    ..test_column(name, ColumnType::Long)
                }
            })
            .collect()
    }

    fn layout(names: &[&str], shape: &str) -> Result<String> {
        let shape = Shape::from_json(shape)?;
        let mut out = Vec::new();
        Layout::new(&columns(names), Some(&shape))?.write_json(&mut out);
        Ok(String::from_utf8_lossy(&out).replace(",\"nullable\":false", ""))
    }

    #[test]
    fn only_canonical_numbers_are_array_indexes() {
        assert_eq!(array_index("0"), Some(0));
        assert_eq!(array_index("4294967294"), Some(4_294_967_294));
        for name in ["4294967295", "01", "+1", "-1", "1.0", "", "a"] {
            assert_eq!(array_index(name), None, "{name}");
        }
    }

    #[test]
    fn names_nest_at_the_separator_and_need_not_be_adjacent() -> Result<()> {
        assert_eq!(
            layout(&["a.b", "c", "a.d.e", "..", "a.1"], r#"{"nest":"."}"#)?,
            r#"{"names":["a","c",".."],"nodes":[{"names":["1","b","d"],"nodes":[4,0,{"names":["e"],"nodes":[2]}]},1,3]}"#
        );
        Ok(())
    }

    #[test]
    fn a_value_that_would_be_lost_by_a_wish_is_an_error_that_names_both() {
        for (names, shape) in [
            (["x", "y"], r#"{"columns":{"y":{"as":"x"}}}"#),
            (["y", "x"], r#"{"columns":{"y":{"as":"x"}}}"#),
            (["x", "y"], r#"{"columns":{"x":{"as":"z"},"y":{"as":"z"}}}"#),
            (["x", "x.y"], r#"{"nest":"."}"#),
            (["x.y", "x"], r#"{"nest":"."}"#),
            (["x.y", "x.y.z"], r#"{"nest":"."}"#),
        ] {
            let error = layout(&names, shape).expect_err(shape);
            for name in names {
                assert!(error.message().contains(&format!("'{name}'")), "{error}");
            }
        }
    }

    #[test]
    fn depth_is_bounded() {
        let name = vec!["a"; 34].join(".");
        let error = layout(&[&name], r#"{"nest":"."}"#).expect_err("too deep");
        assert!(error.message().contains("deeper"), "{error}");
    }

    #[test]
    fn tables_are_names_like_any_other() -> Result<()> {
        assert_eq!(
            layout(
                &["__proto__/a", "/b", "__proto__/a"],
                r#"{"rows":"tables"}"#
            )?,
            r#"{"names":["__proto__",""],"nodes":[{"names":["a"],"nodes":[2]},{"names":["b"],"nodes":[1]}]}"#
        );
        assert_eq!(
            layout(
                &["t/a", "/b", "t/a"],
                r#"{"rows":"prefixed","separator":"_"}"#
            )?,
            r#"{"names":["t_a","_b"],"nodes":[2,1]}"#
        );
        Ok(())
    }
}
