"""The one flat table that every FHIR reader writes: its columns, and how rows made in Python become it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from tocsin.sources.source import SUBJECTS

_TIME = pa.timestamp("us")  # UTC, as everywhere
FLAT_SCHEMA: Final = pa.schema(
    [
        ("row", pa.int64()),
        ("source", pa.string()),
        ("subject", pa.string()),
        ("time", _TIME),
        ("until", _TIME),
        ("known", _TIME),
        ("code", pa.string()),
        ("unit", pa.string()),
        ("route", pa.string()),
        ("text", pa.string()),
        ("value", pa.float64()),
        ("comparator", pa.string()),
        ("fate", pa.string()),
        ("trouble", pa.string()),
        ("trouble_column", pa.string()),
        ("trouble_value", pa.string()),
    ]
)
SHORT: Final = 80  # characters of a refused value that are kept

# A row made in Python: the columns after `row`, times as microseconds since 1970.
FlatRow = tuple[Any, ...]


@dataclass(frozen=True)
class FlatRows:
    """What a reader hands over: the rows (a table, or the name of a DuckDB view), the subjects, the files."""

    rows: pa.Table | str
    subjects: pa.Table = field(default_factory=SUBJECTS.empty_table)
    files: tuple[str, ...] = ()


def flat_table(rows: Sequence[FlatRow], first: int) -> pa.Table:
    """Return rows as a flat table, numbered from `first`."""
    if not rows:
        return FLAT_SCHEMA.empty_table()
    columns: list[Sequence[Any]] = [range(first, first + len(rows)), *zip(*rows, strict=True)]
    arrays: list[Any] = [
        pa.array(column, type) for column, type in zip(columns, FLAT_SCHEMA.types, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=FLAT_SCHEMA)
