"""SAS transport files, v5 and v8, by pyreadstat in slices: its own way to a later row passes over all rows before it."""

import io
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from tocsin.errors import UserError
from tocsin.sources.sdtm.dataset import CHUNK, Dataset, batch_of
from tocsin.sources.sdtm.files import DatasetFile

_RECORD: Final = 80
_START: Final = b"HEADER RECORD*******LIB"
_DATA: Final = b"HEADER RECORD*******OBS"
_MEMBER: Final = b"HEADER RECORD*******MEM"
_NAMES: Final = b"HEADER RECORD*******NAM"
_DESCRIBED: Final = b"HEADER RECORD*******DSC"
_DATASET_LABEL: Final = slice(
    2 * _RECORD + 32, 2 * _RECORD + 72
)  # after the banner and the record of the name
_NAMESTR: Final = 140  # bytes that describe a column; its label begins at
_LABEL: Final = 16
_CPORT: Final = b"**COMPRESSED**"
_COUNTED: Final = b"OBSV8"
_COUNT: Final = slice(48, 63)  # where the header of v8 says how many rows follow


@dataclass(frozen=True)
class _Layout:
    """Where the rows of a transport file begin, the columns in order with their types and widths."""

    start: int
    types: Mapping[str, pa.DataType]
    widths: Mapping[str, int]

    @property
    def width(self) -> int:
        """The bytes of a row."""
        return sum(self.widths.values())

    def place_of(self, byte: int) -> tuple[int, str]:
        """Return the row (from 0) and the column of a byte after `start`."""
        row, within = divmod(byte, self.width)
        for name, width in self.widths.items():
            if within < width:
                return row, name
            within -= width
        return row, ""


def open_xpt(file: DatasetFile) -> Dataset:
    """Open a transport file. Raises UserError when it is none, is cut short, or pyreadstat is not installed."""
    if not file.path.stat().st_size:
        raise UserError(f"{file.path}: empty; export the dataset again")
    with file.path.open("rb") as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    start = _data_start(file, mapped)
    header = _without_labels(mapped[:start])
    layout = _layout(file, header)
    rows = _rows(file, mapped, layout)
    schema = pa.schema(list(layout.types.items()))
    return Dataset(file, schema, lambda wanted: _slices(file, mapped, header, layout, rows, wanted))


def _pyreadstat() -> Any:
    """Return pyreadstat, or say in one line how to get it."""
    try:
        import pyreadstat  # only XPT needs it
    except ImportError:
        raise UserError("XPT needs pyreadstat; install it with: pip install 'tocsin[sdtm]'") from None
    return pyreadstat


def _data_start(file: DatasetFile, mapped: mmap.mmap) -> int:
    """Return where the rows begin."""
    head = mapped[:_RECORD]
    if head.startswith(_CPORT):
        raise UserError(f"{file.path}: made by PROC CPORT; write it as XPT (v5 or v8) with the XPORT engine")
    if not head.startswith(_START):
        raise UserError(f"{file.path}: not a SAS transport file (XPT); export the dataset again")
    found = mapped.find(_DATA)
    if found < 0 or found + _RECORD > len(mapped):
        raise UserError(f"{file.path}: cut short inside its header; copy it again")
    return found + _RECORD


def _without_labels(header: bytes) -> bytes:
    """Return a header whose labels are blank: nobody reads them here, and they may be in any encoding."""
    found = bytearray(header)
    names = header.find(_NAMES)
    described = header.find(_DESCRIBED)
    if described >= 0:
        found[described + _DATASET_LABEL.start : described + _DATASET_LABEL.stop] = b" " * 40
    count = header[names + 54 : names + 58] if names >= 0 else b""
    for place in range(int(count) if count.isdigit() else 0):
        label = names + _RECORD + place * _NAMESTR + _LABEL
        found[label : label + 40] = b" " * 40
    return bytes(found[: len(header)])


def _layout(file: DatasetFile, header: bytes) -> _Layout:
    """Return what the header of a file says of its columns."""
    try:
        _, meta = _read(file, header, row_limit=1)
    except UnicodeDecodeError:
        raise UserError(
            f"{file.path}: a name in its header is not UTF-8; write the dataset in UTF-8"
        ) from None
    texts = {name for name, kind in meta.readstat_variable_types.items() if kind == "string"}
    names: list[str] = list(meta.column_names)
    types: dict[str, pa.DataType] = {name: pa.string() if name in texts else pa.float64() for name in names}
    return _Layout(len(header), types, {name: meta.variable_storage_width[name] for name in names})


def _rows(file: DatasetFile, mapped: mmap.mmap, layout: _Layout) -> int:
    """Return how many rows there are; a file that ends inside a row, or before the last one, is refused."""
    start, width = layout.start, layout.width
    size = len(mapped) - start
    rows = size // width if width else 0
    tail = mapped[start + rows * width :]
    if len(mapped) % _RECORD or len(tail) >= _RECORD or tail.strip(b" "):
        raise UserError(f"{file.path}: cut short inside row {rows + 1}; copy it again")
    # Blanks fill the last record: rows that are short fit in there.
    while rows and size - (rows - 1) * width < _RECORD and not _row(mapped, layout, rows).strip(b" "):
        rows -= 1
    banner = mapped[start - _RECORD : start]
    said = banner[_COUNT].strip()
    if _COUNTED in banner and said.isdigit() and int(said) > rows:
        raise UserError(
            f"{file.path}: its header tells of {int(said)} rows and it holds {rows}; copy it again"
        )
    return rows


def _row(mapped: mmap.mmap, layout: _Layout, number: int) -> bytes:
    return mapped[layout.start + (number - 1) * layout.width : layout.start + number * layout.width]


def _slices(
    file: DatasetFile, mapped: mmap.mmap, header: bytes, layout: _Layout, rows: int, wanted: list[str]
) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns, so many rows at a time: each slice is a small transport file of its own."""
    schema = pa.schema(list(layout.types.items()))
    for first in range(0, rows, CHUNK):
        count = min(CHUNK, rows - first)
        begin = layout.start + first * layout.width
        part = mapped[begin : begin + count * layout.width]
        if _MEMBER in part:
            raise UserError(f"{file.path}: holds more than one dataset; write one dataset a file")
        try:
            found, _ = _read(file, header + part + b" " * (-len(part) % _RECORD), usecols=wanted)
        except UnicodeDecodeError as error:
            row, column = layout.place_of(part.find(bytes(error.object)))
            raise UserError(
                f"{file.path}, row {first + row + 1}, column {column}: text that is not UTF-8; write the dataset in UTF-8"
            ) from None
        if len(found[wanted[0]]) != count:
            raise UserError(
                f"{file.path}, rows {first + 1} to {first + count}: cannot be read as XPT; copy it again"
            )
        yield batch_of(first + 1, wanted, [found[name] for name in wanted], schema)


def _read(file: DatasetFile, data: bytes, **options: Any) -> tuple[dict[str, list[Any]], Any]:
    """Read bytes as a transport file. Raises UnicodeDecodeError at text that is not UTF-8."""
    pyreadstat = _pyreadstat()
    try:
        return pyreadstat.read_xport(
            io.BytesIO(data), output_format="dict", disable_datetime_conversion=True, **options
        )
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError) as error:
        raise UserError(
            f"{file.path}: cannot be read as XPT ({str(error).rstrip('.')}); export it again"
        ) from None
