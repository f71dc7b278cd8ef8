"""The doses and clocks that the guidance names: figures with their source, no arithmetic."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from tocsin.knowledge import _files
from tocsin.knowledge.drugs import Dosing, drug

_DOSING = "guidance/dosing.toml"
# What a line of drugs.toml calls the figures of a dose.
_OF_DRUG = MappingProxyType(
    {
        "mg_per_kg": "per_kg",
        "max_mg": "cap",
        "infuse_h": "infuse_h",
        "min_interval_h": "interval_h",
        "max_doses_per_episode": "max_doses",
        "from_kg": "from_kg",
        "below_kg": "below_kg",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One dose: `fixed`, `per_kg` or `per_m2` in `unit`, up to `cap`; `fixed_to` is the far end of a range.

    `per` says what the amount counts for, a dose or a day. A figure that no source gives is None, a route "".
    """

    id: str
    drug: str
    route: str
    unit: str
    per: str
    fixed: float | None = None
    fixed_to: float | None = None
    per_kg: float | None = None
    per_m2: float | None = None
    cap: float | None = None
    interval_h: float | None = None
    infuse_h: float | None = None
    max_doses: int | None = None
    max_days: float | None = None
    max_per_day: float | None = None
    taper_days: float | None = None
    from_kg: float | None = None
    below_kg: float | None = None
    note: str = ""
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Clock:
    """Hours from an event, both bounds inside: not before `min_h`, not after `max_h`."""

    id: str
    from_event: str
    min_h: float | None
    max_h: float | None
    text: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Cutoff:
    """One cut-off of the laboratory."""

    id: str
    value: float
    unit: str
    meaning: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Surface:
    """The named formula for body surface area: the root of height in cm times weight in kg over `divisor`."""

    formula: str
    divisor: float
    unit: str
    source: tuple[str, ...]
    confidence: str


@cache
def doses() -> MappingProxyType[str, Dose]:
    """All doses by id."""
    return MappingProxyType({row["id"]: _dose(row) for row in _files.toml_table(_DOSING)["dose"]})


def dose(id: str) -> Dose:
    """One dose by its id."""
    if id not in doses():
        _files.unknown("dose", id, doses())
    return doses()[id]


@cache
def clocks() -> MappingProxyType[str, Clock]:
    """All clocks by id."""
    rows = _files.toml_table("guidance/clocks.toml")["clock"]
    return MappingProxyType({row["id"]: _clock(row) for row in rows})


def clock(id: str) -> Clock:
    """One clock by its id."""
    if id not in clocks():
        _files.unknown("clock", id, clocks())
    return clocks()[id]


@cache
def cutoffs() -> MappingProxyType[str, Cutoff]:
    """All cut-offs by id."""
    table = _files.toml_table("guidance/cutoffs.toml")
    return MappingProxyType({id: Cutoff(id=id, **_sourced(row)) for id, row in table.items()})


@cache
def reading_number(id: str) -> float:
    """One of the numbers by which the situation of a patient is read: `situation.toml` and the cut-offs."""
    table = _files.toml_table("guidance/situation.toml")
    return float(table[id]["value"]) if id in table else cutoffs()[id].value


@cache
def surface() -> Surface:
    """The formula for body surface area."""
    return Surface(**_sourced(_files.toml_table(_DOSING)["bsa"]))


def _dose(row: dict[str, Any]) -> Dose:
    own = {key: value for key, value in row.items() if key != "of"}
    of_drug = _of_drug(row["drug"], row["of"]) if "of" in row else {}
    return Dose(**{**of_drug, **_sourced(own)})


def _of_drug(drug_id: str, bound: str) -> dict[str, Any]:
    """The figures of the line of drugs.toml that has the bound."""
    lines: list[Dosing] = [line for line in drug(drug_id).dosing if bound in line.figures]
    (line,) = lines
    figures = {_OF_DRUG[key]: value for key, value in line.figures.items() if key in _OF_DRUG}
    return {"unit": "mg", "per": "dose", **figures}


def _clock(row: dict[str, Any]) -> Clock:
    return Clock(
        row["id"],
        row["from"],
        row.get("min_h"),
        row.get("max_h"),
        row["text"],
        tuple(row["source"]),
        row["confidence"],
    )


def _sourced(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "source": tuple(row["source"])}
