"""The grades that a site reported, read: when each held, on which scale, and the grade."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

from tocsin.errors import UserError
from tocsin.knowledge.vocabulary import SCALES
from tocsin.records import zone_of
from tocsin.sources.reported import reported_lines
from tocsin.sources.settings import Settings
from tocsin.sources.times import TimeReader, time_reader

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = len("2026-01-31")


@dataclass(frozen=True, slots=True)
class Reported:
    """One grade that the site gave; what it did not say is None, an empty scale is the scale of record.

    `start` and `until` are the first and the last instant that find its episode. Without an end, `until` is the end of the
    first day, and the grade holds to the end of that episode.
    """

    source_id: str
    start: datetime | None
    until: datetime | None
    has_end: bool
    scale: str
    grade: int | None
    said: tuple[str, str]  # start and end as they were written

    @property
    def is_day(self) -> bool:
        """Whether the start is a date, without a clock time."""
        return len(self.said[0]) <= _DATE


def read_reported(file: Path, run: Mapping[str, Any]) -> list[Reported]:
    """Read a file of reported grades, in the zone of a run; a date is the whole day. Raises UserError naming line and column."""
    return list(_Reader(file, zone_of(run).key).rows())


class _Reader:
    """Reads the lines of one file."""

    def __init__(self, file: Path, zone: str) -> None:
        self._file = file
        self._first, self._last = (
            time_reader(Settings.from_overrides({"zone": zone, "date_only": place}))
            for place in ("start", "end")
        )

    def rows(self) -> Iterator[Reported]:
        """Yield the rows of the file."""
        for line, said in reported_lines(self._file):
            yield self._row(said, line)

    def _row(self, said: Mapping[str, str], line: int) -> Reported:
        if not said["subject_id"]:
            self._refuse(line, "subject_id", said, "name the subject")
        if said["scale"].lower() not in ("", *SCALES):
            self._refuse(
                line, "scale", said, f"write one of {', '.join(SCALES)}, or nothing for the scale of record"
            )
        if said["grade"] not in ("", *"012345"):
            self._refuse(line, "grade", said, "write a grade from 0 to 5, or nothing where none was given")
        start, until = self._span(said, line)
        return Reported(
            source_id=said["subject_id"],
            start=start,
            until=until,
            has_end=bool(said["end"]),
            scale=said["scale"].lower(),
            grade=int(said["grade"]) if said["grade"] else None,
            said=(said["start"], said["end"]),
        )

    def _span(self, said: Mapping[str, str], line: int) -> tuple[datetime | None, datetime | None]:
        """Return the first and the last instant that a row names."""
        if not said["start"]:
            return None, None
        start = self._time(line, "start", said, self._first)
        day = {**said, "start": said["start"][:_DATE]}
        until = (
            self._time(line, "end", said, self._last)
            if said["end"]
            else self._time(line, "start", day, self._last)
        )
        if until < start:
            self._refuse(line, "end", said, f"it lies before the start, {said['start']}")
        return start, until

    def _time(self, line: int, column: str, said: Mapping[str, str], read: TimeReader) -> datetime:
        micros, _ = read(said[column])
        if micros is None:
            self._refuse(line, column, said, "write a date or an ISO 8601 time")
        return _EPOCH + timedelta(microseconds=micros)

    def _refuse(self, line: int, column: str, said: Mapping[str, str], what: str) -> NoReturn:
        raise UserError(f"{self._file}, line {line}, column {column}: {said[column] or 'empty'}; {what}")
