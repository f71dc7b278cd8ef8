"""A CDM in files: a DuckDB database that is attached read-only, or a folder with a parquet or text file for each table."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import duckdb

from tocsin.errors import UserError
from tocsin.sources.omop.place import Place
from tocsin.sources.omop.tables import TABLES, VOCABULARY
from tocsin.sources.omop.text_files import load_text, text_reader
from tocsin.sources.omop.warehouse import Column, Warehouse
from tocsin.sources.source import sql_path, sql_text

_DATABASE: Final = "omop_database"
_TEXT: Final = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
_CLINICAL: Final = {table.name for table in TABLES}
_NAMES: Final = _CLINICAL | set(VOCABULARY)


class Local(Warehouse):
    """A CDM that our own DuckDB reads where it lies."""

    def __init__(self, con: duckdb.DuckDBPyConnection, place: Place, zone: str) -> None:
        super().__init__(con, place.name)
        self._has_broken = False
        if Path(place.address).is_dir():
            self._open_folder(Path(place.address), zone)
        else:
            self._open_database(place)

    def _open_database(self, place: Place) -> None:
        try:
            self.con.execute(f"DETACH DATABASE IF EXISTS {_DATABASE}")
            self.con.execute(f"ATTACH {sql_text(place.address)} AS {_DATABASE} (READ_ONLY)")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"{self.name}: DuckDB cannot open it ({reason}); close what writes to it, or export it as parquet"
            ) from None
        found = self.con.execute(
            "SELECT schema_name, table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
            "WHERE database_name = ? AND NOT internal",
            [_DATABASE],
        ).fetchall()
        self.lay_out_schemas(found, place, f"{_DATABASE}.")

    def _open_folder(self, folder: Path, zone: str) -> None:
        files = cdm_files(folder)
        clinical = {table.name: table for table in TABLES}
        refs: dict[str, str] = {}
        for name, paths in files.items():
            if paths[0].suffix == ".parquet":
                refs[name] = (
                    f"read_parquet([{', '.join(sql_path(path) for path in paths)}], union_by_name = true)"
                )
            elif name in clinical:
                self._has_broken = True
                refs[name] = load_text(self.con, paths[0], clinical[name], zone)
            else:
                refs[name] = text_reader(paths[0], VOCABULARY[name])
        self.lay_out({name: self._describe(ref, files[name][0]) for name, ref in refs.items()}, refs)

    def _describe(self, ref: str, file: Path) -> Mapping[str, Column]:
        """Return the columns of a relation."""
        try:
            found = self.con.execute(f"DESCRIBE SELECT * FROM {ref}").fetchall()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{file}: cannot be read ({reason}); copy it again or leave it out") from None
        return {str(row[0]).lower(): Column(str(row[0]), str(row[1])) for row in found}

    def run(self, sql: str, into: str) -> None:
        try:
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS {sql}")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{self.name}: cannot be read ({reason}); check the file") from None

    def spans(self, table: str) -> Iterator[str]:
        yield f"{table} AS s"

    def broken(self) -> str | None:
        return "SELECT source, line, text FROM omop_broken" if self._has_broken else None


def cdm_files(folder: Path) -> dict[str, list[Path]]:
    """Return the files of a folder by the CDM table that they hold. Raises UserError when two hold one table."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        name = _table_of(path)
        if name is None:
            continue
        if name in found:
            raise UserError(f"{folder}: {found[name][0].name} and {path.name} both hold {name}; leave one")
        found[name] = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    return found


def _table_of(path: Path) -> str | None:
    """Return the CDM table that a file, or a folder of parquet parts, holds."""
    name = path.name.lower()
    if path.is_dir():
        return name if name in _NAMES and any(path.glob("*.parquet")) else None
    for suffix in (*_TEXT, ".parquet"):
        if name.endswith(suffix) and name.removesuffix(suffix) in _NAMES:
            return name.removesuffix(suffix)
    return None


def is_cdm_folder(path: Path) -> bool:
    """Return whether a folder holds a CDM, by the names of its files: two tables, so that a third that lacks is told."""
    return path.is_dir() and len({_table_of(one) for one in path.iterdir()} & _CLINICAL) > 1
