"""Unit conversion at the door, as arrays: one conversion for each signal and unit spelling that a source uses."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.knowledge.signals import (
    Reading,
    Signal,
    Unit,
    blank_units,
    signal_ids,
    signals,
    unit_readings,
    units,
)
from tocsin.knowledge.timeline import defaults

WEIGHT_NONE, WEIGHT_MULTIPLY, WEIGHT_DIVIDE = range(3)
_WEIGHT_OPS = {"none": WEIGHT_NONE, "multiply": WEIGHT_MULTIPLY, "divide": WEIGHT_DIVIDE}
READINGS = 2  # at most so many readings by size for one unit


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a value of one signal in one unit becomes canonical: times `factor` plus `offset`, then by weight."""

    signal: int
    factor: float = 1.0
    offset: float = 0.0
    weight_op: int = WEIGHT_NONE
    readings: tuple[
        tuple[float, float, float, float], ...
    ] = ()  # low, high, factor, offset: by the size of the value
    only_readings: bool = False  # any other value is ambiguous
    assumed: bool = False  # the unit was not given
    unreadable: bool = False  # the unit tells no dose or rate (a volume, a tablet): the value is unknown
    nudge: int = 0  # the value is only known to be below (-1) or above (1) the figure


CONVERSION = np.dtype(
    [("signal", "i2"), ("factor", "f8"), ("offset", "f8"), ("weight_op", "i1"), ("nudge", "i1"),
     ("low", "f8", (READINGS,)), ("high", "f8", (READINGS,)), ("reading_factor", "f8", (READINGS,)),
     ("reading_offset", "f8", (READINGS,)),
     ("only_readings", "i1"), ("unreadable", "i1"),
     ("hard_min", "f8"), ("hard_max", "f8"),  # NaN: none
     ("needs_value", "i1"),  # a measurement or score without a value is no event
     ("numeric", "i1"),
     ("fahrenheit_low", "f8"), ("fahrenheit_high", "f8")]  # a Celsius value over the hard bound in there looks like Fahrenheit
)  # fmt: skip
"""A conversion with the hard bounds of its signal, as the compiled door reads it."""


@cache
def _units() -> dict[tuple[str, str], Unit]:
    """Every accepted (signal, spelling)."""
    return {(unit.signal, unit.spelling): unit for unit in units()}


@cache
def _folded_units() -> dict[tuple[str, str], Unit]:
    """The spellings without regard to case, where that leaves no doubt (mg and Mg, but never mmol and Mmol)."""
    found: dict[tuple[str, str], Unit | None] = {}
    for (signal, spelling), unit in _units().items():
        key = (signal, spelling.casefold())
        same = found.get(key, unit)
        found[key] = (
            unit if same is not None and (same.factor, same.offset) == (unit.factor, unit.offset) else None
        )
    return {key: unit for key, unit in found.items() if unit is not None}


def _readings(signal: Signal, unit: str) -> tuple[tuple[float, float, float, float], ...]:
    """Return the readings by size that hold for a signal's values in a unit ("": none given)."""
    rows: list[Reading] = [row for row in unit_readings() if row.signal == signal.name and row.unit == unit]
    found: list[tuple[float, float, float, float]] = []
    for row in rows:
        read_as = _units()[signal.name, row.read_as]
        found.append((row.low, row.high, read_as.factor, read_as.offset))
    return tuple(found)


def conversion_of(signal: Signal, unit: str | None, unreadable: frozenset[str]) -> Conversion | None:
    """Return how to convert a signal's values in a unit as written; None when the unit is unknown.

    A missing unit is read as `signals.csv` says (by the size of the value, else as canonical or not at all).
    """
    spelling = (unit or "").strip()
    if not signal.numeric:
        return Conversion(signal.id)
    if spelling in blank_units():
        only = signal.missing_unit in ("temperature", "reject")
        return Conversion(signal.id, readings=_readings(signal, ""), only_readings=only, assumed=True)
    row = _units().get((signal.name, spelling)) or _folded_units().get((signal.name, spelling.casefold()))
    if row is not None:
        op = _WEIGHT_OPS[row.weight_op]
        return Conversion(signal.id, row.factor, row.offset, op, _readings(signal, row.unit))
    if signal.kind in ("drug", "procedure") and spelling.casefold() in unreadable:
        return Conversion(signal.id, unreadable=True)
    return None


def conversion_table(conversions: list[Conversion]) -> NDArray[Any]:
    """Return the conversions as records of dtype CONVERSION."""
    table = np.zeros(len(conversions), CONVERSION)
    celsius, limits = signal_ids()["body_temperature"], defaults()
    for row, conversion in zip(table, conversions, strict=True):
        of = signals()[conversion.signal]
        for name in ("signal", "factor", "offset", "weight_op", "only_readings", "unreadable", "nudge"):
            row[name] = getattr(conversion, name)
        for place, name in enumerate(("low", "high", "reading_factor", "reading_offset")):
            row[name] = np.nan
            row[name][: len(conversion.readings)] = [reading[place] for reading in conversion.readings]
        row["hard_min"], row["hard_max"] = _bound(of.hard_min), _bound(of.hard_max)
        row["numeric"], row["needs_value"] = of.numeric, of.numeric and of.kind in ("measurement", "score")
        in_celsius = conversion.signal == celsius and conversion.offset == 0
        row["fahrenheit_low"] = limits.looks_like_fahrenheit_min if in_celsius else np.nan
        row["fahrenheit_high"] = limits.looks_like_fahrenheit_max if in_celsius else np.nan
    return table.view(np.recarray)


def _bound(value: float | None) -> float:
    """Return a bound as a number, NaN when there is none."""
    return np.nan if value is None else value
