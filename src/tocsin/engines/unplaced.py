"""Rows that cannot be placed: no subject, no time, no code, or the reader could not make sense of them."""

from typing import Any

import duckdb
import pyarrow as pa

from tocsin.engines.event_files import QUARANTINE
from tocsin.engines.plan import Part, keys_match
from tocsin.episodes import as_table
from tocsin.sources.source import FILE_STRIDE


def unplaced(con: duckdb.DuckDBPyConnection, part: Part) -> tuple[pa.Table, int]:
    """Return these rows of a part as quarantine rows, in the order of the source.

    Also how many of them the census had counted as rows that stand as they should.
    """
    return _flat(con, part) if part.source.flat else _typed(con, part)


def _flat(con: duckdb.DuckDBPyConnection, part: Part) -> tuple[pa.Table, int]:
    """Return the rows whose reader says what the trouble is."""
    found = con.sql(
        "SELECT r.row, r.source, coalesce(r.trouble_column, '') AS column, r.trouble_value AS value, CASE "
        "WHEN r.trouble IS NOT NULL THEN r.trouble "
        "WHEN r.code IS NULL THEN 'no_code' WHEN r.subject IS NULL THEN 'no_subject' ELSE 'no_time' END AS reason, "
        "r.code IS NOT NULL AND r.trouble IS NULL AS clean "
        f"FROM ({part.source.relation}) r LEFT JOIN {part.table} k ON {keys_match(part)} "
        "WHERE r.fate IS NULL AND (r.code IS NULL OR k.concept IS NOT NULL) "
        "AND (r.trouble IS NOT NULL OR r.code IS NULL OR r.subject IS NULL OR r.time IS NULL) ORDER BY r.row"
    ).to_arrow_table()
    return _quarantine(part, found, found["source"].to_pylist())


def _typed(con: duckdb.DuckDBPyConnection, part: Part) -> tuple[pa.Table, int]:
    """Return the rows of a typed source (MEDS) that lack subject, time or code."""
    found = con.sql(
        "SELECT r.row, CASE WHEN r.code IS NULL THEN 'code' WHEN r.subject IS NULL THEN 'subject_id' ELSE "
        "'time' END AS column, NULL AS value, "
        "CASE WHEN r.code IS NULL THEN 'no_code' WHEN r.subject IS NULL THEN 'no_subject' ELSE 'no_time' END AS reason, "
        "r.code IS NOT NULL AS clean "
        f"FROM ({part.source.relation}) r LEFT JOIN {part.table} k ON {keys_match(part)} "
        "WHERE r.code IS NULL OR (k.concept IS NOT NULL AND (r.subject IS NULL OR r.time IS NULL)) ORDER BY r.row"
    ).to_arrow_table()
    return _quarantine(part, found, [None] * found.num_rows)


def _quarantine(part: Part, found: pa.Table, said: list[Any]) -> tuple[pa.Table, int]:
    """Return found rows under the columns of `quarantine.parquet`; a row without a source is named by its file."""
    rows: list[int] = found["row"].to_numpy().tolist()
    columns: list[list[Any]] = [
        [name or str(part.source.files[row // FILE_STRIDE]) for name, row in zip(said, rows, strict=True)],
        [row % FILE_STRIDE for row in rows],
        *(found[name].to_pylist() for name in ("column", "value", "reason")),
    ]
    return as_table(columns, QUARANTINE), int(found["clean"].to_numpy(zero_copy_only=False).sum())
