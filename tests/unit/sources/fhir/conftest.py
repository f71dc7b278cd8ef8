"""Each table of this folder is read twice: as one Bundle, and as NDJSON by DuckDB."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pytest

from tocsin.sources.fhir import open_fhir, read_bundle
from tocsin.sources.flat import FlatRows
from tocsin.sources.settings import Settings

Json = dict[str, Any]
# Resources, and settings if not the default, to the rows as dicts without what is null.
Read = Callable[..., list[Json]]
ASIDE = ("row", "source")


def table_of(con: duckdb.DuckDBPyConnection, read: FlatRows) -> pa.Table:
    """The rows, whichever way they were handed over."""
    return (
        read.rows
        if isinstance(read.rows, pa.Table)
        else con.sql(f"SELECT * FROM {read.rows}").to_arrow_table()
    )


def plain(table: pa.Table, *without: str) -> list[Json]:
    """Rows as dicts that read well in a test: no nulls, times as text."""
    return [
        {
            name: value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in row.items()
            if value is not None and name not in without
        }
        for row in table.sort_by("row").to_pylist()
    ]


def bundle_of(*resources: Json, **more: Any) -> bytes:
    """A collection Bundle of made-up resources."""
    entries = [{"resource": resource} for resource in resources]
    return orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries, **more})


def ndjson_of(*resources: Json) -> bytes:
    """The same as lines."""
    return b"".join(orjson.dumps(resource) + b"\n" for resource in resources)


def read_as_bundle(resources: list[Json], settings: Settings) -> FlatRows:
    """Read resources the Bundle way."""
    return read_bundle(bundle_of(*resources), settings)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database in memory."""
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture(params=["bundle", "ndjson"])
def read(request: pytest.FixtureRequest, tmp_path: Path, con: duckdb.DuckDBPyConnection) -> Read:
    """Read made-up resources by one of the two readers."""

    def by(*resources: Json, **settings: Any) -> list[Json]:
        how = Settings(**settings)
        if request.param == "bundle":
            return plain(table_of(con, read_as_bundle(list(resources), how)), *ASIDE)
        file = tmp_path / "made-up.ndjson"
        file.write_bytes(ndjson_of(*resources))
        return plain(table_of(con, open_fhir(con, [file], how)), *ASIDE)

    return by
