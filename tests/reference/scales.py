"""Grades as sets: three scales read from the texts here, the others from the product's data files."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "src" / "tocsin" / "knowledge" / "scales"

Grades = frozenset[int]


def grades(*members: int) -> Grades:
    """A set of grades."""
    return frozenset(members)


@dataclass(frozen=True)
class Scale:
    """Two tables of sets, keyed (category, band) and for hypotension also by the 24 h run."""

    hypotension: Mapping[tuple[str, str | None, bool | None], Grades]
    oxygen: Mapping[tuple[str, str | None], Grades]
    fever_gate: bool
    airway_tube_adds: Grades


def whatever_dose(table: Mapping[str, Grades]) -> dict[tuple[str, str | None, bool | None], Grades]:
    """Rows that hold at any dose and after any run."""
    return {(category, None, None): members for category, members in table.items()}


def by_fio2(
    categories: Iterable[str], below: Grades, at_least: Grades
) -> dict[tuple[str, str | None], Grades]:
    """Rows of categories that are split at an FiO2 of 40 %."""
    rows: dict[tuple[str, str | None], Grades] = {}
    for category in categories:
        rows[category, "below_40"], rows[category, "at_least_40"] = below, at_least
    return rows


PLAIN_OXYGEN = (
    "low_flow",
    "cannula_flow_unknown",
    "high_flow_at_low_flow",
    "high_flow",
    "mask",
)

ASTCT = Scale(
    hypotension=whatever_dose(
        {
            "none": grades(0),
            "untreated": grades(2),
            "fluids": grades(2),
            "fluids_repeated": grades(2),
            "vasopressin_alone": grades(2, 3),
            "one": grades(3),
            "one_plus_vasopressin": grades(3),
            "multiple": grades(4),
        }
    ),
    oxygen={
        ("none", None): grades(0),
        ("low_flow", None): grades(2),
        ("cannula_flow_unknown", None): grades(2, 3),
        ("high_flow_at_low_flow", None): grades(2, 3),
        ("high_flow", None): grades(3),
        ("mask", None): grades(3),
        ("device_unknown", None): grades(2, 3, 4),
        ("positive_pressure", None): grades(4),
        ("ventilator", None): grades(4),
    },
    fever_gate=True,
    airway_tube_adds=grades(),
)

CTCAE5 = Scale(
    hypotension=whatever_dose(
        {
            "none": grades(0),
            "untreated": grades(0, 2),
            "fluids": grades(2),
            "fluids_repeated": grades(2),
            "vasopressin_alone": grades(3),
            "one": grades(3),
            "one_plus_vasopressin": grades(3, 4),
            "multiple": grades(4),
        }
    ),
    oxygen={
        ("none", None): grades(0),
        **by_fio2(PLAIN_OXYGEN, grades(2), grades(3)),
        **by_fio2(("positive_pressure", "device_unknown"), grades(2, 3, 4), grades(3, 4)),
        ("ventilator", None): grades(4),
    },
    fever_gate=False,
    airway_tube_adds=grades(4),
)

LEE2014 = Scale(
    hypotension={
        **whatever_dose(
            {
                "none": grades(0),
                "untreated": grades(0, 2),
                "fluids": grades(2),
                "fluids_repeated": grades(2),
                "vasopressin_alone": grades(2, 3),
                "multiple": grades(3),
            }
        ),
        ("one", "low", None): grades(2),
        ("one", "high", None): grades(3),
        ("one_plus_vasopressin", "low", None): grades(2, 3),
        ("one_plus_vasopressin", "high", None): grades(3),
    },
    oxygen={
        ("none", None): grades(0),
        **by_fio2(PLAIN_OXYGEN, grades(2), grades(3)),
        **by_fio2(("positive_pressure", "device_unknown"), grades(2, 4), grades(3, 4)),
        ("ventilator", None): grades(4),
    },
    fever_gate=False,
    airway_tube_adds=grades(4),
)


def from_file(path: Path) -> Scale:
    """A scale from a data file of the product."""
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return Scale(
        hypotension={
            (row["category"], row.get("dose_band"), row.get("run_24h")): frozenset(row["grades"])
            for row in data["hypotension"]
        },
        oxygen={(row["category"], row.get("fio2_band")): frozenset(row["grades"]) for row in data["oxygen"]},
        fever_gate=data["scale"]["fever_gate"],
        airway_tube_adds=frozenset(data["scale"]["airway_tube_adds"]),
    )


@cache
def all_scales() -> dict[str, Scale]:
    """The three scales of this file, and those that the product has as data."""
    own = {"astct": ASTCT, "ctcae5": CTCAE5, "lee2014": LEE2014}
    others = {path.stem: from_file(path) for path in sorted(DATA.glob("*.toml")) if path.stem not in own}
    return own | others


def union(sets: Iterable[Grades]) -> Grades:
    """All members of some sets; a table without the cell asked for is an error."""
    members = frozenset(member for one in sets for member in one)
    if not members:
        raise LookupError("a scale has no row for a state")
    return members


def fits(wanted: str | bool | None, has: str | bool | None) -> bool:
    """Whether a row's band covers a state's: a row without one covers all, an unknown band takes all rows."""
    return wanted is None or has == "unknown" or wanted == has


@cache
def hypotension_set(scale_id: str, category: str, dose: str | None, run: bool | None) -> Grades:
    """The set of the hypotension axis."""
    table = all_scales()[scale_id].hypotension
    return union(g for (c, d, r), g in table.items() if c == category and fits(d, dose) and fits(r, run))


@cache
def oxygen_set(scale_id: str, category: str, band: str | None, airway_tube: bool) -> Grades:
    """The set of the oxygen axis."""
    scale = all_scales()[scale_id]
    members = union(g for (c, b), g in scale.oxygen.items() if c == category and fits(b, band))
    return members | scale.airway_tube_adds if airway_tube else members


@cache
def graded(scale_id: str, hypotension: Grades, oxygen: Grades, fever: bool, waived: bool) -> Grades:
    """The set inside an episode."""
    both = {max(h, o) for h in hypotension for o in oxygen}
    if fever:
        return frozenset(max(1, member) for member in both)
    if 0 in both:
        both.add(1)
    if all_scales()[scale_id].fever_gate and not waived:
        both.add(0)
    return frozenset(both)


def bits(members: Iterable[int]) -> int:
    """A set as bits: bit g is grade g."""
    return sum(1 << member for member in set(members))
