//! Log lines and errors, on standard error. They are apart from the audit log.

use std::io::Write as _;
use std::sync::OnceLock;

use dreichor_core::value::Spelled;
use dreichor_runtime::ExitCode;
use dreichor_runtime::config::{Config, LogFormat, LogLevel};
use dreichor_runtime::ingest::IngestError;
use dreichor_runtime::orchestrator::Rejection;
use tracing::level_filters::LevelFilter;

use crate::output::Failure;

/// The format in which the failure that ends the process is reported.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// The flags that name the stores.
static STORES: OnceLock<String> = OnceLock::new();

/// Reports failures in this format from now on.
pub(crate) fn expect(format: LogFormat) {
    let _ = FORMAT.set(format);
}

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
        // A log without a reader must not stop the program: by default, a failed write causes a panic.
        .log_internal_errors(false)
        .with_ansi(colored)
        .with_max_level(level);
    match config.settings.log_format {
        LogFormat::Text if is_tool => builder.without_time().init(),
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    let _ = STORES.set(config.directories.shell_flags());
}

/// Reports the failure that ends the process.
pub(crate) fn report_failure(failure: &Failure) {
    let code = failure.exit_code();
    let flags = STORES.get().map_or("", String::as_str);
    if is_of_stores(code) && !flags.is_empty() {
        // The operator copies the next command from here, and it must not look at other stores.
        report(code, &format!("{failure}\nto name these stores in any command: `dreichor{flags} …`"), None);
    } else {
        let rejection = if let Failure::Ingest(IngestError::Rejected(rejection)) = failure {
            Some(rejection)
        } else {
            None
        };
        report(code, &failure.to_string(), rejection);
    }
}

/// True for the codes that are about the stores.
const fn is_of_stores(code: ExitCode) -> bool {
    matches!(code, ExitCode::Unavailable | ExitCode::Locked | ExitCode::Malformed | ExitCode::InDoubt)
}

/// Reports what ends the process. In JSON, the place of a rejected input is in members of its own, for its sender.
fn report(code: ExitCode, message: &str, rejection: Option<&Rejection>) {
    // If this cannot be written, the exit code still says it.
    let _ = match FORMAT.get() {
        Some(LogFormat::Json) => {
            let mut line =
                serde_json::json!({"level": "ERROR", "message": message, "exitCode": code.number()});
            if let Some(Rejection { line: number, fault, .. }) = rejection {
                line["line"] = (*number).into();
                line["rule"] = fault.rule.as_str().into();
                line["member"] = fault.member.as_str().into();
            }
            writeln!(std::io::stderr(), "{line}")
        }
        Some(LogFormat::Text) | None => writeln!(anstream::stderr(), "\u{1b}[1;31merror\u{1b}[0m: {message}"),
    };
}
