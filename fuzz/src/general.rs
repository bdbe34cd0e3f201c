//! JSON by a general parser: any white space, any escape, any order; nothing is known of the format here.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value; an object's members as they are written, repeats included.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Boolean(bool),
    Integer(u64),
    /// A number with a sign, a fraction or an exponent, or a greater one: the format knows none of them.
    OtherNumber,
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The one value that `line` holds.
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The value as a general writer puts it down: compact, in the order of its members.
    pub fn written(&self) -> Vec<u8> {
        let mut line = Vec::new();
        self.write(&mut line);
        line
    }

    fn write(&self, line: &mut Vec<u8>) {
        match self {
            Self::Null => line.extend(b"null"),
            Self::Boolean(value) => line.extend(value.to_string().bytes()),
            Self::Integer(value) => line.extend(value.to_string().bytes()),
            // No line of the format is written like this.
            Self::OtherNumber => line.extend(b"-0.5e0"),
            Self::Text(text) => write_text(text, line),
            Self::Array(items) => {
                line.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        line.push(b',');
                    }
                    item.write(line);
                }
                line.push(b']');
            }
            Self::Object(members) => {
                line.push(b'{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        line.push(b',');
                    }
                    write_text(name, line);
                    line.push(b':');
                    value.write(line);
                }
                line.push(b'}');
            }
        }
    }

    /// The members of an object.
    pub fn members(&self) -> Option<&[(String, Json)]> {
        match self {
            Self::Object(members) => Some(members),
            Self::Null
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::OtherNumber
            | Self::Text(_)
            | Self::Array(_) => None,
        }
    }

    /// The first member of this name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members()?.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::OtherNumber
            | Self::Array(_)
            | Self::Object(_) => None,
        }
    }

    /// The same value with the members of every object the other way round.
    #[must_use]
    pub fn reversed(&self) -> Self {
        match self {
            Self::Object(members) => Self::Object(
                members.iter().rev().map(|(name, value)| (name.clone(), value.reversed())).collect(),
            ),
            Self::Array(items) => Self::Array(items.iter().map(Self::reversed).collect()),
            Self::Null | Self::Boolean(_) | Self::Integer(_) | Self::OtherNumber | Self::Text(_) => {
                self.clone()
            }
        }
    }
}

fn write_text(text: &str, line: &mut Vec<u8>) {
    serde_json::to_writer(line, text).expect("a string can be written");
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visit)
    }
}

struct Visit;

impl<'de> Visitor<'de> for Visit {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Boolean(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Json::Object(object))
    }
}
