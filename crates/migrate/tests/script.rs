//! Scripts are cut where the server would cut them, and statements that no migration may have are seen.

use dreichor_migrate::script::{Unfit, statements};

/// The statements of `script`, each as `line: text`.
#[track_caller]
fn check(script: &str, expected: &[&str]) {
    let found = statements(script);
    let shown: Vec<String> = found.iter().map(|found| format!("{}: {}", found.line, found.text)).collect();
    assert_eq!(shown, expected, "{script:?}");
    for statement in found {
        assert!(script.contains(statement.text));
    }
}

#[test]
fn statements_end_at_semicolons_that_separate() {
    check("", &[]);
    check(" \n-- a; b\n/* c; /* d; */ ; */ ;;", &[]);
    check("SELECT 1", &["1: SELECT 1"]);
    check("SELECT 1;\nSELECT 2 ;\n\n  SELECT\n3;", &["1: SELECT 1", "2: SELECT 2", "4: SELECT\n3"]);
    check("-- first\r\nSELECT 1; -- and\nSELECT 2", &["2: SELECT 1", "3: SELECT 2"]);
    check("SELECT '; '';', \";\"\";\"; x", &["1: SELECT '; '';', \";\"\";\"", "1: x"]);
    check(
        r"SELECT '\'; SELECT E'\';'; SELECT e'\\'; y",
        &[r"1: SELECT '\'", r"1: SELECT E'\';'", r"1: SELECT e'\\'", "1: y"],
    );
    // A word that ends in e begins no text with escapes.
    check(r"SELECT type'\'; y", &[r"1: SELECT type'\'", "1: y"]);
    check("DO $$;\n$a$;$$; DO $a$;$$;\n$a$; y", &["1: DO $$;\n$a$;$$", "2: DO $a$;$$;\n$a$", "3: y"]);
    check("SELECT $1;$2; a$b$;c$b$", &["1: SELECT $1", "1: $2", "1: a$b$", "1: c$b$"]);
    check("DO $é$;$é$; y", &["1: DO $é$;$é$", "1: y"]);
    check(
        "CREATE RULE r AS ON DELETE TO t DO (a; (b); c); y",
        &["1: CREATE RULE r AS ON DELETE TO t DO (a; (b); c)", "1: y"],
    );
    let body = "begin atomic\n SELECT case WHEN a THEN b end; SELECT (1); END";
    for create in ["create function f()", "CREATE OR REPLACE PROCEDURE p(a int)"] {
        check(&format!("{create} {body}; y"), &[&format!("1: {create} {body}"), "2: y"]);
    }
    // What is not closed reaches to the end, and the server says so.
    for open in ["SELECT 'a;", "SELECT \"a;", "DO $$;", "DO $a$ $$;", "SELECT (1; SELECT 2"] {
        check(open, &[&format!("1: {open}")]);
    }
    check("SELECT 1 /* ; /* */", &["1: SELECT 1 /* ; /* */"]);
}

#[test]
fn positions_are_of_characters() {
    let script = "\n\nSELECT 'ä€𝄞',\n  x";
    let found = statements(script);
    for (position, line) in [(0, 3), (1, 3), (14, 3), (15, 4), (17, 4), (999, 4)] {
        assert_eq!(found[0].line_at(position), line, "{position}");
    }
}

#[test]
fn what_no_migration_may_have_is_seen() {
    use Unfit::{ClientCopy, TransactionControl};
    let cases = [
        ("begin", Some(TransactionControl)),
        ("/* x */ Begin Transaction", Some(TransactionControl)),
        ("START TRANSACTION", Some(TransactionControl)),
        ("COMMIT", Some(TransactionControl)),
        ("commit prepared 'x'", Some(TransactionControl)),
        ("END", Some(TransactionControl)),
        ("ROLLBACK TO x", Some(TransactionControl)),
        ("ABORT", Some(TransactionControl)),
        ("SAVEPOINT x", Some(TransactionControl)),
        ("RELEASE x", Some(TransactionControl)),
        ("PREPARE -- a\n TRANSACTION 'x'", Some(TransactionControl)),
        ("PREPARE x AS SELECT 1", None),
        ("COPY t (a) FROM stdin", Some(ClientCopy)),
        ("COPY t TO STDOUT", Some(ClientCopy)),
        ("COPY t FROM '/stdin'", None),
        ("SELECT 'COMMIT'", None),
        ("\"begin\"", None),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", None),
    ];
    for (script, unfit) in cases {
        let found = statements(script);
        assert_eq!(found.len(), 1, "{script}");
        assert_eq!(found[0].unfit, unfit, "{script}");
        let behind = format!("SELECT 1; {script}; SELECT 2");
        assert_eq!(statements(&behind)[1].unfit, unfit, "{behind}");
    }
}
