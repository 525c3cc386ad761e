use super::*;

/// A column of `column_type` in utf8mb4.
pub(crate) fn column(name: &str, column_type: ColumnType) -> Column {
    Column {
        schema: "s".into(),
        table: "t".into(),
        org_table: "t".into(),
        name: name.into(),
        org_name: name.into(),
        character_set: 224,
        length: 10,
        column_type,
        type_code: 253,
        flags: 0,
        decimals: 0,
        is_json: false,
        extended_type: None,
    }
}

fn definition(extended: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for text in ["def", "shop", "p", "products", "n", "name"] {
        out.push(text.len() as u8);
        out.extend_from_slice(text.as_bytes());
    }
    if extended {
        out.extend_from_slice(b"\x06\x01\x04json");
    }
    out.push(0x0C);
    out.extend_from_slice(&[45, 0, 1, 2, 0, 0, 252, 0x20, 0, 31, 0, 0]);
    out
}

#[test]
fn a_definition_gives_every_field() {
    for extended in [false, true] {
        let read = Column::read(&definition(extended), extended).expect("a definition");
        let wanted = Column {
            schema: "shop".into(),
            table: "p".into(),
            org_table: "products".into(),
            name: "n".into(),
            org_name: "name".into(),
            character_set: 45,
            length: 513,
            flags: 32,
            decimals: 31,
            type_code: 252,
            is_json: extended,
            ..column("n", ColumnType::Text)
        };
        assert_eq!(read, wanted);
        assert!(read.is_unsigned() && !read.is_binary());
    }
}

#[test]
fn a_definition_cut_at_any_byte_it_needs_is_an_error_and_never_a_panic() {
    for extended in [false, true] {
        let whole = definition(extended);
        // The last two bytes are filler that nobody reads.
        for cut in 0..whole.len() - 2 {
            assert!(
                Column::read(whole.get(..cut).expect("in range"), extended).is_err(),
                "cut after {cut} bytes"
            );
        }
    }
}

#[test]
fn any_byte_of_a_definition_may_change_without_a_panic() {
    let whole = definition(true);
    let mut errors = 0;
    for at in 0..whole.len() {
        for value in 0..=255 {
            let mut changed = whole.clone();
            *changed.get_mut(at).expect("in range") = value;
            errors += usize::from(Column::read(&changed, true).is_err());
        }
    }
    assert!(errors > 0, "lengths past the end must be noticed");
}

#[test]
fn an_unknown_type_is_an_error_that_names_its_number() {
    let mut bytes = definition(false);
    let at = bytes.len() - 6;
    *bytes.get_mut(at).expect("in range") = 200;
    let error = Column::read(&bytes, false).expect_err("no such type");
    assert!(error.message().contains("200"), "{error}");
}
