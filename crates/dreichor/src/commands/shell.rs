//! `completions`, `man` and `schema`: for the shell, for packages and for upstreams.

use dreichor_core::event::EventType;
use dreichor_core::value::Spelled;
use dreichor_core::{Event, Snapshot, input, schema};
use dreichor_runtime::ExitCode;
use dreichor_runtime::config::ConfigError;

use crate::arguments::{self, Described};
use crate::output::{Failure, print_line, stdout};
use std::io::Write;

pub(super) fn print_completions(shell: clap_complete::Shell) -> Result<ExitCode, Failure> {
    let mut out = stdout();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut arguments::program(), "dreichor", &mut script);
    out.write_all(&script)?;
    out.flush()?;
    Ok(ExitCode::Done)
}

pub(super) fn print_schema(of: Described) -> Result<ExitCode, Failure> {
    print_line(&match of {
        Described::Inputs => input::schema(),
        Described::Events => {
            let events: Vec<String> = EventType::ALL.iter().map(|name| Event::schema(*name)).collect();
            schema::document("An audit event of dreichor", &schema::one_of(&events))
        }
        Described::Snapshots => schema::document("A snapshot of dreichor", &Snapshot::schema()),
    })?;
    Ok(ExitCode::Done)
}

pub(super) fn print_manual(name: Option<&str>) -> Result<ExitCode, Failure> {
    let mut program = arguments::program();
    program.build();
    let command = match name {
        None => &program,
        Some(name) => program.find_subcommand(name).ok_or_else(|| {
            ConfigError(vec![format!("there is no command {name}; `dreichor help` lists them")])
        })?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    let mut out = stdout();
    out.write_all(&page)?;
    out.flush()?;
    Ok(ExitCode::Done)
}
