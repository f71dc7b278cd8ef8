"""A result as DuckDB relations, for the formats that are tables: `episodes`, `changes`, `sets`, and the clock of the run."""

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa

from tocsin.exports.changes import grade_changes
from tocsin.grading import sets
from tocsin.knowledge.causes import causes
from tocsin.records import scale_of_record, zone_of
from tocsin.results import Result
from tocsin.sources.source import sql_text

_SETS = pa.table({"bits": range(1, 64), "words": [sets.in_words(bits) for bits in range(1, 64)]})


def relations(result: Result) -> duckdb.DuckDBPyConnection:
    """Return a connection that knows these relations and macros.

    `episodes`: the columns of the result, `place` (from 0, in order), `source_id`, `scale` (of record), `last_seen` and
    `ended_at` (null while it goes on). `changes`: those of `grade_changes`, with `words` for the set, `grade` (null if
    undecided) and `source_id`. `clock(t)` is an instant as the wall clock of the run, `iso(t)` that as ISO 8601, a date
    where a time stands for its day.
    """
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    for name, table in (
        ("all_episodes", result.episodes),
        ("subjects", result.subjects),
        ("all_changes", grade_changes(result)),
        ("sets", _SETS),
        ("scale_of_cause", _scales(result.run)),
    ):
        con.register(name, table)
    con.execute(f"CREATE MACRO clock(t) AS timezone({sql_text(zone_of(result.run).key)}, t)")
    # Fractions of a second only where there are any; a death known to the day alone stands at the day's last instant.
    con.execute(
        "CREATE MACRO iso(t) AS regexp_replace(strftime(clock(t), '%Y-%m-%dT%H:%M:%S.%f'), "
        r"'T23:59:59\.999999$|\.0+$', '')"
    )
    con.execute(_EPISODES)
    con.execute(_CHANGES)
    return con


_EPISODES = """
CREATE TEMP VIEW episodes AS
SELECT row_number() OVER (ORDER BY subject_id, episode) - 1 AS place, source_id, scale,
       onset + to_microseconds(round(hours * 3.6e9)::BIGINT) AS last_seen, if(ended IS NULL, NULL, last_seen) AS ended_at,
       e.*
FROM all_episodes e JOIN subjects USING (subject_id) JOIN scale_of_cause USING (cause)
"""
_CHANGES = """
CREATE TEMP VIEW changes AS
SELECT source_id, words, if(low = high, low, NULL) AS grade, c.* REPLACE (c.scale::VARCHAR AS scale)
FROM all_changes c JOIN subjects USING (subject_id) JOIN sets ON bits = "set"
"""


def _scales(run: Mapping[str, Any]) -> pa.Table:
    """Return the scale of record of each cause."""
    ids = [cause.id for cause in causes()]
    return pa.table({"cause": ids, "scale": [scale_of_record(run, id) for id in ids]})


def clock_note(run: Mapping[str, Any]) -> str:
    """Return what a reader must know about the times."""
    return (
        f"times are the wall clock of {zone_of(run).key}, the zone of the run: the format itself names none"
    )
