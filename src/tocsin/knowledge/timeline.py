"""The numbers of the timeline, each with its source, and how a user overrides them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from tocsin.errors import UserError
from tocsin.knowledge import _files


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of `timeline.toml`. `also` is the short name that users may write too."""

    key: str
    value: float
    unit: str
    meaning: str
    source: tuple[str, ...]
    confidence: str
    also: str
    least: float
    most: float
    whole: bool  # whether it counts, or names a version


@dataclass(frozen=True, slots=True)
class Timeline:
    """The numbers in force; the unit of each is the end of its name (see `timeline.toml`)."""

    fever_threshold_cel: float
    fever_hold_h: float
    bp_hold_h: float
    adult_sbp_low: float
    adult_map_low: float
    adult_from_years: float
    newborn_sbp_low: float
    newborn_until_months: float
    infant_sbp_low: float
    infant_until_years: float
    child_sbp_low_base: float
    child_sbp_low_per_year: float
    child_until_years: float
    youth_sbp_low: float
    bolus_hold_h: float
    bolus_repeat_h: float
    bolus_min_ml: float
    bolus_min_ml_per_kg: float
    bolus_small_weight_kg: float
    bolus_max_min: float
    infusion_timeout_h: float
    high_dose_duration_h: float
    run_long_h: float
    lee_norepinephrine_ug_min: float
    lee_dopamine_ug_kg_min: float
    lee_phenylephrine_ug_min: float
    lee_epinephrine_ug_min: float
    lee_equivalent_ug_min: float
    lee_equivalent_with_vasopressin_ug_min: float
    lee_dopamine_divisor: float
    lee_phenylephrine_divisor: float
    device_hold_h: float
    low_flow_max_l_min: float
    fio2_cut: float
    room_air_fio2: float
    intubation_lookahead_h: float
    resolution_hold_h: float
    window_before_d: float
    window_after_d: float
    icans_after_resolution_d: float
    aspirin_min_mg: float
    looks_like_fahrenheit_min: float
    looks_like_fahrenheit_max: float
    organ_hold_h: float
    organ_ctcae: float

    def with_overrides(self, settings: Mapping[str, str]) -> "Timeline":
        """The same numbers with a user's own (`--set KEY=VALUE`) in place of some."""
        return replace(self, **{_key(name): _value(name, text) for name, text in settings.items()})


@cache
def parameters() -> MappingProxyType[str, Parameter]:
    """Every number by its key."""
    table = _files.toml_table("timeline.toml")
    return MappingProxyType({key: _parameter(key, row) for key, row in table.items()})


@cache
def defaults() -> Timeline:
    """The numbers as `timeline.toml` has them."""
    return Timeline(**{field.name: parameters()[field.name].value for field in fields(Timeline)})


def is_parameter(name: str) -> bool:
    """Whether a setting names a number of the timeline, by its key or its short name."""
    return name in _names()


@cache
def _names() -> MappingProxyType[str, str]:
    short = {row.also: key for key, row in parameters().items() if row.also}
    return MappingProxyType({**short, **{key: key for key in parameters()}})


def _key(name: str) -> str:
    if not is_parameter(name):
        _files.unknown("setting", name, _names())
    return _names()[name]


def _value(name: str, text: str) -> float:
    row = parameters()[_key(name)]
    try:
        value = float(text)
    except ValueError:
        raise UserError(
            f"setting {name}={text}: not a number; give it in {row.unit}, for example {row.value:g}"
        ) from None
    if not (math.isfinite(value) and row.least <= value <= row.most):
        above = "" if math.isinf(row.most) else f" and at most {row.most:g}"
        unit = "" if row.unit == "1" else f" (in {row.unit})"
        raise UserError(f"setting {name}={text}: must be at least {row.least:g}{above}{unit}")
    if row.whole and not value.is_integer():
        raise UserError(f"setting {name}={text}: must be a whole number")
    return value


def _parameter(key: str, row: dict[str, Any]) -> Parameter:
    return Parameter(
        key,
        float(row["value"]),
        row["unit"],
        row["meaning"],
        tuple(row["source"]),
        row["confidence"],
        row.get("also", ""),
        float(row.get("least", 0)),
        float(row.get("most", math.inf)),
        row.get("whole", False),
    )
