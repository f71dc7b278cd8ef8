"""Rows that cannot be placed: no subject, no time, no code, two people under one id, or the reader could make nothing of them."""

from typing import Any

import duckdb
import pyarrow as pa

from tocsin.engines.event_files import QUARANTINE
from tocsin.engines.plan import Part, keys_match
from tocsin.episodes import as_table
from tocsin.sources.source import Source, sql_text


def unplaced(con: duckdb.DuckDBPyConnection, part: Part) -> tuple[pa.Table, int]:
    """Return these rows of a part as quarantine rows, in the order of the source.

    Also how many of them the census had counted as rows that stand as they should. A therapy that can be none (its cause is
    refused) is one of them: it opens no window in which it could be judged.
    """
    flat = part.source.flat
    said = (
        "r.source, r.trouble_column, r.trouble_value"
        if flat
        else "NULL AS source, NULL AS said, NULL AS value"
    )
    trouble = "r.trouble" if flat else "NULL::VARCHAR"
    happened = "r.fate IS NULL AND" if flat else ""
    found = con.sql(
        f"SELECT r.row, {said}, "
        f"CASE WHEN {trouble} IS NOT NULL THEN {trouble} WHEN r.code IS NULL THEN 'no_code' "
        "WHEN r.subject IS NULL THEN 'no_subject' WHEN r.time IS NULL THEN 'no_time' "
        f"WHEN {_is_two(part.source)} THEN 'two_subjects' ELSE k.refused END AS reason, "
        f"r.code IS NOT NULL AND {trouble} IS NULL AND k.refused IS NULL AS clean "
        f"FROM ({part.source.relation}) r LEFT JOIN {part.table} k ON {keys_match(part)} "
        f"WHERE {happened} (r.code IS NULL OR k.concept IS NOT NULL) AND ({trouble} IS NOT NULL OR r.code IS NULL "
        f"OR r.subject IS NULL OR r.time IS NULL OR {_is_two(part.source)} OR k.refused IS NOT NULL) ORDER BY r.row"
    ).to_arrow_table()
    columns = [found.column(place).to_pylist() for place in range(5)]
    return quarantine_rows(part.source, *columns), int(found["clean"].to_numpy(zero_copy_only=False).sum())


_COLUMNS = {
    "no_code": "code",
    "no_subject": "subject_id",
    "no_time": "time",
    "two_subjects": "subject_id",
    "unknown_cause": "cause",
    "refused_cause": "cause",
}


def _is_two(source: Source) -> str:
    """Return SQL that tells whether the records of two people stand under a row's subject."""
    if not source.two_subjects:
        return "false"
    listed = ", ".join(sql_text(name) for name in source.two_subjects)
    return f"coalesce(r.subject::VARCHAR IN ({listed}), false)"


def quarantine_rows(
    source: Source,
    rows: list[int],
    sources: list[Any],
    columns: list[Any],
    values: list[Any],
    reasons: list[Any],
) -> pa.Table:
    """Return rows under the columns of `quarantine.parquet`; a row without a source is named by its file."""
    table: list[list[Any]] = [
        [name or source.file_of(row) for name, row in zip(sources, rows, strict=True)],
        [source.key_of(row) for row in rows],
        [said or _COLUMNS.get(str(reason), "value") for said, reason in zip(columns, reasons, strict=True)],
        values,
        reasons,
    ]
    return as_table(table, QUARANTINE)
