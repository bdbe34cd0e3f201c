//! JSON Schemas (2020-12) of values and shapes, from the declarations by which they are written and read.
//!
//! A schema cannot say everything: numbers are written without sign, fraction and exponent, a member occurs once, a
//! comment is limited in bytes, and a line is as long as the format allows.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::any::type_name;

use crate::canonical::write_string;
use crate::value::Spelled;

/// A type whose values have a schema.
pub trait Schema {
    /// The schema of the values.
    fn schema() -> String;
}

/// The members of an object, in order: the name and the schema of each.
pub type Members = Vec<(&'static str, String)>;

/// An enumeration, by its name and the spelling of its members.
impl<T: Spelled> Schema for T {
    fn schema() -> String {
        let path = type_name::<T>();
        let name = path.rsplit("::").next().unwrap_or(path);
        let spellings: Vec<&str> = T::ALL.iter().map(|member| member.as_str()).collect();
        format!("{{\"title\":\"{name}\",\"enum\":[\"{}\"]}}", spellings.join("\",\""))
    }
}

impl<T: Schema> Schema for Option<T> {
    fn schema() -> String {
        or_null(&T::schema())
    }
}

/// Any text.
impl Schema for &str {
    fn schema() -> String {
        "{\"type\":\"string\"}".into()
    }
}

impl Schema for bool {
    fn schema() -> String {
        "{\"type\":\"boolean\"}".into()
    }
}

impl Schema for u64 {
    fn schema() -> String {
        integer(0)
    }
}

/// The schema of an integer of the format that is at least `min`.
pub(crate) fn integer(min: u64) -> String {
    format!("{{\"type\":\"integer\",\"minimum\":{min},\"maximum\":{}}}", crate::value::INTEGER_MAX)
}

/// The schema of one text.
pub(crate) fn constant(text: &str) -> String {
    format!("{{\"const\":\"{text}\"}}")
}

/// Adds a description, which is the documentation of a declaration, to a schema.
pub fn described(schema: &str, description: &str) -> String {
    let mut text = Vec::new();
    write_string(&mut text, description.trim());
    let text = String::from_utf8_lossy(&text);
    format!("{{\"description\":{text},{}", schema.trim_start_matches('{'))
}

/// A schema as a document of its own.
pub fn document(title: &str, schema: &str) -> String {
    format!(
        "{{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"{title}\",{}",
        schema.trim_start_matches('{')
    )
}

/// The schema of a value that may be missing.
pub fn or_null(schema: &str) -> String {
    format!("{{\"anyOf\":[{schema},{{\"type\":\"null\"}}]}}")
}

/// The schema of a list of such values.
pub fn array(items: &str) -> String {
    format!("{{\"type\":\"array\",\"items\":{items}}}")
}

/// The schema of an object with exactly these members.
pub fn object(members: &[(&'static str, String)]) -> String {
    let properties: Vec<String> =
        members.iter().map(|(name, schema)| format!("\"{name}\":{schema}")).collect();
    let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    format!(
        "{{\"type\":\"object\",\"properties\":{{{}}},\"required\":[\"{}\"],\"additionalProperties\":false}}",
        properties.join(","),
        names.join("\",\"")
    )
}

/// The schema of a value that has exactly one of these.
pub fn one_of(schemas: &[String]) -> String {
    format!("{{\"oneOf\":[{}]}}", schemas.join(","))
}
