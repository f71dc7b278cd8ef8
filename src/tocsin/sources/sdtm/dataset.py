"""A dataset as every encoding hands it over: its columns, and its rows in Arrow batches; what is wrong with it, in one line."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb
import pyarrow as pa

from tocsin.errors import UserError
from tocsin.knowledge.sdtm import Domain
from tocsin.sources.sdtm.files import DatasetFile

ROW: Final = "row"  # the place of a row in its dataset, from 1
STREAM: Final = "sdtm_stream"
CHUNK: Final = 100_000  # rows of a batch
SUBJECT: Final = "USUBJID"
DOMAIN: Final = "DOMAIN"


@dataclass(frozen=True)
class Dataset:
    """One dataset that is open: `schema` has all its columns, `batches` reads some of them, `ROW` before them."""

    file: DatasetFile
    schema: pa.Schema
    batches: Callable[[list[str]], Iterator[pa.RecordBatch]]
    trouble: list[UserError] = field(default_factory=list[UserError])  # what stopped a stream

    @property
    def wanted(self) -> list[str]:
        """The columns that are read, as the dataset has them."""
        domain = self.file.domain
        named = (SUBJECT, DOMAIN, *domain.text.values(), *domain.number.values())
        return [name for name in named if name in self.schema.names]

    @contextmanager
    def streamed(self, con: duckdb.DuckDBPyConnection) -> Generator[str]:
        """Let DuckDB read the dataset once, under the name that is given.

        Raises UserError as its reader did: DuckDB wraps it.
        """
        con.register(STREAM, self.reader())
        try:
            yield STREAM
        except duckdb.Error:
            if self.trouble:
                raise self.trouble[0] from None
            raise
        finally:
            con.unregister(STREAM)

    def reader(self) -> pa.RecordBatchReader:
        """Return the wanted columns with the place of each row, as a stream."""
        wanted = self.wanted
        fields: Any = self.schema
        schema = pa.schema([(ROW, pa.int64()), *((name, fields.field(name).type) for name in wanted)])
        return pa.RecordBatchReader.from_batches(schema, self._checked(wanted))

    def _checked(self, wanted: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield the batches; one that holds another domain is refused."""
        try:
            for batch in self.batches(wanted):
                if DOMAIN in wanted and batch.num_rows:
                    _refuse_other_domain(self.file, batch)
                yield batch
        except UserError as error:
            self.trouble.append(error)
            raise


def check(dataset: Dataset) -> None:
    """Raise UserError when a dataset lacks what tells a row's subject and kind, or holds numbers where texts must be."""
    file, domain = dataset.file, dataset.file.domain
    for name in (SUBJECT, domain.topic):
        if name and name not in dataset.schema.names:
            raise UserError(
                f"{file.path}: column {name} is missing; a dataset {domain.name} of SDTM has it (names are in capitals)"
            )
    for name in _must_be_text(domain):
        if name in dataset.schema.names and _is_number(dataset.schema, name):
            form = "text in ISO 8601" if name.endswith("DTC") else "text"
            raise UserError(f"{file.path}: column {name} holds numbers; SDTM writes it as {form}")


def batch_of(first: int, names: list[str], columns: list[Any], schema: pa.Schema) -> pa.RecordBatch:
    """Return columns as a batch, the rows numbered from `first`."""
    fields: Any = schema
    count = len(columns[0]) if columns else 0
    arrays: list[Any] = [pa.array(range(first, first + count), pa.int64())]
    arrays += [
        column if isinstance(column, pa.Array) else pa.array(column, fields.field(name).type)
        for name, column in zip(names, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=[ROW, *names])


def _must_be_text(domain: Domain) -> list[str]:
    """Return the variables that name a subject or tell a time."""
    return [SUBJECT, *(name for name in domain.text.values() if name.endswith("DTC"))]


def _is_number(schema: pa.Schema, name: str) -> bool:
    fields: Any = schema
    kind = fields.field(name).type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _refuse_other_domain(file: DatasetFile, batch: pa.RecordBatch) -> None:
    """Raise UserError when rows say that they belong to another domain than the file's name."""
    columns: Any = batch
    for said in columns.column(DOMAIN).unique().to_pylist():
        name = str(said or "").strip()
        if name and name.upper() != file.domain.name:
            raise UserError(
                f"{file.path}: DOMAIN is {name}, and the file's name says {file.domain.name}; rename the file"
            )
