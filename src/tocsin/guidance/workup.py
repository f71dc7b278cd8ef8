"""Ticks an item of the work-up off from the record; where no signal speaks of it the record is silent, and so are we."""

from collections.abc import Sequence
from datetime import datetime

from tocsin.guidance.advice import Check
from tocsin.guidance.chart import Chart
from tocsin.guidance.situation import Situation
from tocsin.knowledge.dosing import reading_number as number


def check(item: Sequence[str] | None, situation: Situation) -> Check | None:
    """Return how far the record ticks an item; None for advice that is no item. `a|b` is ticked by either."""
    if item is None:
        return None
    if not item:
        return Check("not_readable")
    since = looks_from(situation)
    found = {name: _latest(situation.chart, name, since) for name in item}
    done = tuple(sorted(one for one in found.values() if one is not None))
    lacking = tuple(name for name, one in found.items() if one is None)
    state = "done" if not lacking else "partly" if done else "not_on_record"
    return Check(state, done, lacking)


def looks_from(situation: Situation) -> datetime | None:
    """Return from when on a test counts: a day before the first fever, else the therapy, else ever."""
    hours = situation.facts.get("hours_since_first_fever")
    if isinstance(hours, float):
        return situation.chart.back(hours + number("workup_look_back"))
    return situation.therapy.time


def _latest(chart: Chart, name: str, since: datetime | None) -> tuple[str, datetime] | None:
    """Return the signal that ticks an entry and its latest time."""
    last = chart.last(*name.split("|"), since=since)
    return None if last is None else (str(last["signal"]), last["time"].astimezone(chart.zone))
