"""The axis of time: clock and day, what is missing in the record, what was set aside, and the moment it is drawn for."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from tocsin.report.labels import days
from tocsin.report.lanes import GAP
from tocsin.report.svg.marks import NAME, Frame, Lane, el, title, when, width_of, words

_CLOCK_H = (0.5, 1, 2, 3, 6, 12, 24, 48, 120, 240, 480, 1200)
_DAYS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
_APART = 64.0  # how far ticks must be apart
_NOTE = "nothing charted"


def _step(frame: Frame, unit: timedelta, steps: Sequence[float]) -> timedelta:
    """Return the smallest step whose ticks stand apart."""
    per_point = (frame.end - frame.start) / (frame.right - frame.left)
    return next((step * unit for step in steps if step * unit >= _APART * per_point), steps[-1] * unit)


def axis_lane(frame: Frame, set_aside: Sequence[tuple[datetime, str]]) -> Lane:
    """Return the ruler: crosses for what was set aside, the clock, and the day since the therapy."""
    parts = [el("line", x1=frame.left, x2=frame.right, y1=12.0, y2=12.0, class_="base")]
    parts += [_cross(frame, time, why) for time, why in set_aside if frame.shows(time)]
    midnight = frame.start.replace(hour=0, minute=0, second=0, microsecond=0)
    for tick in frame.ticks(midnight, _step(frame, timedelta(hours=1), _CLOCK_H)):
        whole_day = tick.hour == tick.minute == 0
        text = f"{tick.day} {tick:%b}" if whole_day else f"{tick:%H:%M}"
        parts += _tick(frame, tick, 12.0, text, "axis-word strong" if whole_day else "axis-word")
    step = _step(frame, timedelta(days=1), _DAYS)
    for tick in frame.ticks(frame.therapy, step):
        value = days(tick, frame.therapy)
        text = f"{value:+.1f}" if step < timedelta(days=1) else f"{round(value):+d}"
        parts += _tick(frame, tick, 32.0, text, "axis-word")
    clock = f"{frame.start:%Z}" if frame.layout.above else f"clock ({frame.start:%Z})"
    parts += [
        words(NAME, 26.0, clock, "axis-word"),
        words(NAME, 46.0, "day", "axis-word"),
    ]
    return Lane("lane-axis", "", 52.0, parts)


def _tick(frame: Frame, tick: datetime, y: float, text: str, class_: str) -> Iterator[str]:
    x = frame.x(tick)
    yield el("line", x1=x, x2=x, y1=y, y2=y + 5, class_="base")
    if frame.left + width_of(text) / 2 <= x <= frame.right - width_of(text) / 2:
        yield words(x, y + 14, text, class_, "middle")


def _cross(frame: Frame, time: datetime, why: str) -> str:
    x = frame.x(time)
    said = title(f"set aside: {why}, {frame.said(time)}")
    drawn = el("path", d=f"M{x - 3.5:.1f} 8.5l7 7m0-7l-7 7") + el(
        "circle", cx=x, cy=12.0, r=7.0, class_="hit"
    )
    return el("g", said + drawn, class_="set-aside", **when(time))


def silences(recorded: Sequence[datetime], frame: Frame, height: float, noted: bool) -> Iterator[str]:
    """Yield the stretches in which nothing was charted, as faint bands over every lane; before and after the record none.

    Where they are `noted` their name stands at the top, in a lane in which nothing can be.
    """
    for before, after in pairwise(sorted(recorded)):
        place = frame.span(before, after) if after - before > GAP else None
        if place is not None and place[1] > place[0]:
            drawn = el("rect", x=place[0], y=0.0, width=place[1] - place[0], height=height, class_="gap-band")
            fits = noted and width_of(_NOTE) + 8 <= place[1] - place[0]
            middle = (place[0] + place[1]) / 2
            note = words(middle, 11.0 + frame.layout.name_height, _NOTE, "note", "middle") if fits else ""
            hours = (after - before) / timedelta(hours=1)
            said = title(f"{_NOTE} for {hours:.3g} h, {frame.said(before)} to {frame.said(after)}")
            yield el("g", said + drawn + note, class_="gap")


def now_line(at: datetime | None, frame: Frame, height: float) -> str:
    """Return the line of the moment that the picture is drawn for; nothing where it is out of sight."""
    if at is None or not frame.shows(at):
        return ""
    x = frame.x(at)
    return el("line", x1=x, x2=x, y1=0.0, y2=height, class_="now")
