"""Puts the lanes of a course together: four pictures on one axis of time, each a whole SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Final

from tocsin.errors import UserError
from tocsin.report.build import views
from tocsin.report.course import Course, View
from tocsin.report.labels import drug_name, figure
from tocsin.report.sentences import episode_sentence, moments_of
from tocsin.report.svg.axis import axis_lane, now_line, silences
from tocsin.report.svg.bars import bar_lanes, neuro_lanes, treatment_lanes
from tocsin.report.svg.grades import grade_lane, moments_lane, scale_lanes
from tocsin.report.svg.marks import WIDE, Frame, Lane, Layout, el
from tocsin.report.svg.plots import laboratory_lanes, pressure_lane, temperature_lane

PARTS: Final = ("grade", "scales", "lanes", "laboratory")
_EDGE: Final = timedelta(hours=6)
_NAMES: Final = {
    "grade": "Grade over time",
    "scales": "Other scales over time",
    "lanes": "Course",
    "laboratory": "Laboratory values over time",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn: a course over a stretch of time, and what stands beside the course.

    `at` is the moment that it is seen at, `next_tocilizumab` the earliest next dose, `set_aside` the times of readings that could
    not be used, each with the reason. `layout` is `WIDE`, or `NARROW` for a phone.
    """

    course: Course
    view: View
    at: datetime | None = None
    next_tocilizumab: datetime | None = None
    set_aside: Sequence[tuple[datetime, str]] = ()
    layout: Layout = WIDE

    @property
    def scale(self) -> str:
        """The scale of record of what is in sight."""
        return self.view.episodes[0].scale if self.view.episodes else self.course.scales[0]


def window_of(course: Course, start: datetime | None = None, end: datetime | None = None) -> View:
    """Return the stretch to draw: between two instants where given, else the last episodes, else the whole record.

    Raises UserError when the start does not lie before the end, or nothing is on record.
    """
    if not course.recorded:
        raise UserError("nothing is on record to draw")
    found = views(course)
    default = found[-1] if found else _whole(course)
    start, end = start or default.start, end or default.end
    if start >= end:
        raise UserError("from must lie before to")
    if (start, end) == (default.start, default.end):
        return default
    inside = tuple(one for one in course.episodes if one.onset <= end and one.last >= start)
    return View(start, end, inside[0].therapy_time if inside else default.therapy_time, inside)


def _whole(course: Course) -> View:
    """Return the whole record of a course without an episode, from the last therapy on."""
    given = [mark.time for lane in course.therapies for mark in lane.marks]
    therapy = max(given, default=course.recorded[0])
    return View(therapy - _EDGE, max(course.recorded[-1], therapy) + _EDGE, therapy, ())


def course_svg(picture: Picture, part: str = "lanes") -> str:
    """Return one part of a course as an SVG text; nothing where the part has nothing to show.

    The parts are `grade`, `scales` (the other scales), `lanes` (temperature to neurology, with the axis) and `laboratory`. Every
    text is escaped; there is no script and no style attribute. Elements carry `data-event`, steps of grades `data-evidence`.
    """
    view = picture.view
    frame = Frame(view.start, view.end, view.therapy_time, picture.layout)
    lanes = list(_lanes(picture, part, frame))
    if not lanes or (part != "grade" and all(lane.kind == "lane-axis" for lane in lanes)):
        return ""
    height, drawn = 0.0, list[str]()
    for lane in lanes:
        drawn.append(lane.at(height, frame.layout))
        height += lane.tall(frame.layout)
    behind = "".join(silences(picture.course.recorded, frame, height, part == "lanes")) + now_line(
        picture.at, frame, height
    )
    quiet = None if part == "grade" else "true"  # a table says the same; the steps of grades are links
    body = el("g", behind, aria_hidden="true") + el("g", "".join(drawn), aria_hidden=quiet)
    return _svg(part, height, _summary(picture, part), body, frame)


def _lanes(picture: Picture, part: str, frame: Frame) -> Iterator[Lane]:
    course = picture.course
    if part == "grade":
        band = grade_lane(course, picture.scale, frame, f"hatch-{part}", picture.at)
        seen = [(picture.at, "now")] if picture.at is not None else []
        yield from (moments_lane([*moments_of(picture.view), *seen], frame, band.height), band)
    elif part == "scales":
        others = [id for id in course.scales if id != picture.scale]
        yield from scale_lanes(course, others, frame, f"hatch-{part}", picture.at)
    elif part == "lanes":
        yield from _body(picture, frame)
        yield axis_lane(frame, picture.set_aside)
    elif part == "laboratory":
        yield from laboratory_lanes(course, frame)
    else:
        raise ValueError(f"part {part}: one of {', '.join(PARTS)}")


def _body(picture: Picture, frame: Frame) -> Iterator[Lane]:
    """Yield the lanes from temperature to neurology."""
    course = picture.course
    yield temperature_lane(course, frame)
    pressure = pressure_lane(course, frame)
    if pressure is not None:
        yield pressure
    yield from bar_lanes(course.vasopressors, frame, "vasopressor")
    yield from bar_lanes(course.oxygen, frame, "oxygen")
    yield from bar_lanes(course.attributions, frame, "attribution")
    yield from treatment_lanes(course.therapies, course.treatments, picture.next_tocilizumab, frame)
    yield from neuro_lanes(course.neuro, frame)


def _svg(part: str, height: float, summary: str, body: str, frame: Frame) -> str:
    """Return the document: named and described for whoever cannot see it."""
    name = f"course-{part}"
    hatch = el(
        "pattern",
        el("rect", width=7, height=7, class_="hatch-paper") + el("path", d="M0 0v7", class_="hatch-line"),
        id=f"hatch-{part}",
        width=7,
        height=7,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    head = f'<title id="{name}-title">{escape(_NAMES[part])}</title><desc id="{name}-desc">{escape(summary)}</desc>'
    return el(
        "svg",
        head + el("defs", hatch) + body,
        class_=f"course {name}",
        viewBox=f"0 0 {frame.layout.width:g} {height:g}",
        role="group" if part == "grade" else "img",
        aria_labelledby=f"{name}-title {name}-desc",
        data_start=int(frame.start.timestamp()),
        data_end=int(frame.end.timestamp()),
        data_left=frame.left,
        data_right=frame.right,
    )


def _summary(picture: Picture, part: str) -> str:
    """Return in words what a part shows."""
    course, view = picture.course, picture.view
    if part in ("grade", "scales"):
        said = [episode_sentence(course, one) for one in view.episodes]
        return " ".join(said) or "No episode of cytokine release syndrome in this stretch."
    if part == "laboratory":
        return "; ".join(
            _last(panel.name, panel.unit, panel.readings[-1].value) for panel in course.laboratory
        )
    return " ".join(_bedside(picture))


def _last(name: str, unit: str, value: float) -> str:
    return f"{name} last {figure(value)} {unit}"


def _bedside(picture: Picture) -> Iterator[str]:
    """Yield what the lanes show, in words."""
    course, view = picture.course, picture.view
    seen = [one for one in course.temperatures if view.start <= one.time <= view.end]
    if seen:
        fevers = sum(one.marked for one in seen)
        highest = figure(max(one.value for one in seen))
        yield f"{len(seen)} temperatures, {fevers} of them fever, the highest {highest} °C."
    low = [one.value for one in course.systolic if one.marked and view.start <= one.time <= view.end]
    if low:
        yield f"{len(low)} low systolic pressures, the lowest {figure(min(low))} mmHg."
    ran = [
        lane.name
        for lane in (*course.vasopressors, *course.oxygen)
        if any(bar.end >= view.start and bar.start <= view.end for bar in lane.bars)
    ]
    if ran:
        yield f"Support: {', '.join(ran)}."
    given = [
        lane.name
        for lane in course.treatments
        if any(view.start <= mark.time <= view.end for mark in lane.marks)
    ]
    if given:
        yield f"Given: {', '.join(map(drug_name, given))}."
