use super::*;

/// A schema in which deleting stores deletes items, which deletes parts; updating orders may do anything, and `rich` is
/// a view.
fn schema() -> Schema {
    let databases = BTreeSet::from([Box::from("shop")]);
    let mut facts = Facts::new(databases.clone(), Instant::now());
    facts.follow("Stores", "items".into());
    facts.follow("items", "parts".into());
    facts.follow("parts", "items".into());
    facts.trigger("orders", "BEGIN UPDATE items SET n = 1; END");
    facts.trigger("logged", "INSERT INTO log (n) VALUES (NEW.n)");
    facts.trigger("checked", "SET NEW.n = ABS(NEW.n)");
    facts.views.insert("rich".into());
    facts.functions.insert("note".into(), true);
    facts.functions.insert("twice".into(), false);
    let schema = Schema::default();
    let mut state = schema.lock();
    state.wanted = databases;
    state.facts = Some(Arc::new(facts));
    drop(state);
    schema
}

fn written(schema: &Schema, sql: &str) -> Written {
    schema.written(&tables::change(sql))
}

fn names(names: &[&str]) -> Written {
    Written::Tables(names.iter().map(|&name| name.into()).collect())
}

#[tokio::test]
async fn a_write_reaches_what_follows_its_table_and_what_follows_that() {
    let schema = schema();
    assert_eq!(
        written(&schema, "DELETE FROM shop.stores WHERE id = 1"),
        names(&["items", "parts", "stores"])
    );
    assert_eq!(
        written(&schema, "INSERT INTO lonely VALUES (1)"),
        names(&["lonely"])
    );
}

#[tokio::test]
async fn triggers_reach_what_their_statement_writes_or_anything() {
    let schema = schema();
    assert_eq!(
        written(&schema, "UPDATE orders SET n = 1"),
        Written::Anything
    );
    assert_eq!(
        written(&schema, "UPDATE logged SET n = 1"),
        names(&["log", "logged"])
    );
    assert_eq!(
        written(&schema, "UPDATE checked SET n = 1"),
        names(&["checked"])
    );
}

#[tokio::test]
async fn functions_and_views_write_what_nobody_knows() {
    let schema = schema();
    assert_eq!(written(&schema, "SELECT note()"), Written::Anything);
    assert_eq!(written(&schema, "SELECT shop.note()"), Written::Anything);
    assert_eq!(written(&schema, "SELECT twice(2)"), Written::Nothing);
    assert_eq!(written(&schema, "UPDATE rich SET n = 1"), Written::Anything);
    assert_eq!(written(&schema, "CALL anything()"), Written::Anything);
}

#[tokio::test]
async fn a_read_of_views_or_by_stored_functions_is_told() {
    let schema = schema();
    let of = |sql| schema.readiness(&tables::effects(sql));
    assert_eq!(
        of("SELECT n FROM items"),
        Readiness::Tables(vec!["items".into()])
    );
    assert_eq!(
        of("SELECT n FROM items JOIN rich USING (n)"),
        Readiness::View
    );
    assert_eq!(of("SELECT twice(n) FROM items"), Readiness::Function);
}

#[tokio::test]
async fn another_database_has_to_be_read_first() {
    let schema = schema();
    assert!(!schema.question().is_open());
    let effects = tables::effects("SELECT n FROM other.items");
    assert_eq!(schema.readiness(&effects), Readiness::Unknown);
    assert!(schema.question().is_open());
    assert_eq!(written(&schema, "DELETE FROM lonely"), Written::Anything);
}

#[tokio::test(start_paused = true)]
async fn an_old_schema_is_good_for_old_results_alone() {
    let schema = schema();
    tokio::time::advance(LIFETIME * 2).await;
    let effects = tables::effects("SELECT n FROM items");
    assert_eq!(schema.readiness(&effects), Readiness::Unknown);
    assert!(schema.question().is_open());
    assert!(matches!(
        schema.last_readiness(&effects),
        Readiness::Tables(_)
    ));
    assert_eq!(written(&schema, "DELETE FROM lonely"), Written::Anything);
}

#[tokio::test]
async fn more_databases_than_are_looked_into_make_everything_uncertain() {
    let schema = schema();
    for number in 0..MAX_DATABASES {
        schema.want(&format!("tenant{number}"));
    }
    schema.want("shop");
    let effects = tables::effects("SELECT n FROM items");
    assert_eq!(schema.last_readiness(&effects), Readiness::Unknown);
    assert_eq!(written(&schema, "DELETE FROM lonely"), Written::Anything);
}

#[tokio::test]
async fn a_change_makes_it_unknown() {
    let schema = schema();
    schema.change();
    let effects = tables::effects("SELECT n FROM items");
    assert_eq!(schema.readiness(&effects), Readiness::Unknown);
    assert_eq!(schema.last_readiness(&effects), Readiness::Unknown);
}
