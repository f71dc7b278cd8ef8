"""SDTM datasets as CSV or parquet."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, Literal, cast

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from tocsin.errors import UserError
from tocsin.sources.sdtm.dataset import CHUNK, Dataset, batch_of
from tocsin.sources.sdtm.files import DatasetFile

_BLOCK: Final = 1 << 24
_MISSING: Final = ["", "NA"]  # R writes NA, without quotes, for what is missing


def open_parquet(file: DatasetFile) -> Dataset:
    """Open a dataset in parquet. Raises UserError when the file is damaged."""
    try:
        schema = pq.read_schema(file.path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{file.path}: not a whole parquet file ({_first_line(error)}); copy it again"
        ) from None
    return Dataset(file, schema, lambda wanted: _parquet_batches(file, schema, wanted))


def _parquet_batches(file: DatasetFile, schema: pa.Schema, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    first = 1
    try:
        for batch in pq.ParquetFile(file.path).iter_batches(CHUNK, columns=wanted):
            columns: Any = batch
            yield batch_of(first, wanted, [columns.column(name) for name in wanted], schema)
            first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{file.path}: damaged inside ({_first_line(error)}); copy it again") from None


def open_csv_dataset(file: DatasetFile) -> Dataset:
    """Open a dataset in CSV, every column as text. Raises UserError at what is no CSV in UTF-8."""
    names, delimiter = _header(file)
    schema = pa.schema([(name, pa.string()) for name in names])
    return Dataset(file, schema, lambda wanted: _csv_batches(file, names, delimiter, schema, wanted))


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.name.lower().endswith(".gz") else path.open("rb")


def _header(file: DatasetFile) -> tuple[list[str], str]:
    """Return the columns of a CSV file and its delimiter."""
    try:
        with _open(file.path) as opened:
            line = opened.readline().decode("utf-8-sig").strip("\r\n")
    except (OSError, EOFError) as error:
        raise UserError(f"{file.path}: cannot be unpacked ({error}); copy it again") from None
    except UnicodeDecodeError:
        raise UserError(f"{file.path}: not UTF-8 text; save it as UTF-8") from None
    delimiter = ";" if line.count(";") > line.count(",") else ","
    return [name.strip().strip('"') for name in line.split(delimiter)], delimiter


def _csv_batches(
    file: DatasetFile, names: list[str], delimiter: str, schema: pa.Schema, wanted: list[str]
) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns as text; a line with more or fewer cells than the header is refused."""
    broken: list[Any] = []

    def refuse(row: Any) -> Literal["error"]:
        broken.append(row)
        return "error"

    types = {name: pa.string() for name in names}
    first = 1
    try:
        with _open(file.path) as opened:
            stream = pc.open_csv(
                opened,
                pc.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=names, skip_rows=1),
                pc.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse),
                pc.ConvertOptions(
                    column_types=types,
                    include_columns=wanted,
                    null_values=_MISSING,
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
            for batch in stream:
                columns: Any = batch
                yield batch_of(first, wanted, [columns.column(name) for name in wanted], schema)
                first += batch.num_rows
    except (pa.ArrowException, OSError, EOFError) as error:
        raise UserError(_csv_trouble(file, broken, error)) from None


def _csv_trouble(file: DatasetFile, broken: list[Any], error: Exception) -> str:
    """Return what is wrong with a CSV file, in one line."""
    if broken:
        row = broken[0]
        said = f"{row.actual_columns} cells where the header has {row.expected_columns}"
        where = f", row {row.number - 1}" if row.number else ""
        return f"{file.path}{where}: {said}; check its quotes and commas"
    if "UTF8" in str(error):
        return f"{file.path}: {_first_line(error)}: not UTF-8 text; save it as UTF-8"
    return f"{file.path}: cannot be read as CSV ({_first_line(error)}); check its quotes and lines"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
