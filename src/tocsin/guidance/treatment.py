"""What was given for CRS in the episode so far: doses, hours since, and the steps of treatment."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tocsin.guidance.chart import Chart
from tocsin.guidance.facts import Facts
from tocsin.guidance.person import Person
from tocsin.knowledge.dosing import clock, dose
from tocsin.knowledge.dosing import reading_number as number
from tocsin.knowledge.drugs import drug_set, drugs, glucocorticoids
from tocsin.knowledge.signals import signal_ids

Line = dict[str, Any]
_DAY: Final = timedelta(hours=24)
_HIGH: Final = "methylprednisolone_high"


@dataclass(frozen=True, slots=True)
class Treatment:
    """The doses of the last episode by what they are, each as the instants that it was given at."""

    tocilizumab: tuple[datetime, ...]
    glucocorticoid: tuple[datetime, ...]
    high_dose: tuple[datetime, ...]
    third_line: tuple[datetime, ...]
    steps: tuple[datetime, ...]  # each dose of tocilizumab, the start of each other drug

    @property
    def initial(self) -> datetime | None:
        """Return when CRS was first treated."""
        return min(self.steps, default=None)


def read_treatment(chart: Chart, person: Person) -> Treatment:
    """Return what was given in the episode under way, else in the last one."""
    if chart.since is None:
        return Treatment((), (), (), (), ())
    tocilizumab = _given(chart, "tocilizumab")
    steroids = _given(chart, *glucocorticoids())
    high = tuple(time for time in _given(chart, dose(_HIGH).drug) if _is_high(chart, person, time))
    third = [_given(chart, name) for name in _third_line()]
    firsts = [times[0] for times in (steroids, high, *third) if times]
    return Treatment(
        tocilizumab, steroids, high, tuple(sorted(time for times in third for time in times)),
        tuple(sorted({*tocilizumab, *firsts})),
    )  # fmt: skip


def facts(chart: Chart, treatment: Treatment, person: Person) -> Facts:
    """Return the facts about the treatment so far; doses outside an episode are not of it."""
    now = treatment if chart.active else Treatment((), (), (), (), ())
    antipyretics = [drug.id for drug in drugs().values() if drug.role == "antipyretic"]
    return {
        "tocilizumab_doses": float(len(now.tocilizumab)),
        "tocilizumab_doses_24h": float(sum(time > chart.at - _DAY for time in _ever(chart, "tocilizumab"))),
        "hours_since_tocilizumab": chart.hours(max(now.tocilizumab, default=None)),
        "tocilizumab_ever": bool(_ever(chart, "tocilizumab")),
        "tocilizumab_just_before": _just_before(chart),
        "glucocorticoid_given": bool(now.glucocorticoid),
        "glucocorticoid_alone": bool(now.glucocorticoid) and not now.tocilizumab,
        "glucocorticoid_going_on": _goes_on(chart, treatment),
        "hours_since_glucocorticoid_start": chart.hours(min(treatment.glucocorticoid))
        if _goes_on(chart, treatment)
        else None,
        "high_dose_glucocorticoid": _high_fact(chart, now, person),
        "third_line_given": bool(now.third_line),
        "treated": bool(now.steps),
        "hours_since_initial_treatment": chart.hours(now.initial),
        "antipyretic_given": chart.active and bool(_given(chart, *antipyretics)),
        "crp_masked": bool(_given(chart, *drug_set("crp_invalid"))) if chart.since else False,
        "immunosuppressed": True if _ever(chart, *_suppressing()) else None,
    }


def _goes_on(chart: Chart, treatment: Treatment) -> bool:
    """Return whether the glucocorticoid of the last episode goes on, be it after the episode: its taper outlasts CRS."""
    if not treatment.glucocorticoid or chart.active:
        return bool(treatment.glucocorticoid)
    return max(_ever(chart, *glucocorticoids())) >= chart.back(number("course_hold"))


def last_tocilizumab(chart: Chart) -> datetime | None:
    """Return the last dose of tocilizumab on record, in an episode or before one."""
    return max(_ever(chart, "tocilizumab"), default=None)


def _just_before(chart: Chart) -> bool:
    """Return whether a dose from before the onset is still too near for another."""
    last, least = last_tocilizumab(chart), clock("tocilizumab_repeat").min_h or 0
    before = last is not None and chart.active and chart.since is not None and last < chart.since
    return before and (chart.hours(last) or 0) < least


def _third_line() -> tuple[str, ...]:
    """Return the other anticytokines and what else is given for persistent CRS, as far as they are signals."""
    found = [drug.id for drug in drugs().values() if drug.role in ("anticytokine", "immunosuppressant")]
    return tuple(id for id in found if id != "tocilizumab" and id in signal_ids())


def _suppressing() -> tuple[str, ...]:
    return ("tocilizumab", *_third_line(), *glucocorticoids())


def _ever(chart: Chart, *names: str) -> list[datetime]:
    """Return the instants at which one of some drugs was given, a dose of nothing left out."""
    return sorted({one["time"] for one in chart.of(*names) if one["numeric_value"] != 0})


def _given(chart: Chart, *names: str) -> tuple[datetime, ...]:
    """Return those of the last episode."""
    if chart.episode is None:
        return ()
    start, end = chart.span(chart.episode)
    return tuple(time for time in _ever(chart, *names) if start <= time <= end)


def _day_amount(chart: Chart, end: datetime) -> float | None:
    """Return what the 24 h up to an instant add up to of the drug of the high-dose regimen; a dose not told: None."""
    day = [one for one in chart.of(dose(_HIGH).drug) if end - _DAY < one["time"] <= end]
    return (
        None if any(one["numeric_value"] is None for one in day) else sum(one["numeric_value"] for one in day)
    )


def _floor(person: Person) -> float | None:
    """Return the least amount of a day that makes the high-dose regimen; never above its ceiling."""
    high = dose(_HIGH)
    if person.weight_kg is None or high.per_kg is None:
        return None
    return min(high.per_kg * person.weight_kg, high.fixed_to or float("inf"))


def _is_high(chart: Chart, person: Person, time: datetime) -> bool:
    """Return whether the day up to a dose reaches the high-dose regimen; without a weight only its ceiling does."""
    amount, least = _day_amount(chart, time), _floor(person) or dose(_HIGH).fixed_to
    return amount is not None and least is not None and amount >= least


def _high_fact(chart: Chart, treatment: Treatment, person: Person) -> bool | None:
    """Unknown where the drug of the regimen was given and its dose or the weight is not on record."""
    if treatment.high_dose:
        return True
    given = [time for time in _given(chart, dose(_HIGH).drug) if time in treatment.glucocorticoid]
    doubtful = person.weight_kg is None or any(_day_amount(chart, time) is None for time in given)
    return None if given and doubtful else False
