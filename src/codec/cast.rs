//! In which form a column reaches JavaScript that a caller wants in another one than the pool's options give.
//!
//! Most casts choose another [`Form`] and cost nothing more; the others need a [`Change`] of each cell. A column of which
//! no value could be read as asked is an error before the first row.

use crate::{
    error::{Error, Kind, Result},
    wire::{Column, ColumnType},
};

use super::{
    change::{Change, How},
    format::{Form, Format},
    shape::{Cast, ColumnShape, Shape},
};

/// In which form the column reaches JavaScript, and what has to be done for it.
pub fn plan(
    column: &Column,
    format: &Format,
    shape: Option<&Shape>,
) -> Result<(Form, Option<Change>)> {
    let form = format.form(column);
    let Some(shape) = shape else {
        return Ok((form, None));
    };
    let wishes = shape.column(&column.name);
    if let Some(wishes) = wishes
        && (wishes.split.is_some() || !wishes.prefix.is_empty())
    {
        return join(wishes, form, column, format, shape);
    }
    match wishes
        .and_then(ColumnShape::cast)
        .or_else(|| shape.cast(column))
    {
        None => Ok((form, None)),
        Some(cast) => recast(cast, form, column, format),
    }
}

/// The form for a text that is split or gets a prefix.
fn join(
    wishes: &ColumnShape,
    form: Form,
    column: &Column,
    format: &Format,
    shape: &Shape,
) -> Result<(Form, Option<Change>)> {
    let from = if shape.cast(column) == Some(Cast::String) {
        text_form(form, column, format)?
    } else {
        form
    };
    let each = match wishes.cast().or_else(|| shape.named_cast(column)) {
        Some(Cast::String) => None,
        Some(Cast::Raw) => Some(Cast::Json),
        other => other,
    };
    let prefix = wishes.prefix.as_str().into();
    let (form, how) = match (&wishes.split, each) {
        (None, None) => (Form::Text, How::Prefix(prefix)),
        (None, Some(cast)) => return Err(impossible(cast, "a text with a prefix", column)),
        (Some(separator), None | Some(Cast::Number | Cast::Boolean | Cast::Json)) => {
            let separator = separator.as_str().into();
            let how = How::Split {
                separator,
                prefix,
                each,
            };
            (Form::JsonArray, how)
        }
        (Some(_), Some(cast)) => return Err(impossible(cast, "a part of a split text", column)),
    };
    Ok((form, Some(Change { from, how })))
}

/// The form that a column has under a cast.
fn recast(
    cast: Cast,
    form: Form,
    column: &Column,
    format: &Format,
) -> Result<(Form, Option<Change>)> {
    let is_bit = column.column_type == ColumnType::Bit;
    let is_integer = matches!(
        form,
        Form::Int | Form::Number | Form::ExactNumber | Form::IntText | Form::BigInt
    );
    let is_date = matches!(
        form,
        Form::Date | Form::DateTime | Form::DateText | Form::DateTimeText(_)
    );
    let is_time = matches!(form, Form::TimeText(_));
    let is_structure = matches!(form, Form::Geometry | Form::Vector);
    let change = |how| Some(Change { from: form, how });
    Ok(match cast {
        Cast::Boolean | Cast::Number | Cast::BigInt if is_structure || is_time => {
            return Err(impossible(cast, column.type_name(), column));
        }
        Cast::Boolean | Cast::BigInt if is_date => {
            return Err(impossible(cast, column.type_name(), column));
        }
        Cast::Date if is_time || is_structure || is_bit || is_number(form, column) => {
            return Err(impossible(cast, column.type_name(), column));
        }
        Cast::Boolean => (Form::Boolean, change(How::Boolean)),
        Cast::Number if matches!(form, Form::Int | Form::Number) => (form, None),
        Cast::Number if is_integer => (Form::Number, None),
        Cast::Number if matches!(form, Form::Float | Form::Double(_) | Form::DecimalNumber) => {
            (form, None)
        }
        Cast::Number if is_date => (Form::Exact, change(How::Epoch)),
        Cast::Number => (Form::Exact, change(How::Number)),
        Cast::BigInt if is_integer => (Form::BigInt, None),
        Cast::BigInt => (Form::Digits, change(How::Digits)),
        Cast::String if is_integer => (Form::IntText, None),
        Cast::String | Cast::Date if is_date => {
            let as_text = cast == Cast::String;
            let form = match column.column_type {
                ColumnType::Date if as_text => Form::DateText,
                ColumnType::Date => Form::Date,
                _ if as_text => Form::DateTimeText(column.decimals),
                _ => Form::DateTime,
            };
            (form, None)
        }
        Cast::String if is_time => (form, None),
        Cast::String if matches!(form, Form::Text | Form::Json | Form::DecimalNumber) => {
            (Form::Text, None)
        }
        Cast::String if form == Form::Bytes && !is_bit => (Form::Text, None),
        Cast::String => (Form::Text, change(How::Text)),
        Cast::Date => (Form::DateTime, change(How::Date)),
        Cast::Json | Cast::Raw
            if is_bit || !matches!(form, Form::Text | Form::Bytes | Form::Json) =>
        {
            (form, None)
        }
        Cast::Json => (Form::Json, None),
        Cast::Raw => (Form::Raw, None),
        Cast::Base64 | Cast::Hex => {
            let how = if cast == Cast::Hex {
                How::Hex
            } else {
                How::Base64
            };
            let from = text_form(form, column, format)?;
            (Form::Text, Some(Change { from, how }))
        }
        Cast::Buffer
            if matches!(
                form,
                Form::Text | Form::Bytes | Form::Json | Form::DecimalNumber
            ) =>
        {
            (Form::Bytes, None)
        }
        Cast::Buffer => {
            let from = text_form(form, column, format)?;
            (
                Form::Bytes,
                Some(Change {
                    from,
                    how: How::Text,
                }),
            )
        }
    })
}

/// The form whose text is the server's.
fn text_form(form: Form, column: &Column, format: &Format) -> Result<Form> {
    Ok(match recast(Cast::String, form, column, format)? {
        (as_text, None) => as_text,
        // What changes there is what `text_of` does.
        (_, Some(_)) => form,
    })
}

fn is_number(form: Form, column: &Column) -> bool {
    column.column_type == ColumnType::Decimal
        || matches!(
            form,
            Form::Int
                | Form::Number
                | Form::ExactNumber
                | Form::IntText
                | Form::BigInt
                | Form::Float
                | Form::Double(_)
        )
}

fn impossible(cast: Cast, what: &str, column: &Column) -> Error {
    let cast = format!("{cast:?}").to_lowercase();
    Error::new(
        Kind::Parameters,
        format!(
            "column '{}' can not be read as {cast}: it is {what}; leave the cast out",
            column.name
        ),
    )
}
