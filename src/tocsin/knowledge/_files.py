"""How the data files beside this module are read: rows of a CSV, tables of a TOML, and the near miss."""

import csv
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, cast

from tocsin.errors import UserError

FOLDER = Path(__file__).parent


def csv_rows(name: str) -> list[dict[str, str]]:
    """Every row of a CSV file of the room, as text."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def toml_table(name: str) -> dict[str, Any]:
    """A whole TOML file of the room."""
    return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))


def number(text: str) -> float | None:
    """A cell that holds a number, or nothing."""
    return float(text) if text else None


def keys(text: str) -> tuple[str, ...]:
    """The keys of a cell that lists several."""
    return tuple(part.strip() for part in text.split(";") if part.strip())


def tuples(row: dict[str, Any]) -> dict[str, Any]:
    """A table of a TOML file with its lists as tuples."""
    return {
        key: tuple(cast("list[Any]", cell)) if isinstance(cell, list) else cell for key, cell in row.items()
    }


def unknown(kind: str, name: str, known: Iterable[str]) -> NoReturn:
    """Refuse a name that is not there, with the names that look like it."""
    import difflib  # only on the way to an error: keeps start-up short

    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.55)
    hint = f"did you mean {' or '.join(near)}?" if near else "see `tocsin explain` for the list"
    raise UserError(f"unknown {kind} {name!r}: {hint}")
