"""The pieces that every lane is drawn with: escaped elements, the axis of time as x, and lanes stacked on each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Final

from tocsin.report.labels import clock, day_text, days

WIDTH: Final = 1000.0
LEFT: Final = 132.0  # where time begins; the names of the lanes stand before it
RIGHT: Final = 992.0
NAME: Final = 2.0  # where the names begin; the figures of an axis end at AXIS
AXIS: Final = LEFT - 8
ROW: Final = 20.0  # the height of a lane of bars or marks
LETTER: Final = 6.1  # how wide a letter is at most places, in the small type of the picture


def el(name: str, content: str = "", **attributes: object) -> str:
    """Return an element; attributes are escaped, the content is not. `class_` is `class`, `_` is `-`, None is left out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{said}>{content}</{name}>" if content else f"<{name}{said}/>"


def _plain(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def words(x: float, y: float, text: str, class_: str = "word", anchor: str | None = None) -> str:
    """Return a text."""
    return el("text", escape(text), x=x, y=y, class_=class_, text_anchor=anchor)


def title(text: str) -> str:
    """Return what a pointer over the element says."""
    return f"<title>{escape(text)}</title>"


def width_of(text: str) -> float:
    """Return about how wide a text is."""
    return len(text) * LETTER


@dataclass(frozen=True, slots=True)
class Frame:
    """The stretch of time that is drawn; day 0 is `therapy`."""

    start: datetime
    end: datetime
    therapy: datetime

    def x(self, time: datetime) -> float:
        """Return the place of an instant, which may lie outside."""
        return LEFT + (time - self.start) / (self.end - self.start) * (RIGHT - LEFT)

    def shows(self, time: datetime) -> bool:
        """Return whether an instant is inside."""
        return self.start <= time <= self.end

    def span(self, start: datetime, end: datetime) -> tuple[float, float] | None:
        """Return the places of a stretch, cut at the edges; None where nothing of it is in sight."""
        if end < self.start or start > self.end:
            return None
        return self.x(max(start, self.start)), self.x(min(end, self.end))

    def said(self, time: datetime) -> str:
        """Return an instant as date, clock and day: `12 Feb 14:05, day +1.3`."""
        return f"{clock(time).strip()}, day {day_text(days(time, self.therapy))}"

    def ticks(self, origin: datetime, step: timedelta) -> Iterable[datetime]:
        """Yield the instants in sight that are whole steps away from an origin."""
        tick = origin - (origin - self.start) // step * step
        while tick <= self.end:
            yield tick
            tick += step


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane: its name, its height, and what is drawn in it; y runs down from its own top."""

    kind: str
    name: str
    height: float
    parts: Sequence[str] = field(default=())
    name_y: float = 14.0

    def at(self, y: float) -> str:
        """Return the lane moved to its place."""
        name = words(NAME, self.name_y, self.name, "lane-name") if self.name else ""
        return el(
            "g", name + "".join(self.parts), class_=f"lane {self.kind}", transform=f"translate(0 {y:g})"
        )


def when(start: datetime, end: datetime | None = None) -> dict[str, int]:
    """Return the attributes that tell a script when an element holds, in seconds."""
    said = {"data_from": int(start.timestamp())}
    return said if end is None else {**said, "data_to": int(end.timestamp())}
