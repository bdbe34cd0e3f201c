"""Aggregates a log by DuckDB on two threads; prints the seconds of the query and the number of events."""

import json
import sys
import time

import duckdb

connection = duckdb.connect(config={"threads": 2})
start = time.perf_counter()
rows = connection.execute(
    """
    SELECT type, marketId, side, status, count(*), max(logicalTime), sum(try_cast(filledQuantity AS DECIMAL(18, 4)))
    FROM read_ndjson(?, columns = {
        type: 'VARCHAR', logicalTime: 'UBIGINT', marketId: 'VARCHAR', side: 'VARCHAR', status: 'VARCHAR',
        filledQuantity: 'VARCHAR'
    })
    GROUP BY ALL
    """,
    [sys.argv[1]],
).fetchall()
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "events": sum(row[4] for row in rows)}))
