"""What an episode adds up to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.reference.breathing import OXYGEN_BY_SEVERITY
from tests.reference.model import DAY, HOUR, Episode, Row

if TYPE_CHECKING:
    from tests.reference.engine import Course, Subject

GLUCOCORTICOIDS = ("dexamethasone", "methylprednisolone", "hydrocortisone", "prednisone", "prednisolone")


def summarise(subject: Subject, course: Course) -> Episode:
    """The episode's line."""
    rows = course.rows
    last = rows[-1].time
    over = lasts_until(subject, rows)
    doses = times_of(subject, ("tocilizumab",), course.onset, over)
    steroids = times_of(subject, GLUCOCORTICOIDS, course.onset, over)
    end = last if course.resolved_at is None else course.resolved_at
    return Episode(
        subject_id=subject.subject_id,
        episode=course.number,
        cause=course.therapy.cause,
        product=course.therapy.product,
        therapy_time=course.therapy.time,
        onset=course.onset,
        resolved_at=course.resolved_at,
        ended=course.ended,
        hours=(end - course.onset) / HOUR,
        peak_low={scale: max(lowest(row, scale) for row in rows) for scale in rows[0].sets},
        peak_high={scale: peak_row(rows, scale)[0] for scale in rows[0].sets},
        peak_time={scale: peak_row(rows, scale)[1] for scale in rows[0].sets},
        tocilizumab_doses=len(doses),
        first_tocilizumab=min(doses, default=None),
        glucocorticoid_days=len({time // DAY for time in steroids}),
        vasopressor_hours=vasopressor_hours(subject, course.onset, over),
        highest_oxygen=max((r.oxygen for r in rows if r.oxygen), key=OXYGEN_BY_SEVERITY.index),
        flags=episode_flags(course),
    )


def lasts_until(subject: Subject, rows: Sequence[Row]) -> int:
    """The instant at which the episode closes, or the subject's last event while it goes on."""
    closes = [row.time for row in rows if row.closing]
    return closes[0] if closes else max(event.time for event in subject.chart.events)


def times_of(subject: Subject, signals: Sequence[str], start: int, end: int) -> set[int]:
    """The timestamps at which a drug was given inside [start, end]."""
    return {e.time for e in subject.chart.events if e.signal in signals and start <= e.time <= end}


def lowest(row: Row, scale: str) -> int:
    """The lowest grade of a row's set."""
    return min(grade for grade in range(6) if row.sets[scale] >> grade & 1)


def peak_row(rows: Sequence[Row], scale: str) -> tuple[int, int]:
    """The highest grade of any row's set, and the time of the first row that reaches it."""
    highs = [(row.sets[scale].bit_length() - 1, -row.time) for row in rows]
    high, time = max(highs)
    return high, -time


def vasopressor_hours(subject: Subject, start: int, end: int) -> float:
    """Hours inside [start, end] in which some counted vasopressor ran."""
    total = 0
    for begins, ends in subject.circulation.active_stretches:
        total += max(0, min(end, ends if ends is not None else end) - max(start, begins))
    return total / HOUR


def episode_flags(course: Course) -> tuple[str, ...]:
    """Its rows' flags, and two of its own."""
    flags = {flag for row in course.rows for flag in row.flags} | {"organ_toxicity_not_assessed"}
    if course.ended is None:
        flags.add("ongoing_at_last_record")
    return tuple(sorted(flags))
