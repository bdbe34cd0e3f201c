//! Query parameters: each known one at most once, and every value by its rule.

use std::borrow::Cow;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use dreichor_core::value::Form;

use crate::problem::Problem;

/// The number of items in a page without `limit`.
pub(crate) const LIMIT: u64 = 100;
/// The greatest `limit`.
const LIMIT_MAX: u64 = 1000;

/// The greatest position in a store, cursor, or size of a tree in a request: all numbers of 18 digits.
pub(crate) const POSITION_MAX: u64 = 999_999_999_999_999_999;

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
            if given.iter().any(|(given, _)| given == name) {
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
        self.text(name)
            .map(|text| {
                T::parse(text.as_bytes())
                    .ok_or_else(|| Problem::parameter(name, format!("{name} must be {}", T::expected())))
            })
            .transpose()
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
    pub(crate) fn page(&self) -> Result<(u64, Place), Problem> {
        let limit = self.integer("limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT);
        let cursor = |name| self.integer(name, 0, POSITION_MAX);
        let place = match (cursor("before")?, cursor("after")?) {
            (None, None) => Place::Last,
            (Some(before), None) => Place::Before(before),
            (None, Some(after)) => Place::After(after),
            (Some(_), Some(_)) => {
                return Err(Problem::parameter("before", "before and after exclude each other"));
            }
        };
        Ok((limit, place))
    }

    /// A value that must be given.
    pub(crate) fn required<T>(name: &'static str, value: Option<T>) -> Result<T, Problem> {
        value.ok_or_else(|| Problem::parameter(name, format!("{name} must be given")))
    }
}

/// A segment of a path; an error if it is no text.
pub(crate) type Segment = Result<Path<String>, PathRejection>;

/// A value of the format in a path.
pub(crate) fn path_form<T: Form>(name: &'static str, segment: &Segment) -> Result<T, Problem> {
    let value = segment.as_ref().ok().and_then(|Path(text)| T::parse(text.as_bytes()));
    value.ok_or_else(|| Problem::parameter(name, format!("{name} must be {}", T::expected())))
}
