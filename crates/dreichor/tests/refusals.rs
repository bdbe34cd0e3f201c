//! Refusals: their exit codes, and the place and rule that the message names. No refusal changes a file. A writer may have
//! created the two empty files before, if the existing ones are sound.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use support::{
    Bench, DREICHOR, Running, acknowledged, clean, edited, identified, lines, place, rule, run, tick, vector,
    with_line,
};

/// Every command that opens the stores.
const COMMANDS: [&[&str]; 8] = [
    &["ingest"],
    &["snapshot"],
    &["run"],
    &["replay"],
    &["events"],
    &["events", "--follow"],
    &["state", "memory"],
    &["state", "ledger", "--json"],
];

#[test]
fn mounts() {
    for mount in ["audit-events", "snapshots"] {
        let path = format!("{{dir}}/data/{mount}");
        for command in COMMANDS {
            let bench = Bench::filled();
            let place = bench.path("data").join(mount);
            fs::rename(&place, bench.path("aside")).unwrap();
            bench.refuses(command, 10, &[&path, " init`"]);
            symlink(bench.path("nowhere"), &place).unwrap();
            bench.refuses(command, 10, &[&path]);
            fs::remove_file(&place).unwrap();
            fs::write(&place, "mine").unwrap();
            bench.refuses(command, 10, &[&path]);
            bench.refuses(&["init"], 10, &[&path]);
        }
    }
    let bench = Bench::filled();
    bench.refuses(&["--audit-events-dir", "{dir}/elsewhere", "replay"], 10, &["{dir}/elsewhere: "]);
    let too_long = format!("{{dir}}/{}", "x".repeat(300));
    bench.refuses(&["--audit-events-dir", &too_long, "replay"], 10, &[&too_long]);
}

#[test]
fn the_stores_are_named_as_a_shell_takes_them() {
    let dir = tempfile::TempDir::new().unwrap();
    // The command that the message ends with.
    let named = |arguments: &[&str]| {
        let refused = run(clean(DREICHOR).current_dir(&dir).args(arguments).arg("replay"), b"").expect(10);
        refused.stderr.rsplit('`').nth(1).unwrap().to_owned()
    };
    // The default directory: there are no flags to name.
    if !Path::new("/var/lib/dreichor").exists() {
        assert_eq!(named(&[]), "dreichor --data-dir DIR init");
    }
    for (given, flags) in [
        (&["--data-dir", "d"][..], "--data-dir d"),
        (&["--data-dir", "it's my data"], "--data-dir \"it's my data\""),
        (&["--audit-events-dir", "a", "--snapshots-dir", "b"], "--audit-events-dir a --snapshots-dir b"),
        (&["--audit-events-dir", "audit-events", "--snapshots-dir", "snapshots"], "--data-dir ."),
        (&["--data-dir", "d", "--snapshots-dir", "s"], "--audit-events-dir d/audit-events --snapshots-dir s"),
    ] {
        assert_eq!(named(given), format!("dreichor {flags} …"));
    }
}

/// The command with one mount bound read-only over itself, in a mount namespace of its own.
fn on_read_only(bench: &Bench, mount: &str, arguments: &[&str]) -> Command {
    let script = r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" || exit 77; exec "$@""#;
    let mut command = clean("unshare");
    command.args(["-rm", "sh", "-c", script]).arg(bench.path("data").join(mount));
    command.arg(DREICHOR).arg("--data-dir").arg(bench.path("data")).args(arguments);
    command
}

#[test]
#[ignore = "needs to mount file systems"]
fn a_read_only_mount() {
    let bench = Bench::filled();
    for (mount, file) in [("audit-events", "{log}"), ("snapshots", "{snapshots}")] {
        for command in [&["ingest"][..], &["snapshot"], &["run"]] {
            let facts = [file, "(os error 30)", "`dreichor replay`"];
            bench.refuses_command(&mut on_read_only(&bench, mount, command), 10, &facts);
            let empty = Bench::new();
            empty.refuses_command(&mut on_read_only(&empty, mount, command), 10, &facts[1..]);
        }
        for command in [&["replay"][..], &["events"], &["state", "memory", "--json"]] {
            let outcome = run(&mut on_read_only(&bench, mount, command), b"").expect(0);
            assert_eq!(outcome.stdout, bench.run(command).expect(0).stdout);
        }
    }
}

#[test]
fn files_that_can_be_no_store() {
    type Put = fn(&Bench, &Path);
    let kinds: [Put; 6] = [
        |bench, path| {
            fs::rename(path, bench.path("aside")).unwrap();
            symlink(bench.path("aside"), path).unwrap();
        },
        |bench, path| {
            fs::remove_file(path).unwrap();
            symlink(bench.path("nowhere"), path).unwrap();
        },
        |_, path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        },
        |_, path| {
            fs::remove_file(path).unwrap();
            mknodat(CWD, path, FileType::Fifo, Mode::from(0o600), 0).unwrap();
        },
        |_, path| {
            fs::remove_file(path).unwrap();
            UnixListener::bind(path).unwrap();
        },
        |bench, path| fs::hard_link(path, bench.path("aside")).unwrap(),
    ];
    for put in kinds {
        for name in ["{log}", "{snapshots}"] {
            let bench = Bench::filled();
            put(&bench, Path::new(&bench.fill_in(name)));
            for command in COMMANDS {
                bench.refuses(command, 10, &[&format!("{name}: ")]);
            }
            assert!(!bench.path("nowhere").exists());
        }
    }
}

#[test]
fn files_that_others_can_write_to() {
    for (mode, name) in [(0o660, "{log}"), (0o606, "{log}"), (0o622, "{snapshots}"), (0o642, "{snapshots}")] {
        let bench = Bench::filled();
        fs::set_permissions(bench.fill_in(name), fs::Permissions::from_mode(mode)).unwrap();
        let mode = format!("{mode:04o}");
        for command in [["ingest"], ["snapshot"]] {
            bench.refuses(&command, 10, &[name, &mode, "`chmod go-w`"]);
        }
        let before = bench.inventory();
        let warning = [bench.fill_in(name), mode, "WARN".into()];
        for command in [&["replay"][..], &["events"], &["state", "memory"]] {
            bench.run(command).expect(0).says(&warning);
        }
        let mut running = bench.start(&["run"]);
        running.wait_until_it_says("READY");
        running.signal(Signal::TERM);
        running.finish().expect(0).says(&warning);
        assert!(bench.inventory() == before);
    }
}

/// A user who may rename and remove files in a directory may replace the stores in it.
#[test]
fn directories_that_everyone_may_write_to() {
    let set = |bench: &Bench, mount: &str, mode: u32| {
        fs::set_permissions(bench.path(mount), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (mode, is_refused) in [(0o777, true), (0o752, true), (0o1777, false), (0o770, false), (0o750, false)]
    {
        for mount in ["data/audit-events", "data/snapshots"] {
            let bench = Bench::filled();
            set(&bench, mount, mode);
            let path = bench.path(mount).display().to_string();
            let names = [path.clone(), format!("{mode:04o}")];
            for writer in [["ingest"], ["snapshot"]] {
                if is_refused {
                    bench.refuses(&writer, 10, &[&names[0], &names[1], &format!("`chmod o-w {path}`")]);
                } else {
                    let outcome = bench.run(&writer).expect(0);
                    assert_eq!(outcome.stderr.contains(&names[1]), mode & 0o022 != 0, "{}", outcome.stderr);
                }
            }
            let reader = bench.run(&["replay"]).expect(0);
            assert_eq!(reader.stderr.contains(&names[1]), mode & 0o022 != 0, "{}", reader.stderr);
        }
    }
}

#[test]
fn a_second_writer() {
    let bench = Bench::new();
    let mut first = bench.start_writer(10, 1);
    for command in [&["ingest"][..], &["snapshot"], &["ingest", "/dev/null"]] {
        bench.refuses(command, 11, &["{log}: ", "`fuser -v`"]);
    }
    for command in [&["replay"][..], &["events"], &["state", "memory"]] {
        assert!(!bench.run(command).expect(0).stdout.is_empty());
    }
    let mut reader = bench.start(&["run"]);
    reader.wait_until_it_says("READY");
    first.send(tick(1, 12).as_bytes());
    first.line();
    reader.signal(Signal::TERM);
    reader.finish().expect(0);
    first.finish().expect(0);
}

/// Flags with bad values.
const BAD_VALUES: &str = "
--execution-plane live LIVE Paper
--safety-mode Halt stop
--snapshot-strategy Manual every every: every:0 every:x every:-1
--snapshot-strategy every:+1 every:1.5 every:18446744073709551616
--database-url localhost mysql://h/d postgres: postgres:///d
--database-url postgres://h:x/d postgres://h:65536/d
--observer-addr on 4710 127.0.0.1 127.0.0.1:65536
--observer-addr 0.0.0.0:4710 192.0.2.1:1 [::]:4710
--sandbox on REQUIRE
--logical-step-max x -1 1.5 9007199254740992
--log-format xml
--log-level trace INFO";

#[test]
fn configuration() {
    let bench = Bench::filled();
    for line in BAD_VALUES.trim().lines() {
        let (flag, values) = line.split_once(' ').unwrap();
        let variable = format!("DREICHOR_{}", flag[2..].to_uppercase().replace('-', "_"));
        for value in values.split(' ') {
            let given = format!("{flag}={value}");
            for arguments in [["run", &given], [&given, "run"]] {
                bench.refuses(&arguments, 2, &[flag]);
            }
            bench.refuses_command(bench.command(&["ingest"]).env(&variable, value), 2, &[flag]);
            // A reader refuses the flag and ignores the variable, unless it reads the setting.
            let is_read = flag.starts_with("--log-f") || flag == "--log-level";
            if !is_read {
                bench.run(&["replay", &given]).expect(2).says(&[flag]);
            }
            let of_reader = run(bench.command(&["replay"]).env(&variable, value), b"");
            assert_eq!(of_reader.code, Some(if is_read { 2 } else { 0 }), "{of_reader:?}");
            run(bench.command(&["ingest"]).env(&variable, ""), b"").expect(0);
        }
    }
    for flag in ["--data-dir=", "--audit-events-dir=", "--snapshots-dir="] {
        bench.refuses(&["replay", flag], 2, &[flag.trim_end_matches('=')]);
    }
    // A service of the name `dreichor`, as Kubernetes and Docker describe it.
    for name in "SERVICE_HOST SERVICE_PORT SERVICE_PORT_HTTP PORT PORT_4710_TCP PORT_4710_TCP_ADDR \
                 PORT_4710_UDP_PROTO OBSERVER_PORT_1_SCTP_PORT VERSION"
        .split_whitespace()
    {
        let name = format!("DREICHOR_{name}");
        run(bench.command(&["replay"]).env(&name, "tcp://10.0.0.1:4710"), b"")
            .expect(0)
            .says(&["WARN", &name]);
    }
    for name in ["DREICHOR_FOO", "DREICHOR_", "DREICHOR_data_dir", "DREICHOR_COLOR"] {
        bench.refuses_command(bench.command(&["replay"]).env(name, ""), 2, &[name]);
    }
}

#[test]
fn every_fault_of_the_configuration_at_once() {
    let bench = Bench::filled();
    let flags: BTreeSet<_> = BAD_VALUES.split_whitespace().filter(|word| word.starts_with("--")).collect();
    let given: Vec<String> = flags.iter().map(|flag| format!("{flag}=")).collect();
    let mut arguments = vec!["run"];
    arguments.extend(given.iter().map(String::as_str));
    let mut command = bench.command(&arguments);
    command.env("DREICHOR_FOO", "1").env("DREICHOR_BAR", "2").env("DREICHOR_LOG_LEVEL", "the flag wins");
    let outcome = bench.refuses_command(&mut command, 2, &["DREICHOR_FOO", "DREICHOR_BAR"]);
    let faults = outcome.says(&Vec::from_iter(&flags)).stderr.matches("\n  ").count();
    assert_eq!(faults, flags.len() + 2);
}

#[test]
fn a_password_is_never_shown() {
    let bench = Bench::filled();
    let bad = "postgres://me:sesame@ mysql://me:sesame@h/d me:sesame@h postgres://me:sesame@h:port/d \
               postgres://me:sesame@[::1/d postgres://me:sesame@h%20ost/d sesame postgres://me:sesame#@h/d \
               sesame:me@h/d postgres://me:1?sesame@h/d postgres://me:1#sesame@h/d postgres://me:1/sesame@h/d \
               postgres://me:1/sesame@h/../d postgres://sesame:1/2@h/../d";
    for url in bad.split_whitespace() {
        for command in ["ingest", "run", "snapshot"] {
            let given = [command, "--database-url", url];
            let outcomes = [
                bench.refuses(&given, 2, &["--database-url (DREICHOR_DATABASE_URL)"]),
                bench.refuses_command(bench.command(&[command]).env("DREICHOR_DATABASE_URL", url), 2, &[]),
            ];
            assert!(!outcomes.iter().any(|outcome| outcome.stderr.contains("sesame")), "{outcomes:?}");
        }
    }
    for arguments in [&["--help"][..], &["run", "--help"], &["run", "-h"], &["man"], &["run", "--sesam"]] {
        let url = "postgres://me:sesame@h/d";
        let outcome = run(bench.command(arguments).env("DREICHOR_DATABASE_URL", url), b"");
        assert!(!outcome.text().contains("sesame@") && !outcome.stderr.contains("sesame@"), "{outcome:?}");
    }
}

#[test]
fn the_database() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let url = format!("postgres://me:sesame@{address}/d");
    let bench = Bench::filled();
    for log_format in ["text", "json"] {
        let arguments = ["ingest", "--log-level=debug", "--log-format", log_format, "--database-url", &url];
        let outcome = bench.run(&arguments).expect(0).says(&[&address]);
        assert!(!outcome.stderr.contains("sesame"), "{}", outcome.stderr);
        let (mut connection, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        assert_eq!(connection.read_to_end(&mut asked).unwrap(), 0, "it was asked {asked:?}");
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "a second connection");
    }
    let url = "postgres://me:sesame@127.0.0.1:1/d";
    for command in ["ingest", "snapshot", "run"] {
        let facts = ["127.0.0.1:1: ", "--database-url"];
        let told = bench.refuses(&[command, "--database-url", url], 30, &facts).stderr;
        assert!(!told.contains("sesame"), "{told}");
    }
    run(bench.command(&["replay"]).env("DREICHOR_DATABASE_URL", url), b"").expect(0);
}

/// A text of the latest snapshot, its replacement, the broken rule, the member, and further facts of the message.
const BAD_SNAPSHOTS: &str = r#"
"9c56 => "8c56 => snapshot-id => snapshotId =>
"SHADOW => "LIGHT => type => type =>
"version":1 => "version":2 => version => version =>
"PAPER" => "LIVE" => plane => plane =>
"positions":{ => "positions": { => canonical => positions =>
M00-USDT": => M02-USDT": => snapshot-order => =>
"auditTreeSize":229 => "auditTreeSize":0 => value => auditTreeSize =>
"auditTreeSize":229 => "auditTreeSize":255 => snapshot-ahead => auditTreeSize => 254 255
"auditTreeSize":229 => "auditTreeSize":9007199254740991 => snapshot-ahead => auditTreeSize =>
"auditTreeSize":229 => "auditTreeSize":228 => snapshot-boundary => auditTreeSize => 228
"auditTreeSize":229 => "auditTreeSize":254 => snapshot-root => auditRootHash => ROOT 254 362e
"362e => "462e => snapshot-root => auditRootHash => 462e
"logicalTime":80 => "logicalTime":79 => snapshot-time => logicalTime => 80 229 79
"logicalTime":80 => "logicalTime":81 => snapshot-time => logicalTime => 80 229 81
"0.25" => "0.250" => snapshot-positions => positions.BINANCE_SPOT:M01-USDT => 229
"4c0a6635- => "4c0a6636- => snapshot-positions => positions.BINANCE_SPOT:M01-USDT =>
"0","isOpen":false => "0","isOpen":true => snapshot-positions => positions.BINANCE_SPOT:M00-USDT =>
BINANCE_SPOT:M03-USDT":{"marketId":"BINANCE_SPOT:M03-USDT => Z":{"marketId":"Z => snapshot-positions => positions.BINANCE_SPOT:M03-USDT =>
"#;

/// The latest snapshot is refused, with these facts.
fn check_latest(bench: &Bench, facts: &[&str]) {
    let start = lines(&vector("snapshots.ndjson"))[..16].concat().len();
    let place = place("{snapshots}", 17, start);
    let facts = [&[&*place[0], &place[1]], facts].concat();
    for command in COMMANDS {
        bench.refuses(command, 12, &facts);
    }
}

#[test]
fn a_latest_snapshot_that_is_malformed_or_contradicts_the_log() {
    let check_change = |facts: &[&str], change: &dyn Fn(&[u8]) -> Vec<u8>| {
        let bench = Bench::filled();
        bench.put(&bench.snapshots_path(), &with_line(&bench.stores()[1], 17, change).0);
        check_latest(&bench, facts);
    };
    let expected: serde_json::Value = serde_json::from_slice(&vector("expected.json")).unwrap();
    let root = expected["rootHash"].as_str().unwrap();
    for case in BAD_SNAPSHOTS.trim().lines() {
        let case = case.replace("ROOT", root);
        println!("{case}");
        let [from, to, broken, member, named] = case.split(" =>").map(str::trim).collect::<Vec<_>>()[..]
        else {
            unreachable!()
        };
        let broken_rule = rule(broken, member);
        let facts: Vec<&str> = [&*broken_rule].into_iter().chain(named.split_whitespace()).collect();
        check_change(&facts, &|line| {
            let bad = edited(line, from, to);
            if broken == "snapshot-id" { bad } else { identified(&bad) }
        });
    }
    let any = rule("", "");
    for garbage in ["\n", "{}\n", "\0\0\0\n", "\r\n", "\u{feff}\n"] {
        check_change(&[&any], &|_| garbage.into());
    }
    // Only the length of a line that is too long is checked: its content would break another rule.
    let (ahead, log_bytes) = (rule("snapshot-ahead", ""), vector("audit_events.ndjson").len());
    let longest = (log_bytes + 1_024).to_string();
    for (length, facts) in [
        (log_bytes + 1_024, [&*any, ""]),
        (log_bytes + 1_025, [&ahead, &longest]),
        (3 << 20, [&ahead, &longest]),
    ] {
        check_change(&facts, &|_| [vec![b'x'; length], b"\n".to_vec()].concat());
    }
    let ahead = rule("snapshot-ahead", "auditTreeSize");
    let bench = Bench::filled();
    bench.put(&bench.log_path(), &lines(&vector("audit_events.ndjson"))[..228].concat());
    check_latest(&bench, &[&ahead, "228"]);
    fs::remove_file(bench.log_path()).unwrap();
    check_latest(&bench, &[&ahead]);
    // A wrong mount looks the same, and what is salvaged of that is nothing.
    bench.refuses(&["ingest"], 12, &[]);
}

#[test]
fn older_snapshots_are_not_read() {
    let bench = Bench::filled();
    for number in [1, 16] {
        let (bad, _) = with_line(&bench.stores()[1], number, |_| b"not a snapshot\n".to_vec());
        bench.put(&bench.snapshots_path(), &bad);
    }
    let receipt = Bench::filled().run(&["replay"]).expect(0).stdout;
    assert_eq!(bench.run(&["replay"]).expect(0).stdout, receipt);
    let [log, snapshots] = bench.stores();
    bench.ingest(&vector("inputs.ndjson")).expect(0);
    assert!(bench.stores() == [log, snapshots]);
}

#[test]
fn a_malformed_line_of_the_log() {
    type Change = fn(&[u8]) -> Vec<u8>;
    let changes: [(&str, &str, Change); 9] = [
        ("event-id", "id", |line| {
            let digit = if line[7] == b'0' { b"1" } else { b"0" };
            [&line[..7], digit, &line[8..]].concat()
        }),
        ("", "", |_| b"{}\n".to_vec()),
        ("", "", |_| b"\n".to_vec()),
        ("", "", |_| b"\0\0\0\n".to_vec()),
        ("", "", |line| edited(line, ",", ", ")),
        ("canonical", "", |line| edited(line, "\n", "\r\n")),
        ("", "", |line| [b"\xef\xbb\xbf", line].concat()),
        ("line-length", "", |line| edited(line, "\n", &(" ".repeat(65_536 - line.len() + 1) + "\n"))),
        ("line-length", "", |_| [vec![b'x'; 3 << 20], b"\n".to_vec()].concat()),
    ];
    let log = vector("audit_events.ndjson");
    for number in [1, 100, 254] {
        for (broken, member, change) in changes {
            let (bad, offset) = with_line(&log, number, change);
            let bench = Bench::filled();
            bench.put(&bench.log_path(), &bad);
            let [place, start] = place("{log}", number, offset);
            for command in COMMANDS {
                let outcome = bench.refuses(command, 12, &[&place, &start, &rule(broken, member)]);
                let printed: &[u8] = if command[0] == "events" { &bad[..offset] } else { b"" };
                assert!(outcome.stdout == printed, "not the sound lines before it");
            }
        }
    }
}

/// Regression: a writer created the snapshots that were missing, empty, before it refused the log.
#[test]
fn a_malformed_log_without_snapshots_stays_without() {
    let bench = Bench::filled();
    fs::remove_file(bench.snapshots_path()).unwrap();
    let (bad, _) = with_line(&vector("audit_events.ndjson"), 100, |_| b"{}\n".to_vec());
    bench.put(&bench.log_path(), &bad);
    for command in ["ingest", "snapshot"] {
        bench.refuses(&[command], 12, &[&place("{log}", 100, 0)[0]]);
        assert!(!bench.snapshots_path().exists());
    }
}

#[test]
fn a_file_that_may_not_grow() {
    let limited = |bench: &Bench, blocks: u32| {
        let mut command = clean("sh");
        command.args(["-c", &format!("ulimit -f {blocks} && exec \"$0\" \"$@\""), DREICHOR]);
        command.arg("--data-dir").arg(bench.path("data")).arg("ingest");
        command
    };
    let inputs = vector("inputs.ndjson");
    let (first, rest) = inputs.split_at(lines(&inputs)[..20].concat().len());
    for blocks in [64, 100, 127] {
        let bench = Bench::new();
        let mut running = Running::start(&mut limited(&bench, blocks));
        running.send(first);
        running.take_lines(20);
        running.send(rest);
        let outcome = running.finish().expect(13);
        let count = 20 + lines(&outcome.stdout).len();
        outcome.says(&[bench.fill_in("{log}: "), acknowledged(count).unwrap()]);
        let outcome = bench.ingest(&inputs).expect(0);
        let is_recorded = |line: &serde_json::Value| line["status"] == "ALREADY_RECORDED";
        assert!(outcome.json()[..count].iter().all(is_recorded), "what was acknowledged was lost");
        bench.check_whole();
    }
    let bench = Bench::filled();
    bench.refuses_command(&mut limited(&bench, 1), 13, &["{log}: ", "(os error 27)", "input 1"]);
}

#[test]
fn acknowledgements_that_cannot_be_delivered() {
    let inputs = tick(1, 10) + &tick(2, 12);
    let reference = Bench::new();
    reference.ingest(inputs.as_bytes()).expect(0);
    let closed = || Stdio::from(std::io::pipe().unwrap().1);
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    for stdout in [closed(), full()] {
        let bench = Bench::new();
        let mut running = Running::start_with_output(&mut bench.command(&["ingest"]), stdout);
        running.send(inputs.as_bytes());
        running.wait().expect(14);
        assert!(bench.stores() == reference.stores());
    }
}

#[test]
fn an_input_that_cannot_be_read() {
    let bench = Bench::filled();
    // An input that cannot be opened is an error of usage; one that cannot be read may be sent again.
    bench.refuses(&["ingest", "{dir}/nothing"], 2, &["{dir}/nothing"]);
    bench.refuses(&["ingest", "{log}/x"], 2, &["{log}/x"]);
    bench.refuses(&["ingest", "{dir}"], 14, &["{dir}"]);
}

#[test]
fn a_file_that_somebody_else_touches() {
    type Tamper<'a> = &'a dyn Fn(&Path);
    let open = |path: &Path| fs::File::options().append(true).open(path).unwrap();
    let copy_over = |path: &Path| {
        let other = path.with_extension("other");
        fs::copy(path, &other).unwrap();
        fs::rename(other, path).unwrap();
    };
    let tamperings: [Tamper<'_>; 8] = [
        &|path| open(path).set_len(0).unwrap(),
        &|path| open(path).set_len(path.metadata().unwrap().len() - 1).unwrap(),
        &|path| open(path).write_all(b"x").unwrap(),
        &copy_over,
        &|path| {
            fs::rename(path, path.with_extension("aside")).unwrap();
            symlink(path.with_extension("aside"), path).unwrap();
        },
        &|path| {
            let mount = path.parent().unwrap();
            fs::rename(mount, mount.with_extension("aside")).unwrap();
            fs::create_dir(mount).unwrap();
            fs::copy(mount.with_extension("aside").join(path.file_name().unwrap()), path).unwrap();
        },
        &|path| fs::hard_link(path, path.with_extension("link")).unwrap(),
        &|path| fs::remove_file(path).unwrap(),
    ];
    for (number, tamper) in tamperings.into_iter().enumerate() {
        for name in ["{log}", "{snapshots}"] {
            let is_log = name == "{log}";
            let bench = Bench::new();
            let mut running = bench.start_writer(10, 1);
            let path = bench.fill_in(name);
            tamper(Path::new(&path));
            let mut before = bench.inventory();
            // A sale: it asks for a snapshot.
            running.send(tick(1, 20).as_bytes());
            let outcome = running.wait().expect(10).says(&[format!("{path}: ")]);
            // The log's turn comes first: the events are durable and acknowledged, their snapshot is missing.
            assert_eq!(outcome.stdout.is_empty(), is_log, "acknowledged");
            let mut after = bench.inventory();
            if !is_log {
                before.remove(&bench.log_path());
                after.remove(&bench.log_path());
            }
            assert!(after == before, "{number}: written after that");
        }
    }
}
