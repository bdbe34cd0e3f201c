//! Published trees and witnesses on the web.

use std::thread::sleep;
use std::time::Duration;

use ureq::Agent;

use crate::source::{SourceError, read_to};
use crate::witness::{Answer, Post};

/// How long a server is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// How long a request may take to be answered in full.
    pub request: Duration,
    /// The pauses before a request is tried again. After the last of them it has failed.
    pub pauses: [Duration; 3],
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_mins(1),
            pauses: [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)],
        }
    }
}

/// The longest answer of a witness, in bytes.
const ANSWER_BYTES_MAX: u64 = 1 << 16;

/// A published tree on the web.
#[derive(Debug)]
pub struct Web {
    prefix: String,
    agent: Agent,
    patience: Patience,
}

impl Web {
    /// The tree below this URL.
    pub fn new(url: &str, patience: Patience) -> Self {
        Self { prefix: url.trim_end_matches('/').to_owned(), agent: agent(&patience), patience }
    }

    /// Reads a file; none if the server has none. What may be a passing trouble is tried again, a few times.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, answers otherwise than 200 or 404, or sends more than `bytes_max` bytes.
    pub fn get(&self, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let url = format!("{}/{path}", self.prefix);
        let mut pauses = self.patience.pauses.iter();
        loop {
            let (problem, is_passing) = match self.try_get(&url, bytes_max) {
                Ok(found) => return Ok(found),
                Err(Failed::TooLong) => return Err(SourceError::too_long(url, bytes_max)),
                Err(Failed::Status(status)) if (300..400).contains(&status) => {
                    (format!("the server answered {status}, a redirect, and none is followed"), false)
                }
                Err(Failed::Status(status)) => (format!("the server answered {status}"), is_passing(status)),
                Err(Failed::Transport(problem)) => (problem, true),
            };
            match pauses.next().filter(|_| is_passing) {
                Some(pause) => sleep(*pause),
                None => return Err(SourceError::unreached(url, problem)),
            }
        }
    }

    fn try_get(&self, url: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Failed> {
        let answer = self.agent.get(url).call().map_err(|error| Failed::Transport(error.to_string()))?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            status => return Err(Failed::Status(status)),
        }
        let body = read_to(answer.into_body().into_reader(), bytes_max);
        body.map_err(|error| Failed::Transport(error.to_string()))?.map(Some).ok_or(Failed::TooLong)
    }
}

/// Why a request brought no file.
enum Failed {
    TooLong,
    Status(u16),
    Transport(String),
}

/// True for a status that another request may not get.
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// Sends requests to witnesses.
#[derive(Debug)]
pub struct Witnesses(Agent);

impl Default for Witnesses {
    fn default() -> Self {
        Self(agent(&Patience::default()))
    }
}

impl Post for Witnesses {
    fn post(&self, url: &str, body: &str) -> Result<Answer, String> {
        let answer = self.0.post(url).content_type("text/plain; charset=utf-8").send(body);
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = read_to(answer.into_body().into_reader(), ANSWER_BYTES_MAX);
        let body = body.map_err(|error| error.to_string())?.ok_or("its answer is too long")?;
        Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// Follows no redirect: a tree and a witness are where they are said to be.
fn agent(patience: &Patience) -> Agent {
    let config = Agent::config_builder()
        .timeout_connect(Some(patience.connect))
        .timeout_global(Some(patience.request))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("dreichor/", env!("CARGO_PKG_VERSION")));
    Agent::new_with_config(config.build())
}
