#!/usr/bin/env python3
"""An upstream that talks to `dreichor ingest` over a pipe. Standard library only.

    python3 examples/upstream.py [TICKS.ndjson] [--crash-after N] [-- COMMAND ...]

It starts COMMAND (default: `dreichor ingest`), sends it one tick, waits for the acknowledgement,
and only then sends the next. Without a file it makes 30 ticks itself. Try:

    dreichor --data-dir D init
    python3 examples/upstream.py --crash-after 10 -- dreichor --data-dir D ingest
    python3 examples/upstream.py -- dreichor --data-dir D ingest

The first run ends without clean-up after ten acknowledgements, as in a crash; the second one resumes.
There is no code for resuming: an upstream that does not know what was recorded sends everything again.
A decision is identified by its instance and its logical time, so what is recorded is answered
ALREADY_RECORDED, and nothing is computed or written twice. An upstream has one duty: for the same
instance and time it must send the same content. Other content is rejected as conflicting (exit 20).

An acknowledged tick is durable, with all events of it. A tick that was sent but not acknowledged may or
may not be recorded; so it is sent again, too.

The exit code is that of COMMAND; 1 if COMMAND ended well but left ticks unanswered, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from typing import Dict, Iterable, Iterator, List, Optional

EXIT_CODES: Dict[int, str] = {
    0: "done",
    1: "internal error: a bug",
    2: "usage or configuration",
    10: "persistence unavailable: is it initialised, mounted, writable?",
    11: "another writer holds the log: has the earlier one ended?",
    12: "persistence malformed: see `dreichor replay`",
    13: "a write or sync failed: ticks without acknowledgement may or may not be on disk; send again",
    14: "the input could not be read to its end, or an acknowledgement not be delivered: send again",
    20: "input rejected: its message names line, member and expectation",
    130: "interrupted by SIGINT",
    143: "interrupted by SIGTERM",
}


class Unanswered(Exception):
    """The command did not acknowledge a tick: it ended, or printed something else."""


def made_up_ticks(steps: int = 30) -> Iterator[bytes]:
    """A minimal strategy: two markets that lead in turn. Integers only."""
    favourite: Optional[str] = None
    leader, led_steps = "", 0
    for step in range(1, steps + 1):
        traded = {"MOON": 120 + step % 3, "SUN": 100 + 50 * (step // 5 % 2)}
        target = max(sorted(traded), key=lambda market: traded[market])
        leader, led_steps = target, led_steps + 1 if target == leader else 1
        attention = {
            "attentionMeaningfullyHigher": traded[target] * 100 >= min(traded.values()) * 110,
            "stabilityMeetsMinimum": led_steps >= 2,
            "confidenceSufficient": step >= 3,
            "differencePersistsOverTime": led_steps >= 3,
            # The facts are about a switch: the market chosen last is no switch.
            "switchingCostsJustified": target != favourite,
        }
        better = all(attention.values())
        favourite = target if better else favourite
        tick = {
            "version": 1,
            "kind": "TICK",
            "logicalTime": step,
            "strategyInstanceId": "5a4d3c2b-0000-4000-8000-000000000001",
            "decisionClass": "attention.rotate.example@v1",
            "reasonCodes": ["ATTENTION_SUPERIOR" if better else "ATTENTION_INSUFFICIENT"],
            "attention": attention,
            "parameterPoolId": "assertive@v1",
            "targetMarketId": target,
            "safetyGates": {"haltAll": False, "blockBuy": False, "forceSell": False},
        }
        yield json.dumps(tick).encode()


def send(child: "subprocess.Popen[bytes]", number: int, tick: bytes) -> Dict[str, object]:
    """Sends one tick and waits for its acknowledgement."""
    assert child.stdin and child.stdout
    try:
        # Without an LF, both sides would wait for ever.
        child.stdin.write(tick.rstrip(b"\n") + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        raise Unanswered(f"tick {number} could not be sent") from None
    line = child.stdout.readline()
    if not (line.startswith(b'{"line":%d,"status":' % number) and line.endswith(b"\n")):
        answer = f"answered by {line!r}" if line else "not acknowledged"
        raise Unanswered(f"tick {number} was {answer}")
    return dict(json.loads(line))


def run(ticks: Iterable[bytes], command: List[str], crash_after: Optional[int]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin and child.stdout
    seen: "Counter[str]" = Counter()
    tree_size, problem = "unknown", ""
    try:
        for number, tick in enumerate(ticks, 1):
            answer = send(child, number, tick)
            tree_size = str(answer["treeSize"])
            seen.update([str(answer["status"]), str(answer["execution"])])
            if number == crash_after:
                print(f"upstream: crashing after {number} acknowledgements", file=sys.stderr)
                os._exit(1)  # No clean-up: the command reads the end of its input.
    except Unanswered as unanswered:
        problem = f"; {unanswered}"
    try:
        child.stdin.close()  # The end of input: the command finishes and exits.
    except BrokenPipeError:
        pass
    code = child.wait()
    recorded, known, filled = (seen[key] for key in ("RECORDED", "ALREADY_RECORDED", "FILLED"))
    summary = f"{recorded} recorded, {known} already recorded; {filled} of them filled"
    meaning = EXIT_CODES.get(code, f"killed by signal {-code}" if code < 0 else "not documented")
    print(f"upstream: {summary}; tree size {tree_size}{problem}", file=sys.stderr)
    print(f"upstream: {command[0]} exited with {code} ({meaning})", file=sys.stderr)
    return 128 - code if code < 0 else code or (1 if problem else 0)


def main() -> int:
    own, command = sys.argv[1:], ["dreichor", "ingest"]
    if "--" in own:
        at = own.index("--")
        own, command = own[:at], own[at + 1 :] or command
    parser = argparse.ArgumentParser(usage="%(prog)s [TICKS.ndjson] [--crash-after N] [-- COMMAND ...]")
    parser.add_argument("ticks", nargs="?", help="a tick a line; without it: 30 made-up ones")
    parser.add_argument("--crash-after", type=int, metavar="N", help="die after N acknowledgements")
    options = parser.parse_args(own)
    try:
        # A file opened for bytes is an iterable of its lines.
        ticks: Iterable[bytes] = open(options.ticks, "rb") if options.ticks else made_up_ticks()
        return run(ticks, command, options.crash_after)
    except OSError as error:
        print(f"upstream: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
