"""The eight scales as tables of grade sets, and the same tables as lookup arrays for the timeline.

A grade set is bits: bit g stands for grade g.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tocsin.knowledge import _files
from tocsin.knowledge.causes import causes
from tocsin.knowledge.vocabulary import HYPOTENSION, OXYGEN, SCALES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class HypotensionRow:
    """The grades of a hypotension category; a band that is None stands for any."""

    category: str
    dose_band: str | None
    run_24h: bool | None
    grades: int
    why: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class OxygenRow:
    """The grades of an oxygen category; a band that is None stands for any."""

    category: str
    fio2_band: str | None
    grades: int
    why: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class OrganRow:
    """What a scale makes of the CTCAE grades 0 to 4 of one group of organs."""

    group: str
    by_grade: tuple[int, ...]
    why: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Scale:
    """One published scale. `code` is its place in every array."""

    code: int
    id: str
    name: str
    version: str
    fever_gate: bool
    organ_toxicity: bool
    airway_tube_adds: int
    source: tuple[str, ...]
    confidence: str
    hypotension: tuple[HypotensionRow, ...]
    oxygen: tuple[OxygenRow, ...]
    organ: tuple[OrganRow, ...]  # none: the scale has no row for an organ

    def hypotension_grades(self, category: str, dose_band: str | None, run_24h: bool | None) -> int:
        """The set of a state; None is "no counted vasopressor", an unknown dose the union of its rows."""
        return _union(
            row.grades
            for row in self.hypotension_rows(category, dose_band)
            if row.run_24h is None or run_24h is None or row.run_24h == run_24h
        )

    def hypotension_rows(self, category: str, dose_band: str | None) -> tuple[HypotensionRow, ...]:
        """The rows that a category may mean at a dose band."""
        open_band = dose_band in (None, "unknown")
        return tuple(
            row
            for row in self.hypotension
            if row.category == category and (open_band or row.dose_band in (None, dose_band))
        )

    def oxygen_grades(self, category: str, fio2_band: str | None, airway_tube: bool = False) -> int:
        """The set of a state; an FiO2 that is unknown or None gives the union of its rows."""
        rows = self.oxygen_rows(category, fio2_band)
        return _union(row.grades for row in rows) | (self.airway_tube_adds if airway_tube else 0)

    def oxygen_rows(self, category: str, fio2_band: str | None) -> tuple[OxygenRow, ...]:
        """The rows that a category may mean at an FiO2 band."""
        open_band = fio2_band in (None, "unknown")
        return tuple(
            row
            for row in self.oxygen
            if row.category == category and (open_band or row.fio2_band in (None, fio2_band))
        )

    def organ_grades(self, group: str, ctcae: int) -> int:
        """The set that a CTCAE grade (or a set of them) of a group of organs makes; {0} where the scale has no row for it."""
        row = next((row for row in self.organ if row.group == group), None)
        return _union(row.by_grade[grade] for grade in grades_of(ctcae)) if row else 1


@dataclass(frozen=True, slots=True)
class GradeTables:
    """The scales as arrays. A band is stored one higher than its code, so that 0 is "none" (-1)."""

    hypotension: "NDArray[np.uint8]"  # scale, category, dose band (none, low, unknown, high), 24 h run
    oxygen: "NDArray[np.uint8]"  # scale, category, FiO2 band (none, below, at least, unknown), airway tube
    fever_gate: "NDArray[np.bool_]"  # scale
    record_scale: "NDArray[np.int8]"  # cause -> scale


@cache
def scales() -> tuple[Scale, ...]:
    """All scales in the order of the vocabulary."""
    return tuple(_scale(code, _files.toml_table(f"scales/{id}.toml")) for code, id in enumerate(SCALES))


def scale(id: str) -> Scale:
    """One scale by its id."""
    if id not in SCALES:
        _files.unknown("scale", id, SCALES)
    return scales()[SCALES.index(id)]


def grades_of(bits: int) -> list[int]:
    """A set of grades as a sorted list."""
    return [grade for grade in range(6) if bits >> grade & 1]


@cache
def grade_tables() -> GradeTables:
    """The scales as read-only arrays."""
    import numpy as np  # here, not above: the command line starts without it

    dose, fio2 = (None, "low", "unknown", "high"), (None, "below_40", "at_least_40", "unknown")
    hypotension = [
        [
            [[row.hypotension_grades(name, band, run) for run in (False, True)] for band in dose]
            for name in HYPOTENSION
        ]
        for row in scales()
    ]
    oxygen = [
        [
            [[row.oxygen_grades(name, band, tube) for tube in (False, True)] for band in fio2]
            for name in OXYGEN
        ]
        for row in scales()
    ]
    tables = GradeTables(
        np.array(hypotension, np.uint8),
        np.array(oxygen, np.uint8),
        np.array([row.fever_gate for row in scales()], np.bool_),
        np.array([SCALES.index(cause.scale) for cause in causes()], np.int8),
    )
    for array in (tables.hypotension, tables.oxygen, tables.fever_gate, tables.record_scale):
        array.flags.writeable = False
    return tables


def _union(sets: Iterable[int]) -> int:
    union = 0
    for bits in sets:
        union |= bits
    return union


def _bits(grades: list[int]) -> int:
    return _union(1 << grade for grade in grades)


def _scale(code: int, table: dict[str, Any]) -> Scale:
    head = table["scale"]
    return Scale(
        code,
        head["id"],
        head["name"],
        head["version"],
        head["fever_gate"],
        head["organ_toxicity"],
        _bits(head["airway_tube_adds"]),
        tuple(head["source"]),
        head["confidence"],
        tuple(_hypotension(row) for row in table["hypotension"]),
        tuple(_oxygen(row) for row in table["oxygen"]),
        tuple(_organ(row) for row in table.get("organ", ())),
    )


def _hypotension(row: dict[str, Any]) -> HypotensionRow:
    band, run = row.get("dose_band"), row.get("run_24h")
    return HypotensionRow(
        row["category"], band, run, _bits(row["grades"]), row["why"], tuple(row["source"]), row["confidence"]
    )


def _oxygen(row: dict[str, Any]) -> OxygenRow:
    return OxygenRow(
        row["category"],
        row.get("fio2_band"),
        _bits(row["grades"]),
        row["why"],
        tuple(row["source"]),
        row["confidence"],
    )


def _organ(row: dict[str, Any]) -> OrganRow:
    sets = tuple(_bits(grades) for grades in row["by_grade"])
    return OrganRow(row["group"], sets, row["why"], tuple(row["source"]), row["confidence"])
