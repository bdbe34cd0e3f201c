//! A writer's operations and refusals: the order of its calls, other processes that change its files, stores that are not
//! as a writer left them; interrupted salvages; and the published vectors in batches of any size.

mod support;

use support::{corruption, foreign, order, salvage, seed, vectors};

#[test]
fn a_writer_keeps_to_the_order() {
    order::run(seed(), &mut 0);
}

#[test]
fn other_processes_are_shut_out_or_noticed() {
    foreign::run(seed(), &mut 0);
}

#[test]
fn whatever_is_known_to_be_wrong_is_refused() {
    corruption::run(seed(), &mut 0);
}

#[test]
fn the_vectors_come_out_as_published() {
    vectors::run(&mut 0);
}

#[test]
fn a_salvage_that_was_stopped_is_no_result_and_says_what_to_do() {
    let mut cases = 0;
    salvage::run(seed(), &mut cases);
    eprintln!("{cases} images of stopped salvages");
}
