"""The clocks of the guidance: when something may be given again, and when the next look is due."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from tocsin.guidance.chart import HOUR, Chart
from tocsin.guidance.situation import Situation
from tocsin.guidance.state import first_time_at, last_change
from tocsin.guidance.therapy import resume_time
from tocsin.guidance.treatment import last_tocilizumab
from tocsin.knowledge.audits import signal_groups
from tocsin.knowledge.dosing import Clock, clock

_REASSESS: Final = ("first_decision", "second_decision", "outer_alarm")


@dataclass(frozen=True, slots=True)
class Reading:
    """A clock read: the event that it runs from, the instants of its bounds, and whether now lies before, in or after."""

    id: str
    start: datetime
    earliest: datetime | None
    latest: datetime | None
    text: str


def read_clock(id: str, situation: Situation) -> Reading | None:
    """Return a clock at the instant of the situation; None where its event is not on record."""
    known = clock(id)
    start = _EVENTS[known.from_event](situation)
    return None if start is None else _reading(known, start)


def next_reassessments(situation: Situation) -> tuple[Reading, ...]:
    """Return the clocks of reassessment that lie ahead, the nearest first."""
    found = [reading for id in _REASSESS if (reading := read_clock(id, situation)) is not None]
    ahead = [one for one in found if one.earliest is not None and one.earliest > situation.chart.at]
    return tuple(sorted(ahead, key=lambda one: one.earliest or one.start))


def _reading(known: Clock, start: datetime) -> Reading:
    earliest = None if known.min_h is None else start + known.min_h * HOUR
    latest = None if known.max_h is None else start + known.max_h * HOUR
    return Reading(known.id, start, earliest, latest, known.text)


# The instants that clocks run from, by the names of clocks.toml; each is read only when a clock asks for it.
_EVENTS: Final[Mapping[str, Callable[[Situation], datetime | None]]] = MappingProxyType(
    {
        "tocilizumab": lambda now: last_tocilizumab(now.chart),
        "first_tocilizumab": lambda now: min(now.treatment.tocilizumab, default=None),
        "initial_treatment": lambda now: now.treatment.initial,
        "glucocorticoid": lambda now: min(now.treatment.glucocorticoid, default=None),
        "high_dose_glucocorticoid": lambda now: min(now.treatment.high_dose, default=None),
        "resume": lambda now: resume_time(now.chart),
        "therapy": lambda now: now.therapy.time,
        "onset": lambda now: now.chart.since,
        "severe_onset": lambda now: _severe_onset(now.chart, now),
        "first_fever": lambda now: now.chart.since,
        "resolution": lambda now: now.chart.episode["resolved_at"] if now.chart.episode is not None else None,
        "change": lambda now: last_change(now.chart),
        "assessment": lambda now: _last_look(now.chart),
    }
)


def _last_look(chart: Chart) -> datetime | None:
    """Return since when not both vital signs and laboratory were looked at; None where one of them never was."""
    signals = signal_groups()
    seen = [chart.last(*signals[group]) for group in ("vital_signs", "laboratory")]
    times = [one["time"] for one in seen if one is not None]
    return min(times) if len(times) == len(seen) else None


def _severe_onset(chart: Chart, situation: Situation) -> datetime | None:
    """Return when the last episode first reached, for certain, a severe grade."""
    scale = situation.facts.get("scale")
    return first_time_at(chart, str(scale), 3) if isinstance(scale, str) else None
