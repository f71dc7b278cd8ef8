"""Dataset-JSON 1.1: one document, lines (NDJSON), or compressed lines (DSJC); told by what is in the file."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import orjson
import pyarrow as pa

from tocsin.errors import UserError
from tocsin.sources.fhir.concepts import as_list, as_object
from tocsin.sources.sdtm.dataset import CHUNK, Dataset, batch_of
from tocsin.sources.sdtm.files import DatasetFile

Json = dict[str, Any]
_NUMBERS: Final = frozenset({"integer", "float", "double", "decimal"})
_VERSION: Final = "1.1"
_BLOCK: Final = 1 << 20
_EITHER_ZIP: Final = 47  # zlib's word for: gzip or zlib, whichever it is
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class _Head:
    """What a dataset says of itself: its columns, and how many records it holds."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    records: int | None


def open_json(file: DatasetFile) -> Dataset:
    """Open a dataset in any form of Dataset-JSON. Raises UserError when it is none."""
    head, whole = _opened(file)
    types: list[pa.DataType] = [pa.float64() if kind in _NUMBERS else pa.string() for kind in head.types]
    schema = pa.schema(list(zip(head.names, types, strict=True)))
    return Dataset(file, schema, lambda wanted: _batches(file, head, whole, schema, wanted))


def _opened(file: DatasetFile) -> tuple[_Head, list[Any] | None]:
    """Return the head, and the rows when the file is one document."""
    first = next(_lines(file), b"").removeprefix(_BOM)
    try:
        found: Any = orjson.loads(first)
    except orjson.JSONDecodeError:
        found = None  # a document may stand on many lines
    if not isinstance(found, dict):
        found = _document(file)
    said = as_object(found)
    return _head(file, said), as_list(said["rows"]) if "rows" in said else None


def _document(file: DatasetFile) -> Json:
    """Return a file that is one document."""
    try:
        found: Any = orjson.loads(b"\n".join(_lines(file)).removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        raise UserError(
            f"{file.path}, line {error.lineno}: not JSON ({error.msg}); export the dataset again"
        ) from None
    if not isinstance(found, dict):
        raise UserError(f"{file.path}: not Dataset-JSON {_VERSION}; it is an object with columns and rows")
    return as_object(found)


def _head(file: DatasetFile, found: Json) -> _Head:
    """Return what a dataset says of itself."""
    version, records = str(found.get("datasetJSONVersion", "")), found.get("records")
    if not version.startswith(_VERSION):
        raise UserError(
            f"{file.path}: Dataset-JSON of version {version or 'unknown'}; write version {_VERSION}"
        )
    columns = [as_object(column) for column in as_list(found.get("columns"))]
    if not columns or not all(column.get("name") for column in columns):
        raise UserError(f"{file.path}: columns is missing or names no columns; write Dataset-JSON {_VERSION}")
    names = tuple(str(column["name"]) for column in columns)
    types = tuple(str(column.get("dataType")) for column in columns)
    return _Head(names, types, records if isinstance(records, int) else None)


def _lines(file: DatasetFile) -> Iterator[bytes]:
    """Yield the lines of a file that are not blank, unpacked."""
    begun: list[bytes] = []
    for block in _blocks(file):
        first, *later = block.split(b"\n")
        begun.append(first)
        if later:
            yield from (line for line in (b"".join(begun), *later[:-1]) if line.strip())
            begun = later[-1:]
    last = b"".join(begun)
    if last.strip():
        yield last


def _blocks(file: DatasetFile) -> Iterator[bytes]:
    """Yield a file block by block; compressed ones (zlib or gzip) unpacked."""
    packed = file.path.name.lower().endswith(".dsjc")
    unpack = zlib.decompressobj(wbits=_EITHER_ZIP)
    with file.path.open("rb") as opened:
        for block in iter(lambda: opened.read(_BLOCK), b""):
            try:
                yield unpack.decompress(block) if packed else block
            except zlib.error as error:
                raise UserError(
                    f"{file.path}: not compressed Dataset-JSON ({error}); export it again"
                ) from None
    if packed and not unpack.eof:
        raise UserError(f"{file.path}: cut short; copy it again")


def _rows(file: DatasetFile, head: _Head, whole: list[Any] | None) -> Iterator[list[Any]]:
    """Yield the rows, each as long as there are columns; a wrong count of records is refused at the end."""
    count, wide = 0, len(head.names)
    for count, row in enumerate(whole if whole is not None else _later_lines(file), 1):
        values = as_list(row)
        if len(values) != wide:
            raise UserError(
                f"{file.path}, row {count}: {len(values)} values for {wide} columns; export the dataset again"
            )
        yield values
    if head.records is not None and count != head.records:
        raise UserError(
            f"{file.path}: records says {head.records} and there are {count} rows; export the dataset again"
        )


def _later_lines(file: DatasetFile) -> Iterator[Any]:
    """Yield what stands on the lines after the first."""
    for number, line in enumerate(islice(_lines(file), 1, None), 1):
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise UserError(
                f"{file.path}, row {number}: not JSON ({error.msg}); export the dataset again"
            ) from None


def _batches(
    file: DatasetFile, head: _Head, whole: list[Any] | None, schema: pa.Schema, wanted: list[str]
) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns, so many rows at a time."""
    places = [head.names.index(name) for name in wanted]
    rows, first = _rows(file, head, whole), 1
    while part := list(islice(rows, CHUNK)):
        columns = [
            _column(file, name, head.types[place], first, [row[place] for row in part])
            for name, place in zip(wanted, places, strict=True)
        ]
        yield batch_of(first, wanted, columns, schema)
        first += len(part)


def _column(file: DatasetFile, name: str, kind: str, first: int, values: list[Any]) -> Any:
    """Return the values of a column as an array; the first that is not what its dataType says is refused."""
    try:
        if kind == "decimal":  # a decimal is a number in a text
            values = [None if value in (None, "") else float(value) for value in values]
        return pa.array(values, pa.float64() if kind in _NUMBERS else pa.string())
    except (pa.ArrowException, ValueError, TypeError):
        raise UserError(_misfit(file, name, kind, first, values)) from None


def _misfit(file: DatasetFile, name: str, kind: str, first: int, values: Iterable[Any]) -> str:
    """Return which row has a value that is not what its column's dataType says."""
    number = kind in _NUMBERS
    for row, value in enumerate(values, first):
        fits = value is None or (isinstance(value, int | float) and not isinstance(value, bool)) == number
        if (kind == "decimal" and not _reads(value)) or (kind != "decimal" and not fits):
            return f"{file.path}, row {row}, column {name}: {value!r} is no {kind}, which its dataType says; correct either"
    return f"{file.path}, column {name}: values that are no {kind}, which its dataType says; correct either"


def _reads(value: Any) -> bool:
    """Return whether a decimal can be read."""
    try:
        return value in (None, "") or isinstance(float(value), float)
    except (TypeError, ValueError):
        return False
