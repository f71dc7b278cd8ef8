"""SAS transport files, version 5: 80-byte records, big-endian, numbers as IBM floating point.

Written here because pyreadstat, which reads them back in the tests, writes only from pandas or polars.
"""

import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.exports.sdtm_table import Table
from tocsin.knowledge.sdtm_export import Variable

_RECORD: Final = 80
_BATCH: Final = 65_536  # rows that are laid out at once
_NUMBER: Final = 8  # bytes
_SAS_EPOCH: Final = np.datetime64("1960-01-01")
_FORMAT: Final = {"date_number": ("DATE", 9), "datetime_number": ("DATETIME", 20)}
_MISSING: Final = b"." + bytes(7)


def write_xpt(table: Table, path: Path, made: datetime) -> None:
    """Write a dataset as a transport file; a text that is null becomes blanks, a number the missing value."""
    with path.open("wb") as file:
        written = file.write(_header(table, made))
        for batch in table.rows.to_batches(max_chunksize=_BATCH):
            written += file.write(_rows(table, batch))
        file.write(b" " * (-written % _RECORD))


def _header(table: Table, made: datetime) -> bytes:
    """Return everything before the rows."""
    stamp = f"{made:%d%b%y:%H:%M:%S}".upper().encode("ascii")
    system = b"9.4     TOCSIN  "
    variables = table.dataset.variables
    described = b"".join(
        _described(table, variable, number, place) for variable, number, place in _layout(table)
    )
    return b"".join(
        (
            _said("LIBRARY HEADER RECORD!!!!!!!", "0" * 30),
            _filled(b"SAS     SAS     SASLIB  " + system + b" " * 24 + stamp),
            _filled(stamp),
            _said("MEMBER  HEADER RECORD!!!!!!!", "000000000000000001600000000140"),
            _said("DSCRPTR HEADER RECORD!!!!!!!", "0" * 30),
            _filled(b"SAS     " + _text(table.dataset.name, 8) + b"SASDATA " + system + b" " * 24 + stamp),
            _filled(stamp + b" " * 16 + _text(table.dataset.label, 40)),
            _said("NAMESTR HEADER RECORD!!!!!!!", f"000000{len(variables):04}" + "0" * 20),
            _filled(described),
            _said("OBS     HEADER RECORD!!!!!!!", "0" * 30),
        )
    )


def _said(what: str, numbers: str) -> bytes:
    return _filled(f"HEADER RECORD*******{what}{numbers}".encode("ascii"))


def _filled(part: bytes) -> bytes:
    """Return a part filled up with blanks to whole records."""
    return part + b" " * (-len(part) % _RECORD)


def _text(text: str, width: int) -> bytes:
    return text.encode("utf-8").ljust(width)[:width]


def _width(table: Table, variable: Variable) -> int:
    return table.lengths.get(variable.name, _NUMBER)


def _layout(table: Table) -> Iterator[tuple[Variable, int, int]]:
    """Yield each variable with its number, from 1, and where it begins in a row."""
    place = 0
    for number, variable in enumerate(table.dataset.variables, 1):
        yield variable, number, place
        place += _width(table, variable)


def _described(table: Table, variable: Variable, number: int, place: int) -> bytes:
    """Return the 140 bytes that describe a variable."""
    name, width = _FORMAT.get(variable.type, ("", 0))
    is_text = variable.name in table.lengths
    return struct.pack(
        ">4h8s40s8s3h2x8s2hl52x",
        2 if is_text else 1, 0, _width(table, variable), number, _text(variable.name, 8), _text(variable.label, 40),
        _text(name, 8), width, 0, 0, _text("", 8), 0, 0, place,
    )  # fmt: skip


def _rows(table: Table, batch: pa.RecordBatch) -> bytes:
    """Return the rows of a batch, side by side."""
    columns = [_column(table, variable, batch.column(variable.name)) for variable in table.dataset.variables]
    return np.concatenate(columns, axis=1).tobytes()


def _column(table: Table, variable: Variable, values: Any) -> NDArray[np.uint8]:
    """Return the bytes of a variable, a line per row."""
    if variable.name not in table.lengths:
        return _ibm(_seconds(variable, values))
    width = table.lengths[variable.name]
    texts = b"".join(_text(text or "", width) for text in values.to_pylist())
    return np.frombuffer(texts, np.uint8).reshape(-1, width)


def _seconds(variable: Variable, values: Any) -> NDArray[np.float64]:
    """Return numbers as they are, days and seconds as SAS counts them, cut to whole ones; a missing one is NaN."""
    if variable.type == "date_number":
        days = values.cast(pa.int32()).to_numpy(zero_copy_only=False).astype(np.float64)
        return days - _SAS_EPOCH.astype("datetime64[D]").astype(np.int64)
    if variable.type == "datetime_number":
        micros = (
            values.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.float64)
        )
        return np.floor(micros / 1e6) - float(_SAS_EPOCH.astype("datetime64[s]").astype(np.int64))
    return values.to_numpy(zero_copy_only=False).astype(np.float64)


def _ibm(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return numbers as 8-byte IBM floating point: a sign, an exponent of 16 plus 64, a fraction of 56 bits."""
    missing = np.isnan(values)
    fraction, two = np.frexp(np.where(missing, 0.0, np.abs(values)))
    sixteen = -(-two // 4)
    mantissa = np.ldexp(fraction, two - 4 * sixteen + 56).astype(np.uint64)
    sign = (values < 0).astype(np.uint64) << np.uint64(7)
    head = np.where(mantissa == 0, 0, sign | (sixteen + 64).astype(np.uint64))
    packed = (head.astype(np.uint64) << np.uint64(56) | mantissa).astype(">u8")
    lines = np.frombuffer(packed.tobytes(), np.uint8).reshape(-1, _NUMBER).copy()
    lines[missing] = np.frombuffer(_MISSING, np.uint8)
    return lines
