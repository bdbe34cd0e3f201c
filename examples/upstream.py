#!/usr/bin/env python3
"""A strategy that waits for each acknowledgement, and resumes after its own crash by sending everything again.

    python3 examples/upstream.py DATA_DIR [CRASH_AFTER]

It makes 30 ticks, and sends them to `dreichor ingest`, which it starts. With a number, it ends without clean-up after so
many acknowledgements, as in a crash. There is no code for resuming: what is recorded already is answered
ALREADY_RECORDED, and nothing is computed or written twice. The strategy has one duty: for the same instance and time, it
must send the same content. In a checkout, set `PYTHONPATH=python` if the package is not installed.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator

from dreichor import Attention, Ingest, ParameterPool, ReasonCode, Recording, SafetyGates, Tick


def ticks() -> Iterator[Tick]:
    """A minimal strategy: two markets that lead in turn. Integers only."""
    leader, led_steps, favourite = "", 0, ""
    for step in range(1, 31):
        traded = {"MOON": 120 + step % 3, "SUN": 100 + 50 * (step // 5 % 2)}
        target = max(sorted(traded), key=lambda market: traded[market])
        leader, led_steps = target, led_steps + 1 if target == leader else 1
        facts = Attention(
            attention_meaningfully_higher=traded[target] * 100 >= min(traded.values()) * 110,
            stability_meets_minimum=led_steps >= 2,
            confidence_sufficient=step >= 3,
            difference_persists_over_time=led_steps >= 3,
            # The facts are about a switch: the market chosen last is no switch.
            switching_costs_justified=target != favourite,
        )
        is_better = facts == Attention.all()
        favourite = target if is_better else favourite
        yield Tick(
            logical_time=step,
            strategy_instance_id="5a4d3c2b-0000-4000-8000-000000000001",
            decision_class="attention.rotate.example@v1",
            reason_codes=(ReasonCode.ATTENTION_SUPERIOR if is_better else ReasonCode.ATTENTION_INSUFFICIENT,),
            attention=facts,
            parameter_pool_id=ParameterPool.ASSERTIVE,
            target_market_id=target,
            safety_gates=SafetyGates.none(),
        )


data_dir, crash_after = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None
seen: Counter[Recording] = Counter()
with Ingest.spawn(data_dir) as log:
    for number, tick in enumerate(ticks(), 1):
        seen[log.send(tick).status] += 1
        if number == crash_after:
            os._exit(1)
print(seen[Recording.RECORDED], "recorded,", seen[Recording.ALREADY_RECORDED], "already recorded")
