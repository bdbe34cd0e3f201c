//! A published log on real servers: readers clone and verify it again and again while it grows.

mod support;

use std::fs;
use std::process::Command;

use support::http::ask;
use support::observed::Observed;
use support::page::Page;
use support::published::{PUBLISH, bench, clone, log_of, tool, verified};
use support::server::{Server, nginx, python};
use support::{Bench, DREICHOR, Running, clean, lines, run, tick, wait_until};

/// Records further events, of so many ticks.
fn grow(bench: &Bench, time: &mut u64, ticks: usize) {
    let ticks: String = (0..ticks)
        .map(|_| {
            *time += 1;
            tick(1, *time)
        })
        .collect();
    bench.ingest(ticks.as_bytes()).expect(0);
}

#[test]
#[ignore = "needs python3"]
fn a_log_is_cloned_from_a_web_server_and_grows_with_it() {
    let bench = bench();
    bench.run(&PUBLISH).expect(0);
    let server = python(&bench.path("tree"));
    assert_eq!(verified(&bench, &server.url), 254);
    let mut time = 10_000;
    for _ in 0..4 {
        tool(&bench, &clone(&server.url, "{dir}/copy")).expect(0);
        assert!(log_of(&bench.path("copy")) == bench.stores()[0]);
        grow(&bench, &mut time, 120);
        bench.run(&PUBLISH).expect(0);
    }
    // A changed entry is found, and nothing of it is copied.
    let entries = bench.path("tree/tile/entries/000");
    let mut bytes = fs::read(&entries).unwrap();
    bytes[1_000] ^= 1;
    fs::write(&entries, bytes).unwrap();
    tool(&bench, &clone(&server.url, "{dir}/fresh")).expect(21).says(&["tile/entries/000"]);
    assert!(log_of(&bench.path("fresh")).is_empty());
}

#[test]
#[ignore = "needs nginx"]
fn nginx_serves_as_the_page_says() {
    let bench = bench();
    grow(&bench, &mut 10_000, 60);
    bench.run(&PUBLISH).expect(0);
    let server = nginx(&bench);
    let address = server.url.strip_prefix("http://").unwrap().strip_suffix("/log").unwrap().parse().unwrap();
    let get = |path: &str| ask(address, "GET", path, &["Accept-Encoding: gzip"]);
    let tile = get("/log/tile/entries/000").expect(200);
    assert!(tile.header("cache-control").unwrap().contains("immutable"), "{tile:?}");
    assert_eq!(tile.header("content-encoding"), Some("gzip"));
    let checkpoint = get("/log/checkpoint").expect(200);
    assert_eq!(checkpoint.header("cache-control"), Some("no-cache"));
    // The next tile is not there yet, which no cache may keep.
    assert!(get("/log/tile/entries/001").expect(404).header("cache-control").is_none());
    get("/log/.publish/lock").expect(404);
    let other = format!("{}/other", server.url);
    tool(&bench, &clone(&other, "{dir}/none")).expect(21);
}

#[test]
#[ignore = "needs nginx"]
fn a_reader_machine_follows_a_writer() {
    let bench = bench();
    bench.run(&PUBLISH).expect(0);
    let server = nginx(&bench);
    let copy = bench.path("copy");
    tool(&bench, &clone(&server.url, "{dir}/copy")).expect(0);
    let copied = copy.to_str().unwrap();
    let mut observe = clean(DREICHOR);
    observe.args(["--data-dir", copied, "--observer-addr", "127.0.0.1:0", "observe", "--log-format", "json"]);
    let observer = Observed::when_it_says(Running::start(&mut observe), "SERVING");
    let size_seen = || {
        let head = observer.get("/v1/observe/persistence/tree-head").expect(200).json();
        usize::try_from(head["treeSize"].as_u64().unwrap()).unwrap()
    };
    assert_eq!(size_seen(), 254);

    let mut publisher = bench.start(&[&PUBLISH[..], &["--every", "1"]].concat());
    let mut writer = bench.start(&["ingest"]);
    let (mut time, mut sizes) = (10_000, vec![254]);
    // Until the copy has grown five times, by whatever was published meanwhile.
    while sizes.len() < 6 {
        time += 1;
        writer.send(tick(1, time).as_bytes());
        writer.line();
        verified(&bench, &server.url);
        tool(&bench, &clone(&server.url, "{dir}/copy")).expect(0);
        let held = log_of(&copy);
        assert!(fs::read(bench.log_path()).unwrap().starts_with(&held), "the copy is no prefix");
        let size = lines(&held).len();
        wait_until("the observer sees what was copied", || size_seen() == size);
        if *sizes.last().unwrap() != size {
            sizes.push(size);
        }
        assert!(!publisher.told().contains("ERROR"), "{}", publisher.told());
    }
    assert!(sizes.is_sorted(), "{sizes:?}");
    writer.finish().expect(0);
    drop(publisher);
    bench.run(&PUBLISH).expect(0);
    tool(&bench, &clone(&server.url, "{dir}/copy")).expect(0);
    assert!(log_of(&copy) == bench.stores()[0]);
}

/// rclone, with the object store as its remote `bucket`.
fn rclone(store: &Server, arguments: &[&str]) -> Command {
    let mut command = clean("rclone");
    for (name, value) in [
        ("TYPE", "s3"),
        ("PROVIDER", "Other"),
        ("ACCESS_KEY_ID", "reader"),
        ("SECRET_ACCESS_KEY", "secret"),
        ("ACL", "public-read"),
        ("ENDPOINT", &store.url),
    ] {
        command.env(format!("RCLONE_CONFIG_REMOTE_{name}"), value);
    }
    // A bundle of certificates, which plain HTTP does not need, and which some versions cannot load.
    command.env_remove("AWS_CA_BUNDLE");
    command.arg("--config=/dev/null").args(arguments);
    command
}

#[test]
#[ignore = "needs moto_server and rclone"]
fn a_bucket_has_the_tiles_before_the_checkpoint() {
    let bench = bench();
    bench.run(&PUBLISH).expect(0);
    let store = Server::start(|port| {
        let mut command = clean("moto_server");
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command
    });
    let url = format!("{}/bucket/log", store.url);
    let tree = bench.path("tree").display().to_string();
    run(&mut rclone(&store, &["mkdir", "remote:bucket"]), b"").expect(0);
    // The commands of the page.
    let page = Page::read("docs/PUBLISHING.md");
    let [keep, tiles, checkpoint] = ["cp ", "rclone copy ", "rclone copyto "].map(|begin| {
        let line = page.text.lines().find(|line| line.starts_with(begin)).unwrap();
        let line = line.replace("/srv/www/log", &tree).replace("/srv/www", &bench.fill_in("{dir}"));
        line.replace('\'', "").split(' ').skip(1).map(str::to_owned).collect::<Vec<_>>()
    });
    let put = |command: &[String]| {
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        run(&mut rclone(&store, &arguments), b"").expect(0);
    };
    let size = || lines(&bench.stores()[0]).len() as u64;
    let mut time = 10_000;
    let mut in_bucket = None;
    for _ in 0..3 {
        fs::copy(&keep[0], &keep[1]).unwrap();
        let kept = size();
        put(&tiles);
        // With the tiles alone, readers see what was published before.
        match in_bucket {
            None => drop(tool(&bench, &clone(&url, "{dir}/none")).expect(21)),
            Some(before) => assert_eq!(verified(&bench, &url), before),
        }
        // A round in between changes nothing.
        grow(&bench, &mut time, 120);
        bench.run(&PUBLISH).expect(0);
        put(&checkpoint);
        assert_eq!(verified(&bench, &url), kept);
        tool(&bench, &clone(&url, "{dir}/copy")).expect(0);
        let held = log_of(&bench.path("copy"));
        assert!(bench.stores()[0].starts_with(&held) && lines(&held).len() as u64 == kept);
        in_bucket = Some(kept);
    }
    // The other way round: the new checkpoint covers tiles that are not there.
    fs::copy(&keep[0], &keep[1]).unwrap();
    put(&checkpoint);
    let before = log_of(&bench.path("copy"));
    let refused = tool(&bench, &clone(&url, "{dir}/copy")).expect(21);
    refused.says(&["is missing, although the checkpoint covers it"]);
    assert!(log_of(&bench.path("copy")) == before);
    put(&tiles);
    tool(&bench, &clone(&url, "{dir}/copy")).expect(0);
    assert!(log_of(&bench.path("copy")) == bench.stores()[0]);
}
