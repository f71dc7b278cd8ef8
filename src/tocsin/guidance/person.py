"""The person: age, weight, height and body surface, each refused where it cannot be right."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tocsin.guidance.chart import YEAR, Chart
from tocsin.guidance.facts import Facts, Missing
from tocsin.knowledge.dosing import reading_number as number
from tocsin.knowledge.dosing import surface
from tocsin.knowledge.signals import signal, units

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """What doses are worked out from; None is unknown, or not to be trusted: `doubts` says why."""

    age_y: float | None = None
    weight_kg: float | None = None
    height_cm: float | None = None
    bsa_m2: float | None = None
    bsa_said: str = ""  # how the body surface was come by
    child: bool = False  # for certain: an unknown age is an adult's, as in the timeline
    doubts: tuple[Missing, ...] = ()


def read_person(chart: Chart) -> Person:
    """Return the person as the record has them at the instant of the chart."""
    age, height = age_of(chart), _last_within(chart, "height")
    weight, doubts = _weight(chart, age, height)
    bsa, said = _bsa(chart, weight, height)
    child = age is not None and age < chart.numbers.adult_from_years
    return Person(age, weight, height, bsa, said, child, tuple(doubts))


def facts(person: Person) -> Facts:
    """Return the facts about the person."""
    return {
        "age_y": person.age_y,
        "weight_kg": person.weight_kg,
        "height_cm": person.height_cm,
        "bsa_m2": person.bsa_m2,
    }


def age_of(chart: Chart) -> float | None:
    """Return the age in years."""
    if chart.birth is None:
        return None
    born = datetime(chart.birth.year, chart.birth.month, chart.birth.day, tzinfo=UTC)
    return (chart.at - born) / YEAR


def implausible_weight(weight: float, age: float | None, height: float | None, adult_from: float) -> str:
    """Return why a weight cannot be right; nothing where it can."""
    bounds = signal("weight")
    least, most = bounds.warn_min or 0.0, bounds.warn_max or math.inf
    if not least <= weight <= most:
        return f"{weight:g} kg is outside {least:g} to {most:g} kg"
    if age is not None and age >= adult_from and weight < number("adult_weight_least"):
        return f"{weight:g} kg in an adult"
    if height:
        index = weight / (height / 100) ** 2
        if not number("body_mass_index_least") <= index <= number("body_mass_index_most"):
            return f"{weight:g} kg at {height:g} cm cannot both be right"
    return ""


def _weight(chart: Chart, age: float | None, height: float | None) -> tuple[float | None, list[Missing]]:
    weights = [event for event in chart.of("weight") if event["numeric_value"] is not None]
    if not weights:
        return None, [
            Missing("weight", "no usable weight on record by this time: no dose by weight is worked out")
        ]
    last = max(
        (event for event in weights if event["time"] == weights[-1]["time"]),
        key=lambda event: event["numeric_value"],
    )
    why = implausible_weight(last["numeric_value"], age, height, chart.numbers.adult_from_years)
    doubts = [why] if why else list(_jumps(weights, last))
    if not doubts:
        return float(last["numeric_value"]), []
    return None, [Missing("weight", f"{doubts[0]}: no dose by weight is worked out; weigh again")]


def _jumps(weights: list[Line], last: Line) -> Iterator[str]:
    """Yield what is odd about the last weight beside earlier ones: of two that disagree nobody knows which is right."""
    for earlier in reversed(weights[:-1]):
        near = last["time"] - earlier["time"] <= timedelta(days=number("weight_jump_d"))
        one, other = sorted((float(earlier["numeric_value"]), float(last["numeric_value"])))
        if near and other > one * (1 + number("weight_jump_percent") / 100):
            pounds = ", as kg and pounds do" if _like_pounds(other / one) else ""
            yield f"the last weights disagree{pounds}: {earlier['numeric_value']:g} and {last['numeric_value']:g} kg"


def _like_pounds(ratio: float) -> bool:
    pound = next(unit.factor for unit in units() if (unit.signal, unit.unit) == ("weight", "[lb_av]"))
    return abs(ratio * pound - 1) <= number("weight_jump_percent") / 200


def _last_within(chart: Chart, name: str) -> float | None:
    """Return the last value of a signal, None where it is outside what is usual."""
    found, bounds = chart.last(name), signal(name)
    if found is None or found["numeric_value"] is None:
        return None
    value = float(found["numeric_value"])
    return value if (bounds.warn_min or 0) <= value <= (bounds.warn_max or math.inf) else None


def _bsa(chart: Chart, weight: float | None, height: float | None) -> tuple[float | None, str]:
    charted = _last_within(chart, "body_surface_area")
    if charted is not None:
        return charted, "as charted"
    if weight is None or height is None:
        return None, ""
    return body_surface(weight, height)


def body_surface(weight_kg: float, height_cm: float) -> tuple[float, str]:
    """Return the body surface in m2 by the formula that `dosing.toml` names, and how it was worked out."""
    formula = surface()
    value = math.sqrt(height_cm * weight_kg / formula.divisor)
    said = f"{formula.formula}: root of {height_cm:g} cm x {weight_kg:g} kg / {formula.divisor:g} = {value:.3f} m2"
    return value, said
