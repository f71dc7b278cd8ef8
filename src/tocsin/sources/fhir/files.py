"""Which files of a path are FHIR, and whether each is one document or lines: told by what is in them."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

import orjson

from tocsin.errors import UserError
from tocsin.sources.fhir.bundle import BOM, GZIP

SUFFIXES: Final = (".json", ".ndjson", ".jsonl", ".json.gz", ".ndjson.gz", ".jsonl.gz")
LINES: Final = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz")
EXPECTED: Final = (
    "expected FHIR R4: a Bundle, a folder of Bundles (*.json), or a bulk export (*.ndjson), also .gz"
)
_SNIFF: Final = 1 << 16
UNREADABLE: Final = (EOFError, OSError, zlib.error)


@dataclass(frozen=True, slots=True)
class Input:
    """One file: its place among all, what reports call it, whether it holds lines, whether it is gzipped."""

    index: int
    path: Path
    name: str
    lines: bool
    zipped: bool


def inputs(paths: Sequence[Path]) -> list[Input]:
    """Return the files of the paths in name order. Raises UserError where there are none."""
    found: list[Input] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: not there; {EXPECTED}")
        files = _files(path)
        if not files:
            raise UserError(f"{path}: nothing to read in it; {EXPECTED}")
        found += [_input(len(found) + n, file, path) for n, file in enumerate(files)]
    return found


def looks_like_fhir(path: Path) -> bool:
    """Whether a file, or some file of a folder, begins like FHIR JSON."""
    if not path.exists():
        return False
    return any(b'"resourceType"' in _head(file) for file in _files(path))


def open_lines(path: Path) -> IO[bytes]:
    """Open a file to read its lines, unpacked."""
    zipped = _starts_with_gzip(path)
    return cast(IO[bytes], gzip.open(path, "rb")) if zipped else path.open("rb")


def lines_of(file: Input) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers as an editor counts."""
    with open_lines(file.path) as opened:
        for number, line in enumerate(opened, 1):
            if line.strip():
                yield number, line


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and file.name.lower().endswith(SUFFIXES))


def _input(index: int, file: Path, root: Path) -> Input:
    name = file.name if file == root else file.relative_to(root).as_posix()
    return Input(index, file, name, _has_lines(file), _starts_with_gzip(file))


def _starts_with_gzip(path: Path) -> bool:
    with path.open("rb") as opened:
        return opened.read(2) == GZIP


def _head(path: Path) -> bytes:
    """Return the beginning of a file, unpacked as far as it can be."""
    try:
        with open_lines(path) as opened:
            return opened.read(_SNIFF)
    except UNREADABLE:
        return b""


def _has_lines(path: Path) -> bool:
    """Whether a file is NDJSON: by its name, or its first line is a whole resource and not the last."""
    if path.name.lower().endswith(LINES):
        return not _one_document(path)
    first, newline, rest = _head(path).removeprefix(BOM).lstrip().partition(b"\n")
    return bool(newline and rest.strip()) and _is_json(first)


def _one_document(path: Path) -> bool:
    """Whether a file that is called NDJSON is one document over many lines."""
    head = _head(path).removeprefix(BOM).lstrip()
    return head.partition(b"\n")[0].strip() in (b"{", b"[")


def _is_json(text: bytes) -> bool:
    try:
        found: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict)
