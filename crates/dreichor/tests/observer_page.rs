//! docs/OBSERVER.md names all of the API.

mod support;

use dreichor_observer::document;
use support::page::Page;

/// Every path has its row, with its parameters; and so has every problem.
#[test]
fn the_tables_are_those_of_the_description() {
    let page = Page::read("docs/OBSERVER.md").text;
    let row = |name: &str| {
        let cell = format!("| `{name}` |");
        let mut rows = page.lines().filter(|line| line.starts_with(&cell));
        rows.next().unwrap_or_else(|| panic!("no row begins with {cell}")).to_owned()
    };
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let row = row(path.trim_start_matches("/v1/observe"));
        let listed = row.split('|').nth(2).unwrap();
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            assert!(listed.contains(&format!("`{name}`")), "{name} is missing: {row}");
        }
    }
    for problem in
        document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"].as_array().unwrap()
    {
        row(problem.as_str().unwrap().trim_start_matches("urn:dreichor:problem:"));
    }
}
