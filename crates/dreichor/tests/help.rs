//! The help of every command: short enough for one screen, with examples that can be typed as they are, and with the
//! settings that the command reads and no others.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::{DREICHOR, clean, run};

/// What is printed at 80 columns.
#[track_caller]
fn printed(arguments: &[&str]) -> String {
    run(clean(DREICHOR).args(arguments).env("COLUMNS", "80"), b"").expect(0).text()
}

/// The names of all commands, from the help of the program.
fn commands() -> Vec<String> {
    let help = printed(&["-h"]);
    let list = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    // A name is indented by two spaces, the second line of a description by more.
    let name = |line: &str| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')).map(str::to_owned);
    let named = list.lines().filter_map(name);
    let commands: Vec<String> =
        named.map(|line| line.split(' ').next().unwrap().to_owned()).filter(|name| name != "help").collect();
    assert!(commands.len() >= 16, "{commands:?}");
    commands
}

#[test]
fn short_help_fits_on_one_screen() {
    let mut all: Vec<Vec<String>> = commands().into_iter().map(|command| vec![command]).collect();
    all.extend([
        vec![],
        vec!["migrate".to_owned(), "status".to_owned()],
        vec!["migrate".to_owned(), "apply".to_owned()],
    ]);
    for command in all {
        let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["-h"]).collect();
        let help = printed(&arguments);
        assert!(help.lines().count() <= 40, "{} rows:\n{help}", help.lines().count());
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    }
}

#[test]
fn every_example_is_a_command_line() {
    for command in commands() {
        let help = printed(&[&command, "-h"]);
        let examples = help.split_once("Examples:\n").unwrap_or_else(|| panic!("no example:\n{help}")).1;
        for example in examples.lines() {
            let words = example.trim().split(' ').skip_while(|word| *word != "dreichor").skip(1);
            let words: Vec<&str> = words.take_while(|word| *word != ">").collect();
            assert!(words.contains(&command.as_str()), "{example}");
            // What precedes it is parsed, and nothing is run.
            printed(&[&words[..], &["-h"]].concat());
        }
    }
}

/// A line of `--help` for each setting that the command takes.
#[test]
fn long_help_has_the_settings_that_the_command_reads() {
    for command in commands() {
        let help = printed(&[&command, "--help"]);
        for setting in dreichor_runtime::config::SETTINGS {
            let flag = format!("--{}", setting.flag);
            let is_listed = help.lines().any(|line| {
                let words = line.trim().trim_start_matches("-d, ");
                words.strip_prefix(&flag).is_some_and(|rest| rest.starts_with(' '))
            });
            let value = (setting.default)();
            let outcome = run(clean(DREICHOR).args([&command, &flag, &value, "-h"]), b"");
            assert_eq!(is_listed, outcome.code == Some(0), "{command} {flag}: {}\n{help}", outcome.stderr);
        }
    }
}

/// Regression: the word `help` was taken for an argument of the command after it.
#[test]
fn help_explains_a_command() {
    for command in commands() {
        assert_eq!(printed(&["help", &command]), printed(&[&command, "--help"]));
    }
}

#[test]
fn alone_it_prints_ten_lines() {
    let outcome = run(&mut clean(DREICHOR), b"").expect(2);
    assert!(outcome.stdout.is_empty() && outcome.stderr.lines().count() <= 10, "{}", outcome.stderr);
}
