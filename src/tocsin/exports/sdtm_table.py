"""A dataset of the SDTM or ADaM export: its metadata, its rows, and the lengths that its texts need."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.errors import UserError
from tocsin.knowledge.sdtm_export import Dataset, Type, sdtm_datasets

LONGEST: Final = 200  # bytes of a text in XPT v5
_SQL: Final[Mapping[Type, str]] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "datetime": "VARCHAR",
    "date_number": "DATE",
    "datetime_number": "TIMESTAMP",
}


@dataclass(frozen=True)
class Study:
    """What every file of an export says about where it comes from."""

    id: str
    tocsin: str
    knowledge: str
    made: datetime

    @property
    def oid(self) -> str:
        """How the study is called in Define-XML and Dataset-JSON."""
        return f"STUDY.{self.id}"

    def version_oid(self, standard: str) -> str:
        """Return how its metadata for a standard are called there."""
        return f"MDV.{self.id}.{standard}"


@dataclass(frozen=True)
class Table:
    """One dataset; its rows have the variables of the metadata, in their order and types."""

    dataset: Dataset
    rows: pa.Table

    @cached_property
    def lengths(self) -> Mapping[str, int]:
        """The bytes that the longest text of each text variable takes, at least one."""
        return {
            variable.name: max(1, pc.max(pc.binary_length(self.rows[variable.name])).as_py() or 0)
            for variable in self.dataset.variables
            if _SQL[variable.type] == "VARCHAR"
        }

    def check(self) -> "Table":
        """Return itself. Raises UserError where a text is longer than XPT v5 takes."""
        for name, length in self.lengths.items():
            if length > LONGEST:
                raise UserError(
                    f"{self.dataset.name}.{name}: a text of {length} bytes, and XPT v5 holds {LONGEST}; "
                    "shorten it in the source"
                )
        return self


def table_of(con: duckdb.DuckDBPyConnection, name: str, sql: str, **params: Any) -> Table:
    """Return a query as a dataset: it must give every variable of the metadata, in whatever order."""
    dataset = sdtm_datasets()[name]
    columns = ", ".join(
        f"{variable.name}::{_SQL[variable.type]} AS {variable.name}" for variable in dataset.variables
    )
    return Table(dataset, con.sql(f"SELECT {columns} FROM ({sql})", params=params).to_arrow_table()).check()


def item_oid(dataset: str, variable: str) -> str:
    """Return how a variable is called in Define-XML and Dataset-JSON."""
    return f"IT.{dataset}.{variable}"
