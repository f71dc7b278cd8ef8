"""The lanes of what ran and what was given: support as bars, drugs as marks, doses numbered, scores and assessments."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from tocsin.report.course import Bar, BarLane, Mark, MarkLane
from tocsin.report.svg.marks import NAME, ROW, Frame, Lane, el, title, when, width_of, words

_DAY: Final = timedelta(days=1)  # doses no further apart are one run of a drug
_BAR: Final = 14.0

Draw = Callable[[float, Mark], str]  # a mark at its x


def bar_lanes(lanes: Sequence[BarLane], frame: Frame, kind: str) -> Iterator[Lane]:
    """Yield a lane per name, its bars with the longest label that each has room for."""
    for lane in lanes:
        parts = [part for bar in lane.bars for part in _bar(lane.name, bar, frame)]
        if parts:
            yield Lane(f"lane-support {kind}", lane.name, ROW, parts)


def _bar(name: str, bar: Bar, frame: Frame) -> Iterator[str]:
    place = frame.span(bar.start, bar.end)
    if place is None:
        return
    left, width = place[0], max(place[1] - place[0], 2.0)
    label = next((text for text in bar.labels if width_of(text) + 6 <= width), "")
    said = f"{name} {bar.labels[0]}, {frame.said(bar.start)} to {frame.said(bar.end)}"
    drawn = el("rect", x=left, y=3.0, width=width, height=_BAR, rx=2, class_="bar")
    drawn += words(left + 4, 14.0, label, "bar-word") if label else ""
    yield el("g", title(said) + drawn, class_="run", data_event=bar.event_id, **when(bar.start, bar.end))


def state_row(name: str, bars: Sequence[Bar], frame: Frame, y: float) -> tuple[list[str], float]:
    """Return when a state held as a faint bar, with its name, and how high that is; nothing where it did not."""
    top = y + frame.layout.name_height
    found = [(bar, place) for bar in bars if (place := frame.span(bar.start, bar.end))]
    drawn = [
        el(
            "rect",
            title(f"{name}, {frame.said(bar.start)} to {frame.said(bar.end)}"),
            x=left,
            y=top + 2,
            width=max(right - left, 1.0),
            height=5.0,
            class_=f"state {name.replace(' ', '-')}",
            **when(bar.start, bar.end),
        )
        for bar, (left, right) in found
    ]
    return _named(name, drawn, frame, y, 11.0)


def tick_row(lane: MarkLane, frame: Frame, y: float) -> tuple[list[str], float]:
    """Return what was given as small ticks, with its name, and how high that is; nothing where nothing is in sight."""
    return _named(lane.name, _ticks(lane, frame, y + frame.layout.name_height), frame, y, 12.0)


def _named(name: str, drawn: list[str], frame: Frame, y: float, height: float) -> tuple[list[str], float]:
    """Return a row inside a lane with its name, which stands before or above it, and its height."""
    if not drawn:
        return [], 0.0
    return [words(NAME, y + 8, name, "axis-word"), *drawn], height + frame.layout.name_height


def _ticks(lane: MarkLane, frame: Frame, y: float) -> list[str]:
    seen = [mark for mark in lane.marks if frame.shows(mark.time)]
    return [
        el(
            "rect",
            title(_said(lane.name, mark, frame)),
            x=frame.x(mark.time) - 1,
            y=y,
            width=2.0,
            height=9.0,
            class_="tick",
            data_event=mark.event_id,
            **when(mark.time),
        )
        for mark in seen
    ]


def _said(name: str, mark: Mark, frame: Frame) -> str:
    dose = f" {mark.amount}" if mark.amount else ""
    number = f", dose {mark.label}" if mark.label else ""
    return f"{name}{dose}{number}, {frame.said(mark.time)}"


def treatment_lanes(
    therapies: Sequence[MarkLane], treatments: Sequence[MarkLane], next_dose: datetime | None, frame: Frame
) -> Iterator[Lane]:
    """Yield the therapy and the drugs: doses of tocilizumab numbered, glucocorticoids as runs, the rest as marks."""
    for lane in therapies:
        yield from _marks(lane, frame, "therapy", _therapy)
    for lane in treatments:
        if lane.role == "antipyretic":
            continue
        if lane.role == "glucocorticoid":
            yield from _courses(lane, frame)
        else:
            numbered = any(mark.label for mark in lane.marks)
            yield from _marks(
                lane, frame, lane.role, _dose if numbered else _given, next_dose if numbered else None
            )


def _marks(
    lane: MarkLane, frame: Frame, kind: str, draw: Draw, next_dose: datetime | None = None
) -> Iterator[Lane]:
    parts = [
        el(
            "g",
            title(_said(lane.name, mark, frame)) + draw(frame.x(mark.time), mark),
            class_="given",
            data_event=mark.event_id,
            **when(mark.time),
        )
        for mark in lane.marks
        if frame.shows(mark.time)
    ]
    if next_dose is not None and frame.shows(next_dose):
        parts.append(_next(frame, next_dose, [mark.time for mark in lane.marks]))
    if parts:
        yield Lane(f"lane-treatment {kind}", lane.name, ROW, parts)


def _therapy(x: float, mark: Mark) -> str:
    del mark
    return el("path", d=f"M{x:.1f} 3l6 13h-12z", class_="therapy-mark")


def _dose(x: float, mark: Mark) -> str:
    number = words(x, 14.0, mark.label, "dose-word", "middle") if mark.label else ""
    return el("circle", cx=x, cy=10.0, r=8.0, class_="dose") + number


def _given(x: float, mark: Mark) -> str:
    del mark
    return el("rect", x=x - 4, y=6.0, width=8.0, height=8.0, class_="mark")


def _next(frame: Frame, time: datetime, given: Sequence[datetime]) -> str:
    """Return the open marker of the earliest next dose, its time beside it where it covers no dose."""
    x, text = frame.x(time), f"not before {time:%H:%M}"
    beside = x + 12 if x + 12 + width_of(text) < frame.right else x - 12 - width_of(text)
    is_free = not any(beside - 10 < frame.x(dose) < beside + width_of(text) + 10 for dose in given)
    said = title(f"earliest next dose of tocilizumab, {frame.said(time)}")
    drawn = el("circle", cx=x, cy=10.0, r=8.0, class_="dose-open")
    drawn += words(beside, 14.0, text, "note") if is_free and beside >= frame.left else ""
    return el("g", said + drawn, class_="next", **when(time))


def _courses(lane: MarkLane, frame: Frame) -> Iterator[Lane]:
    """Yield a glucocorticoid: a bar from the first to the last dose of each run, a tick at each dose."""
    runs: list[list[Mark]] = []
    for mark in lane.marks:
        if runs and mark.time - runs[-1][-1].time <= _DAY:
            runs[-1].append(mark)
        else:
            runs.append([mark])
    parts: list[str] = []
    for run in runs:
        place = frame.span(run[0].time, run[-1].time)
        if place is not None:
            said = title(
                f"{lane.name}, {len(run)} doses, {frame.said(run[0].time)} to {frame.said(run[-1].time)}"
            )
            parts.append(
                el(
                    "rect",
                    said,
                    x=place[0],
                    y=6.0,
                    width=max(place[1] - place[0], 1.0),
                    height=8.0,
                    class_="bar",
                )
            )
    parts += _ticks(lane, frame, 5.5)
    if parts:
        yield Lane("lane-treatment glucocorticoid", lane.name, ROW, parts)


def neuro_lanes(lanes: Sequence[MarkLane], frame: Frame) -> Iterator[Lane]:
    """Yield scores and assessments as their figures, each where it was done."""
    for lane in lanes:
        graded = "grade" in lane.name
        parts: list[str] = []
        for mark in lane.marks:
            if frame.shows(mark.time):
                parts.append(_score(lane.name, mark, frame, graded))
        if parts:
            yield Lane("lane-neuro", lane.name, ROW, parts)


def _score(name: str, mark: Mark, frame: Frame, graded: bool) -> str:
    x, wide = frame.x(mark.time), max(width_of(mark.label) + 6, 14.0)
    filled = graded and mark.label.isdecimal() and mark.label != "0"
    class_ = f"score fill g{mark.label}" if filled else "score"
    ink = f"small numeral {f'on-g{mark.label}' if filled else 'on-paper'}"
    drawn = el("rect", x=x - wide / 2, y=3.0, width=wide, height=_BAR, rx=2, class_=class_)
    said = title(f"{name} {mark.label}, {frame.said(mark.time)}")
    inside = words(x, 14.0, mark.label, ink, "middle")
    return el("g", said + drawn + inside, data_event=mark.event_id, **when(mark.time))
