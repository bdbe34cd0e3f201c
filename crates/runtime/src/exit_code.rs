//! The exit codes of this project's programs.

use std::process;

use strum::VariantArray;

/// Why a process ended. Help, manual and documents list these codes from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
#[repr(u8)]
pub enum ExitCode {
    /// The work is done.
    Done = 0,
    /// A bug in the program.
    Internal = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// `salvage` is done, and left lines out.
    LeftOut = 3,
    /// The id is not in the log.
    NotFound = 4,
    /// The stores cannot be opened, or changed under the writer.
    Unavailable = 10,
    /// Another writer holds the log.
    Locked = 11,
    /// The stores break the contract.
    Malformed = 12,
    /// A write or sync failed.
    InDoubt = 13,
    /// An input could not be read, or an output could not be written.
    Undelivered = 14,
    /// An input was rejected.
    Rejected = 20,
    /// The log is not what was expected.
    VerificationFailed = 21,
    /// The database refused.
    Database = 30,
    /// A source or witness could not be reached.
    Unreached = 31,
    /// SIGINT: 128 and the number of the signal.
    Interrupted = 130,
    /// SIGTERM: 128 and the number of the signal.
    Terminated = 143,
}

impl ExitCode {
    /// All codes, in ascending order.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The number that the process ends with.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The meaning of the code, for help and documents.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Internal => "internal error: a bug",
            Self::Usage => "usage or configuration",
            Self::LeftOut => "`salvage` is done, and left out lines",
            Self::NotFound => "the id is not in the log",
            Self::Unavailable => {
                "persistence unavailable: a directory or file is missing, not writable, or of the wrong kind; or a file was replaced, linked, removed or resized under the writer"
            }
            Self::Locked => "another writer holds the log",
            Self::Malformed => "persistence malformed: the log or the snapshots break the contract",
            Self::InDoubt => "a write or sync failed; what is not acknowledged may or may not be on disk",
            Self::Undelivered => {
                "the input could not be read to its end, or an acknowledgement or result could not be delivered"
            }
            Self::Rejected => "input rejected",
            Self::VerificationFailed => "verification failed",
            Self::Database => "database unreachable, or a migration failed",
            Self::Unreached => "a source or a witness could not be reached, or a quorum was not met",
            Self::Interrupted => "interrupted by SIGINT; `ingest` finishes the pending batch first",
            Self::Terminated => "interrupted by SIGTERM; `ingest` finishes the pending batch first",
        }
    }

    /// The next step, for documents.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Done => "nothing",
            Self::Internal => "report it, with the message",
            Self::Usage => "fix what the message lists",
            Self::LeftOut => "read the report: it names the lines, and why",
            Self::NotFound => "check the id, and that it belongs to this log",
            Self::Unavailable => {
                "check the volume and the paths; find out what changed the file; with `--sandbox require`, check the kernel"
            }
            Self::Locked => "wait for the other writer, or stop it",
            Self::Malformed => {
                "[copy both directories, then `salvage`](#when-the-stores-are-malformed-12); the message names file, line, byte and rule"
            }
            Self::InDoubt => {
                "check the disk; start again; send what was not acknowledged. The next start writes missing snapshots. `salvage`: remove the copy, name another directory"
            }
            Self::Undelivered => "send again: the pending batch is recorded, with its snapshots",
            Self::Rejected => "fix the line; send again",
            Self::VerificationFailed => {
                "`verify` has findings, the log does not extend what was kept, or a signature or proof does not hold: find out who changed what"
            }
            Self::Database => {
                "fix it, or unset `--database-url`; for `migrate` see [DATABASE.md](DATABASE.md#what-is-refused)"
            }
            Self::Unreached => "check the URL and the network, then try again",
            Self::Interrupted | Self::Terminated => {
                "nothing: what was read is durable and acknowledged. `run` exits 0 on both signals"
            }
        }
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}
