"""One subject's events after the cut, looked up by signal and time; who attributed what to what, when."""

from __future__ import annotations

import datetime
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.reference.model import DAY, MONTH, YEAR, Event, Parameters

EPOCH = datetime.date(1970, 1, 1)


class Reading(NamedTuple):
    """The value that counts at one timestamp, and the record that says so."""

    time: int
    value: float
    event_id: int


@dataclass(frozen=True)
class Therapy:
    """A therapy and the window that it opens."""

    time: int
    cause: str
    product: str | None
    window: int


class Chart:
    """The record of one subject: what was charted inside the cut, up to the first death."""

    def __init__(self, events: Sequence[Event], birth: datetime.date | None, parameters: Parameters) -> None:
        self.parameters = parameters
        self.birth = None if birth is None else (birth - EPOCH).days * DAY
        self.events = until_death(cut(events, parameters))
        self.by_signal: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            self.by_signal[event.signal].append(event)
        self.therapies = [therapy(event, parameters) for event in self.by_signal["index_therapy"]]

    @property
    def last(self) -> int:
        """The time of the last event of any signal."""
        return self.events[-1].time

    def readings(self, signal: str, worst: Callable[[Iterable[float]], float]) -> list[Reading]:
        """The readings of a signal, one per timestamp: the worse value, and the lowest id that has it."""
        found: list[Reading] = []
        for time, events in by_time(self.by_signal[signal]).items():
            value = worst(event.value for event in events if event.value is not None)
            found.append(Reading(time, value, min(e.event_id for e in events if e.value == value)))
        return found

    def attributed(self, part: str, elsewhere: str, time: int) -> bool:
        """Whether the last word on a part, at or before a time, is that it is not of the syndrome."""
        said = [
            e for e in self.by_signal["attribution"] if (e.text or "").startswith(part) and e.time <= time
        ]
        if not said:
            return False
        return all(e.text == f"{part}:{elsewhere}" for e in said if e.time == said[-1].time)

    def counting_fevers(self) -> list[Reading]:
        """Temperatures at or over the threshold, read while fever was not attributed elsewhere."""
        limit = self.parameters.fever_threshold
        warm = [r for r in self.readings("body_temperature", max) if r.value >= limit]
        return [r for r in warm if not self.attributed("fever", "other", r.time)]

    def pressure_limits(self, time: int) -> tuple[float, float | None]:
        """Under which systolic, and under which mean, pressure is low at the age of that time."""
        par = self.parameters
        adult = (par.adult_systolic, par.adult_mean)
        if self.birth is None:
            return adult
        age = time - self.birth
        years = age // YEAR
        if age < MONTH:
            return par.systolic_under_1_month, None
        if years < 1:
            return par.systolic_under_1_year, None
        if years < 10:
            return par.systolic_child_base + par.systolic_child_per_year * years, None
        return (par.systolic_from_10_years, None) if years < 18 else adult


def cut(events: Sequence[Event], parameters: Parameters) -> list[Event]:
    """The events inside [first therapy - 2 d, last therapy + 60 d]; an interval that reaches in counts."""
    times = [event.time for event in events if event.signal == "index_therapy"]
    if not times:
        return []
    first, last = min(times) - parameters.window_before, max(times) + parameters.window_after
    inside = [e for e in events if e.time <= last and max(e.time, e.end or e.time) >= first]
    return sorted(inside, key=lambda e: (e.time, e.signal, e.event_id))


def until_death(events: list[Event]) -> list[Event]:
    """What was charted up to the first death; events of its very instant are kept."""
    deaths = [event.time for event in events if event.signal == "death"]
    return [event for event in events if not deaths or event.time <= deaths[0]]


def therapy(event: Event, parameters: Parameters) -> Therapy:
    """A therapy event as cause, product and window; the product's own window wins over its cause's."""
    cause, _, product = (event.text or "").partition("/")
    window = parameters.product_windows.get(product, parameters.onset_windows[cause])
    return Therapy(event.time, cause, product or None, window)


def by_time(events: Iterable[Event]) -> dict[int, list[Event]]:
    """Events grouped by timestamp, in the order of time."""
    groups: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        groups[event.time].append(event)
    return groups


def latest(readings: Sequence[Reading], time: int) -> Reading | None:
    """The last reading at or before a time."""
    index = bisect_right(readings, time, key=lambda reading: reading.time)
    return readings[index - 1] if index else None
