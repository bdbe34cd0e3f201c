//! `completions` and `man`: for the shell and for packages.

use clap::CommandFactory;

use dreichor_runtime::config::ConfigError;

use crate::arguments::Arguments;
use crate::output::{Failure, stdout};
use std::io::Write;

pub(super) fn print_completions(shell: clap_complete::Shell) -> Result<u8, Failure> {
    let mut out = stdout();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "dreichor", &mut script);
    out.write_all(&script)?;
    out.flush()?;
    Ok(0)
}

pub(super) fn print_manual(name: Option<&str>) -> Result<u8, Failure> {
    let mut program = Arguments::command();
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
    Ok(0)
}
