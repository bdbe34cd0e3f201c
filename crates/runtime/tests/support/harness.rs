//! Tests with a `main` of their own: a process is confined whole only while it has one thread, and the usual harness
//! gives each test a second one. What must be confined runs in a child process, which is the test binary once more.

/// A test: its name, what it needs (nothing, if empty), and what it does.
pub(crate) type Test = (&'static str, &'static str, fn());

/// Runs the tests that are asked for. `cargo test` and `cargo nextest` ask for them, by name, as they ask the usual
/// harness. A test that needs something is ignored unless ignored tests are asked for.
pub(crate) fn main(tests: &[Test]) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_asked = |name: &str| arguments.iter().any(|argument| argument == name);
    let mut names = arguments.iter().filter(|argument| !argument.starts_with('-')).peekable();
    let is_all = names.peek().is_none() || is_asked("--format");
    let is_named = |name: &str| is_all || names.clone().any(|part| name.contains(part));
    for (name, needs, test) in tests.iter().filter(|(name, ..)| is_named(name)) {
        let is_ignored = !needs.is_empty();
        if is_asked("--ignored") && !is_ignored {
            continue;
        }
        if is_asked("--list") {
            println!("{name}: test");
        } else if is_ignored && !is_asked("--ignored") && !is_asked("--include-ignored") {
            println!("test {name} ... ignored, needs {needs}");
        } else {
            println!("test {name}");
            test();
        }
    }
}
