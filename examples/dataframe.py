#!/usr/bin/env python3
"""A strategy in a dataframe: the facts of all ticks are columns, and its rows are sent together.

    python3 examples/dataframe.py DATA_DIR CANDLES.csv ...

The columns of a candle file are open_time,open,high,low,close,volume; MARKET-5m.csv is of MARKET. Needs polars and the
package dreichor.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import polars as pl

from dreichor import Attention, Ingest, ParameterPool, ReasonCode, SafetyGates, Status, Tick

INSTANCE = "5a4d3c2b-0000-4000-8000-000000000002"


def frame(paths: list[Path]) -> pl.DataFrame:
    """One row for each time: the most traded market, and the five facts of a switch to it."""
    candles = pl.concat(
        pl.read_csv(path, columns=["open_time", "close", "volume"]).select(
            "open_time", market=pl.lit(path.name.split("-")[0]), traded=pl.col("close") * pl.col("volume")
        )
        for path in sorted(paths)
    )
    recent = pl.col("traded").rolling_mean(window_size=12).over("market", order_by="open_time")
    leading = (
        candles.with_columns(recent=recent)
        .sort("open_time", "recent", "market", descending=[False, True, False], nulls_last=True)
        .group_by("open_time", maintain_order=True)
        .agg(market=pl.col("market").first(), recent=pl.col("recent").first(), others=pl.col("recent").slice(1).mean())
    )
    run = pl.col("market").rle_id()
    return leading.with_row_index("time", offset=1).select(
        "time",
        "market",
        attention_meaningfully_higher=(pl.col("recent") > 1.1 * pl.col("others")).fill_null(False),
        stability_meets_minimum=pl.col("market").cum_count().over(run) >= 3,
        confidence_sufficient=pl.col("recent").is_not_null(),
        difference_persists_over_time=pl.col("market").cum_count().over(run) >= 5,
        switching_costs_justified=pl.col("market").cum_count().over(run) < 8,
    )


def tick(row: dict[str, object]) -> Tick:
    """The tick of a row."""
    facts = Attention(**{name: bool(value) for name, value in row.items() if name not in ("time", "market")})
    is_better = facts == Attention.all()
    return Tick(
        logical_time=int(str(row["time"])),
        strategy_instance_id=INSTANCE,
        decision_class="attention.rotate.dataframe@v1",
        reason_codes=(ReasonCode.ATTENTION_SUPERIOR if is_better else ReasonCode.ATTENTION_INSUFFICIENT,),
        attention=facts,
        parameter_pool_id=ParameterPool.ASSERTIVE,
        target_market_id=str(row["market"]),
        safety_gates=SafetyGates.none(),
    )


rows = frame([Path(path) for path in sys.argv[2:]]).iter_rows(named=True)
with Ingest.spawn(sys.argv[1]) as log:
    seen = Counter(answer.execution for answer in log.send_many(map(tick, rows)))
print(sum(seen.values()), "ticks,", seen[Status.FILLED], "filled")
