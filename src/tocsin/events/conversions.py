"""Unit conversion at the door, as arrays: one conversion for each signal and unit spelling that a source uses."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

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


class ConversionTable(NamedTuple):
    """The conversions as arrays, one place each, with the hard bounds of their signals."""

    signal: NDArray[np.int16]
    factor: NDArray[np.float64]
    offset: NDArray[np.float64]
    weight_op: NDArray[np.int8]
    low: NDArray[np.float64]  # [conversion, reading]
    high: NDArray[np.float64]
    reading_factor: NDArray[np.float64]
    reading_offset: NDArray[np.float64]
    only_readings: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]
    nudge: NDArray[np.int8]
    hard_min: NDArray[np.float64]  # NaN: none
    hard_max: NDArray[np.float64]
    needs_value: NDArray[np.bool_]  # a measurement or score without a value is no event
    numeric: NDArray[np.bool_]
    fahrenheit_low: NDArray[np.float64]  # a Celsius value over the hard bound from here on ...
    fahrenheit_high: NDArray[np.float64]  # ... to here looks like Fahrenheit; NaN where that means nothing


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
    if signal.kind == "drug" and spelling.casefold() in unreadable:
        return Conversion(signal.id, unreadable=True)
    return None


def conversion_table(conversions: list[Conversion]) -> ConversionTable:
    """Return the conversions as arrays."""
    readings = np.full((4, len(conversions), READINGS), np.nan)
    for place, conversion in enumerate(conversions):
        for which, reading in enumerate(conversion.readings):
            readings[:, place, which] = reading
    of = [signals()[conversion.signal] for conversion in conversions]
    is_celsius = [
        conversion.signal == signal_ids()["body_temperature"] and conversion.offset == 0
        for conversion in conversions
    ]
    return ConversionTable(
        signal=np.array([conversion.signal for conversion in conversions], np.int16),
        factor=np.array([conversion.factor for conversion in conversions], np.float64),
        offset=np.array([conversion.offset for conversion in conversions], np.float64),
        weight_op=np.array([conversion.weight_op for conversion in conversions], np.int8),
        low=readings[0],
        high=readings[1],
        reading_factor=readings[2],
        reading_offset=readings[3],
        only_readings=np.array([conversion.only_readings for conversion in conversions], np.bool_),
        unreadable=np.array([conversion.unreadable for conversion in conversions], np.bool_),
        nudge=np.array([conversion.nudge for conversion in conversions], np.int8),
        hard_min=np.array([_bound(signal.hard_min) for signal in of], np.float64),
        hard_max=np.array([_bound(signal.hard_max) for signal in of], np.float64),
        needs_value=np.array(
            [signal.numeric and signal.kind in ("measurement", "score") for signal in of], np.bool_
        ),
        numeric=np.array([signal.numeric for signal in of], np.bool_),
        fahrenheit_low=np.array(
            [defaults().looks_like_fahrenheit_min if yes else np.nan for yes in is_celsius], np.float64
        ),
        fahrenheit_high=np.array(
            [defaults().looks_like_fahrenheit_max if yes else np.nan for yes in is_celsius], np.float64
        ),
    )


def _bound(value: float | None) -> float:
    """Return a bound as a number, NaN when there is none."""
    return np.nan if value is None else value
