//! The runner on a real PostgreSQL: what it applies, what it refuses, and that nothing half applied stays.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{Bench, Cluster, LOCKS_42, MIGRATE, OWNER, Outcome, PASSWORD, run};

const MARKETS: (&str, &str) = ("001_markets.sql", "CREATE TABLE markets (id text PRIMARY KEY);\n");
const ORDERS: (&str, &str) = (
    "002_orders.sql",
    "CREATE TABLE orders (id int PRIMARY KEY, market text NOT NULL REFERENCES markets);\nINSERT INTO markets VALUES ('ETHBTC');\n",
);
const NOTES: (&str, &str) = ("003_notes.sql", "CREATE TABLE notes (note text);\n");

/// The states that `status --json` shows, as `number name state`.
fn states(status: &Outcome) -> Vec<String> {
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let shown = |entry: &Value| {
        let name = entry["name"].as_str().unwrap_or("-");
        format!("{} {name} {}", entry["number"], entry["state"].as_str().unwrap())
    };
    status["migrations"].as_array().unwrap().iter().map(shown).collect()
}

/// The command ends with 30 and names these facts, and the database is as it was.
#[track_caller]
fn refuses(bench: &Bench, arguments: &[&str], facts: &[&str]) -> Outcome {
    let before = bench.dump();
    let outcome = bench.run(arguments).expect(30).names(facts).names(&["next: "]);
    assert_eq!(bench.dump(), before);
    outcome
}

#[test]
#[ignore = "needs PostgreSQL"]
fn migrations_are_applied_in_order_and_once() {
    let bench = Bench::new(&Cluster::get(), &[MARKETS, ORDERS]);
    let empty = bench.dump();
    let status = bench.run(&["status", "--json"]).expect(0);
    assert_eq!(states(&status), ["1 markets pending", "2 orders pending"]);
    assert_eq!(bench.dump(), empty, "status writes nothing");

    assert_eq!(bench.run(&["apply"]).expect(0).stdout.lines().count(), 2);
    assert_eq!(bench.tables(), "public.markets public.orders");
    let applied = bench.dump();
    bench.run(&["apply"]).expect(0);
    assert_eq!(bench.dump(), applied);

    bench.put(NOTES.0, NOTES.1);
    let status = bench.run(&["status", "--json"]).expect(0);
    assert_eq!(states(&status), ["1 markets applied", "2 orders applied", "3 notes pending"]);
    let printed: Value = serde_json::from_str(&bench.run(&["apply", "--json"]).expect(0).stdout).unwrap();
    assert_eq!(printed, json!({"number": 3, "name": "notes", "state": "applied"}));
    assert_eq!(bench.run(&["apply", "--json"]).expect(0).stdout, "");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_directory_without_migrations_writes_nothing() {
    let bench = Bench::new(&Cluster::get(), &[("README.md", "# Migrations\n"), (".gitkeep", "")]);
    let empty = bench.dump();
    assert_eq!(states(&bench.run(&["status", "--json"]).expect(0)), Vec::<String>::new());
    bench.run(&["apply"]).expect(0);
    assert_eq!(bench.dump(), empty);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn files_that_contradict_the_records_are_refused() {
    type Change = fn(&Bench);
    let cluster = Cluster::get();
    let cases: [(Change, &[&str]); 6] = [
        (|bench| bench.put(MARKETS.0, &format!("{}-- more\n", MARKETS.1)), &["1 markets edited"]),
        // A line end is a byte.
        (|bench| bench.put(MARKETS.0, &MARKETS.1.replace('\n', "\r\n")), &["1 markets edited"]),
        (|bench| bench.remove(ORDERS.0), &["2 - missing"]),
        (|bench| bench.put("003_between.sql", "SELECT 1"), &["3 between inserted"]),
        (|bench| bench.rename("004_notes.sql", "003_notes.sql"), &["3 notes inserted", "4 - missing"]),
        (|bench| bench.put("005_again.sql", "SELECT 1"), &["5 again pending", "5 more repeated"]),
    ];
    for (change, expected) in cases {
        let bench = Bench::new(&cluster, &[MARKETS, ORDERS, ("004_notes.sql", NOTES.1)]);
        bench.run(&["apply"]).expect(0);
        // Something is pending, and must not be applied.
        bench.put("005_more.sql", "CREATE TABLE more ()");
        change(&bench);
        let found = states(&refuses(&bench, &["status", "--json"], &[]));
        assert!(expected.iter().all(|state| found.iter().any(|found| found == state)), "{found:?}");
        assert_eq!(refuses(&bench, &["apply"], &[]).stdout, "");
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn of_a_failing_migration_nothing_stays() {
    let cluster = Cluster::get();
    // Script, the place in the message, the server's code.
    let cases = [
        ("CREATE TABLE a ();\n\nCREATE TABLEE b ();\n", ":3: ", "42601"),
        // The server counts characters, not bytes.
        ("CREATE TABLE a ();\n/* ä€𝄞 */ SELECT 'ä€𝄞',\n  'é',\n  nothing\nFROM a;\n", ":4: ", "42703"),
        // The server gives no position.
        ("CREATE TABLE a (x int UNIQUE);\nINSERT INTO a VALUES (1), (1);\n", ": ", "23505"),
        ("CREATE TABLE a ();\nSELECT 1/0;", ": ", "22012"),
        // The words of the server must not steer a terminal.
        ("CREATE TABLE a ();\nDO $$BEGIN RAISE EXCEPTION E'\\u001b[2J\\u202ehalt'; END$$", ": ", "P0001"),
        // Found when the transaction ends.
        (
            "CREATE TABLE a (x int UNIQUE DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a VALUES (1), (1);",
            ": ",
            "23505",
        ),
        // A statement that the server refuses in a transaction.
        ("CREATE TABLE a ();\nCREATE INDEX CONCURRENTLY i ON markets (id);", ": ", "25001"),
        ("CREATE TABLE a ();\nSELECT pg_terminate_backend(pg_backend_pid());", ": ", "57P01"),
    ];
    for (script, place, code) in cases {
        let bench = Bench::new(&cluster, &[MARKETS]);
        bench.run(&["apply"]).expect(0);
        bench.put("002_more.sql", "CREATE TABLE more ()");
        bench.put("003_bad.sql", script);
        bench.put("004_never.sql", "CREATE TABLE never ()");
        let place = format!("003_bad.sql{place}");
        let outcome = bench.run(&["apply"]).expect(30).names(&[&place, code, "next: "]);
        assert!(!outcome.stderr.contains('\u{202e}') && !outcome.stderr.contains("\u{1b}[2J"));
        assert_eq!(bench.tables(), "public.markets public.more", "{script}");
        let status = bench.run(&["status", "--json"]).expect(0);
        assert_eq!(states(&status)[1..], ["2 more applied", "3 bad pending", "4 never pending"]);
        bench.put("003_bad.sql", "CREATE TABLE good ()");
        bench.run(&["apply"]).expect(0);
        assert_eq!(bench.tables(), "public.good public.markets public.more public.never");
    }
}

/// A splitter of SQL that takes a lone CR for a part of the comment never sees the statement after it. The server does.
#[test]
#[ignore = "needs PostgreSQL"]
fn whole_files_go_to_the_server() {
    let script = "-- ends in a lone CR\rCREATE TABLE hidden ();
        CREATE TYPE side AS ENUM ('BUY', 'SELL');
        CREATE TABLE a (x int, s side, \"odd;name\" text DEFAULT 'it''s; --');
        CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql BEGIN ATOMIC
            SELECT CASE WHEN n > 0 THEN 1 ELSE 0 END; SELECT n + 1; END;
        CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $body$
            BEGIN NEW.x := f(NEW.x); RETURN NEW; END; $body$;
        CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION g();
        INSERT INTO a VALUES (41);;";
    let bench = Bench::new(&Cluster::get(), &[("001_all.sql", script)]);
    bench.run(&["apply"]).expect(0);
    assert_eq!(bench.ask("SELECT max(x), count(*) FROM a"), "42|1");
    assert_eq!(bench.tables(), "public.a public.hidden");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_file_without_transaction_holds_one_statement() {
    let index = "-- no-transaction\nCREATE INDEX CONCURRENTLY by_id ON markets (id);\n";
    let bench = Bench::new(&Cluster::get(), &[MARKETS, ("002_index.sql", index)]);
    bench.run(&["apply"]).expect(0);
    assert_eq!(bench.ask("SELECT count(*) FROM pg_indexes WHERE indexname = 'by_id'"), "1");
    bench.put(
        "003_two.sql",
        "-- no-transaction\nSELECT 1; CREATE INDEX CONCURRENTLY again ON markets (id);\n",
    );
    refuses(&bench, &["apply"], &["003_two.sql", "25001"]);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_migration_changes_the_session_of_the_next() {
    let bench = Bench::new(
        &Cluster::get(),
        &[
            (
                "001_settings.sql",
                "CREATE SCHEMA aside; SET search_path = aside; CREATE TABLE a (); PREPARE p AS SELECT 1;
             CREATE TEMPORARY TABLE b (); SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            ),
            ("002_next.sql", "CREATE TABLE b (); SELECT * FROM public.b; PREPARE p AS SELECT 2"),
        ],
    );
    bench.run(&["apply"]).expect(0);
    assert_eq!(bench.tables(), "aside.a public.b");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_timeout_of_the_role_stops_no_migration() {
    let bench = Bench::new(&Cluster::get(), &[("001_slow.sql", "SELECT pg_sleep(0.5)")]);
    let database = bench.database();
    bench.ask(&format!("ALTER ROLE {OWNER} IN DATABASE {database} SET statement_timeout = '100ms'"));
    bench.run(&["apply"]).expect(0);
    // A timeout in the URL is meant.
    bench.put("002_slow.sql", "SELECT pg_sleep(0.5)");
    let url = format!("{}?options=-c%20statement_timeout%3D100ms", bench.url(OWNER, PASSWORD));
    run(&mut bench.command_as(&url, &["apply"])).expect(30).names(&["002_slow.sql", "57014"]);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn every_way_to_connect() {
    let cluster = Cluster::get();
    let bench = Bench::new(&cluster, &[MARKETS]);
    bench.ask(&format!(
        "DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tls') THEN CREATE ROLE tls LOGIN PASSWORD '{PASSWORD}'; END IF; END$$"
    ));
    let (port, database) = (cluster.port(), bench.database());
    let dir = bench.cluster().socket_dir();
    let escaped = dir.replace('/', "%2F");
    let tls = bench.url("tls", PASSWORD);
    let certificate = cluster.certificate();
    for (url, code) in [
        (format!("postgres://{OWNER}:{PASSWORD}@[::1]:{port}/{database}"), 0),
        (format!("postgres://{OWNER}:{PASSWORD}@{escaped}:{port}/{database}"), 0),
        (tls.clone(), 0),
        (format!("{tls}?sslmode=require"), 0),
        (format!("{tls}?sslmode=verify-full&sslrootcert={certificate}"), 0),
        (format!("{tls}?sslmode=verify-full"), 30),
        (format!("{tls}?sslmode=disable"), 30),
    ] {
        let outcome = run(&mut bench.command_as(&url, &["status", "--json"]));
        assert_eq!(outcome.code, Some(code), "{url}: {outcome:?}");
    }
    let url = format!("postgres:///{database}?host={dir}&port={port}&user={OWNER}");
    run(bench.command_as(&url, &["apply"]).env("PGPASSWORD", PASSWORD)).expect(0);
    assert_eq!(bench.tables(), "public.markets");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_second_runner_is_refused_at_once() {
    let cluster = Cluster::get();
    let bench = Bench::new(
        &cluster,
        &[MARKETS, ("002_waits.sql", "CREATE TABLE waits (); SELECT pg_advisory_xact_lock(42)"), NOTES],
    );
    let holder = bench.hold_42();
    let mut first = bench.command(&["apply"]).stdout(Stdio::piped()).spawn().unwrap();
    bench.wait_for(&format!("{LOCKS_42} AND NOT granted"), "1");
    let second = refuses(&bench, &["apply"], &[]);
    let process = second.stderr.split("(process ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let runner = format!("SELECT application_name FROM pg_stat_activity WHERE pid = {process}");
    assert_eq!(bench.ask(&runner), "dreichor-migrate");
    let status = bench.run(&["status", "--json"]).expect(0);
    assert_eq!(states(&status), ["1 markets applied", "2 waits pending", "3 notes pending"]);
    drop(holder);
    assert!(first.wait().unwrap().success());
    bench.run(&["apply"]).expect(0);
    assert_eq!(bench.tables(), "public.markets public.notes public.waits");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_killed_run_leaves_nothing_half_applied() {
    let cluster = Cluster::get();
    let waits = "CREATE TABLE waits (); SELECT pg_advisory_xact_lock(42); CREATE TABLE more ()";
    let bench = Bench::new(&cluster, &[MARKETS, ("002_waits.sql", waits), NOTES]);
    let holder = bench.hold_42();
    let mut killed = bench.command(&["apply"]).stdout(Stdio::null()).spawn().unwrap();
    bench.wait_for(&format!("{LOCKS_42} AND NOT granted"), "1");
    // While the server still waits for the lock on behalf of a client that is gone:
    killed.kill().unwrap();
    killed.wait().unwrap();
    wait_for_end(&bench);
    assert_eq!(bench.tables(), "public.markets");
    drop(holder);
    assert_eq!(bench.run(&["apply"]).expect(0).stdout.lines().count(), 2);
    assert_eq!(bench.tables(), "public.markets public.more public.notes public.waits");
}

/// Waits until the server has found out that the runner is gone.
fn wait_for_end(bench: &Bench) {
    bench.wait_for(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dreichor-migrate' \
         AND datname = current_database()",
        "0",
    );
}

/// By a tracer: the runner is killed at its first, second, third … message to the server.
#[test]
#[ignore = "needs PostgreSQL and strace"]
fn killed_at_every_message_the_next_run_goes_on() {
    let files = [
        ("001_one.sql", "CREATE TABLE t1 (); CREATE TABLE t1b ()"),
        ("002_two.sql", "CREATE TABLE t2 (); CREATE TABLE t2b ()"),
    ];
    let bench = Bench::new(&Cluster::get(), &files);
    for message in 1.. {
        bench.ask("DROP TABLE IF EXISTS _sqlx_migrations, t1, t1b, t2, t2b");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto"]);
        command.args(["-e", &format!("inject=sendto:signal=KILL:when={message}"), MIGRATE]);
        let runner = bench.command(&["apply"]);
        let url = format!("{}?sslmode=disable", bench.url(OWNER, PASSWORD));
        command.args(runner.get_args()).env("DREICHOR_DATABASE_URL", url);
        let is_whole = command.stdout(Stdio::null()).status().unwrap().success();
        wait_for_end(&bench);
        let status = states(&bench.run(&["status", "--json"]).expect(0));
        let applied = status.iter().filter(|state| state.ends_with(" applied")).count();
        let expected = ["", "public.t1 public.t1b", "public.t1 public.t1b public.t2 public.t2b"];
        assert_eq!(bench.tables(), expected[applied], "message {message}: {status:?}");
        let left = 2 - applied;
        let json = bench.run(&["apply", "--json"]).expect(0).stdout;
        assert_eq!(json.lines().count(), left, "{message}");
        assert_eq!(bench.tables(), expected[2], "message {message}");
        if is_whole {
            assert!(message > 15, "the tracer saw {message} messages only");
            return;
        }
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn roles_without_rights() {
    let bench = Bench::new(&Cluster::get(), &[MARKETS]);
    let role = format!("reader_{}", bench.database());
    bench.ask(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"));
    let url = bench.url(&role, PASSWORD);
    let run_as = |arguments: &[&str]| run(&mut bench.command_as(&url, arguments));
    let status = || states(&run_as(&["status", "--json"]).expect(0));
    assert_eq!(status(), ["1 markets pending"]);
    let before = bench.dump();
    run_as(&["apply"]).expect(30).names(&["42501"]);
    assert_eq!(bench.dump(), before);
    bench.run(&["apply"]).expect(0);
    // Records that cannot be read are not the same as no records.
    for command in ["status", "apply"] {
        run_as(&[command]).expect(30).names(&["42501", "SELECT on public._sqlx_migrations"]);
    }
    bench.ask(&format!("GRANT SELECT ON public._sqlx_migrations TO {role}"));
    assert_eq!(status(), ["1 markets applied"]);
    bench.put(NOTES.0, NOTES.1);
    let before = bench.dump();
    run_as(&["apply"]).expect(30).names(&["42501"]);
    assert_eq!(bench.dump(), before);
    bench.ask(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn databases_that_cannot_be_used() {
    let cluster = Cluster::get();
    let bench = Bench::new(&cluster, &[MARKETS]);
    // It takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let at = |place: &str, database: &str| format!("postgres://{OWNER}:{PASSWORD}@{place}/{database}");
    for (url, fact) in [
        (at(&bench.address(), "nowhere"), "3D000"),
        (bench.url(OWNER, "wrong"), "28P01"),
        (bench.url("nobody", PASSWORD), "28P01"),
        (at("127.0.0.1:1", "d"), "127.0.0.1:1"),
        (at(&silent.to_string(), "d"), "3 seconds"),
    ] {
        for command in ["status", "apply"] {
            let outcome = run(&mut bench.command_as(&url, &[command])).expect(30).names(&[fact, "next: "]);
            assert_eq!(outcome.stdout, "");
        }
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn an_output_that_fails_stops_no_migration() {
    let cluster = Cluster::get();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let bench = Bench::new(&cluster, &[MARKETS, ORDERS]);
    run(bench.command(&["apply"]).stdout(full())).expect(14).names(&["next: "]);
    assert_eq!(bench.tables(), "public.markets public.orders");
    let bench = Bench::new(&cluster, &[MARKETS, ORDERS]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    run(bench.command(&["apply"]).stdout(writer)).expect(0);
    assert_eq!(bench.tables(), "public.markets public.orders");
}

/// The files and results in the page for operators are real.
#[test]
#[ignore = "needs PostgreSQL"]
fn the_page_for_operators_shows_what_happens() {
    let page = include_str!("../../../docs/DATABASE.md");
    let blocks = |opening: &str| -> Vec<&str> {
        page.split(opening).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
    };
    let bench = Bench::new(&Cluster::get(), &[]);
    for script in blocks("```sql\n") {
        if let Some((name, _)) = script.strip_prefix("-- migrations/").and_then(|rest| rest.split_once('\n'))
        {
            bench.put(name, script);
        }
    }
    let shown = |text: &str| {
        let name = format!("{OWNER}@{}/{}", bench.address(), bench.database());
        text.replace(&name, "owner@127.0.0.1:5432/dreichor")
            .replace(bench.file("").to_str().unwrap(), "migrations/")
    };
    let results = blocks("```text\n");
    assert_eq!(results.len(), 3);
    assert_eq!(shown(&bench.run(&["status"]).expect(0).stdout), results[0]);
    assert_eq!(shown(&bench.run(&["apply"]).expect(0).stdout), results[1]);
    bench.put(
        "003_more.sql",
        "CREATE VIEW amounts AS\n  SELECT market,\n    sum(quantity)\n  FROM orders GROUP BY market;\n",
    );
    assert_eq!(shown(&bench.run(&["apply"]).expect(30).stderr), results[2]);
    let reader = format!("reader_{}", bench.database());
    bench.ask(&format!("CREATE ROLE {reader} LOGIN PASSWORD '{PASSWORD}'"));
    for grants in blocks("```sql\n").into_iter().filter(|script| script.starts_with("GRANT")) {
        bench.ask(&grants.replace("reader", &reader));
    }
    run(&mut bench.command_as(&bench.url(&reader, PASSWORD), &["status"])).expect(0);
    bench.ask(&format!("DROP OWNED BY {reader}; DROP ROLE {reader}"));
}

/// `dreichor migrate` from end to end.
#[test]
#[ignore = "needs PostgreSQL, and dreichor built beside the runner, as for the whole workspace it is"]
fn dreichor_executes_the_runner() {
    let dreichor = Path::new(MIGRATE).with_file_name("dreichor");
    let bench = Bench::new(&Cluster::get(), &[MARKETS]);
    let url = bench.url(OWNER, PASSWORD);
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&dreichor);
        let dir = bench.file("");
        command.env_clear().arg("migrate").args(arguments).arg("--dir").arg(dir);
        run(command.args(["--color", "never", "--log-format", "json", "--database-url", &url]))
    };
    assert_eq!(states(&command(&["status", "--json"]).expect(0)), ["1 markets pending"]);
    command(&["apply"]).expect(0);
    bench.remove(MARKETS.0);
    let outcome = command(&["status", "--json"]).expect(30);
    let error: Value = serde_json::from_str(&outcome.stderr).unwrap();
    assert_eq!(error["exitCode"], 30, "{error}");
    assert_eq!(states(&outcome), ["1 - missing"]);
}
