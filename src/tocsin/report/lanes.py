"""The lanes of a course in block characters: steps of grades, points, bars and marks on one axis of time."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import floor

from rich.text import Text

from tocsin.report.canvas import Axis, Canvas
from tocsin.report.course import BarLane, Grades, MarkLane, Reading, Step
from tocsin.report.labels import figure, grades_text

LABEL = 19  # columns left of the picture, for the names of the lanes
FULL, HATCH = "█", "╱"
# One ramp of one hue, palest first: order and height say the same, and the numeral always stands beside it.
RAMP = ("#8a8f98", "#b9d3ea", "#8ab8dd", "#5696c8", "#2f74ad", "#1c568a")
FAINT, STRONG = "dim", "bold"
GAP = timedelta(hours=12)  # a silence of the record that is longer is shown
_GRIDS = (5, 10, 15, 20, 25, 30, 40, 50)
_ROWS_OF_PRESSURE = 6
_NUMBER = 3  # characters of what is written in place of a mark: a dose's number, a score, a set of grades

Series = tuple[Sequence[Reading], str, str]  # readings, the sign of a marked one, the sign of another


def labelled(name: str, line: Text, style: str = "") -> Text:
    """Return a line of the picture with the lane's name before it."""
    text = Text(f"{name[: LABEL - 1]:<{LABEL}}", style=style)
    text.append_text(line)
    text.rstrip()
    return text


def shown_steps(steps: Sequence[Step], axis: Axis) -> list[tuple[range, Grades]]:
    """Return the columns of each set of grades; where several share a column the worst is shown."""
    columns: dict[int, Grades] = {}
    for step in steps:
        for column in axis.span(step.start, step.end) if not step.closing else ():
            columns[column] = max(columns.get(column, ()), step.grades, key=lambda grades: grades[::-1])
    runs: list[tuple[range, Grades]] = []
    for column, grades in sorted(columns.items()):
        if runs and runs[-1][1] == grades and runs[-1][0].stop == column:
            runs[-1] = (range(runs[-1][0].start, column + 1), grades)
        else:
            runs.append((range(column, column + 1), grades))
    return runs


def grade_lane(name: str, steps: Sequence[Step], axis: Axis) -> Iterator[Text]:
    """Yield the band of the scale of record: as high as the grade, hatched where it is undecided."""
    in_sight = [step for step in steps if axis.span(step.start, step.end)]
    top = max([step.grades[-1] for step in in_sight], default=1)
    canvas = Canvas(axis.columns, top)
    for columns, grades in shown_steps(in_sight, axis):
        _band(canvas, columns, grades)
    for step in in_sight:
        if step.closing:
            _closing(canvas, _after(axis, step.start), step.grades)
    for place, line in enumerate(canvas.lines()):
        grade = top - place
        yield labelled(f"{name if grade == top else '':<{LABEL - 3}}{grade}", line)


def _band(canvas: Canvas, columns: range, grades: Grades) -> None:
    """Draw a step: full up to the lowest grade that it may be, hatched up to the highest, written on top."""
    top = canvas.height
    for grade in range(1, grades[-1] + 1):
        sign = FULL if grade <= grades[0] else HATCH
        canvas.put(top - grade, columns.start, sign * len(columns), RAMP[grades[-1]])
    text = grades_text(grades)
    if len(text) <= len(columns) and grades[-1]:
        ink = (
            f"bold {'#ffffff' if grades[-1] > 3 else '#102030'} on {RAMP[grades[-1]]}"
            if len(grades) == 1
            else STRONG
        )
        canvas.put(top - grades[-1], columns.start + (len(columns) - len(text)) // 2, text, ink)


def _after(axis: Axis, time: datetime) -> int:
    """Return the first column after a stretch that ends at an instant."""
    return axis.span(axis.start, time).stop if time > axis.start else 0


def _closing(canvas: Canvas, column: int, grades: Grades) -> None:
    """Draw the end of an episode: its 0, or the sign of death."""
    top = canvas.height
    text = grades_text(grades)
    if grades[-1] == 0:
        canvas.put(top - 1, column, text, STRONG)
        return
    for grade in range(1, grades[-1] + 1):
        canvas.put(top - grade, column, FULL if grade <= grades[0] else HATCH, RAMP[grades[-1]])
    canvas.put(top - grades[-1], column, f"† {text}", STRONG)


def strip(name: str, steps: Sequence[Step], axis: Axis) -> Text:
    """Return another scale as one thin line: each set of grades written where it begins."""
    canvas = Canvas(axis.columns, 1)
    for columns, grades in shown_steps(steps, axis):
        text = grades_text(grades)
        fill = "─" if len(grades) == 1 else HATCH
        canvas.put(0, columns.start, (text if len(text) < len(columns) else "").ljust(len(columns), fill))
    for step in steps:
        if step.closing and axis.shows(step.start):
            canvas.put(
                0, _after(axis, step.start), ("† " if step.grades[-1] else "") + grades_text(step.grades)
            )
    return labelled(name, next(canvas.lines()), FAINT)


def temperature_lane(readings: Sequence[Reading], axis: Axis, threshold: float) -> Iterator[Text]:
    """Yield the temperatures with the line of fever."""
    seen = [reading.value for reading in readings if axis.shows(reading.time)]
    low, high = min([*seen, threshold - 1]), max([*seen, threshold + 1])
    yield from _plot("temp °C", [(readings, "●", "○")], axis, (low, high, 0.5), threshold)


def pressure_lane(systolic: Sequence[Reading], mean: Sequence[Reading], axis: Axis) -> Iterator[Text]:
    """Yield systolic and mean pressure."""
    seen = [reading.value for reading in (*systolic, *mean) if axis.shows(reading.time)]
    if seen:
        spread = max(seen) - min(seen)
        grid = next((grid for grid in _GRIDS if spread / grid <= _ROWS_OF_PRESSURE), _GRIDS[-1])
        series = [(mean, "◆", "◇"), (systolic, "▼", "▽")]
        yield from _plot("BP mmHg", series, axis, (min(seen), max(seen), grid), None)


def _nearest(value: float) -> int:
    return floor(value + 0.5)


def _plot(
    name: str, series: Sequence[Series], axis: Axis, extent: tuple[float, float, float], line: float | None
) -> Iterator[Text]:
    """Yield a chart of points; in a place that two share the marked one is shown."""
    low, high, grid = extent
    bottom, rows = _nearest(low / grid) * grid, _nearest(high / grid) - _nearest(low / grid) + 1
    canvas = Canvas(axis.columns, rows)

    def place(value: float) -> int:
        return rows - 1 - _nearest((value - bottom) / grid)

    if line is not None:
        canvas.put(place(line), 0, "┄" * axis.columns, FAINT)
    for readings, marked, other in series:
        for reading in sorted(readings, key=lambda reading: reading.marked):
            if axis.shows(reading.time):
                sign, style = (marked, STRONG) if reading.marked else (other, "")
                canvas.put(place(reading.value), axis.column(reading.time), sign, style)
    for row, text in enumerate(canvas.lines()):
        value = bottom + (rows - 1 - row) * grid
        shown = f"{value:.1f}" if value == line else figure(value) if value == floor(value) else ""
        yield labelled(f"{name if row == 0 else '':<{LABEL - 6}}"[: LABEL - 6] + f"{shown:>5}", text)


def bar_lane(lane: BarLane, axis: Axis, style: str = "") -> Text | None:
    """Return what ran as bars, each with the longest label that it has room for; None if nothing is in sight."""
    spans = [(axis.span(bar.start, bar.end), bar.labels) for bar in lane.bars]
    in_sight = [(columns, labels) for columns, labels in spans if columns]
    if not in_sight:
        return None
    canvas = Canvas(axis.columns, 1)
    starts = [columns.start for columns, _ in in_sight[1:]] + [axis.columns]
    for (columns, labels), following in zip(in_sight, starts, strict=True):
        length = max(min(columns.stop, following) - columns.start, 1)
        label = next((label for label in labels if len(label) < length), "")
        canvas.put(0, columns.start, ("┣" + label).ljust(length, "━"), style)
    return labelled(lane.name, next(canvas.lines()))


def state_lane(name: str, spans: Sequence[tuple[datetime, datetime]], axis: Axis) -> Text | None:
    """Return when a state held, as a faint bar."""
    canvas = Canvas(axis.columns, 1)
    for start, end in spans:
        columns = axis.span(start, end)
        canvas.put(0, columns.start, "─" * len(columns), FAINT)
    line = next(canvas.lines())
    return labelled(name, line, FAINT) if line.plain.strip() else None


def mark_lane(lane: MarkLane, axis: Axis, sign: str) -> Text | None:
    """Return what was given or said as marks; a number stands in place of the sign, an amount beside it."""
    canvas = Canvas(axis.columns, 1)
    in_sight = [(axis.column(mark.time), mark.label) for mark in lane.marks if axis.shows(mark.time)]
    for column, text in in_sight:
        number = 0 < len(text) <= _NUMBER and canvas.is_free(0, column, len(text))
        canvas.put(0, column, text if number else sign, STRONG)
    for column, text in in_sight:
        if len(text) > _NUMBER and canvas.is_free(0, column + 1, len(text) + 1):
            canvas.put(0, column + 1, text)
    return labelled(lane.name, next(canvas.lines())) if in_sight else None


def moments_lane(moments: Sequence[tuple[datetime, str]], axis: Axis) -> Text:
    """Return a line that dates what matters: a pointer at each moment, its word beside it where there is room."""
    canvas = Canvas(axis.columns, 1)
    in_sight = [(axis.column(time), word) for time, word in moments if axis.shows(time)]
    for column, _ in in_sight:
        canvas.put(0, column, "▾", STRONG)
    for column, word in in_sight:
        for start in (column + 1, column - len(word)):
            if canvas.is_free(0, start, len(word)) and _apart(canvas, start, len(word)):
                canvas.put(0, start, word)
                break
    return labelled("", next(canvas.lines()))


def _apart(canvas: Canvas, start: int, length: int) -> bool:
    """Return whether no other word would touch a word at this place."""
    return all(
        not canvas.char(0, place).isalpha()
        for place in (start - 1, start + length)
        if 0 <= place < canvas.width
    )


def ruler(recorded: Sequence[datetime], axis: Axis) -> Text:
    """Return the axis itself: broken where the record is silent, absent where there is none."""
    canvas = Canvas(axis.columns, 1)
    for before, after in pairwise(recorded):
        columns = axis.span(before, after)
        silent = after - before > GAP
        canvas.put(0, columns.start, ("┈" if silent else "─") * len(columns), FAINT)
        note = " nothing charted "
        if silent and len(columns) > len(note) + 4:
            canvas.put(0, columns.start + (len(columns) - len(note)) // 2, note, FAINT)
    return labelled("", next(canvas.lines()))


def _tick(canvas: Canvas, column: int, text: str) -> None:
    """Write a tick of the axis, its words only where they fit."""
    canvas.put(0, column, text if canvas.is_free(0, column, len(text)) else text[0])


def day_line(therapy: datetime, axis: Axis) -> Text:
    """Return the days since the therapy."""
    canvas = Canvas(axis.columns, 1)
    for step in (1, 2, 5, 10, 20):
        ticks = list(axis.ticks(therapy, timedelta(days=step)))
        if len(ticks) * 7 <= axis.columns:
            break
    for tick in ticks:
        _tick(canvas, axis.column(tick), f"│{round((tick - therapy) / timedelta(days=1)):+d}")
    return labelled("day", next(canvas.lines()), FAINT)


def clock_line(axis: Axis) -> Text:
    """Return dates and hours, in UTC."""
    canvas = Canvas(axis.columns, 1)
    midnight = axis.start.replace(hour=0, minute=0, second=0, microsecond=0)
    for hours in (1, 3, 6, 12, 24, 48, 120, 240):
        ticks = list(axis.ticks(midnight, timedelta(hours=hours)))
        if len(ticks) * 9 <= axis.columns:
            break
    for tick in ticks:
        _tick(canvas, axis.column(tick), f"│{tick:%H:%M}" if tick.hour else f"│{tick.day} {tick:%b}")
    return labelled("clock (UTC)", next(canvas.lines()), FAINT)
