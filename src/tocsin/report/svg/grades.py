"""The lanes of grades: the band of the scale of record, other scales as thin bands, and the moments that are dated."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tocsin.grading.words import label
from tocsin.knowledge.scales import scale
from tocsin.report.course import Course, Grades, Row, Step
from tocsin.report.labels import drug_name, grades_text, lane_name
from tocsin.report.svg.marks import Frame, Lane, el, title, when, width_of, words

_PER_GRADE = 15.0
_LEAST = 3  # grades that the lane has room for even where none is so high
_FLAT = 4.0  # how high grade 0 stands: visible, and no grade
_STRIP = 15.0
_NUMERAL = 9.0
_INSTANT = timedelta(microseconds=1)


def grade_lane(course: Course, id: str, frame: Frame, pattern: str, at: datetime | None) -> Lane:
    """Return the band of a scale: as high as the grade, the open part hatched, a link to its row in the table."""
    steps = [step for step in steps_until(course, id, at) if frame.span(step.start, step.end)]
    top = max([_LEAST, *(step.grades[-1] for step in steps)]) * _PER_GRADE + 6
    lines = [
        el("line", x1=frame.left, x2=frame.right, y1=top - high, y2=top - high, class_="grid")
        for high in (grade * _PER_GRADE for grade in range(1, int(top // _PER_GRADE) + 1))
    ]
    shown = [_step(course, id, step, frame, top, pattern) for step in steps]
    base = el("line", x1=frame.left, x2=frame.right, y1=top, y2=top, class_="base")
    return Lane("lane-grade", f"grade ({label(scale(id))})", top + 4, (*lines, *shown, base), top - 2)


def _step(course: Course, id: str, step: Step, frame: Frame, top: float, pattern: str) -> str:
    """Return one step, or the closing mark of an episode."""
    place = frame.span(step.start, step.end)
    assert place is not None
    rows = rows_of(course, step)
    text = f"{grade_words(step.grades, id)}, {_stretch(step, frame)}"
    why = rows[-1].why if rows else ""
    settled = f" To settle it: {rows[-1].settled_by}" if rows and rows[-1].settled_by else ""
    said = title(f"{text}. {why}{settled}".strip())
    drawn = "".join(
        _closing(step, place[0], top) if step.closing else _band(step.grades, place, top, pattern)
    )
    evidence = " ".join(dict.fromkeys(map(str, _evidence(course, rows, step))))
    return el(
        "a",
        said + drawn,
        href=f"#row-{course.rows.index(rows[0])}" if rows else None,
        class_=f"step g{step.grades[-1]}" + (" open" if len(step.grades) > 1 else ""),
        data_evidence=evidence,
        aria_label=text,
        **when(step.start, step.end),
    )


def rows_of(course: Course, step: Step) -> list[Row]:
    """Return the rows that make a step."""
    if step.closing:
        return [row for row in course.rows if row.closing and row.time == step.start]
    end = max(step.end, step.start + _INSTANT)
    return [row for row in course.rows if step.start <= row.time < end and not row.closing]


def steps_until(course: Course, id: str, at: datetime | None) -> list[Step]:
    """Return the steps of a scale; that of an episode under way goes on until the instant that it is seen at."""
    steps = list(course.steps.get(id, ()))
    ongoing = bool(course.episodes) and course.episodes[-1].ended is None
    if steps and ongoing and at is not None and at > steps[-1].end and not steps[-1].closing:
        steps[-1] = replace(steps[-1], end=at)
    return steps


def _evidence(course: Course, rows: Sequence[Row], step: Step) -> Iterator[int]:
    """Yield the events that a step rests on, and the bars of the same support while it lasts."""
    names: set[str] = set()
    for one in (one for row in rows for one in row.evidence):
        yield one.event_id
        names.add(lane_name(one.text or "") if one.part == "oxygen" else drug_name(one.signal))
    for lane in (*course.vasopressors, *course.oxygen):
        if lane.name in names:
            yield from (bar.event_id for bar in lane.bars if bar.end > step.start and bar.start < step.end)


def grade_words(grades: Grades, id: str) -> str:
    """Return grades in words: `Grade 3 (ASTCT)`, `Undecided, 2-3 (ASTCT)`."""
    head = f"Grade {grades[0]}" if len(grades) == 1 else f"Undecided, {grades_text(grades)}"
    return f"{head} ({label(scale(id))})"


def _stretch(step: Step, frame: Frame) -> str:
    start = frame.said(step.start)
    return start if step.closing else f"{start} to {frame.said(step.end)}"


def _band(grades: Grades, place: tuple[float, float], top: float, pattern: str) -> Iterator[str]:
    """Yield a band: solid as far as the grade is certain, hatched above, the numeral where it fits."""
    left, width = place[0], max(place[1] - place[0], 1.0)
    sure, may = grades[0] * _PER_GRADE, grades[-1] * _PER_GRADE
    if grades[-1] == 0:
        yield el("rect", x=left, y=top - _FLAT, width=width, height=_FLAT, class_="fill")
    else:
        yield el("rect", x=left, y=top - may, width=width, height=may, class_="hit")
    if sure:
        yield el("rect", x=left, y=top - sure, width=width, height=sure, class_=f"fill g{grades[0]}")
    if may > sure:
        yield el(
            "rect",
            x=left,
            y=top - may,
            width=width,
            height=may - sure,
            fill=f"url(#{pattern})",
            class_="hatch",
        )
    text = grades_text(grades)
    if width >= len(text) * _NUMERAL:
        yield words(left + width / 2, top - max(may, 15.0) + 12.5, text, _ink(grades), "middle")


def _ink(grades: Grades) -> str:
    """Return the class of a numeral: on the fill of a certain grade, on paper for an open one and for 0."""
    return f"numeral on-g{grades[0]}" if len(grades) == 1 and grades[0] else "numeral on-paper"


def _closing(step: Step, x: float, top: float) -> Iterator[str]:
    """Yield the end of an episode: its 0, or the sign of death with what the grade may be."""
    dead = step.grades[-1] > 0  # an episode closes at 0, or with death
    text = f"† {grades_text(step.grades)}" if dead else "0"
    yield el("line", x1=x, x2=x, y1=top - 30, y2=top, class_="closing")
    yield words(x + 3, top - 20, text, "numeral on-paper")


def scale_lanes(
    course: Course, others: Sequence[str], frame: Frame, pattern: str, at: datetime | None
) -> Iterator[Lane]:
    """Yield the other scales, each a thin band with its grades written in it."""
    for id in others:
        parts = [part for step in steps_until(course, id, at) for part in _strip(step, id, frame, pattern)]
        yield Lane("lane-scale", label(scale(id)), _STRIP + 4, parts, 12)


def _strip(step: Step, id: str, frame: Frame, pattern: str) -> Iterator[str]:
    place = frame.span(step.start, step.end)
    if place is None or step.closing:
        return
    open_, text = len(step.grades) > 1, grades_text(step.grades)
    left, width = place[0], max(place[1] - place[0], 1.0)
    said = title(f"{grade_words(step.grades, id)}, {_stretch(step, frame)}")
    drawn = el(
        "rect",
        x=left,
        y=1.0,
        width=width,
        height=_STRIP,
        fill=f"url(#{pattern})" if open_ else None,
        class_="hatch" if open_ else f"fill g{step.grades[0]}",
    )
    if width >= len(text) * _NUMERAL:
        drawn += words(left + width / 2, 12.5, text, f"small {_ink(step.grades)}", "middle")
    yield el("g", said + drawn, **when(step.start, step.end))


def moments_lane(moments: Sequence[tuple[datetime, str]], frame: Frame, below: float) -> Lane:
    """Return onset, peak and resolution, each with its date; a second and third line where they would touch.

    Each has a line down through the lane `below`, which is that high.
    """
    ends: list[float] = []
    dated: list[tuple[float, float, int, str]] = []
    for time, word in sorted(moments):
        if not frame.shows(time):
            continue
        x, text = frame.x(time), f"{word} {frame.said(time)}"
        wide = width_of(text) + 8
        start = max(frame.left, min(x + 4, frame.right - wide))
        row = next((place for place, end in enumerate(ends) if end < start), len(ends))
        ends[row : row + 1] = [start + wide]
        dated.append((x, start, row, text))
    height = len(ends) * 14 + 4.0
    parts = [
        el("line", x1=x, x2=x, y1=row * 14 + 3.0, y2=height + below, class_="moment")
        + words(start, row * 14 + 11.0, text, "moment-word")
        for x, start, row, text in dated
    ]
    return Lane("lane-moments", "", height, parts)
