//! Parse, fold and encode on the published vectors, for `bench/instructions/gate`, which counts their instructions.
//!
//! Setups are not counted. What a benchmark takes is returned, so that its drop is not counted either.

use std::hint::black_box;

use dreichor_core::{Event, Hash, Input, State};
use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};

const EVENTS: &[u8] = include_bytes!("../../../tests/vectors/audit_events.ndjson");
const INPUTS: &[u8] = include_bytes!("../../../tests/vectors/inputs.ndjson");

/// The number of passes of a benchmark over a file, so that work done once in a process does not matter.
const ROUNDS: usize = 10;

fn lines(file: &'static [u8]) -> Vec<&'static [u8]> {
    file.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect()
}

fn hashed_lines() -> Vec<(&'static [u8], Hash)> {
    lines(EVENTS).into_iter().map(|line| (line, Event::leaf(line))).collect()
}

fn events() -> Vec<Event<'static>> {
    hashed_lines().into_iter().map(|(line, leaf)| Event::read_hashed(line, leaf).unwrap()).collect()
}

fn events_and_states() -> (Vec<Event<'static>>, Vec<State>) {
    (events(), vec![State::new(); ROUNDS])
}

fn events_and_buffer() -> (Vec<Event<'static>>, Vec<u8>) {
    (events(), Vec::with_capacity(ROUNDS * EVENTS.len()))
}

fn state_and_buffer() -> (State, Vec<u8>) {
    let mut state = State::new();
    events().iter().for_each(|event| state.apply(event).unwrap());
    (state, Vec::with_capacity(ROUNDS * EVENTS.len()))
}

#[library_benchmark]
#[bench::vectors(hashed_lines())]
fn parse(lines: Vec<(&'static [u8], Hash)>) -> Vec<(&'static [u8], Hash)> {
    for _ in 0..ROUNDS {
        for &(line, leaf) in &lines {
            black_box(Event::read_hashed(black_box(line), leaf)).unwrap();
        }
    }
    lines
}

#[library_benchmark]
#[bench::vectors(lines(INPUTS))]
fn input(lines: Vec<&'static [u8]>) -> Vec<&'static [u8]> {
    for _ in 0..ROUNDS {
        for line in &lines {
            black_box(Input::parse(black_box(line))).unwrap();
        }
    }
    lines
}

#[library_benchmark]
#[bench::vectors(events_and_states())]
fn fold((events, mut states): (Vec<Event<'static>>, Vec<State>)) -> (Vec<Event<'static>>, Vec<State>) {
    for state in &mut states {
        for event in &events {
            black_box(&mut *state).apply(black_box(event)).unwrap();
        }
    }
    (events, states)
}

#[library_benchmark]
#[bench::vectors(events_and_buffer())]
fn encode((events, mut buffer): (Vec<Event<'static>>, Vec<u8>)) -> (Vec<Event<'static>>, Vec<u8>) {
    for _ in 0..ROUNDS {
        for event in &events {
            black_box(black_box(event).write_line(&mut buffer));
        }
    }
    (events, buffer)
}

#[library_benchmark]
#[bench::vectors(state_and_buffer())]
fn memory((state, mut buffer): (State, Vec<u8>)) -> (State, Vec<u8>) {
    for _ in 0..ROUNDS {
        black_box(&state).write_memory(&mut buffer);
    }
    (state, buffer)
}

// Little but hashing, which the gate subtracts. If it no longer finds the function to subtract, this count becomes
// ninety times as large, and no count is right.
#[library_benchmark]
#[bench::vectors(lines(EVENTS))]
fn leaf(lines: Vec<&'static [u8]>) -> Vec<&'static [u8]> {
    for _ in 0..ROUNDS {
        for line in &lines {
            black_box(Event::leaf(black_box(line)));
        }
    }
    lines
}

library_benchmark_group!(name = core; benchmarks = parse, input, fold, encode, memory, leaf);

main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"]));
    library_benchmark_groups = core
);
