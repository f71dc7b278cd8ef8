"""A small writer of SAS transport files, v5 and v8, for tests: written from the format, not with the package that reads it."""

import math
import struct
from collections.abc import Sequence
from typing import Any, Final

RECORD: Final = 80
_STAMP: Final = b"01JAN26:00:00:00"
_NAMESTR: Final = ">hhhh8s40s8shhh2s8shhl"
_WORDS: Final = {
    5: ("LIBRARY", "MEMBER", "DSCRPTR", "NAMESTR", "OBS"),
    8: ("LIBV8", "MEMBV8", "DSCPTV8", "NAMSTV8", "OBSV8"),
}
# A row: a text or a number for each column, None where it is missing.
Row = Sequence[str | float | None]


def xpt_bytes(
    name: str, columns: Sequence[str], rows: Sequence[Row], version: int = 5, count: int | None = None
) -> bytes:
    """Return a dataset as a transport file; a column of numbers is numeric. `count`: what the header of v8 says of the rows."""
    kinds = [_width(columns, rows, place) for place in range(len(columns))]
    data = b"".join(_cell(value, width) for row in rows for value, width in zip(row, kinds, strict=True))
    head = xpt_header(name, columns, kinds, version, len(rows) if count is None else count)
    return head + data + b" " * (-len(data) % RECORD)


def xpt_header(name: str, columns: Sequence[str], kinds: Sequence[int], version: int, count: int) -> bytes:
    """Return all that stands before the rows; a kind is the width of a text, 0 for a number."""
    library, member, descriptor, names, rows = _WORDS[version]
    wide = 8 if version == 5 else 32
    dataset = b"SAS     " + name.encode().ljust(wide) + b"SASDATA 9.4     X64     "
    parts = [
        _banner(library),
        b"SAS     SAS     SASLIB  9.4     X64     ".ljust(64) + _STAMP,
        _STAMP.ljust(RECORD),
        _banner(member, "000000000000000001600000000140"),
        _banner(descriptor),
        dataset.ljust(64) + _STAMP,
        _STAMP.ljust(RECORD),
        _banner(names, f"000000{len(columns):04d}00000000000000000000"),
        _namestrs(columns, kinds, version),
        _banner(rows, "" if version == 5 else f"{count:15d}".ljust(30)),
    ]
    return b"".join(parts)


def ibm_double(value: float | None) -> bytes:
    """Return a number as SAS transport files keep it: base 16, cut (not rounded) at 56 bits; a missing one is a point."""
    if value is None:
        return b".".ljust(8, b"\0")
    if value == 0:
        return bytes(8)
    fraction, exponent = math.frexp(abs(value))
    power = -(-exponent // 4)
    mantissa = int(math.ldexp(fraction, 56 + exponent - 4 * power))
    return bytes([(0x80 if value < 0 else 0) | (64 + power)]) + mantissa.to_bytes(7, "big")


def _banner(word: str, tail: str = "") -> bytes:
    said = f"HEADER RECORD*******{word:<8}HEADER RECORD!!!!!!!{tail or '0' * 30}"
    return said.encode().ljust(RECORD)


def _namestrs(columns: Sequence[str], kinds: Sequence[int], version: int) -> bytes:
    found, place = b"", 0
    for number, (name, width) in enumerate(zip(columns, kinds, strict=True), 1):
        length = width or 8
        found += struct.pack(
            _NAMESTR, 2 if width else 1, 0, length, number, name.encode()[:8].ljust(8), b" " * 40, b" " * 8,
            0, 0, 0, b"\0\0", b" " * 8, 0, 0, place,
        )  # fmt: skip
        found += (name.encode().ljust(32) if version == 8 else b"").ljust(52, b"\0")
        place += length
    return found + b" " * (-len(found) % RECORD)


def _width(columns: Sequence[str], rows: Sequence[Row], place: int) -> int:
    """Return the width of a column of texts, 0 for one of numbers."""
    values = [row[place] for row in rows if row[place] is not None]
    if any(isinstance(value, int | float) for value in values):
        return 0
    return max([1, *(len(str(value).encode()) for value in values)])


def _cell(value: Any, width: int) -> bytes:
    return str(value or "").encode().ljust(width) if width else ibm_double(value)
