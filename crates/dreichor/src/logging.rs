//! Log lines and errors, on standard error. They are apart from the audit log.

use std::io::Write;
use std::sync::OnceLock;

use dreichor_runtime::config::{Config, LogFormat, LogLevel};
use tracing::level_filters::LevelFilter;

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Starts logging as configured.
pub(crate) fn start(config: &Config) {
    let level = match config.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let colored = !matches!(anstream::AutoStream::choice(&std::io::stderr()), anstream::ColorChoice::Never);
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        // Who does not read our log must not stop us: by default a failed write is reported by a panic.
        .log_internal_errors(false)
        .with_ansi(colored)
        .with_max_level(level);
    match config.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    let _ = FORMAT.set(config.log_format);
}

/// Reports what ends the process.
pub(crate) fn report(exit_code: u8, message: &str) {
    match FORMAT.get() {
        Some(LogFormat::Json) => tracing::error!(exit_code, "{message}"),
        Some(LogFormat::Text) | None => {
            // There is nobody left to tell if this fails; the exit code still says it.
            let _ = writeln!(anstream::stderr(), "\u{1b}[1;31merror\u{1b}[0m: {message}");
        }
    }
}
