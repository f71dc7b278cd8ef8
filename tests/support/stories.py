"""Whole-patient stories of `tests/spec/guidance/stories/*.toml`: a made-up chart, graded and advised; also a page of the docs."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.charts import ADULT, DAY_ZERO, MICRO, chart, micros, write_folder

FOLDER = Path(__file__).resolve().parent.parent / "spec" / "guidance" / "stories"
ACTS = ("stop", "hold", "treat")


@dataclass(frozen=True)
class Story:
    """One patient: what is charted, when advice is asked for, and the acts that must come of it, in order.

    `acts` are certain, `open` wait for something: stop, hold and treat of the consensus. `also` must be there, `never` must not,
    whatever their kind and pack; `dose`, `not_before` and `missing` are parts of what is said.
    """

    file: str
    name: str
    about: str
    chart: str
    at: str
    grade: str
    acts: tuple[str, ...]
    open: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    dose: dict[str, str] = field(default_factory=dict[str, str])
    not_before: dict[str, str] = field(default_factory=dict[str, str])
    missing: tuple[str, ...] = ()
    born: dt.date | None = ADULT


def stories() -> list[Story]:
    """Every story in the order of its file."""
    return [_read(path) for path in sorted(FOLDER.glob("*.toml"))]


def _read(path: Path) -> Story:
    told: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    born = {"born": None} if told.get("born") == "unknown" else {}
    several = {key: tuple(value) for key, value in told.items() if isinstance(value, list)}
    return Story(file=path.name, **{**told, **several, **born})


def instant(text: str) -> dt.datetime:
    """A time of a story."""
    return DAY_ZERO + micros(text) * MICRO


def write_stories(told: list[Story], folder: Path) -> None:
    """Write all stories as one source in our CSV layout, each a subject by its number."""
    write_folder(folder, [(one.born, chart(one.chart, number)) for number, one in enumerate(told, 1)])
