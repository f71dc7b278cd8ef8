"""A site's own code list, given with --codes: rows that come before `knowledge/codes.csv`."""

import csv
from pathlib import Path

from tocsin.errors import UserError
from tocsin.knowledge.codes import Code
from tocsin.knowledge.reading import systems
from tocsin.knowledge.signals import signal

COLUMNS = ("signal", "system", "code", "unit_hint", "value")


def read_site_codes(file: Path) -> tuple[Code, ...]:
    """Return the rows of a site's code file: columns signal, system, code; unit_hint and value may be missing.

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
        return tuple(_row(file, place, row) for place, row in enumerate(reader, 2))


def _row(file: Path, line: int, row: dict[str, str]) -> Code:
    """Return one row as a code."""
    try:
        name = signal(row["signal"].strip()).name
    except UserError as error:
        raise UserError(f"--codes {file}, line {line}, column signal: {error.message}") from None
    system = row["system"].strip()
    return Code(
        name,
        systems().get(system.casefold(), system),
        row["code"].strip(),
        row["code"].strip(),
        (row.get("unit_hint") or "").strip(),
        (row.get("value") or "").strip(),
        "value",
        "",
        ("site",),
        "n/a",
    )
