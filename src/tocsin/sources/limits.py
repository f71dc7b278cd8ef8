"""A laboratory's limits of normal, given with --limits: with them organs are graded for the scales that weigh organs."""

import csv
from pathlib import Path

from tocsin.errors import UserError
from tocsin.events.conversions import Conversion, conversion_of
from tocsin.knowledge.laboratory import Limits, term_of, terms
from tocsin.knowledge.reading import unreadable_units
from tocsin.knowledge.signals import signal

COLUMNS = ("signal", "low", "high", "unit")


def read_limits(file: Path) -> dict[str, Limits]:
    """Return the limits of each signal that a file names, in the signal's canonical unit.

    Columns signal, low, high; unit may be missing or empty (the canonical one). An empty low or high is not known. Raises
    UserError naming file, line and column of what cannot be used.
    """
    if not file.is_file():
        raise UserError(
            f"--limits {file}: no such file; give a CSV file with the columns {', '.join(COLUMNS)}"
        )
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        missing = [name for name in COLUMNS[:3] if name not in (reader.fieldnames or ())]
        if missing:
            raise UserError(
                f"--limits {file}: column {missing[0]} is missing; the first line must name {', '.join(COLUMNS)}"
            )
        found: dict[str, Limits] = {}
        for line, row in enumerate(reader, 2):
            name, limits = _row(f"--limits {file}, line {line}", row)
            if name in found:
                raise UserError(f"--limits {file}, line {line}: {name} stands there twice; keep one line")
            found[name] = limits
        return found


def _row(where: str, row: dict[str, str | None]) -> tuple[str, Limits]:
    """Return the signal and the limits of one line."""
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    name = cells["signal"]
    if term_of(name) is None:
        known = ", ".join(sorted(term.signal for term in terms()))
        raise UserError(f"{where}, column signal: {name!r} is not graded for an organ; write one of {known}")
    conversion = conversion_of(signal(name), cells["unit"], unreadable_units())
    if conversion is None or conversion.weight_op or conversion.unreadable:
        raise UserError(
            f"{where}, column unit: {cells['unit']!r} is no unit of {name}; it is kept in {signal(name).unit}"
        )
    low, high = (_number(where, column, cells[column], conversion) for column in ("low", "high"))
    if low is not None and high is not None and low >= high:
        raise UserError(f"{where}: low is not under high; write the lower limit of normal under low")
    return name, Limits(low, high)


def _number(where: str, column: str, text: str, conversion: Conversion) -> float | None:
    """Return a limit in the canonical unit, None for an empty cell."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{where}, column {column}: {text!r} is no number; write for example 40") from None
    if not 0 < value < float("inf"):
        raise UserError(f"{where}, column {column}: {text} is no limit of normal; it must be over 0")
    return value * conversion.factor + conversion.offset
