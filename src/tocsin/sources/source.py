"""What every source hands over: a relation of flat rows in DuckDB, and how to read its codes."""

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from tocsin.events.concepts import Parse, Resolver
from tocsin.sources.settings import Settings

FILE_STRIDE = 10_000_000_000  # a row's number is its file's place times this, plus its place in the file
SUBJECTS = pa.schema([("source_id", pa.string()), ("birth_date", pa.date32()), ("sex", pa.string())])


@dataclass(frozen=True)
class Source:
    """One opened source. `relation` is SQL that gives the columns named here.

    Always: row BIGINT, subject, time TIMESTAMP (UTC), code VARCHAR,
        value DOUBLE. `keys` are the columns that tell one kind of row
    from another (`code` first). With `flat`: also until, known, source, fate, trouble, trouble_column, trouble_value.
    """

    format: str
    files: tuple[Path, ...]
    relation: str
    parse: Parse
    keys: tuple[str, ...] = ("code",)
    flat: bool = True
    integer_subjects: bool = False
    maybe_sorted: bool = False
    subjects: pa.Table = field(default_factory=SUBJECTS.empty_table)
    notes: tuple[str, ...] = ()
    first_file: int = 0  # the number of its first file among all files of the run
    two_subjects: tuple[str, ...] = ()  # ids under which the records of two people stand

    def file_of(self, row: int) -> str:
        """Return the file that a row number leads to."""
        return str(self.files[row // FILE_STRIDE - self.first_file])


@dataclass(frozen=True)
class Opening:
    """What a source needs to open: the connection to read with, the settings, the code lists."""

    con: duckdb.DuckDBPyConnection
    settings: Settings
    resolver: Resolver


def sql_text(text: str | Path) -> str:
    """Return a text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def sql_path(path: str | Path) -> str:
    """Return a path as an SQL literal that names just this file: DuckDB would read * ? [ as a pattern."""
    return sql_text("".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path)))


def first_row_of(file_index: int) -> int:
    """Return what is added to a file's own row numbers (from 1)."""
    return file_index * FILE_STRIDE
