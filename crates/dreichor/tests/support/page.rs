//! A page of the documentation, whose examples can be tried as they stand: in a checkout, with the program on the path.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::http::Observed;
use super::{Bench, DREICHOR, Running, clean, run};

/// Where the pages say that the Observer listens.
const OBSERVER: &str = "export OBSERVER=http://127.0.0.1:4710";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A page of `docs`.
pub(crate) struct Page {
    pub(crate) text: String,
}

/// What stands between two fences.
pub(crate) struct Block<'p> {
    pub(crate) language: &'p str,
    pub(crate) text: &'p str,
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        Self { text: fs::read_to_string(root().join("docs").join(name)).unwrap() }
    }

    /// The blocks, in order.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        // Fences come in pairs, so every second piece stands within one.
        self.text.split("\n```").skip(1).step_by(2).map(|block| {
            let (language, text) = block.split_once('\n').unwrap();
            Block { language, text }
        })
    }
}

/// A directory like a checkout, in which the page's examples are tried one after the other.
pub(crate) struct Checkout {
    directory: PathBuf,
    /// The runtime that the page had started last.
    observed: Option<Observed>,
}

impl Checkout {
    pub(crate) fn new(bench: &Bench) -> Self {
        let directory = bench.path("checkout");
        fs::create_dir(&directory).unwrap();
        for name in ["tests", "tools"] {
            symlink(root().join(name), directory.join(name)).unwrap();
        }
        Self { directory, observed: None }
    }

    /// Tries every example: each line of a shell, which must succeed and print something; each program in Python;
    /// and what is shown behind them must be what the last of them printed.
    pub(crate) fn follow(&mut self, page: &Page) {
        let mut printed = None;
        for Block { language, text } in page.blocks() {
            match language {
                "sh" => printed = text.lines().map(|line| self.try_line(line)).last().flatten(),
                "python" => {
                    fs::write(self.directory.join("block.py"), text).unwrap();
                    printed = Some(self.output("python3 block.py"));
                }
                "json" | "text" => {
                    if let Some(printed) = printed.take() {
                        assert_eq!(printed.trim_end(), text.trim_end());
                    }
                }
                _ => {}
            }
        }
    }

    /// What one line printed; none: it is no command that ends.
    fn try_line(&mut self, line: &str) -> Option<String> {
        println!("{line}");
        if line.starts_with("export ") {
            // Where the runtime listens here, its own log says.
            assert_eq!(line, OBSERVER);
            return None;
        }
        if line.starts_with("dreichor") && line.split(' ').any(|word| word == "run") {
            self.observed = None;
            let running = Running::start(&mut self.shell(&format!("exec {line}")));
            self.observed = Some(Observed::when_ready(running));
            return None;
        }
        let printed = self.output(line);
        assert_ne!(printed, "", "{line} prints something");
        Some(printed)
    }

    /// The output of a script, which must succeed.
    fn output(&self, script: &str) -> String {
        run(&mut self.shell(script), b"").expect(0).text()
    }

    fn shell(&self, script: &str) -> Command {
        let mut path = OsString::from(Path::new(DREICHOR).parent().unwrap());
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = clean("sh");
        command.args(["-e", "-c", script]).current_dir(&self.directory).env("PATH", path);
        // The default port can be had once only, and is found again in the log.
        command.env("DREICHOR_OBSERVER_ADDR", "127.0.0.1:0").env("DREICHOR_LOG_FORMAT", "json");
        if let Some(observed) = &self.observed {
            command.env("OBSERVER", format!("http://{}", observed.address));
        }
        command
    }
}
