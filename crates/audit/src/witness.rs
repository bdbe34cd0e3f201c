//! Witnesses: the requests by which they cosign a checkpoint (C2SP tlog-witness).

use std::fmt;

use dreichor_core::Hash;
use dreichor_proof::trust::Witness;
use dreichor_proof::{AddCheckpoint, SignedCheckpoint};
use dreichor_replay::Error;

/// Sends a request to a witness.
pub trait Post {
    /// Sends `body` to `url` by POST; returns the status and the body of the answer.
    ///
    /// # Errors
    ///
    /// Why no answer came.
    fn post(&self, url: &str, body: &str) -> Result<Answer, String>;
}

/// The answer of a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// A witness that did not cosign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its name in the policy.
    pub name: String,
    /// Why, as far as it is known.
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "witness {}: {}", self.name, self.why)
    }
}

/// The longest part of a witness's answer that a message shows, in characters.
const SHOWN_MAX: usize = 200;

/// Asks `witness` for its cosignature. `old` is the size that it is expected to know; `path` computes the consistency
/// proof from a size, or none if the log is shorter. Returns the checkpoint with the cosignature added, or why there is
/// none.
///
/// # Errors
///
/// The log cannot be read.
pub fn cosign(
    checkpoint: &SignedCheckpoint,
    witness: &Witness<'_>,
    old: u64,
    path: impl Fn(u64) -> Result<Option<Vec<Hash>>, Error>,
    post: &impl Post,
) -> Result<Result<SignedCheckpoint, Refused>, Error> {
    let refused = |why: String| Ok(Err(Refused { name: witness.name.clone(), why }));
    let Some(url) = witness.url else {
        return refused("the policy gives no URL for it".into());
    };
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let mut old = old;
    // A witness that knows another size says which: that is asked once more.
    for is_last in [false, true] {
        let Some(path) = path(old)? else {
            return refused(format!("it knows {old} events, and the log has fewer"));
        };
        let request = AddCheckpoint { old, path, checkpoint: checkpoint.clone() };
        let answer = match post.post(&url, &request.to_string()) {
            Ok(answer) => answer,
            Err(why) => return refused(why),
        };
        match answer.status {
            200 => {
                return Ok(checkpoint.cosigned(&answer.body, witness.key).map_err(|why| Refused {
                    name: witness.name.clone(),
                    why: format!("its answer is not a cosignature: {why}"),
                }));
            }
            409 if !is_last => match answer.body.strip_suffix('\n').unwrap_or(&answer.body).parse() {
                Ok(known) => old = known,
                Err(_) => return refused("it answered 409 without the size that it knows".into()),
            },
            status => return refused(format!("it answered {status}: {}", shown(&answer.body))),
        }
    }
    refused("it knows another size at each request".into())
}

fn shown(body: &str) -> String {
    let short: String = body.trim().chars().take(SHOWN_MAX).collect();
    if short.is_empty() { "no reason given".into() } else { dreichor_core::fault::escaped(&short) }
}
