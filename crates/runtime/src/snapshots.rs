//! The snapshot strategy: at which events a writer takes a snapshot.

use std::fmt;

use dreichor_core::Event;
use dreichor_core::event::Body;

/// The rule for when a writer takes a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotStrategy {
    /// At every ledger update.
    OnLedgerUpdate,
    /// At a ledger update, if this many events or more were recorded since the latest snapshot; at least 1.
    Every(u64),
    /// Only by the command `snapshot`.
    Manual,
}

impl SnapshotStrategy {
    /// Parses the value of `--snapshot-strategy`.
    ///
    /// # Errors
    ///
    /// Says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "on-ledger-update" => Some(Self::OnLedgerUpdate),
            "manual" => Some(Self::Manual),
            _ => text
                .strip_prefix("every:")
                .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .filter(|events| *events >= 1)
                .map(Self::Every),
        }
        .ok_or_else(|| "on-ledger-update, every:N (N from 1), or manual".into())
    }

    /// True if a snapshot must be taken after `event`, the last of `size` events, when the latest snapshot covers
    /// `latest` events (0: there is none).
    pub fn is_due(self, event: &Event<'_>, latest: u64, size: u64) -> bool {
        let is_update = matches!(event.body, Body::LedgerUpdated(_));
        is_update
            && size > latest
            && match self {
                Self::OnLedgerUpdate => true,
                Self::Every(events) => size - latest >= events,
                Self::Manual => false,
            }
    }
}

impl fmt::Display for SnapshotStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnLedgerUpdate => f.write_str("on-ledger-update"),
            Self::Every(events) => write!(f, "every:{events}"),
            Self::Manual => f.write_str("manual"),
        }
    }
}
