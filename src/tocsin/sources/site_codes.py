"""A site's own code list, given with --codes: rows that come before `knowledge/codes.csv`."""

import csv
from pathlib import Path

from tocsin.errors import UserError
from tocsin.events.conversions import conversion_of
from tocsin.knowledge.codes import Code
from tocsin.knowledge.reading import systems, unreadable_units
from tocsin.knowledge.signals import signal
from tocsin.knowledge.vocabulary import OXYGEN_DEVICE

COLUMNS = ("signal", "system", "code", "unit_hint", "value")
WORD = "word"  # the system of a word itself, which no code system holds


def read_site_codes(file: Path) -> tuple[Code, ...]:
    """Return the rows of a site's code file: columns signal, system, code; unit_hint and value may be missing.

    A line whose signal is still empty is one that nobody has filled in: it maps nothing. Other columns are not looked at.

    Raises UserError naming file, line and column of what cannot be used.
    """
    if not file.is_file():
        raise UserError(
            f"--codes {file}: no such file; give a CSV file with the columns {', '.join(COLUMNS)}"
        )
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        missing = [name for name in COLUMNS[:3] if name not in (reader.fieldnames or ())]
        if missing:
            raise UserError(
                f"--codes {file}: column {missing[0]} is missing; the first line must name {', '.join(COLUMNS)}"
            )
        return tuple(_row(file, place, row) for place, row in enumerate(reader, 2) if _is_filled_in(row))


def _is_filled_in(row: dict[str, str | None]) -> bool:
    return bool((row.get("signal") or "").strip()) or not (row.get("code") or "").strip()


def _row(file: Path, line: int, row: dict[str, str | None]) -> Code:
    """Return one row as a code."""
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    for name in COLUMNS[:3]:
        if not cells[name]:
            raise UserError(
                f"--codes {file}, line {line}, column {name}: empty; each line needs signal, system and code"
            )
    try:
        of = signal(cells["signal"])
    except UserError as error:
        raise UserError(f"--codes {file}, line {line}, column signal: {error.message}") from None
    if cells["value"] and of.name == "oxygen_device" and cells["value"] not in OXYGEN_DEVICE:
        known = ", ".join(OXYGEN_DEVICE)
        raise UserError(
            f"--codes {file}, line {line}, column value: {cells['value']!r} is no device; write one of {known}"
        )
    if cells["unit_hint"] and conversion_of(of, cells["unit_hint"], unreadable_units()) is None:
        raise UserError(
            f"--codes {file}, line {line}, column unit_hint: {cells['unit_hint']!r} is no unit of {of.name}; "
            f"it is kept in {of.unit}"
        )
    system = "" if cells["system"] == WORD else systems().get(cells["system"].casefold(), cells["system"])
    code, hint, value = cells["code"], cells["unit_hint"], cells["value"]
    return Code(of.name, system, code, code, hint, value, "value", "", ("site",), "n/a")
