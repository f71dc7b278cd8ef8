"""Many snapshots: a CSV with the columns of a snapshot in, a row of grades and sets per line out."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from tocsin.errors import UserError
from tocsin.grading import sets
from tocsin.grading.fields import NOT_A_FINDING, FieldError, Reader, crs_readers, icans_readers, shown
from tocsin.grading.icans import IcansSnapshot, icans_set
from tocsin.grading.snapshot import Snapshot, grade_sets
from tocsin.knowledge.icans import icans_scales
from tocsin.knowledge.vocabulary import SCALES

Row = dict[str, str | int | None]


def grade_csv(path: Path) -> Iterator[Row]:
    """Grade each line of a file: `id`, then `<scale>` and `<scale>_set` (bits) per scale with columns for it.

    Other columns are ignored, a column that is absent is not said, an empty cell is unknown.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(path, file)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a CSV file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise UserError(f"{path}: is no CSV ({error})") from None


def columns_out(header: list[str]) -> list[str]:
    """The columns that a header leads to, in order."""
    return ["id", *(name for scale in _scales(header) for name in (scale, f"{scale}_set"))]


def _rows(path: Path, file: TextIO) -> Iterator[Row]:
    first = file.readline()
    file.seek(0)
    reader = csv.reader(file, delimiter=";" if ";" in first and "," not in first else ",", strict=True)
    header = [name.strip() for name in next(reader, list[str]())]
    _check_header(path, header)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield _graded(path, reader.line_num, header, cells)


def _check_header(path: Path, header: list[str]) -> None:
    if not _scales(header):
        known = ", ".join((*crs_readers(), *icans_readers()))
        raise UserError(f"{path}: no column is a finding; the first line must name some of {known}")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise UserError(f"{path}: column {twice[0]} is there twice; keep one")


def _scales(header: list[str]) -> list[str]:
    """The scales that the columns speak about."""

    def any_of(readers: Mapping[str, Reader]) -> bool:
        return any(name in readers and name not in NOT_A_FINDING for name in header)

    neuro = {name: reader for name, reader in icans_readers().items() if name != "cartox10"}
    crs = [*SCALES] if any_of(crs_readers()) else []
    icans = [scale.id for scale in icans_scales() if scale.id != "cres"] if any_of(neuro) else []
    return [*crs, *icans, *(["cres"] if "cartox10" in header else [])]


def _graded(path: Path, line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        counts = f"{len(cells)} cells, the first line has {len(header)}"
        raise UserError(f"{path}, line {line}: has {counts}; quote a cell that holds a comma")
    said = dict(zip(header, cells, strict=True))
    try:
        found = _sets(said, _scales(header))
    except FieldError as error:
        where = f"{path}, line {line}, column {error.field}"
        raise UserError(f"{where}: {shown(said.get(error.field, error.value))!r}: {error.problem}") from None
    row: Row = {"id": said.get("id", str(line))}
    for scale, bits in found.items():
        row[scale], row[f"{scale}_set"] = sets.decided(bits), bits
    return row


def _sets(said: Mapping[str, str], wanted: list[str]) -> dict[str, int]:
    crs: dict[str, Any] = {name: cell for name, cell in said.items() if name in crs_readers()}
    neuro: dict[str, Any] = {name: cell for name, cell in said.items() if name in icans_readers()}
    findings = IcansSnapshot(**neuro)
    found = grade_sets(Snapshot(**crs)) | {scale.id: icans_set(scale, findings) for scale in icans_scales()}
    return {scale: found[scale] for scale in wanted}
