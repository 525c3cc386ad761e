//! Values between the wire and JavaScript: parameters in, rows out as JSON bytes or as packed bytes.
//!
//! - `params` reads the parameters that `lib/params.js` packed.
//! - `rows` reads the rows of a batch, packed in the same way.
//! - `format` decides, by the pool's options, in which form a column reaches JavaScript.
//! - `shape` says what a caller wants otherwise: `layout` where the values stand, `cast` in which form,
//!   `change` what becomes of a cell for that.
//! - `json` writes rows as the bytes of `JSON.stringify`, `value` one cell of them.
//! - `packed` writes rows as numbers and strings that `lib/rows.js` builds objects from.
//! - `columns` tells what the server says about the columns.
//! - `key` takes the values that rows are sorted by, `cursor` makes signed texts of them.
//! - `buffers` keeps used memory for the next result.
//! - `date`, `number`, `string`, `json_text`, `geometry` know one kind of value each.
//!
//! Invariant: no JavaScript type is named here, and nothing here waits.

pub mod buffers;
pub mod cast;
pub mod change;
pub mod columns;
pub mod cursor;
pub mod date;
pub mod format;
pub mod geometry;
pub mod json;
pub mod json_text;
pub mod key;
pub mod layout;
pub mod number;
pub mod packed;
pub mod params;
pub mod rows;
pub mod shape;
pub mod string;
pub mod value;
