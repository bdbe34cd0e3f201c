//! The tables of settings and exit codes in docs/OPERATING.md are those of the program. `UPDATE_DOCUMENTS=1` rewrites
//! them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use dreichor_runtime::ExitCode;
use dreichor_runtime::config::SETTINGS;

/// Compares the part of the page between the marks of `name` with `table`, or writes it there.
#[track_caller]
fn check(name: &str, table: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/OPERATING.md");
    let text = fs::read_to_string(&page).unwrap();
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = text.split_once(&begin).unwrap();
    let (found, after) = rest.split_once(&end).unwrap();
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        fs::write(&page, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert_eq!(
            found, table,
            "rewrite docs/OPERATING.md: UPDATE_DOCUMENTS=1 cargo test -p dreichor-runtime --test documents"
        );
    }
}

fn settings() {
    let mut table =
        "| flag | variable | what it sets | values | default |\n|---|---|---|---|---|\n".to_owned();
    for setting in SETTINGS {
        let values = (setting.values)();
        let values = if values.is_empty() {
            setting.value_name.to_owned()
        } else {
            format!("`{}`", values.join("`, `"))
        };
        let (flag, variable, help, default) =
            (setting.flag, setting.variable(), setting.help, (setting.default)());
        writeln!(table, "| `--{flag}` | `{variable}` | {help} | {values} | {default} |").unwrap();
    }
    check("settings", &table);
}

fn exit_codes() {
    let mut table = "| code | meaning | what to do |\n|---|---|---|\n".to_owned();
    for code in ExitCode::ALL {
        writeln!(table, "| {} | {} | {} |", code.number(), code.meaning(), code.advice()).unwrap();
    }
    check("exit codes", &table);
}

/// One test, since both tables are in one page, which one rewriting at a time may change.
#[test]
fn tables_are_those_of_the_program() {
    settings();
    exit_codes();
}
