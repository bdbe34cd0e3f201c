//! Several upstreams on a simulated disk: however their inputs interleave, wherever the writer is killed or a call fails,
//! and everybody sends everything again, the log holds each input once, every acknowledged input is in it, and it is the
//! log that a single pipe would have written in that order.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use dreichor_core::tick::Policy;
use dreichor_runtime::batch;
use dreichor_runtime::ingest::{IngestError, Session};
use dreichor_runtime::recovery::recover;
use dreichor_runtime::upstreams::{Limits, Peer, Upstreams};
use dreichor_runtime::writing::{Commits, WriteStores};
use dreichor_simulation::{Disk, Failure, Fault, Kept, Mount, Plan, Random};
use support::{file, lines, live, seed, short_commits, stores};

const UPSTREAMS: usize = 4;
const EIO: i32 = 5;

/// The inputs of each upstream at each time of their common clock.
type Sent = Vec<[Vec<String>; UPSTREAMS]>;

/// Up to two feedbacks and a tick of its own instance, from each upstream at each time.
fn all_inputs(times: u64, random: &mut Random) -> Sent {
    let at = |time, random: &mut Random| {
        [0, 1, 2, 3].map(|upstream| {
            let mut inputs: Vec<String> =
                (0..random.below(3)).map(|index| feedback(time, &format!("{upstream} {index}"))).collect();
            inputs.push(tick(time, upstream, random));
            inputs
        })
    };
    (1..=times).map(|time| at(time, random)).collect()
}

fn tick(time: u64, upstream: u64, random: &mut Random) -> String {
    let (better, market, force) = (random.below(10) < 7, random.below(2), random.below(9) == 0);
    format!(
        "{{\"version\":1,\"kind\":\"TICK\",\"logicalTime\":{time},\"strategyInstanceId\":\"{upstream:08x}-0000-4000-8000-000000000000\",\"decisionClass\":\"a.b.c@v1\",\"reasonCodes\":[],\"attention\":{{\"attentionMeaningfullyHigher\":{better},\"stabilityMeetsMinimum\":true,\"confidenceSufficient\":true,\"differencePersistsOverTime\":true,\"switchingCostsJustified\":true}},\"parameterPoolId\":\"assertive@v1\",\"targetMarketId\":\"M{market}\",\"safetyGates\":{{\"haltAll\":false,\"blockBuy\":false,\"forceSell\":{force}}}}}"
    )
}

fn feedback(time: u64, comment: &str) -> String {
    format!(
        "{{\"version\":1,\"kind\":\"FEEDBACK\",\"logicalTime\":{time},\"category\":\"RISK_COMFORT\",\"target\":{{\"type\":\"TIME_WINDOW\",\"from\":0,\"to\":{time}}},\"comment\":\"{comment}\"}}"
    )
}

/// One upstream in one life of the writer.
struct Client {
    stream: UnixStream,
    /// Bytes that it will still send at this time.
    unsent: Vec<u8>,
    received: Vec<u8>,
}

impl Client {
    /// Sends some bytes, which need not end with a line.
    fn send_some(&mut self, random: &mut Random) {
        let most = self.unsent.len().min(1 + usize::try_from(random.below(900)).unwrap());
        let sent = self.stream.write(&self.unsent[..most]).unwrap();
        self.unsent.drain(..sent);
    }

    fn receive(&mut self) {
        let mut buffer = [0; 4_096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => panic!("closed: {}", String::from_utf8_lossy(&self.received)),
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn answers(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.received).lines().map(str::to_owned).collect()
    }
}

/// One life of the writer, to which all upstreams send everything. Returns the answers that each upstream received.
fn live_with(
    disk: &Disk,
    all_inputs: &Sent,
    commits: Commits,
    random: &mut Random,
) -> ([Vec<String>; UPSTREAMS], Result<(), IngestError>) {
    let pairs = [0, 1, 2, 3].map(|_| UnixStream::pair().unwrap());
    let mut clients = Vec::new();
    let limits = Limits {
        turn: batch::Limits { inputs: 1 + usize::try_from(random.below(12)).unwrap(), ..Default::default() },
        ..Limits::default()
    };
    let mut upstreams = Upstreams::new(limits);
    for (number, (ours, theirs)) in pairs.into_iter().enumerate() {
        ours.set_nonblocking(true).unwrap();
        clients.push(Client { stream: ours, unsent: Vec::new(), received: Vec::new() });
        upstreams.accept(theirs, Peer { number: number as u64, uid: 0, pid: 0 }).unwrap();
    }
    let ended = run(disk, all_inputs, commits, random, &mut upstreams, &mut clients);
    // What was sent before the end is received.
    clients.iter_mut().for_each(Client::receive);
    let answers: Vec<_> = clients.iter().map(Client::answers).collect();
    (answers.try_into().unwrap(), ended)
}

fn run(
    disk: &Disk,
    all_inputs: &Sent,
    commits: Commits,
    random: &mut Random,
    upstreams: &mut Upstreams,
    clients: &mut [Client],
) -> Result<(), IngestError> {
    let stores = stores(disk);
    stores.create_missing()?;
    let _locks = stores.lock()?;
    stores.settle()?;
    let recovered = recover(&stores, commits, &mut ())?;
    let mut session = Session::new(&stores, recovered, Policy::default(), commits)?;
    let mut expected = [0; UPSTREAMS];
    for inputs in all_inputs {
        for (upstream, client) in clients.iter_mut().enumerate() {
            client.unsent =
                inputs[upstream].iter().flat_map(|input| format!("{input}\n").into_bytes()).collect();
            expected[upstream] += inputs[upstream].len();
        }
        // They share a clock: nobody sends at the next time before everybody has the answers of this one.
        while clients.iter().zip(expected).any(|(client, expected)| client.answers().len() < expected) {
            let chosen = usize::try_from(random.below(UPSTREAMS as u64 + 2)).unwrap();
            if let Some(client) = clients.get_mut(chosen) {
                client.send_some(random);
                continue;
            }
            upstreams.wake(std::iter::repeat(true));
            upstreams.turn(&mut session, Instant::now())?;
            clients.iter_mut().for_each(Client::receive);
        }
    }
    Ok(())
}

/// The id of the decision or feedback of an answer.
fn id(answer: &str) -> &str {
    assert!(answer.contains("RECORDED\""), "{answer}");
    let mut ids = ["\"decisionId\":\"", "\"feedbackId\":\""].into_iter();
    ids.find_map(|member| answer.split_once(member)).unwrap().1.split('"').next().unwrap()
}

/// The ids of the recorded inputs, in the order of the log.
fn recorded(log: &[u8]) -> Vec<String> {
    let of = |line: &Vec<u8>| {
        let line = String::from_utf8_lossy(line).into_owned();
        let member = [
            ("\"DECISION_EVALUATED\"", "\"decisionId\":\""),
            ("\"USER_FEEDBACK_RECORDED\"", "\"feedbackId\":\""),
        ];
        let (_, member) = member.into_iter().find(|(event, _)| line.contains(event))?;
        Some(line.split_once(member).unwrap().1.split('"').next().unwrap().to_owned())
    };
    lines(log).iter().filter_map(of).collect()
}

/// On what a crash or failure left, everybody sends everything again.
fn check(
    all_inputs: &Sent,
    commits: Commits,
    disk: &Disk,
    before: &[Vec<String>],
    random: &mut Random,
    story: &str,
) {
    disk.begin(Plan::default());
    let (answers, ended) = live_with(disk, all_inputs, commits, random);
    assert!(ended.is_ok(), "{story}: {ended:?}");
    for (before, after) in before.iter().zip(&answers) {
        for (before, after) in before.iter().zip(after) {
            let is_known = after.contains("\"ALREADY_RECORDED\"") && id(before) == id(after);
            assert!(is_known, "{story}: acknowledged, and lost: {before} {after}");
        }
    }
    let mut inputs = BTreeMap::new();
    for (upstream, answers) in answers.iter().enumerate() {
        let sent = all_inputs.iter().flat_map(|inputs| &inputs[upstream]);
        inputs.extend(answers.iter().map(|answer| id(answer).to_owned()).zip(sent.cloned()));
    }
    let shows = |disk: &Disk, mount| disk.shows(mount, file(mount)).unwrap();
    let order = recorded(&shows(disk, Mount::Events));
    assert_eq!(order.len(), inputs.len(), "{story}: not each input once");
    let ordered: Vec<String> = order.iter().map(|id| inputs[id].clone()).collect();
    let pipe = Disk::default();
    live(&pipe, &ordered, ordered.len(), commits.strategy).1.unwrap();
    for mount in Mount::ALL {
        assert!(shows(disk, mount) == shows(&pipe, mount), "{story}: {mount:?} is not what a pipe writes");
    }
}

#[test]
fn killed_or_failed_anywhere_and_sent_again_it_is_the_log_of_a_pipe() {
    let seed = seed();
    let mut random = Random(seed);
    let mut images = 0;
    for life in 0..12 {
        let all_inputs = all_inputs(4, &mut random);
        let commits = short_commits();
        let interleaving = Random(random.number());
        let calls = {
            let disk = Disk::default();
            disk.begin(Plan::default());
            let (answers, ended) = live_with(&disk, &all_inputs, commits, &mut interleaving.clone());
            assert!(ended.is_ok(), "TEST_SEED={seed}, life {life}: {ended:?}");
            let calls = disk.calls();
            check(
                &all_inputs,
                commits,
                &disk,
                &answers,
                &mut random,
                &format!("TEST_SEED={seed}, life {life}"),
            );
            calls
        };
        for call in 0..calls {
            let fault = Fault { at: call, lasts: false, failure: Failure::Error(EIO) };
            for plan in
                [Plan { crash_at: Some(call), fault: None }, Plan { crash_at: None, fault: Some(fault) }]
            {
                let story = format!("TEST_SEED={seed}, life {life}, {plan:?}");
                let disk = Disk::default();
                disk.begin(plan);
                let (answers, _) = live_with(&disk, &all_inputs, commits, &mut interleaving.clone());
                // Holes within a commit are refused: the tests of a single pipe look at those.
                let ways = disk.ways(&mut random);
                let is_whole = |kept: &Kept| matches!(kept, Kept::Nothing | Kept::All | Kept::Prefix(..));
                let mut ways: Vec<Kept> = ways.into_iter().filter(is_whole).collect();
                while ways.len() > 3 {
                    ways.swap_remove(usize::try_from(random.below(ways.len() as u64)).unwrap());
                }
                for kept in ways {
                    let story = format!("{story}, kept {kept:?}");
                    let image = disk.image(kept).disk();
                    check(&all_inputs, commits, &image, &answers, &mut random, &story);
                    images += 1;
                }
            }
        }
    }
    assert!(images > 1_000, "{images} images");
}
