//! After a failed write or sync, no call reaches the descriptor again.

mod support;

#[test]
fn a_failed_append_poisons() {
    support::appender::run(&mut 0);
}
