//! What the server says about the columns of a result, for callers who ask.

use crate::wire::Column;

use super::{layout::write_list, number::write_u64, string::write_json_string};

/// The flags of a column by their bits.
const FLAGS: [(u16, &str); 15] = [
    (1, "notNull"),
    (2, "primaryKey"),
    (4, "uniqueKey"),
    (8, "multipleKey"),
    (16, "blob"),
    (32, "unsigned"),
    (64, "zerofill"),
    (128, "binary"),
    (256, "enum"),
    (512, "autoIncrement"),
    (1024, "timestamp"),
    (2048, "set"),
    (4096, "noDefaultValue"),
    (8192, "onUpdateNow"),
    (32768, "numeric"),
];

/// Writes the columns as an array of objects.
pub fn write_columns(columns: &[Column], out: &mut Vec<u8>) {
    write_list(columns, out, write_column);
}

/// Writes the definitions of the columns as arrays: schema, table, its original name, name, original name, character set,
/// length, type, flags, decimals, and what MariaDB adds, whether it is JSON and the name of the type.
pub fn write_fields(columns: &[Column], out: &mut Vec<u8>) {
    write_list(columns, out, |column, out| {
        for (at, text) in [
            &column.schema,
            &column.table,
            &column.org_table,
            &column.name,
            &column.org_name,
        ]
        .into_iter()
        .enumerate()
        {
            out.push(if at == 0 { b'[' } else { b',' });
            write_json_string(text.as_bytes(), out);
        }
        for number in [
            u32::from(column.character_set),
            column.length,
            u32::from(column.type_code),
            u32::from(column.flags),
            u32::from(column.decimals),
            u32::from(column.is_json),
        ] {
            out.push(b',');
            write_u64(u64::from(number), out);
        }
        out.push(b',');
        match &column.extended_type {
            Some(name) => write_json_string(name.as_bytes(), out),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b']');
    });
}

fn write_column(column: &Column, out: &mut Vec<u8>) {
    for (key, text) in [
        ("{\"name\":", &*column.name),
        (",\"orgName\":", &*column.org_name),
        (",\"table\":", &*column.table),
        (",\"orgTable\":", &*column.org_table),
        (",\"schema\":", &*column.schema),
        (",\"type\":", column.type_name()),
    ] {
        out.extend_from_slice(key.as_bytes());
        write_json_string(text.as_bytes(), out);
    }
    out.extend_from_slice(b",\"extendedType\":");
    match &column.extended_type {
        Some(name) => write_json_string(name.as_bytes(), out),
        None => out.extend_from_slice(b"null"),
    }
    for (key, number) in [
        (",\"typeCode\":", u32::from(column.type_code)),
        (",\"characterSet\":", u32::from(column.character_set)),
        (",\"length\":", column.length),
        (",\"decimals\":", u32::from(column.decimals)),
        (",\"flagBits\":", u32::from(column.flags)),
    ] {
        out.extend_from_slice(key.as_bytes());
        write_u64(u64::from(number), out);
    }
    for (index, (bit, name)) in FLAGS.iter().enumerate() {
        out.extend_from_slice(if index == 0 {
            b",\"flags\":{\""
        } else {
            b",\""
        });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(if column.flags & bit != 0 {
            b"\":true"
        } else {
            b"\":false"
        });
    }
    out.extend_from_slice(b"}}");
}
