//! The modules of the page as one script. A browser fetches one answer sooner than twenty-five.
//!
//! Each module becomes a function that returns what it exports; its imports become the constants of others, which come before
//! it. Modules must not import each other in a circle, and each `import` and `export` begins a line or follows `;` or `}`.

use std::fmt::Write as _;

/// What modules are without saying so.
const STRICT: &str = "\"use strict\";\n";

/// A module that is not there, or a statement of another form than those of [`joined`].
#[derive(Debug)]
pub(crate) struct NotJoined;

/// The script that does what the module of this name does, with all that it imports. `modules`: names and texts.
/// `packages`: the name of a module for each name that is no path.
///
/// The statements may be `import { a, b as c } from "…";`, `import a from "…";`, `export { a, b as c };`,
/// `export default …`, and `export` before a `const`, a `function` or a `class`.
pub(crate) fn joined(
    name: &str,
    modules: &[(&str, &str)],
    packages: &[(&str, &str)],
) -> Result<String, NotJoined> {
    let mut joining = Joining { modules, packages, names: Vec::new(), script: STRICT.into() };
    joining.add(name.to_owned())?;
    Ok(joining.script)
}

struct Joining<'p> {
    modules: &'p [(&'p str, &'p str)],
    packages: &'p [(&'p str, &'p str)],
    /// The modules that are in the script: each is a constant with its place here as its number.
    names: Vec<String>,
    script: String,
}

impl Joining<'_> {
    /// Puts a module into the script, unless it is there, after those that it imports. Gives its constant.
    fn add(&mut self, name: String) -> Result<String, NotJoined> {
        if let Some(place) = self.names.iter().position(|known| *known == name) {
            return Ok(constant(place));
        }
        let (_, mut rest) = *self.modules.iter().find(|(known, _)| *known == name).ok_or(NotJoined)?;
        let mut body = String::new();
        while let Some((before, statement)) = split(rest, "import") {
            let (statement, after) = statement.split_once(';').ok_or(NotJoined)?;
            let (imported, from) = statement.rsplit_once("from").ok_or(NotJoined)?;
            let module = self.add(self.resolve(&name, from.trim().trim_matches('"')))?;
            body.push_str(before);
            let imported = match imported.trim() {
                list if list.starts_with('{') => list.replace(" as ", ": "),
                default => format!("{{ default: {default} }}"),
            };
            let _ = write!(body, "const {imported} = {module};");
            rest = after;
        }
        body.push_str(rest);
        let (body, exported) = without_exports(&body)?;
        let module = constant(self.names.len());
        self.names.push(name);
        let _ = writeln!(self.script, "const {module} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();");
        Ok(module)
    }

    /// The name of the module that another one imports.
    fn resolve(&self, importer: &str, from: &str) -> String {
        let dir = importer.rsplit_once('/').map_or("", |(dir, _)| dir);
        match self.packages.iter().find(|(package, _)| *package == from) {
            Some((_, name)) => (*name).to_owned(),
            // Directories are one level deep.
            None => match from.strip_prefix("./") {
                Some(beside) if !dir.is_empty() => format!("{dir}/{beside}"),
                Some(beside) => beside.to_owned(),
                None => from.trim_start_matches("../").to_owned(),
            },
        }
    }
}

fn constant(place: usize) -> String {
    format!("module{place}")
}

/// What is before the first statement that begins with this word, and what is after the word.
fn split<'t>(text: &'t str, word: &str) -> Option<(&'t str, &'t str)> {
    text.match_indices(word).filter_map(|(at, _)| Some((text.get(..at)?, text.get(at + word.len()..)?))).find(
        |(before, after)| {
            (before.is_empty() || before.ends_with(['\n', ';', '}'])) && after.starts_with([' ', '{'])
        },
    )
}

/// The text with its declarations as they are, but not exported, and the members of an object with all that was.
fn without_exports(text: &str) -> Result<(String, String), NotJoined> {
    let (mut body, mut exported) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some((before, statement)) = split(rest, "export") {
        body.push_str(before);
        rest = statement.trim_start();
        if let Some(list) = rest.strip_prefix('{') {
            let (list, after) = list.split_once('}').ok_or(NotJoined)?;
            exported.extend(list.split(',').map(|one| match one.trim().split_once(" as ") {
                Some((local, name)) => format!("{name}: {local}"),
                None => one.trim().to_owned(),
            }));
            rest = after;
        } else if let Some(value) = rest.strip_prefix("default ") {
            exported.push("default: value".to_owned());
            body.push_str("const value = ");
            rest = value;
        } else {
            let mut words = rest
                .split(|character: char| !character.is_alphanumeric() && character != '_')
                .skip_while(|word| *word == "async");
            words.next().filter(|word| ["const", "function", "class"].contains(word)).ok_or(NotJoined)?;
            exported.push(words.next().ok_or(NotJoined)?.to_owned());
        }
    }
    body.push_str(rest);
    Ok((body, exported.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULES: &[(&str, &str)] = &[
        (
            "app.js",
            "import { one, two as other } from \"./parts/some.js\";\nimport it from \"all\";\n\nit(one, other);\n",
        ),
        (
            "parts/some.js",
            "import{it as own}from\"../own.js\";export const one = own;\nexport async function two() {}\n",
        ),
        (
            "own.js",
            "const a = 1; // Not to export.\nclass B {}export{a as it,B};\nexport class C extends B {}\n",
        ),
        ("vendor/all.mjs", "var n;export default function(...all){return n}\n"),
        ("app.min.js", "importedFrom();\nexport let a = 1;\nconst b = 2;\n"),
        ("lone.js", "import { a } from \"./nothing.js\";\n"),
        ("open.js", "export { a, b"),
    ];

    const PACKAGES: &[(&str, &str)] = &[("all", "vendor/all.mjs")];

    #[test]
    fn each_module_comes_once_after_those_that_it_imports() {
        let script = joined("app.js", MODULES, PACKAGES).unwrap();
        let expected = "\
\"use strict\";
const module0 = (() => {
const a = 1; // Not to export.
class B {};
class C extends B {}

return { it: a, B, C };
})();
const module1 = (() => {
const {it: own} = module0;const one = own;
async function two() {}

return { one, two };
})();
const module2 = (() => {
var n;const value = function(...all){return n}

return { default: value };
})();
const module3 = (() => {
const { one, two: other } = module1;
const { default: it } = module2;

it(one, other);

return {  };
})();
";
        assert_eq!(script, expected);
    }

    #[test]
    fn what_cannot_be_joined_is_refused() {
        for name in ["app.min.js", "lone.js", "open.js", "none.js"] {
            assert!(joined(name, MODULES, PACKAGES).is_err(), "{name}");
        }
    }
}
