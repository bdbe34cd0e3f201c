//! The runner on a real PostgreSQL: what it applies, what it refuses, and that nothing half applied stays.

mod support;

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

/// The command ends with 30 and these texts, and the database is as it was.
#[track_caller]
fn refuses(bench: &Bench, arguments: &[&str], texts: &[&str]) -> Outcome {
    let before = bench.dump();
    let outcome = bench.run(arguments).expect(30).says(texts).says(&["next: "]);
    assert_eq!(bench.dump(), before);
    outcome
}

#[test]
fn migrations_are_applied_in_order_and_once() {
    let Some(cluster) = Cluster::find("migrations_are_applied_in_order_and_once") else { return };
    let bench = Bench::new(&cluster, &[MARKETS, ORDERS]);
    let name = format!("{OWNER}@{}/{}", bench.address(), bench.database());
    let empty = bench.dump();
    let status = bench.run(&["status"]).expect(0).stdout;
    assert_eq!(
        status,
        format!("{name}: 0 applied, 2 pending\npending     001 markets\npending     002 orders\n")
    );
    assert_eq!(bench.dump(), empty, "status writes nothing");

    assert_eq!(bench.run(&["apply"]).expect(0).stdout, "applied 001 markets\napplied 002 orders\n");
    assert_eq!(bench.tables(), "public.markets public.orders");
    let applied = bench.dump();
    let nothing = bench.run(&["apply"]).expect(0);
    assert_eq!(nothing.stdout, format!("{name}: nothing to apply, of 2 migrations none is pending\n"));
    assert_eq!(bench.dump(), applied);

    bench.put(NOTES.0, NOTES.1);
    let status: Value = serde_json::from_str(&bench.run(&["status", "--json"]).expect(0).stdout).unwrap();
    let entry =
        |number: u32, name: &str, state: &str| json!({"number": number, "name": name, "state": state});
    let expected =
        [entry(1, "markets", "applied"), entry(2, "orders", "applied"), entry(3, "notes", "pending")];
    assert_eq!(status, json!({"database": name, "migrations": expected}));
    let printed: Value = serde_json::from_str(&bench.run(&["apply", "--json"]).expect(0).stdout).unwrap();
    assert_eq!(printed, entry(3, "notes", "applied"));
    assert_eq!(bench.run(&["apply", "--json"]).expect(0).stdout, "");
}

#[test]
fn a_directory_without_migrations_writes_nothing() {
    let Some(cluster) = Cluster::find("a_directory_without_migrations_writes_nothing") else { return };
    let bench = Bench::new(&cluster, &[("README.md", "# Migrations\n"), (".gitkeep", "")]);
    let empty = bench.dump();
    assert!(bench.run(&["status"]).expect(0).stdout.ends_with(": 0 applied, 0 pending\n"));
    assert!(bench.run(&["apply"]).expect(0).stdout.contains("nothing to apply"));
    assert_eq!(bench.dump(), empty);
}

type Change = fn(&Bench);

#[test]
fn files_that_contradict_the_records_are_refused() {
    let Some(cluster) = Cluster::find("files_that_contradict_the_records_are_refused") else { return };
    let cases: [(Change, &[&str], &[&str]); 7] = [
        (
            |bench| bench.put(MARKETS.0, &format!("{}-- more\n", MARKETS.1)),
            &["edited      001 markets"],
            &["001 markets was edited after it was applied"],
        ),
        // A line end is a byte.
        (
            |bench| bench.put(MARKETS.0, &MARKETS.1.replace('\n', "\r\n")),
            &["edited      001 markets"],
            &["line ends count"],
        ),
        (
            |bench| bench.remove(ORDERS.0),
            &["missing     002 orders"],
            &["002 orders was applied, and has no file"],
        ),
        (
            |bench| bench.put("001_markets.sql", "SELECT 1"),
            &["edited      001 markets", "applied     002 orders"],
            &["001 markets was edited"],
        ),
        (
            |bench| bench.put("003_between.sql", "SELECT 1"),
            &["inserted    003 between"],
            &["003 between was never applied, but 004"],
        ),
        (
            |bench| bench.rename("004_notes.sql", "003_notes.sql"),
            &["renumbered  003 notes", "missing     004 notes"],
            &["003 notes was applied as number 004", "004 notes was applied, and has no file"],
        ),
        (
            |bench| {
                bench.rename(MARKETS.0, "aside");
                bench.rename(ORDERS.0, "001_orders.sql");
                bench.rename("aside", "002_markets.sql");
            },
            &["renumbered  001 orders", "renumbered  002 markets"],
            &["001 orders was applied as number 002", "002 markets was applied as number 001"],
        ),
    ];
    for (change, shown, texts) in cases {
        let bench = Bench::new(&cluster, &[MARKETS, ORDERS, ("004_notes.sql", NOTES.1)]);
        bench.run(&["apply"]).expect(0);
        // Something is pending, and must not be applied.
        bench.put("005_more.sql", "CREATE TABLE more ()");
        bench.run(&["status"]).expect(0);
        change(&bench);
        let status = refuses(&bench, &["status"], texts);
        assert!(shown.iter().all(|line| status.stdout.lines().any(|shown| shown == *line)), "{status:?}");
        assert!(status.stdout.contains("pending     005 more"), "{status:?}");
        let json: Value =
            serde_json::from_str(&refuses(&bench, &["status", "--json"], texts).stdout).unwrap();
        assert!(json["migrations"].as_array().unwrap().len() >= 4, "{json}");
        let applied = refuses(&bench, &["apply"], texts);
        assert_eq!(applied.stdout, "");
    }
}

#[test]
fn of_a_failing_migration_nothing_stays() {
    let Some(cluster) = Cluster::find("of_a_failing_migration_nothing_stays") else { return };
    // Script, line, the server's words.
    let cases: [(&str, &str, &[&str]); 16] = [
        (
            "CREATE TABLE a ();\n\nCREATE TABLEE b ();\n",
            ":3: ",
            &["syntax error at or near \"TABLEE\"", "42601"],
        ),
        // The server's position, in a statement of several lines, behind characters of several bytes.
        ("CREATE TABLE a ();\n/* ä€𝄞 */ SELECT 'ä€𝄞',\n  'é',\n  nothing\nFROM a;\n", ":4: ", &["nothing"]),
        (
            "-- ;\n/* /* ; */ ; */\nSELECT $x$;$x$, E'\\';', ';', \";\" FROM a",
            ":3: ",
            &["relation \"a\" does not"],
        ),
        // Without a position, the line where the statement begins.
        (
            "CREATE TABLE a (x int UNIQUE);\nINSERT INTO a VALUES (1);\n\nINSERT INTO a\nVALUES (1);\n",
            ":4: ",
            &["duplicate key value", "detail: Key (x)=(1) already exists"],
        ),
        (
            "CREATE TABLE a ();\nCREATE TABLE markets ()",
            ":2: ",
            &["relation \"markets\" already exists", "42P07"],
        ),
        ("CREATE TABLE a ();\nSELECT 1/0;", ":2: ", &["division by zero"]),
        (
            "CREATE TABLE a ();\nDO $$\nBEGIN\n  RAISE EXCEPTION 'halt' USING HINT = 'think';\nEND $$;\n",
            ":2: ",
            &["halt", "hint: think", "where: PL/pgSQL"],
        ),
        // What the words hold may not steer a terminal.
        (
            "CREATE TABLE a ();\nDO $$BEGIN RAISE EXCEPTION E'\\u001b[2J\\u202ehalt'; END$$",
            ":2: ",
            &["\\u{1b}[2J\\u{202e}halt"],
        ),
        // Found at the end of the transaction only.
        (
            "CREATE TABLE a (x int UNIQUE DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a VALUES (1), (1);",
            ": behind its last",
            &["duplicate key value"],
        ),
        // What the server does not do in a transaction.
        (
            "CREATE TABLE a ();\nCREATE INDEX CONCURRENTLY i ON markets (id);",
            ":2: ",
            &["cannot run inside a transaction block"],
        ),
        ("CREATE TABLE a ();\nVACUUM;", ":2: ", &["cannot run inside a transaction block"]),
        ("CREATE TABLE a ();\nDO $$BEGIN COMMIT; END$$;", ":2: ", &["invalid transaction termination"]),
        // The cut cannot be mistaken in a way that brings a COMMIT past the check.
        (
            "CREATE TABLE a ();\nCREATE FUNCTION begin() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMIT; SELECT 1 FROM no",
            ":2: ",
            &["cannot insert multiple commands"],
        ),
        (
            "CREATE TABLE a ();\nSELECT pg_terminate_backend(pg_backend_pid());",
            ":2: ",
            &["terminating connection"],
        ),
        ("CREATE TABLE a ();\nSELECT 'open", ":2: ", &["unterminated quoted string"]),
        ("DROP TABLE dreichor.migrations;\nSELECT 1/0;", ":2: ", &["division by zero"]),
    ];
    for (script, place, words) in cases {
        let bench = Bench::new(&cluster, &[MARKETS]);
        bench.run(&["apply"]).expect(0);
        bench.put("002_more.sql", "CREATE TABLE more ()");
        bench.put("003_bad.sql", script);
        bench.put("004_never.sql", "CREATE TABLE never ()");
        let place = format!("003_bad.sql{place}");
        let texts: Vec<&str> = [place.as_str()]
            .into_iter()
            .chain(words.iter().copied())
            .chain(["\nnothing of this migration stays; the migration before it stays applied\nnext: "])
            .collect();
        let outcome = bench.run(&["apply"]).expect(30).says(&texts);
        assert_eq!(outcome.stdout, "applied 002 more\n");
        assert!(!outcome.stderr.contains('\u{202e}') && !outcome.stderr.contains("\u{1b}[2J"));
        assert_eq!(bench.tables(), "public.markets public.more", "{script}");
        let status = bench.run(&["status"]).expect(0).stdout;
        assert!(
            status.contains("applied     002 more\npending     003 bad\npending     004 never"),
            "{status}"
        );
        bench.put("003_bad.sql", "CREATE TABLE good ()");
        bench.run(&["apply"]).expect(0);
        assert_eq!(bench.tables(), "public.good public.markets public.more public.never");
    }
}

#[test]
fn what_the_server_allows_in_a_transaction_can_be_migrated() {
    let Some(cluster) = Cluster::find("what_the_server_allows_in_a_transaction_can_be_migrated") else {
        return;
    };
    let script = "
        CREATE TYPE side AS ENUM ('BUY', 'SELL');
        CREATE TABLE a (x int, s side, \"odd;name\" text DEFAULT 'it''s; --');
        INSERT INTO a VALUES (1, 'BUY'), (2, 'SELL');
        SELECT s, a FROM a; SELECT * INTO b FROM a;
        CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql BEGIN ATOMIC
            SELECT CASE WHEN n > 0 THEN 1 ELSE 0 END; SELECT n + 1; END;
        CREATE OR REPLACE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $body$
            BEGIN NEW.x := f(NEW.x); RETURN NEW; END; $body$;
        CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION g();
        CREATE RULE r AS ON DELETE TO a DO INSTEAD (UPDATE a SET x = 0; SELECT 1);
        INSERT INTO a VALUES (41);;
        ALTER TYPE side ADD VALUE 'HOLD';
        COMMENT ON TABLE a IS 'einschließlich ;'";
    let bench = Bench::new(&cluster, &[("001_all.sql", script)]);
    bench.run(&["apply"]).expect(0);
    assert_eq!(bench.ask("SELECT max(x), count(*) FROM a"), "42|3");
    assert_eq!(bench.tables(), "public.a public.b");
}

#[test]
fn no_migration_changes_the_session_of_the_next() {
    let Some(cluster) = Cluster::find("no_migration_changes_the_session_of_the_next") else { return };
    let bench = Bench::new(
        &cluster,
        &[
            (
                "001_settings.sql",
                "CREATE SCHEMA aside; SET search_path = aside; CREATE TABLE a ();
             CREATE TEMPORARY TABLE b (); SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;
             GRANT CREATE ON SCHEMA aside TO pg_monitor; SET SESSION AUTHORIZATION pg_monitor",
            ),
            ("002_next.sql", "CREATE TABLE b (); SELECT * FROM public.b"),
        ],
    );
    bench.run(&["apply"]).expect(0);
    assert_eq!(bench.tables(), "aside.a public.b");
    assert_eq!(bench.ask("SELECT tableowner FROM pg_tables WHERE tablename = 'b'"), OWNER);
}

#[test]
fn a_second_runner_is_refused_at_once() {
    let Some(cluster) = Cluster::find("a_second_runner_is_refused_at_once") else { return };
    let bench = Bench::new(
        &cluster,
        &[MARKETS, ("002_waits.sql", "CREATE TABLE waits (); SELECT pg_advisory_xact_lock(42)"), NOTES],
    );
    let holder = bench.hold_42();
    let mut first = bench.command(&["apply"]).stdout(Stdio::piped()).spawn().unwrap();
    bench.wait_for(&format!("{LOCKS_42} AND NOT granted"), "1");
    let texts = ["another migration runner is at work (process ", " of the server holds its lock)"];
    let second = refuses(&bench, &["apply"], &texts);
    let process = second.stderr.split("(process ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let runner = format!("SELECT application_name FROM pg_stat_activity WHERE pid = {process}");
    assert_eq!(bench.ask(&runner), "dreichor-migrate");
    let status = bench.run(&["status"]).expect(0).stdout;
    assert!(status.contains("applied     001 markets\npending     002 waits"), "{status}");
    drop(holder);
    assert!(first.wait().unwrap().success());
    assert!(bench.run(&["apply"]).expect(0).stdout.contains("nothing to apply"));
    assert_eq!(bench.tables(), "public.markets public.notes public.waits");
}

#[test]
fn a_killed_run_leaves_nothing_half_applied() {
    let Some(cluster) = Cluster::find("a_killed_run_leaves_nothing_half_applied") else { return };
    let bench = Bench::new(
        &cluster,
        &[
            MARKETS,
            (
                "002_waits.sql",
                "CREATE TABLE waits (); SELECT pg_advisory_xact_lock(42); CREATE TABLE more ()",
            ),
            NOTES,
        ],
    );
    let holder = bench.hold_42();
    let mut killed = bench.command(&["apply"]).stdout(Stdio::null()).spawn().unwrap();
    bench.wait_for(&format!("{LOCKS_42} AND NOT granted"), "1");
    // While the server still waits for the lock on behalf of a client that is gone:
    killed.kill().unwrap();
    killed.wait().unwrap();
    wait_for_end(&bench);
    assert_eq!(bench.tables(), "public.markets");
    drop(holder);
    assert_eq!(bench.run(&["apply"]).expect(0).stdout, "applied 002 waits\napplied 003 notes\n");
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
fn killed_at_every_message_the_next_run_goes_on() {
    let Some(cluster) = Cluster::find("killed_at_every_message_the_next_run_goes_on") else { return };
    if !Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success()) {
        eprintln!(
            "left out: killed_at_every_message_the_next_run_goes_on: there is no strace on this system"
        );
        return;
    }
    let files = [
        ("001_one.sql", "CREATE TABLE t1 (); CREATE TABLE t1b ()"),
        ("002_two.sql", "CREATE TABLE t2 (); CREATE TABLE t2b ()"),
    ];
    let bench = Bench::new(&cluster, &files);
    for message in 1.. {
        bench.ask("DROP SCHEMA IF EXISTS dreichor CASCADE; DROP TABLE IF EXISTS t1, t1b, t2, t2b");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto"]);
        command.args(["-e", &format!("inject=sendto:signal=KILL:when={message}"), MIGRATE]);
        let runner = bench.command(&["apply"]);
        command.args(runner.get_args()).env("DREICHOR_DATABASE_URL", bench.url(OWNER, PASSWORD));
        let is_whole = command.stdout(Stdio::null()).status().unwrap().success();
        wait_for_end(&bench);
        let status = bench.run(&["status"]).expect(0).stdout;
        let applied = status.lines().filter(|line| line.starts_with("applied ")).count();
        let expected = ["", "public.t1 public.t1b", "public.t1 public.t1b public.t2 public.t2b"];
        assert_eq!(bench.tables(), expected[applied], "message {message}: {status}");
        let left = 2 - applied;
        assert_eq!(bench.run(&["apply"]).expect(0).stdout.matches("applied ").count(), left, "{message}");
        assert_eq!(bench.tables(), expected[2], "message {message}");
        if is_whole {
            assert!(message > 15, "the tracer saw {message} messages only");
            return;
        }
    }
}

#[test]
fn roles_without_rights() {
    let Some(cluster) = Cluster::find("roles_without_rights") else { return };
    let bench = Bench::new(&cluster, &[MARKETS]);
    let role = format!("reader_{}", bench.database());
    bench.ask(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"));
    let url = bench.url(&role, PASSWORD);
    let run_as = |arguments: &[&str]| run(&mut bench.command_as(&url, arguments));
    assert!(run_as(&["status"]).expect(0).stdout.contains("pending     001 markets"));
    let before = bench.dump();
    run_as(&["apply"]).expect(30).says(&[
        "dreichor.migrations, cannot be created",
        "permission denied",
        "next: ",
    ]);
    assert_eq!(bench.dump(), before);
    bench.run(&["apply"]).expect(0);
    // Not to be able to see the records is not the same as that there are none.
    for command in ["status", "apply"] {
        run_as(&[command]).expect(30).says(&[
            "cannot be read",
            "permission denied",
            "next: the role needs USAGE",
        ]);
    }
    bench.ask(&format!(
        "GRANT USAGE ON SCHEMA dreichor TO {role}; GRANT SELECT ON dreichor.migrations TO {role}"
    ));
    assert!(run_as(&["status"]).expect(0).stdout.contains("applied     001 markets"));
    bench.put(NOTES.0, NOTES.1);
    let before = bench.dump();
    run_as(&["apply"]).expect(30).says(&[
        "003_notes.sql: before its first statement: ",
        "permission denied",
        "next: ",
    ]);
    assert_eq!(bench.dump(), before);
    bench.ask(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn databases_that_cannot_be_used() {
    let Some(cluster) = Cluster::find("databases_that_cannot_be_used") else { return };
    let bench = Bench::new(&cluster, &[MARKETS]);
    // It takes connections, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let at = |place: &str, database: &str| format!("postgres://{OWNER}:{PASSWORD}@{place}/{database}");
    let cases = [
        (at(&bench.address(), "nowhere"), "database \"nowhere\" does not exist"),
        (bench.url(OWNER, "wrong"), "password authentication failed for user"),
        (bench.url("nobody", PASSWORD), "password authentication failed for user"),
        (at("127.0.0.1:1", "d"), "Connection refused"),
        (at(&silent.to_string(), "d"), "no answer within 3 seconds"),
    ];
    for (url, words) in cases {
        for command in ["status", "apply"] {
            let outcome = run(&mut bench.command_as(&url, &[command])).expect(30);
            let outcome = outcome.says(&["cannot connect: ", words, "\nnothing was changed; next: "]);
            assert_eq!(outcome.stdout, "");
        }
    }
}

#[test]
fn an_output_that_fails_stops_no_migration() {
    let Some(cluster) = Cluster::find("an_output_that_fails_stops_no_migration") else { return };
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let bench = Bench::new(&cluster, &[MARKETS, ORDERS]);
    let outcome = run(bench.command(&["apply"]).stdout(full())).expect(14);
    outcome.says(&["could not be printed", "next: "]);
    assert_eq!(bench.tables(), "public.markets public.orders");
    let bench = Bench::new(&cluster, &[MARKETS, ORDERS]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    run(bench.command(&["apply"]).stdout(writer)).expect(0);
    assert_eq!(bench.tables(), "public.markets public.orders");
}

/// The files and results in the page for operators are real.
#[test]
fn the_page_for_operators_shows_what_happens() {
    let Some(cluster) = Cluster::find("the_page_for_operators_shows_what_happens") else { return };
    let page = include_str!("../../../docs/DATABASE.md");
    let blocks = |opening: &str| -> Vec<&str> {
        page.split(opening).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
    };
    let bench = Bench::new(&cluster, &[]);
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

/// `dreichor migrate` from end to end, if `dreichor` was built beside the runner, as for the whole workspace it is.
#[test]
fn dreichor_hands_over_to_the_runner() {
    let Some(cluster) = Cluster::find("dreichor_hands_over_to_the_runner") else { return };
    let dreichor = Path::new(MIGRATE).with_file_name("dreichor");
    if !dreichor.exists() {
        eprintln!("left out: dreichor_hands_over_to_the_runner: dreichor is not built here");
        return;
    }
    let bench = Bench::new(&cluster, &[MARKETS]);
    let url = bench.url(OWNER, PASSWORD);
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&dreichor);
        let dir = bench.file("");
        command.env_clear().arg("migrate").args(arguments).arg("--dir").arg(dir);
        run(command.args(["--color", "never", "--log-format", "json", "--database-url", &url]))
    };
    assert!(command(&["status"]).expect(0).stdout.contains("pending     001 markets"));
    assert_eq!(command(&["apply"]).expect(0).stdout, "applied 001 markets\n");
    bench.remove(MARKETS.0);
    let outcome = command(&["status", "--json"]).expect(30);
    let error: Value = serde_json::from_str(&outcome.stderr).unwrap();
    assert_eq!(error["exit_code"], 30, "{error}");
    assert!(outcome.stdout.contains("\"state\":\"missing\""));
}
