"""What DuckDB cannot read of a folder, read by Python into a table that may outgrow memory: Bundles, odd lines."""

from collections import Counter
from collections.abc import Container
from typing import Final

import duckdb

from tocsin.errors import UserError
from tocsin.sources.fhir.bundle import Reader, parse, unzip
from tocsin.sources.fhir.files import UNREADABLE, Input, lines_of
from tocsin.sources.fhir.people import Person
from tocsin.sources.flat import FLAT_SCHEMA, SHORT, FlatRow, flat_table
from tocsin.sources.settings import Settings
from tocsin.sources.source import FILE_STRIDE, first_row_of

BY_PYTHON: Final = "fhir_by_python"
_CHUNK: Final = 50_000
_CHUNK_NAME: Final = "fhir_chunk"
# Odd lines of a file that DuckDB reads are numbered from here on, out of the way of its rows.
_ODD: Final = FILE_STRIDE // 4 * 3


class PythonRows:
    """Collects rows in a temporary table of DuckDB."""

    def __init__(self, con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        self._con = con
        self._reader = Reader(settings)
        self._rows: list[FlatRow] = []
        self._numbers: Counter[int] = Counter()
        con.register(_CHUNK_NAME, FLAT_SCHEMA.empty_table())
        con.execute(f"CREATE OR REPLACE TEMP TABLE {BY_PYTHON} AS SELECT * FROM {_CHUNK_NAME}")

    @property
    def people(self) -> list[Person]:
        """Everybody of whom a Patient resource was read."""
        return self._reader.people

    @property
    def has_resources(self) -> bool:
        """Whether anything of FHIR was among what was read."""
        return self._reader.resources > 0

    def document(self, file: Input) -> None:
        """Read a file that holds one document; a broken one leaves one row that says so."""
        try:
            found = parse(unzip(file.path.read_bytes(), file.name), file.name)
            self._rows += self._reader.rows(found, file.name)
        except UserError as error:
            self._rows.append(_broken(file.name, "broken_file", error.message))
        self._flush(file, first_row_of(file.index))

    def lines(self, file: Input, wanted: Container[int] | None) -> None:
        """Read the wanted lines of a file (the n-th that is not blank), or all of one that DuckDB refused."""
        first = first_row_of(file.index) + (0 if wanted is None else _ODD)
        try:
            for place, (number, line) in enumerate(lines_of(file), 1):
                if wanted is None or place in wanted:
                    self._line(line, f"{file.name}:{number}")
                if len(self._rows) >= _CHUNK:
                    self._flush(file, first)
        except UNREADABLE as error:
            self._rows.append(_broken(file.name, "broken_file", str(error)))
        self._flush(file, first)

    def _line(self, line: bytes, name: str) -> None:
        try:
            found = parse(line, name)
        except UserError:
            found = None
        if isinstance(found, dict):
            self._rows += self._reader.rows(found, name)
        else:
            text = line.decode("utf-8", errors="replace").strip()
            self._rows.append(_broken(name, "broken_line", text))

    def _flush(self, file: Input, first: int) -> None:
        """Write what is there to the table; rows are numbered on within their file."""
        table = flat_table(self._rows, first + self._numbers[file.index] + 1)
        self._con.register(_CHUNK_NAME, table)
        self._con.execute(f"INSERT INTO {BY_PYTHON} SELECT * FROM {_CHUNK_NAME}")
        self._con.unregister(_CHUNK_NAME)
        self._numbers[file.index] += len(self._rows)
        self._rows.clear()


def _broken(source: str, trouble: str, value: str) -> FlatRow:
    empty = (None,) * (len(FLAT_SCHEMA) - 5)  # all between source and trouble
    return (source, *empty, trouble, None, value[:SHORT])
