"""A picture made of characters: places for them, and the axis of time that says which column an instant has."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from rich.text import Text


class Canvas:
    """Rows of styled characters; what falls outside is cut off."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells = [[(" ", "")] * width for _ in range(height)]

    def put(self, row: int, column: int, text: str, style: str = "") -> None:
        """Write a text from a column on."""
        for place, char in enumerate(text, column):
            if 0 <= place < self.width:
                self._cells[row][place] = (char, style)

    def is_free(self, row: int, column: int, length: int) -> bool:
        """Return whether a text of this length would stand inside, on empty places."""
        inside = column >= 0 and column + length <= self.width
        return inside and all(char == " " for char, _ in self._cells[row][column : column + length])

    def char(self, row: int, column: int) -> str:
        """Return what stands at a place."""
        return self._cells[row][column][0]

    def lines(self) -> Iterator[Text]:
        """Yield the rows from the top."""
        for row in self._cells:
            line = Text()
            for style, run in groupby(row, key=lambda cell: cell[1]):
                line.append("".join(char for char, _ in run), style)
            yield line


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from left to right over a number of columns."""

    start: datetime
    end: datetime
    columns: int

    @property
    def per_column(self) -> timedelta:
        """The time that one column stands for."""
        return (self.end - self.start) / self.columns

    def shows(self, time: datetime) -> bool:
        """Return whether an instant is inside."""
        return self.start <= time < self.end

    def column(self, time: datetime) -> int:
        """Return the column of an instant, which may lie outside."""
        return (time - self.start) // self.per_column

    def span(self, start: datetime, end: datetime) -> range:
        """Return the columns of a stretch that is in sight, at least one for any part of it."""
        if end < self.start or start >= self.end:
            return range(0)
        first = max(self.column(start), 0)
        last = -((self.start - end) // self.per_column)
        return range(first, max(min(last, self.columns), first + 1))

    def ticks(self, origin: datetime, step: timedelta) -> Iterator[datetime]:
        """Yield the instants in sight that are whole steps away from an origin."""
        tick = origin + -((origin - self.start) // step) * step
        while tick < self.end:
            yield tick
            tick += step
