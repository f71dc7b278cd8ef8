"""The therapy: which one, how long ago, which dose, whether its window is open, and the continuous infusion of an engager."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any, Final

from tocsin.guidance.chart import HOUR, Chart
from tocsin.guidance.facts import Facts
from tocsin.guidance.rerun import is_therapy, therapy_of
from tocsin.knowledge.causes import causes
from tocsin.knowledge.dosing import reading_number as number
from tocsin.knowledge.products import products, window_d
from tocsin.knowledge.reading import therapy_signals

Line = dict[str, Any]
_INFUSION: Final = "blinatumomab"  # the one product that runs without a break


_NOT_BROKEN_OFF: Final[Facts] = dict.fromkeys(
    ("infusion_interrupted", "planned_resume", "resumed", "recurrence_after_resume"), False
)


@dataclass(frozen=True, slots=True)
class Therapy:
    """The therapy that the advice is about. `planned`: it lies ahead."""

    cause: str | None
    product: str | None
    time: datetime | None  # the latest dose
    doses: int
    in_window: bool
    planned: bool


@dataclass(frozen=True, slots=True)
class Course:
    """The continuous infusion: runs of touching records, each with its start, end and last known rate."""

    runs: tuple[tuple[datetime, datetime | None, float | None], ...]

    def running(self, at: datetime) -> bool:
        """Return whether it runs."""
        return any(start <= at and (end is None or at < end) for start, end, _ in self.runs)


def read_therapy(chart: Chart) -> Therapy:
    """Return the therapy of the episode under way, else the latest, else the one ahead."""
    given = [event for event in chart.events if is_therapy(event)]
    if chart.active and chart.episode is not None:
        kind = (chart.episode["cause"], chart.episode["product"])
    elif given:
        kind = therapy_of(_foremost([event for event in given if event["time"] == given[-1]["time"]]))
    elif chart.ahead:
        kind = therapy_of(_foremost([one for one in chart.ahead if one["time"] == chart.ahead[0]["time"]]))
    else:
        return Therapy(None, None, None, 0, False, False)
    own = [event["time"] for event in given if therapy_of(event) == kind]
    window = any(event["time"] <= chart.at <= event["time"] + _window(event) for event in given)
    doses = len(read_infusion(chart).runs) if kind[1] == _INFUSION and read_infusion(chart).runs else len(own)
    return Therapy(
        *kind, max(own, default=None), doses, window, not window and bool(chart.ahead) and not chart.active
    )


def facts(therapy: Therapy, chart: Chart) -> Facts:
    """Return the facts about the therapy."""
    known = products().get(therapy.product or "")
    return {
        "cause": therapy.cause,
        "product": therapy.product or _unnamed(therapy.cause),
        "product_class": known.product_class if known else None,
        "product_known": None if therapy.product is None else known is not None,
        "planned": therapy.planned,
        "after_therapy": therapy.time is not None,
        "hours_since_therapy": chart.hours(therapy.time),
        "dose_number": float(therapy.doses),
        "in_window": therapy.in_window,
        **_infusion_facts(therapy, chart),
    }


def _unnamed(cause: str | None) -> str | frozenset[str] | None:
    """Return what an unnamed product may be: those of its cause; a cause without products has none."""
    if cause is None:
        return None
    possible = frozenset(id for of, id in therapy_signals().values() if of == cause and id)
    return possible or "none"


def _foremost(events: Sequence[Line]) -> Line:
    """Return the therapy of one instant that wins: the longer window, then the order of the causes."""
    order = [cause.id for cause in causes()]
    return min(
        events,
        key=lambda event: (-_window(event), order.index(therapy_of(event)[0]), str(therapy_of(event)[1])),
    )


@cache
def _days(cause: str, product: str | None) -> timedelta:
    return timedelta(days=window_d(next(one for one in causes() if one.id == cause), product))


def _window(event: Line) -> timedelta:
    return _days(*therapy_of(event))


def read_infusion(chart: Chart) -> Course:
    """Return the runs of the continuous infusion; a record that tells neither rate nor end is no infusion, just a dose."""
    records = [
        one for one in chart.of(_INFUSION) if one["numeric_value"] is not None or one["end"] is not None
    ]
    runs: list[tuple[datetime, datetime | None, float | None]] = []
    for record in records:
        start, end, rate = record["time"], record["end"], record["numeric_value"]
        if rate == 0:
            if runs and (runs[-1][1] is None or runs[-1][1] > start):
                runs[-1] = (runs[-1][0], start, runs[-1][2])
        elif runs and (runs[-1][1] is None or start - runs[-1][1] < number("infusion_break") * HOUR):
            runs[-1] = (runs[-1][0], end, rate if rate is not None else runs[-1][2])
        else:
            runs.append((start, end, rate))
    return Course(tuple(runs))


def _infusion_facts(therapy: Therapy, chart: Chart) -> Facts:
    """Return the facts about the infusion; unknown where blinatumomab is known only as a dose, but for what takes CRS first."""
    if therapy.product != _INFUSION or therapy.time is None:
        return {"infusion_running": False, **_NOT_BROKEN_OFF}
    course = read_infusion(chart)
    if not course.runs:
        return {} if chart.episodes else _NOT_BROKEN_OFF
    breaks, restarts = _breaks(course, chart), _restarts(course, chart)
    open_break = bool(breaks) and not any(start > breaks[-1] for start in restarts)
    return {
        "infusion_running": course.running(chart.at),
        "infusion_interrupted": open_break,
        "planned_resume": open_break,
        "resumed": bool(restarts),
        "days_on_resume_dose": _days_on_dose(chart, restarts[-1]) if restarts and not open_break else None,
        "recurrence_after_resume": bool(restarts)
        and any(one["onset"] >= restarts[0] for one in chart.episodes),
        "blinatumomab_ug_per_day": course.runs[-1][2],
    }


def resume_time(chart: Chart) -> datetime | None:
    """Return when the infusion was last resumed after it was broken off for CRS."""
    restarts = _restarts(read_infusion(chart), chart)
    return restarts[-1] if restarts else None


def _breaks(course: Course, chart: Chart) -> list[datetime]:
    """Return when the infusion was broken off for CRS: the ends of runs inside an episode."""
    spans = [chart.span(one) for one in chart.episodes]
    ends = [end for _, end, _ in course.runs if end is not None and end <= chart.at]
    return [end for end in ends if any(onset <= end <= last for onset, last in spans)]


def _restarts(course: Course, chart: Chart) -> list[datetime]:
    """Return when it was started again after the first break."""
    breaks = _breaks(course, chart)
    return [start for start, _, _ in course.runs if breaks and start > breaks[0]]


def _days_on_dose(chart: Chart, restart: datetime) -> float:
    """Return the days since the rate was last changed after the restart."""
    records = [one for one in chart.of(_INFUSION, since=restart) if one["numeric_value"]]
    start = restart
    for before, after in pairwise(records):
        if after["numeric_value"] != before["numeric_value"]:
            start = after["time"]
    return (chart.at - start) / timedelta(days=1)
