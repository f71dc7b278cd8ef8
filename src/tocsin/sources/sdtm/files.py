"""Which files of a path are SDTM datasets, and in which of the encodings each is."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.errors import UserError
from tocsin.knowledge.sdtm import Domain, domains

EXPECTED: Final = (
    "SDTM is a folder with datasets like dm.xpt: XPT, Dataset-JSON (.json, .ndjson, .dsjc), CSV or parquet"
)
_ENCODINGS: Final = {
    ".xpt": "xpt",
    ".json": "json",
    ".ndjson": "json",
    ".dsjc": "json",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
}
_SPLIT: Final = 4  # letters of a dataset that was split: lb1, lbch, facm
_SNIFF: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """One file: its place among all of the run, where it is, its domain, its encoding."""

    place: int
    path: Path
    domain: Domain
    encoding: str


def looks_like_sdtm(path: Path) -> bool:
    """Return whether a file is an SDTM dataset, or a folder holds one: told by name and by what is in it."""
    return any(_is_dataset(file) for file, _, _ in _named(path))


def dataset_files(paths: list[Path]) -> list[DatasetFile]:
    """Return the datasets of the paths, DM first, then in name order.

    Raises UserError where there are none, or one stands there twice.
    """
    found: list[tuple[Path, Domain, str]] = []
    for path in paths:
        named = _named(path)
        if not named:
            raise UserError(f"{path}: no SDTM dataset in it; {EXPECTED}")
        found += named
    _refuse_twins(found)
    found.sort(key=lambda item: (item[1].name != "DM", item[0].name.lower(), str(item[0])))
    return [DatasetFile(place, *item) for place, item in enumerate(found)]


def left_aside(paths: list[Path]) -> list[str]:
    """Return the names of datasets that are there and not read (MH, RELREC, SUPPAE and others)."""
    read = {file for path in paths for file, _, _ in _named(path)}
    names = {
        file.name
        for path in paths
        if path.is_dir()
        for file in path.iterdir()
        if file not in read and encoding_of(file)
    }
    return sorted(names)


def encoding_of(file: Path) -> str | None:
    """Return the encoding that a file's name tells."""
    name = file.name.lower()
    return next((kind for end, kind in _ENCODINGS.items() if name.endswith(end)), None)


def _named(path: Path) -> list[tuple[Path, Domain, str]]:
    """Return the files of a path whose names are those of datasets we read."""
    files = [path] if path.is_file() else sorted(path.iterdir()) if path.is_dir() else []
    found: list[tuple[Path, Domain, str]] = []
    for file in files:
        encoding, domain = encoding_of(file), _domain_of(_stem(file))
        if file.is_file() and encoding is not None and domain is not None:
            found.append((file, domain, encoding))
    return found


def _stem(file: Path) -> str:
    return file.name.partition(".")[0].upper()


def _domain_of(stem: str) -> Domain | None:
    """Return the domain of a dataset's name; one that was split begins with its two letters."""
    if len(stem) > _SPLIT:
        return None
    return domains().get(stem[:2])


def _refuse_twins(found: list[tuple[Path, Domain, str]]) -> None:
    """Raise UserError when one dataset stands there in two encodings: its rows would count twice."""
    seen: dict[tuple[Path, str], Path] = {}
    for file, _, _ in found:
        key = (file.resolve().parent, _stem(file))
        if key in seen:
            raise UserError(
                f"{file.parent}: {seen[key].name} and {file.name} are one dataset twice; keep one of them in the folder"
            )
        seen[key] = file


def _is_dataset(file: Path) -> bool:
    """Return whether what is in a file says SDTM."""
    encoding = encoding_of(file)
    if encoding == "parquet":
        try:
            return "USUBJID" in pq.read_schema(file).names
        except (pa.ArrowException, OSError):
            return False
    head = _head(file)
    if encoding == "xpt":
        return head.startswith((b"HEADER RECORD", b"**COMPRESSED**"))
    if encoding == "json":
        return b'"datasetJSONVersion"' in head
    return b"USUBJID" in head.partition(b"\n")[0]


def _head(file: Path) -> bytes:
    """Return the beginning of a file, unpacked as far as it can be."""
    with file.open("rb") as opened:
        head = opened.read(_SNIFF)
    if not file.name.lower().endswith((".gz", ".dsjc")):
        return head
    try:
        return zlib.decompressobj(wbits=47).decompress(head)
    except zlib.error:
        return b""
