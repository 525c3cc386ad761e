use super::*;

fn marks(names: &[&str]) -> Vec<Box<str>> {
    names.iter().map(|&name| name.into()).collect()
}

#[test]
fn a_mark_is_clear_when_its_write_has_ended_and_was_told() {
    let outbox = Outbox::default();
    let products = marks(&["t:products"]);
    outbox.begin(&products);
    assert!(!outbox.is_clear(&products));
    assert!(outbox.is_clear(&marks(&["t:orders"])));
    let begun = outbox.batch().expect("something to tell");
    assert!(begun.marks[0].1, "it is running");
    outbox.confirm(&begun);
    assert!(outbox.batch().is_none());
    assert!(!outbox.is_clear(&products), "it is still running");
    outbox.end(&products);
    let ended = outbox.batch().expect("something to tell");
    assert!(!ended.marks[0].1);
    outbox.confirm(&ended);
    assert!(outbox.is_clear(&products));
    assert_eq!(outbox.waiting(), 0);
}

#[test]
fn an_answer_does_not_confirm_what_came_after_the_question() {
    let outbox = Outbox::default();
    let products = marks(&["t:products"]);
    outbox.bump(&products);
    let first = outbox.batch().expect("something to tell");
    outbox.bump(&products);
    outbox.confirm(&first);
    assert!(!outbox.is_clear(&products));
    outbox.confirm(&outbox.batch().expect("the second"));
    assert!(outbox.is_clear(&products));
}

#[test]
fn a_thousand_writes_between_two_answers_are_one_mark() {
    let outbox = Outbox::default();
    for _ in 0..1000 {
        outbox.bump(&marks(&["t:products"]));
    }
    assert_eq!(outbox.batch().expect("something to tell").marks.len(), 1);
    assert_eq!(outbox.waiting(), 1);
}

#[test]
fn too_many_marks_are_everything_and_what_runs_still_ends() {
    let outbox = Outbox::default();
    let running = marks(&["t:running"]);
    outbox.begin(&running);
    for number in 0..=MOST_MARKS {
        outbox.bump(&[format!("k:{number}").into()]);
    }
    assert!(outbox.waiting() < 10);
    assert!(!outbox.is_clear(&marks(&["k:none"])));
    while let Some(batch) = outbox.batch() {
        outbox.confirm(&batch);
    }
    assert!(outbox.is_clear(&marks(&["k:none"])));
    assert!(!outbox.is_clear(&running));
    outbox.end(&running);
    outbox.confirm(&outbox.batch().expect("the end"));
    assert!(outbox.is_clear(&running));
}

#[test]
fn a_write_on_everything_is_one_on_each_mark() {
    let outbox = Outbox::default();
    outbox.begin(&marks(&[EVERYTHING]));
    assert!(!outbox.is_clear(&marks(&["t:products"])));
}

#[test]
fn marks_that_mean_something_else_in_redis_become_everything() {
    assert_eq!(*Outbox::tidy(marks(&["t:a", "#era"])), marks(&["*"]));
    assert_eq!(
        *Outbox::tidy(marks(&["t:b", "t:a", "t:b"])),
        marks(&["t:a", "t:b"])
    );
    let many = (0..2000).map(|number| number.to_string().into()).collect();
    assert_eq!(*Outbox::tidy(many), marks(&["*"]));
}

#[test]
fn running_writes_are_told_again_when_they_were_forgotten() {
    let outbox = Outbox::default();
    outbox.begin(&marks(&["t:products"]));
    outbox.confirm(&outbox.batch().expect("the begin"));
    outbox.again();
    let batch = outbox.batch().expect("the begin again");
    assert!(batch.marks[0].1);
    outbox.confirm(&batch);
    assert_eq!(outbox.waiting(), 0);
}
