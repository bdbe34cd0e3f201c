//! The bugs, as `planted.txt` lists them; its head says how.

use dreichor_simulation::Lie;

use super::checks::Check;

/// A way for the program to be wrong.
#[derive(Debug)]
pub(crate) struct Bug {
    pub(crate) name: String,
    /// The check that must catch it.
    pub(crate) check: Check,
    /// The program itself notices the bug during the check, and aborts with this message.
    pub(crate) asserts: Option<String>,
    pub(crate) means: Means,
}

/// The means by which it is planted.
#[derive(Debug)]
pub(crate) enum Means {
    /// The disk tells a lie, under the program as it is.
    Lie(Lie),
    /// A copy of the program is changed.
    Changes(Vec<Change>),
}

/// A change to one place of the source.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) file: String,
    /// This text, which occurs once,
    pub(crate) find: String,
    /// becomes this one.
    pub(crate) put: String,
}

pub(crate) fn read() -> Vec<Bug> {
    let text = include_str!("../../planted.txt");
    text.split("\n\n").filter(|block| block.starts_with("bug: ")).map(read_bug).collect()
}

fn read_bug(block: &str) -> Bug {
    let (mut name, mut check, mut asserts) = (String::new(), None, None);
    let (mut lie, mut changes) = (None, Vec::<Change>::new());
    for line in block.lines() {
        let (field, value) = line.split_once(": ").unwrap_or_else(|| panic!("{name}: no field: {line}"));
        match (field, changes.last_mut()) {
            ("bug", _) => value.clone_into(&mut name),
            ("check", _) => check = Check::ALL.into_iter().find(|check| check.name().0 == value),
            ("asserts", _) => asserts = Some(value.to_owned()),
            ("lie", _) => lie = Lie::ALL.into_iter().find(|lie| format!("{lie:?}") == value),
            ("file", _) => changes.push(Change { file: value.to_owned(), ..Change::default() }),
            ("find", Some(change)) => add_line(&mut change.find, value),
            ("put", Some(change)) => add_line(&mut change.put, value),
            _ => panic!("{name}: {line}"),
        }
    }
    let check = check.unwrap_or_else(|| panic!("{name}: no such check"));
    let means = match lie {
        Some(lie) if changes.is_empty() => Means::Lie(lie),
        None if !changes.is_empty() => Means::Changes(changes),
        Some(_) | None => panic!("{name}: either a lie that there is, or changes"),
    };
    Bug { name, check, asserts, means }
}

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}
