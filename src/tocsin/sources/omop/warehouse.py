"""A CDM wherever it lives: its tables and columns as they were found, and how our SQL reaches them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import duckdb

from tocsin.errors import UserError
from tocsin.sources.omop.place import Place
from tocsin.sources.omop.tables import NEEDED, TABLES, VOCABULARY, Table, Type

Family = Literal["number", "date", "timestamp", "zoned", "text", "other"]
_FITS: Final[Mapping[Type, tuple[Family, ...]]] = {
    "bigint": ("number",),
    "float8": ("number",),
    "varchar": ("number", "date", "timestamp", "zoned", "text"),
    "date": ("date", "timestamp", "zoned"),
    "timestamp": ("date", "timestamp", "zoned"),
}
_WANTED: Final[Mapping[Type, str]] = {
    "bigint": "an integer",
    "float8": "a number",
    "varchar": "text",
    "date": "a date",
    "timestamp": "a timestamp",
}
_NUMBERS = ("INT", "NUMERIC", "DECIMAL", "DOUBLE", "REAL", "FLOAT")
BAD_PARTS: Final = ("bad_column", "bad_value")  # of a cell of a text file that is not what it should be


@dataclass(frozen=True, slots=True)
class Column:
    """One column as it was found; `type` is the database's own word."""

    name: str
    type: str
    may_be_null: bool = True

    @property
    def family(self) -> Family:
        """What sort of value it holds."""
        word = self.type.upper()
        if word.startswith(("TIMESTAMP", "DATETIME")):
            return "zoned" if "WITH TIME ZONE" in word or word == "TIMESTAMPTZ" else "timestamp"
        if word == "DATE":
            return "date"
        if any(number in word for number in _NUMBERS) and "[" not in word and "STRUCT" not in word:
            return "number"
        return "text" if word.startswith(("VARCHAR", "CHAR", "TEXT", "BPCHAR", "STRING")) else "other"


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Found:
    """One table of the CDM as it was found: where it is and which column plays each part that is there."""

    table: Table
    ref: str
    columns: Mapping[str, Column]  # by part
    has_bad: bool = False

    def value(self, part: str, zone: str = "UTC") -> str:
        """Return SQL for a part of a row `t`, as its type; NULL where the table has no such column."""
        kind = self.table.parts[part]
        if part not in self.columns:
            return f"CAST(NULL AS {kind})"
        column = self.columns[part]
        name = f"t.{quoted(column.name)}"
        if column.family == "zoned" and kind != "varchar":
            name = f"({name} AT TIME ZONE '{zone}')"
        return f"CAST({name} AS {kind})"

    def is_zoned(self, part: str) -> bool:
        """Return whether a time says its offset: it is then fetched as UTC."""
        return part in self.columns and self.columns[part].family == "zoned"

    def day(self) -> str:
        """Return SQL for the day of a row, by which the cut is made."""
        return f"coalesce(CAST({self.value('clock')} AS date), {self.value('day')})"

    def last_day(self) -> str:
        """Return SQL for the last day that a row reaches."""
        ends = [self.day()]
        if "end_day" in self.columns or "end_clock" in self.columns:
            ends.append(f"coalesce(CAST({self.value('end_clock')} AS date), {self.value('end_day')})")
        return f"greatest({', '.join(ends)})" if len(ends) > 1 else ends[0]

    def may_lack(self, *parts: str) -> bool:
        """Return whether some row may have none of these parts, by what the database itself promises."""
        return all(part not in self.columns or self.columns[part].may_be_null for part in parts)


class Warehouse(ABC):
    """One CDM. Our SQL is one text for every database; what is fetched lands in a temporary table of our DuckDB."""

    def __init__(self, con: duckdb.DuckDBPyConnection, name: str) -> None:
        self.con, self.name = con, name
        self.tables: dict[str, Found] = {}
        self.vocabulary: dict[str, str] = {}  # the vocabulary tables that are there, by name

    @abstractmethod
    def run(self, sql: str, into: str) -> None:
        """Run a query where the data lives; its rows become the temporary table `into`. Raises UserError."""

    @abstractmethod
    def spans(self, table: str) -> Iterator[str]:
        """Yield the persons and days of a table of ours as relations that the data's own database can join."""

    def broken(self) -> str | None:
        """Return SQL for lines that no table could take (source, line, text), or None."""
        return None

    def close(self) -> None:  # noqa: B027  # what lies in our own DuckDB goes with it
        """Let go of what was opened."""

    def fetch(self, sqls: Iterable[str], into: str) -> None:
        """Run queries one after another; all their rows become the temporary table `into`."""
        for place, sql in enumerate(sqls):
            self.run(sql, into if place == 0 else "omop_more")
            if place:
                self.con.execute(f"INSERT INTO {into} FROM omop_more")

    def is_there(self, sql: str) -> bool:
        """Return whether a query has any row."""
        self.run(f"SELECT 1 AS one FROM ({sql}) AS any_row LIMIT 1", "omop_any")
        return bool(self.con.execute("FROM omop_any").fetchall())

    def lay_out_schemas(self, found: Iterable[tuple[Any, ...]], place: Place, prefix: str) -> None:
        """Lay out a database with schemas: `found` is schema, table, column, type and whether it may be null."""
        layout: dict[str, dict[str, dict[str, Column]]] = {}
        names: dict[tuple[str, str], str] = {}
        for schema, table, column, type, null in found:
            names[schema, table.lower()] = table
            of_table = layout.setdefault(schema, {}).setdefault(table.lower(), {})
            of_table[column.lower()] = Column(column, type, null)
        columns, schema_of = _pick(self.name, layout, place)
        refs = {
            table: f"{prefix}{quoted(schema_of[table])}.{quoted(names[schema_of[table], table])}"
            for table in columns
        }
        self.lay_out(columns, refs)

    def lay_out(self, columns: Mapping[str, Mapping[str, Column]], refs: Mapping[str, str]) -> None:
        """Note which tables are there, by their lower-case names; a CDM that cannot be read is refused here."""
        for name in NEEDED:
            if name not in columns:
                raise UserError(
                    f"{self.name}: table {name} is missing; an OMOP CDM 5.4 needs {' and '.join(NEEDED)}"
                )
        for table in TABLES:
            if table.name in columns:
                found = self._found(table, columns[table.name], refs[table.name])
                self.tables[table.name] = found
        for name, needed in VOCABULARY.items():
            if name in columns and all(column in columns[name] for column in needed):
                self.vocabulary[name] = refs[name]

    def _found(self, table: Table, columns: Mapping[str, Column], ref: str) -> Found:
        """Return a table as it was found. Raises UserError on a missing column or one of a wrong type."""
        there = {part: columns[name] for part, name in table.columns.items() if name in columns}
        missing = [part for part in table.needs if part not in there]
        if table.needs != ("person",) and not {"day", "clock"} & there.keys():
            missing.append("day")
        if missing:
            raise UserError(
                f"{self.name}: table {table.name}: column {table.columns[missing[0]]} is missing; "
                "the CDM 5.4 has it in every row"
            )
        for part, column in list(there.items()):
            if column.family not in _FITS[table.parts[part]]:
                self._refuse_type(table, part, column, ref)
                del there[part]
        return Found(table, ref, there, has_bad=all(name in columns for name in BAD_PARTS))

    def _refuse_type(self, table: Table, part: str, column: Column, ref: str) -> None:
        """Raise UserError at a column of a wrong type; an empty one may have any type."""
        if part in table.needs or self.is_there(
            f"SELECT 1 AS one FROM {ref} AS t WHERE t.{quoted(column.name)} IS NOT NULL"
        ):
            raise UserError(
                f"{self.name}: table {table.name}, column {column.name}: {column.type}, "
                f"and the CDM has {_WANTED[table.parts[part]]} there; cast it"
            )


def _choose_schema(name: str, of_tables: Mapping[str, Iterable[str]], asked: str | None, table: str) -> str:
    """Return the schema that holds a table. Raises UserError when there is none, or several and none was asked for."""
    holding = sorted(schema for schema, tables in of_tables.items() if table in tables)
    if asked is not None:
        if asked not in of_tables:
            raise UserError(f"{name}: no schema {asked} there; it has {_listed(of_tables)}")
        return asked
    if len(holding) != 1:
        said = (
            f"several schemas hold a table {table} ({', '.join(holding)}); add ?schema={holding[0]}"
            if holding
            else f"no schema holds a table {table}; it has {_listed(of_tables)}"
        )
        raise UserError(f"{name}: {said}")
    return holding[0]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none that you may read"


# Columns by schema and by table, names in lower case but for the schemas.
Layout = Mapping[str, Mapping[str, Mapping[str, Column]]]


def _pick(name: str, layout: Layout, place: Place) -> tuple[dict[str, Mapping[str, Column]], dict[str, str]]:
    """Return columns and schema of each table: the CDM's own schema, and the vocabulary's where that is another."""
    vocabulary = place.vocabulary
    cdm = _choose_schema(name, layout, place.schema, "person")
    columns, schema_of = dict(layout[cdm]), dict.fromkeys(layout[cdm], cdm)
    holding = [other for other in sorted(layout) if "concept" in layout[other]]
    if vocabulary is None and "concept" not in layout[cdm] and len(holding) == 1:
        vocabulary = holding[0]
    if vocabulary is not None:
        words = _choose_schema(name, layout, vocabulary, "concept")
        for table in VOCABULARY:
            if table in layout[words]:
                columns[table], schema_of[table] = layout[words][table], words
    return columns, schema_of
