//! Members in snake_case: derived values have one encoder, the core's, whose names are those of the format. Over
//! HTTP, all but events is named in snake_case.

use serde_json::value::RawValue;

use crate::problem::Problem;

/// The same JSON, whose members' names that begin with a small letter are in snake_case. The text is canonical:
/// it has no white space between its tokens.
pub(crate) fn snake_case(canonical: &[u8]) -> Result<Box<RawValue>, Problem> {
    let mut out = Vec::with_capacity(canonical.len() + canonical.len() / 8);
    let mut rest = canonical;
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        let (before, from) = rest.split_at(start);
        let (string, behind) = from.split_at(string_length(from));
        out.extend_from_slice(before);
        let is_name = behind.first() == Some(&b':') && string.get(1).is_some_and(u8::is_ascii_lowercase);
        for byte in string {
            if is_name && byte.is_ascii_uppercase() {
                out.push(b'_');
            }
            out.push(if is_name { byte.to_ascii_lowercase() } else { *byte });
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
    raw(out)
}

/// JSON that is known to be well-formed, as a part of an answer.
pub(crate) fn raw(json: impl Into<Vec<u8>>) -> Result<Box<RawValue>, Problem> {
    let text = String::from_utf8(json.into()).map_err(|_| Problem::internal("text that is not UTF-8"))?;
    RawValue::from_string(text).map_err(|_| Problem::internal("JSON that is not well-formed"))
}

/// The length of the string at whose opening quote `text` starts, both quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut is_escaped = false;
    let behind_quote = text.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    behind_quote.map_or(text.len(), |at| at + 2)
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn only_names_change() {
        for (canonical, expected) in [
            (r#"{"treeSize":1,"rootHash":"aB"}"#, r#"{"tree_size":1,"root_hash":"aB"}"#),
            (r#"{"categories":{"RISK_COMFORT":0}}"#, r#"{"categories":{"RISK_COMFORT":0}}"#),
            (r#"{"a":"say \"bC\":","dE":null}"#, r#"{"a":"say \"bC\":","d_e":null}"#),
            (r#"{"a":"\\","bC":"\\\""}"#, r#"{"a":"\\","b_c":"\\\""}"#),
            ("[1,true]", "[1,true]"),
        ] {
            assert_eq!(snake_case(canonical.as_bytes()).unwrap().get(), expected);
        }
    }
}
