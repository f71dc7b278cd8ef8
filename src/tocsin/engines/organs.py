"""Organ toxicity: grades laboratory values by CTCAE and joins them to the scales that weigh organs, when limits are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tocsin.engines.stream import Events
from tocsin.grading.laboratory import laboratory_grade
from tocsin.grading.sets import ZERO, worse_of
from tocsin.knowledge.laboratory import Limits, Term, terms
from tocsin.knowledge.scales import scales
from tocsin.knowledge.signals import signal_ids
from tocsin.knowledge.timeline import Timeline as Numbers
from tocsin.timeline.layout import DRIVEN_BY_DEATH, F_ORGAN, HOUR

DEATH = 1 << 5
Rows: TypeAlias = NDArray[Any]


@dataclass
class _Subject:
    """The laboratory values of one subject, by signal, in order of time; and the time of its last event of any kind."""

    values: dict[str, list[tuple[int, float]]] = field(default_factory=dict[str, list[tuple[int, float]]])
    last: int = 0


class OrganToxicity:
    """Keeps the laboratory values of a stream, and joins their grades to the rows of the episodes.

    A value stands until the next one of its kind, or for the organ hold. A value no worse than the last one before the therapy
    counts as none: it was there before.
    """

    def __init__(self, limits: Mapping[str, Limits], numbers: Numbers) -> None:
        self._limits = limits
        self._terms = {term.signal: term for term in terms() if term.signal in limits}
        self._names = {signal_ids()[name]: name for name in self._terms}
        self._hold, self._version = round(numbers.organ_hold_h * HOUR), round(numbers.organ_ctcae)
        self._subjects: dict[int, _Subject] = {}

    def take(self, events: Events) -> None:
        """Note the laboratory values among sorted events, and when each subject's last event was."""
        batch = events.batch
        ends = np.flatnonzero(np.append(np.diff(batch.subject_id) != 0, True))
        for place in ends.tolist():
            self._of(int(batch.subject_id[place])).last = int(batch.time[place])
        for place in np.flatnonzero(np.isin(batch.signal, list(self._names))).tolist():
            values = self._of(int(batch.subject_id[place])).values
            name = self._names[int(batch.signal[place])]
            values.setdefault(name, []).append((int(batch.time[place]), float(batch.value[place])))

    def _of(self, subject: int) -> _Subject:
        return self._subjects.setdefault(subject, _Subject())

    def join(self, rows: Rows, episodes: Rows) -> tuple[Rows, Rows, NDArray[np.bool_]]:
        """Return rows and episodes with the organs' grades in their sets, and which episodes have an organ assessed.

        A change of an organ's grade makes a row of its own, like any other change of state.
        """
        found: list[Rows] = []
        changed = episodes.copy()
        assessed = np.zeros(len(episodes), np.bool_)
        places = {(int(e["subject_id"]), int(e["episode"])): place for place, e in enumerate(episodes)}
        for part in _by_episode(rows):
            place = places[int(part[0]["subject_id"]), int(part[0]["episode"])]
            courses = self._courses(part, int(episodes[place]["therapy_time"]))
            assessed[place] = bool(courses)
            joined = _join(part, courses) if courses else part
            _peaks(joined, changed[place : place + 1])
            found.append(joined)
        return (np.concatenate(found) if found else rows), changed, assessed

    def _courses(self, part: Rows, therapy: int) -> list["_Course"]:
        """Return the course of each laboratory value that says something of an episode."""
        subject = self._subjects.get(int(part[0]["subject_id"]), _Subject())
        onset, last = int(part[0]["time"]), max(int(part[-1]["time"]), subject.last)
        end = int(part[-1]["time"]) if part[-1]["closing"] else last + 1
        found: list[_Course] = []
        for name, values in subject.values.items():
            baseline = next((value for time, value in reversed(values) if time < therapy), None)
            stays = [
                stay
                for stay in self._stays(name, values, baseline, last)
                if stay.start < end and stay.end > onset
            ]
            if stays:
                found.append(_Course(self._terms[name].group, stays, end))
        return found

    def _stays(
        self, name: str, values: Sequence[tuple[int, float]], baseline: float | None, last: int
    ) -> list["_Stay"]:
        """Return how long each value stands and the CTCAE grades it may have; of one instant the worst value stands."""
        term = self._terms[name]
        worst: dict[int, float] = {}
        for time, value in values:
            worst[time] = (min if term.falls else max)(worst.get(time, value), value)
        times = sorted(worst)
        stays: list[_Stay] = []
        for place, time in enumerate(times):
            following = times[place + 1] if place + 1 < len(times) else last + 1
            stays.append(
                _Stay(time, min(following, time + self._hold), self._grades(term, worst[time], baseline))
            )
        return stays

    def _grades(self, term: Term, value: float, baseline: float | None) -> int:
        no_worse = baseline is not None and (value >= baseline if term.falls else value <= baseline)
        if no_worse:
            return ZERO
        return laboratory_grade(term, self._version, value, self._limits.get(term.signal), baseline)


@dataclass(frozen=True)
class _Stay:
    """One value's time and the CTCAE grades (bits) that it may have."""

    start: int
    end: int
    grades: int


@dataclass(frozen=True)
class _Course:
    """The stays of one laboratory value that reach into an episode, and when the episode ends."""

    group: str
    stays: list[_Stay]
    end: int

    def at(self, time: int) -> int:
        """Return the CTCAE grades at a time; {0} when no value stands."""
        return next((stay.grades for stay in self.stays if stay.start <= time < stay.end), ZERO)

    def changes(self) -> set[int]:
        """Return when it may change."""
        return {time for stay in self.stays for time in (stay.start, stay.end) if time < self.end}


def _by_episode(rows: Rows) -> list[Rows]:
    """Return the rows of each episode; they stand together and in order of time."""
    if not len(rows):
        return []
    keys = np.stack([rows["subject_id"], rows["episode"]], axis=1)
    return np.split(rows, np.flatnonzero((np.diff(keys, axis=0) != 0).any(axis=1)) + 1)


def _join(part: Rows, courses: Sequence[_Course]) -> Rows:
    """Return the rows of one episode with the organs joined: one more for each change of an organ between two rows."""
    onset = int(part[0]["time"])
    times = {int(row["time"]): row for row in part}  # of two rows of one instant the later stands
    own = sorted(times)
    asked = sorted(set(own) | {time for course in courses for time in course.changes() if time > onset})
    found: list[Any] = []
    before: bytes | None = None
    for time in asked:
        base = times[own[int(np.searchsorted(own, time, side="right")) - 1]]
        row = base.copy()
        row["time"] = time
        _raise(row, courses, time)
        said = row["sets"].tobytes() + row["flag_bits"].tobytes()
        if time in times or said != before:
            found.append(row)
            before = said
    return np.array(found, part.dtype)


def _raise(row: Any, courses: Sequence[_Course], time: int) -> None:
    """Join the organs' grades at a time to a row's sets; a closing row and a death attributed stay as they are."""
    if row["closing"] and row["driver"] != DRIVEN_BY_DEATH:
        return
    for scale in scales():
        organs = ZERO
        for course in courses:
            organs = worse_of(organs, scale.organ_grades(course.group, course.at(time)))
        bits = int(row["sets"][scale.code])
        living = bits & ~DEATH
        if organs == ZERO or (bits in (DEATH, ZERO) and row["closing"]):
            continue
        raised = worse_of(living, organs) | (bits & DEATH)
        if raised != bits:
            row["sets"][scale.code] = raised
            row["flag_bits"] |= F_ORGAN


def _peaks(rows: Rows, episode: Rows) -> None:
    """Write the peaks of an episode anew from its rows."""
    sets = rows["sets"]
    members = (sets[:, :, None] >> np.arange(6, dtype=np.uint8)) & 1
    smallest = members.argmax(axis=2)
    largest = 5 - members[:, :, ::-1].argmax(axis=2)
    episode["peak_low"][0] = smallest.max(axis=0)
    episode["peak_high"][0] = largest.max(axis=0)
    episode["peak_time"][0] = rows["time"][largest.argmax(axis=0)]
    episode["flag_bits"] |= np.bitwise_or.reduce(rows["flag_bits"])
