//! An example upstream: candle files in, one tick per line out.
//!
//! ```console
//! $ cargo run --release --example attention_rotation -- ETHBTC-5m.csv LTCBTC-5m.csv | dreichor ingest
//! ```
//!
//! Each file holds the candles of one market, which its name gives: `ETHBTC-5m.csv` is `ETHBTC`. The
//! strategy, the form of the files and the rules of every fact are documented in the crate
//! `dreichor_rotation`.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use dreichor_rotation::{Market, MarketId, Rotation};

const USAGE: &str = "usage: attention_rotation FILE.csv ...
Prints ticks for `dreichor ingest`, made from candles. A file holds one market, named by the file:
ETHBTC-5m.csv is ETHBTC. Its columns: open_time,open,high,low,close,volume, further ones ignored.
";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let asks_for_help = arguments.iter().any(|argument| argument == "--help" || argument == "-h");
    let result = match arguments.as_slice() {
        _ if asks_for_help => io::stdout().write_all(USAGE.as_bytes()).map_err(Into::into),
        [] => Err(USAGE.trim_end().into()),
        files => rotate(files),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is gone too, the exit code says it alone.
            let _ = writeln!(io::stderr(), "attention_rotation: {error}");
            ExitCode::from(2)
        }
    }
}

fn rotate(files: &[OsString]) -> Result<(), Box<dyn Error>> {
    let markets = files.iter().map(|file| read_market(Path::new(file))).collect::<Result<_, _>>()?;
    match print_ticks(Rotation::new(markets)?) {
        // The reader has enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(format!("standard output: {error}").into()),
        Ok(()) => Ok(()),
    }
}

fn read_market(file: &Path) -> Result<Market, Box<dyn Error>> {
    let shown = file.display().to_string();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let id = MarketId::from_file_name(&name).map_err(|error| format!("{shown}: {error}"))?;
    let text = fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
    Ok(Market::parse(id.as_str(), &shown, &text)?)
}

fn print_ticks(rotation: Rotation) -> io::Result<()> {
    let mut output = BufWriter::new(io::stdout().lock());
    for tick in rotation {
        writeln!(output, "{tick}")?;
    }
    output.flush()
}
