"""The signals: what each one measures, in which unit, within which bounds, and the units it may come in."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal, cast

from tocsin.knowledge import _files

Kind = Literal["measurement", "device", "drug", "procedure", "score", "condition", "therapy", "annotation"]
# What a value without a unit is: canonical (assumed), by its size (unit_readings.csv) and else refused
# (temperature, reject) or else canonical (fraction); none: the signal has no unit.
MissingUnit = Literal["canonical", "temperature", "fraction", "reject", "none"]
WeightOp = Literal["none", "multiply", "divide"]


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing a record can say. `id` is its code in the event table: its row number."""

    id: int
    name: str
    kind: Kind
    unit: str
    hard_min: float | None
    hard_max: float | None
    warn_min: float | None
    warn_max: float | None
    missing_unit: MissingUnit
    notes: str
    source: tuple[str, ...]
    confidence: str

    @property
    def numeric(self) -> bool:
        """Whether its value is a number in `unit`; otherwise it is a word, or its mere presence."""
        return self.unit != ""


@dataclass(frozen=True, slots=True)
class Unit:
    """canonical = value * factor + offset, then times or over the body weight in kg."""

    signal: str
    spelling: str
    unit: str
    factor: float
    offset: float
    weight_op: WeightOp


@dataclass(frozen=True, slots=True)
class Reading:
    """A value of `low` to `high`, marked `unit` ("" is no unit), is really in `read_as`."""

    signal: str
    unit: str
    low: float
    high: float
    read_as: str
    why: str
    source: tuple[str, ...]
    confidence: str


@cache
def signals() -> tuple[Signal, ...]:
    """All signals, the reference's first, in the order that numbers them."""
    return tuple(_signal(id, row) for id, row in enumerate(_files.csv_rows("signals.csv")))


@cache
def signal_ids() -> MappingProxyType[str, int]:
    """Signal name to its code in the event table."""
    return MappingProxyType({signal.name: signal.id for signal in signals()})


def signal(name: str) -> Signal:
    """One signal by name."""
    ids = signal_ids()
    if name not in ids:
        _files.unknown("signal", name, ids)
    return signals()[ids[name]]


@cache
def units() -> tuple[Unit, ...]:
    """Every accepted spelling of every accepted unit, one row each: trimmed text matches exactly."""
    spellings = _spellings()
    rows: dict[tuple[str, str], Unit] = {}
    for row in _files.csv_rows("units.csv"):
        for spelling in (row["unit"], *spellings.get(row["unit"], ())):
            rows.setdefault((row["signal"], spelling), _unit(row, spelling))
    return tuple(rows.values())


@cache
def blank_units() -> frozenset[str]:
    """What stands in a unit column when nothing is said."""
    return frozenset(("", *_spellings()[""]))


@cache
def unit_readings() -> tuple[Reading, ...]:
    """Values whose size shows that their unit is another than marked, or which unit is missing."""
    return tuple(
        Reading(
            row["signal"],
            row["unit"],
            float(row["low"]),
            float(row["high"]),
            row["read_as"],
            row["why"],
            _files.keys(row["source"]),
            row["confidence"],
        )
        for row in _files.csv_rows("unit_readings.csv")
    )


def _signal(id: int, row: dict[str, str]) -> Signal:
    return Signal(
        id,
        row["signal"],
        cast(Kind, row["kind"]),
        row["canonical_ucum"],
        _files.number(row["hard_min"]),
        _files.number(row["hard_max"]),
        _files.number(row["warn_min"]),
        _files.number(row["warn_max"]),
        cast(MissingUnit, row["missing_unit"]),
        row["notes"],
        _files.keys(row["source"]),
        row["confidence"],
    )


def _spellings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in _files.csv_rows("unit_spellings.csv"):
        found.setdefault(row["unit"], []).append(row["spelling"])
    return found


def _unit(row: dict[str, str], spelling: str) -> Unit:
    factor, offset = float(row["factor"]), float(row["offset"])
    return Unit(row["signal"], spelling, row["unit"], factor, offset, cast(WeightOp, row["weight_op"]))
