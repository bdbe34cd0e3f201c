//! The operations of the simulated disk become system calls: the real writer syncs its writes before it answers, syncs the
//! directories of the files that it creates, and drops cached pages before it reads.

mod support;

use std::path::Path;

use support::tracer::{Found, Try, call_name};

/// The calls that read, write, sync, cut off, rename, or drop what is cached.
const CALLS: &str = "trace=pread64,write,fdatasync,fsync,fadvise64,renameat2,ftruncate";

/// True if the call is on this path.
fn is_on(call: &str, path: &Path) -> bool {
    call.contains(&format!("<{}>", path.display()))
}

#[test]
#[ignore = "needs strace"]
fn the_real_writer_syncs_what_it_writes_before_it_answers() {
    for found in Found::ALL {
        let tried = Try::new(found);
        let ended = tried.ingest(&["-e".into(), CALLS.into()]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let calls: Vec<&str> = ended.trace.lines().filter(|line| call_name(line).is_some()).collect();
        let of = |name: &str| calls.iter().filter(|call| call_name(call) == Some(name)).count();
        assert!(of("write") > 50 && of("fdatasync") > 50, "{found:?}: {calls:#?}");
        for pair in calls.windows(2) {
            let is_change = matches!(call_name(pair[0]), Some("write" | "ftruncate"));
            // The tracer shows the file of the descriptor.
            if is_change && pair[0].contains(".ndjson") {
                let path = pair[0].split(['<', '>']).nth(1).unwrap_or_default();
                let is_synced = call_name(pair[1]) == Some("fdatasync") && is_on(pair[1], Path::new(path));
                assert!(is_synced, "{found:?}: {pair:#?}");
            }
        }
        for store in [tried.bench.log_path(), tried.bench.snapshots_path()] {
            let first = |name: &str, path: &Path| {
                calls.iter().position(|call| call_name(call) == Some(name) && is_on(call, path))
            };
            let synced = first("fdatasync", &store);
            let mount = first("fsync", store.parent().unwrap());
            let written =
                calls.iter().position(|call| call_name(call) == Some("write") && is_on(call, &store));
            assert!(synced.is_some() && synced < written, "{found:?}: {store:?} is not synced at the start");
            assert!(mount.is_some() && mount < written, "{found:?}: the mount of {store:?} is not synced");
            let dropped = first("fadvise64", &store);
            let read = first("pread64", &store);
            assert!(
                dropped.is_some() && dropped < written && (dropped < read || read.is_none()),
                "{found:?}: what is cached of {store:?} is believed"
            );
            // From the start to the end: no more of these files could be what a last commit left.
            let is_all = dropped.is_some_and(|at| calls[at].contains(", 0, 0, POSIX_FADV_DONTNEED)"));
            assert!(is_all, "{found:?}: {:?}", dropped.map(|at| calls[at]));
            assert!(read.is_some() || matches!(found, Found::Empty), "{found:?}: {store:?} is not read");
        }
    }
}
