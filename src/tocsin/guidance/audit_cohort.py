"""A cohort as the audit reads it: episodes with their grades over time, and the events of some signals, by subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tocsin.episodes import EVIDENCE
from tocsin.knowledge.audits import signal_groups
from tocsin.knowledge.drugs import drugs
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.scales import grades_of
from tocsin.knowledge.signals import signals
from tocsin.records import scale_of_record, source_ids
from tocsin.results import Result
from tocsin.timeline.layout import HOUR

NONE: Final = np.iinfo(np.int64).min  # no time, no event
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOW: Final = np.array([min(grades_of(bits), default=0) for bits in range(64)], np.int8)
_HIGH: Final = np.array([max(grades_of(bits), default=0) for bits in range(64)], np.int8)


@dataclass(frozen=True, slots=True)
class Taken:
    """The events of a group in one stretch of one subject, in order of time. An end or a value that is missing is NONE or NaN."""

    time: NDArray[np.int64]
    end: NDArray[np.int64]
    value: NDArray[np.float64]
    event_id: NDArray[np.int64]
    word: Sequence[str | None] = ()

    def __len__(self) -> int:
        return len(self.time)

    def between(self, start: int, stop: int) -> "Taken":
        """Return the events from one instant to another, both of them inside."""
        first, end = np.searchsorted(self.time, [start, stop + 1])
        return self.cut(int(first), int(end))

    def cut(self, first: int, end: int) -> "Taken":
        """Return a run of the events."""
        part = slice(first, end)
        return Taken(self.time[part], self.end[part], self.value[part], self.event_id[part], self.word[part])

    def doses(self) -> "Taken":
        """Return one event for each instant, as records of one instant are one dose; a dose of nothing is none."""
        real = np.flatnonzero(self.value != 0)
        places = real[np.unique(self.time[real], return_index=True)[1]]
        words: list[str | None] = [self.word[place] for place in places] if self.word else []
        return Taken(self.time[places], self.end[places], self.value[places], self.event_id[places], words)


@dataclass(frozen=True)
class _Group:
    """The events of a group of signals, sorted by subject and time."""

    subject: NDArray[np.int64]
    taken: Taken

    def of(self, subject: int) -> Taken:
        first, end = np.searchsorted(self.subject, [subject, subject + 1])
        return self.taken.cut(int(first), int(end))


@dataclass(frozen=True)
class Episode:
    """One episode: its rows as times with the lowest and the highest grade of each on the scale of record.

    `over` is when the signs ended; `until` when the timeline closed it, or the last event where it goes on. Times are
    microseconds since 1970, UTC.
    """

    subject_id: int
    source_id: str
    number: int
    cause: str
    product: str | None
    scale: str
    therapy_time: int
    onset: int
    over: int
    until: int
    died: bool
    goes_on: bool
    time: NDArray[np.int64]
    low: NDArray[np.int8]
    high: NDArray[np.int8]
    evidence: NDArray[np.int64]  # a row per grade row: the events that it rests on, NONE for none

    def first_at(self, grade: int) -> int | None:
        """Return the place of the first row that certainly has at least a grade; a death is none."""
        places = np.flatnonzero(self.low >= grade)
        return int(places[0]) if len(places) else None

    def may_reach(self, grade: int) -> bool:
        """Return whether some row may have at least a grade."""
        return bool((self.high >= grade).any())

    def evidence_at(self, place: int) -> tuple[int, ...]:
        """Return the events that a row rests on."""
        return tuple(dict.fromkeys(int(one) for one in self.evidence[place] if one != NONE))


class Cohort:
    """The episodes of a result and the events around them; each table is gone through once."""

    def __init__(self, result: Result) -> None:
        self.run = result.run
        self.kept = result.run["parameters"]["events"] != "none"
        events = result.events
        self._subject, self._time = _whole(events, "subject_id"), _times(events, "time")
        self._events, self._signal = events, _signals(events)
        self._result = result

    @cached_property
    def groups(self) -> dict[str, _Group]:
        """The events of each group of signals, and the annotations."""
        found = {name: self._group(names) for name, names in signal_groups().items()}
        return {
            **found,
            "attribution": self._group(("attribution",)),
            "neutrophils": self._group(("neutrophils",)),
        }

    def of(self, group: str, subject: int) -> Taken:
        """Return the events of a group of one subject."""
        return self.groups[group].of(subject)

    def anywhere(self, group: str) -> bool:
        """Return whether any subject has an event of a group."""
        return len(self.groups[group].subject) > 0

    def charts_drugs(self, subject: int) -> bool:
        """Return whether drugs are charted for a subject, in a source that charts more than pumps."""
        return self._charts_doses and subject in self._with_drug

    @cached_property
    def _with_drug(self) -> set[int]:
        return set(np.unique(self._subject[self._is_one_of(_drug_signals())]).tolist())

    @cached_property
    def _charts_doses(self) -> bool:
        pumps = {row.id for row in drugs().values() if row.role in ("vasopressor", "inotrope")}
        return bool(self._is_one_of(tuple(set(_drug_signals()) - pumps)).any())

    @cached_property
    def last(self) -> dict[int, int]:
        """The time of the last event of each subject."""
        ends = self._subject[1:] != self._subject[:-1]
        places: list[int] = np.flatnonzero(np.append(ends, True))[: len(self._subject)].tolist()
        return {int(self._subject[place]): int(self._time[place]) for place in places}

    def episodes(self) -> list[Episode]:
        """Return the episodes in order of subject and time."""
        names = source_ids(self._result.subjects)
        rows = _Rows(self._result.grades)
        return [
            self._episode(line, names, rows) for line in self._result.episodes.select(_COLUMNS).to_pylist()
        ]

    def _episode(self, line: dict[str, Any], names: dict[int, str], rows: "_Rows") -> Episode:
        subject, scale = line["subject_id"], scale_of_record(self.run, line["cause"])
        own = rows.of(subject, line["episode"])
        states = own[~rows.closing[own]]
        last = int(rows.time[own[-1]])
        goes_on = line["ended"] is None
        until = max(last, self.last.get(subject, last)) if goes_on else last
        resolved = line["resolved_at"]
        bits = rows.sets(scale)[states]
        return Episode(
            subject_id=subject,
            source_id=names[subject],
            number=line["episode"],
            cause=line["cause"],
            product=line["product"],
            scale=scale,
            therapy_time=micros(line["therapy_time"]),
            onset=micros(line["onset"]),
            over=until if resolved is None else micros(resolved),
            until=until,
            died=line["ended"] == "death",
            goes_on=goes_on,
            time=rows.time[states],
            low=_LOW[bits],
            high=_HIGH[bits],
            evidence=rows.evidence[states],
        )

    def _is_one_of(self, names: Sequence[str]) -> NDArray[np.bool_]:
        codes, words = self._signal
        wanted = np.array([word in names for word in words] or [False], np.bool_)
        return wanted[codes] if len(codes) else np.zeros(0, np.bool_)

    def _group(self, names: Sequence[str]) -> _Group:
        places = np.flatnonzero(self._is_one_of(names))
        part = self._events.take(pa.array(places, pa.int64()))
        words = part["text_value"].to_pylist() if "attribution" in names else ()
        value: Any = part["numeric_value"].to_numpy()  # null as NaN
        taken = Taken(self._time[places], _times(part, "end"), value, _whole(part, "event_id"), words)
        return _Group(self._subject[places], taken)


class _Rows:
    """Grade rows as arrays, found by subject and episode."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.time = _times(table, "time")
        self.closing: NDArray[np.bool_] = table["closing"].to_numpy()
        self.evidence = np.stack([_whole(table, name) for name in EVIDENCE], axis=1)
        subject, episode = _whole(table, "subject_id"), _whole(table, "episode")
        changes = (subject[1:] != subject[:-1]) | (episode[1:] != episode[:-1])
        starts = np.append(0, np.flatnonzero(changes) + 1) if len(subject) else np.zeros(0, np.int64)
        ends = np.append(starts[1:], len(subject))
        self._places = {
            (int(subject[start]), int(episode[start])): (int(start), int(end))
            for start, end in zip(starts, ends, strict=False)
        }
        self._sets: dict[str, NDArray[np.uint8]] = {}

    def of(self, subject: int, episode: int) -> NDArray[np.int64]:
        """Return the places of the rows of an episode."""
        return np.arange(*self._places[subject, episode])

    def sets(self, scale: str) -> NDArray[np.uint8]:
        """Return the sets of grades on a scale."""
        if scale not in self._sets:
            self._sets[scale] = self._table[f"{scale}_set"].to_numpy()
        return self._sets[scale]


_COLUMNS: Final = [
    "subject_id", "episode", "cause", "product", "therapy_time", "onset", "resolved_at", "ended",
]  # fmt: skip


def micros(time: datetime) -> int:
    """Return an instant in microseconds since 1970."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def instant(time: int) -> datetime:
    """Return microseconds since 1970 as a time in UTC."""
    return _EPOCH + timedelta(microseconds=time)


def hours(start: int, end: int) -> float:
    """Return the hours from one instant to another."""
    return (end - start) / HOUR


def _drug_signals() -> tuple[str, ...]:
    """Return the signals of drugs, other than therapies and fluid."""
    return tuple(
        row.name
        for row in signals()
        if row.kind == "drug" and row.name not in therapy_signals() and row.name != "iv_fluid_bolus"
    )


def _signals(events: pa.Table) -> tuple[NDArray[np.int64], list[str]]:
    """Return the signal of each event as a number, and the words that the numbers stand for."""
    words: Any = events["signal"].cast(pa.string())
    encoded: Any = words.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _times(table: pa.Table, name: str) -> NDArray[np.int64]:
    return _filled(table[name].cast(pa.int64()))


def _whole(table: pa.Table, name: str) -> NDArray[np.int64]:
    return _filled(table[name].cast(pa.int64()))


def _filled(column: Any) -> NDArray[np.int64]:
    return pc.fill_null(column, NONE).to_numpy()
