"""The pieces that every lane is drawn with: escaped elements, the axis of time as x, and lanes stacked on each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Final

from tocsin.report.labels import clock, day_text, days

NAME: Final = 2.0  # where the names of lanes begin
ROW: Final = 20.0  # the height of a lane of bars or marks
LETTER: Final = 6.1  # how wide a letter is at most places, in the small type of the picture
_ABOVE: Final = 13.0  # the line of a name that stands above


@dataclass(frozen=True, slots=True)
class Layout:
    """How wide a picture is, and where time begins and ends in it; names stand before their lanes, or `above` them."""

    width: float
    left: float
    right: float
    above: bool

    @property
    def axis(self) -> float:
        """Where the figures of an axis end."""
        return self.left - 8

    @property
    def name_height(self) -> float:
        """What a name adds to the height of its lane."""
        return _ABOVE if self.above else 0.0


WIDE: Final = Layout(1000.0, 132.0, 992.0, above=False)
NARROW: Final = Layout(340.0, 42.0, 334.0, above=True)  # a phone held upright, at the same size of type


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
    """The stretch of time that is drawn, and where; day 0 is `therapy`."""

    start: datetime
    end: datetime
    therapy: datetime
    layout: Layout = WIDE

    @property
    def left(self) -> float:
        """Where time begins."""
        return self.layout.left

    @property
    def right(self) -> float:
        """Where time ends."""
        return self.layout.right

    def x(self, time: datetime) -> float:
        """Return the place of an instant, which may lie outside."""
        return self.left + (time - self.start) / (self.end - self.start) * (self.right - self.left)

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

    def at(self, y: float, layout: Layout) -> str:
        """Return the lane moved to its place."""
        body = "".join(self.parts)
        if self.name and layout.above:
            body = words(NAME, 10.0, self.name, "lane-name") + el(
                "g", body, transform=f"translate(0 {_ABOVE:g})"
            )
        elif self.name:
            body = words(NAME, self.name_y, self.name, "lane-name") + body
        return el("g", body, class_=f"lane {self.kind}", transform=f"translate(0 {y:g})")

    def tall(self, layout: Layout) -> float:
        """Return the height with the name."""
        return self.height + (layout.name_height if self.name else 0.0)


def when(start: datetime, end: datetime | None = None) -> dict[str, int]:
    """Return the attributes that tell a script when an element holds, in seconds."""
    said = {"data_from": int(start.timestamp())}
    return said if end is None else {**said, "data_to": int(end.timestamp())}
