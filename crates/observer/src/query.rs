//! Query parameters: each known one at most once, and every value by its rule.

use std::borrow::Cow;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::HeaderValue;
use dreichor_core::value::{Form, INTEGER_MAX};
use dreichor_explain::funnel;

use crate::form::Cursor;
use crate::problem::Problem;
use crate::source::Asked;

/// The number of items in a page without `limit`.
pub(crate) const LIMIT: usize = 100;
/// The greatest `limit`.
const LIMIT_MAX: usize = 1000;

/// The greatest position in a store, cursor, or size of a tree in a request: all numbers of 18 digits.
pub(crate) const POSITION_MAX: u64 = 999_999_999_999_999_999;

/// Conditions that may be given several times: any of them is enough.
const REPEATED: [&str; 7] =
    ["type", "decisionId", "marketId", "strategyInstanceId", "outcome", "reason", "parameterPoolId"];

/// The place of a requested page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// At the end.
    Last,
    Before(u64),
    After(u64),
}

impl Place {
    /// The problem of a cursor that is no position.
    pub(crate) fn is_nowhere(self) -> Problem {
        let name = match self {
            Self::Last | Self::Before(_) => "before",
            Self::After(_) => "after",
        };
        Problem::parameter(name, format!("{name} must be a cursor from an answer, or 0"))
    }
}

/// Where a page of things that have a key is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key<K> {
    /// At the beginning.
    First,
    Before(K),
    After(K),
}

/// Some of all items, in the order of their keys.
pub(crate) struct Cut<'i, T, K> {
    pub(crate) items: &'i [T],
    /// The cursors of what follows and what precedes; none: nothing does.
    pub(crate) next: Option<K>,
    pub(crate) previous: Option<K>,
}

impl<K: Ord + Copy> Key<K> {
    /// Cuts at most `limit` items out of all, which are in the order of their keys.
    pub(crate) fn cut<T>(self, all: &[T], limit: usize, key: impl Fn(&T) -> K) -> Cut<'_, T, K> {
        let (start, end) = match self {
            Self::First => (0, limit),
            Self::Before(cursor) => {
                let end = all.partition_point(|item| key(item) < cursor);
                (end.saturating_sub(limit), end)
            }
            Self::After(cursor) => {
                let start = all.partition_point(|item| key(item) <= cursor);
                (start, start.saturating_add(limit))
            }
        };
        let items = all.get(start..end.min(all.len())).unwrap_or_default();
        Cut {
            items,
            next: items.last().map(&key).filter(|_| end < all.len()),
            previous: items.first().map(&key).filter(|_| start > 0),
        }
    }
}

/// The parameters of one request.
pub(crate) struct Query<'q> {
    given: Vec<(&'static str, Cow<'q, str>)>,
}

impl<'q> Query<'q> {
    /// Parses the query of a URL (`application/x-www-form-urlencoded`), of which only `known` names may be given.
    pub(crate) fn parse(query: Option<&'q str>, known: &[&'static str]) -> Result<Self, Problem> {
        let mut given: Vec<(&'static str, Cow<'q, str>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(name) = known.iter().find(|known| **known == name) else {
                let name: String = name.chars().take(40).flat_map(char::escape_default).collect();
                let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                let detail = format!("{name} is unknown; the parameters of this path: {known}");
                return Err(Problem::parameter(name, detail));
            };
            if !REPEATED.contains(name) && given.iter().any(|(given, _)| given == name) {
                return Err(Problem::parameter(*name, format!("{name} is given twice")));
            }
            given.push((name, value));
        }
        Ok(Self { given })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| &**value)
    }

    /// A value of the format, by its own rule.
    pub(crate) fn form<T: Form>(&self, name: &'static str) -> Result<Option<T>, Problem> {
        self.text(name).map(|text| parse(name, text)).transpose()
    }

    /// All values of a parameter that may be given several times, each by its rule.
    pub(crate) fn forms<T: Form>(&self, name: &'static str) -> Result<Vec<T>, Problem> {
        let texts = self.given.iter().filter(|(given, _)| *given == name);
        texts.map(|(_, text)| parse(name, text)).collect()
    }

    /// The names of reasons that are asked for.
    pub(crate) fn reasons(&self) -> Result<Vec<String>, Problem> {
        let asked =
            self.given.iter().filter(|(given, _)| *given == "reason").map(|(_, text)| text.to_string());
        let is_known = |asked: &String| funnel::reasons().any(|reason| reason == asked);
        let asked: Vec<String> = asked.collect();
        if asked.iter().all(is_known) {
            return Ok(asked);
        }
        let known: Vec<&str> = funnel::reasons().collect();
        Err(Problem::parameter("reason", format!("reason must be one of {}", known.join(" "))))
    }

    /// The least and the greatest logical time that are asked for, both included.
    pub(crate) fn times(&self) -> Result<(Option<u64>, Option<u64>), Problem> {
        let time = |name| self.integer(name, 0, INTEGER_MAX);
        let (from, to) = (time("from")?, time("to")?);
        match (from, to) {
            (Some(from), Some(to)) if from > to => {
                Err(Problem::parameter("from", "from must be at most to".to_owned()))
            }
            times => Ok(times),
        }
    }

    /// What links to other pages of the same begin with, if the request asks for lines.
    pub(crate) fn links(&self, asked: Asked) -> Option<Links> {
        if !asked.is_for_lines {
            return None;
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.given.iter().filter(|(name, _)| !["before", "after"].contains(name)) {
            query.append_pair(name, value);
        }
        let query = query.finish();
        Some(Links(if query.is_empty() { query } else { query + "&" }))
    }

    /// A page by keys: `limit`, and `before` or `after`.
    pub(crate) fn page_by_key<K: Form>(&self) -> Result<(usize, Key<K>), Problem> {
        let limit = self.limit()?;
        match (self.form("before")?, self.form("after")?) {
            (None, None) => Ok((limit, Key::First)),
            (Some(before), None) => Ok((limit, Key::Before(before))),
            (None, Some(after)) => Ok((limit, Key::After(after))),
            (Some(_), Some(_)) => Err(Self::both()),
        }
    }

    /// The most items of a page.
    fn limit(&self) -> Result<usize, Problem> {
        let Some(limit) = self.integer("limit", 1, LIMIT_MAX as u64)? else { return Ok(LIMIT) };
        // It is at most LIMIT_MAX.
        usize::try_from(limit).map_err(|_| Problem::internal("a limit that is no size"))
    }

    fn both() -> Problem {
        Problem::parameter("before", "before and after exclude each other")
    }

    /// A whole number of decimal digits, without sign or leading zero.
    pub(crate) fn integer(&self, name: &'static str, min: u64, max: u64) -> Result<Option<u64>, Problem> {
        self.text(name)
            .map(|text| {
                let is_canonical =
                    text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
                let number = text.parse().ok().filter(|number| is_canonical && (min..=max).contains(number));
                number.ok_or_else(|| {
                    Problem::parameter(name, format!("{name} must be a whole number from {min} to {max}"))
                })
            })
            .transpose()
    }

    /// The number and place of the requested items: `limit`, and `before` or `after`.
    pub(crate) fn page(&self) -> Result<(usize, Place), Problem> {
        let limit = self.limit()?;
        let cursor = |name| self.integer(name, 0, POSITION_MAX);
        let place = match (cursor("before")?, cursor("after")?) {
            (None, None) => Place::Last,
            (Some(before), None) => Place::Before(before),
            (None, Some(after)) => Place::After(after),
            (Some(_), Some(_)) => return Err(Self::both()),
        };
        Ok((limit, place))
    }

    /// A value that must be given.
    pub(crate) fn required<T>(name: &'static str, value: Option<T>) -> Result<T, Problem> {
        value.ok_or_else(|| Problem::parameter(name, format!("{name} must be given")))
    }
}

fn parse<T: Form>(name: &'static str, text: &str) -> Result<T, Problem> {
    let value = T::parse(text.as_bytes());
    value.ok_or_else(|| Problem::parameter(name, format!("{name} must be {}", T::expected())))
}

/// A segment of a path; an error if it is no text.
pub(crate) type Segment = Result<Path<String>, PathRejection>;

/// The query of a page without its cursor.
#[derive(Debug, Clone)]
pub(crate) struct Links(String);

impl Links {
    /// The links (RFC 8288) to the pages at these cursors.
    pub(crate) fn header(&self, next: Cursor, previous: Option<Cursor>) -> Result<HeaderValue, Problem> {
        let link = |name: &str, cursor: Cursor, relation: &str| {
            format!("<?{}{name}={}>; rel=\"{relation}\"", self.0, cursor.0)
        };
        let next = link("after", next, "next");
        let links = match previous {
            Some(previous) => next + ", " + &link("before", previous, "prev"),
            None => next,
        };
        HeaderValue::from_str(&links).map_err(|_| Problem::internal("a link that is no header"))
    }
}

/// A value of the format in a path.
pub(crate) fn path_form<T: Form>(name: &'static str, segment: &Segment) -> Result<T, Problem> {
    let value = segment.as_ref().ok().and_then(|Path(text)| T::parse(text.as_bytes()));
    value.ok_or_else(|| Problem::parameter(name, format!("{name} must be {}", T::expected())))
}
