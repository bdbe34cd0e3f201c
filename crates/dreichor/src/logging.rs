//! Log lines and errors, on standard error. They are apart from the audit log.

use std::io::Write as _;
use std::sync::OnceLock;

use dreichor_runtime::ExitCode;
use dreichor_runtime::config::{Config, LogFormat, LogLevel};
use tracing::level_filters::LevelFilter;

use crate::output::Failure;

/// How what ends the process is reported: the format, and the flags that name the stores.
static REPORT: OnceLock<(LogFormat, String)> = OnceLock::new();

/// Starts logging as configured. The lines of a long-running process have the time, those of a tool have none.
pub(crate) fn start(config: &Config, is_tool: bool) {
    let level = match config.settings.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let colored = !matches!(anstream::AutoStream::choice(&std::io::stderr()), anstream::ColorChoice::Never);
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        // A log that nobody reads must not stop us: by default a failed write is reported by a panic.
        .log_internal_errors(false)
        .with_ansi(colored)
        .with_max_level(level);
    match config.settings.log_format {
        LogFormat::Text if is_tool => builder.without_time().init(),
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    let _ = REPORT.set((config.settings.log_format, config.directories.shell_flags()));
}

/// Reports the failure that ends the process.
pub(crate) fn report_failure(failure: &Failure) {
    let code = failure.exit_code();
    match REPORT.get() {
        // The operator copies the next command from here, and it must not look at other stores.
        Some((_, flags)) if is_of_stores(code) && !flags.is_empty() => {
            report(code, &format!("{failure}\nthese stores, to any command: `dreichor{flags} …`"));
        }
        Some(_) | None => report(code, &failure.to_string()),
    }
}

/// True for the codes that are about the stores.
const fn is_of_stores(code: ExitCode) -> bool {
    matches!(code, ExitCode::Unavailable | ExitCode::Locked | ExitCode::Malformed | ExitCode::InDoubt)
}

/// Reports what ends the process.
fn report(exit_code: ExitCode, message: &str) {
    match REPORT.get() {
        Some((LogFormat::Json, _)) => tracing::error!(exitCode = exit_code.number(), "{message}"),
        Some((LogFormat::Text, _)) | None => {
            // There is nobody left to tell if this fails; the exit code still says it.
            let _ = writeln!(anstream::stderr(), "\u{1b}[1;31merror\u{1b}[0m: {message}");
        }
    }
}
