//! The commands of docs/OBSERVER.md print what the page shows, and the page names all of the API.

mod support;

use dreichor_observer::document;
use support::Bench;
use support::page::{Checkout, Page};

#[test]
#[ignore = "needs curl and python3"]
fn each_example_can_be_tried_as_it_stands() {
    let bench = Bench::bare();
    let mut checkout = Checkout::new(&bench);
    checkout.follow(&Page::read("OBSERVER.md"));
}

/// Every path has its row, with its parameters; and so has every problem.
#[test]
fn the_tables_are_those_of_the_description() {
    let page = Page::read("OBSERVER.md").text;
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
