"""Draws a course for a terminal: who and which therapy, the lanes on one axis of time, and the rows with their evidence."""

from collections.abc import Iterator
from datetime import datetime
from textwrap import wrap

from rich.text import Text

from tocsin.grading.words import label
from tocsin.knowledge.flags import flags
from tocsin.knowledge.scales import scale
from tocsin.report import lanes
from tocsin.report.build import views
from tocsin.report.canvas import Axis
from tocsin.report.course import Course, Evidence, Row, View
from tocsin.report.labels import clock, day_text, drug_name, grades_text, quantity, therapy_name
from tocsin.report.sentences import episode_sentence, moments_of

NOTE = "Tocsin is not a medical device: it supports trained people who can check the basis of each statement."
_LEGEND = "● fever  ▼ systolic low  ◆ mean low  ○▽◇ not so  ╱ undecided  ┈ nothing charted"
_RECALLED = "°"


def draw(course: Course, width: int) -> Iterator[Text]:
    """Yield a course with its rows, their reasons and evidence; no line is wider than `width`."""
    yield _who(course)
    if not course.episodes:
        yield Text("No episode: no fever that may be CRS inside a window after a therapy.")
    for view in views(course):
        yield from _view(course, view, width)
        yield Text()
        yield from _table(course, view, width)
    yield Text()
    yield from _notes(course, width)
    yield from _paragraph(NOTE, width, "", lanes.FAINT)


def draw_course(course: Course, width: int) -> Iterator[Text]:
    """Yield a course without its rows."""
    yield _who(course)
    for view in views(course):
        yield from _view(course, view, width)


def _view(course: Course, view: View, width: int) -> Iterator[Text]:
    yield Text()
    yield from _summary(course, view, width)
    yield Text()
    yield from picture(course, view, width)


def _who(course: Course) -> Text:
    """Return the line that says who this is."""
    number = "" if course.source_id == str(course.subject_id) else f" (subject_id {course.subject_id})"
    born = f", born {course.birth_date:%Y-%m-%d}" if course.birth_date else ", birth date unknown"
    return Text(
        f"Subject {course.source_id}{number}{born}{f', {course.sex}' if course.sex else ''}",
        style=lanes.STRONG,
    )


def _summary(course: Course, view: View, width: int) -> Iterator[Text]:
    """Yield the therapy and what became of each episode."""
    first = view.episodes[0]
    yield Text(f"Therapy: {therapy_name(first.cause, first.product)}, {_date(view.therapy_time)} = day 0")
    for episode in view.episodes:
        yield from _paragraph(episode_sentence(course, episode), width, "  ")


def _date(time: datetime) -> str:
    return f"{time.day} {time:%b %Y %H:%M} UTC"


def picture(course: Course, view: View, width: int) -> Iterator[Text]:
    """Yield the lanes of one view."""
    axis = Axis(view.start, view.end, width - lanes.LABEL)
    yield lanes.moments_lane(moments_of(view), axis)
    record = view.episodes[0].scale
    yield from lanes.grade_lane(label(scale(record)), course.steps[record], axis)
    for other in course.scales:
        if other != record:
            yield lanes.strip(label(scale(other)), course.steps[other], axis)
    yield Text()
    yield from lanes.temperature_lane(course.temperatures, axis, course.fever_threshold)
    yield from _present(
        lanes.state_lane("fever held", [(bar.start, bar.end) for bar in course.fever], axis),
        lanes.state_lane("fever waived", [(bar.start, bar.end) for bar in course.waived], axis),
    )
    yield Text()
    yield from lanes.pressure_lane(course.systolic, course.mean, axis)
    yield from _present(lanes.mark_lane(course.boluses, axis, "▼"))
    yield from _present(
        *(lanes.bar_lane(lane, axis) for lane in (*course.vasopressors, *course.oxygen, *course.attributions))
    )
    yield from _present(*(lanes.mark_lane(lane, axis, "▲") for lane in course.therapies))
    yield from _present(*(lanes.mark_lane(lane, axis, "■") for lane in (*course.treatments, *course.neuro)))
    yield lanes.day_line(view.therapy_time, axis)
    yield lanes.ruler(course.recorded, axis)
    yield lanes.clock_line(axis)
    yield Text(_LEGEND, style=lanes.FAINT)


def _present(*lines: Text | None) -> Iterator[Text]:
    yield from (line for line in lines if line is not None)


def _table(course: Course, view: View, width: int) -> Iterator[Text]:
    """Yield the rows of a view's episodes under a heading."""
    shown = tuple(dict.fromkeys([view.episodes[0].scale, *course.scales]))
    heads = [f"{label(scale(id))}{'*' if id == view.episodes[0].scale else ''}" for id in shown]
    yield Text(
        f"  {'time (UTC)':<14}{'day':<7}" + "".join(f"{head:<12}" for head in heads) + "driver",
        style=lanes.STRONG,
    )
    numbers = {episode.number for episode in view.episodes}
    for row in course.rows:
        if row.episode in numbers:
            yield from _row(row, shown, width)


def _row(row: Row, shown: tuple[str, ...], width: int) -> Iterator[Text]:
    """Yield one row: when and which grades, why, and on which records."""
    grades = [grades_text(row.sets[id]) + (_RECALLED if id in row.recalled else "") for id in shown]
    cells = "".join(f"{cell:<12}" for cell in grades)
    yield Text(f"  {clock(row.time):<14}{day_text(row.day):<7}{cells}{row.driver or ''}", style=lanes.STRONG)
    yield from _paragraph(row.why, width, "    ")
    if row.settled_by:
        yield from _paragraph(f"To settle it: {row.settled_by}", width, "    ")
    if row.flags:
        yield from _paragraph(f"Flags: {', '.join(row.flags)}", width, "    ")
    records = " · ".join(_record(one) for one in row.evidence)
    if records:
        yield from _paragraph(records, width, "    ", lanes.FAINT)


def _record(one: Evidence) -> str:
    """Return one piece of evidence with its event id."""
    value = (
        quantity(one.value, one.unit) if one.value is not None else drug_name(one.text or "rate not recorded")
    )
    until = f" to {clock(one.end).strip()}" if one.end else ""
    return f"#{one.event_id} {drug_name(one.signal)} {value}, {clock(one.time).strip()}{until}"


def _notes(course: Course, width: int) -> Iterator[Text]:
    """Yield what the signs mean and what every flag of the course means."""
    yield Text("* the scale of record. #: the event in events.parquet.", style=lanes.FAINT)
    recalled = [id for id in course.scales if any(id in row.recalled for row in course.rows)]
    if recalled:
        listed = ", ".join(f"`tocsin explain {id}`" for id in recalled)
        text = f"{_RECALLED} rests on a row of the scale that is recalled, not re-read: see {listed}."
        yield from _paragraph(text, width, "", lanes.FAINT)
    raised = {flag for row in course.rows for flag in row.flags} | {
        flag for one in course.episodes for flag in one.flags
    }
    for flag in sorted(raised):
        known = flags()[flag]
        yield from _paragraph(f"{flag}: {known.meaning} {known.do}", width, "")


def _paragraph(text: str, width: int, indent: str, style: str = "") -> Iterator[Text]:
    for line in wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False):
        yield Text(line, style=style)
