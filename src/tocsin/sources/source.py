"""What every source hands over: a relation of flat rows in DuckDB, and how to read its codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from tocsin.events.concepts import Parse, Resolver
from tocsin.sources.settings import Settings

FILE_STRIDE = 10_000_000_000  # a row's number is its file's place times this, plus its place in the file
SUBJECTS = pa.schema([("source_id", pa.string()), ("birth_date", pa.date32()), ("sex", pa.string())])


@dataclass(frozen=True)
class Cut:
    """What a source may leave where it lies: all that is farther from a therapy than the timeline reads."""

    before_d: float
    after_d: float
    therapies: Path | None = None  # the side file: its subjects have a therapy too


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
    has_ends: bool = False  # without `flat`: whether there is a column `until` all the same
    integer_subjects: bool = False
    maybe_sorted: bool = False
    subjects: pa.Table = field(default_factory=SUBJECTS.empty_table)
    notes: tuple[str, ...] = ()
    first_file: int = 0  # the number of its first file among all files of the run
    two_subjects: tuple[str, ...] = ()  # ids under which the records of two people stand
    origin: str = ""  # the database that the files stand for, as people may see it
    counted: str = "count(*)"  # SQL for how many rows of the source some rows of the relation are
    left_behind: Mapping[str, int] = field(
        default_factory=dict[str, int]
    )  # rows that were not fetched, by table
    keys_of_rows: Callable[[int], int] | None = (
        None  # the source's own key of a row whose number is not that key
    )

    def names(self) -> tuple[str, ...]:
        """Return what was read, as `run.json` names it."""
        return (self.origin,) if self.origin else tuple(map(str, self.files))

    def file_of(self, row: int) -> str:
        """Return the file that a row number leads to."""
        return str(self.files[row // FILE_STRIDE - self.first_file])

    def key_of(self, row: int) -> int:
        """Return the place in its file, or the key in its table, that a row number leads to."""
        return self.keys_of_rows(row) if self.keys_of_rows else row % FILE_STRIDE


@dataclass(frozen=True)
class Opening:
    """What a source needs to open: the connection to read with, the settings, the code lists.

    `spill` is a folder for what is dear to read twice; without one it is read again.
    """

    con: duckdb.DuckDBPyConnection
    settings: Settings
    resolver: Resolver
    spill: Path | None = None
    cut: Cut | None = None  # None: what is in the source is counted, not graded


def sql_text(text: str | Path) -> str:
    """Return a text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def sql_path(path: str | Path) -> str:
    """Return a path as an SQL literal that names just this file: DuckDB would read * ? [ as a pattern."""
    return sql_text("".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path)))


def first_row_of(file_index: int) -> int:
    """Return what is added to a file's own row numbers (from 1)."""
    return file_index * FILE_STRIDE
