//! Examples at the end of each command's help.

use clap::Command;

/// Each command with one or two examples.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("init", &["dreichor -d data init"]),
    ("run", &["dreichor -d data run", "dreichor -d data run --observer-addr off"]),
    ("observe", &["dreichor -d copy observe", "dreichor -d copy observe --observer-addr 127.0.0.1:4711"]),
    ("ingest", &["dreichor -d data ingest inputs.ndjson", "strategy | dreichor -d data ingest"]),
    ("snapshot", &["dreichor -d data snapshot"]),
    ("status", &["dreichor -d data status"]),
    ("decisions", &["dreichor -d data decisions -n 50", "dreichor -d data decisions --outcome blocked -f"]),
    ("summary", &["dreichor -d data summary --by instance"]),
    (
        "whatif",
        &[
            "dreichor -d data whatif --pool cautious@v1 --diff",
            "dreichor -d data whatif --ignore-gates --from 100",
        ],
    ),
    ("replay", &["dreichor -d data replay > receipt.txt", "dreichor -d data replay --expect receipt.txt"]),
    (
        "verify",
        &["dreichor -d data verify", "dreichor -d data verify --checkpoint kept.txt --public-key log.pub"],
    ),
    ("events", &["dreichor -d data events -n 10", "dreichor -d data events --type LEDGER_UPDATED -f"]),
    ("explain", &["dreichor -d data explain 9ae3", "dreichor -d data explain 27ac@3"]),
    ("state", &["dreichor -d data state ledger", "dreichor -d data state memory --at-time 1000"]),
    ("checkpoint", &["dreichor -d data checkpoint --key log.key > checkpoint.txt"]),
    ("key", &["dreichor key generate --origin example.org/log --out log.key > log.pub"]),
    (
        "prove",
        &[
            "dreichor -d data prove inclusion 9ae3 --checkpoint checkpoint.txt > proof.txt",
            "dreichor -d data prove consistency --from old.txt --checkpoint checkpoint.txt",
        ],
    ),
    (
        "check",
        &["dreichor check proof.txt --public-key log.pub", "dreichor check checkpoint.txt --policy policy"],
    ),
    ("salvage", &["dreichor -d data salvage --out salvaged"]),
    (
        "publish",
        &["dreichor -d data publish public --key log.key", "dreichor -d data publish public --status"],
    ),
    ("clone", &["dreichor clone https://example.org/log --public-key log.pub --out copy"]),
    ("migrate", &["dreichor migrate status --database-url postgres://localhost/dreichor"]),
    ("demo", &["dreichor demo --dir demo", "dreichor demo --serve"]),
    ("completions", &["dreichor completions bash > dreichor.bash"]),
    ("schema", &["dreichor schema > input.schema.json", "dreichor schema events > event.schema.json"]),
    ("man", &["dreichor man ingest > dreichor-ingest.1"]),
];

/// Adds its examples to each command.
pub(crate) fn add_to(program: Command) -> Command {
    program.mut_subcommands(|command| {
        let examples = EXAMPLES.iter().find(|(name, _)| *name == command.get_name());
        match examples {
            Some((_, lines)) => command.after_help(format!("Examples:\n  {}", lines.join("\n  "))),
            None => command,
        }
    })
}
