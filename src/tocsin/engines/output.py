"""Output that appears whole or not at all: written into a folder beside, then put in place by renaming."""

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.errors import UserError

GROUP_ROWS = 131_072  # rows of a parquet row group: fixed, so that two runs give the same bytes
FILES = ("grades.parquet", "episodes.parquet", "events.parquet", "subjects.parquet", "quarantine.parquet",
    "queries.csv", "unmapped.csv", "reported.csv",
         "run.json")  # fmt: skip


class Staging:
    """A folder beside the output folder; its files move there on success and vanish on failure.

    `last` is the file that says the output is whole; `earlier` names the files of an earlier run, which make way.
    """

    def __init__(self, out: Path, last: str = "run.json", earlier: Iterable[str] = FILES) -> None:
        if out.exists() and not out.is_dir():
            raise UserError(f"--out {out}: is a file; give a folder")
        self.out = out
        self.folder = out.parent
        self._last, self._earlier = last, tuple(earlier)

    def __enter__(self) -> "Staging":
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix=f".{self.out.name}.part-", dir=self.out.parent))
        except OSError as error:
            raise UserError(
                f"--out {self.out}: cannot write there ({error.strerror}); choose a folder you may write to"
            ) from None
        return self

    def path(self, name: str) -> Path:
        """Return where a file is written until the run succeeds."""
        return self.folder / name

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._put_in_place()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _put_in_place(self) -> None:
        """Move the files into the output folder; the one that says that it is whole goes first and comes last."""
        self.out.mkdir(parents=True, exist_ok=True)
        for name in (self._last, *self._earlier):
            (self.out / name).unlink(missing_ok=True)
        for name in files_under(self.folder, last=self._last):
            (self.out / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.folder / name, self.out / name)


def files_under(folder: Path, last: str = "") -> list[str]:
    """Return the files of a folder and of the folders in it, by name, one of them at the end."""
    names = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return sorted(names, key=lambda name: (name == last, name))


class Writer(Protocol):
    """Takes tables of one schema."""

    def write(self, table: pa.Table) -> None:
        """Take rows."""
        ...

    def close(self) -> None:
        """Finish."""
        ...


class TableWriter:
    """Writes a parquet file in row groups of a fixed size, however the rows arrive."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        """Take rows; whole row groups go to the file."""
        if not table.num_rows:
            return
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= GROUP_ROWS:
            self._write_groups()

    def _write_groups(self) -> None:
        """Write all whole row groups."""
        table = pa.concat_tables(self._waiting).unify_dictionaries().combine_chunks()
        place = 0
        while table.num_rows - place >= GROUP_ROWS:
            self._writer.write_table(table.slice(place, GROUP_ROWS), row_group_size=GROUP_ROWS)
            place += GROUP_ROWS
        self._waiting = [table.slice(place)]
        self._rows = table.num_rows - place

    def close(self) -> None:
        """Write what is left."""
        if self._rows:
            table = pa.concat_tables(self._waiting).unify_dictionaries().combine_chunks()
            self._writer.write_table(table, row_group_size=GROUP_ROWS)
        self._writer.close()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file that a person can read."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
