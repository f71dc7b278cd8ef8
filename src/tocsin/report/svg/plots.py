"""The lanes of measured values: temperature, pressure, laboratory. Points, and a thin line that breaks at a silence."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from math import floor, log10

from tocsin.report.course import Course, Panel, Reading
from tocsin.report.labels import figure
from tocsin.report.lanes import GAP
from tocsin.report.svg.bars import state_row, tick_row
from tocsin.report.svg.marks import NAME, Frame, Lane, el, title, when, width_of, words

_TEMPERATURE, _PRESSURE, _PANEL = 92.0, 84.0, 40.0
_PAD = 7.0
_DAILY = timedelta(hours=36)  # blood is drawn once a day: a silence is longer than that
_SHAPES = {
    "dot": "M-2.6 0a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0-5.2 0z",
    "systolic": "M-3.4-2.8h6.8l-3.4 5.8z",
    "mean": "M0-3.2l3 3.2l-3 3.2l-3-3.2z",
}

Place = Callable[[float], float]


def temperature_lane(course: Course, frame: Frame) -> Lane:
    """Return the temperatures with the line of fever, fever held and waived, antipyretics as ticks."""
    seen = _seen(course.temperatures, frame)
    line = course.fever_threshold
    low, high = min([line - 1, *(one.value for one in seen)]), max([line + 1, *(one.value for one in seen)])
    place = _linear(low, high, _TEMPERATURE)
    marks = [
        *_grid(
            [value for value in range(floor(low), floor(high) + 2) if low <= value <= high and value != line],
            place,
            frame,
        ),
        el("line", x1=frame.left, x2=frame.right, y1=place(line), y2=place(line), class_="threshold"),
        words(frame.layout.axis, place(line) + 4, f"{line:.1f}", "axis-word strong", "end"),
        *_line(seen, frame, place),
        *_points(seen, frame, place, "dot", "°C"),
    ]
    y = _TEMPERATURE
    for name, bars in (("fever held", course.fever), ("fever waived", course.waived)):
        found, height = state_row(name, bars, frame, y)
        marks += found
        y += height
    for lane in course.treatments:
        if lane.role == "antipyretic":
            found, height = tick_row(lane, frame, y)
            marks += found
            y += height
    return Lane("lane-temperature", "temperature °C", y + 6, marks)


def pressure_lane(course: Course, frame: Frame) -> Lane | None:
    """Return systolic and mean pressure, low ones filled, and the boluses as drops; None where there is none."""
    systolic, mean = _seen(course.systolic, frame), _seen(course.mean, frame)
    values = [one.value for one in (*systolic, *mean)]
    drops = [mark for mark in course.boluses.marks if frame.shows(mark.time)]
    if not values and not drops:
        return None
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    place = _linear(low, max(high, low + 20), _PRESSURE)
    marks = [*_grid([value for value in range(20, 261, 20) if low <= value <= high], place, frame)]
    for readings, shape, what in ((mean, "mean", "mmHg mean"), (systolic, "systolic", "mmHg systolic")):
        marks += [*_line(readings, frame, place), *_points(readings, frame, place, shape, what)]
    for drop in drops:
        said = title(f"fluid bolus {drop.label}, {frame.said(drop.time)}")
        at = f"translate({frame.x(drop.time):.1f} {_PRESSURE + 8:g})"
        path = el(
            "path",
            d="M0-7c2.4 4 4.2 5.600 4.2 8a4.2 4.2 0 0 1-8.400 0c0-2.400 1.800-4 4.200-8z",
            transform=at,
        )
        marks.append(el("g", said + path, class_="drop", data_event=drop.event_id, **when(drop.time)))
    return Lane("lane-pressure", "pressure mmHg", _PRESSURE + (18 if drops else 4), marks)


def laboratory_lanes(course: Course, frame: Frame) -> Iterator[Lane]:
    """Yield a small chart per test that has a value in sight."""
    for panel in course.laboratory:
        seen = _seen(panel.readings, frame)
        if seen:
            yield _panel(panel, seen, frame)


def _panel(panel: Panel, seen: Sequence[Reading], frame: Frame) -> Lane:
    name = f"{panel.name} {panel.unit}{', log' if panel.log else ''}"
    values = [one.value for one in seen]
    low, high = min(values), max(values)
    place = (
        _logarithmic(low, high, _PANEL)
        if panel.log and low > 0
        else _linear(low, max(high, low * 1.1, low + 0.1), _PANEL)
    )
    shown = dict.fromkeys((low, high))
    marks = [
        *(words(frame.layout.axis, place(value) + 4, figure(value), "axis-word", "end") for value in shown),
        el("line", x1=frame.left, x2=frame.right, y1=_PANEL, y2=_PANEL, class_="grid"),
        *_line(seen, frame, place, _DAILY),
        *_points(seen, frame, place, "dot", panel.unit, panel),
    ]
    if panel.pale_from is not None and frame.shows(panel.pale_from):
        x = frame.x(panel.pale_from)
        marks.append(el("line", x1=x, x2=x, y1=2.0, y2=_PANEL, class_="from-here"))
        beside = max(min(x + 4, frame.right - width_of(panel.note)), NAME + width_of(name) + 8)
        marks.append(words(beside, -3.0, panel.note, "note"))
    # The name has a line of its own: the figures of the axis stand below it.
    parts = [el("g", "".join(marks), transform="translate(0 14)"), words(NAME, 11.0, name, "panel-name")]
    return Lane("lane-laboratory", "", _PANEL + 18, parts)


def _seen(readings: Sequence[Reading], frame: Frame) -> list[Reading]:
    return [one for one in readings if frame.shows(one.time)]


def _linear(low: float, high: float, height: float) -> Place:
    """Return where a value stands between the lowest at the bottom and the highest at the top."""
    return lambda value: height - _PAD - (value - low) / (high - low) * (height - 2 * _PAD)


def _logarithmic(low: float, high: float, height: float) -> Place:
    linear = _linear(log10(low), max(log10(high), log10(low) + 0.3), height)
    return lambda value: linear(log10(value)) if value > 0 else height


def _grid(values: Sequence[float], place: Place, frame: Frame) -> Iterator[str]:
    for value in values:
        yield el("line", x1=frame.left, x2=frame.right, y1=place(value), y2=place(value), class_="grid")
        yield words(frame.layout.axis, place(value) + 4, figure(value), "axis-word", "end")


def _line(seen: Sequence[Reading], frame: Frame, place: Place, gap: timedelta = GAP) -> Iterator[str]:
    """Yield the thin line through the readings, a new one after each silence of the record."""
    run: list[Reading] = []
    for before, one in pairwise([None, *seen]):
        if one is not None and before is not None and one.time - before.time > gap:
            yield from _stroke(run, frame, place)
            run = []
        run += [one] if one is not None else []
    yield from _stroke(run, frame, place)


def _stroke(run: Sequence[Reading], frame: Frame, place: Place) -> Iterator[str]:
    if len(run) > 1:
        points = " ".join(f"{frame.x(one.time):.1f},{place(one.value):.1f}" for one in run)
        yield el("polyline", points=points, class_="trace")


def _points(
    seen: Sequence[Reading], frame: Frame, place: Place, shape: str, unit: str, panel: Panel | None = None
) -> Iterator[str]:
    for one in seen:
        pale = panel is not None and panel.pale_from is not None and one.time >= panel.pale_from
        name = f"{panel.name} " if panel else ""
        said = f"{name}{figure(one.value)} {unit}, {frame.said(one.time)}" + (
            f"; {panel.note}" if panel and pale else ""
        )
        yield el(
            "path",
            title(said),
            d=_SHAPES[shape],
            transform=f"translate({frame.x(one.time):.1f} {place(one.value):.1f})",
            class_=" ".join(["point", shape] + ["marked"] * one.marked + ["pale"] * pale),
            data_event=one.event_id,
            **when(one.time),
        )
