//! Pages of the documentation, whose commands are run as they are written: in a checkout, with the program on the path.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::observed::Observed;
use super::{Bench, DREICHOR, Running, clean, run};

/// The Observer's address on the pages.
const OBSERVER: &str = "http://127.0.0.1:4710";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A page, by its path from the root.
pub(crate) struct Page {
    pub(crate) text: String,
}

/// The text between two fences, without the indentation of the first.
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        Self { text: fs::read_to_string(root().join(name)).unwrap() }
    }

    /// The blocks, in order.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut lines = self.text.lines();
        while let Some(fence) = lines.next() {
            let Some(language) = fence.trim_start().strip_prefix("```") else { continue };
            let indent = fence.len() - fence.trim_start().len();
            let inner = lines.by_ref().take_while(|line| line.trim_start() != "```");
            let text =
                inner.map(|line| line.get(indent..).unwrap_or_default()).collect::<Vec<_>>().join("\n");
            blocks.push(Block { language: language.to_owned(), text });
        }
        blocks
    }
}

/// The commands of a block: one a line, together with the here-document that it begins.
fn commands(block: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut lines = block.lines();
    while let Some(line) = lines.next() {
        let mut command = line.to_owned();
        if line.contains("<<'END'") {
            for line in lines.by_ref() {
                command = command + "\n" + line;
                if line == "END" {
                    break;
                }
            }
        }
        commands.push(command);
    }
    commands
}

/// The exit code that the command's comment names; 0 without one.
fn exit_code(command: &str) -> i32 {
    let Some((_, code)) = command.split_once("# exit code ") else { return 0 };
    code.split(':').next().unwrap().parse().unwrap()
}

/// A directory like a checkout, in which the commands of pages are run one after another.
pub(crate) struct Checkout {
    directory: PathBuf,
    /// The latest runtime that a page has started.
    observed: Option<Observed>,
    /// Servers of upstreams.
    servers: Vec<Running>,
}

impl Checkout {
    pub(crate) fn new(bench: &Bench) -> Self {
        let directory = bench.path("checkout");
        fs::create_dir(&directory).unwrap();
        for name in ["tests", "examples", "python", "tools"] {
            symlink(root().join(name), directory.join(name)).unwrap();
        }
        Self { directory, observed: None, servers: Vec::new() }
    }

    /// Runs every command of a shell and every program in Python, but for those of cargo. A block of JSON or text
    /// after them must be what the last of them printed, unless it is shortened.
    pub(crate) fn follow(&mut self, page: &Page) {
        let mut printed = None;
        for Block { language, text } in page.blocks() {
            match &*language {
                "sh" => {
                    printed =
                        commands(&text).iter().map(|command| self.run_command(command)).last().flatten();
                }
                "python" => {
                    fs::write(self.directory.join("block.py"), text).unwrap();
                    printed = Some(self.output("python3 block.py", 0));
                }
                "json" | "text" => {
                    if let Some(printed) = printed.take().filter(|_| !text.contains('…')) {
                        assert_eq!(printed.trim_end(), text.trim_end());
                    }
                }
                _ => {}
            }
        }
    }

    /// The output of one command; none if it does not end, or is one of cargo.
    fn run_command(&mut self, command: &str) -> Option<String> {
        println!("{command}");
        if command.starts_with("cargo ") {
            return None;
        }
        if command.starts_with("export ") {
            assert_eq!(command, format!("export OBSERVER={OBSERVER}"));
            return None;
        }
        if command.starts_with("dreichor") && command.split(' ').any(|word| word == "run") {
            self.observed = None;
            let running = Running::start(&mut self.shell(&format!("exec {command}")));
            self.observed = Some(Observed::when_ready(running));
            return None;
        }
        if command.contains(" --listen ") {
            let mut server = Running::start(&mut self.shell(&format!("exec {command}")));
            server.wait_until_it_says("READY");
            self.servers.push(server);
            return None;
        }
        let printed = self.output(command, exit_code(command));
        let is_silent = command.contains(" > ") || !command.starts_with("dreichor");
        assert!(is_silent || !printed.is_empty(), "{command} prints something");
        Some(printed)
    }

    /// The output of a script, which must end with this code.
    fn output(&self, script: &str, code: i32) -> String {
        run(&mut self.shell(script), b"").expect(code).text()
    }

    fn shell(&self, script: &str) -> Command {
        let mut path = OsString::from(Path::new(DREICHOR).parent().unwrap());
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        // The default port may be in use. The log names the one that the runtime has.
        let address = self.observed.as_ref().map(|observed| format!("http://{}", observed.address));
        let address = address.as_deref().unwrap_or(OBSERVER);
        let mut command = clean("sh");
        command.args(["-e", "-c", &script.replace(OBSERVER, address)]).current_dir(&self.directory);
        command.env("PATH", path).env("OBSERVER", address);
        command.env("DREICHOR_OBSERVER_ADDR", "127.0.0.1:0").env("DREICHOR_LOG_FORMAT", "json");
        command
    }
}
