//! An example upstream: candle files in, one tick per line out.
//!
//! ```console
//! $ cargo run --release --example attention_rotation -- ETHBTC-5m.csv LTCBTC-5m.csv | dreichor ingest
//! ```
//!
//! The strategy and its rules are documented in the crate `dreichor_rotation`.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use dreichor_rotation::{Market, rotate};

const USAGE: &str = "usage: attention_rotation FILE.csv ...
Prints ticks for `dreichor ingest`, made from candles. A file holds one market, named by the file:
ETHBTC-5m.csv is ETHBTC. Its columns: open_time,open,high,low,close,volume; further ones are ignored.
";

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let printed = match files.first().map(String::as_str) {
        None => Err(USAGE.trim_end().into()),
        Some("--help" | "-h") => io::stdout().write_all(USAGE.as_bytes()).map_err(Into::into),
        Some(_) => print_ticks(&files),
    };
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If this cannot be written, the exit code still says it.
            let _ = writeln!(io::stderr(), "attention_rotation: {error}");
            ExitCode::from(2)
        }
    }
}

fn print_ticks(files: &[String]) -> Result<(), Box<dyn Error>> {
    let mut markets = Vec::new();
    for file in files {
        let candles = File::open(file).map_err(|error| format!("{file}: {error}"))?;
        markets.push(Market::read(file, candles)?);
    }
    let mut output = BufWriter::new(io::stdout().lock());
    let mut print = || {
        for tick in rotate(&markets) {
            writeln!(output, "{}", serde_json::to_string(&tick)?)?;
        }
        output.flush()
    };
    match print() {
        // The reader has enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => Ok(printed?),
    }
}
