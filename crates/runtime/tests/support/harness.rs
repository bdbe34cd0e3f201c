//! Tests with a `main` of their own: a process is confined whole only while it has one thread, and the usual harness
//! gives each test a second one. What must be confined runs in a child process, which is the test binary once more.

/// Runs the tests that are asked for. `cargo test` and `cargo nextest` ask for them, by name, as they ask the usual
/// harness.
pub(crate) fn main(tests: &[(&str, fn())]) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_asked = |name: &str| arguments.iter().any(|argument| argument == name);
    let mut names = arguments.iter().filter(|argument| !argument.starts_with('-')).peekable();
    let is_all = names.peek().is_none() || is_asked("--format");
    if is_asked("--ignored") {
        return;
    }
    for (name, test) in
        tests.iter().filter(|(name, _)| is_all || names.clone().any(|part| name.contains(part)))
    {
        if is_asked("--list") {
            println!("{name}: test");
        } else {
            println!("test {name}");
            test();
        }
    }
}
